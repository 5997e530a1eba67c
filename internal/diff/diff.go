// Package diff compares two answers to one call, the original's and the
// replay's, and says what differs: every real difference, and none that varies
// by nature.
//
// Bodies are compared as what they are (JSON, XML, CBOR, event streams, forms)
// with what AWS's models say of them. Values that a service makes up, such as
// ids, tokens and timestamps, pass when they are of the same kind and format; ids
// moreover must be the ones that stood for the original's before, so that an
// answer with another id than an earlier one is a difference.
package diff

import (
	"context"
	"strconv"

	"github.com/neureaux/cloudmock/internal/body"
	"github.com/neureaux/cloudmock/internal/rule"
	"github.com/neureaux/cloudmock/pkg/entry"
)

// Options say what is compared. The zero value compares status codes.
type Options struct {
	Strict  bool             // bodies and the headers that SDKs act on, too
	Headers bool             // all headers; needs Strict
	Exact   bool             // nothing passes by its kind or name; needs Strict
	Rules   rule.Set         // what else may differ
	Explain func(why []byte) // gets a line for each value that was let pass; nil for none
	Workers int              // goroutines that compare in Run; 0 means GOMAXPROCS
}

// A Differ compares the entries of one stream, in order. It is not safe for
// concurrent use; Run itself uses several goroutines.
type Differ struct {
	opt       Options
	unordered []*rule.Path
	bound     *bindings                         // of the endpoint that the entry at hand was replayed at
	bindings  map[string]*bindings              // by endpoint: each makes ids of its own
	job       *job                              // of Compare
	doubt     struct{ original, replay uint64 } // an account, say, that was last found to be another than before
	observe   func(*job, place, Kind)           // gets each difference, for Learn

	// Mismatched counts the calls that differ. Of the attempts of one call only
	// the last counts, as in cm-report.
	Mismatched int
	differing  attempts
}

// New returns a Differ.
func New(opt Options) *Differ {
	return &Differ{opt: opt, unordered: opt.Rules.Unordered, bound: new(bindings), bindings: map[string]*bindings{}}
}

// maxEndpoints bounds how many endpoints have bindings of their own.
const maxEndpoints = 64

// choose sets d.bound to the bindings of the endpoint that answered.
func (d *Differ) choose(endpoint []byte) {
	b := d.bindings[string(endpoint)]
	if b == nil && len(d.bindings) < maxEndpoints {
		b = new(bindings)
		d.bindings[string(endpoint)] = b
	}
	if b != nil {
		d.bound = b
	}
}

// Compare is a stage: it adds match, severity, diffs and allowed to the entry.
func (d *Differ) Compare(_ context.Context, l *entry.Line) (*entry.Line, error) {
	if d.job == nil {
		d.job = &job{d: d}
	}
	j := d.job
	j.line = l
	j.reset()
	j.compare()
	if j.err != nil {
		return nil, j.err
	}
	d.settle(j)
	return l, nil
}

// number reads a float for noise, which is never compared exactly.
func number(s []byte) (float64, bool) {
	f, err := strconv.ParseFloat(string(s), 64)
	return f, err == nil
}

func wholeNumber(s []byte) bool {
	_, err := strconv.ParseInt(string(s), 10, 64)
	return err == nil
}

// plain turns a node into what encoding/json would make of it, for jq.
func plain(t *body.Tree, n body.Node) any {
	switch k := t.Kind(n); k {
	case body.Null:
		return nil
	case body.Bool:
		return string(t.Text(n)) == "true"
	case body.Number, body.Time:
		f, _ := number(t.Text(n))
		return f
	case body.Array:
		out := []any{}
		for c := t.First(n); c != body.None; c = t.Next(c) {
			out = append(out, plain(t, c))
		}
		return out
	case body.Object:
		out := map[string]any{}
		for c := t.First(n); c != body.None; c = t.Next(c) {
			key := string(t.Key(c))
			v := plain(t, c)
			if old, ok := out[key]; ok && t.XML(n) { // a repeated element is a list
				if list, ok := old.([]any); ok && len(list) > 0 {
					v = append(list, v)
				} else {
					v = []any{old, v}
				}
			}
			out[key] = v
		}
		return out
	}
	return string(t.Text(n))
}
