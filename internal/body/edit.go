package body

import (
	"bytes"
	"encoding/base64"
	"fmt"
)

// Edit gives a scalar, or the key of a member, another text.
type Edit struct {
	Node Node
	Key  bool   // replace the key instead of the value
	Text []byte // decoded, as [Tree.Text] would return it
}

// Editable reports whether the value of n, a scalar, can be replaced.
func (t *Tree) Editable(n Node) bool { return t.nodes[n].enc != encOpaque }

// EditableKey reports whether the key of n can be replaced.
func (t *Tree) EditableKey(n Node) bool { return t.nodes[n].keyEnc != encOpaque }

// AppendEdited appends the body with the edits applied. Each text is written the
// way the old one was (JSON, XML and URL escapes, CBOR lengths, a nested document
// within its string, lengths and checksums of frames); all other bytes stay.
// The edits are in the order of their nodes, a key before its value.
func (t *Tree) AppendEdited(dst []byte, edits []Edit) ([]byte, error) {
	for i := 1; i < len(edits); i++ {
		a, b := &edits[i-1], &edits[i]
		if a.Node > b.Node || a.Node == b.Node && (a.Key == b.Key || b.Key) {
			return dst, fmt.Errorf("edits are not in order at %d", i)
		}
	}
	if t.format == EventStream {
		return t.appendFrames(dst, edits)
	}
	return t.render(dst, 0, uint32(len(t.src)), edits, None)
}

// render appends the bytes from pos to end, which hold all the edits, inside
// the nested document of the string within.
func (t *Tree) render(dst []byte, pos, end uint32, edits []Edit, within Node) ([]byte, error) {
	for len(edits) > 0 {
		e := edits[0]
		// The outermost string between within and the node that holds a document.
		outer := None
		for p := t.nodes[e.Node].parent; p != within && p >= 0; p = t.nodes[p].parent {
			if t.nodes[p].nested {
				outer = p
			}
		}
		var err error
		if outer != None {
			k := 1
			for k < len(edits) && edits[k].Node < t.nodes[outer].end {
				k++
			}
			var text []byte
			if text, err = t.renderNest(outer, edits[:k]); err != nil {
				return dst, err
			}
			edits = edits[k:]
			e = Edit{Node: outer, Text: text}
		} else {
			edits = edits[1:]
		}
		nd := &t.nodes[e.Node]
		start, n, how := nd.wire, nd.wirN, nd.enc
		if e.Key {
			start, n, how = nd.key, nd.keyN, nd.keyEnc
			switch how {
			case encJSONString: // the span of a key is what stands between the quotes
				start, n = start-1, n+2
			case encCBORText:
				// A length that is not in its shortest form is not worth finding.
				head := appendCBORHead(nil, cborText, uint64(n))
				size := uint32(len(head))
				if start-pos < size || !bytes.Equal(t.buf(start-size, size), head) {
					return dst, fmt.Errorf("key of node %d cannot be replaced", e.Node)
				}
				start, n = start-size, n+size
			case encForm:
				start, n = t.formKeySpan(nd)
			}
		}
		if start < pos || start+n > end {
			return dst, fmt.Errorf("edit of node %d inside another", e.Node)
		}
		dst = append(dst, t.buf(pos, start-pos)...)
		if dst, err = t.appendScalar(dst, how, start, n, e.Text); err != nil {
			return dst, fmt.Errorf("replacing node %d: %w", e.Node, err)
		}
		pos = start + n
	}
	return append(dst, t.buf(pos, end-pos)...), nil
}

// formKeySpan returns where the field's name stands: before the "=" that
// precedes the value.
func (t *Tree) formKeySpan(nd *node) (start, n uint32) {
	end := nd.wire
	if end > 0 && t.src[end-1] == '=' {
		end--
	}
	start = end
	for start > 0 && t.src[start-1] != '&' {
		start--
	}
	return start, end - start
}

func (t *Tree) renderNest(n Node, edits []Edit) ([]byte, error) {
	for _, ns := range t.nests {
		if ns.node != n {
			continue
		}
		if edits[0].Node == n {
			return nil, fmt.Errorf("node %d is edited as a whole and within", n)
		}
		doc, err := t.render(nil, ns.off, ns.off+ns.n, edits, n)
		if err != nil {
			return nil, err
		}
		switch ns.wrap {
		case wrapURL:
			return appendURLEncoded(nil, doc), nil
		case wrapBase64:
			return base64.StdEncoding.AppendEncode(nil, doc), nil
		}
		return doc, nil
	}
	return nil, fmt.Errorf("node %d holds no document", n)
}

// appendFrames writes the frames that hold edits anew and copies the others.
func (t *Tree) appendFrames(dst []byte, edits []Edit) ([]byte, error) {
	for f := t.First(0); f != None; f = t.Next(f) {
		nd := &t.nodes[f]
		k := 0
		for k < len(edits) && edits[k].Node < nd.end {
			k++
		}
		mine := edits[:k]
		edits = edits[k:]
		if k == 0 {
			dst = append(dst, t.buf(nd.wire, nd.wirN)...)
			continue
		}
		raw := t.buf(nd.wire, nd.wirN)
		split := nd.wire + preludeSize + uint32(raw[4])<<24 + uint32(raw[5])<<16 + uint32(raw[6])<<8 + uint32(raw[7])
		k = 0
		for k < len(mine) && !t.inPayload(mine[k].Node, f) {
			k++
		}
		heads, err := t.render(nil, nd.wire+preludeSize, split, mine[:k], None)
		if err != nil {
			return dst, err
		}
		payload, err := t.render(nil, split, nd.wire+nd.wirN-4, mine[k:], None)
		if err != nil {
			return dst, err
		}
		dst = appendFrame(dst, heads, payload)
	}
	return dst, nil
}

// inPayload reports whether n is, or is within, the last child of the frame.
func (t *Tree) inPayload(n, frame Node) bool {
	for t.nodes[n].parent != frame {
		n = t.nodes[n].parent
	}
	return t.nodes[n].end == t.nodes[frame].end
}

// appendScalar writes text the way the scalar at start was written.
func (t *Tree) appendScalar(dst []byte, how enc, start, n uint32, text []byte) ([]byte, error) {
	switch how {
	case encRaw:
		return append(dst, text...), nil
	case encJSONString:
		dst = append(dst, '"')
		return append(appendJSONString(dst, text), '"'), nil
	case encJSONNumber:
		if len(text) == 0 || scanNumber(text, 0) != len(text) {
			return dst, fmt.Errorf("%q is no number", text)
		}
		return append(dst, text...), nil
	case encXMLText:
		return appendXMLEscaped(dst, text, false), nil
	case encXMLCDATA:
		for i := 0; i+3 <= len(text); i++ {
			if string(text[i:i+3]) == "]]>" {
				return appendXMLEscaped(dst, text, false), nil
			}
		}
		dst = append(dst, "<![CDATA["...)
		return append(append(dst, text...), "]]>"...), nil
	case encXMLAttr:
		return appendXMLEscaped(dst, text, true), nil
	case encXMLEmpty:
		tag := t.buf(start, n)
		name := 1
		for nameByte(tag[name]) {
			name++
		}
		dst = append(append(dst, tag[:len(tag)-2]...), '>')
		dst = appendXMLEscaped(dst, text, false)
		return append(append(append(dst, '<', '/'), tag[1:name]...), '>'), nil
	case encForm:
		return appendURLEncoded(dst, text), nil
	case encCBORText:
		return append(appendCBORHead(dst, cborText, uint64(len(text))), text...), nil
	case encCBORBytes:
		return append(appendCBORHead(dst, cborBytes, uint64(len(text))), text...), nil
	case encCBORNumber:
		if d, ok := appendCBORNumber(dst, text); ok {
			return d, nil
		}
		return dst, fmt.Errorf("%q is no number", text)
	case encFrameText:
		if len(text) > 1<<15-1 {
			return dst, fmt.Errorf("header value of %d bytes", len(text))
		}
		return append(append(dst, byte(len(text)>>8), byte(len(text))), text...), nil
	}
	return dst, fmt.Errorf("the value cannot be replaced")
}
