package diff

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/neureaux/cloudmock/pkg/entry"
)

// TestRunEqualsCompare: several workers give the bytes that one gives.
func TestRunEqualsCompare(t *testing.T) {
	var in bytes.Buffer
	for _, l := range honest(t, script, 3, 8) {
		in.Write(l.Raw())
		in.WriteByte('\n')
	}
	run := func(workers int) string {
		var out strings.Builder
		d := New(Options{Strict: true, Workers: workers})
		if err := d.Run(t.Context(), source{entry.NewReader(bytes.NewReader(in.Bytes()), "in")}, entry.NewWriter(&out)); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	want := run(1)
	for _, workers := range []int{2, 4} {
		if got := run(workers); got != want {
			t.Errorf("%d workers write other bytes than one", workers)
		}
	}
}

func TestALivePipeShowsEachEntryAtOnce(t *testing.T) {
	pr, pw := io.Pipe()
	out, in := io.Pipe()
	done := make(chan error, 1)
	go func() {
		done <- New(Options{Strict: true, Workers: 2}).Run(t.Context(), source{entry.NewReader(pr, "in")}, entry.NewWriter(in))
	}()
	for i := range 5 {
		line := fmt.Sprintf(`{"id":"%d","status_code":200,"response_body":"{\"a\":%d}","replay":{"status_code":200,"response_body":"{\"a\":0}"}}`, i, i)
		if _, err := io.WriteString(pw, line+"\n"); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, len(line)-1) // blocks unless the entry was flushed
		if _, err := io.ReadFull(out, got); err != nil || string(got) != line[:len(line)-1] {
			t.Fatalf("read %q, %v", got, err)
		}
		for got[0] != '\n' {
			if _, err := io.ReadFull(out, got[:1]); err != nil {
				t.Fatal(err)
			}
		}
	}
	pw.Close()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestRunStops(t *testing.T) {
	good := `{"id":"a","status_code":200,"replay":{"status_code":200}}` + "\n"
	t.Run("at a broken line, after what came before", func(t *testing.T) {
		var out strings.Builder
		err := New(Options{Strict: true, Workers: 2}).Run(t.Context(), source{entry.NewReader(strings.NewReader(good+"}\n"+good), "in")}, entry.NewWriter(&out))
		var bad *entry.LineError
		if !errors.As(err, &bad) || bad.Number != 2 {
			t.Errorf("error %v, want one about line 2", err)
		}
		if n := strings.Count(out.String(), `"match":true`); n != 1 {
			t.Errorf("%d entries were written, want 1", n)
		}
	})
	t.Run("when the output fails", func(t *testing.T) {
		full := errors.New("disk full")
		err := New(Options{Strict: true, Workers: 2}).Run(t.Context(), source{entry.NewReader(strings.NewReader(strings.Repeat(good, 50000)), "in")}, entry.NewWriter(failing{full}))
		if !errors.Is(err, full) {
			t.Errorf("error %v, want %v", err, full)
		}
	})
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }
