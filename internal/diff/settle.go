package diff

import (
	"bytes"
	"cmp"
	"slices"
	"strings"

	"github.com/neureaux/cloudmock/internal/body"
	"github.com/neureaux/cloudmock/internal/rule"
	"github.com/neureaux/cloudmock/internal/value"
	"github.com/neureaux/cloudmock/pkg/entry"
)

// settle decides on the events of a job with what the bindings know, binds what
// they do not, and puts the result into the line. It runs in stream order.
func (d *Differ) settle(j *job) {
	if (len(j.events) > 0 || len(j.rewrites) > 0) && j.line.Has(entry.FieldReplay) {
		d.choose(j.replay.Get(entry.FieldEndpoint))
	}
	for _, r := range j.rewrites {
		d.bound.learn(r.original, r.replay)
		d.bound.learnParts(r.original, r.replay)
	}
	j.same = j.sameAnswer()
	d.decideFrom(j, 0)
	d.tally(j)
	d.write(j)
}

// decide settles the events of one value.
func (d *Differ) decide(j *job, from, to int) {
	for from+1 < to && j.events[from].mode == modeSame {
		d.bound.same(&j.events[from])
		from++
	}
	first := &j.events[from]
	if first.mode == modeGroup {
		d.pairUp(j, first.index)
		return
	}
	var failed *event
	for i := from; i < to; i++ {
		e := &j.events[i]
		ok := false
		switch e.mode {
		case modeAllow:
			ok = true
			if e.soft {
				d.bound.learn(e.a, e.b)
			}
		case modeSame:
			ok = true
			d.bound.same(e)
		case modeMeet:
			ok = (d.bound.knows(e.a) || !j.echoes(e)) && d.meet(e)
		case modeAgree:
			ok = d.bound.agrees(e.a, e.b)
		case modeSuppose:
			ok = (d.bound.differ > 0 || j.recurs(e)) && d.meet(e)
		}
		if ok && j.same && !harmless(e.rule) {
			ok = false
		}
		if !ok && failed == nil {
			failed = e
		}
	}
	if failed == nil {
		if from+1 == to && first.mode == modeSame {
			return // nothing was let pass
		}
		if d.opt.Explain != nil {
			d.explain(j, first, reasons[first.rule].name, reasons[first.rule].why)
		}
		j.count(first.rule, "")
		return
	}
	if name, ok := d.excused(j, first.place); ok {
		if d.opt.Explain != nil {
			d.explain(j, first, name, "a rule says so")
		}
		j.count(ruleUser, name)
		return
	}
	if name, ok := d.noise(j, first.place); ok {
		if d.opt.Explain != nil {
			d.explain(j, first, name, "learned noise, and of its type")
		}
		j.count(ruleUser, name)
		return
	}
	kind := failed.kind
	if kind == "" {
		kind = KindValue
		if first.place.pair < 0 {
			kind = KindHeader
		}
	}
	if (failed.mode == modeMeet || failed.mode == modeSuppose) && failed.rule != ruleTimestamp || failed.mode == modeAgree && (failed.rule == ruleID || failed.rule == ruleToken || first.place.pair >= 0 && d.bound.knows(failed.a)) {
		kind = KindIdentity
	}
	j.report(first.place, kind, failed)
}

// meet lets the two values of an event meet. An account, a region or an owner
// that is twice another than at first was wrong at first.
func (d *Differ) meet(e *event) bool {
	if d.bound.meet(e.a, e.b, e.reverseScope(), e.weak) {
		return true
	}
	switch e.rule {
	case ruleAccount, ruleRegion, ruleOwner:
	default:
		return false
	}
	if d.doubt.original == hashValue(forwardSeed, e.a) && d.doubt.replay == hashValue(forwardSeed, e.b) {
		d.bound.learn(e.a, e.b)
	}
	d.doubt.original, d.doubt.replay = hashValue(forwardSeed, e.a), hashValue(forwardSeed, e.b)
	return false
}

// recurs reports whether the answer has the two values of e at another place, too.
func (j *job) recurs(e *event) bool {
	for i := range j.events {
		if o := &j.events[i]; o.place != e.place && bytes.Equal(o.a, e.a) && bytes.Equal(o.b, e.b) {
			return true
		}
	}
	return false
}

// echoes reports whether the replay's answer says the original's value
// elsewhere: then the value stands for itself there, and for no other. Accounts
// and regions may: users write them into roles and policies.
func (j *job) echoes(e *event) bool {
	if e.rule != ruleID && e.rule != ruleToken || len(e.a) < minStrong || e.place.pair < 0 || e.weak {
		return false
	}
	if j.searched += len(j.b.plain); j.searched > maxSearched {
		return false
	}
	return bytes.Contains(j.b.plain, e.a) && !j.recurs(e)
}

// harmless reports whether a reason holds even if both answers are one and the
// same: it explains no variation between runs.
func harmless(r reason) bool {
	return r == ruleName || r == ruleRewritten || r == ruleSpelling || r == ruleHost || r == ruleLag || r == ruleRedacted
}

// reverseScope is the scope in which no other value may stand for e's: ids of
// one name. Endpoints know one account, region and owner for all, and give
// short tokens more than once.
func (e *event) reverseScope() uint64 {
	if e.rule == ruleHost || e.rule == ruleAccount || e.rule == ruleRegion || e.rule == ruleOwner || e.rule == ruleToken && !value.Random(e.b) {
		return hashValue(forwardSeed, e.a)
	}
	return e.scope
}

// sameAnswer reports whether both sides show one and the same answer, of which
// one value was changed: they carry one request id, of those that are never
// given twice, and one date, and of all values in the body that would vary by
// nature just one does.
func (j *job) sameAnswer() bool {
	var lone *event
	for i := range j.events {
		e := &j.events[i]
		if e.mode == modeDiff || e.mode == modeAgree || e.mode == modeSame || e.mode == modeGroup || harmless(e.rule) || e.place.pair < 0 {
			continue
		}
		if lone != nil && lone.place != e.place {
			return false
		}
		lone = e
	}
	if lone == nil || j.readHeaders() != nil {
		return false
	}
	found := false
	for _, h := range j.a.headers {
		if value.RoleOf(h.name) != value.Ignored {
			continue
		}
		if other := j.b.header(string(h.name)); other != nil {
			if !bytes.Equal(other, h.value) {
				return false
			}
			found = found || unique(h.value) && namesRequest(h.name)
		}
	}
	return (found || j.sameRequestID()) && j.othersEqual(lone.place)
}

// namesRequest reports whether a header's value is given once, to one answer.
// A Date is not: a replay that runs beside its recording answers in the same second; nor is Server.
func namesRequest(name []byte) bool {
	for _, word := range []string{"requestid", "request-id", "amz-id-2", "amz-cf-id", "trace-id"} {
		if i := len(name) - len(word); i >= 0 && bytes.EqualFold(name[i:], []byte(word)) {
			return true
		}
	}
	return false
}

// othersEqual reports whether the bodies have another value in common that
// would vary by nature, besides the one at p.
func (j *job) othersEqual(p place) bool {
	pr := j.pairs[0]
	for n := range pr.a.Scalars {
		if n == p.a {
			continue
		}
		s := pr.a.Text(n)
		c := value.Classify(s)
		if c.Kind.Generated() || c.Kind == value.Timestamp || value.RoleOf(pr.a.Key(n)) == value.TokenRole && value.Random(s) ||
			value.RoleOf(pr.a.Key(n)) == value.TimeRole && value.Epoch(s) != value.NoTime {
			if bytes.Contains(pr.b.Source(), s) && !j.determined(s) {
				return true
			}
		}
	}
	return false
}

// sameRequestID looks for a request id in the bodies.
func (j *job) sameRequestID() bool {
	pr := j.pairs[0]
	find := func(t *body.Tree) []byte {
		for n := range t.Scalars {
			if k := t.Key(n); len(k) == 9 && (string(k) == "RequestId" || string(k) == "requestId") {
				return t.Text(n)
			}
		}
		return nil
	}
	a := find(&pr.a)
	return a != nil && unique(a) && bytes.Equal(a, find(&pr.b))
}

// unique reports whether an id has enough in it to be given only once: servers
// that count their requests give the same ones in every run.
func unique(s []byte) bool {
	if len(s) < 13 {
		return false
	}
	var seen [256]bool
	n := 0
	for _, c := range s {
		if !seen[c] {
			seen[c] = true
			n++
		}
	}
	return n >= 8
}

// pairUp pairs the elements of an unordered list by what is bound already and
// by how much they are alike, and settles each pair; those that go with none are
// missing or extra.
func (d *Differ) pairUp(j *job, index int32) {
	g := j.groups[index]
	pr := j.pairs[g.pair]
	type candidate struct{ score, a, b int }
	var all []candidate
	for i, a := range g.a {
		for k, b := range g.b {
			mark, groups, used := len(j.events), len(j.groups), j.used
			j.walk(g.pair, a, b)
			score := j.alike(&pr.a, &pr.b, a, b, 0)
			if score == 0 && !pr.a.Kind(a).Scalar() && len(g.a) != len(g.b) {
				score = -1 << 20
			}
			for _, e := range j.events[mark:] {
				score += d.score(&e)
			}
			j.events, j.groups, j.used = j.events[:mark], j.groups[:groups], used
			all = append(all, candidate{score, i, k})
		}
	}
	slices.SortStableFunc(all, func(x, y candidate) int { return cmp.Compare(y.score, x.score) })
	mates, taken := make([]int, len(g.a)), make([]bool, len(g.b))
	for i := range mates {
		mates[i] = -1
	}
	for _, c := range all {
		if mates[c.a] < 0 && !taken[c.b] && c.score > -1<<19 {
			mates[c.a], taken[c.b] = c.b, true
		}
	}
	mark := len(j.events)
	for i, a := range g.a {
		if k := mates[i]; k >= 0 {
			j.walk(g.pair, a, g.b[k])
		} else {
			j.single(g.pair, a, true)
		}
		d.decideFrom(j, mark)
	}
	for k, b := range g.b {
		if !taken[k] {
			j.single(g.pair, b, false)
			d.decideFrom(j, mark)
		}
	}
}

// decideFrom settles the events from mark on, and drops them.
func (d *Differ) decideFrom(j *job, mark int) {
	for i := mark; i < len(j.events); {
		end := i
		for end < len(j.events)-1 && j.events[end].part {
			end++
		}
		d.decide(j, i, end+1)
		i = end + 1
	}
	j.events = j.events[:mark]
}

// score says how well an event fits what is bound.
func (d *Differ) score(e *event) int {
	switch e.mode {
	case modeMeet, modeSuppose:
		switch {
		case d.bound.agrees(e.a, e.b):
			return 10
		case d.bound.knows(e.a):
			return -1000
		}
		return 0
	case modeAgree:
		if d.bound.agrees(e.a, e.b) {
			return 10
		}
		return -100
	case modeDiff:
		return -100
	}
	return 0
}

// excused reports whether a rule of the user covers the place.
func (d *Differ) excused(j *job, p place) (name string, ok bool) {
	if len(d.opt.Rules.Ignore) == 0 && len(d.opt.Rules.JQ) == 0 || p.pair < 0 && !strings.HasPrefix(p.header, "headers.") && p.header != "$" {
		return "", false
	}
	j.identify()
	j.stepBuf = j.steps(j.stepBuf[:0], p)
	for _, r := range d.opt.Rules.Ignore {
		if r.Covers(j.service, j.action, j.stepBuf) {
			return "ignore " + r.String(), true
		}
	}
	if len(d.opt.Rules.JQ) == 0 || p.pair < 0 {
		return "", false
	}
	for _, q := range d.opt.Rules.JQ {
		for _, t := range []*body.Tree{&j.pairs[0].a, &j.pairs[0].b} {
			if t.Root() != body.None && rule.Within(q.Paths(plain(t, t.Root())), j.stepBuf) {
				return "ignore-jq " + q.String(), true
			}
		}
	}
	return "", false
}

// noise reports whether learned noise covers the place and its values are of
// the type that was learned.
func (d *Differ) noise(j *job, p place) (name string, ok bool) {
	if len(d.opt.Rules.Noise) == 0 || p.pair >= 0 && (p.a == body.None || p.b == body.None) {
		return "", false
	}
	j.identify()
	j.stepBuf = j.steps(j.stepBuf[:0], p)
	for _, n := range d.opt.Rules.Noise {
		if !n.Path.Covers(j.service, j.action, j.stepBuf) {
			continue
		}
		a, b := j.texts(p)
		if ofType(n.Type, a, b) && (n.Type != rule.ID || d.bound.meet(a, b, scopeOf([]byte(n.Path.String())), false)) {
			return "noise " + n.Path.String(), true
		}
	}
	return "", false
}

// ofType reports whether a and b differ in the way that t says.
func ofType(t rule.Type, a, b []byte) bool {
	switch ca, cb := value.Classify(a), value.Classify(b); t {
	case rule.ID:
		return ca.Kind.Generated() && value.Same(a, b, ca, cb) || len(a) == len(b) && sameLetters(a, b)
	case rule.Timestamp:
		_, fa := value.Time(a, true)
		_, fb := value.Time(b, true)
		if value.Epoch(a) != value.Epoch(b) {
			return false
		}
		return fa != value.NoTime && fa == fb && (fa != value.EpochSec || value.Epoch(a) != value.NoTime)
	case rule.Token:
		return len(a) > 0 && len(b) > 0
	case rule.Counter:
		return wholeNumber(a) && wholeNumber(b)
	case rule.Jitter:
		x, okA := number(a)
		y, okB := number(b)
		return okA && okB && x >= 0 && y >= 0 && max(x, y) <= 10*min(x, y)+1000
	}
	return false
}

// texts returns what stands at a place on both sides.
func (j *job) texts(p place) (a, b []byte) {
	if p.pair >= 0 {
		pr := j.pairs[p.pair]
		if p.a != body.None && pr.a.Kind(p.a).Scalar() {
			a = pr.a.Text(p.a)
		}
		if p.b != body.None && pr.b.Kind(p.b).Scalar() {
			b = pr.b.Text(p.b)
		}
		return a, b
	}
	if name, ok := strings.CutPrefix(p.header, "headers."); ok {
		return j.a.header(name), j.b.header(name)
	}
	return nil, nil
}

// report appends a difference to the entry's.
func (j *job) report(p place, kind Kind, e *event) {
	if s := kind.Severity(); s.rank() > j.severity.rank() {
		j.severity = s
	}
	if j.d.observe != nil {
		j.d.observe(j, p, kind)
	}
	if j.n == maxDiffs {
		j.dropped++
		return
	}
	if j.n > 0 {
		j.out = append(j.out, ',')
	}
	j.n++
	j.path = j.appendPath(j.path[:0], p)
	j.out = append(j.out, `{"path":`...)
	j.out = appendString(j.out, j.path)
	j.out = append(j.out, `,"kind":"`...)
	j.out = append(j.out, kind...)
	j.out = append(j.out, `","original":`...)
	a, b := e.a, e.b
	at := 0
	if x, y := j.texts(p); x != nil && y != nil {
		a, b = x, y
		at = commonPrefix(a, b)
	}
	j.out = j.appendSide(j.out, p, kind, true, a, at)
	j.out = append(j.out, `,"replay":`...)
	j.out = j.appendSide(j.out, p, kind, false, b, at)
	j.identify()
	j.out = append(j.out, `,"fingerprint":"`...)
	j.out = appendFingerprint(j.out, j.service, j.action, j.path, kind)
	j.out = append(j.out, '"', '}')
}

func (j *job) appendSide(dst []byte, p place, kind Kind, original bool, text []byte, at int) []byte {
	switch {
	case kind == KindStatus && original:
		return appendInt(dst, j.a.status)
	case kind == KindStatus:
		return appendInt(dst, j.b.status)
	case kind == KindErrorCode && p.pair >= 0 || p.pair < 0:
		if kind == KindLength {
			return append(dst, text...)
		}
		if text == nil {
			return append(dst, "null"...)
		}
		return appendString(dst, window(text, at))
	case original:
		return appendValue(dst, &j.pairs[p.pair].a, p.a, at)
	}
	return appendValue(dst, &j.pairs[p.pair].b, p.b, at)
}

// count notes that a value was let pass.
func (j *job) count(r reason, name string) {
	for i := range j.allowed {
		if c := &j.allowed[i]; c.rule == r && c.name == name {
			c.n++
			return
		}
	}
	j.allowed = append(j.allowed, count{r, name, 1})
}

var (
	jsonTrue  = []byte("true")
	jsonFalse = []byte("false")
)

// write splices the result into the line.
func (d *Differ) write(j *job) {
	l := j.line
	if j.n == 0 {
		l.Set(entry.FieldMatch, jsonTrue)
		l.Delete(entry.FieldSeverity)
		l.Delete(entry.FieldDiffs)
	} else {
		l.Set(entry.FieldMatch, jsonFalse)
		l.Set(entry.FieldSeverity, append(append(append(j.path[:0], '"'), j.severity...), '"'))
		j.path = append(append(j.path[:0], '['), j.out...)
		if j.dropped > 0 { // told, not dropped in silence
			j.path = append(j.path, `,{"path":"…","kind":"value","original":null,"replay":"`...)
			j.path = append(appendInt(j.path, j.dropped), ` more differences"}`...)
		}
		j.path = append(j.path, ']')
		l.Set(entry.FieldDiffs, j.path)
	}
	if len(j.allowed) == 0 {
		l.Delete(entry.FieldAllowed)
		return
	}
	j.path = append(j.path[:0], '{')
	for i, c := range j.allowed {
		if i > 0 {
			j.path = append(j.path, ',')
		}
		name := c.name
		if name == "" {
			name = reasons[c.rule].name
		}
		j.path = entry.AppendString(j.path, name)
		j.path = append(j.path, ':')
		j.path = appendInt(j.path, c.n)
	}
	l.Set(entry.FieldAllowed, append(j.path, '}'))
}

// explain prints why a pair was let pass.
func (d *Differ) explain(j *job, e *event, name, why string) {
	j.identify()
	a, b := j.texts(e.place)
	if a == nil && b == nil {
		a, b = e.a, e.b
	}
	at := commonPrefix(a, b)
	line := entry.AppendString(nil, j.line.Text(entry.FieldID))
	line = append(append(append(line, ' '), j.service...), '.')
	line = append(append(line, j.action...), ' ')
	line = j.appendPath(line, e.place)
	line = appendString(append(line, ": "...), window(a, at))
	line = appendString(append(line, " -> "...), window(b, at))
	line = append(append(append(line, ": "...), name...), ", "...)
	line = append(append(line, why...), '\n')
	d.opt.Explain(line)
}
