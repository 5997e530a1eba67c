package awsapi

import (
	"strings"
)

// Scheme tells how a request proves who sent it.
type Scheme uint8

// The schemes that AWS services accept; the zero value is an unsigned request.
const (
	Unsigned Scheme = iota
	SigV4
	SigV4A // asymmetric: its scope has no region
	SigV2
	Bearer
)

var schemeNames = [...]string{"", "AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256", "AWS", "Bearer"}

// String returns the scheme's name in an Authorization header, "" if unsigned.
func (s Scheme) String() string {
	if int(s) < len(schemeNames) {
		return schemeNames[s]
	}
	return ""
}

// A Scope is what a request says about its own signature. All text is the
// sender's: check Region and Service with PlainName, or against the table,
// before they name a host or a file.
type Scope struct {
	Scheme Scheme
	// Presigned tells that the signature stands in the query.
	Presigned bool
	// AccessKeyID names the signer's key (SigV2 and SigV4).
	AccessKeyID string
	// Date, Region and Service are the credential scope as sent. SigV4A has no
	// region, SigV2 has none of them.
	Date, Region, Service string
	// SignedHeaders is the list as sent, separated by semicolons.
	SignedHeaders string
	Signature     string
}

// ParseAuthorization reads an Authorization header. It takes what real clients
// send: no space after commas, any order of fields, a lower-case scheme. It
// reports false if the header is none that AWS knows.
func ParseAuthorization(header string) (Scope, bool) {
	header = strings.TrimLeft(header, " \t")
	scheme, rest, _ := strings.Cut(header, " ")
	var s Scope
	switch {
	case strings.EqualFold(scheme, schemeNames[SigV4]):
		s.Scheme = SigV4
	case strings.EqualFold(scheme, schemeNames[SigV4A]):
		s.Scheme = SigV4A
	case strings.EqualFold(scheme, schemeNames[Bearer]):
		return Scope{Scheme: Bearer}, true
	case strings.EqualFold(scheme, schemeNames[SigV2]):
		s.Scheme = SigV2
		// The signature has no colon, a tenant-qualified key id may.
		if i := strings.LastIndexByte(rest, ':'); i >= 0 {
			s.AccessKeyID, s.Signature = strings.TrimSpace(rest[:i]), strings.TrimSpace(rest[i+1:])
		}
		return s, s.AccessKeyID != ""
	default:
		return Scope{}, false
	}
	for rest != "" {
		var field string
		field, rest, _ = strings.Cut(rest, ",")
		name, value, _ := strings.Cut(field, "=")
		value = strings.TrimSpace(value)
		switch name = strings.TrimSpace(name); {
		case strings.EqualFold(name, "Credential"):
			s.parseCredential(value)
		case strings.EqualFold(name, "SignedHeaders"):
			s.SignedHeaders = value
		case strings.EqualFold(name, "Signature"):
			s.Signature = value
		}
	}
	return s, true
}

// ParseQueryAuthorization reads a presigned URL's parameters, SigV4, SigV4A or
// SigV2. It reports false if the query has no signature.
func ParseQueryAuthorization(rawQuery string) (Scope, bool) {
	if rawQuery == "" || !containsFold(rawQuery, "X-Amz-") && !strings.Contains(rawQuery, "AWSAccessKeyId") {
		return Scope{}, false
	}
	s := Scope{Presigned: true}
	for rest := rawQuery; rest != ""; {
		var name, value string
		name, value, rest = nextParam(rest)
		switch {
		case strings.EqualFold(name, "X-Amz-Credential"):
			if s.Scheme == Unsigned {
				s.Scheme = SigV4
			}
			s.parseCredential(value)
		case strings.EqualFold(name, "X-Amz-Algorithm"):
			if strings.EqualFold(value, schemeNames[SigV4A]) {
				s.Scheme = SigV4A
			} else {
				s.Scheme = SigV4
			}
		case strings.EqualFold(name, "X-Amz-SignedHeaders"):
			s.SignedHeaders = unescape(value)
		case strings.EqualFold(name, "X-Amz-Signature"):
			s.Signature = unescape(value)
		case name == "AWSAccessKeyId":
			if s.Scheme == Unsigned {
				s.Scheme = SigV2
			}
			s.AccessKeyID = unescape(value)
		case name == "Signature" && s.Scheme <= SigV4:
			s.Signature = unescape(value)
		}
	}
	return s, s.Scheme != Unsigned
}

// parseCredential splits "AKID/20260102/us-east-1/s3/aws4_request", whose
// slashes may be escaped. SigV4A leaves the region out.
func (s *Scope) parseCredential(v string) {
	if strings.IndexByte(v, '%') >= 0 {
		v = unescape(v)
	}
	v = strings.TrimSuffix(v, "/aws4_request")
	v, s.Service = cutLast(v, '/')
	if head, last := cutLast(v, '/'); isDate(last) && strings.IndexByte(head, '/') < 0 {
		// Nothing stands between date and service.
		s.AccessKeyID, s.Date = head, last
		return
	}
	v, s.Region = cutLast(v, '/')
	s.AccessKeyID, s.Date = cutLast(v, '/')
}

// cutLast cuts s around the last sep; without one, all of s is the tail.
func cutLast(s string, sep byte) (head, tail string) {
	if i := strings.LastIndexByte(s, sep); i >= 0 {
		return s[:i], s[i+1:]
	}
	return "", s
}

func isDate(s string) bool {
	if len(s) != 8 {
		return false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// PlainName reports whether s could stand as one label of a host name: letters,
// digits, '-' and '_', at most 63 of them. Everything a stranger's credential
// scope contributes to a host or a path has to pass it.
func PlainName(s string) bool {
	if s == "" || len(s) > 63 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_') {
			return false
		}
	}
	return true
}
