package body

import (
	"bytes"
	"unicode/utf8"
)

// parseXML reads an XML document. Prefixes, namespace declarations, comments and
// processing instructions are left out, white space between elements too. A DTD
// is refused: nothing AWS sends has one, and entities are how XML attacks.
//
// An element with text alone is a String; one with attributes or elements is an
// Object with the attributes, as "@name", before the rest.
func (t *Tree) parseXML(data []byte) error {
	p := xmlParser{t: t, data: data}
	t.names = t.names[:0]
	return p.run()
}

type xmlParser struct {
	t    *Tree
	data []byte
}

func (p *xmlParser) fail(i int, why string) error {
	return &Error{Format: XML, Offset: i, Reason: why}
}

func (p *xmlParser) run() error {
	t, data := p.t, p.data
	cur, depth, i := None, 0, 0
	if bytes.HasPrefix(data, []byte("\xEF\xBB\xBF")) {
		i = 3
	}
	for {
		// Text up to the next element, comments and such skipped.
		text, next, err := p.text(i)
		if err != nil {
			return err
		}
		if next >= len(data) {
			if cur != None || len(t.nodes) == 0 {
				return p.fail(next, "unexpected end")
			}
			if !blank(t.buf(text.off, text.n)) {
				return p.fail(next, "text outside the root element")
			}
			return nil
		}
		if blank(t.buf(text.off, text.n)) {
			// white space between elements
		} else if cur == None {
			return p.fail(i, "text outside the root element")
		} else {
			t.addXMLText(cur, text)
		}
		i = next
		if data[i+1] == '/' {
			if cur == None {
				return p.fail(i, "end without start")
			}
			end, err := p.endTag(i, cur)
			if err != nil {
				return err
			}
			cur, i, depth = t.close(cur, uint32(i)), end, depth-1
			continue
		}
		if cur == None && len(t.nodes) > 0 {
			return p.fail(i, "more after the root element")
		}
		n, end, open, err := p.startTag(i, cur, depth)
		if err != nil {
			return err
		}
		i = end
		if open {
			cur, depth = n, depth+1
		}
	}
}

// span is a text in the body or the arena, and how it was written.
type span struct {
	off, n     uint32 // decoded
	wire, wirN uint32
	enc        enc
}

// text reads character data from i to the next tag; next is its "<" or the end.
func (p *xmlParser) text(i int) (s span, next int, err error) {
	data, t := p.data, p.t
	j := bytes.IndexByte(data[i:], '<')
	if j < 0 {
		j = len(data) - i
	}
	end := i + j
	s = span{off: uint32(i), n: uint32(j), wire: uint32(i), wirN: uint32(j), enc: encXMLText}
	plain := end >= len(data) || end+1 < len(data) && data[end+1] != '!' && data[end+1] != '?'
	if plain && bytes.IndexByte(data[i:end], '&') < 0 && bytes.IndexByte(data[i:end], '\r') < 0 {
		return s, end, nil
	}
	// Pieces: text with references, CDATA sections, comments, instructions.
	start := len(t.arena)
	parts := 0
	s.enc = encXMLText
	pos := i
	for {
		if pos < end {
			parts++
			var ok bool
			if t.arena, ok = appendXMLText(t.arena, data[pos:end]); !ok {
				return s, end, p.fail(pos, "unknown entity")
			}
		}
		pos = end
		if end >= len(data) {
			break
		}
		rest := data[end:]
		var closer string
		switch {
		case bytes.HasPrefix(rest, []byte("<!--")):
			closer = "-->"
			pos += 4
		case bytes.HasPrefix(rest, []byte("<![CDATA[")):
			closer = "]]>"
			pos += 9
		case len(rest) > 1 && rest[1] == '?':
			closer = "?>"
			pos += 2
		case len(rest) > 1 && rest[1] == '!':
			return s, end, p.fail(end, "document type declarations are refused")
		case len(rest) < 2:
			return s, end, p.fail(end, "unexpected end")
		}
		if closer == "" {
			break
		}
		k := bytes.Index(data[pos:], []byte(closer))
		if k < 0 {
			return s, end, p.fail(end, "unexpected end")
		}
		if closer == "]]>" {
			parts++
			t.arena = append(t.arena, data[pos:pos+k]...)
			s.enc = encXMLCDATA
		}
		pos += k + len(closer)
		j = bytes.IndexByte(data[pos:], '<')
		if j < 0 {
			j = len(data) - pos
		}
		end = pos + j
	}
	if parts > 1 {
		s.enc = encXMLText
	}
	s.off, s.n = inArena|uint32(start), uint32(len(t.arena)-start)
	s.wirN = uint32(end) - s.wire
	return s, end, nil
}

// addXMLText adds text that stands beside elements or attributes.
func (t *Tree) addXMLText(cur Node, s span) {
	off := len(t.arena)
	t.arena = append(t.arena, "#text"...)
	n := t.add(node{kind: String, enc: s.enc, parent: cur, key: inArena | uint32(off), keyN: 5,
		text: s.off, texN: s.n, wire: s.wire, wirN: s.wirN})
	t.look(n)
}

// endTag checks the end tag at i against the open element.
func (p *xmlParser) endTag(i int, cur Node) (end int, err error) {
	data := p.data
	j := bytes.IndexByte(data[i:], '>')
	if j < 0 {
		return 0, p.fail(i, "unexpected end")
	}
	name := bytes.TrimRight(data[i+2:i+j], " \t\r\n")
	last := len(p.t.names) - 2
	off, n := p.t.names[last], p.t.names[last+1]
	if !bytes.Equal(name, data[off:off+n]) {
		return 0, p.fail(i, "end tag does not match")
	}
	p.t.names = p.t.names[:last]
	return i + j + 1, nil
}

// startTag reads the tag at i. When the element turns out to hold text alone
// it is read to its end; otherwise open is true.
func (p *xmlParser) startTag(i int, parent Node, depth int) (n Node, end int, open bool, err error) {
	t, data := p.t, p.data
	if len(t.nodes) >= t.opt.MaxNodes {
		return 0, 0, false, p.fail(i, "too many values")
	}
	if depth >= t.opt.MaxDepth {
		return 0, 0, false, p.fail(i, "nested too deeply")
	}
	j, colon := i+1, -1
	for j < len(data) && nameByte(data[j]) {
		if data[j] == ':' {
			colon = j
		}
		j++
	}
	if j == i+1 || j >= len(data) {
		return 0, 0, false, p.fail(i, "no name")
	}
	full, fullN := uint32(i+1), uint32(j-i-1)
	local := i + 1
	if colon >= 0 {
		local = colon + 1
	}
	n = t.add(node{kind: Object, parent: parent, key: uint32(local), keyN: uint32(j - local), wire: uint32(i)})
	for {
		for j < len(data) && isSpace(data[j]) {
			j++
		}
		if j >= len(data) {
			return 0, 0, false, p.fail(i, "unexpected end")
		}
		if data[j] == '>' || data[j] == '/' {
			break
		}
		if j, err = p.attribute(j, n); err != nil {
			return 0, 0, false, err
		}
	}
	if data[j] == '/' {
		if j+1 >= len(data) || data[j+1] != '>' {
			return 0, 0, false, p.fail(j, "expected />")
		}
		j += 2
		nd := &t.nodes[n]
		if nd.count == 0 {
			nd.kind, nd.enc = String, encXMLEmpty
			nd.text, nd.wirN = uint32(j), uint32(j-i)
			return n, j, false, nil
		}
		t.close(n, uint32(j))
		return n, j, false, nil
	}
	j++
	t.nodes[n].wire = uint32(j)
	// An element with text alone is the common case.
	s, next, err := p.text(j)
	if err != nil {
		return 0, 0, false, err
	}
	p.t.names = append(p.t.names, full, fullN)
	if next >= len(data) {
		return 0, 0, false, p.fail(next, "unexpected end")
	}
	if data[next+1] != '/' {
		if !blank(t.buf(s.off, s.n)) {
			t.addXMLText(n, s)
		}
		return n, next, true, nil
	}
	if end, err = p.endTag(next, n); err != nil {
		return 0, 0, false, err
	}
	if t.nodes[n].count > 0 {
		if s.n > 0 {
			t.addXMLText(n, s)
		}
		t.close(n, uint32(next))
		return n, end, false, nil
	}
	nd := &t.nodes[n]
	nd.kind, nd.enc = String, s.enc
	nd.text, nd.texN, nd.wire, nd.wirN = s.off, s.n, s.wire, s.wirN
	if s.n > 1 {
		t.look(n)
	}
	return n, end, false, nil
}

// attribute reads one attribute of n at j; namespace declarations leave no node.
func (p *xmlParser) attribute(j int, n Node) (int, error) {
	t, data := p.t, p.data
	start, local := j, j
	for j < len(data) && nameByte(data[j]) {
		if data[j] == ':' {
			local = j + 1
		}
		j++
	}
	name := data[start:j]
	nameEnd := j
	for j < len(data) && isSpace(data[j]) {
		j++
	}
	if len(name) == 0 || j >= len(data) || data[j] != '=' {
		return 0, p.fail(start, "no attribute")
	}
	j++
	for j < len(data) && isSpace(data[j]) {
		j++
	}
	if j >= len(data) || data[j] != '"' && data[j] != '\'' {
		return 0, p.fail(start, "attribute without quotes")
	}
	k := bytes.IndexByte(data[j+1:], data[j])
	if k < 0 {
		return 0, p.fail(start, "unexpected end")
	}
	val := data[j+1 : j+1+k]
	if bytes.IndexByte(val, '<') >= 0 {
		return 0, p.fail(j, "< in an attribute")
	}
	end := j + k + 2
	if string(name) == "xmlns" || bytes.HasPrefix(name, []byte("xmlns:")) {
		return end, nil
	}
	if len(t.nodes) >= t.opt.MaxNodes {
		return 0, p.fail(start, "too many values")
	}
	nd := node{kind: String, enc: encXMLAttr, parent: n, wire: uint32(j + 1), wirN: uint32(k)}
	off := len(t.arena)
	t.arena = append(append(t.arena, '@'), data[local:nameEnd]...)
	nd.key, nd.keyN = inArena|uint32(off), uint32(len(t.arena)-off)
	nd.text, nd.texN = nd.wire, nd.wirN
	if bytes.IndexByte(val, '&') >= 0 {
		off := len(t.arena)
		var ok bool
		if t.arena, ok = appendXMLText(t.arena, val); !ok {
			return 0, p.fail(j, "unknown entity")
		}
		nd.text, nd.texN = inArena|uint32(off), uint32(len(t.arena)-off)
	}
	t.add(nd)
	return end, nil
}

func nameByte(c byte) bool {
	return (c|0x20)-'a' < 26 || c-'0' <= 9 || c == '_' || c == '-' || c == '.' || c == ':' || c >= 0x80
}

func blank(s []byte) bool {
	for _, c := range s {
		if !isSpace(c) {
			return false
		}
	}
	return true
}

// appendXMLText appends s with references resolved and line ends as XML 1.0
// section 2.11 wants them; ok is false at a reference that XML does not define.
func appendXMLText(dst, s []byte) (_ []byte, ok bool) {
	for i := 0; i < len(s); {
		switch c := s[i]; c {
		case '\r':
			dst = append(dst, '\n')
			if i++; i < len(s) && s[i] == '\n' {
				i++
			}
		case '&':
			semi := bytes.IndexByte(s[i:min(len(s), i+12)], ';')
			if semi < 2 {
				return dst, false
			}
			name := s[i+1 : i+semi]
			i += semi + 1
			switch string(name) {
			case "lt":
				dst = append(dst, '<')
			case "gt":
				dst = append(dst, '>')
			case "amp":
				dst = append(dst, '&')
			case "quot":
				dst = append(dst, '"')
			case "apos":
				dst = append(dst, '\'')
			default:
				r, ok := charRef(name)
				if !ok {
					return dst, false
				}
				dst = utf8.AppendRune(dst, r)
			}
		default:
			j := i + 1
			for j < len(s) && s[j] != '&' && s[j] != '\r' {
				j++
			}
			dst = append(dst, s[i:j]...)
			i = j
		}
	}
	return dst, true
}

// charRef reads "#65" or "#x41".
func charRef(name []byte) (r rune, ok bool) {
	if len(name) < 2 || name[0] != '#' {
		return 0, false
	}
	base, digits := rune(10), name[1:]
	if digits[0] == 'x' {
		base, digits = 16, digits[1:]
	}
	if len(digits) == 0 {
		return 0, false
	}
	for _, c := range digits {
		d := rune(unhex(c))
		if d >= base {
			return 0, false
		}
		if r = r*base + d; r > utf8.MaxRune {
			return 0, false
		}
	}
	return r, utf8.ValidRune(r)
}

// appendXMLEscaped appends s as character data, or as the value of an attribute.
func appendXMLEscaped(dst, s []byte, attr bool) []byte {
	for _, c := range s {
		switch {
		case c == '&':
			dst = append(dst, "&amp;"...)
		case c == '<':
			dst = append(dst, "&lt;"...)
		case c == '>':
			dst = append(dst, "&gt;"...)
		case c == '\r':
			dst = append(dst, "&#xD;"...)
		case attr && c == '"':
			dst = append(dst, "&quot;"...)
		case attr && c == '\'':
			dst = append(dst, "&apos;"...)
		case attr && (c == '\n' || c == '\t'):
			dst = append(dst, '&', '#', 'x', "9A"[b2i(c == '\n')], ';')
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}
