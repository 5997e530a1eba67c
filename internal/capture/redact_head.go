package capture

import (
	"encoding/base64"
	"strings"

	"github.com/neureaux/cloudmock/internal/awsapi"
	"github.com/neureaux/cloudmock/internal/body"
	"github.com/neureaux/cloudmock/pkg/entry"
)

// redacted stands for what has no use in a recording, not even as a pseudonym:
// signatures, digests of bodies that were changed, addresses of clients.
const redacted = "REDACTED"

// headerKind is what a header is to the redactor.
type headerKind uint8

const (
	headerFree          headerKind = iota // any value: its text is searched for secrets
	headerPlain                           // never holds a secret
	headerSecret                          // the value is a secret
	headerAuthorization                   // a scheme and credentials
	headerAddress                         // where the client is
	headerDigest                          // follows from the body
	headerSSEKey                          // base64 of an encryption key that the client provides
	headerSSEKeyMD5                       // base64 of that key's MD5
)

// headerKinds has the headers that are known by their canonical name.
var headerKinds = map[string]headerKind{
	"Authorization":       headerAuthorization,
	"Proxy-Authorization": headerAuthorization,

	"Cookie":                 headerSecret,
	"Set-Cookie":             headerSecret,
	"X-Amz-Security-Token":   headerSecret,
	"X-Amz-S3session-Token":  headerSecret,
	"X-Amz-Mfa":              headerSecret,
	"X-Amz-Sso_bearer_token": headerSecret,
	"X-Api-Key":              headerSecret,

	"X-Forwarded-For":     headerAddress,
	"X-Real-Ip":           headerAddress,
	"Forwarded":           headerAddress,
	"Via":                 headerAddress,
	"True-Client-Ip":      headerAddress,
	"Cf-Connecting-Ip":    headerAddress,
	"X-Client-Ip":         headerAddress,
	"X-Cluster-Client-Ip": headerAddress,

	"X-Amz-Content-Sha256": headerDigest,
	"Content-Md5":          headerDigest,
	"Etag":                 headerDigest,
	"X-Amz-Crc32":          headerDigest,
	"Digest":               headerDigest,

	"X-Amz-Checksum-Crc32":     headerDigest,
	"X-Amz-Checksum-Crc32c":    headerDigest,
	"X-Amz-Checksum-Crc64nvme": headerDigest,
	"X-Amz-Checksum-Sha1":      headerDigest,
	"X-Amz-Checksum-Sha256":    headerDigest,
	"Content-Digest":           headerDigest,
	"Repr-Digest":              headerDigest,

	"X-Amz-Server-Side-Encryption-Customer-Key":                 headerSSEKey,
	"X-Amz-Copy-Source-Server-Side-Encryption-Customer-Key":     headerSSEKey,
	"X-Amz-Server-Side-Encryption-Customer-Key-Md5":             headerSSEKeyMD5,
	"X-Amz-Copy-Source-Server-Side-Encryption-Customer-Key-Md5": headerSSEKeyMD5,

	"Accept": headerPlain, "Accept-Encoding": headerPlain, "Accept-Ranges": headerPlain, "Amz-Sdk-Invocation-Id": headerPlain,
	"Amz-Sdk-Request": headerPlain, "Cache-Control": headerPlain, "Connection": headerPlain, "Content-Encoding": headerPlain,
	"Content-Length": headerPlain, "Content-Type": headerPlain, "Date": headerPlain, "Expect": headerPlain, "Host": headerPlain,
	"Last-Modified": headerPlain, "Range": headerPlain, "Content-Range": headerPlain, "Server": headerPlain, "Te": headerPlain, "Trailer": headerPlain,
	"Transfer-Encoding": headerPlain, "User-Agent": headerPlain, "Vary": headerPlain, "X-Amz-Algorithm": headerPlain, "X-Amz-Bucket-Region": headerPlain,
	"X-Amz-Checksum-Algorithm": headerPlain, "X-Amz-Checksum-Mode": headerPlain, "X-Amz-Checksum-Type": headerPlain,
	"X-Amz-Date": headerPlain, "X-Amz-Decoded-Content-Length": headerPlain,
	"X-Amz-Id-2": headerPlain, "X-Amz-Request-Id": headerPlain, "X-Amz-Sdk-Checksum-Algorithm": headerPlain, "X-Amz-Server-Side-Encryption": headerPlain,
	"X-Amz-Server-Side-Encryption-Customer-Algorithm": headerPlain, "X-Amz-Storage-Class": headerPlain, "X-Amz-Target": headerPlain,
	"X-Amz-Trailer": headerPlain, "X-Amz-User-Agent": headerPlain, "X-Amz-Version-Id": headerPlain, "X-Amzn-Errortype": headerPlain,
	"X-Amzn-Query-Mode": headerPlain, "X-Amzn-Requestid": headerPlain, "X-Amzn-Trace-Id": headerPlain,
	"Content-Language": headerPlain, "If-Match": headerPlain, "If-Modified-Since": headerPlain, "If-None-Match": headerPlain, "Keep-Alive": headerPlain,
	"Smithy-Protocol": headerPlain, "X-Amz-Acl": headerPlain, "X-Amz-Api-Version": headerPlain, "X-Amz-Delete-Marker": headerPlain,
	"X-Amz-Client-Token": headerPlain, "X-Amzn-Client-Token": headerPlain, "X-Amzn-Idempotency-Token": headerPlain, "X-Amz-Next-Token": headerPlain,
}

// kindOf tells what a header is. Names come in any case; the canonical one is
// found without a copy.
func kindOf(name string) headerKind {
	if k, ok := headerKinds[name]; ok {
		return k
	}
	return kindOfUnusual(name)
}

func kindOfUnusual(name string) headerKind {
	if c := canonical(name); c != name {
		if k, ok := headerKinds[c]; ok {
			return k
		}
	}
	low := strings.ToLower(name)
	if strings.HasPrefix(low, "x-amz-checksum-") {
		return headerDigest
	}
	if strings.HasSuffix(low, "-auth") {
		return headerSecret
	}
	for _, word := range [...]string{"token", "secret", "passw", "api-key", "apikey", "api_key", "authorization", "credential", "signature", "cookie", "customer-key", "private-key", "assertion", "session-key", "access-key"} {
		if strings.Contains(low, word) {
			return headerSecret
		}
	}
	return headerFree
}

// canonical is http.CanonicalHeaderKey, also for names with odd characters.
func canonical(name string) string {
	b := []byte(name)
	start := true
	for i, c := range b {
		switch {
		case start && 'a' <= c && c <= 'z':
			b[i] = c - 'a' + 'A'
		case !start && 'A' <= c && c <= 'Z':
			b[i] = c - 'A' + 'a'
		}
		start = c == '-'
	}
	return string(b)
}

// headers replaces the secrets of a header section in place, and reports
// whether a client's encryption key was among them. shape is the operation's
// input or output.
func (r *redactor) headers(h entry.Header, shape awsapi.Shape, s *side) (encryptionKey bool) {
	for i := range h {
		f := &h[i]
		before := f.Value
		replaced := func(whole bool) {
			if f.Value != before {
				s.replaced(func() string { return "headers." + f.Name }, f.Name, before, f.Value, whole)
			}
		}
		if len(r.paths) > 0 && r.named("header", f.Name) {
			f.Value = r.names.cached(f.Value)
			replaced(true)
			continue
		}
		switch kindOf(f.Name) {
		case headerAuthorization:
			f.Value = r.authorization(f.Value)
		case headerSecret, headerSSEKeyMD5:
			f.Value = r.names.cached(f.Value)
			if !s.request {
				replaced(true)
			}
		case headerAddress:
			f.Value = redacted
		case headerSSEKey:
			f.Value = r.encryptionKey(f.Value)
			encryptionKey = true
		case headerFree:
			if m, ok := shape.Header(f.Name); ok && m.Sensitive() && !r.credentialsOnly {
				f.Value = r.names.cached(f.Value)
				replaced(true)
			} else {
				f.Value = r.headerText(f.Value)
				replaced(false)
			}
		}
	}
	return encryptionKey
}

// headerText is freeText, also inside base64: Lambda returns the end of a
// function's log like that.
func (r *redactor) headerText(value string) string {
	if len(value) >= 24 && len(value)%4 == 0 {
		if raw, err := base64.StdEncoding.DecodeString(value); err == nil && scanBytes(raw, hintValue) {
			return base64.StdEncoding.EncodeToString([]byte(r.freeText(string(raw))))
		}
	}
	return r.freeText(value)
}

// authorization keeps of an Authorization header what says nothing of the
// signer: scheme, credential scope and the names of the signed headers. It is
// built from these parts, so that nothing unknown passes.
func (r *redactor) authorization(value string) string {
	s, ok := awsapi.ParseAuthorization(value)
	if !ok || s.Scheme == awsapi.Bearer {
		scheme, rest, _ := strings.Cut(value, " ")
		if rest == "" {
			return r.names.cached(value)
		}
		return scheme + " " + r.names.cached(rest)
	}
	if s.Scheme == awsapi.SigV2 {
		return "AWS " + r.names.cached(s.AccessKeyID) + ":" + redacted
	}
	b := make([]byte, 0, 256)
	b = append(b, s.Scheme.String()...)
	b = append(b, " Credential="...)
	b = r.appendScope(b, s, "/")
	b = append(b, ", SignedHeaders="...)
	b = append(b, s.SignedHeaders...)
	b = append(b, ", Signature="...)
	b = append(b, redacted...)
	return string(b)
}

// appendScope appends the credential of s with a pseudonym of its key id.
func (r *redactor) appendScope(b []byte, s awsapi.Scope, slash string) []byte {
	b = append(b, r.names.cached(s.AccessKeyID)...)
	for _, part := range [...]string{s.Date, s.Region, s.Service} {
		if part != "" {
			b = append(append(b, slash...), part...)
		}
	}
	return append(append(b, slash...), "aws4_request"...)
}

// query replaces the secrets of a raw query and leaves all else as it came.
func (r *redactor) query(raw string, shape, form awsapi.Shape, s *side) string {
	if raw == "" {
		return raw
	}
	b := make([]byte, 0, len(raw)+16)
	for rest, first := raw, true; rest != "" || first; first = false {
		var param string
		more := false
		param, rest, more = strings.Cut(rest, "&")
		if !first {
			b = append(b, '&')
		}
		name, value, hasValue := strings.Cut(param, "=")
		b = append(b, name...)
		if hasValue {
			b = append(append(b, '='), r.parameter(name, value, shape, form, s)...)
		}
		if !more {
			break
		}
		if rest == "" {
			b = append(b, '&')
		}
	}
	return string(b)
}

// parameter returns what stands for the value of a query parameter.
func (r *redactor) parameter(rawName, raw string, shape, form awsapi.Shape, s *side) string {
	name := unescape(rawName)
	switch canonical(name) {
	case "X-Amz-Signature", "Signature":
		return redacted
	case "X-Amz-Credential":
		return r.credential(raw)
	case "Awsaccesskeyid", "X-Amz-Security-Token", "X-Amz-S3session-Token":
		return escapeQuery(r.names.cached(unescape(raw)))
	}
	value := unescape(raw)
	replaced := func(clean string, whole bool) string {
		s.replaced(func() string { return string(body.AppendMember([]byte("query"), []byte(name))) }, name, value, clean, whole)
		return escapeQuery(clean)
	}
	if r.named("query", name) {
		return replaced(r.names.cached(value), true)
	}
	secret := secretName(name, false)
	m, ok := shape.Query(name)
	if !ok {
		m, ok = form.Form(name)
	}
	if ok {
		secret = m.Sensitive()
	}
	switch {
	case !secret || r.credentialsOnly || m.Kind() == awsapi.Boolean:
	case isNumber(m):
		return replaced(string(r.names.number([]byte(value))), true)
	default:
		return replaced(r.names.cached(value), true)
	}
	if clean := r.freeText(value); clean != value {
		return replaced(clean, false)
	}
	return raw
}

// unescape decodes percent escapes and plus signs; broken escapes stay.
func unescape(s string) string {
	if strings.IndexByte(s, '%') < 0 && strings.IndexByte(s, '+') < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]):
			b = append(b, unhex(s[i+1])<<4|unhex(s[i+2]))
			i += 2
		case c == '+':
			b = append(b, ' ')
		default:
			b = append(b, c)
		}
	}
	return string(b)
}

// escapeQuery encodes as AWS demands: all but letters, digits and -_.~
func escapeQuery(s string) string {
	const hexDigits = "0123456789ABCDEF"
	b := make([]byte, 0, len(s)+16)
	for i := range len(s) {
		c := s[i]
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || isDigit(c) || strings.IndexByte("-_.~", c) >= 0 {
			b = append(b, c)
		} else {
			b = append(b, '%', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	return string(b)
}

func isHex(c byte) bool { return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'f' }

func unhex(c byte) byte {
	if isDigit(c) {
		return c - '0'
	}
	return c | 0x20 - 'a' + 10
}
