package diff

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/neureaux/cloudmock/internal/body"
	"github.com/neureaux/cloudmock/pkg/entry"
)

// samples yields entries with both answers: two honest runs, and the corpus if there is one.
func sampleLines(tb testing.TB) []*entry.Line {
	lines := honest(tb, script, 1, 5)
	if dir := os.Getenv("CM_CORPUS"); dir != "" {
		files, err := filepath.Glob(filepath.Join(dir, "*.ndjson"))
		if err != nil {
			tb.Fatal(err)
		}
		for _, name := range files {
			lines = append(lines, selfReplay(tb, name)...)
		}
	}
	return lines
}

// with returns the entry with other answers.
func with(tb testing.TB, l *entry.Line, change func(*entry.Entry)) *entry.Line {
	e, err := l.Decode()
	if err != nil {
		tb.Fatal(err)
	}
	change(e)
	out := &entry.Line{Name: l.Name, Number: l.Number}
	if err := out.Parse(e.AppendJSON(nil)); err != nil {
		tb.Fatal(err)
	}
	return out
}

// TestAnAnswerEqualsItself compares each answer with itself, in every mode.
func TestAnAnswerEqualsItself(t *testing.T) {
	for _, opt := range []Options{{}, {Strict: true}, {Strict: true, Exact: true, Headers: true}} {
		d := New(opt)
		for _, l := range sampleLines(t) {
			own := with(t, l, func(e *entry.Entry) {
				e.Replay.StatusCode, e.Replay.ResponseHeaders, e.Replay.ResponseBody = e.StatusCode, e.ResponseHeaders, e.ResponseBody
			})
			if r := compareWith(t, d, own); !r.Match {
				t.Fatalf("%s against itself: %+v", l.Text(entry.FieldID), r.Diffs)
			}
		}
	}
}

// TestShufflesChangeNothing writes each answer again with its members in another
// order, and white space where it means nothing.
func TestShufflesChangeNothing(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 9))
	d := New(Options{Strict: true, Exact: true})
	n := 0
	for _, l := range sampleLines(t) {
		e, err := l.Decode()
		if err != nil {
			t.Fatal(err)
		}
		if e.Service == "s3" && e.Action == "GetObject" {
			continue // an object's bytes are its own
		}
		var tree body.Tree
		if tree.Parse(e.ResponseBody.Data, body.Options{ContentType: e.ResponseHeaders.Get("Content-Type")}) != nil || tree.Size() < 2 {
			continue
		}
		root := grow(&tree, 0, nil)
		root.each(func(m *mnode) {
			if m.kind == body.Object && !m.xml {
				r.Shuffle(len(m.children), func(i, k int) { m.children[i], m.children[k] = m.children[k], m.children[i] })
			}
		})
		shuffled := render(t, &tree, root)
		if tree.Format() == body.JSON {
			shuffled = bytes.ReplaceAll(shuffled, []byte(`":`), []byte(`" : `))
			if !bytes.Equal(bytes.ReplaceAll(shuffled, []byte(`" : `), []byte(`":`)), render(t, &tree, root)) {
				shuffled = render(t, &tree, root)
			}
		}
		own := with(t, l, func(e *entry.Entry) {
			e.Replay.StatusCode, e.Replay.ResponseHeaders = e.StatusCode, e.ResponseHeaders
			e.Replay.ResponseBody = entry.Body{Data: shuffled}
		})
		if res := compareWith(t, d, own); !res.Match && !bytes.Contains(shuffled, []byte(`" : `)) {
			t.Errorf("%s shuffled: %+v", l.Text(entry.FieldID), res.Diffs)
		}
		n++
	}
	if n < 30 {
		t.Errorf("only %d answers were shuffled", n)
	}
}

// TestSwappingSwapsTheSides compares mutated answers both ways round.
func TestSwappingSwapsTheSides(t *testing.T) {
	mirror := map[Kind]Kind{KindMissing: KindExtra, KindExtra: KindMissing}
	r := rand.New(rand.NewPCG(4, 4))
	n := 0
	for _, l := range sampleLines(t) {
		own := with(t, l, func(e *entry.Entry) {
			e.Replay.StatusCode, e.Replay.ResponseHeaders, e.Replay.ResponseBody, e.Replay.Rewrites = e.StatusCode, e.ResponseHeaders, e.ResponseBody, nil
		})
		m, _, ok := plant(t, r, own, mutations[r.IntN(len(mutations))], func(string) bool { return false })
		if !ok {
			continue
		}
		n++
		swapped := with(t, m, func(e *entry.Entry) {
			e.ResponseBody, e.Replay.ResponseBody = e.Replay.ResponseBody, e.ResponseBody
			e.ResponseHeaders, e.Replay.ResponseHeaders = e.Replay.ResponseHeaders, e.ResponseHeaders
		})
		there := compareWith(t, New(Options{Strict: true, Exact: true}), m)
		back := compareWith(t, New(Options{Strict: true, Exact: true}), swapped)
		short := func(r result, flip bool) (out []string) {
			for _, d := range r.Diffs {
				if k, ok := mirror[d.Kind]; ok && flip {
					d.Kind = k
				}
				out = append(out, string(d.Kind)+" "+d.Path)
			}
			slices.Sort(out)
			return out
		}
		if d := cmp.Diff(short(there, false), short(back, true)); d != "" {
			t.Errorf("%s (-there +back):\n%s", l.Text(entry.FieldID), d)
		}
	}
	if n < 30 {
		t.Errorf("only %d answers were mutated", n)
	}
}

// FuzzCompare feeds two arbitrary bodies: no panic, and a body equals itself.
func FuzzCompare(f *testing.F) {
	f.Add([]byte(`{"a":[1,{"b":"c"}]}`), []byte(`{"a":[{"b":"d"},1]}`), "application/json", "dynamodb")
	f.Add([]byte(`<a><b x="1">2</b><b>3</b></a>`), []byte(`<a><b>3</b></a>`), "text/xml", "ec2")
	f.Add([]byte("\xa1\x61a\x01"), []byte("\xa1\x61a\x02"), "application/cbor", "kinesis")
	f.Add([]byte("a=1&b=2"), []byte("b=2&a=1"), "application/x-www-form-urlencoded", "sqs")
	f.Fuzz(func(t *testing.T, a, b []byte, media, service string) {
		e := entry.Entry{ID: "f", Method: "POST", Path: "/", Service: service, StatusCode: 200, ResponseHeaders: entry.Header{{Name: "Content-Type", Value: media}},
			ResponseBody: entry.Body{Data: a}, Replay: &entry.Replay{StatusCode: 200, ResponseHeaders: entry.Header{{Name: "Content-Type", Value: media}}, ResponseBody: entry.Body{Data: b}}}
		l := &entry.Line{Name: "fuzz", Number: 1}
		if l.Parse(e.AppendJSON(nil)) != nil {
			return
		}
		r := compareWith(t, New(Options{Strict: true}), l)
		if bytes.Equal(a, b) && !r.Match {
			t.Fatalf("%q differs from itself: %+v", a, r.Diffs)
		}
		exact := compareWith(t, New(Options{Strict: true, Exact: true}), l)
		if exact.Match && !r.Match {
			t.Fatalf("%q and %q are equal to the letter, but %+v", a, b, r.Diffs)
		}
	})
}
