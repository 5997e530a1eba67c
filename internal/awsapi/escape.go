package awsapi

import "strings"

// nextParam cuts the first name=value off a raw query or form. Neither part is
// decoded; a name without "=" has an empty value.
func nextParam(s string) (name, value, rest string) {
	if i := strings.IndexByte(s, '&'); i >= 0 {
		s, rest = s[:i], s[i+1:]
	}
	name, value, _ = strings.Cut(s, "=")
	return name, value, rest
}

// unescape decodes percent escapes and leaves broken ones as they are. It
// returns s itself when there is nothing to decode.
func unescape(s string) string {
	if strings.IndexByte(s, '%') < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if hi, lo := unhex(s[i+1]), unhex(s[i+2]); hi|lo < 16 {
				b = append(b, hi<<4|lo)
				i += 2
				continue
			}
		}
		b = append(b, s[i])
	}
	return string(b)
}

func unhex(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10
	}
	return 0xff
}

// containsFold reports whether s holds sub, without regard to ASCII case.
func containsFold(s, sub string) bool {
	for i := 0; i+len(sub) <= len(s); i++ {
		if s[i]|0x20 == sub[0]|0x20 && strings.EqualFold(s[i:i+len(sub)], sub) {
			return true
		}
	}
	return false
}
