package body

import (
	"bytes"
	"encoding/base64"
)

// look reads the document inside the string n, if there is one: JSON as in
// policies, messages and inputs of state machines; URL-encoded JSON as IAM
// returns its policies; and with Options.Base64 JSON in base64. A string whose
// content merely begins like a document stays a string.
func (t *Tree) look(n Node) {
	if !t.opt.Nested || t.nest >= maxNests {
		return
	}
	text := t.Text(n)
	if len(text) < 2 {
		return
	}
	ns := nest{node: n, off: t.nodes[n].text, n: t.nodes[n].texN}
	mark := len(t.arena)
	switch c := text[0]; {
	case c == '{' || c == '[' || c <= ' ' && isSpace(c) && startsJSON(text):
	case c == '%' && len(text) > 5 && (text[1] == '7' || text[1] == '5') && (text[2]|0x20 == 'b'):
		ns.wrap = wrapURL
		t.arena = appendURLDecoded(t.arena, text, false)
		ns.off, ns.n = inArena|uint32(mark), uint32(len(t.arena)-mark)
	case t.opt.Base64 && len(text) >= 8 && (c == 'e' || c == 'W' || c == 'I') && len(text)%4 == 0:
		var err error
		if t.arena, err = base64.StdEncoding.AppendDecode(t.arena, text); err != nil {
			t.arena = t.arena[:mark]
			return
		}
		ns.wrap = wrapBase64
		ns.off, ns.n = inArena|uint32(mark), uint32(len(t.arena)-mark)
	default:
		return
	}
	doc := t.buf(ns.off, ns.n)
	if !bracketed(doc) {
		t.arena = t.arena[:mark]
		return
	}
	// A failed attempt must leave no trace.
	nodes, nests, arena := len(t.nodes), len(t.nests), len(t.arena)
	t.nest++
	t.nests = append(t.nests, ns)
	t.nodes[n].nested = true
	err := t.parseJSON(doc, ns.off, n, 0)
	t.nest--
	if err != nil {
		t.nodes, t.nests, t.arena = t.nodes[:nodes], t.nests[:nests], t.arena[:arena]
		t.nodes[n].nested = false
		return
	}
	t.nodes[n].end = Node(len(t.nodes))
}

func startsJSON(s []byte) bool {
	s = bytes.TrimLeft(s, " \t\r\n")
	return len(s) > 0 && (s[0] == '{' || s[0] == '[')
}

// bracketed reports whether s looks like an object or a list from outside:
// a cheap test before parsing.
func bracketed(s []byte) bool {
	s = bytes.Trim(s, " \t\r\n")
	return len(s) >= 2 && (s[0] == '{' && s[len(s)-1] == '}' || s[0] == '[' && s[len(s)-1] == ']')
}
