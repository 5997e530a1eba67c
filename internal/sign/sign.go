// Package sign speaks AWS Signature Version 4 from both sides: it verifies what
// a client signed and signs requests afresh, for AWS or for an emulator.
//
// It works on a request's wire form (method, raw path, raw query, header fields)
// and needs no net/http. Path and query are never rewritten: only their
// canonical form is computed, so that whatever a client sent stays as it was.
package sign

import (
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/neureaux/cloudmock/pkg/entry"
)

// Payload hashes that are words, not digests. S3 defines them; every other
// service signs the SHA-256 of the body.
const (
	UnsignedPayload         = "UNSIGNED-PAYLOAD"
	StreamingSigned         = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
	StreamingSignedTrailer  = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
	StreamingUnsigned       = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
	StreamingECDSA          = "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD"
	StreamingECDSATrailer   = "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER"
	StreamingEvents         = "STREAMING-AWS4-HMAC-SHA256-EVENTS"
	EmptyPayload            = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	algorithm               = "AWS4-HMAC-SHA256"
	amzDateFormat           = "20060102T150405Z"
	maxPresignExpiry        = 7 * 24 * time.Hour
	terminator              = "aws4_request"
	headerDate              = "X-Amz-Date"
	headerAuthorization     = "Authorization"
	headerSecurityToken     = "X-Amz-Security-Token"
	headerS3SessionToken    = "X-Amz-S3session-Token"
	headerContentSHA256     = "X-Amz-Content-Sha256"
	querySignature          = "X-Amz-Signature"
	maxSignedHeaders        = 128
	defaultAllowedClockSkew = 15 * time.Minute
)

// Field is one header field as it stands on the wire; a name may occur in
// several fields.
type Field = entry.HeaderField

// Request is the part of an HTTP request that a signature can cover.
type Request struct {
	Method   string
	Host     string  // value of the Host header
	Path     string  // escaped, as on the wire
	RawQuery string  // without the question mark, as on the wire
	Header   []Field // without Host
}

// Get returns the value of the first field called name, in any case, or "".
func (r *Request) Get(name string) string {
	for i := range r.Header {
		if strings.EqualFold(r.Header[i].Name, name) {
			return r.Header[i].Value
		}
	}
	return ""
}

// Del removes every field called name, in any case, in place.
func (r *Request) Del(names ...string) {
	kept := r.Header[:0]
fields:
	for _, f := range r.Header {
		for _, name := range names {
			if len(f.Name) == len(name) && strings.EqualFold(f.Name, name) {
				continue fields
			}
		}
		kept = append(kept, f)
	}
	r.Header = kept
}

// Add appends a field.
func (r *Request) Add(name, value string) {
	r.Header = append(r.Header, Field{Name: name, Value: value})
}

// Credentials sign a request. Their string form never shows the secret.
type Credentials struct {
	KeyID  string
	Secret string
	Token  string // empty for long-lived credentials
}

// String names the key and hides the rest.
func (c Credentials) String() string { return "credentials of " + c.KeyID }

// GoString is String, so that %#v hides the secret too.
func (c Credentials) GoString() string { return c.String() }

// MarshalText is String, so that JSON hides the secret too.
func (c Credentials) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// Options say for whom and how to sign.
type Options struct {
	Service string // signing name, as in the credential scope
	Region  string
	Time    time.Time // the moment of signing

	// Payload is the lower-case hex SHA-256 of the body or one of the words
	// above. Empty means that there is no body.
	Payload string

	// Signed lists the lower-case names of the header fields to sign, as the
	// client signed them; what is absent, and what a transport may rewrite, is
	// left out. Nil signs Content-Type, Content-MD5 and every X-Amz- field. Host and the
	// fields that Sign itself adds are signed in either case.
	Signed []string

	// Style is the canonical form that the client used; zero is what the
	// service expects.
	Style Style
}

// Seed is the outcome of signing: what the signatures of streamed chunks are
// chained to.
type Seed struct {
	Signature string // lower-case hex
	Date      string // the X-Amz-Date that was signed
	Scope     string // date/region/service/aws4_request
	key       [32]byte
}

// Signer signs and verifies. The zero value is ready; it may be used by many
// goroutines at once and remembers derived keys and buffers between calls.
type Signer struct {
	keys    keyCache
	scratch sync.Pool
}

var errNoKey = errors.New("no credentials to sign with")

// Sign replaces every credential in the header of r with a signature made by c.
// It edits r.Header in place; path and query stay as they are.
func (s *Signer) Sign(r *Request, c Credentials, o Options) (Seed, error) {
	if c.KeyID == "" || c.Secret == "" {
		return Seed{}, errNoKey
	}
	if !plainName(o.Service) || !plainName(o.Region) {
		return Seed{}, &ScopeError{Service: o.Service, Region: o.Region}
	}
	r.Del(headerAuthorization, headerDate, "Date", headerSecurityToken, headerS3SessionToken)
	date := o.Time.UTC().Format(amzDateFormat)
	r.Add(headerDate, date)
	if c.Token != "" {
		r.Add(tokenHeader(o.Service), c.Token)
	}
	payload := o.Payload
	if payload == "" {
		payload = EmptyPayload
	}
	if IsS3(o.Service) || r.Get(headerContentSHA256) != "" {
		r.Del(headerContentSHA256)
		r.Add(headerContentSHA256, payload)
	}

	b := s.buffers()
	defer s.scratch.Put(b)
	b.signed = appendSigned(b.signed[:0], r, o.Signed)
	seed := Seed{Date: date, Scope: date[:8] + "/" + o.Region + "/" + o.Service + "/" + terminator}
	seed.key = s.keys.get(c.Secret, date[:8], o.Region, o.Service)
	seed.Signature = b.signature(r, o.Style.orDefault(o.Service), b.signed, payload, &seed)

	out := b.out[:0]
	out = append(out, algorithm+" Credential="...)
	out = append(out, c.KeyID...)
	out = append(out, '/')
	out = append(out, seed.Scope...)
	out = append(out, ", SignedHeaders="...)
	out = appendJoined(out, b.signed)
	out = append(out, ", Signature="...)
	out = append(out, seed.Signature...)
	b.out = out
	r.Add(headerAuthorization, string(out))
	return seed, nil
}

// SignQuery signs a presigned request afresh: the credential parameters of its
// query are replaced, all others keep their place and their bytes. Date and expiry stay
// those of claim, because a new date would bring an expired URL back to life.
func (s *Signer) SignQuery(r *Request, c Credentials, claim *Claim, o Options) error {
	if c.KeyID == "" || c.Secret == "" {
		return errNoKey
	}
	if !plainName(o.Service) || !plainName(o.Region) {
		return &ScopeError{Service: o.Service, Region: o.Region}
	}
	r.Del(headerAuthorization, headerDate, headerSecurityToken, headerS3SessionToken)
	date := claim.AmzDate
	seed := Seed{Date: date, Scope: date[:8] + "/" + o.Region + "/" + o.Service + "/" + terminator}
	seed.key = s.keys.get(c.Secret, date[:8], o.Region, o.Service)

	b := s.buffers()
	defer s.scratch.Put(b)
	b.signed = appendSigned(b.signed[:0], r, claim.Signed)
	q := b.out[:0]
	for pair := range strings.SplitSeq(r.RawQuery, "&") {
		if pair == "" || isCredentialParameter(pair) || claim.old && isOldParameter(pair) {
			continue
		}
		q = append(appendAmpersand(q), pair...)
	}
	q = append(appendAmpersand(q), "X-Amz-Algorithm="+algorithm+"&X-Amz-Credential="...)
	q = appendEscaped(q, c.KeyID+"/"+seed.Scope, false)
	q = append(q, "&X-Amz-Date="...)
	q = append(q, date...)
	q = append(q, "&X-Amz-Expires="...)
	q = appendEscaped(q, claim.ExpiresText, false)
	if c.Token != "" {
		q = append(q, '&')
		q = append(q, tokenHeader(o.Service)...)
		q = append(q, '=')
		q = appendEscaped(q, c.Token, false)
	}
	q = append(q, "&X-Amz-SignedHeaders="...)
	for i, name := range b.signed {
		if i > 0 {
			q = append(q, "%3B"...)
		}
		q = append(q, name...)
	}
	b.out = q
	r.RawQuery = string(q)
	signature := b.signature(r, o.Style.orDefault(o.Service), b.signed, o.Payload, &seed)
	r.RawQuery += "&" + querySignature + "=" + signature
	return nil
}

func appendAmpersand(q []byte) []byte {
	if len(q) > 0 {
		return append(q, '&')
	}
	return q
}

// isCredentialParameter reports whether a raw query pair belongs to the signature
// and not to the operation.
func isCredentialParameter(pair string) bool {
	name, _, _ := strings.Cut(pair, "=")
	switch strings.ToLower(name) {
	case "x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-expires", "x-amz-signedheaders",
		"x-amz-signature", "x-amz-security-token", "x-amz-s3session-token":
		return true
	}
	return false
}

// isOldParameter is isCredentialParameter for version 2.
func isOldParameter(pair string) bool {
	name, _, _ := strings.Cut(pair, "=")
	return name == "AWSAccessKeyId" || name == "Signature" || name == "Expires"
}

// IsS3 reports whether service canonicalises as S3 does: the path is encoded once and
// x-amz-content-sha256 is always present.
func IsS3(service string) bool {
	switch service {
	case "s3", "s3express", "s3-object-lambda", "s3-outposts":
		return true
	}
	return false
}

// tokenHeader names the field that carries a session token. Directory buckets
// have one of their own and reject the common one.
func tokenHeader(service string) string {
	if service == "s3express" {
		return headerS3SessionToken
	}
	return headerSecurityToken
}

// plainName reports whether a scope's service or region may be used at all:
// everything that could bend a host name is outside this alphabet.
func plainName(s string) bool {
	if s == "" || len(s) > 64 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_' {
			continue
		}
		return false
	}
	return true
}
