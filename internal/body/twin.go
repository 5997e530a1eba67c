package body

import "sort"

// twin is a tree of a document that begins and ends like the one being read.
type twin struct {
	tree   *Tree
	shared Node // nodes up to this one are the twin's own
	suffix int  // where the common end begins
	tries  int  // how often its nodes may still be looked for
}

// ParseTwin is Parse for a body that begins with the same prefix bytes as the
// one in like, and ends with the same suffix bytes. What they have in common is
// taken from there instead of being read again. The result is that of Parse.
func (t *Tree) ParseTwin(data []byte, o Options, like *Tree, prefix, suffix int) error {
	n := None
	if like.format == JSON && len(like.nests) == 0 && !o.Nested && prefix+suffix <= min(len(data), len(like.src)) {
		n = like.lastScalar(prefix)
	}
	if n < 16 || o.Format != Auto || Detect(o.ContentType, data) != JSON || o.MaxSize|o.MaxDepth|o.MaxNodes != 0 || len(data) > defaultMaxSize {
		return t.Parse(data, o)
	}
	o.MaxSize, o.MaxDepth, o.MaxNodes = defaultMaxSize, defaultMaxDepth, defaultMaxNodes
	t.reset(data, o)
	t.format = JSON
	t.arena = append(t.arena, like.arena...)
	t.nodes = append(t.nodes, like.nodes[:n+1]...)
	// The containers that are open behind n have only the children so far.
	cur, depth := t.nodes[n].parent, 0
	for c := cur; c >= 0; c = t.nodes[c].parent {
		depth++
		t.nodes[c].count = 0
		for x := c + 1; x <= n; x = t.nodes[x].end {
			t.nodes[c].count++
		}
	}
	last := &t.nodes[n]
	tw := &twin{tree: like, shared: n, suffix: len(data) - suffix, tries: 64}
	if err := t.jsonFrom(data, 0, None, depth, int(last.wire+last.wirN), cur, tw); err != nil {
		return t.Parse(data, o) // for the error, and the opaque tree
	}
	return nil
}

// lastScalar returns the last scalar that ends before byte end.
func (t *Tree) lastScalar(end int) Node {
	k := sort.Search(len(t.nodes), func(i int) bool { return int(t.nodes[i].wire) >= end })
	for n := Node(k - 1); n >= 0; n-- {
		nd := &t.nodes[n]
		if nd.kind.Scalar() && int(nd.wire+nd.wirN) < end {
			return n
		}
	}
	return None
}

// adopt takes over the rest of the twin's nodes, if byte i, behind a value in
// the container cur, is where the twin stood in the same containers.
func (t *Tree) adopt(tw *twin, i int, cur Node) bool {
	if tw.tries == 0 || cur < 0 || cur > tw.shared {
		return false
	}
	tw.tries--
	like := tw.tree
	delta := len(t.src) - len(like.src)
	pos := i - delta
	k := sort.Search(len(like.nodes), func(x int) bool { return int(like.nodes[x].wire) >= pos })
	v := Node(k - 1)
	for v >= 0 && int(like.nodes[v].wire+like.nodes[v].wirN) != pos {
		if int(like.nodes[v].wire+like.nodes[v].wirN) > pos {
			return false // inside of a value
		}
		v = like.nodes[v].parent
	}
	if v < 0 || like.nodes[v].parent != cur || len(t.nodes)+len(like.nodes)-k > t.opt.MaxNodes {
		return false
	}
	shift := Node(len(t.nodes) - k)
	move := func(off uint32) uint32 {
		if off&inArena != 0 {
			return off
		}
		return uint32(int(off) + delta)
	}
	for _, nd := range like.nodes[k:] {
		if nd.parent >= Node(k) {
			nd.parent += shift
		}
		nd.end += shift
		nd.wire, nd.text, nd.key = move(nd.wire), move(nd.text), move(nd.key)
		t.nodes = append(t.nodes, nd)
	}
	for c, x := cur, Node(k); c >= 0; c = like.nodes[c].parent {
		end := like.nodes[c].end
		for ; x < end; x = like.nodes[x].end {
			t.nodes[c].count++
		}
		t.nodes[c].end = end + shift
		t.nodes[c].wirN = uint32(int(like.nodes[c].wirN) + delta)
	}
	return true
}
