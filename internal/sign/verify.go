package sign

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Scheme is how a request proves who sent it.
type Scheme uint8

// The schemes that AWS clients use.
const (
	Unsigned  Scheme = iota // nothing claims an identity
	V4                      // AWS4-HMAC-SHA256, header or query
	V4A                     // AWS4-ECDSA-P256-SHA256: asymmetric, for several regions
	V2                      // AWS AKID:signature, or AWSAccessKeyId in the query
	Bearer                  // Authorization: Bearer
	OtherAuth               // an Authorization that none of the above explains
)

// Claim is what a request says about its own signature. Nothing in it is proven
// until Verify has returned without error.
type Claim struct {
	KeyID     string
	Date      string // yyyymmdd of the scope
	Region    string
	Service   string
	Signed    []string // lower-case names, in the order of the request
	Signature string

	AmzDate string    // as sent
	Time    time.Time // of AmzDate

	Query       bool          // presigned: everything stands in the query
	Expires     time.Duration // of a presigned request
	ExpiresText string        // as sent
	Payload     string        // x-amz-content-sha256 as sent; empty when absent

	old bool // takes the place of a ClaimV2, whose parameters are still there
}

// Seed returns the start of the chain of chunk signatures that a verified claim
// anchors.
func (s *Signer) Seed(c *Claim, secret string) Seed {
	return Seed{
		Signature: c.Signature,
		Date:      c.AmzDate,
		Scope:     c.Date + "/" + c.Region + "/" + c.Service + "/" + terminator,
		key:       s.keys.get(secret, c.Date, c.Region, c.Service),
	}
}

// ScopeError says that service or region of a credential scope is no plain name.
type ScopeError struct{ Service, Region string }

func (e *ScopeError) Error() string {
	return fmt.Sprintf("credential scope names service %q and region %q, which cannot be right", clip(e.Service), clip(e.Region))
}

func clip(s string) string {
	if len(s) > 40 {
		return s[:40] + "..."
	}
	return s
}

// Reasons why a signature is not accepted.
var (
	ErrMalformed = errors.New("the signature is malformed")
	ErrMismatch  = errors.New("the signature does not match")
	ErrSkewed    = errors.New("the date of the signature is too far from now")
	ErrExpired   = errors.New("the presigned request has expired")
)

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrMalformed, fmt.Sprintf(format, args...))
}

// Parse tells how r is signed and, for V4, what it claims. It accepts the
// Authorization headers that clients really send: fields in any order, with or
// without spaces after the commas. A claim in header and query at once is malformed.
func Parse(r *Request) (Claim, Scheme, error) {
	var c Claim
	authorization := r.Get(headerAuthorization)
	presigned, v2 := queryScheme(r.RawQuery)
	if authorization == "" {
		switch {
		case presigned != "":
			if presigned != algorithm {
				return c, V4A, nil
			}
			err := c.fromQuery(r)
			return c, V4, err
		case v2:
			return c, V2, nil
		}
		return c, Unsigned, nil
	}
	if presigned != "" || v2 {
		return c, V4, malformed("credentials stand in the header and in the query")
	}
	if n := countFields(r, headerAuthorization); n > 1 {
		return c, V4, malformed("%d Authorization headers", n)
	}
	scheme, rest, _ := strings.Cut(strings.TrimSpace(authorization), " ")
	switch {
	case strings.EqualFold(scheme, algorithm):
		err := c.fromHeader(r, rest)
		return c, V4, err
	case strings.EqualFold(scheme, "AWS4-ECDSA-P256-SHA256"):
		return c, V4A, nil
	case strings.EqualFold(scheme, "AWS"):
		return c, V2, nil
	case strings.EqualFold(scheme, "Bearer"):
		return c, Bearer, nil
	}
	return c, OtherAuth, nil
}

func countFields(r *Request, name string) int {
	n := 0
	for i := range r.Header {
		if strings.EqualFold(r.Header[i].Name, name) {
			n++
		}
	}
	return n
}

// queryScheme looks for the parameters of a presigned request.
func queryScheme(raw string) (v4 string, v2 bool) {
	if !strings.Contains(raw, "X-Amz-") && !strings.Contains(raw, "AWSAccessKeyId=") {
		return "", false
	}
	for pair := range strings.SplitSeq(raw, "&") {
		name, value, _ := strings.Cut(pair, "=")
		switch name {
		case "X-Amz-Algorithm":
			return value, false
		case "X-Amz-Credential", querySignature:
			v4 = algorithm
		case "AWSAccessKeyId":
			v2 = true
		}
	}
	return v4, v2
}

func (c *Claim) fromHeader(r *Request, fields string) error {
	var credential, signed string
	for part := range strings.SplitSeq(fields, ",") {
		name, value, ok := strings.Cut(strings.TrimSpace(part), "=")
		if !ok {
			continue
		}
		value = strings.TrimSpace(value)
		var dst *string
		switch {
		case strings.EqualFold(name, "Credential"):
			dst = &credential
		case strings.EqualFold(name, "SignedHeaders"):
			dst = &signed
		case strings.EqualFold(name, "Signature"):
			dst = &c.Signature
		default:
			continue
		}
		if *dst != "" {
			return malformed("%s is given twice", name)
		}
		*dst = value
	}
	date := r.Get(headerDate)
	if date == "" {
		date = r.Get("Date")
	}
	if n := countFields(r, headerDate); n > 1 {
		return malformed("%d X-Amz-Date headers", n)
	}
	c.Payload = r.Get(headerContentSHA256)
	return c.finish(credential, signed, date)
}

func (c *Claim) fromQuery(r *Request) error {
	c.Query = true
	var credential, signed, date string
	for part := range strings.SplitSeq(r.RawQuery, "&") {
		name, value, _ := strings.Cut(part, "=")
		var dst *string
		switch name {
		case "X-Amz-Credential":
			dst = &credential
		case "X-Amz-SignedHeaders":
			dst = &signed
		case querySignature:
			dst = &c.Signature
		case headerDate:
			dst = &date
		case "X-Amz-Expires":
			dst = &c.ExpiresText
		case "X-Amz-Content-Sha256":
			dst = &c.Payload
		default:
			continue
		}
		if *dst != "" {
			return malformed("%s is given twice", name)
		}
		*dst = string(appendUnescaped(nil, value, true))
	}
	if c.Payload == "" {
		c.Payload = r.Get(headerContentSHA256)
	}
	seconds, err := strconv.Atoi(c.ExpiresText)
	if err != nil || seconds < 1 || time.Duration(seconds)*time.Second > maxPresignExpiry {
		return malformed("X-Amz-Expires is not between 1 and 604800 seconds")
	}
	c.Expires = time.Duration(seconds) * time.Second
	return c.finish(credential, signed, date)
}

// finish takes the claim apart and checks what can be checked without a key.
func (c *Claim) finish(credential, signed, date string) error {
	scope := strings.Split(credential, "/")
	if len(scope) != 5 || scope[4] != terminator || scope[0] == "" || len(scope[0]) > 256 {
		return malformed("the credential scope does not read KEY/date/region/service/aws4_request")
	}
	c.KeyID, c.Date, c.Region, c.Service = scope[0], scope[1], scope[2], scope[3]
	if !plainName(c.Service) || !plainName(c.Region) {
		return &ScopeError{Service: c.Service, Region: c.Region}
	}
	if len(c.Signature) != 64 {
		return malformed("the signature has not 64 digits")
	}
	if signed == "" {
		return malformed("no header is signed")
	}
	c.Signed = strings.Split(signed, ";")
	if len(c.Signed) > maxSignedHeaders {
		return malformed("%d headers are signed", len(c.Signed))
	}
	for i, name := range c.Signed {
		c.Signed[i] = lower(name)
	}
	if !slices.Contains(c.Signed, "host") {
		return malformed("the Host header is not signed")
	}
	at, err := time.Parse(amzDateFormat, date)
	if err != nil {
		// RFC 2616 dates are legal in the Date header alone.
		if at, err = http.ParseTime(date); err != nil {
			return malformed("X-Amz-Date is missing or unreadable")
		}
		at = at.UTC()
		date = at.Format(amzDateFormat)
	}
	c.AmzDate, c.Time = date, at
	if c.Date != date[:8] {
		return malformed("the date of the scope is not that of X-Amz-Date")
	}
	return nil
}

// CheckTime reports whether the claim's date lets it be used at now. An allowance of
// zero means a quarter of an hour, as S3 has it.
func (c *Claim) CheckTime(now time.Time, allowance time.Duration) error {
	if allowance == 0 {
		allowance = defaultAllowedClockSkew
	}
	off := now.Sub(c.Time)
	switch {
	case off < -allowance:
		return fmt.Errorf("%w: it is %s ahead", ErrSkewed, (-off).Round(time.Second))
	case c.Query && off > c.Expires:
		return fmt.Errorf("%w %s ago", ErrExpired, (off - c.Expires).Round(time.Second))
	case !c.Query && off > allowance:
		return fmt.Errorf("%w: it is %s old", ErrSkewed, off.Round(time.Second))
	}
	return nil
}

// PayloadKnown reports whether the signature can be verified before the body is
// read.
func (c *Claim) PayloadKnown() bool {
	return c.Payload != "" || c.Query && IsS3(c.Service)
}

// Verify checks the claim against r with the secret that belongs to its key.
// payload is the hex SHA-256 of the body; it is used only when the request names no payload
// hash of its own, and empty means that there is no body. Verify returns the canonical form that the
// client used. The caller checks the time, and that the body has the hash claimed.
func (s *Signer) Verify(r *Request, c *Claim, secret, payload string) (Style, error) {
	switch {
	case c.Payload != "":
		payload = c.Payload
	case c.Query && IsS3(c.Service):
		payload = UnsignedPayload
	case payload == "":
		payload = EmptyPayload
	}
	seed := s.Seed(c, secret)
	b := s.buffers()
	defer s.scratch.Put(b)
	first := Style(0).orDefault(c.Service)
	if b.matches(r, c, first, payload, &seed) {
		return first, nil
	}
	for _, style := range [...]Style{styleOnce, styleTwice, styleTwiceRaw, styleAsIs} {
		if style != first && b.matches(r, c, style, payload, &seed) {
			return style, nil
		}
	}
	if strings.Contains(r.RawQuery, "+") {
		for _, style := range [...]Style{styleOnce, styleTwice, styleTwiceRaw, styleAsIs} {
			if b.matches(r, c, style|stylePlus, payload, &seed) {
				return style | stylePlus, nil
			}
		}
	}
	return 0, ErrMismatch
}

func (b *buffers) matches(r *Request, c *Claim, style Style, payload string, seed *Seed) bool {
	signature := b.signature(r, style, c.Signed, payload, seed)
	return subtle.ConstantTimeCompare([]byte(signature), []byte(c.Signature)) == 1
}
