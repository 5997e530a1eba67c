package entry

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
)

// maxDepth bounds the nesting of an entry itself; bodies are strings and may
// nest as they like.
const maxDepth = 512

var errEnd = errors.New("unexpected end of JSON")

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// has returns a word whose lowest set bit marks the first byte of w that
// equals c; bits above that one may be false.
func has(w uint64, c byte) uint64 {
	x := w ^ (ones * uint64(c))
	return (x - ones) &^ x & highs
}

// all returns a word in which the high bits of those bytes are set that are c in w.
func all(w uint64, c byte) uint64 {
	x := w ^ (ones * uint64(c))
	return ^((x&^highs + ^uint64(highs)) | x | ^uint64(highs))
}

// skipString returns the index behind the closing quote of the string whose
// opening quote is at b[i]. Escapes are checked when the string is decoded.
func skipString(b []byte, i int) (int, error) { return skipRest(b, i+1) }

// skipRest is skipString from b[i] on, which is inside the string, and not
// inside an escape.
//
// Bodies are JSON in a JSON string, with a backslash every few bytes, so the
// quotes that are escaped are found for eight bytes at once.
func skipRest(b []byte, i int) (int, error) {
	escaped := uint64(0) // 0x80 if the first byte of the next word is
	for ; i+8 <= len(b); i += 8 {
		w := binary.LittleEndian.Uint64(b[i:])
		if has(w, '"')|has(w, '\\')|escaped == 0 {
			continue
		}
		backslash := all(w, '\\')
		behind := backslash<<8 | escaped
		if backslash&behind != 0 {
			behind = escapees(backslash, escaped)
		}
		if quotes := all(w, '"') &^ behind; quotes != 0 {
			return i + bits.TrailingZeros64(quotes)>>3 + 1, nil
		}
		escaped = (backslash &^ behind) >> 63 << 7
	}
	for ; i < len(b); i++ {
		switch {
		case escaped != 0:
			escaped = 0
		case b[i] == '"':
			return i + 1, nil
		case b[i] == '\\':
			escaped = 0x80
		}
	}
	return i, errEnd
}

// escapees returns which bytes of a word are escaped, where backslashes follow
// one another.
func escapees(backslash, escaped uint64) uint64 {
	for m := backslash; m != 0; m &= m - 1 {
		if first := m & -m; escaped&first == 0 {
			escaped |= first << 8
		}
	}
	return escaped
}

// skipAlike is skipString for a string that is likely to be much like another
// one, given with its quotes, as the answers of two servers to one call are.
// What the two have in common is compared, which is faster than to look at it.
//
// Behind a byte that is no backslash no escape goes on. So if the bytes from two
// such places on are the same, the same ones of them are escaped, and a quote
// that is not is the last byte of like.
func skipAlike(b []byte, i int, like []byte) (int, error) {
	const meet = 16 // as many bytes alike are hardly chance
	k := 0
	for {
		n := common(b[i:], like[k:])
		i, k = i+n, k+n
		if k == len(like) {
			return i, nil
		}
		for b[i-1] == '\\' { // the quote is none
			i, k = i-1, k-1
		}
		// Go on for a while, and then see whether they have met again.
		for window := 32; ; window *= 2 {
			to := i + window
			for to < len(b) && b[to-1] == '\\' {
				to++
			}
			k += to - i
			if to+meet > len(b) || k > len(like) {
				return skipRest(b, i)
			}
			if end, err := skipRest(b[:to], i); err == nil {
				return end, nil
			}
			i = to
			from := k - meet
			if at := bytes.Index(like[from:min(k+2*meet, len(like))], b[i:i+meet]); at >= 0 && like[from+at-1] != '\\' {
				k = from + at
				break
			}
		}
	}
}

// common returns how many bytes a and b begin with alike.
func common(a, b []byte) int {
	n := min(len(a), len(b))
	i := 0
	for i+256 <= n && string(a[i:i+256]) == string(b[i:i+256]) {
		i += 256
	}
	for ; i+8 <= n; i += 8 {
		if x := binary.LittleEndian.Uint64(a[i:]) ^ binary.LittleEndian.Uint64(b[i:]); x != 0 {
			return i + bits.TrailingZeros64(x)>>3
		}
	}
	for i < n && a[i] == b[i] {
		i++
	}
	return i
}

func skipSpace(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\t' || b[i] == '\n' || b[i] == '\r') {
		i++
	}
	return i
}

// skipValue returns the index behind the JSON value at b[i], having checked
// its grammar.
func skipValue(b []byte, i, depth int) (int, error) {
	if i >= len(b) {
		return i, errEnd
	}
	switch c := b[i]; c {
	case '"':
		return skipString(b, i)
	case '{', '[':
		if depth >= maxDepth {
			return i, fmt.Errorf("nested deeper than %d levels", maxDepth)
		}
		return skipContainer(b, i, depth+1)
	case 't':
		return skipLiteral(b, i, "true")
	case 'f':
		return skipLiteral(b, i, "false")
	case 'n':
		return skipLiteral(b, i, "null")
	default:
		if c == '-' || '0' <= c && c <= '9' {
			return skipNumber(b, i)
		}
		return i, fmt.Errorf("invalid character %s looking for beginning of value", printable(c))
	}
}

func skipLiteral(b []byte, i int, lit string) (int, error) {
	if len(b)-i < len(lit) {
		return i, errEnd
	}
	if string(b[i:i+len(lit)]) != lit {
		return i, fmt.Errorf("invalid literal, expecting %s", lit)
	}
	return i + len(lit), nil
}

func skipDigits(b []byte, i int) int {
	for i < len(b) && '0' <= b[i] && b[i] <= '9' {
		i++
	}
	return i
}

// skipNumber follows the number grammar of RFC 8259.
func skipNumber(b []byte, i int) (int, error) {
	if b[i] == '-' {
		i++
	}
	start := i
	i = skipDigits(b, i)
	if i == start || b[start] == '0' && i > start+1 {
		return start, errors.New("invalid number")
	}
	if i < len(b) && b[i] == '.' {
		start = i + 1
		if i = skipDigits(b, start); i == start {
			return i, errors.New("invalid number")
		}
	}
	if i < len(b) && (b[i] == 'e' || b[i] == 'E') {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		start = i
		if i = skipDigits(b, start); i == start {
			return i, errors.New("invalid number")
		}
	}
	return i, nil
}

func skipContainer(b []byte, i, depth int) (int, error) {
	object := b[i] == '{'
	closing := b[i] + 2 // '{'+2 == '}', '['+2 == ']'
	i = skipSpace(b, i+1)
	if i < len(b) && b[i] == closing {
		return i + 1, nil
	}
	for {
		var err error
		if object {
			if i, err = skipKey(b, i); err != nil {
				return i, err
			}
		}
		if i, err = skipValue(b, i, depth); err != nil {
			return i, err
		}
		i = skipSpace(b, i)
		if i >= len(b) {
			return i, errEnd
		}
		switch b[i] {
		case ',':
			i = skipSpace(b, i+1)
		case closing:
			return i + 1, nil
		default:
			return i, fmt.Errorf("invalid character %s after value", printable(b[i]))
		}
	}
}

// skipKey skips a member's name and the colon, up to the value.
func skipKey(b []byte, i int) (int, error) {
	if i >= len(b) {
		return i, errEnd
	}
	if b[i] != '"' {
		return i, fmt.Errorf("invalid character %s looking for a member's name", printable(b[i]))
	}
	i, err := skipString(b, i)
	if err != nil {
		return i, err
	}
	i = skipSpace(b, i)
	if i >= len(b) {
		return i, errEnd
	}
	if b[i] != ':' {
		return i, fmt.Errorf("invalid character %s after a member's name", printable(b[i]))
	}
	return skipSpace(b, i+1), nil
}

func printable(c byte) string {
	if c >= 0x7f {
		return fmt.Sprintf("'\\x%02x'", c)
	}
	return fmt.Sprintf("%q", rune(c))
}
