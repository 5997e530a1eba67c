package replay

import (
	"encoding/base64"
	"hash/maphash"
	"sync"
)

// A run is a maximal sequence of ASCII letters and digits. Whatever encoding a
// value stands in (URL, JSON, XML, header), its runs stand there unchanged, so
// that values are looked for by the hash of one of their runs.
const minRun = 4 // shorter runs identify nothing

// Classes of bytes in the search for runs.
const (
	classRun = 1 << iota
	classPercent
	classBackslash
	classSeparator // of the parts that a text is built of
)

var byteClass = func() (t [256]uint8) {
	for c := range 256 {
		switch {
		case '0' <= c && c <= '9', 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z':
			t[c] = classRun
		case c == '%':
			t[c] = classPercent
		case c == '\\':
			t[c] = classBackslash
		}
		if oneOf(byte(c), "/:?&=#, \n\"'()[]{}<>|;") {
			t[c] |= classSeparator
		}
	}
	return t
}()

func isAlnum(c byte) bool { return byteClass[c] == classRun }

// A hasher gives the same number for equal runs. It is odd for a run that may
// belong to an id: of eight or more bytes, with a digit.
type hasher struct{ seed maphash.Seed }

func newHasher() hasher { return hasher{maphash.MakeSeed()} }

func (h hasher) of(run []byte) uint64 {
	n := maphash.Bytes(h.seed, run) &^ 1
	if isIDRun(run) {
		n |= 1
	}
	return n
}

func isIDRun(run []byte) bool {
	const shortest = 8
	if len(run) < shortest {
		return false
	}
	for _, c := range run {
		if c <= '9' {
			return true
		}
	}
	return false
}

// nextRun returns the first run of at least minRun bytes at or behind i; start
// is len(text) when there is none. URL escapes and backslash escapes separate
// runs: "%2Fabcd" and "\nabcd" hold abcd alone.
func nextRun(text []byte, i int) (start, end int) {
	for i < len(text) {
		switch byteClass[text[i]] {
		case classRun:
			start = i
			for i < len(text) && byteClass[text[i]] == classRun {
				i++
			}
			if i-start >= minRun {
				return start, i
			}
		case classPercent:
			i += percentLength(text[i:])
		case classBackslash:
			if i+1 < len(text) && text[i+1] == 'u' && i+6 <= len(text) {
				i += 6
			} else {
				i += 2
			}
		default:
			i++
		}
	}
	return len(text), len(text)
}

// percentLength returns how long the URL escape at the start of b is, which may
// itself be escaped again ("%252F"); 1 if it is none.
func percentLength(b []byte) int {
	if len(b) < 3 || unhex(b[1]) > 15 || unhex(b[2]) > 15 {
		return 1
	}
	if b[1] == '2' && b[2] == '5' && len(b) >= 5 && unhex(b[3]) <= 15 && unhex(b[4]) <= 15 {
		return 5
	}
	return 3
}

func unhex(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10
	}
	return 255
}

// appendRuns appends the hashes of all runs of text, also of those in text
// that is written in base64.
func (h hasher) appendRuns(dst []uint64, text []byte) []uint64 {
	return h.appendRunsDeep(dst, text, 2)
}

func (h hasher) appendRunsDeep(dst []uint64, text []byte, depth int) []uint64 {
	for i := 0; ; {
		start, end := nextRun(text, i)
		if start == len(text) {
			return dst
		}
		dst = append(dst, h.of(text[start:end]))
		i = end
		if end-start >= minBase64 && depth > 0 {
			if plain, stop := base64Text(text, start); plain != nil {
				dst = h.appendRunsDeep(dst, plain, depth-1)
				i = stop
			}
		}
	}
}

// appendIDs appends the hashes of the runs that may belong to ids.
func (h hasher) appendIDs(dst []uint64, text []byte) []uint64 {
	const most = 256
	for i := 0; len(dst) < most; {
		start, end := nextRun(text, i)
		if start == len(text) {
			break
		}
		i = end
		if run := text[start:end]; isIDRun(run) {
			dst = append(dst, h.of(run))
		}
	}
	return dst
}

// minBase64 is the shortest run that is looked at as base64: 15 bytes of text.
const minBase64 = 20

// base64Text returns the text that stands at start in base64, and where it
// ends; nil if there is none.
func base64Text(text []byte, start int) (plain []byte, end int) {
	end = start
	for end < len(text) && (isAlnum(text[end]) || text[end] == '+' || text[end] == '/') {
		end++
	}
	for pad := 0; pad < 2 && end < len(text) && text[end] == '='; pad++ {
		end++
	}
	b := text[start:end]
	if len(b)%4 != 0 {
		return nil, end
	}
	var head [12]byte // a look at the start saves decoding what is no text
	n, err := base64.StdEncoding.Decode(head[:], b[:16])
	if err != nil || !isPlain(head[:n]) {
		return nil, end
	}
	plain, err = base64.StdEncoding.AppendDecode(nil, b)
	if err != nil || !isPlain(plain) {
		return nil, end
	}
	return plain, end
}

// isPlain reports text of printable ASCII, tabs and line ends.
func isPlain(b []byte) bool {
	for _, c := range b {
		if c >= 0x7f || c < ' ' && c != '\n' && c != '\r' && c != '\t' {
			return false
		}
	}
	return true
}

// anchor returns the run by which a value is found: the longest one that has a
// digit, else the longest one; start equals end if all are too short.
func anchor(value []byte) (start, end int) {
	best := -1
	for i := 0; ; {
		s, e := nextRun(value, i)
		if s == len(value) {
			return start, end
		}
		score := e - s
		for _, c := range value[s:e] {
			if c <= '9' {
				score += 1 << 20
				break
			}
		}
		if score > best {
			best, start, end = score, s, e
		}
		i = e
	}
}

// seen remembers which runs requests held, and since when: what a request
// named before a response did was not made by the service. It forgets the
// oldest when it is full.
// It is safe for concurrent use.
type seen struct {
	hasher
	mu    sync.RWMutex
	slots []seenSlot

	answered *seen // what answers held before any request did; nil within
}

type seenSlot struct {
	hash  uint64
	seq   int64 // of the first request, plus one
	token bool  // in which it was an idempotency token, and nothing else
}

const (
	seenSlots  = 1 << 18
	seenProbes = 8
)

func newSeen(h hasher) *seen {
	answered := &seen{hasher: h, slots: make([]seenSlot, seenSlots)}
	return &seen{hasher: h, slots: make([]seenSlot, seenSlots), answered: answered}
}

// noteAnswer says that the answer to request seq holds the runs.
func (s *seen) noteAnswer(runs []uint64, seq int64) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	s.answered.mu.Lock()
	defer s.answered.mu.Unlock()
	for _, h := range runs {
		if s.find(h) == nil {
			s.answered.add(h, seq)
		}
	}
}

// note says that request seq holds the runs, and appends those of ids that are
// new to fresh.
func (s *seen) note(fresh, runs []uint64, seq int64) []uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, h := range runs {
		if s.add(h, seq) && h&1 == 1 {
			fresh = append(fresh, h)
		}
	}
	return fresh
}

func (s *seen) add(hash uint64, seq int64) (fresh bool) {
	at := hash >> 1 % seenSlots
	oldest := at
	for range seenProbes {
		slot := &s.slots[at]
		if slot.seq == 0 || slot.hash == hash {
			if slot.seq == 0 {
				*slot = seenSlot{hash: hash, seq: seq + 1}
				return true
			}
			return false
		}
		if slot.seq < s.slots[oldest].seq {
			oldest = at
		}
		at = (at + 1) % seenSlots
	}
	s.slots[oldest] = seenSlot{hash: hash, seq: seq + 1}
	return true
}

// by reports whether a request up to seq held the run.
func (s *seen) by(hash uint64, seq int64) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	slot := s.find(hash)
	return slot != nil && slot.seq-1 <= seq
}

// markToken reports whether the run, of an idempotency token, was never held
// but as one, and remembers it if request seq is the first to hold it. Others
// holds all runs of the request.
func (s *seen) markToken(hash uint64, seq int64, asToken int, others []uint64) bool {
	for _, h := range others {
		if h == hash {
			asToken--
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	slot := s.find(hash)
	if slot == nil {
		return false // crowded out
	}
	if slot.seq-1 == seq && asToken >= 0 {
		slot.token = true
	}
	return slot.token
}

// isToken reports whether the run was first held as an idempotency token.
func (s *seen) isToken(hash uint64) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	slot := s.find(hash)
	return slot != nil && slot.token
}

func (s *seen) find(hash uint64) *seenSlot {
	at := hash >> 1 % seenSlots
	for range seenProbes {
		if slot := &s.slots[at]; slot.seq > 0 && slot.hash == hash {
			return slot
		}
		at = (at + 1) % seenSlots
	}
	return nil
}
