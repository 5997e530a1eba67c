package diff

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/neureaux/cloudmock/internal/awsapi"
	"github.com/neureaux/cloudmock/internal/body"
	"github.com/neureaux/cloudmock/internal/rule"
)

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
