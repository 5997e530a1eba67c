package body

// parseForm reads application/x-www-form-urlencoded: an Object whose members
// are the fields in order, decoded. A bad escape stands for itself, as in
// browsers.
func (t *Tree) parseForm(data []byte) error {
	root := t.add(node{kind: Object, parent: None})
	for i := 0; i <= len(data); {
		end, eq := i, -1
		for end < len(data) && data[end] != '&' {
			if data[end] == '=' && eq < 0 {
				eq = end
			}
			end++
		}
		if end > i {
			if len(t.nodes) >= t.opt.MaxNodes {
				return &Error{Format: Form, Offset: i, Reason: "too many values"}
			}
			nd := node{kind: String, enc: encForm, keyEnc: encForm, parent: root}
			if eq < 0 {
				eq = end
			}
			nd.key, nd.keyN = t.formText(data[i:eq], uint32(i))
			if eq < end {
				eq++
			} else {
				nd.enc = encOpaque // no "=" to put a value after
			}
			nd.text, nd.texN = t.formText(data[eq:end], uint32(eq))
			nd.wire, nd.wirN = uint32(eq), uint32(end-eq)
			n := t.add(nd)
			if t.opt.Nested && nd.texN > 1 {
				t.look(n)
			}
		}
		i = end + 1
	}
	t.close(root, uint32(len(data)))
	return nil
}

// formText decodes s, which stands at base; text without escapes stays there.
func (t *Tree) formText(s []byte, base uint32) (off, n uint32) {
	for i, c := range s {
		if c == '%' || c == '+' {
			start := len(t.arena)
			t.arena = append(t.arena, s[:i]...)
			t.arena = appendURLDecoded(t.arena, s[i:], true)
			return inArena | uint32(start), uint32(len(t.arena) - start)
		}
	}
	return base, uint32(len(s))
}

func appendURLDecoded(dst, s []byte, plus bool) []byte {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '%' && i+2 < len(s) && unhex(s[i+1]) < 16 && unhex(s[i+2]) < 16 {
			c = unhex(s[i+1])<<4 | unhex(s[i+2])
			i += 2
		} else if c == '+' && plus {
			c = ' '
		}
		dst = append(dst, c)
	}
	return dst
}

// appendURLEncoded escapes all but RFC 3986's unreserved characters, as every AWS SDK does.
func appendURLEncoded(dst, s []byte) []byte {
	const hex = "0123456789ABCDEF"
	for _, c := range s {
		if c-'0' <= 9 || (c|0x20)-'a' < 26 || c == '-' || c == '_' || c == '.' || c == '~' {
			dst = append(dst, c)
		} else {
			dst = append(dst, '%', hex[c>>4], hex[c&15])
		}
	}
	return dst
}
