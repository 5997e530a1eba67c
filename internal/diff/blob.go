package diff

import "github.com/neureaux/cloudmock/internal/awsapi"

// sameBlob reports whether a and b, which are not equal, are a blob by the model
// and spell the same bytes in base64: of either alphabet (RFC 4648, sections 4
// and 5), with or without padding and line breaks.
func (j *job) sameBlob(p place, a, b []byte) bool {
	for {
		a, b = skipFiller(a), skipFiller(b)
		if len(a) == 0 || len(b) == 0 {
			break
		}
		if standard(a[0]) != standard(b[0]) {
			return false
		}
		a, b = a[1:], b[1:]
	}
	return len(a) == len(b) && j.shape(p).Kind() == awsapi.Blob
}

// skipFiller takes off s what stands for no bytes.
func skipFiller(s []byte) []byte {
	for len(s) > 0 && (s[0] == '=' || s[0] == '\n' || s[0] == '\r' || s[0] == ' ' || s[0] == '\t') {
		s = s[1:]
	}
	return s
}

// standard returns the letter of the standard alphabet for one of the URL-safe one.
func standard(c byte) byte {
	switch c {
	case '-':
		return '+'
	case '_':
		return '/'
	}
	return c
}
