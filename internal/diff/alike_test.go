package diff

import (
	"bytes"
	"testing"

	"github.com/neureaux/cloudmock/pkg/entry"
)

// FuzzReadAlike decodes two bodies together and one by one.
func FuzzReadAlike(f *testing.F) {
	long := bytes.Repeat([]byte("ab\"\n\\é😀"), 40)
	f.Add(append(bytes.Clone(long), "x"...), append(bytes.Clone(long), "y"...))
	f.Add(append([]byte("😀"), long...), append([]byte("😁"), long...))
	f.Add(append(bytes.Clone(long), `\`...), append(append(bytes.Clone(long), `\\`...), long...))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		l := exchange{Original: ok(string(a)), Replay: ok(string(b))}.line(t)
		j := &job{d: New(Options{Strict: true}), line: l}
		j.reset()
		if err := l.Replay(&j.replay); err != nil {
			t.Fatal(err)
		}
		if err := j.readBodies(); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(j.a.body.Data, a) || !bytes.Equal(j.b.body.Data, b) {
			t.Fatalf("read %q and %q, want %q and %q", j.a.body.Data, j.b.body.Data, a, b)
		}
		if !bytes.Equal(a[:j.prefix], b[:j.prefix]) || !bytes.Equal(a[len(a)-j.suffix:], b[len(b)-j.suffix:]) {
			t.Fatalf("%d and %d bytes are not what %q and %q have in common", j.prefix, j.suffix, a, b)
		}
	})
}

func TestInEscape(t *testing.T) {
	s := []byte(`ab\n\\\"c\u00e9d\ud83d\ude00e\\u0041`)
	// What follows each place must decode on its own exactly where we say so.
	for i := range len(s) + 1 {
		_, err1 := entry.AppendUnescaped(nil, s[:i-inEscape(s, i)])
		_, err2 := entry.AppendUnescaped(nil, s[i-inEscape(s, i):])
		if err1 != nil || err2 != nil {
			t.Errorf("at %d of %s: %v, %v", i, s, err1, err2)
		}
	}
}
