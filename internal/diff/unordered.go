package diff

import (
	"bytes"

	"github.com/neureaux/cloudmock/internal/awsapi"
	"github.com/neureaux/cloudmock/internal/body"
	"github.com/neureaux/cloudmock/internal/value"
)

// sortedByID reports whether each list is in the order of an id that its own
// service made, so that the order of one says nothing of that of the other. Of
// less than three elements that could be chance.
func (j *job) sortedByID(p place, x, y []sig) bool {
	pr := j.pairs[p.pair]
	if len(x) < 3 || len(x) != len(y) || j.d.opt.Exact {
		return false
	}
	sorted := func(t *body.Tree, all []sig, key []byte) bool {
		var last []byte
		for _, s := range all {
			n := s.node
			if key != nil {
				n = member1(t, n, key)
			}
			if n == body.None || t.Kind(n) != body.String || bytes.Compare(t.Text(n), last) <= 0 {
				return false
			}
			last = t.Text(n)
		}
		return true
	}
	for a := pr.a.First(x[0].node); a != body.None; a = pr.a.Next(a) {
		key := pr.a.Key(a)
		b := member1(&pr.b, y[0].node, key)
		if role := value.RoleOf(key); b == body.None || role != value.IDRole && role != value.ARNRole || bytes.Equal(pr.a.Text(a), pr.b.Text(b)) {
			continue
		}
		if sorted(&pr.a, x, key) && sorted(&pr.b, y, key) {
			return true
		}
	}
	return false
}

// unorderedList pairs what is recognised, then what is most alike. Elements
// that only their generated values tell apart wait for the bindings.
func (j *job) unorderedList(p place, x, y []sig) {
	pi := p.pair
	pr := j.pairs[pi]
	if len(x)*len(y) > maxTable {
		match(x, y, func(i, k int) {
			x[i].mate, y[k].mate = int32(k), int32(i)
			j.walk(pi, x[i].node, y[k].node)
		})
		j.unmatched(pi, x, y)
		return
	}
	// Elements equal to the letter first.
	for i := range x {
		for k := range y {
			if x[i].mate < 0 && y[k].mate < 0 && x[i].stable == y[k].stable &&
				bytes.Equal(pr.a.Wire(x[i].node), pr.b.Wire(y[k].node)) {
				x[i].mate, y[k].mate = int32(k), int32(i)
			}
		}
	}
	j.pairRewritten(pi, x, y)
	if j.pairLate(p, x, y) {
		return
	}
	var late []group
	for i := range x {
		if x[i].mate >= 0 {
			continue
		}
		var g group
		for h := i; h < len(x); h++ {
			if x[h].mate < 0 && x[h].stable == x[i].stable {
				g.a = append(g.a, x[h].node)
			}
		}
		for k := range y {
			if y[k].mate < 0 && y[k].stable == x[i].stable {
				g.b = append(g.b, y[k].node)
			}
		}
		if len(g.b) == 0 || len(g.a) > 256 {
			continue
		}
		g.pair = pi
		n := min(len(g.a), len(g.b))
		left, right := n-1, n
		for h := i; h < len(x) && left > 0; h++ {
			if x[h].mate < 0 && x[h].stable == x[i].stable && h != i {
				x[h].mate = 0
				left--
			}
		}
		stable := x[i].stable
		x[i].mate = 0
		for k := range y {
			if right > 0 && y[k].mate < 0 && y[k].stable == stable {
				y[k].mate = 0
				right--
			}
		}
		if len(g.a) != len(g.b) {
			// More of a kind on one side: pair as many, report the others.
			g.a, g.b = g.a[:n], g.b[:n]
		}
		if n == 1 {
			j.walk(pi, g.a[0], g.b[0])
			continue
		}
		// Trying each with each must end some day.
		cost := 0
		for i := range n {
			cost += n * (len(pr.a.Wire(g.a[i])) + len(pr.b.Wire(g.b[i])))
		}
		if j.likening += cost; j.likening > maxLikening {
			for i := range n {
				j.walk(pi, g.a[i], g.b[i])
			}
			continue
		}
		late = append(late, g)
	}
	// What is left is paired by likeness, as long as that does not last.
	for i := range x {
		if x[i].mate >= 0 {
			continue
		}
		best, at := -1, -1
		for k := range y {
			if y[k].mate >= 0 {
				continue
			}
			s := 1
			if j.likening < maxLikening {
				j.likening += len(pr.a.Wire(x[i].node)) + len(pr.b.Wire(y[k].node))
				s = j.alike(&pr.a, &pr.b, x[i].node, y[k].node, 0)
			}
			if s > best {
				best, at = s, k
			}
		}
		scalar := pr.a.Kind(x[i].node).Scalar()
		if at < 0 || best <= 0 && !scalar {
			continue
		}
		x[i].mate, y[at].mate = int32(at), int32(i)
		j.walk(pi, x[i].node, y[at].node)
	}
	j.unmatched(pi, x, y)
	for _, g := range late {
		j.groups = append(j.groups, g)
		j.add(event{place: p, mode: modeGroup, index: int32(len(j.groups) - 1)})
	}
}

// maxLikening bounds how many bytes of one entry are looked at to see which
// elements are alike, or may be one. Beyond it they go together in order.
const maxLikening = 32 << 20

// pairLate leaves the pairing of what is not equal to the settling, when the
// bindings are known; false if the lists are too large for it.
func (j *job) pairLate(p place, x, y []sig) bool {
	const limit, total = 1 << 20, 6 << 20 // bytes to compare, of one list and of one entry
	pr := j.pairs[p.pair]
	g := group{pair: p.pair}
	sizeA, sizeB := 0, 0
	for i := range x {
		if x[i].mate < 0 {
			g.a = append(g.a, x[i].node)
			sizeA += len(pr.a.Wire(x[i].node))
		}
	}
	for k := range y {
		if y[k].mate < 0 {
			g.b = append(g.b, y[k].node)
			sizeB += len(pr.b.Wire(y[k].node))
		}
	}
	switch {
	case len(g.a) == 0 || len(g.b) == 0:
		j.unmatched(p.pair, x, y)
	case len(g.a)*len(g.b) > 1024 || sizeA*len(g.b)+sizeB*len(g.a) > limit || j.pairing > total:
		return false
	case len(g.a) == 1 && len(g.b) == 1:
		j.walk(p.pair, g.a[0], g.b[0])
	default:
		j.pairing += sizeA*len(g.b) + sizeB*len(g.a)
		j.groups = append(j.groups, g)
		j.add(event{place: p, mode: modeGroup, index: int32(len(j.groups) - 1)})
	}
	return true
}

// unmatched reports the elements that have no counterpart.
func (j *job) unmatched(pi int32, x, y []sig) {
	for i := range x {
		if x[i].mate < 0 {
			j.single(pi, x[i].node, true)
		}
	}
	for k := range y {
		if y[k].mate < 0 {
			j.single(pi, y[k].node, false)
		}
	}
}

// unordered reports whether the order of the list at p means nothing: the
// model, AWS's documents, or the user say so.
func (j *job) unordered(p place, a []body.Node) bool {
	pr := j.pairs[p.pair]
	key := pr.a.Key(p.a)
	if pr.a.XML(p.a) && len(a) > 0 {
		if k := pr.a.Key(a[0]); string(k) != "member" && string(k) != "item" {
			key = k
		}
	}
	j.identify()
	switch j.service {
	case "dynamodb":
		switch string(key) {
		case "SS", "NS", "BS":
			return true
		case "AttributeDefinitions", "GlobalSecondaryIndexes", "LocalSecondaryIndexes", "Tags", "Replicas":
			return true
		}
		if j.action == "BatchGetItem" || j.action == "Scan" && string(key) == "Items" {
			return true // documented: in no particular order
		}
	case "ec2":
		return true // documented: the order of elements might vary
	case "sqs":
		switch string(key) {
		case "Successful", "Failed", "SendMessageBatchResultEntry", "DeleteMessageBatchResultEntry", "ChangeMessageVisibilityBatchResultEntry", "BatchResultErrorEntry":
			return true
		}
	}
	switch string(key) {
	case "Tags", "TagSet", "TagList", "Tag", "Dimensions", "tags", "tagSet":
		return true
	case "Deleted":
		return j.service == "s3"
	}
	if s := j.shape(p); s.Kind() == awsapi.List && s.Unordered() {
		return true
	}
	if len(j.d.unordered) > 0 {
		steps := j.steps(j.stepBuf[:0], p)
		for _, r := range j.d.unordered {
			if r.Matches(j.service, j.action, steps) {
				return true
			}
		}
	}
	return false
}
