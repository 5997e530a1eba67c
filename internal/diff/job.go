package diff

import (
	"bytes"

	"github.com/neureaux/cloudmock/internal/awsapi"
	"github.com/neureaux/cloudmock/internal/body"
	"github.com/neureaux/cloudmock/internal/rule"
	"github.com/neureaux/cloudmock/pkg/entry"
)

// A mode says what must hold for a pair of values to be let pass.
type mode uint8

const (
	modeDiff    mode = iota // nothing lets it pass
	modeAllow               // it passes
	modeMeet                // it passes if the bindings allow it, and is bound
	modeAgree               // it passes if the two are bound to each other already
	modeSuppose             // as modeMeet, if other values of the stream were found to differ between its two sides
	modeSame                // it is equal on both sides, and bound to itself
	modeGroup               // the elements of j.groups[index] are to be paired first
)

// place is where a pair stands: two nodes of a pair of trees, or a header.
type place struct {
	pair   int32 // index into job.pairs, -1 for a header
	a, b   body.Node
	header string
}

// event is a pair of values, or a lone one, that are not simply equal.
type event struct {
	place place
	mode  mode
	soft  bool // it passes and binds, but never fails
	weak  bool // the values are short or common: see bindings.meet
	part  bool // the next event belongs to the same value
	kind  Kind
	rule  reason
	scope uint64 // of the binding: a hash of the member's name
	index int32
	a, b  []byte // what is compared: the values or tokens of them
}

// pair is two documents that are compared: the bodies, or two JSON documents
// inside strings of them.
type pair struct {
	a, b   body.Tree
	up     place // where the strings stand that hold the documents
	nested bool
	shape  awsapi.Shape // of the roots
}

// group is some elements of an unordered list that only the bindings can pair.
type group struct {
	pair int32
	a, b []body.Node
}

// side is one answer: the original or the replay.
type side struct {
	obj     *entry.Object
	status  int
	headers []header
	text    []byte // scratch of header names and values
	body    entry.Body
	scratch []byte
	plain   []byte // body with gzip taken off
	pair    *body.Tree
	ready   bool // headers are read
	byName  map[string]int
}

type header struct{ name, value []byte }

// job is the comparison of one entry. Its first phase, compare, is pure: it
// reads the entry and fills events. The second, settle, runs in the order of
// the stream and decides on what the bindings have to say.
type job struct {
	d      *Differ
	line   *entry.Line
	replay entry.Object
	err    error // the line is broken

	a, b     side
	pairs    []*pair
	used     int // pairs in use
	events   []event
	groups   []group
	scratch  []byte
	rewrites []rewrite
	starts   map[string][]int32 // rewrites by how their originals begin
	firsts   [256]bool          // bytes that any of them begins with
	mem      scratch

	calls      map[string]awsapi.Call // by target and host
	media      map[string]string      // content types, interned
	key        []byte
	headerBuf  []byte
	reqScratch []byte
	stepBuf    []rule.Step

	call      awsapi.Call
	service   string
	action    string
	called    bool // call is known
	request   []byte
	prefix    int  // bytes that the bodies begin with alike, and
	suffix    int  // end with; 0 where it was not looked
	requested bool // request is read
	searched  int  // bytes
	pairing   int  // bytes that the elements of unordered lists are tried with
	likening  int  // bytes that were looked at for what is alike
	host      []byte
	region    []byte
	entryT0   timeState
	same      bool // see sameAnswer

	sameRegion, sameAccount, sameOwner bool // one was noted

	// The result, for settle to fill.
	out      []byte
	n        int // differences written
	dropped  int // differences beyond the limit
	severity Severity
	allowed  []count
	path     []byte
	own      bool // all values are the user's, as in an S3 object
	redacted redactedPlaces
}

type rewrite struct{ original, replay []byte }

type count struct {
	rule reason
	name string // of a user's rule
	n    int
}

// maxDiffs is how many differences of one entry are spelled out.
const maxDiffs = 200

func (j *job) reset() {
	j.err = nil
	j.used = 0
	j.events, j.groups = j.events[:0], j.groups[:0]
	j.scratch, j.rewrites = j.scratch[:0], j.rewrites[:0]
	j.called, j.requested, j.searched, j.pairing, j.likening = false, false, 0, 0, 0
	j.service, j.action = "", ""
	j.call = awsapi.Call{}
	j.request, j.host, j.region = j.request[:0], j.host[:0], j.region[:0]
	j.entryT0, j.same = timeState{}, false
	j.out, j.n, j.dropped, j.severity = j.out[:0], 0, 0, ""
	j.allowed, j.path = j.allowed[:0], j.path[:0]
	j.own, j.sameRegion, j.sameAccount, j.sameOwner = false, false, false, false
	j.redacted = redactedPlaces{}
	j.a.reset(&j.line.Object)
	j.b.reset(&j.replay)
}

func (s *side) reset(o *entry.Object) {
	s.obj, s.status, s.ready = o, 0, false
	s.headers, s.text, s.body, s.plain = s.headers[:0], s.text[:0], entry.Body{}, nil
}

// newPair returns an unused pair of trees.
func (j *job) newPair() (*pair, int32) {
	if j.used == len(j.pairs) {
		j.pairs = append(j.pairs, new(pair))
	}
	p := j.pairs[j.used]
	p.nested, p.shape = false, awsapi.Shape{}
	j.used++
	return p, int32(j.used - 1)
}

// compare is the pure phase: it reads the line and collects what differs.
func (j *job) compare() {
	l := j.line
	var err error
	if j.a.status, err = l.Status(); err != nil {
		j.err = l.Errorf("%w", err)
		return
	}
	if !l.Has(entry.FieldReplay) {
		j.add(event{place: place{pair: -1, header: "replay"}, kind: KindError, b: []byte("no replay part: the entry was not replayed")})
		return
	}
	if err := l.Replay(&j.replay); err != nil {
		j.err = l.Errorf("%w", err)
		return
	}
	if j.b.status, err = j.replay.Status(); err != nil {
		j.err = l.Errorf("replay: %w", err)
		return
	}
	if msg, err := j.replay.AppendText(nil, entry.FieldError); err != nil {
		j.err = l.Errorf("replay: %w", err)
		return
	} else if len(msg) > 0 {
		j.add(event{place: place{pair: -1, header: "replay.error"}, kind: KindError, b: msg})
		return
	}
	if j.a.status == 0 {
		msg, _ := l.AppendText(nil, entry.FieldError) // a broken text says no less than none
		if len(msg) == 0 {
			msg = []byte("no status code was recorded")
		}
		j.add(event{place: place{pair: -1, header: "error"}, kind: KindError, a: msg})
		return
	}
	if j.a.status != j.b.status {
		j.add(event{place: place{pair: -1, header: "status"}, kind: KindStatus})
	}
	if !j.d.opt.Strict {
		return
	}
	if err := j.strict(); err != nil {
		j.err = l.Errorf("%w", err)
	}
}

// strict compares headers and bodies.
func (j *job) strict() error {
	if raw := j.replay.Get(entry.FieldRewrites); len(raw) > 2 {
		j.readRewrites(raw)
	}
	sameBody := j.equalFields(entry.FieldResponseBody) && j.equalFields(entry.FieldResponseBodyEncoding) &&
		j.equalFields(entry.FieldResponseBodySHA256) && j.equalFields(entry.FieldResponseBodySize)
	if sameBody && j.equalFields(entry.FieldResponseHeaders) {
		return nil
	}
	// An answer of another class of status has another body by nature.
	if j.a.status/100 != j.b.status/100 {
		return j.compareCodes()
	}
	if !sameBody {
		if err := j.readBodies(); err != nil {
			return err
		}
	}
	if err := j.readHeaders(); err != nil {
		return err
	}
	j.compareHeaders(sameBody)
	if !sameBody {
		j.compareBodies()
	}
	return nil
}

// equalFields reports whether a field is the same text on both sides.
func (j *job) equalFields(f entry.Field) bool {
	x, y := j.line.Get(f), j.replay.Get(f)
	return bytes.Equal(x, y) || len(x) <= 4 && len(y) <= 4 && !j.line.Has(f) && !j.replay.Has(f)
}

func (j *job) readBodies() error {
	j.prefix, j.suffix = 0, 0
	if ok, err := j.readAlike(); ok || err != nil {
		return err
	}
	var err error
	if j.a.body, err = j.line.BodyInto(entry.FieldResponseBody, &j.a.scratch); err != nil {
		return err
	}
	j.b.body, err = j.replay.BodyInto(entry.FieldResponseBody, &j.b.scratch)
	return err
}

// readAlike decodes two texts that begin and end alike, as the answers to one
// call do, with what they have in common decoded once. It notes how much that
// is. ok is false if the bodies are not such.
func (j *job) readAlike() (ok bool, err error) {
	x, y := j.line.Get(entry.FieldResponseBody), j.replay.Get(entry.FieldResponseBody)
	if len(x) < 256 || len(y) < 256 || x[0] != '"' || y[0] != '"' {
		return false, nil
	}
	for _, o := range []*entry.Object{&j.line.Object, &j.replay} {
		if o.Has(entry.FieldResponseBodyEncoding) || o.Has(entry.FieldResponseBodySHA256) || o.Has(entry.FieldResponseBodySize) || o.Has(entry.FieldResponseBodyTruncated) {
			return false, nil
		}
	}
	x, y = x[1:len(x)-1], y[1:len(y)-1]
	p := commonPrefix(x, y)
	p -= inEscape(x, p)
	q := commonSuffix(x[p:], y[p:])
	for q > 0 && (inEscape(x, len(x)-q) > 0 || inEscape(y, len(y)-q) > 0) {
		q--
	}
	out := j.a.scratch[:0]
	if out, err = entry.AppendUnescaped(out, x[:p]); err != nil {
		return false, err
	}
	mid := len(out)
	if out, err = entry.AppendUnescaped(out, x[p:len(x)-q]); err != nil {
		return false, err
	}
	tail := len(out)
	if out, err = entry.AppendUnescaped(out, x[len(x)-q:]); err != nil {
		return false, err
	}
	j.a.scratch, j.a.body = out, entry.Body{Data: out}
	other := append(j.b.scratch[:0], out[:mid]...)
	if other, err = entry.AppendUnescaped(other, y[p:len(y)-q]); err != nil {
		return false, err
	}
	other = append(other, out[tail:]...)
	j.b.scratch, j.b.body = other, entry.Body{Data: other}
	j.prefix, j.suffix = mid, len(out)-tail
	return true, nil
}

// inEscape returns how many bytes before i belong to an escape sequence, or a
// pair of them that makes one character, that goes on at i.
func inEscape(s []byte, i int) int {
	odd := func(i int) bool { // s[i] is a backslash that is not itself escaped
		n := 0
		for i >= 0 && s[i] == '\\' {
			n++
			i--
		}
		return n%2 == 1
	}
	for k := min(11, i); k > 0; k-- {
		if s[i-k] != '\\' || !odd(i-k) {
			continue
		}
		esc := s[i-k:]
		switch {
		case len(esc) < 2 || k < 2:
			return k
		case esc[1] != 'u':
		case k < 6:
			return k
		case len(esc) > 3 && esc[2]|0x20 == 'd' && esc[3] >= '8' && esc[3]|0x20 <= 'b':
			return k // the first half of a pair
		}
	}
	return 0
}

func (j *job) readHeaders() error {
	if err := j.a.readHeaders(); err != nil {
		return err
	}
	return j.b.readHeaders()
}

// readHeaders fills s.headers; repeated headers are joined as HTTP allows.
func (s *side) readHeaders() error {
	if s.ready {
		return nil
	}
	s.ready = true
	s.byName = nil
	return s.obj.EachHeader(entry.FieldResponseHeaders, func(name, val []byte) error {
		if i := s.find(name); i >= 0 {
			h := &s.headers[i] // its value has no room behind it, so it moves and then grows
			h.value = append(append(h.value, ", "...), val...)
			return nil
		}
		start := len(s.text)
		s.text = append(append(s.text, name...), val...)
		mid := start + len(name)
		s.headers = append(s.headers, header{s.text[start:mid:mid], s.text[mid:len(s.text):len(s.text)]})
		if n := len(s.headers); n > fewHeaders {
			if s.byName == nil {
				s.byName = make(map[string]int, 2*n)
				for i, h := range s.headers {
					s.byName[string(lower(nil, h.name))] = i
				}
			}
			s.byName[string(lower(nil, name))] = n - 1
		}
		return nil
	})
}

// fewHeaders are found by looking at each.
const fewHeaders = 64

func (s *side) find(name []byte) int {
	if s.byName != nil {
		if i, ok := s.byName[string(lower(nil, name))]; ok {
			return i
		}
		return -1
	}
	for i, h := range s.headers {
		if len(h.name) == len(name) && bytes.EqualFold(h.name, name) {
			return i
		}
	}
	return -1
}

// header returns the value of a header by its name in any case, nil if absent.
func (s *side) header(name string) []byte {
	if i := s.find([]byte(name)); i >= 0 {
		return s.headers[i].value
	}
	return nil
}

func (s *side) get(name string) string { return string(s.header(name)) }

// contentType returns the content type of an answer, of which there are few.
func (j *job) contentType(s *side) string {
	v := s.header("content-type")
	if m, ok := j.media[string(v)]; ok {
		return m
	}
	m := string(v)
	if j.media == nil || len(j.media) > 100 {
		j.media = map[string]string{}
	}
	j.media[m] = m
	return m
}

func (j *job) add(e event) { j.events = append(j.events, e) }
