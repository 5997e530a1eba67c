package entry

import (
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

// mask returns eight bits, one for each byte of w that equals c.
func mask(w uint64, c byte) uint64 {
	x := w ^ (ones * uint64(c))
	y := (x &^ highs) + ^uint64(highs)
	y = ^(y | x | ^uint64(highs)) // the high bit of each byte that is zero in x
	return (y >> 7) * 0x0102040810204080 >> 56
}

// skipString returns the index behind the closing quote of the string whose
// opening quote is at b[i]. Escapes are checked when the string is decoded.
//
// Bodies are JSON in a JSON string, with a backslash every few bytes, so the
// quotes that are escaped are found for eight bytes at once, as simdjson does:
// github.com/simdjson/simdjson, json_escape_scanner.
func skipString(b []byte, i int) (int, error) {
	const odd = 0xaa
	i++
	escaped := uint64(0) // the first byte of the next word is escaped
	for i+8 <= len(b) {
		w := binary.LittleEndian.Uint64(b[i:])
		if has(w, '"')|has(w, '\\')|escaped == 0 {
			i += 8
			continue
		}
		backslash := mask(w, '\\')
		starts := backslash &^ escaped
		runs := ((starts<<1 | odd) - starts) ^ odd
		quotes := mask(w, '"') &^ (runs ^ (backslash | escaped))
		if quotes != 0 {
			return i + bits.TrailingZeros64(quotes) + 1, nil
		}
		escaped = runs & backslash >> 7 & 1
		i += 8
	}
	for ; i < len(b); i++ {
		switch {
		case escaped != 0:
			escaped = 0
		case b[i] == '"':
			return i + 1, nil
		case b[i] == '\\':
			escaped = 1
		}
	}
	return i, errEnd
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
