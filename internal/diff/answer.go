package diff

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"strings"

	"github.com/neureaux/cloudmock/internal/awsapi"
	"github.com/neureaux/cloudmock/internal/body"
	"github.com/neureaux/cloudmock/pkg/entry"
)

// compareBodies compares the two bodies, which are not the same text.
func (j *job) compareBodies() {
	a, b := &j.a.body, &j.b.body
	if whole(a) && whole(b) {
		j.compareContent()
		return
	}
	// Of one at least only size and digest are known.
	p := place{pair: -1, header: "$"}
	sizeA, sumA := measure(a)
	sizeB, sumB := measure(b)
	switch {
	case sizeA != sizeB:
		j.add(event{place: p, kind: KindLength, a: appendInt(nil, int(sizeA)), b: appendInt(nil, int(sizeB))})
	case sumA != "" && sumB != "" && sumA != sumB:
		j.add(event{place: p, kind: KindValue, a: []byte("sha256:" + sumA), b: []byte("sha256:" + sumB)})
	}
}

func whole(b *entry.Body) bool { return !b.Truncated && (b.SHA256 == "" || len(b.Data) > 0) }

func measure(b *entry.Body) (size int64, sum string) {
	if strings.HasPrefix(b.SHA256, "keyed-") {
		return b.Size, "" // of a secret: it can be compared within a recording only
	}
	if !whole(b) {
		return b.Size, b.SHA256
	}
	s := sha256.Sum256(b.Data)
	return int64(len(b.Data)), hex.EncodeToString(s[:])
}

// maxInflated bounds what a compressed body may grow to.
const maxInflated = 64 << 20

// inflate takes gzip off a body that says it is compressed.
func inflate(s *side) []byte {
	d := s.body.Data
	if len(d) < 2 || d[0] != 0x1f || d[1] != 0x8b || !bytes.EqualFold(s.header("content-encoding"), []byte("gzip")) {
		return d
	}
	zr, err := gzip.NewReader(bytes.NewReader(d))
	if err != nil {
		return d
	}
	out, err := io.ReadAll(io.LimitReader(zr, maxInflated+1))
	if err != nil || len(out) > maxInflated || len(out) > 1<<20 && len(out)/100 > len(d) {
		return d // broken, or a bomb: compared as it is
	}
	return out
}

func (j *job) compareContent() {
	j.a.plain, j.b.plain = inflate(&j.a), inflate(&j.b)
	a, b := j.a.plain, j.b.plain
	if bytes.Equal(a, b) {
		return
	}
	pr, pi := j.newPair()
	oa := body.Options{ContentType: j.contentType(&j.a)}
	ob := body.Options{ContentType: j.contentType(&j.b)}
	if len(a) != len(j.a.body.Data) || len(b) != len(j.b.body.Data) || oa != ob {
		j.prefix, j.suffix = 0, 0
	}
	errA, errB := pr.a.Parse(a, oa), pr.b.ParseTwin(b, ob, &pr.a, j.prefix, j.suffix)
	if j.payload() {
		if errA == nil && errB == nil && j.comparePayload(pi) {
			return
		}
		oa.Format, ob.Format = body.Text, body.Text
		_ = pr.a.Parse(a, oa) // too large is opaque, too
		_ = pr.b.Parse(b, ob)
	}
	x, y := pr.a.Root(), pr.b.Root()
	switch {
	case x == body.None && y == body.None:
		return
	case x == body.None:
		if blank(b) {
			return
		}
		j.add(event{place: place{pair: pi, a: body.None, b: y}, kind: KindExtra})
		return
	case y == body.None:
		if blank(a) {
			return
		}
		j.add(event{place: place{pair: pi, a: x, b: body.None}, kind: KindMissing})
		return
	}
	p := place{pair: pi, a: x, b: y}
	fa, fb := pr.a.Format(), pr.b.Format()
	switch {
	case fa == fb && !opaque(fa):
		if j.a.status >= 400 && fa != body.XML {
			j.jsonError(p)
			return
		}
		if op := j.model(); op != nil && j.a.status < 300 {
			pr.shape = op.ResponseBody(j.call.Protocol)
		}
		j.walk(pi, x, y)
	case opaque(fa) && opaque(fb):
		// Broken documents and payloads alike: their bytes are all there is.
		e := event{place: p, kind: KindValue, a: a, b: b, mode: modeAgree, rule: ruleBound}
		x, y, done := j.redactedValue(p, nil, body.String, a, b)
		if done {
			return
		}
		a, b = x, y
		if want, changed := j.rewritten(a); changed && bytes.Equal(want, b) {
			e.mode, e.rule = modeAllow, ruleRewritten
		} else if len(a) < 1<<16 && fa == body.Text && !j.d.opt.Exact && j.text(p, a, b, false) {
			if j.payload() {
				j.onlyBound(p)
			}
			return
		}
		j.add(e)
	case j.a.status >= 400:
		j.compareCodes()
		j.add(event{place: p, kind: KindType})
	default:
		j.add(event{place: p, kind: KindType})
	}
}

// comparePayload compares documents that are the user's own, so that a
// difference has a path; every byte of them counts. It reports whether it found any.
func (j *job) comparePayload(pi int32) bool {
	pr := j.pairs[pi]
	if f := pr.a.Format(); f != pr.b.Format() || opaque(f) || pr.a.Root() == body.None || pr.b.Root() == body.None {
		return false
	}
	mark, used := len(j.events), j.used
	j.own = true
	j.walk(pi, pr.a.Root(), pr.b.Root())
	j.own = false
	if len(j.events) > mark {
		return true
	}
	j.used = used
	return false
}

// onlyBound lets the tokens of a user's own bytes pass only where they are bound.
func (j *job) onlyBound(p place) {
	for i := range j.events {
		if e := &j.events[i]; e.place == p && e.mode != modeDiff {
			e.mode, e.rule = modeAgree, ruleBound
		}
	}
}

func opaque(f body.Format) bool { return f == body.Text || f == body.Bytes }

func blank(s []byte) bool { return len(bytes.TrimSpace(s)) == 0 }

// model returns the operation of the call, nil if it is not known.
func (j *job) model() *awsapi.Operation {
	j.identify()
	return j.call.Operation()
}

// codeOf returns the error code of an answer, "" if it has none.
func (j *job) codeOf(s *side) string {
	if s.plain == nil {
		s.plain = inflate(s)
	}
	j.identify()
	if code := awsapi.ErrorCode(j.call.Protocol, s.status, s.get, s.plain); code != "" {
		return code
	}
	if h := s.header("x-amzn-query-error"); h != nil {
		code, _, _ := bytes.Cut(h, []byte(";"))
		return string(code)
	}
	if h := s.header("x-amzn-errortype"); h != nil {
		return string(cutCode(h))
	}
	var t body.Tree
	if t.Parse(s.plain, body.Options{ContentType: s.get("content-type")}) != nil || t.Root() == body.None {
		return ""
	}
	for n := range t.Scalars {
		switch string(t.Key(n)) {
		case "__type", "code", "Code":
			return string(cutCode(t.Text(n)))
		}
	}
	return ""
}

// cutCode takes the namespace and the URI off an error's type, as SDKs do.
func cutCode(s []byte) []byte {
	if i := bytes.IndexByte(s, ':'); i >= 0 {
		s = s[:i]
	}
	if i := bytes.LastIndexByte(s, '#'); i >= 0 {
		s = s[i+1:]
	}
	return s
}

// compareCodes compares the error codes of two answers that need no more comparing.
func (j *job) compareCodes() error {
	if err := j.readHeaders(); err != nil {
		return err
	}
	if err := j.readBodies(); err != nil {
		return err
	}
	a, b := j.codeOf(&j.a), j.codeOf(&j.b)
	if a != b {
		j.add(event{place: place{pair: -1, header: "error.code"}, kind: KindErrorCode, a: orNil(a), b: orNil(b)})
	}
	return nil
}

func orNil(s string) []byte {
	if s == "" {
		return nil
	}
	return []byte(s)
}

// jsonError compares two errors of the JSON and CBOR protocols: SDKs read the
// code from several members or a header, and the message under two names.
func (j *job) jsonError(p place) {
	pr := j.pairs[p.pair]
	if pr.a.Kind(p.a) != body.Object || pr.b.Kind(p.b) != body.Object {
		j.walk(p.pair, p.a, p.b)
		return
	}
	find := func(t *body.Tree, n body.Node, part int) body.Node {
		for c := t.First(n); c != body.None; c = t.Next(c) {
			if errorMember(t.Key(c)) == part {
				return c
			}
		}
		return body.None
	}
	at := place{pair: p.pair, a: find(&pr.a, p.a, 1), b: find(&pr.b, p.b, 1)}
	var codeA, codeB string
	if at.a != body.None && at.b != body.None {
		codeA, codeB = string(cutCode(pr.a.Text(at.a))), string(cutCode(pr.b.Text(at.b)))
	} else {
		// A service that says it in a header need not repeat it; but the code
		// of the query protocol is not the one that exceptions are named after.
		codeA, codeB = j.namedCode(&j.a, &pr.a, at.a), j.namedCode(&j.b, &pr.b, at.b)
	}
	if codeA == codeB && at.a != body.None && at.b == body.None {
		j.lone(place{pair: p.pair, a: at.a, b: body.None}, KindMissing)
	}
	if codeA != codeB {
		if at.a == body.None && at.b == body.None {
			at = place{pair: -1, header: "error.code"}
		}
		j.add(event{place: at, kind: KindErrorCode, a: orNil(codeA), b: orNil(codeB)})
	}
	// The message goes by two names; who sends both must have both right.
	ma, mb := find(&pr.a, p.a, 2), find(&pr.b, p.b, 2)
	switch {
	case ma != body.None && mb == body.None:
		j.lone(place{pair: p.pair, a: ma, b: body.None}, KindMissing)
	case ma == body.None && mb != body.None:
		j.lone(place{pair: p.pair, a: body.None, b: mb}, KindExtra)
	case ma != body.None && member1(&pr.b, p.b, pr.a.Key(ma)) == body.None:
		j.walk(p.pair, ma, mb)
	}
	for x := pr.a.First(p.a); x != body.None; x = pr.a.Next(x) {
		part := errorMember(pr.a.Key(x))
		if part == 1 {
			continue
		}
		if y := member1(&pr.b, p.b, pr.a.Key(x)); y != body.None {
			j.walk(p.pair, x, y)
		} else if part == 0 || x != ma && ma != body.None {
			j.lone(place{pair: p.pair, a: x, b: body.None}, KindMissing)
		}
	}
	for y := pr.b.First(p.b); y != body.None; y = pr.b.Next(y) {
		if errorMember(pr.b.Key(y)) == 0 && member1(&pr.a, p.a, pr.b.Key(y)) == body.None {
			j.lone(place{pair: p.pair, a: body.None, b: y}, KindExtra)
		}
	}
}

// namedCode returns an error's code as its body or x-amzn-errortype has it, or
// else wherever it is.
func (j *job) namedCode(s *side, t *body.Tree, n body.Node) string {
	if n != body.None {
		return string(cutCode(t.Text(n)))
	}
	if h := s.header("x-amzn-errortype"); h != nil {
		return string(cutCode(h))
	}
	if s.header("x-amzn-query-error") != nil {
		return ""
	}
	return j.codeOf(s)
}

func member1(t *body.Tree, n body.Node, key []byte) body.Node {
	for c := t.First(n); c != body.None; c = t.Next(c) {
		if bytes.Equal(t.Key(c), key) {
			return c
		}
	}
	return body.None
}

// errorMember tells the code (1) and the message (2) of an error from the rest.
func errorMember(key []byte) int {
	switch string(key) {
	case "__type", "code", "Code":
		return 1
	case "message", "Message", "errorMessage":
		return 2
	}
	return 0
}

// errorPart handles the code of an XML error.
func (j *job) errorPart(p place, name, a, b []byte) bool {
	if j.a.status < 400 || p.pair != 0 || string(name) != "Code" {
		return false
	}
	j.add(event{place: p, kind: KindErrorCode, a: a, b: b})
	return true
}
