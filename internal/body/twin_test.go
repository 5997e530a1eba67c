package body

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// checkTwin compares ParseTwin with Parse, nodes and all.
func checkTwin(t *testing.T, a, b []byte) {
	t.Helper()
	prefix := 0
	for prefix < min(len(a), len(b)) && a[prefix] == b[prefix] {
		prefix++
	}
	suffix := 0
	for suffix < min(len(a), len(b))-prefix && a[len(a)-1-suffix] == b[len(b)-1-suffix] {
		suffix++
	}
	o := Options{ContentType: "application/json"}
	var like, want, got Tree
	_ = like.Parse(a, o) // an opaque tree is no twin
	wantErr := want.Parse(b, o)
	gotErr := got.ParseTwin(b, o, &like, prefix, suffix)
	if (wantErr == nil) != (gotErr == nil) {
		t.Fatalf("%q like %q: error %v, want %v", b, a, gotErr, wantErr)
	}
	if len(got.nodes) != len(want.nodes) {
		t.Fatalf("%q like %q: %d nodes, want %d", b, a, len(got.nodes), len(want.nodes))
	}
	for n := range Node(len(want.nodes)) {
		x, y := want.nodes[n], got.nodes[n]
		if x.kind != y.kind || x.end != y.end || x.parent != y.parent || x.count != y.count || x.wire != y.wire || x.wirN != y.wirN {
			t.Fatalf("%q like %q: node %d is %+v, want %+v", b, a, n, y, x)
		}
		if !bytes.Equal(want.Text(n), got.Text(n)) && x.kind.Scalar() || !bytes.Equal(want.Key(n), got.Key(n)) {
			t.Fatalf("%q like %q: node %d is %q %q, want %q %q", b, a, n, got.Key(n), got.Text(n), want.Key(n), want.Text(n))
		}
	}
	if d := cmp.Diff(flat(&want), flat(&got)); d != "" {
		t.Fatalf("scalars (-want +got):\n%s", d)
	}
}

func TestTwinIsWhatParseMakes(t *testing.T) {
	base := samples(t)["application/json"][:1700]
	base = append(bytes.Clone(base[:bytes.LastIndexByte(base, '{')]), `{"k\u0041":"v\n","e":[],"o":{}}],"Count":61,"n":[1,[2,{"x":"y\t"}]]}`...)
	r := rand.New(rand.NewPCG(3, 3))
	pieces := []string{"", "x", "\"", "{", "}", "[", "]", ",", ":", "1", "\\", `"a":1,`, `{"b":2},`, `\u0041`, " ", "null"}
	for range 20000 {
		b := bytes.Clone(base)
		for range 1 + r.IntN(2) {
			i := r.IntN(len(b))
			k := min(len(b), i+r.IntN(6))
			b = append(append(bytes.Clone(b[:i]), pieces[r.IntN(len(pieces))]...), b[k:]...)
		}
		checkTwin(t, base, b)
	}
	// Valid changes, of values and of structure.
	for _, c := range [][2]string{{`"S":"4f9`, `"S":"longer than before 4f9`}, {`{"N":"12"}`, `{"N":"13","more":[1,2]}`}, {`"Flag":{"BOOL":true}`, `"Flag":[{"BOOL":true}]`},
		{`,"Count":61`, ``}, {`[2,{`, `[2,3,{`}, {`"e":[],`, ``}, {`"e":[]`, `"e":[[],[1]]`}} {
		for n := range bytes.Count(base, []byte(c[0])) {
			b, at := bytes.Clone(base), 0
			for range n {
				at += bytes.Index(b[at:], []byte(c[0])) + len(c[0])
			}
			i := at + bytes.Index(b[at:], []byte(c[0]))
			b = append(append(bytes.Clone(b[:i]), c[1]...), b[i+len(c[0]):]...)
			checkTwin(t, base, b)
			checkTwin(t, b, base)
		}
	}
}

func FuzzTwin(f *testing.F) {
	f.Add([]byte(`[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,{"a":"b"},[3]]`), []byte(`[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,{"a":"cc"},[3]]`))
	f.Fuzz(func(t *testing.T, a, b []byte) { checkTwin(t, a, b) })
}
