package replay

import (
	"bytes"
	"time"

	"github.com/neureaux/cloudmock/internal/value"
)

// How values look that services make up, and two of them at one place.

// isOneWord reports letters and digits alone.
func isOneWord(b []byte) bool {
	for _, c := range b {
		if !isAlnum(c) {
			return false
		}
	}
	return true
}

// trimQuotes takes the quotes off an ETag.
func trimQuotes(b []byte) []byte {
	if n := len(b); n >= 2 && b[0] == '"' && b[n-1] == '"' {
		return b[1 : n-1]
	}
	return b
}

// madeByService reports whether a value is of a kind that services make up,
// judged by its looks and by the name it goes by.
func madeByService(v []byte, class value.Class, role value.Role) bool {
	if class.Kind.Generated() {
		return true
	}
	const longest = 256 // of an id; tokens may be longer
	if len(v) > longest && role != value.TokenRole {
		return false
	}
	switch role {
	case value.TokenRole:
		return value.Random(v) || mixed(v, 6, 2) || len(v) >= 16 && class.Kind == value.Number
	case value.IDRole, value.OwnerRole:
		return class.Kind == value.Digest || value.Random(v) || mixed(v, 6, 2) || mixed(v, 10, 1) && !bytes.ContainsAny(v, "-_ ./")
	case value.DigestRole:
		return class.Kind == value.Digest || value.Random(v)
	}
	return class.Kind != value.Number && (class.Kind == value.Digest || value.Random(v)) && !bytes.ContainsAny(v, " \t\n")
}

// drawn reports whether two ids, which stand at one place and are not equal,
// differ in a word that looks drawn at random on both sides though few of its
// letters are digits: API Gateway's "qcorscnw" and "40uiuw", the end of
// Cognito's "eu-west-1_zNUwBIThp". Words that people choose have more in common.
func drawn(o, r []byte) bool {
	o, r = tails(o, r)
	if i := bytes.LastIndexByte(o, '-'); len(o) == len(r) && i > 0 && i == bytes.LastIndexByte(r, '-') {
		o, r = o[i+1:], r[i+1:] // what stands before is another id: the root's in an organizational unit's
	}
	if len(o) < 6 || len(o) > 64 || len(o) != len(r) {
		return false
	}
	same, digits, consonants, longest, turns := 0, 0, 0, 0, 0
	for i, c := range o {
		if !isAlnum(c) || !isAlnum(r[i]) {
			return false
		}
		if c == r[i] {
			same++
		}
		if i > 0 && c > '9' && o[i-1] > '9' && (c^o[i-1])&0x20 != 0 {
			turns++ // from one case to the other
		}
		switch {
		case c <= '9':
			digits++
			consonants = 0
		case bytes.IndexByte([]byte("aeiouAEIOU"), c) >= 0:
			consonants = 0
		default:
			consonants++
			longest = max(longest, consonants)
		}
	}
	return same*3 <= len(o) && digits < len(o) && (digits > 0 || longest >= 3 || turns >= 3)
}

// stamped reports whether two texts differ in a long number at their end: the
// moment in which each was made, or a count.
func stamped(o, r []byte) bool {
	const shortest = 10
	o, r = tails(o, r)
	return len(o) >= shortest && len(o) == len(r) && len(bytes.Trim(o, digitLetters)) == 0 && len(bytes.Trim(r, digitLetters)) == 0
}

// dated reports whether two ids are one name behind which the service has
// written the time, as "rds:db-2026-01-02-03-04".
func dated(o, r []byte) bool {
	if len(o) != len(r) {
		return false
	}
	year := 0 // where a year begins in which both were made
	for i := range o {
		digit := o[i]-'0' <= 9 && r[i]-'0' <= 9
		if !digit && o[i] != r[i] || digit && o[i] != r[i] && year == 0 {
			return false
		}
		if year == 0 && i >= 1 && i+10 <= len(o) && !isAlnum(o[i-1]) && isDate(o[i:i+10]) && isDate(r[i:i+10]) {
			year = i
		}
	}
	return year > 0
}

// isDate reports text such as 2026-01-02.
func isDate(b []byte) bool {
	_, err := time.Parse(time.DateOnly, string(b))
	return err == nil
}

// isPEM reports a key, a certificate or a request for one as text (RFC 7468).
func isPEM(b []byte) bool { return bytes.HasPrefix(b, []byte("-----BEGIN ")) }

// prefixed reports whether two ids differ in one short word behind what says
// of what kind they are: the root "r-tykw" of an organization and "r-ipo9".
func prefixed(o, r []byte) bool {
	x, y := tails(o, r)
	if len(x) < minRun || len(x) != len(y) || len(x) == len(o) || !isOneWord(x) || !isOneWord(y) {
		return false
	}
	same := 0
	for i := range x {
		if x[i] == y[i] {
			same++
		}
	}
	return same*3 <= len(x)
}

// tails cuts off what two texts begin with in common, up to the last separator.
func tails(o, r []byte) (x, y []byte) {
	cut := 0
	for i := 0; i < len(o) && i < len(r) && o[i] == r[i]; i++ {
		if !isAlnum(o[i]) {
			cut = i + 1
		}
	}
	return o[cut:], r[cut:]
}

// mixed reports text of at least n letters and digits that change from one to
// the other, within a run, at least turns times.
func mixed(v []byte, n, turns int) bool {
	count, changes := 0, 0
	last := -1
	for _, c := range v {
		if !isAlnum(c) {
			if c <= ' ' || c >= 0x7f {
				return false
			}
			last = -1
			continue
		}
		kind := 0
		if c <= '9' {
			kind = 1
		}
		if last >= 0 && kind != last {
			changes++
		}
		last = kind
		count++
	}
	return count >= n && changes >= turns
}
