package diff

import (
	"bytes"

	"github.com/neureaux/cloudmock/internal/value"
)

// bindings is the one-to-one map between the values that the original's
// services made up and those of the replay's. The first meeting of a value binds
// it; later ones must agree. It remembers at least the last half of maxBindings
// values met, in two generations, so that memory is bounded and what was let go
// depends on the stream alone.
type bindings struct {
	young, old map[uint64]bound
	differ     int // how often two values that are not equal were bound
	account    struct {
		hash uint64
		n    int // answers in a row in which it was equal
	}
}

// bound is what a value stands for. A forward key is the hash of an original
// value, a reverse key that of a replay's value together with its scope.
type bound struct{ other uint64 }

const maxBindings = 1 << 18

// minStrong is the length below which no value is taken for one that was made
// up, unless the name of its member says so.
const minStrong = 8

// minBound is the length below which no value is ever bound: ids that are
// called so have four letters at least.
const minBound = 4

func (b *bindings) get(key uint64) (bound, bool) {
	if v, ok := b.young[key]; ok {
		return v, true
	}
	v, ok := b.old[key]
	if ok {
		b.put(key, v)
	}
	return v, ok
}

func (b *bindings) put(key uint64, v bound) {
	if b.young == nil || len(b.young) >= maxBindings/2 {
		b.young, b.old = make(map[uint64]bound), b.young
	}
	b.young[key] = v
}

func hashValue(seed uint64, s []byte) uint64 { return mix(hashBytes(seed^fnvOffset, s)) }

// Seeds keep the keys of the two directions apart.
const (
	forwardSeed = 0x5bd1e995
	reverseSeed = 0x1b873593
)

// meet says that original and replay stand at the same place in an answer, a
// place of the given scope (a hash of the member's name). It binds them if
// neither was bound; ok is false if one was bound to something else. Values that
// others can equal by chance are weak: they stand for each other in their scope alone.
func (b *bindings) meet(original, replay []byte, scope uint64, weak bool) (ok bool) {
	seed := uint64(forwardSeed)
	if weak {
		seed ^= scope
	}
	x, y := hashValue(seed, original), hashValue(forwardSeed, replay)
	reverse := hashValue(reverseSeed^scope, replay)
	fwd, bound1 := b.get(x)
	rev, bound2 := b.get(reverse)
	switch {
	case bound1 && fwd.other != y:
		return false
	case bound2 && rev.other != x:
		return false
	}
	if !bound1 {
		b.put(x, bound{y})
		b.differ++
	}
	if !bound2 {
		b.put(reverse, bound{x})
	}
	return true
}

// agrees reports whether original is bound to replay already.
func (b *bindings) agrees(original, replay []byte) bool {
	if fwd, ok := b.get(hashValue(forwardSeed, original)); ok {
		return fwd.other == hashValue(forwardSeed, replay)
	}
	if len(original) > maxParted || len(replay) > maxParted {
		return false
	}
	// What is known may be a part: of "/change/C0X1DP91XT7VS7" the id.
	known := false
	for len(original) > 0 || len(replay) > 0 {
		var x, y token
		var before, beforeB []byte
		before, x, original = nextToken(original)
		beforeB, y, replay = nextToken(replay)
		switch {
		case !bytes.Equal(before, beforeB):
			return false
		case bytes.Equal(x.text, y.text):
		case !b.agreeParts(x.text, y.text):
			return false
		default:
			known = true
		}
	}
	return known
}

// maxParted bounds the length of values that are known by their parts.
const maxParted = 4096

// agreeParts reports whether two words are bound to each other, or those parts
// between their dashes are in which they differ.
func (b *bindings) agreeParts(x, y []byte) bool {
	if fwd, ok := b.get(hashValue(forwardSeed, x)); ok {
		return fwd.other == hashValue(forwardSeed, y)
	}
	if bytes.IndexByte(x, '-') < 0 || bytes.Count(x, dash) != bytes.Count(y, dash) {
		return false
	}
	for len(x) > 0 {
		var u, v []byte
		u, x, _ = bytes.Cut(x, dash)
		v, y, _ = bytes.Cut(y, dash)
		if bytes.Equal(u, v) {
			continue
		}
		if fwd, ok := b.get(hashValue(forwardSeed, u)); !ok || fwd.other != hashValue(forwardSeed, v) {
			return false
		}
	}
	return true
}

// manySame is in how many answers an account must be equal until it stands for
// itself: users write their own into policies, which hold in any account.
const manySame = 5

// same notes that a value is equal on both sides.
func (b *bindings) same(e *event) {
	x := hashValue(forwardSeed, e.a)
	if e.rule == ruleAccount {
		if b.account.hash != x {
			b.account.hash, b.account.n = x, 0
		}
		if b.account.n++; b.account.n < manySame {
			return
		}
		if _, ok := b.get(x); ok {
			return
		}
	}
	b.put(x, bound{x})
}

// knows reports whether original is bound to anything.
func (b *bindings) knows(original []byte) bool {
	_, ok := b.get(hashValue(forwardSeed, original))
	return ok
}

// learn takes the replayer's word that original became replay: it sent so, and
// what it sent is what the endpoint knows.
func (b *bindings) learn(original, replay []byte) {
	if len(original) < minStrong {
		return // it could be a count, or a word
	}
	b.put(hashValue(forwardSeed, original), bound{hashValue(forwardSeed, replay)})
}

// learnParts learns what the parts of original became that the two do not
// share: "p:<uuid>" in a request stands as "build/p:<uuid>" in an ARN of the answer.
func (b *bindings) learnParts(original, replay []byte) {
	n := commonPrefix(original, replay)
	for n > 0 && original[n-1] != '=' && original[n-1] != '/' {
		n--
	}
	if n > 0 { // "versionId=3sL4kq…"
		b.learnPart(original[n:], replay[n:])
	}
	for len(original) > 0 && len(replay) > 0 {
		var x, y token
		var before, beforeB []byte
		before, x, original = nextToken(original)
		beforeB, y, replay = nextToken(replay)
		if !bytes.Equal(before, beforeB) || x.host || y.host {
			return
		}
		b.learnPart(x.text, y.text)
		if n, m := len(x.text)-36, len(y.text)-36; n >= 0 && m >= 0 && value.Classify(x.text[n:]).Kind == value.UUID {
			b.learnPart(x.text[n:], y.text[m:])
			continue
		}
		if bytes.Count(x.text, dash) != bytes.Count(y.text, dash) {
			continue
		}
		for p, q := x.text, y.text; len(p) > 0; {
			var u, v []byte
			u, p, _ = bytes.Cut(p, dash)
			v, q, _ = bytes.Cut(q, dash)
			b.learnPart(u, v)
		}
	}
}

var dash = []byte{'-'}

// learnPart learns what a part became unless it is known, or the same.
func (b *bindings) learnPart(x, y []byte) {
	if !bytes.Equal(x, y) && !b.knows(x) {
		b.learn(x, y)
	}
}
