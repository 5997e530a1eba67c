package sign

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
)

// Style is one way to bring path and query into canonical form. AWS documents
// one for S3 and one for all other services; clients deviate in the odd cases,
// so a verifier tries them and a signer repeats the one that fitted.
type Style uint8

// The path styles, of which a Style holds one, and the bit for a plus sign.
const (
	styleDefault Style = iota
	// styleOnce decodes the path and encodes it strictly: S3.
	styleOnce
	// styleTwice removes dot segments and repeated slashes, then encodes the
	// escaped path once more: all others, as botocore and the Java SDK do it.
	styleTwice
	// styleTwiceRaw is styleTwice without the removals, as the Go SDK does it.
	styleTwiceRaw
	// styleAsIs takes the path as it stands on the wire, as some curl versions do.
	styleAsIs

	stylePaths Style = 0x0f
	// stylePlus reads a plus sign in the query as itself, not as a space.
	stylePlus Style = 0x10
)

func (s Style) orDefault(service string) Style {
	if s&stylePaths != styleDefault {
		return s
	}
	if IsS3(service) {
		return s | styleOnce
	}
	return s | styleTwice
}

// String names the style.
func (s Style) String() string {
	name := [...]string{"default", "once", "twice", "twice-raw", "as-is"}[min(s&stylePaths, styleAsIs)]
	if s&stylePlus != 0 {
		name += "+"
	}
	return name
}

// buffers are what one canonical form needs; they are reused between calls.
type buffers struct {
	text   []byte // canonical request
	path   []byte
	out    []byte // header or query being written
	pairs  []pair
	store  []byte // bytes that pairs point into
	signed []string
}

type pair struct{ from, eq, to int } // key is store[from:eq], value store[eq:to]

func (s *Signer) buffers() *buffers {
	if b, ok := s.scratch.Get().(*buffers); ok {
		return b
	}
	return &buffers{text: make([]byte, 0, 1024), out: make([]byte, 0, 512), signed: make([]string, 0, 16)}
}

// signature computes the hex signature of r over the named header fields.
func (b *buffers) signature(r *Request, style Style, signed []string, payload string, seed *Seed) string {
	t := b.text[:0]
	t = append(t, r.Method...)
	t = append(t, '\n')
	t = b.appendPath(t, r.Path, style)
	t = append(t, '\n')
	t = b.appendQuery(t, r.RawQuery, style)
	t = append(t, '\n')
	for _, name := range signed {
		t = append(t, name...)
		t = append(t, ':')
		t = appendHeaderValue(t, r, name)
		t = append(t, '\n')
	}
	t = append(t, '\n')
	t = appendJoined(t, signed)
	t = append(t, '\n')
	t = append(t, payload...)
	b.text = t
	digest := sha256.Sum256(t)

	t = t[:0]
	t = append(t, algorithm+"\n"...)
	t = append(t, seed.Date...)
	t = append(t, '\n')
	t = append(t, seed.Scope...)
	t = append(t, '\n')
	t = hex.AppendEncode(t, digest[:])
	b.text = t
	mac := hmacSHA256(seed.key[:], t)
	return hex.EncodeToString(mac[:])
}

func appendJoined(dst []byte, names []string) []byte {
	for i, name := range names {
		if i > 0 {
			dst = append(dst, ';')
		}
		dst = append(dst, name...)
	}
	return dst
}

// appendHeaderValue appends every value of the field, trimmed, with runs of
// spaces folded into one, joined by commas in the order of the wire.
func appendHeaderValue(dst []byte, r *Request, name string) []byte {
	if name == "host" {
		return append(dst, r.Host...)
	}
	n := 0
	for i := range r.Header {
		f := &r.Header[i]
		if len(f.Name) != len(name) || !strings.EqualFold(f.Name, name) {
			continue
		}
		if n > 0 {
			dst = append(dst, ',')
		}
		n++
		dst = appendFolded(dst, f.Value)
	}
	return dst
}

func appendFolded(dst []byte, v string) []byte {
	v = strings.Trim(v, " \t\r\n")
	if !strings.Contains(v, "  ") && !strings.ContainsAny(v, "\t\r\n") {
		return append(dst, v...)
	}
	space := false
	for i := range len(v) {
		switch c := v[i]; c {
		case ' ', '\t', '\r', '\n':
			space = true
		default:
			if space {
				dst = append(dst, ' ')
				space = false
			}
			dst = append(dst, c)
		}
	}
	return dst
}

func (b *buffers) appendPath(dst []byte, path string, style Style) []byte {
	if path == "" {
		return append(dst, '/')
	}
	switch style & stylePaths {
	case styleAsIs:
		return append(dst, path...)
	case styleOnce:
		b.path = appendUnescaped(b.path[:0], path, false)
		return appendEscapedBytes(dst, b.path, true)
	case styleTwiceRaw:
		return appendEscaped(dst, path, true)
	default:
		b.path = appendNormalized(b.path[:0], path)
		return appendEscapedBytes(dst, b.path, true)
	}
}

// appendNormalized removes dot segments and empty segments (RFC 3986, 5.2.4); a
// slash at the end stays.
func appendNormalized(dst []byte, path string) []byte {
	if !strings.Contains(path, "//") && !strings.Contains(path, "/.") {
		return append(dst, path...)
	}
	start := len(dst)
	for segment := range strings.SplitSeq(path, "/") {
		switch segment {
		case "", ".":
		case "..":
			if i := bytes.LastIndexByte(dst[start:], '/'); i >= 0 {
				dst = dst[:start+i]
			}
		default:
			dst = append(dst, '/')
			dst = append(dst, segment...)
		}
	}
	if len(dst) == start || strings.HasSuffix(path, "/") {
		dst = append(dst, '/')
	}
	return dst
}

// appendQuery appends the parameters decoded, encoded strictly and sorted. The
// signature parameter itself is never part of it.
func (b *buffers) appendQuery(dst []byte, raw string, style Style) []byte {
	if raw == "" {
		return dst
	}
	b.pairs, b.store = b.pairs[:0], b.store[:0]
	for part := range strings.SplitSeq(raw, "&") {
		if part == "" {
			continue
		}
		key, value, _ := strings.Cut(part, "=")
		if key == querySignature {
			continue
		}
		p := pair{from: len(b.store)}
		b.store = b.appendRecoded(b.store, key, style)
		p.eq = len(b.store)
		b.store = b.appendRecoded(b.store, value, style)
		p.to = len(b.store)
		b.pairs = append(b.pairs, p)
	}
	slices.SortFunc(b.pairs, func(x, y pair) int {
		if c := slices.Compare(b.store[x.from:x.eq], b.store[y.from:y.eq]); c != 0 {
			return c
		}
		return slices.Compare(b.store[x.eq:x.to], b.store[y.eq:y.to])
	})
	for i, p := range b.pairs {
		if i > 0 {
			dst = append(dst, '&')
		}
		dst = append(dst, b.store[p.from:p.eq]...)
		dst = append(dst, '=')
		dst = append(dst, b.store[p.eq:p.to]...)
	}
	return dst
}

func (b *buffers) appendRecoded(dst []byte, s string, style Style) []byte {
	b.path = appendUnescaped(b.path[:0], s, style&stylePlus == 0)
	return appendEscapedBytes(dst, b.path, false)
}

// appendUnescaped percent-decodes s; an escape that is none stays as it is.
func appendUnescaped(dst []byte, s string, plusIsSpace bool) []byte {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '%' && i+2 < len(s) {
			if h, l := unhex(s[i+1]), unhex(s[i+2]); h < 16 && l < 16 {
				c = h<<4 | l
				i += 2
			}
		} else if c == '+' && plusIsSpace {
			c = ' '
		}
		dst = append(dst, c)
	}
	return dst
}

func unhex(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10
	}
	return 0xff
}

const upperHex = "0123456789ABCDEF"

func unreserved(c byte) bool {
	return c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '.' || c == '_' || c == '~'
}

// appendEscaped percent-encodes all but the unreserved characters of RFC 3986 and,
// in a path, the slash.
func appendEscaped(dst []byte, s string, path bool) []byte {
	for i := range len(s) {
		dst = appendEscapedByte(dst, s[i], path)
	}
	return dst
}

func appendEscapedBytes(dst, s []byte, path bool) []byte {
	for _, c := range s {
		dst = appendEscapedByte(dst, c, path)
	}
	return dst
}

func appendEscapedByte(dst []byte, c byte, path bool) []byte {
	if unreserved(c) || c == '/' && path {
		return append(dst, c)
	}
	return append(dst, '%', upperHex[c>>4], upperHex[c&15])
}

// neverSigned are fields that a transport or a proxy on the way may rewrite,
// and the signature itself.
func neverSigned(name string) bool {
	switch name {
	case "authorization", "connection", "content-length", "expect", "keep-alive", "proxy-authenticate", "proxy-authorization",
		"proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "user-agent", "x-amzn-trace-id", "host":
		return true
	}
	return false
}

// appendSigned appends the sorted, lower-case names of the fields to sign.
func appendSigned(dst []string, r *Request, wanted []string) []string {
	dst = append(dst, "host")
	for i := range r.Header {
		name := lower(r.Header[i].Name)
		if neverSigned(name) || slices.Contains(dst, name) {
			continue
		}
		own := name == "x-amz-date" || name == "x-amz-security-token" || name == "x-amz-s3session-token" || name == "x-amz-content-sha256"
		switch {
		case own:
		case wanted != nil:
			if !slices.Contains(wanted, name) {
				continue
			}
		case name != "content-type" && name != "content-md5" && !strings.HasPrefix(name, "x-amz-"):
			continue
		}
		dst = append(dst, name)
	}
	slices.Sort(dst)
	return dst
}

// lower is strings.ToLower for the names that occur on every request, without
// an allocation.
func lower(name string) string {
	switch name {
	case "Host":
		return "host"
	case "Content-Type":
		return "content-type"
	case "Content-Length":
		return "content-length"
	case "User-Agent":
		return "user-agent"
	case "Accept-Encoding":
		return "accept-encoding"
	case headerAuthorization:
		return "authorization"
	case headerDate:
		return "x-amz-date"
	case headerSecurityToken:
		return "x-amz-security-token"
	case headerContentSHA256:
		return "x-amz-content-sha256"
	case "X-Amz-Target":
		return "x-amz-target"
	case "Amz-Sdk-Invocation-Id":
		return "amz-sdk-invocation-id"
	case "Amz-Sdk-Request":
		return "amz-sdk-request"
	}
	return strings.ToLower(name)
}
