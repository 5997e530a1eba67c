package body

import (
	"encoding/binary"
	"math/bits"
	"slices"
	"unicode/utf8"
)

// parseJSON reads one JSON document (RFC 8259) that begins at base, under
// parent. It keeps duplicate members, and the spelling of numbers. Escaped lone
// surrogates become their three-byte form, so that no two texts look alike.
//
// It is one loop without recursion: the open containers are the parents of cur.
func (t *Tree) parseJSON(data []byte, base uint32, parent Node, depth int) error {
	return t.jsonFrom(data, base, parent, depth, 0, parent, nil)
}

// jsonFrom is parseJSON. With twin it begins at i, behind a value in cur.
func (t *Tree) jsonFrom(data []byte, base uint32, parent Node, depth int, i int, cur Node, twin *twin) error {
	var (
		// The next node, in registers.
		kind      Kind
		coding    enc
		keyCoding enc
		key, keyN uint32
		text      uint32
		texN      uint32
		end       int // of the value; of a container its opening brace
		escaped   bool
		n         Node
		nd        *node

		fail  = func(i int, why string) error { return &Error{Format: JSON, Offset: i, Reason: why} }
		short = func() error { return fail(len(data), "unexpected end") }
	)
	if twin != nil {
		goto after
	}
	if len(data) >= 3 && data[0] == 0xEF && data[1] == 0xBB && data[2] == 0xBF {
		i = 3
	}

value:
	for i < len(data) && data[i] <= ' ' && isSpace(data[i]) {
		i++
	}
	if i >= len(data) {
		return short()
	}
	if len(t.nodes) >= t.opt.MaxNodes {
		return fail(i, "too many values")
	}
	switch data[i] {
	case '"':
		if end, escaped = scanString(data, i+1); end < 0 {
			return fail(i, "string does not end or holds a control character")
		}
		kind, coding, text, texN = String, encJSONString, base+uint32(i+1), uint32(end-i-1)
		if escaped {
			var ok bool
			if text, texN, ok = t.unescape(data[i+1 : end]); !ok {
				return fail(i, "bad escape")
			}
		}
		end++
	case '{':
		kind, coding, text, texN, end = Object, encOpaque, 0, 0, i
	case '[':
		kind, coding, text, texN, end = Array, encOpaque, 0, 0, i
	case 't', 'f', 'n':
		word := "null"
		kind, coding = Null, encOpaque
		if data[i] == 't' {
			kind, word = Bool, "true"
		} else if data[i] == 'f' {
			kind, word = Bool, "false"
		}
		if len(data)-i < len(word) || string(data[i:i+len(word)]) != word {
			return fail(i, "unknown word")
		}
		end = i + len(word)
		text, texN = base+uint32(i), uint32(len(word))
	default:
		if end = scanNumber(data, i); end < 0 {
			return fail(i, "no value begins here")
		}
		kind, coding, text, texN = Number, encJSONNumber, base+uint32(i), uint32(end-i)
	}
	n = Node(len(t.nodes))
	if len(t.nodes) == cap(t.nodes) {
		t.nodes = slices.Grow(t.nodes, 1)
	}
	t.nodes = t.nodes[:n+1]
	// Field by field in place: a node that is put together elsewhere and copied
	// costs twice as much.
	nd = &t.nodes[n]
	nd.kind, nd.enc, nd.nested, nd.keyEnc = kind, coding, false, keyCoding
	nd.end, nd.parent, nd.count = n+1, cur, 0
	nd.key, nd.keyN = key, keyN
	nd.text, nd.texN = text, texN
	nd.wire, nd.wirN = base+uint32(i), uint32(end-i)
	if cur >= 0 {
		t.nodes[cur].count++
	}
	if !kind.Scalar() {
		if depth++; depth > t.opt.MaxDepth {
			return fail(i, "nested too deeply")
		}
		cur = n
		i++
		for i < len(data) && data[i] <= ' ' && isSpace(data[i]) {
			i++
		}
		switch {
		case i < len(data) && data[i] == data[end]+2: // '{'+2 is '}', '['+2 is ']'
			goto closing
		case kind == Object:
			goto key
		}
		keyN, keyCoding = 0, encOpaque
		goto value
	}
	if t.opt.Nested && kind == String && texN > 1 {
		t.look(n)
	}
	i = end

after:
	if twin != nil && i >= twin.suffix && t.adopt(twin, i, cur) {
		return nil
	}
	for i < len(data) && data[i] <= ' ' && isSpace(data[i]) {
		i++
	}
	if cur == parent {
		if i < len(data) {
			return fail(i, "more after the end")
		}
		return nil
	}
	if i >= len(data) {
		return short()
	}
	if data[i] == ',' {
		i++
		if t.nodes[cur].kind == Array {
			keyN, keyCoding = 0, encOpaque
			goto value
		}
		for i < len(data) && data[i] <= ' ' && isSpace(data[i]) {
			i++
		}
		goto key
	}

closing:
	if closer := byte(']'); t.nodes[cur].kind == Object {
		closer = '}'
		if data[i] != closer {
			return fail(i, "expected , or }")
		}
	} else if data[i] != closer {
		return fail(i, "expected , or ]")
	}
	i++
	depth--
	cur = t.close(cur, base+uint32(i))
	goto after

key:
	if i >= len(data) {
		return short()
	}
	if data[i] != '"' {
		return fail(i, "expected a member's name")
	}
	if end, escaped = scanString(data, i+1); end < 0 {
		return fail(i, "name does not end or holds a control character")
	}
	key, keyN, keyCoding = base+uint32(i+1), uint32(end-i-1), encJSONString
	if escaped {
		var ok bool
		if key, keyN, ok = t.unescape(data[i+1 : end]); !ok {
			return fail(i, "bad escape")
		}
		keyCoding = encOpaque
	}
	i = end + 1
	for i < len(data) && data[i] <= ' ' && isSpace(data[i]) {
		i++
	}
	if i >= len(data) || data[i] != ':' {
		return fail(i, "expected :")
	}
	i++
	goto value
}

// unescape puts the text of a JSON string into the arena.
func (t *Tree) unescape(s []byte) (off, n uint32, ok bool) {
	start := len(t.arena)
	t.arena, ok = appendUnescaped(t.arena, s)
	return inArena | uint32(start), uint32(len(t.arena) - start), ok
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }

const (
	lows  = 0x0101010101010101
	highs = 0x8080808080808080
)

// scanString returns the index of the quote that ends the string whose content
// begins at i, and whether there are escapes before it; -1 if there is none.
// It looks at eight bytes at a time.
func scanString(data []byte, i int) (end int, escaped bool) {
	for {
		for i+8 <= len(data) {
			w := binary.LittleEndian.Uint64(data[i:])
			q, b := w^('"'*lows), w^('\\'*lows)
			m := ((q-lows)&^q | (b-lows)&^b | (w-' '*lows)&^w) & highs
			if m != 0 {
				i += bits.TrailingZeros64(m) >> 3
				goto found
			}
			i += 8
		}
		for i < len(data) && data[i] != '"' && data[i] != '\\' && data[i] >= ' ' {
			i++
		}
		if i >= len(data) {
			return -1, false
		}
	found:
		switch data[i] {
		case '"':
			return i, escaped
		case '\\':
			escaped = true
			i += 2
		default:
			return -1, false
		}
	}
}

// scanNumber returns the end of the number at i, or -1.
func scanNumber(data []byte, i int) int {
	digits := func() bool {
		start := i
		for i < len(data) && data[i]-'0' <= 9 {
			i++
		}
		return i > start
	}
	if i < len(data) && data[i] == '-' {
		i++
	}
	if i < len(data) && data[i] == '0' {
		i++
	} else if !digits() {
		return -1
	}
	if i < len(data) && data[i] == '.' {
		i++
		if !digits() {
			return -1
		}
	}
	if i < len(data) && data[i]|0x20 == 'e' {
		i++
		if i < len(data) && (data[i] == '+' || data[i] == '-') {
			i++
		}
		if !digits() {
			return -1
		}
	}
	return i
}

// appendUnescaped appends the content of a JSON string with its escapes
// resolved; ok is false at an escape that JSON does not have.
func appendUnescaped(dst, s []byte) (_ []byte, ok bool) {
	for i := 0; i < len(s); {
		c := s[i]
		if c != '\\' {
			j := i + 1
			for j < len(s) && s[j] != '\\' {
				j++
			}
			dst = append(dst, s[i:j]...)
			i = j
			continue
		}
		if i+1 >= len(s) {
			return dst, false
		}
		i += 2
		switch c = s[i-1]; c {
		case '"', '\\', '/':
			dst = append(dst, c)
		case 'b':
			dst = append(dst, '\b')
		case 'f':
			dst = append(dst, '\f')
		case 'n':
			dst = append(dst, '\n')
		case 'r':
			dst = append(dst, '\r')
		case 't':
			dst = append(dst, '\t')
		case 'u':
			r, good := hex4(s, i)
			if !good {
				return dst, false
			}
			i += 4
			if r >= 0xD800 && r < 0xDC00 && i+6 <= len(s) && s[i] == '\\' && s[i+1] == 'u' {
				if low, good := hex4(s, i+2); good && low >= 0xDC00 && low < 0xE000 {
					r = (r-0xD800)<<10 + (low - 0xDC00) + 0x10000
					i += 6
				}
			}
			if r >= 0xD800 && r < 0xE000 {
				dst = append(dst, 0xE0|byte(r>>12), 0x80|byte(r>>6)&0x3F, 0x80|byte(r)&0x3F)
			} else {
				dst = utf8.AppendRune(dst, r)
			}
		default:
			return dst, false
		}
	}
	return dst, true
}

func hex4(s []byte, i int) (r rune, ok bool) {
	if i+4 > len(s) {
		return 0, false
	}
	for _, c := range s[i : i+4] {
		d := unhex(c)
		if d > 15 {
			return 0, false
		}
		r = r<<4 | rune(d)
	}
	return r, true
}

// unhex returns the value of a hexadecimal digit, or 255.
func unhex(c byte) byte {
	switch {
	case c-'0' <= 9:
		return c - '0'
	case (c|0x20)-'a' <= 5:
		return (c | 0x20) - 'a' + 10
	}
	return 255
}

// appendJSONString appends s as the content of a JSON string. What is no UTF-8
// stays as it is; lone surrogates in their three-byte form are escaped again.
func appendJSONString(dst, s []byte) []byte {
	const hex = "0123456789abcdef"
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c == '\n':
			dst = append(dst, '\\', 'n')
		case c == '\r':
			dst = append(dst, '\\', 'r')
		case c == '\t':
			dst = append(dst, '\\', 't')
		case c < ' ':
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		case c == 0xED && i+2 < len(s) && s[i+1] >= 0xA0 && s[i+1] < 0xC0 && s[i+2]&0xC0 == 0x80:
			r := 0xD000 | rune(s[i+1]&0x3F)<<6 | rune(s[i+2]&0x3F)
			dst = append(dst, '\\', 'u', hex[r>>12&15], hex[r>>8&15], hex[r>>4&15], hex[r&15])
			i += 2
		default:
			dst = append(dst, c)
		}
	}
	return dst
}
