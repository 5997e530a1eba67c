package diff

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/neureaux/cloudmock/internal/body"
	"github.com/neureaux/cloudmock/internal/value"
)

// walk compares two nodes of a pair and adds an event for each difference.
// What is the same byte for byte is not looked into.
func (j *job) walk(pi int32, a, b body.Node) {
	pr := j.pairs[pi]
	ka, kb := pr.a.Kind(a), pr.b.Kind(b)
	p := place{pair: pi, a: a, b: b}
	switch {
	case ka.Scalar() && kb.Scalar():
		j.scalar(p, ka, kb)
	case ka == kb:
		if bytes.Equal(pr.a.Wire(a), pr.b.Wire(b)) && pr.a.XML(a) == pr.b.XML(b) {
			if !j.sameOwner && string(pr.a.Key(a)) == "Owner" {
				j.noteOwner(p)
			}
			return
		}
		if ka == body.Array {
			j.array(pi, a, b)
		} else {
			j.object(pi, a, b)
		}
	case pr.a.XML(a) && pr.b.XML(b) && (emptyText(&pr.a, a) || emptyText(&pr.b, b)):
		// An XML element with nothing but white space is an empty list or structure, too.
		j.object(pi, a, b)
	default:
		j.lone(p, KindType)
	}
}

// noteOwner notes an owner that is the same on both sides.
func (j *job) noteOwner(p place) {
	pr := j.pairs[p.pair]
	for c := pr.a.First(p.a); c != body.None; c = pr.a.Next(c) {
		if pr.a.Kind(c) == body.String && len(pr.a.Text(c)) > 0 {
			j.sameOwner = true
			j.add(event{place: p, a: pr.a.Text(c), b: pr.a.Text(c), mode: modeSame, rule: ruleOwner})
		}
	}
}

func emptyText(t *body.Tree, n body.Node) bool {
	return t.Kind(n) == body.String && blank(t.Text(n))
}

// lone adds a difference that no kind of value excuses, unless its name does.
func (j *job) lone(p place, kind Kind) {
	if j.ignoredByName(p) {
		j.add(event{place: p, mode: modeAllow, rule: ruleName})
		return
	}
	j.add(event{place: p, kind: kind})
}

func (j *job) array(pi int32, a, b body.Node) {
	pr := j.pairs[pi]
	mark := len(j.mem.nodes)
	s := &j.mem
	for c := pr.a.First(a); c != body.None; c = pr.a.Next(c) {
		s.nodes = append(s.nodes, c)
	}
	mid := len(s.nodes)
	for c := pr.b.First(b); c != body.None; c = pr.b.Next(c) {
		s.nodes = append(s.nodes, c)
	}
	end := len(s.nodes)
	j.list(place{pair: pi, a: a, b: b}, s.nodes[mark:mid:mid], s.nodes[mid:end:end])
	s.nodes = s.nodes[:mark]
}

// object compares members by name. Members in the same order on both sides, as
// they nearly always are, are compared as they come.
func (j *job) object(pi int32, a, b body.Node) {
	pr := j.pairs[pi]
	xml := pr.a.XML(a)
	x, y := pr.a.First(a), pr.b.First(b)
	var last []byte
	for x != body.None && y != body.None {
		key := pr.a.Key(x)
		if !bytes.Equal(key, pr.b.Key(y)) || xml && bytes.Equal(key, last) {
			break
		}
		last = key
		x, y = pr.a.Next(x), pr.b.Next(y)
	}
	if x != body.None || y != body.None {
		j.members(pi, a, b)
		return
	}
	y = pr.b.First(b)
	for x = pr.a.First(a); x != body.None; x = pr.a.Next(x) {
		j.walk(pi, x, y)
		y = pr.b.Next(y)
	}
}

// member is a child on its way to its namesakes.
type member struct {
	key  uint64
	node body.Node
}

// matched is the members of one name on both sides: runs of scratch.members.
type matched struct {
	first      body.Node // for the order of reports
	a, an      int
	b, bn      int
	aEnd, bEnd body.Node
}

// members compares objects whose members do not stand in the same order.
func (j *job) members(pi int32, a, b body.Node) {
	pr, s := j.pairs[pi], &j.mem
	mark, gmark := len(s.members), len(s.matched)
	collect := func(t *body.Tree, n body.Node) (from, to int) {
		from = len(s.members)
		for c := t.First(n); c != body.None; c = t.Next(c) {
			s.members = append(s.members, member{mix(hashBytes(fnvOffset, t.Key(c))), c})
		}
		slices.SortFunc(s.members[from:], func(x, y member) int {
			if c := cmp.Compare(x.key, y.key); c != 0 {
				return c
			}
			return cmp.Compare(x.node, y.node)
		})
		return from, len(s.members)
	}
	i, iEnd := collect(&pr.a, a)
	k, kEnd := collect(&pr.b, b)
	run := func(from, end int) int {
		to := from
		for to < end && s.members[to].key == s.members[from].key {
			to++
		}
		return to
	}
	for i < iEnd || k < kEnd {
		var m matched
		switch {
		case k >= kEnd || i < iEnd && s.members[i].key < s.members[k].key:
			to := run(i, iEnd)
			m = matched{first: s.members[i].node, a: i, an: to - i}
			i = to
		case i >= iEnd || s.members[k].key < s.members[i].key:
			to := run(k, kEnd)
			m = matched{first: s.members[k].node + 1<<30, b: k, bn: to - k} // behind all of the original's
			k = to
		default:
			to, to2 := run(i, iEnd), run(k, kEnd)
			m = matched{first: s.members[i].node, a: i, an: to - i, b: k, bn: to2 - k}
			i, k = to, to2
		}
		s.matched = append(s.matched, m)
	}
	groups := s.matched[gmark:]
	slices.SortFunc(groups, func(x, y matched) int { return cmp.Compare(x.first, y.first) })
	end := len(s.matched)
	j.pairKeys(pi, gmark, end)
	xml := pr.a.XML(a)
	for g := gmark; g < end; g++ {
		m := s.matched[g] // the slice may move while we descend
		switch {
		case xml && (m.an > 1 || m.bn > 1) && m.an+m.bn > 0:
			j.repeated(pi, a, b, m)
		default:
			for i := range max(m.an, m.bn) {
				switch {
				case i >= m.bn:
					j.lone(place{pair: pi, a: s.members[m.a+i].node, b: body.None}, KindMissing)
				case i >= m.an:
					j.lone(place{pair: pi, a: body.None, b: s.members[m.b+i].node}, KindExtra)
				default:
					j.walk(pi, s.members[m.a+i].node, s.members[m.b+i].node)
				}
			}
		}
	}
	s.members, s.matched = s.members[:mark], s.matched[:gmark]
}

// repeated compares XML elements of one name as the list that they are.
func (j *job) repeated(pi int32, a, b body.Node, m matched) {
	s := &j.mem
	mark := len(s.nodes)
	for i := range m.an {
		s.nodes = append(s.nodes, s.members[m.a+i].node)
	}
	mid := len(s.nodes)
	for i := range m.bn {
		s.nodes = append(s.nodes, s.members[m.b+i].node)
	}
	end := len(s.nodes)
	j.list(place{pair: pi, a: a, b: b}, s.nodes[mark:mid:mid], s.nodes[mid:end:end])
	s.nodes = s.nodes[:mark]
}

// pairKeys joins members that are on one side only, where their names are ids
// that the service made up: maps from version id to stage, say.
func (j *job) pairKeys(pi int32, from, to int) {
	pr, s := j.pairs[pi], &j.mem
	for g := from; g < to; g++ {
		if s.matched[g].an != 1 || s.matched[g].bn != 0 {
			continue
		}
		x := s.members[s.matched[g].a].node
		key := pr.a.Key(x)
		want, changed := j.rewritten(key)
		c := value.Classify(key)
		if !changed && !c.Kind.Generated() && c.Kind != value.ARN {
			continue
		}
		best, exact := -1, false
		for h := from; h < to; h++ {
			if s.matched[h].bn != 1 || s.matched[h].an != 0 {
				continue
			}
			y := s.members[s.matched[h].b].node
			other := pr.b.Key(y)
			same := changed && bytes.Equal(want, other)
			if !same && (!c.Kind.Generated() || !value.Same(key, other, c, value.Classify(other))) {
				if c.Kind != value.ARN {
					continue
				}
				mark := len(j.events)
				ok := j.text(place{pair: pi, a: x, b: y}, key, other, false)
				j.events = j.events[:mark]
				if !ok {
					continue
				}
			}
			like := same || j.stableSig(&pr.a, x, nil) == j.stableSig(&pr.b, y, nil)
			if best < 0 || like && !exact {
				best, exact = h, like
			}
		}
		if best < 0 {
			continue
		}
		y := s.members[s.matched[best].b].node
		p := place{pair: pi, a: x, b: y}
		switch {
		case changed:
			j.add(event{place: p, mode: modeAllow, rule: ruleRewritten})
		case c.Kind == value.ARN:
			j.text(p, key, pr.b.Key(y), false)
		default:
			j.add(event{place: p, mode: modeMeet, rule: ruleID, scope: scopeText, a: key, b: pr.b.Key(y)})
		}
		s.matched[g].b, s.matched[g].bn = s.matched[best].b, 1
		s.matched[best].bn = 0
	}
}
