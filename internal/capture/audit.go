package capture

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"html"
	"io"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/neureaux/cloudmock/internal/body"
	"github.com/neureaux/cloudmock/pkg/entry"
)

// A Finding is a place in a recording that looks like a secret. It does not say
// what stands there.
type Finding struct {
	Input string // name of the input, and
	Line  int    // line in it
	Entry string // id of the entry
	Where string // such as response_body.Credentials.SecretAccessKey
	Rule  string // such as aws-secret-access-key
}

// String is the finding as one line of text.
func (f Finding) String() string {
	return fmt.Sprintf("%s:%d: entry %s: %s: %s", f.Input, f.Line, f.Entry, f.Where, f.Rule)
}

// Audit searches a recording for what looks like a secret, also behind base64,
// hexadecimal, URL encoding and compression, and reports each finding. Its rules
// are others than the redactor's, so that what the one forgets the other may
// find; all they share is that both know a pseudonym. It reads until io.EOF and
// returns any other error of the source.
func Audit(src interface{ Next() (*entry.Line, error) }, report func(Finding)) error {
	var a auditor
	for {
		l, err := src.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		a.seen = map[Finding]bool{}
		a.entry(l, report)
	}
}

type auditor struct {
	tree body.Tree
	seen map[Finding]bool
}

// auditedTexts are the fields that hold text.
var auditedTexts = []entry.Field{entry.FieldPath, entry.FieldQuery, entry.FieldHost, entry.FieldError, entry.FieldID}

func (a *auditor) entry(l *entry.Line, report func(Finding)) {
	found := func(where, rule string) {
		f := Finding{Input: l.Name, Line: l.Number, Entry: printable(l.Text(entry.FieldID)), Where: printable(where), Rule: rule}
		if !a.seen[f] {
			a.seen[f] = true
			report(f)
		}
	}
	a.object(&l.Object, "", found)
	if l.Has(entry.FieldReplay) {
		var replay entry.Object
		if err := l.Replay(&replay); err == nil {
			a.object(&replay, "replay.", found)
		}
	}
	// Fields that nobody knows.
	var rest entry.Object
	if err := rest.Parse(bytes.Clone(l.Raw())); err == nil {
		for _, f := range [...]entry.Field{entry.FieldRequestHeaders, entry.FieldRequestBody, entry.FieldResponseHeaders, entry.FieldResponseBody,
			entry.FieldReplay, entry.FieldPath, entry.FieldQuery} {
			rest.Delete(f)
		}
		a.text(string(rest.Raw()), "the line", 2, found)
	}
}

func (a *auditor) object(o *entry.Object, prefix string, found func(where, rule string)) {
	for _, f := range auditedTexts {
		a.text(o.Text(f), prefix+f.String(), 0, found)
	}
	for query := range strings.SplitSeq(o.Text(entry.FieldQuery), "&") {
		name, value, _ := strings.Cut(query, "=")
		if v, err := url.QueryUnescape(value); err == nil && !strings.HasPrefix(strings.ToLower(name), "x-amz-") {
			a.named(name, v, prefix+"query."+name, found)
		}
	}
	for _, f := range []entry.Field{entry.FieldRequestHeaders, entry.FieldResponseHeaders} {
		h, err := o.Headers(f)
		if err != nil {
			found(prefix+f.String(), "unreadable")
			continue
		}
		for _, field := range h {
			a.header(field, prefix+f.String()+"."+field.Name, found)
		}
	}
	for _, f := range []struct{ body, headers entry.Field }{
		{entry.FieldRequestBody, entry.FieldRequestHeaders}, {entry.FieldResponseBody, entry.FieldResponseHeaders},
	} {
		b, err := o.Body(f.body)
		if err != nil {
			found(prefix+f.body.String(), "unreadable")
			continue
		}
		h, _ := o.Headers(f.headers) // reported above
		a.body(b.Data, h, prefix+f.body.String(), found)
	}
}

func (a *auditor) body(data []byte, h entry.Header, where string, found func(where, rule string)) {
	if plain, codings, ok := decode(data, h.Get("Content-Encoding"), chunked(h)); ok && len(codings) > 0 {
		data = plain
	}
	if len(data) == 0 {
		return
	}
	if data[0] == 0xff || data[0] == 0xfe {
		a.text(fromUTF16(data), where, 1, found)
	}
	// The whole text, for what spans values; then the values one by one.
	reported := map[string]bool{}
	err := a.tree.Parse(data, body.Options{ContentType: h.Get("Content-Type"), Nested: true, Base64: true})
	if err == nil {
		for n := range a.tree.Scalars {
			path := func() string { return where + strings.TrimPrefix(string(a.tree.AppendPath(nil, n)), "$") }
			note := func(_, rule string) {
				reported[rule] = true
				found(path(), rule)
			}
			value := string(a.tree.Text(n))
			a.text(value, "", 0, note)
			a.text(string(a.tree.Key(n)), "", 0, note)
			if a.tree.Kind(n) == body.String || a.tree.Kind(n) == body.Number || a.tree.Kind(n) == body.Binary {
				a.named(string(a.tree.Key(n)), value, "", note)
			}
		}
		switch a.tree.Format() {
		case body.CBOR, body.Form, body.EventStream:
			return // its values have been seen; in between is nothing that can be read
		}
	}
	a.text(string(data), where, 0, func(where, rule string) {
		if !reported[rule] {
			found(where, rule)
		}
	})
}

var credentialHeader = lazily(`(?i)^(proxy-)?authorization$|cookie|security-token|session-?token|sso_bearer_token|api-?key$|-mfa$|customer-key$|password|secret`)

func (a *auditor) header(f entry.HeaderField, where string, found func(where, rule string)) {
	switch strings.ToLower(f.Name) {
	case "x-forwarded-for", "x-real-ip", "forwarded":
		if !harmless(f.Value) {
			found(where, "client-address")
		}
		return
	}
	if credentialHeader().MatchString(f.Name) {
		value := f.Value
		if m := sigV4Header().FindStringSubmatch(value); m != nil {
			if !harmless(m[1]) || !harmless(m[2]) {
				found(where, "aws-signature")
			}
			return
		}
		if m := sigV2Header().FindStringSubmatch(value); m != nil {
			if !harmless(m[1]) || !harmless(m[2]) {
				found(where, "aws-signature")
			}
			return
		}
		if scheme, rest, ok := strings.Cut(value, " "); ok && strings.EqualFold(f.Name, "Authorization") && len(scheme) < 20 {
			value = rest
		}
		if !harmless(value) {
			found(where, "credential-header")
		}
		return
	}
	a.text(f.Value, where, 0, found)
}

var (
	sigV4Header = lazily(`^AWS4-[A-Z0-9-]+ .*?Credential=([^/,]*).*Signature=([^,\s]*)`)
	sigV2Header = lazily(`^AWS ([^:]*):(.*)$`)
)

// named applies the rule that the value of a member called "password" is one.
func (a *auditor) named(name, value, where string, found func(where, rule string)) {
	if strings.EqualFold(name, "auth") && !harmless(value) && hasColon([]string{"", value}) {
		found(where, "docker-password")
	}
	if len(name) <= 64 && len(value) >= 4 && secretMember().MatchString(name) && !publicMember().MatchString(name) && !harmless(value) {
		found(where, "secret-by-name")
	}
}

var (
	secretMember = lazily(`(?i)passw(or)?d$|passphrase$|secret$|secret_?(access)?_?key$|private_?key(_?material)?$|api_?key$|(access|refresh|id|session|auth|security|bearer)_?token$|client_?secret$|credentials?$|secret_?string$|secret_?binary$`)
	publicMember = lazily(`(?i)^(next|client|continuation|pagination|page)|public|policy`)
)

// text applies the rules to a text, and to what it holds in other encodings.
func (a *auditor) text(s, where string, depth int, found func(where, rule string)) {
	if len(s) < 4 {
		return
	}
	candidates(s, func(r *auditRule) {
		for _, m := range r.pattern().FindAllStringSubmatch(s, 100) {
			secret := m[len(m)-1]
			if !harmless(secret) && (r.check == nil || r.check(m)) {
				found(where, r.name)
				break
			}
		}
	})
	if depth >= 3 {
		return
	}
	deeper := func(plain string) { a.text(plain, where, depth+1, found) }
	form := strings.Contains(s, "&") && !strings.ContainsAny(s, " <>{}\"\n") // where a plus is a space
	if strings.Contains(s, "%") || depth == 0 && form && strings.Contains(s, "+") && strings.Contains(s, "=") {
		unescape := url.PathUnescape
		if form {
			unescape = url.QueryUnescape
		}
		if plain, err := unescape(s); err == nil && plain != s {
			deeper(plain)
		}
	}
	if strings.Contains(s, "&#") {
		if plain := html.UnescapeString(s); plain != s {
			deeper(plain)
		}
	}
	if strings.Contains(s, `\u`) {
		if plain := unescapeUnicode(s); plain != s {
			deeper(plain)
		}
	}
	encodedRuns(s, func(run string) {
		for _, raw := range decodings(run) {
			if plain, codings, ok := decode(raw, "", false); ok && len(codings) > 0 {
				raw = plain
			}
			if readableText(raw) || bytes.HasPrefix(raw, []byte("PK\x03\x04")) {
				deeper(string(raw))
			}
		}
	})
	if i := strings.Index(s, "PK\x03\x04"); i >= 0 {
		unzip(s[i:], deeper)
	}
	if i := strings.Index(s, "\x1f\x8b\x08"); i >= 0 {
		if plain, ok := decompress("gzip", []byte(s[i:])); ok {
			deeper(string(plain))
		}
	}
}

// unzip calls yield with the files of an archive, such as the code of a function.
func unzip(s string, yield func(string)) {
	z, err := zip.NewReader(strings.NewReader(s), int64(len(s)))
	if err != nil {
		return
	}
	left := int64(maxDecoded)
	for _, file := range z.File {
		r, err := file.Open()
		if err != nil {
			continue
		}
		text, _ := io.ReadAll(io.LimitReader(r, left)) // what can be read of a broken one
		r.Close()
		if left -= int64(len(text)); left <= 0 {
			return
		}
		yield(string(text))
	}
}

// encodedRuns calls yield with what may be base64 or hexadecimal.
func encodedRuns(s string, yield func(run string)) {
	start := 0
	for i := 0; i <= len(s); i++ {
		if i < len(s) && encodedByte[s[i]] {
			continue
		}
		if i-start >= 16 {
			run := s[start:i]
			yield(run)
			if cut := strings.LastIndexAny(run, "=/"); cut > 0 && cut < len(run)-16 {
				yield(run[cut+1:]) // name=value, /path/value
			}
		}
		start = i + 1
	}
}

var encodedByte = func() (set [256]bool) {
	for _, c := range []byte(upper + lower + digits + "+/-_=") {
		set[c] = true
	}
	return set
}()

// decodings returns what a run of letters and digits may stand for.
func decodings(run string) (out [][]byte) {
	if raw, err := hex.DecodeString(run); err == nil {
		return [][]byte{raw}
	}
	run = strings.TrimRight(run, "=")
	if strings.ContainsAny(run, "-_") {
		run = strings.NewReplacer("-", "+", "_", "/").Replace(run)
	}
	if len(run)%4 == 1 {
		run = run[:len(run)-1]
	}
	if raw, err := base64.RawStdEncoding.DecodeString(run); err == nil {
		out = append(out, raw)
	}
	return out
}

// readableText reports whether bytes are text rather than chance.
func readableText(b []byte) bool {
	if len(b) < 8 || !utf8.Valid(b) {
		return bytes.Contains(b, []byte("PRIVATE KEY")) || bytes.Contains(b, []byte("AKIA")) || bytes.Contains(b, []byte("ASIA"))
	}
	for _, c := range b {
		if c < 0x20 && c != '\n' && c != '\r' && c != '\t' {
			return false
		}
	}
	return true
}

var unicodeEscape = lazily(`\\u00[0-9a-fA-F]{2}`)

func unescapeUnicode(s string) string {
	return unicodeEscape().ReplaceAllStringFunc(s, func(m string) string {
		n, err := strconv.ParseUint(m[2:], 16, 16)
		if err != nil {
			return m
		}
		return string(rune(n))
	})
}

// harmless reports whether a value is known to be none: a pseudonym, a
// placeholder, a word.
func harmless(s string) bool {
	if strings.Contains(s, redacted) || isPseudonym(s) || strings.HasPrefix(s, "-----BEGIN") { // which rule private-key is for
		return true
	}
	if raw, err := base64.StdEncoding.DecodeString(s); err == nil && len(raw) < 3 {
		return true // too short to be told from chance
	}
	switch strings.ToLower(strings.Trim(s, `"' *<>[]{}()$`)) {
	case "", "cleared", "redacted", "removed", "hidden", "null", "none", "true", "false", "xxxx", "example", "changeme", "string", "test":
		return true
	}
	if strings.Count(s, s[:1]) == len(s) { // one character again and again
		return true
	}
	if plain, err := url.QueryUnescape(s); err == nil && plain != s {
		return isPseudonym(plain)
	}
	return false
}

// printable makes a name from a recording fit for a terminal.
func printable(s string) string {
	if len(s) > 200 {
		s = s[:200] + "…"
	}
	quoted := strconv.QuoteToASCII(s)
	return quoted[1 : len(quoted)-1]
}
