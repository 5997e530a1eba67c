package diff

import (
	"bytes"

	"github.com/neureaux/cloudmock/internal/body"
	"github.com/neureaux/cloudmock/internal/value"
)

// scratch is the memory that the walk of one job uses and reuses.
type scratch struct {
	nodes   []body.Node
	members []member
	matched []matched
	sigsA   []sig
	sigsB   []sig
	rest    []sig
	table   []uint16
}

// sig is what a list element is recognised by: a hash of it with everything
// left out that varies by nature.
type sig struct {
	stable uint64
	node   body.Node
	mate   int32 // index of its counterpart, or -1
	moved  bool  // the counterpart stands at another place
}

// list compares the elements a and b of two lists, which are members of the nodes at p.
func (j *job) list(p place, a, b []body.Node) {
	pr := j.pairs[p.pair]
	same := func(x, y body.Node) bool {
		return pr.a.Kind(x) == pr.b.Kind(y) && bytes.Equal(pr.a.Wire(x), pr.b.Wire(y))
	}
	for len(a) > 0 && len(b) > 0 && same(a[0], b[0]) {
		a, b = a[1:], b[1:]
	}
	for len(a) > 0 && len(b) > 0 && same(a[len(a)-1], b[len(b)-1]) {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	if len(a) == 1 && len(b) == 1 {
		j.walk(p.pair, a[0], b[0])
		return
	}
	if len(a) == 0 || len(b) == 0 {
		j.rest(p.pair, a, b)
		return
	}
	free := j.unordered(p, a)
	if !free && len(a) == len(b) && j.inStep(p.pair, a, b) {
		return
	}
	s := &j.mem
	markA, markB := len(s.sigsA), len(s.sigsB)
	for _, n := range a {
		s.sigsA = append(s.sigsA, sig{stable: j.stableSig(&pr.a, n, nil), node: n, mate: -1})
	}
	for _, n := range b {
		s.sigsB = append(s.sigsB, sig{stable: j.stableSig(&pr.b, n, nil), node: n, mate: -1})
	}
	x, y := s.sigsA[markA:], s.sigsB[markB:]
	if free {
		j.unorderedList(p, x, y)
	} else {
		j.orderedList(p, x, y)
	}
	s.sigsA, s.sigsB = s.sigsA[:markA], s.sigsB[:markB]
}

// inStep compares two lists of one length element by element, if they differ in
// nothing but what the bindings can explain: then nothing was moved.
func (j *job) inStep(pi int32, a, b []body.Node) bool {
	mark, groups, used := len(j.events), len(j.groups), j.used
	for i := range a {
		from := len(j.events)
		j.walk(pi, a[i], b[i])
		for _, e := range j.events[from:] {
			if e.mode == modeDiff || e.mode == modeAgree && e.rule == ruleBound {
				j.events, j.groups, j.used = j.events[:mark], j.groups[:groups], used
				return false
			}
		}
	}
	return true
}

// rest reports elements that are on one side only.
func (j *job) rest(pi int32, a, b []body.Node) {
	for _, n := range a {
		j.lone(place{pair: pi, a: n, b: body.None}, KindMissing)
	}
	for _, n := range b {
		j.lone(place{pair: pi, a: body.None, b: n}, KindExtra)
	}
}

// orderedList aligns by the longest common subsequence of what the elements are
// recognised by, so that an inserted element is one difference.
func (j *job) orderedList(p place, x, y []sig) {
	pi := p.pair
	// Ends that go together need no table.
	for len(x) > 0 && len(y) > 0 && x[0].stable == y[0].stable {
		j.walk(pi, x[0].node, y[0].node)
		x, y = x[1:], y[1:]
	}
	tail := 0
	for tail < len(x) && tail < len(y) && x[len(x)-1-tail].stable == y[len(y)-1-tail].stable {
		tail++
	}
	tx, ty := x[len(x)-tail:], y[len(y)-tail:]
	x, y = x[:len(x)-tail], y[:len(y)-tail]
	j.align(x, y)
	if j.moved(x, y) && !j.sortedByID(p, x, y) {
		j.lone(p, KindOrder)
	}
	mark := len(j.mem.rest)
	loose := func(s []sig) (from int, left []sig) {
		from = len(j.mem.rest)
		for len(s) > 0 && (s[0].mate < 0 || s[0].moved) {
			if s[0].mate < 0 {
				j.mem.rest = append(j.mem.rest, s[0])
			}
			s = s[1:]
		}
		return from, s
	}
	for len(x) > 0 || len(y) > 0 {
		var from, mid int
		from, x = loose(x)
		mid, y = loose(y)
		rest := j.mem.rest
		j.gap(pi, rest[from:mid:mid], rest[mid:])
		if len(x) > 0 {
			j.walk(pi, x[0].node, y[0].node)
			x, y = x[1:], y[1:]
		}
	}
	j.mem.rest = j.mem.rest[:mark]
	for i := range tx {
		j.walk(pi, tx[i].node, ty[i].node)
	}
}

// maxTable bounds the memory and time of the exact alignment.
const maxTable = 1 << 20

// align sets the mates of a longest common subsequence; of very long lists, of
// a greedy one.
func (j *job) align(x, y []sig) {
	if len(x) == 0 || len(y) == 0 {
		return
	}
	w := len(y) + 1
	if (len(x)+1)*w > maxTable || len(x) >= 1<<16 || len(y) >= 1<<16 {
		where := make(map[uint64]int, len(y))
		for i := len(y) - 1; i >= 0; i-- {
			where[y[i].stable] = i
		}
		next := 0
		for i := range x {
			if k, ok := where[x[i].stable]; ok && k >= next {
				x[i].mate, y[k].mate = int32(k), int32(i)
				next = k + 1
			}
		}
		return
	}
	s := &j.mem
	if need := (len(x) + 1) * w; cap(s.table) < need {
		s.table = make([]uint16, need)
	}
	t := s.table[:(len(x)+1)*w]
	clear(t[len(x)*w:])
	for i := len(x) - 1; i >= 0; i-- {
		t[i*w+w-1] = 0
		for k := len(y) - 1; k >= 0; k-- {
			if x[i].stable == y[k].stable {
				t[i*w+k] = t[(i+1)*w+k+1] + 1
			} else {
				t[i*w+k] = max(t[(i+1)*w+k], t[i*w+k+1])
			}
		}
	}
	for i, k := 0, 0; i < len(x) && k < len(y); {
		switch {
		case x[i].stable == y[k].stable:
			x[i].mate, y[k].mate = int32(k), int32(i)
			i++
			k++
		case t[(i+1)*w+k] >= t[i*w+k+1]:
			i++
		default:
			k++
		}
	}
}

// moved gives elements without a mate the ones that equal them elsewhere in the
// list, and reports whether there were any.
func (j *job) moved(x, y []sig) bool {
	free := 0
	for i := range y {
		if y[i].mate < 0 {
			free++
		}
	}
	if free == 0 {
		return false
	}
	any := false
	match(x, y, func(i, k int) {
		any = true
		x[i].mate, y[k].mate = int32(k), int32(i)
		x[i].moved, y[k].moved = true, true
	})
	return any
}

// match calls pair for each two elements without a mate that look the same.
func match(x, y []sig, pair func(i, k int)) {
	if len(x)*len(y) <= 1024 {
		for i := range x {
			for k := range y {
				if x[i].mate < 0 && y[k].mate < 0 && x[i].stable == y[k].stable {
					pair(i, k)
				}
			}
		}
		return
	}
	where := make(map[uint64][]int32, len(y))
	for k := range y {
		if y[k].mate < 0 {
			where[y[k].stable] = append(where[y[k].stable], int32(k))
		}
	}
	for i := range x {
		if w := where[x[i].stable]; x[i].mate < 0 && len(w) > 0 {
			pair(i, int(w[0]))
			where[x[i].stable] = w[1:]
		}
	}
}

// gap compares elements that correspond to none on the other side: those that
// are most alike with each other, the rest as missing and extra.
func (j *job) gap(pi int32, x, y []sig) {
	if len(x) == len(y) {
		for i := range x {
			j.walk(pi, x[i].node, y[i].node)
		}
		return
	}
	swap := len(x) > len(y)
	short, long := x, y
	if swap {
		short, long = y, x
	}
	pr := j.pairs[pi]
	next := 0
	for i := range short {
		best, at := -1, next
		for k := next; k <= len(long)-(len(short)-i) && k < next+64; k++ {
			n, m := short[i].node, long[k].node
			if swap {
				n, m = m, n
			}
			if s := j.alike(&pr.a, &pr.b, n, m, 0); s > best {
				best, at = s, k
			}
		}
		for ; next < at; next++ {
			j.single(pi, long[next].node, swap)
		}
		if swap {
			j.walk(pi, long[at].node, short[i].node)
		} else {
			j.walk(pi, short[i].node, long[at].node)
		}
		next = at + 1
	}
	for ; next < len(long); next++ {
		j.single(pi, long[next].node, swap)
	}
}

func (j *job) single(pi int32, n body.Node, original bool) {
	if original {
		j.lone(place{pair: pi, a: n, b: body.None}, KindMissing)
	} else {
		j.lone(place{pair: pi, a: body.None, b: n}, KindExtra)
	}
}

// alike counts the members that two elements have in common; their name counts
// more than anything.
func (j *job) alike(ta, tb *body.Tree, a, b body.Node, depth int) int {
	score := 0
	y := tb.First(b)
	for x := ta.First(a); x != body.None; x = ta.Next(x) {
		if y == body.None || !bytes.Equal(ta.Key(x), tb.Key(y)) {
			for y = tb.First(b); y != body.None && !bytes.Equal(ta.Key(x), tb.Key(y)); {
				y = tb.Next(y)
			}
		}
		if y == body.None {
			continue
		}
		if bytes.Equal(ta.Wire(x), tb.Wire(y)) {
			score++
			if keyMember(ta.Key(x)) {
				score += 100
			}
		} else if ta.Kind(x) == tb.Kind(y) {
			if ta.Kind(x).Scalar() {
				if j.stableSig(ta, x, nil) == j.stableSig(tb, y, nil) {
					score++
				}
			} else if depth < 4 {
				score += j.alike(ta, tb, x, y, depth+1)
			}
		}
		y = tb.Next(y)
	}
	return score
}

// keyMember reports whether elements of lists are told apart by a member of this name.
func keyMember(name []byte) bool {
	switch string(name) {
	case "Key", "key", "Name", "name", "Id", "id", "ID", "@id", "AttributeName", "IndexName", "PartNumber":
		return true
	}
	return len(name) > 4 && (bytes.HasSuffix(name, []byte("Name")) || bytes.HasSuffix(name, []byte("Id")))
}

// pairRewritten pairs the elements that are equal once they say what the
// replay's request said, as the answer to a batch of ids does.
func (j *job) pairRewritten(pi int32, x, y []sig) {
	if len(j.rewrites) == 0 {
		return
	}
	pr := j.pairs[pi]
	where := make(map[string][]int32)
	for k := range y {
		if y[k].mate < 0 {
			wire := string(pr.b.Wire(y[k].node))
			where[wire] = append(where[wire], int32(k))
		}
	}
	for i := range x {
		if x[i].mate >= 0 {
			continue
		}
		mark := len(j.scratch)
		want, changed := j.rewritten(pr.a.Wire(x[i].node))
		at := where[string(want)]
		if changed && len(at) > 0 {
			where[string(want)] = at[1:]
			x[i].mate, y[at[0]].mate = at[0], int32(i)
		}
		j.scratch = j.scratch[:mark]
		if x[i].mate >= 0 {
			j.walk(pi, x[i].node, y[x[i].mate].node)
		}
	}
}

// stableSig hashes a node with what varies by nature left out.
func (j *job) stableSig(t *body.Tree, n body.Node, key []byte) uint64 {
	if key == nil {
		key = t.Key(n)
	}
	switch k := t.Kind(n); {
	case k.Scalar():
		return j.stableText(k, t.Text(n), key)
	case k == body.Array:
		h := uint64(3)
		set := len(key) == 2 && key[1] == 'S'
		for c := t.First(n); c != body.None; c = t.Next(c) {
			s := j.stableSig(t, c, key)
			if set {
				h += mix(s)
			} else {
				h = mix(h*31 + s)
			}
		}
		return h
	default:
		h := uint64(5)
		for c := t.First(n); c != body.None; c = t.Next(c) {
			ck := t.Key(c)
			if value.RoleOf(ck) == value.Ignored {
				continue
			}
			h += mix(hashBytes(fnvOffset, ck) ^ j.stableSig(t, c, nil))
		}
		return mix(h)
	}
}

func (j *job) stableText(k body.Kind, s, key []byte) uint64 {
	if dynamoType(key) && j.service == "dynamodb" { // the user's own
		if string(key) == "N" || string(key) == "NS" {
			return hashNumber(s)
		}
		return mix(hashBytes(fnvOffset, s))
	}
	switch role := value.RoleOf(key); {
	case role == value.TokenRole && value.Random(s), role == value.LagRole, role == value.OwnerRole:
		return 7
	case k == body.Time, role == value.TimeRole && value.Epoch(s) != value.NoTime:
		return 11
	}
	c := value.Classify(s)
	if i := len(s) - 9; i > 0 && s[i] == '-' && wholeNumber(s[i+1:]) {
		c.Kind = value.ResourceID // eight hexadecimal digits that happen to be decimal
	}
	switch {
	case c.Kind == value.Number && k == body.Number:
		return hashNumber(s)
	case c.Kind.Generated(), c.Kind == value.Timestamp, c.Kind == value.Account, c.Kind == value.Address:
		return uint64(c.Kind)<<32 | 13
	case value.RoleOf(key) == value.IDRole && value.Random(s):
		return 17
	}
	h := uint64(fnvOffset)
	for rest := s; len(rest) > 0; {
		var sep []byte
		var t token
		sep, t, rest = nextToken(rest)
		h = hashBytes(h, sep)
		switch c := value.Classify(t.text); {
		case t.host, t.date, c.Kind.Generated(), c.Kind == value.Timestamp, c.Kind == value.Account, value.Random(t.text):
			h = h*31 + 19
		default:
			h = hashBytes(h, t.text)
		}
	}
	return mix(h)
}

// hashNumber hashes equal numbers alike, however they are spelled.
func hashNumber(s []byte) uint64 {
	h := uint64(fnvOffset)
	exp, point, started := 0, false, false
	zeros := 0
	for i, c := range s {
		switch {
		case c == '-':
			h = h*31 + 1
		case c == '.':
			point = true
		case c|0x20 == 'e':
			n, neg := 0, false
			for _, d := range s[i+1:] {
				switch {
				case d == '-':
					neg = true
				case d-'0' <= 9 && n < 1<<20:
					n = n*10 + int(d-'0')
				}
			}
			if neg {
				n = -n
			}
			return finishNumber(h, exp+n+zeros, started)
		case c-'0' <= 9:
			if point {
				exp--
			}
			if c == '0' {
				if started {
					zeros++
				}
				continue
			}
			for ; zeros > 0; zeros-- {
				h = hashBytes(h, []byte{'0'})
			}
			started = true
			h = hashBytes(h, []byte{c})
		}
	}
	return finishNumber(h, exp+zeros, started)
}

func finishNumber(h uint64, exp int, started bool) uint64 {
	if !started {
		return 23
	}
	return mix(h ^ uint64(exp+1<<30)*fnvPrime)
}
