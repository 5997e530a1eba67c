package replay

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/neureaux/cloudmock/internal/body"
)

// An aligner finds which elements of two lists belong together: those that
// share the values which few others have. Its buffers are reused.
type aligner struct{}

// vote is that two elements share something.
type vote struct {
	original, replay int
	weight           float64
}

const (
	maxVoters   = 8       // elements that share a value before it says nothing
	maxElements = 4096    // of a list; beyond, elements pair by their place
	maxVotes    = 1 << 16 // per list
)

// align returns for each element of os the index of its partner in rs, or -1.
// What shares nothing with any pairs by place if as many are left on both
// sides.
func (a *aligner) align(l *learner, os, rs []body.Node) []int {
	partner := make([]int, len(os))
	for i := range partner {
		partner[i] = -1
	}
	if len(os) > maxElements || len(rs) > maxElements {
		if len(os) == len(rs) {
			for i := range partner {
				partner[i] = i
			}
		}
		return partner
	}
	votes := l.votes(os, rs)
	score := make(map[[2]int]float64)
	for _, v := range votes {
		score[[2]int{v.original, v.replay}] += v.weight
	}
	ranked := make([]vote, 0, len(score))
	for k, w := range score {
		ranked = append(ranked, vote{k[0], k[1], w})
	}
	slices.SortFunc(ranked, func(x, y vote) int {
		return cmp.Or(-cmp.Compare(x.weight, y.weight), cmp.Compare(abs(x.original-x.replay), abs(y.original-y.replay)),
			cmp.Compare(x.original, y.original), cmp.Compare(x.replay, y.replay))
	})
	taken := make([]bool, len(rs))
	for _, v := range ranked {
		if partner[v.original] < 0 && !taken[v.replay] {
			partner[v.original], taken[v.replay] = v.replay, true
		}
	}
	var leftO, leftR []int
	for i, p := range partner {
		if p < 0 {
			leftO = append(leftO, i)
		}
	}
	for j, t := range taken {
		if !t {
			leftR = append(leftR, j)
		}
	}
	if len(leftO) == len(leftR) {
		for n, i := range leftO {
			partner[i] = leftR[n]
		}
	}
	return partner
}

func abs(n int) int { return max(n, -n) }

// votes finds what elements share: equal scalars under one key, with what is
// already bound translated, and equal names at the end of ARNs and URLs.
func (l *learner) votes(os, rs []body.Node) []vote {
	type holders struct{ original, replay []int }
	shared := make(map[uint64]*holders)
	var inOrder []*holders // sums of weights depend on it
	features := func(t *body.Tree, n body.Node, known bool, yield func(uint64)) {
		end := t.End(n)
		for c := n; c < end; c++ {
			if !t.Kind(c).Scalar() || t.Nested(c) != body.None {
				continue
			}
			text := t.Text(c)
			if len(text) == 0 || len(text) > 1024 {
				continue
			}
			if known {
				text, l.used = l.know.translate(text, false, l.used[:0])
			}
			key := t.Key(c)
			if c == n {
				key = nil
			}
			h := l.know.of(key)
			yield(h*31 + l.know.of(text))
			if i := bytes.LastIndexAny(text, "/:"); i >= 0 && i < len(text)-1 {
				yield(h*37 + l.know.of(text[i+1:]))
			}
		}
	}
	for i, n := range os {
		features(&l.original, n, true, func(h uint64) {
			s := shared[h]
			if s == nil {
				s = new(holders)
				shared[h] = s
				inOrder = append(inOrder, s)
			}
			if k := len(s.original); k == 0 || s.original[k-1] != i {
				s.original = append(s.original, i)
			}
		})
	}
	for j, n := range rs {
		features(&l.replay, n, false, func(h uint64) {
			if s := shared[h]; s != nil {
				if k := len(s.replay); k == 0 || s.replay[k-1] != j {
					s.replay = append(s.replay, j)
				}
			}
		})
	}
	var votes []vote
	for _, s := range inOrder {
		if len(s.original) > maxVoters || len(s.replay) > maxVoters {
			continue
		}
		w := 1 / float64(len(s.original)*len(s.replay))
		for _, i := range s.original {
			for _, j := range s.replay {
				if len(votes) < maxVotes {
					votes = append(votes, vote{i, j, w})
				}
			}
		}
	}
	return votes
}
