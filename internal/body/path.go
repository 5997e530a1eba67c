package body

import "strconv"

// AppendPath appends the path of n, such as "$.Contents[3].Size". XML elements
// that repeat are numbered, and so are lists; members of a nested document follow
// the string around it. The cost grows with the number of siblings: it is meant for
// the few nodes that are worth a message.
func (t *Tree) AppendPath(dst []byte, n Node) []byte {
	nd := &t.nodes[n]
	p := nd.parent
	if p < 0 {
		return append(dst, '$')
	}
	dst = t.AppendPath(dst, p)
	pk := t.nodes[p].kind
	if pk.Scalar() { // the root of a nested document
		return dst
	}
	if pk == Array {
		i := 0
		for c := t.First(p); c != n; c = t.Next(c) {
			i++
		}
		return AppendIndex(dst, i)
	}
	key := t.Key(n)
	dst = AppendMember(dst, key)
	if !t.XML(p) {
		return dst
	}
	i, repeats := 0, false
	for c := t.First(p); c != None; c = t.Next(c) {
		if c != n && string(t.Key(c)) == string(key) {
			repeats = true
			if c < n {
				i++
			}
		}
	}
	if repeats {
		dst = AppendIndex(dst, i)
	}
	return dst
}

// AppendIndex appends "[3]".
func AppendIndex(dst []byte, i int) []byte {
	return append(strconv.AppendInt(append(dst, '['), int64(i), 10), ']')
}

// AppendMember appends ".name", or `["na.me"]` where the name is not plain.
func AppendMember(dst, name []byte) []byte {
	plain := len(name) > 0
	for _, c := range name {
		if (c|0x20)-'a' >= 26 && c-'0' > 9 && c != '_' && c != '-' && c != '@' && c != '#' && c != ':' {
			plain = false
			break
		}
	}
	if plain {
		return append(append(dst, '.'), name...)
	}
	dst = append(dst, '[', '"')
	dst = appendJSONString(dst, name)
	return append(dst, '"', ']')
}
