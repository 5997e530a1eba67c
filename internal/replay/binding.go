package replay

import (
	"bytes"
	"encoding/base64"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/neureaux/cloudmock/internal/value"
)

// bindKind says where a bound value may be replaced.
type bindKind uint8

const (
	bindValue   bindKind = iota // wherever it stands with no letter or digit beside it
	bindAccount                 // as a value, or as a part of an ARN or a path
	bindPrefix                  // the start of an ARN, with its region and account
	bindOrigin                  // scheme and host of a URL
	bindWhole                   // as the whole of a scalar, a path's label or a parameter
)

// A binding is a value of the recording and what the endpoint has in its place.
type binding struct {
	original, replay string
	kind             bindKind
	start, end       int // of the anchor in original
	hash             uint64
	used             atomic.Bool // since the last look for room
	next             *binding
}

func (b *binding) size() int { return len(b.original) + len(b.replay) + 160 }

// bindings is what was learned, up to a number of bytes; what was not used for
// the longest time goes first. It is safe for concurrent use.
type bindings struct {
	hasher
	mu      sync.RWMutex
	values  map[string]*binding
	anchors map[uint64]*binding // chains of equal anchors, longest original first
	filter  []uint64            // one bit per anchor, to say no quickly
	queue   []*binding          // oldest first
	bytes   int
	paths   map[string]string // of URLs whose paths differ as a whole
}

const (
	maxBindingBytes = 24 << 20
	maxPaths        = 4096
	maxChain        = 256 // bindings of one anchor
	filterBits      = 1 << 18
)

func newBindings(h hasher) *bindings {
	return &bindings{hasher: h, values: make(map[string]*binding), anchors: make(map[uint64]*binding), paths: make(map[string]string)}
}

// empty reports that nothing was learned.
func (b *bindings) empty() bool {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return len(b.values) == 0 && len(b.paths) == 0
}

// add binds a value. A value that is bound keeps its first binding, unless
// renew says that the latest one counts, as for tokens that are used once.
func (b *bindings) add(original, replay []byte, kind bindKind, renew bool) {
	start, end := anchor(original[:stem(original)])
	if start == end {
		start, end = anchor(original)
	}
	if start == end || len(original)+len(replay) > maxBindingBytes/16 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if old := b.values[string(original)]; old != nil {
		if renew && old.replay != string(replay) {
			b.bytes += len(replay) - len(old.replay)
			old.replay = string(replay)
		}
		return
	}
	n := &binding{original: string(original), replay: string(replay), kind: kind, start: start, end: end, hash: b.of(original[start:end])}
	at, length := b.anchors[n.hash], 0
	var prev *binding
	for ; at != nil && len(at.original) >= len(n.original); prev, at = at, at.next {
		if length++; length == maxChain {
			return
		}
	}
	if n.next = at; prev == nil {
		b.anchors[n.hash] = n
	} else {
		prev.next = n
	}
	b.values[n.original] = n
	if b.filter == nil {
		b.filter = make([]uint64, filterBits/64)
	}
	b.filter[n.hash>>1%filterBits/64] |= 1 << (n.hash >> 1 % 64)
	b.queue = append(b.queue, n)
	b.bytes += n.size()
	for b.bytes > maxBindingBytes {
		b.drop()
	}
}

// stem returns how much of a value may be bound by itself: scheme and host of
// a URL, region and account of an ARN. A value shares the anchor of its stem, so
// that where both are bound the longer one is found first.
func stem(v []byte) int {
	if origin, _ := splitURL(v); origin != nil {
		return len(origin)
	}
	if parts, ok := value.SplitARN(v); ok {
		return len(v) - len(parts[5])
	}
	return len(v)
}

// drop forgets the oldest binding that was not used since the last look.
func (b *bindings) drop() {
	for {
		n := b.queue[0]
		b.queue = b.queue[1:]
		if n.used.Swap(false) {
			b.queue = append(b.queue, n)
			continue
		}
		delete(b.values, n.original)
		b.bytes -= n.size()
		at := b.anchors[n.hash]
		if at == n {
			if n.next == nil {
				delete(b.anchors, n.hash)
			} else {
				b.anchors[n.hash] = n.next
			}
			return
		}
		for at.next != n {
			at = at.next
		}
		at.next = n.next
		return
	}
}

func (b *bindings) addPath(original, replay []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.paths) < maxPaths {
		if _, ok := b.paths[string(original)]; !ok {
			b.paths[string(original)] = string(replay)
		}
	}
}

// path returns what stands in place of a request's whole path.
func (b *bindings) path(original string) (string, bool) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	p, ok := b.paths[original]
	return p, ok
}

// touches reports whether any of the runs may belong to a bound value.
func (b *bindings) touches(runs []uint64) bool {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if len(b.anchors) == 0 {
		return false
	}
	for _, h := range runs {
		if b.filter[h>>1%filterBits/64]&(1<<(h>>1%64)) != 0 && b.anchors[h] != nil {
			return true
		}
	}
	return false
}

// whole returns what stands in place of a value that is bound as it is.
func (b *bindings) whole(text []byte) (string, bool) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	n := b.values[string(text)]
	if n == nil {
		return "", false
	}
	n.used.Store(true)
	return n.replay, true
}

// replaced is one binding that was applied.
type replaced struct{ original, replay string }

// translate replaces the bound values in text and appends what it used to
// used. It returns text itself if there are none. In a URL's path or query,
// and where the value itself was escaped, the new one is escaped too.
func (b *bindings) translate(text []byte, inURL bool, used []replaced) ([]byte, []replaced) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.translateDeep(text, inURL, used, 2)
}

func (b *bindings) translateDeep(text []byte, inURL bool, used []replaced, depth int) ([]byte, []replaced) {
	var out []byte
	done := 0 // text up to here is in out
	for i := 0; ; {
		start, end := nextRun(text, i)
		if start == len(text) {
			break
		}
		i = end
		if h := b.of(text[start:end]); len(b.filter) > 0 && b.filter[h>>1%filterBits/64]&(1<<(h>>1%64)) != 0 {
			if n, from, to := b.match(text, done, start, end, h); n != nil {
				out = append(out, text[done:from]...)
				out = appendLike(out, n.original, n.replay, text[from:to], inURL)
				used = append(used, replaced{n.original, n.replay})
				done, i = to, max(to, end)
				continue
			}
		}
		if end-start >= minBase64 && depth > 0 && start >= done {
			if plain, stop := base64Text(text, start); plain != nil {
				n := len(used)
				if plain, used = b.translateDeep(plain, false, used, depth-1); len(used) > n {
					out = append(out, text[done:start]...)
					out = base64.StdEncoding.AppendEncode(out, plain)
					done = stop
				}
				i = stop
			}
		}
	}
	if done == 0 {
		return text, used
	}
	return append(out, text[done:]...), used
}

// match looks for a binding whose anchor is the run at start, and returns where
// its whole value stands, not before floor.
func (b *bindings) match(text []byte, floor, start, end int, hash uint64) (n *binding, from, to int) {
	for n = b.anchors[hash]; n != nil; n = n.next {
		if n.original[n.start:n.end] != string(text[start:end]) {
			continue
		}
		from, ok := matchBack(text, floor, start, n.original[:n.start])
		if !ok {
			continue
		}
		to, ok := matchAhead(text, end, n.original[n.end:])
		if !ok || !n.stands(text, from, to) {
			continue
		}
		n.used.Store(true)
		return n, from, to
	}
	return nil, 0, 0
}

// matchAhead compares text from i with value, which may stand there escaped.
func matchAhead(text []byte, i int, value string) (end int, ok bool) {
	for k := range len(value) {
		if i >= len(text) {
			return 0, false
		}
		c, n := decodeAt(text, i)
		if text[i] == value[k] && (n == 1 || value[k] == '%') {
			c, n = text[i], 1
		}
		if c != value[k] {
			return 0, false
		}
		i += n
	}
	return i, true
}

// matchBack is matchAhead towards the start.
func matchBack(text []byte, floor, i int, value string) (start int, ok bool) {
	for k := len(value) - 1; k >= 0; k-- {
		n := lengthBefore(text, floor, i)
		if n == 0 {
			return 0, false
		}
		if c, _ := decodeAt(text, i-n); c != value[k] {
			if text[i-1] != value[k] || i-1 < floor {
				return 0, false
			}
			n = 1
		}
		i -= n
	}
	return i, true
}

// decodeAt returns the byte at i and how long its spelling is: itself, a URL
// escape, or one escaped twice.
func decodeAt(text []byte, i int) (c byte, n int) {
	if text[i] != '%' {
		return text[i], 1
	}
	switch percentLength(text[i:]) {
	case 3:
		return unhex(text[i+1])<<4 | unhex(text[i+2]), 3
	case 5:
		return unhex(text[i+3])<<4 | unhex(text[i+4]), 5
	}
	return '%', 1
}

// lengthBefore returns how long the spelling of the byte before i is.
func lengthBefore(text []byte, floor, i int) int {
	if i-5 >= floor && text[i-5] == '%' && percentLength(text[i-5:]) == 5 {
		return 5
	}
	if i-3 >= floor && text[i-3] == '%' && percentLength(text[i-3:]) == 3 {
		return 3
	}
	return min(1, i-floor)
}

// stands reports whether the value at from to to is one by itself and not a
// part of something longer that merely holds it.
func (n *binding) stands(text []byte, from, to int) bool {
	var before, after byte // 0 is the border of the text
	if l := lengthBefore(text, 0, from); l > 0 {
		before, _ = decodeAt(text, from-l)
		if from >= 2 && text[from-2] == '\\' && l == 1 {
			before = ' ' // an escape such as \n
		}
	}
	if to < len(text) {
		after, _ = decodeAt(text, to)
	}
	first, last := n.original[0], n.original[len(n.original)-1]
	if isAlnum(first) && isAlnum(before) || isAlnum(last) && isAlnum(after) {
		return false
	}
	switch n.kind {
	case bindAccount:
		return oneOf(before, "\x00:/=\"',& \n([") && oneOf(after, "\x00:/\"',& \n.)]") && (after != '.' || before == '/' || before == 0)
	case bindPrefix:
		return after == ':'
	case bindWhole:
		return (oneOf(before, "\x00/=") || before == ':' && bytes.HasPrefix(text, []byte("arn:"))) && oneOf(after, "\x00/&")
	case bindOrigin:
		return oneOf(after, "\x00/?#\"' ,")
	}
	return true
}

func oneOf(c byte, set string) bool {
	for i := range len(set) {
		if set[i] == c {
			return true
		}
	}
	return false
}

// appendLike writes value, the replayed one, the way old, which spells the
// original, was written: escaped as in a URL if old was, or if it stands in one. Escapes that
// the values themselves hold, as keys do where an answer is encoding-type=url,
// stay escapes where old has them as they were.
func appendLike(dst []byte, original, value string, old []byte, inURL bool) []byte {
	keep := strings.Contains(original, "%") && !bytes.Contains(old, []byte("%25"))
	depth := 0
	for i := range old {
		if old[i] == '%' {
			if n := percentLength(old[i:]); n > 1 {
				depth = max(depth, n/2) // 3: once, 5: twice
			}
		}
	}
	if depth == 0 && !inURL {
		return append(dst, value...)
	}
	const digits = "0123456789ABCDEF"
	for i := range len(value) {
		c := value[i]
		if isAlnum(c) || c == '-' || c == '_' || c == '.' || c == '~' || bytes.IndexByte(old, c) >= 0 && c != '%' ||
			c == '%' && keep && percentLength([]byte(value[i:])) > 1 {
			dst = append(dst, c)
			continue
		}
		dst = append(dst, '%')
		if depth == 2 {
			dst = append(dst, '2', '5')
		}
		dst = append(dst, digits[c>>4], digits[c&15])
	}
	return dst
}
