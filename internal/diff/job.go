package diff

import (
	"bytes"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/neureaux/cloudmock/internal/awsapi"
	"github.com/neureaux/cloudmock/internal/body"
	"github.com/neureaux/cloudmock/internal/rule"
	"github.com/neureaux/cloudmock/pkg/entry"
)

// A mode says what must hold for a pair of values to be let pass.
type mode uint8

const (
	modeDiff  mode = iota // nothing lets it pass
	modeAllow             // it passes
	modeMeet              // it passes if the bindings allow it, and is bound
	modeAgree             // it passes if the two are bound to each other already
	modeGroup             // the elements of j.groups[index] are to be paired first
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
	host      []byte
	region    []byte
	entryT0   timeState
	same      bool // see sameAnswer

	// The result, for settle to fill.
	out      []byte
	n        int // differences written
	dropped  int // differences beyond the limit
	severity Severity
	allowed  []count
	path     []byte
	own      bool // all values are the user's, as in an S3 object
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
	j.called, j.requested, j.searched = false, false, 0
	j.service, j.action = "", ""
	j.call = awsapi.Call{}
	j.request, j.host, j.region = j.request[:0], j.host[:0], j.region[:0]
	j.entryT0, j.same = timeState{}, false
	j.out, j.n, j.dropped, j.severity = j.out[:0], 0, 0, ""
	j.allowed, j.path = j.allowed[:0], j.path[:0]
	j.own = false
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

// identify finds out which call this is, when something asks.
func (j *job) identify() {
	if j.called {
		return
	}
	j.called = true
	l := j.line
	host := l.Get(entry.FieldHost)
	target := j.requestHeader("X-Amz-Target")
	if len(target) > 0 {
		// The target names the operation, and nothing else has to be read.
		j.key = append(append(append(j.key[:0], target...), ' '), host...)
		if call, ok := j.calls[string(j.key)]; ok {
			j.call = call
			j.nameCall()
			return
		}
	}
	path, query := l.PathQuery()
	req := awsapi.Request{Method: l.Text(entry.FieldMethod), Host: l.Text(entry.FieldHost), Path: path, RawQuery: query,
		Header: func(name string) string { return string(j.requestHeader(name)) }}
	if len(target) == 0 {
		b, _ := l.BodyInto(entry.FieldRequestBody, &j.reqScratch) // a broken body identifies nothing
		req.Body = b.Data
	}
	j.call = awsapi.Identify(&req)
	if len(target) > 0 && len(j.calls) < 1000 {
		if j.calls == nil {
			j.calls = map[string]awsapi.Call{}
		}
		j.calls[string(j.key)] = j.call
	}
	j.nameCall()
}

// nameCall takes service and action from the entry, or else from the call.
func (j *job) nameCall() {
	j.service, j.action = j.call.Service, j.call.Action
	if v := j.line.Get(entry.FieldService); len(v) > 2 && (len(v)-2 != len(j.service) || string(v[1:len(v)-1]) != j.service) {
		j.service = j.line.Text(entry.FieldService)
	}
	if v := j.line.Get(entry.FieldAction); len(v) > 2 && (len(v)-2 != len(j.action) || string(v[1:len(v)-1]) != j.action) {
		j.action = j.line.Text(entry.FieldAction)
	}
}

// requestHeader returns the first value of a request header, valid until the next call.
func (j *job) requestHeader(name string) (v []byte) {
	_ = j.line.EachHeader(entry.FieldRequestHeaders, func(n, val []byte) error { // broken headers name nothing
		if v == nil && len(n) == len(name) && bytes.EqualFold(n, []byte(name)) {
			j.headerBuf = append(j.headerBuf[:0], val...)
			v = j.headerBuf
		}
		return nil
	})
	return v
}

// requestText returns what the request said, decoded: its path, query and body.
func (j *job) requestText() []byte {
	if j.requested {
		return j.request
	}
	j.requested = true
	path, query := j.line.PathQuery()
	for _, s := range []string{path, query} {
		if u, err := url.PathUnescape(s); err == nil {
			s = u
		}
		j.request = append(append(j.request, s...), '\n')
	}
	b, err := j.line.Body(entry.FieldRequestBody)
	if err != nil {
		return j.request
	}
	j.request = append(j.request, b.Data...)
	if bytes.IndexByte(b.Data, '%') >= 0 && bytes.IndexByte(b.Data, '=') > 0 {
		if u, err := url.QueryUnescape(string(b.Data)); err == nil {
			j.request = append(append(j.request, '\n'), u...)
		}
	}
	return j.request
}

// maxSearched bounds how many bytes are searched for the values of one answer.
const maxSearched = 256 << 20

// determined reports whether the request said s: then the answer must say it,
// too, and no kind of value excuses another. Tokens that clients make up for each
// call, to make it idempotent, are not counted.
func (j *job) determined(s []byte) bool {
	if len(s) < minStrong {
		return false
	}
	text := j.requestText()
	// A huge request and thousands of ids must not cost more than this.
	if j.searched += len(text); j.searched > maxSearched {
		return false
	}
	for {
		i := bytes.Index(text, s)
		if i < 0 {
			return false
		}
		name := text[max(0, i-32):i]
		if !bytes.Contains(name, []byte("lientToken")) && !bytes.Contains(name, []byte("RequestToken")) && !bytes.Contains(name, []byte("dempotencyToken")) &&
			!bytes.Contains(name, []byte("allerReference")) {
			return true
		}
		text = text[i+len(s):]
	}
}

func (j *job) hostName() []byte {
	if len(j.host) == 0 {
		j.host = append(j.host, j.line.Text(entry.FieldHost)...)
	}
	return j.host
}

// isRegion reports whether s is the region that the original was called in.
func (j *job) isRegion(s []byte) bool {
	if len(j.region) == 0 {
		r := j.line.Text(entry.FieldRegion)
		if r == "" {
			j.identify()
			r = j.call.Region
		}
		j.region = append(j.region, r...)
	}
	return len(j.region) == 0 || bytes.Equal(j.region, s)
}

// maxRewrites bounds how many rewrites of one entry are heeded.
const maxRewrites = 100_000

// readRewrites notes which values the replayer put in place of others.
func (j *job) readRewrites(raw []byte) {
	each(raw, func(v rewriteJSON) {
		if v.Original != "" && v.Original != v.Replay && len(j.rewrites) < maxRewrites {
			j.rewrites = append(j.rewrites, rewrite{[]byte(v.Original), []byte(v.Replay)})
		}
	})
	// The longest first, so that an ARN is replaced before the id within it.
	slices.SortStableFunc(j.rewrites, func(x, y rewrite) int { return len(y.original) - len(x.original) })
	j.starts = make(map[string][]int32, len(j.rewrites))
	j.firsts = [256]bool{}
	for i, r := range j.rewrites {
		if len(r.original) < minStrong {
			break // too short to be looked for inside of values
		}
		start := string(r.original[:minStrong])
		if n := len(j.starts[start]); n < 16 {
			j.starts[start] = append(j.starts[start], int32(i))
			j.firsts[start[0]] = true
		}
	}
}

// rewritten returns what the replay's request said where the original's said s.
func (j *job) rewritten(s []byte) ([]byte, bool) {
	if len(j.rewrites) == 0 {
		return s, false
	}
	start, copied := len(j.scratch), 0
next:
	for i := 0; i+minStrong <= len(s); {
		if j.firsts[s[i]] {
			for _, k := range j.starts[string(s[i:i+minStrong])] {
				r := j.rewrites[k]
				if bytes.HasPrefix(s[i:], r.original) {
					j.scratch = append(append(j.scratch, s[copied:i]...), r.replay...)
					i += len(r.original)
					copied = i
					continue next
				}
			}
		}
		i++
	}
	if copied == 0 {
		return s, false
	}
	j.scratch = append(j.scratch, s[copied:]...)
	return j.scratch[start:], true
}

// shape returns what the model knows of the place.
func (j *job) shape(p place) awsapi.Shape {
	if p.pair < 0 || j.a.status >= 300 {
		return awsapi.Shape{}
	}
	pr := j.pairs[p.pair]
	t, n := &pr.a, p.a
	if n == body.None {
		t, n = &pr.b, p.b
	}
	if n == body.None || pr.nested {
		return awsapi.Shape{}
	}
	return shapeOf(t, n, pr.shape)
}

func shapeOf(t *body.Tree, n body.Node, root awsapi.Shape) awsapi.Shape {
	up := t.Parent(n)
	if up == body.None || !root.Valid() {
		return root
	}
	s := shapeOf(t, up, root)
	switch s.Kind() {
	case awsapi.Structure, awsapi.Union:
		m, _ := s.Member(string(t.Key(n)))
		if m.Kind() == awsapi.List && m.Flattened() && t.XML(n) {
			return m.Elem()
		}
		return m
	case awsapi.List:
		return s.Elem()
	case awsapi.Map:
		if !t.XML(n) {
			return s.Elem()
		}
		if key := string(t.Key(n)); key == s.KeyName() {
			return s.Key()
		} else if key == s.ElemName() {
			return s.Elem()
		}
		return s // the <entry> around key and value
	}
	return awsapi.Shape{}
}

// appendPath appends where the pair stands.
func (j *job) appendPath(dst []byte, p place) []byte {
	if p.pair < 0 {
		return append(dst, p.header...)
	}
	pr := j.pairs[p.pair]
	if pr.nested {
		dst = j.appendPath(dst, pr.up)
	} else {
		dst = append(dst, '$')
	}
	t, n := &pr.a, p.a
	if n == body.None {
		t, n = &pr.b, p.b
	}
	return j.appendSteps(dst, pr, t, n)
}

// appendSteps is body.AppendPath with the model's word on what is a list.
func (j *job) appendSteps(dst []byte, pr *pair, t *body.Tree, n body.Node) []byte {
	up := t.Parent(n)
	if up == body.None {
		return dst
	}
	dst = j.appendSteps(dst, pr, t, up)
	switch {
	case t.Kind(up).Scalar():
		return dst
	case t.Kind(up) == body.Array:
		i := 0
		for c := t.First(up); c != n; c = t.Next(c) {
			i++
		}
		return body.AppendIndex(dst, i)
	}
	key := t.Key(n)
	dst = body.AppendMember(dst, key)
	if !t.XML(up) {
		return dst
	}
	i, repeats := 0, false
	for c := t.First(up); c != body.None; c = t.Next(c) {
		if c != n && bytes.Equal(t.Key(c), key) {
			repeats = true
			if c < n {
				i++
			}
		}
	}
	if !repeats {
		repeats = j.listElement(pr, t, n, up, key)
	}
	if repeats {
		dst = body.AppendIndex(dst, i)
	}
	return dst
}

// listElement reports whether an XML element that does not repeat here is one
// element of a list all the same.
func (j *job) listElement(pr *pair, t *body.Tree, n, up body.Node, key []byte) bool {
	if string(key) == "member" {
		return true
	}
	if j.a.status >= 300 || pr.nested {
		return false
	}
	s := shapeOf(t, up, pr.shape)
	switch s.Kind() {
	case awsapi.List:
		return true
	case awsapi.Structure:
		m, _ := s.Member(string(key))
		return m.Kind() == awsapi.List && m.Flattened()
	}
	return false
}

// steps returns the names and indices of a place, for rules to match.
func (j *job) steps(dst []rule.Step, p place) []rule.Step {
	if p.pair < 0 {
		for name := range strings.SplitSeq(p.header, ".") {
			dst = append(dst, rule.Step{Name: name, Index: -1})
		}
		return dst
	}
	pr := j.pairs[p.pair]
	if pr.nested {
		dst = j.steps(dst, pr.up)
	}
	t, n := &pr.a, p.a
	if n == body.None {
		t, n = &pr.b, p.b
	}
	return j.stepsIn(dst, pr, t, n)
}

func (j *job) stepsIn(dst []rule.Step, pr *pair, t *body.Tree, n body.Node) []rule.Step {
	up := t.Parent(n)
	if up == body.None {
		return dst
	}
	dst = j.stepsIn(dst, pr, t, up)
	if t.Kind(up) == body.Array {
		i := 0
		for c := t.First(up); c != n; c = t.Next(c) {
			i++
		}
		return append(dst, rule.Step{Index: i})
	}
	if t.Kind(up).Scalar() {
		return dst
	}
	key := t.Key(n)
	dst = append(dst, rule.Step{Name: string(key), Index: -1})
	if t.XML(up) {
		i, repeats := 0, false
		for c := t.First(up); c != body.None; c = t.Next(c) {
			if c != n && bytes.Equal(t.Key(c), key) {
				repeats = true
				if c < n {
					i++
				}
			}
		}
		if repeats || j.listElement(pr, t, n, up, key) {
			dst = append(dst, rule.Step{Index: i})
		}
	}
	return dst
}

func appendInt(dst []byte, n int) []byte { return strconv.AppendInt(dst, int64(n), 10) }
