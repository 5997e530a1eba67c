package capture

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/neureaux/cloudmock/internal/body"
)

// A side is the request or the response of an exchange while it is redacted. It
// collects the places whose values were replaced, as entry.Redacted has them.
type side struct {
	r       *redactor
	request bool
	places  []string
	known   []knownSecret // of the request, which an error may echo
}

const (
	maxPlaces      = 256 // of a side; beyond, one place stands for all of the body
	maxExactPlaces = 64  // with the indices of lists' elements, which cost time to find
	maxKnown       = 64
	minKnown       = 4 // a shorter one is a part of too many words
)

// A knownSecret is a secret and what stands for it.
type knownSecret struct{ value, clean string }

// replace replaces the secret in a text; where it is short, as a word by itself.
func (k knownSecret) replace(s string) string {
	if !strings.Contains(s, k.value) {
		return s
	}
	if len(k.value) >= minEcho {
		return strings.ReplaceAll(s, k.value, k.clean)
	}
	var out []byte
	last := 0
	for from := 0; ; {
		i := strings.Index(s[from:], k.value)
		if i < 0 {
			return string(append(out, s[last:]...))
		}
		at := from + i
		from = at + len(k.value)
		if (at == 0 || !wordByte[s[at-1]]) && (from == len(s) || !wordByte[s[from]]) {
			out = append(append(out, s[last:at]...), k.clean...)
			last = from
		}
	}
}

// add notes a place, once.
func (s *side) add(place string) {
	if len(s.places) > maxPlaces || slices.Contains(s.places, place) {
		return
	}
	if len(s.places) == maxPlaces {
		place = "$"
	}
	s.places = append(s.places, place)
}

// replaced notes that value, which stood under a name at a place, or a part of it,
// was replaced by clean. What a request has said is not noted where a response says it again: the
// same pseudonym stands in both, and can be compared. Of a response, all else was
// made by the service, and another one makes another.
func (s *side) replaced(place func() string, name, value, clean string, whole bool) {
	if s.request {
		s.r.said.add(s.r, name, value)
		if whole && len(value) >= minEcho {
			s.r.said.add(s.r, "", asSecret+value)
		}
		if len(s.known) < maxKnown && len(value) >= minKnown && len(value) <= 1024 {
			s.known = append(s.known, knownSecret{value, clean})
		}
	} else if s.r.said.has(s.r, name, value) {
		return
	}
	at := place()
	parts := changedParts(value, clean)
	if whole || len(parts) == 1 && parts[0] == [2]int{0, len(clean)} {
		s.add(at)
		return
	}
	for _, part := range parts {
		s.add(at + "[" + strconv.Itoa(part[0]) + ":" + strconv.Itoa(part[1]) + "]")
	}
}

// A sayings remembers which secrets the requests of a recording held, by their
// keyed digests: at least the last half of maxSayings.
type sayings struct {
	mu         sync.Mutex
	young, old map[[8]byte]struct{}
}

const maxSayings = 1 << 17

// asSecret stands before a value that was a secret as a whole.
const asSecret = "secret\x00"

// of returns the key of a value. One that is short can be equal to others by
// chance, so it counts under its name alone.
func (s *sayings) of(r *redactor, name, value string) [8]byte {
	if len(value) < 8 {
		value = strings.ToLower(name) + "\x00" + value
	}
	sum := r.names.digest([]byte(value))
	return [8]byte(sum[8:16])
}

func (s *sayings) add(r *redactor, name, value string) {
	key := s.of(r, name, value)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.young == nil || len(s.young) >= maxSayings/2 {
		s.young, s.old = map[[8]byte]struct{}{}, s.young
	}
	s.young[key] = struct{}{}
}

func (s *sayings) any() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.young) > 0 || len(s.old) > 0
}

func (s *sayings) has(r *redactor, name, value string) bool {
	key := s.of(r, name, value)
	s.mu.Lock()
	defer s.mu.Unlock()
	_, young := s.young[key]
	_, old := s.old[key]
	return young || old
}

// maxParts is how many parts of one text are told apart.
const maxParts = 8

// changedParts returns the parts of clean, as offsets in bytes, in which it differs
// from value: whole words, and those near each other as one.
func changedParts(value, clean string) [][2]int {
	if value == clean {
		return nil
	}
	var parts [][2]int
	add := func(from, to int) {
		for from > 0 && secretByte[clean[from-1]] {
			from--
		}
		for to < len(clean) && secretByte[clean[to]] {
			to++
		}
		if n := len(parts); n > 0 && (from <= parts[n-1][1]+4 || n == maxParts) {
			parts[n-1][1] = max(to, parts[n-1][1])
			return
		}
		parts = append(parts, [2]int{from, to})
	}
	if len(value) == len(clean) {
		for i := range len(clean) {
			if value[i] != clean[i] && (len(parts) == 0 || i >= parts[len(parts)-1][1]) {
				add(i, i+1)
			}
		}
		return parts
	}
	from, n := 0, min(len(value), len(clean))
	for from < n && value[from] == clean[from] {
		from++
	}
	end := 0
	for end < n-from && value[len(value)-1-end] == clean[len(clean)-1-end] {
		end++
	}
	add(from, len(clean)-end)
	return parts
}

// secretByte has the characters that tokens and passwords are made of.
var secretByte = func() (set byteSet) {
	for c := range set {
		set[c] = wordByte[c] || c >= 0x80 || strings.IndexByte("+%-", byte(c)) >= 0
	}
	return set
}()

// place returns where the value n stands. Where there are many, a star stands for
// the index of an element.
func (w *walker) place(n body.Node) string {
	w.exact++
	return string(w.appendPlace(nil, n, w.exact <= maxExactPlaces))
}

func (w *walker) appendPlace(dst []byte, n body.Node, exact bool) []byte {
	t := &w.tree
	up := t.Parent(n)
	if up == body.None {
		return append(dst, '$')
	}
	dst = w.appendPlace(dst, up, exact)
	index := func(same func(c body.Node) bool) []byte {
		if !exact {
			return append(dst, "[*]"...)
		}
		i := 0
		for c := t.First(up); c != n; c = t.Next(c) {
			if same(c) {
				i++
			}
		}
		return body.AppendIndex(dst, i)
	}
	switch {
	case t.Kind(up).Scalar(): // the root of a nested document
		return dst
	case t.Kind(up) == body.Array:
		return index(func(body.Node) bool { return true })
	}
	key := t.Key(n)
	if clean, ok := w.keys[n]; ok {
		key = clean
	}
	dst = body.AppendMember(dst, key)
	if !t.XML(up) {
		return dst
	}
	// An element that repeats does so next to its first namesake, or its next.
	same := func(c body.Node) bool { return bytes.Equal(t.Key(c), t.Key(n)) }
	if next := t.Next(n); next != body.None && same(next) || t.First(up) != n && same(t.First(up)) {
		return index(same)
	}
	return dst
}
