package diff

import (
	"testing"

	"github.com/neureaux/cloudmock/pkg/entry"
)

// A recorder that leaves a secret body out puts a keyed digest in its place,
// which no other digest can equal: sizes are all there is to compare.
func TestKeyedDigestIsNotCompared(t *testing.T) {
	for _, tt := range []struct {
		name   string
		replay string
		match  bool
	}{
		{"the same size", "0123456789", true},
		{"another size", "012345678", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := entry.Entry{ID: "x", Method: "GET", Path: "/", StatusCode: 200,
				ResponseBody: entry.Body{Size: 10, SHA256: "keyed-00", Truncated: true},
				Replay:       &entry.Replay{StatusCode: 200, ResponseBody: entry.Body{Data: []byte(tt.replay)}}}
			var l entry.Line
			if err := l.Parse(e.AppendJSON(nil)); err != nil {
				t.Fatal(err)
			}
			if got := compareWith(t, New(Options{Strict: true}), &l); got.Match != tt.match {
				t.Errorf("match %v: %v", got.Match, got.short())
			}
		})
	}
}
