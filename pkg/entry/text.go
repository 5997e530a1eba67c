package entry

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"unicode/utf16"
	"unicode/utf8"
)

func hasEscape(quoted []byte) bool { return bytes.IndexByte(quoted, '\\') >= 0 }

// appendUnquoted appends the text of a JSON string literal, quotes included in
// the input, that skipString has accepted. Bytes that are no valid UTF-8 stay
// as they are: a decoder must not replace what was recorded.
func appendUnquoted(dst, quoted []byte) ([]byte, error) {
	return AppendUnescaped(dst, quoted[1:len(quoted)-1])
}

// AppendUnescaped appends the text of a part of a JSON string that Parse has
// accepted; the part must not begin or end inside an escape sequence.
func AppendUnescaped(dst, b []byte) ([]byte, error) {
	// What is written is never longer than what is read, so the text is
	// written by index: bodies have a backslash every few bytes, and eight bytes
	// at a time are copied before it is known whether there is one among them.
	dst = slices.Grow(dst, len(b)+8)
	out, n := dst[:cap(dst)], len(dst)
	for i := 0; ; {
		if i, n = unescapeWords(out, n, b, i); i == len(b) {
			return out[:n], nil
		}
		if i+8 <= len(b) {
			w := binary.LittleEndian.Uint64(b[i:])
			binary.LittleEndian.PutUint64(out[n:], w)
			m := has(w, '\\')
			if m == 0 {
				i += 8
				n += 8
				continue
			}
			k := bits.TrailingZeros64(m) >> 3
			i += k
			n += k
		} else if b[i] != '\\' {
			out[n] = b[i]
			i++
			n++
			continue
		}
		c := b[i+1]
		i += 2
		switch c {
		case '"', '\\', '/':
		case 'b':
			c = '\b'
		case 'f':
			c = '\f'
		case 'n':
			c = '\n'
		case 'r':
			c = '\r'
		case 't':
			c = '\t'
		case 'u':
			r, size, err := unescapeUnicode(b[i-2:])
			if err != nil {
				return out[:n], err
			}
			i += size - 2
			if !isByte(r) {
				n += utf8.EncodeRune(out[n:], r)
				continue
			}
			c = byte(r)
		default:
			return out[:n], fmt.Errorf("invalid escape \\%c in string", c)
		}
		out[n] = c
		n++
	}
}

// unescapeWords decodes b[i:] to out[n:], eight bytes at once, up to an escape
// that stands for another byte than its last, or to a run of backslashes. It
// returns where it stopped.
func unescapeWords(out []byte, n int, b []byte, i int) (int, int) {
	escaped := uint64(0) // 0x80 if the first byte of the next word is
	for ; i+8 <= len(b); i += 8 {
		w := binary.LittleEndian.Uint64(b[i:])
		backslash := all(w, '\\')
		behind := backslash<<8 | escaped
		if backslash&behind != 0 || behind&^(all(w, '"')|all(w, '/')) != 0 {
			break
		}
		size := 8
		for m := backslash; m != 0; size-- { // take out the last one first
			k := bits.Len64(m) - 8
			m &^= 1 << 7 << k
			before := uint64(1)<<k - 1
			w = w&before | w>>8&^before
		}
		binary.LittleEndian.PutUint64(out[n:], w)
		n += size
		escaped = backslash >> 63 << 7
	}
	return i - int(escaped>>7), n
}

// isByte reports whether r stands for a byte that is no part of valid UTF-8:
// U+DC80 to U+DCFF by itself, as PEP 383 has it.
func isByte(r rune) bool { return 0xdc80 <= r && r <= 0xdcff }

// unescapeUnicode decodes the \uXXXX, or the surrogate pair, that b starts with.
func unescapeUnicode(b []byte) (r rune, n int, err error) {
	r, ok := hex4(b)
	if !ok {
		return 0, 0, errors.New("invalid \\u escape in string")
	}
	if !utf16.IsSurrogate(r) || isByte(r) {
		return r, 6, nil
	}
	if low, ok := hex4(b[6:]); ok {
		if r := utf16.DecodeRune(r, low); r != utf8.RuneError {
			return r, 12, nil
		}
	}
	return 0, 0, errors.New("half a surrogate pair in string")
}

func hex4(b []byte) (rune, bool) {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0, false
	}
	var r rune
	for _, c := range b[2:6] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

const hexDigits = "0123456789abcdef"

// AppendString appends s as a JSON string. It escapes what RFC 8259 demands,
// and what could change the look of a terminal that a line is printed on: DEL,
// C1 controls, bidirectional controls and line separators. It does not escape
// <, > and & as encoding/json does. A byte that is no part of valid UTF-8, as in a
// header's value, is written as \udcXX, so that the line is UTF-8 and the byte
// comes back.
func AppendString[S string | []byte](dst []byte, s S) []byte {
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); {
		if i+8 <= len(s) {
			w := load64(s, i)
			// Bytes below 0x20, quotes, backslashes, and bytes from 0x7f on.
			m := has(w, '"') | has(w, '\\') | (w-ones*0x20)&^w&highs | (w+ones)&highs | w&highs
			if m == 0 {
				i += 8
				continue
			}
			i += bits.TrailingZeros64(m) >> 3
		}
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' && c < 0x7f {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			r, n := decodeRune(s, i)
			if r == utf8.RuneError && n == 1 {
				r = 0xdc00 | rune(c)
			} else if !hidden(r) {
				i += n
				continue
			}
			dst = append(dst, s[start:i]...)
			dst = append(dst, '\\', 'u', hexDigits[r>>12&15], hexDigits[r>>8&15], hexDigits[r>>4&15], hexDigits[r&15])
			i += n
			start = i
			continue
		}
		dst = append(dst, s[start:i]...)
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
		i++
		start = i
	}
	dst = append(dst, s[start:]...)
	return append(dst, '"')
}

func load64[S string | []byte](s S, i int) uint64 {
	var b [8]byte
	copy(b[:], s[i:i+8])
	return binary.LittleEndian.Uint64(b[:])
}

func decodeRune[S string | []byte](s S, i int) (rune, int) {
	var b [utf8.UTFMax]byte
	n := copy(b[:], s[i:])
	return utf8.DecodeRune(b[:n])
}

// hidden reports C1 controls, bidirectional controls, zero-width characters and
// line separators: all are below U+10000.
func hidden(r rune) bool {
	return 0x80 <= r && r <= 0x9f ||
		0x200b <= r && r <= 0x200f || 0x2028 <= r && r <= 0x202e ||
		0x2060 <= r && r <= 0x2069 || r == 0xfeff
}
