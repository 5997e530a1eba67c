package diff

import (
	"bufio"
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

// TestALivePipeShowsEachEntryAtOnce: whatever number of entries comes at a
// time, all of them are out before the next ones come.
func TestALivePipeShowsEachEntryAtOnce(t *testing.T) {
	pr, pw := io.Pipe()
	out, in := io.Pipe()
	done := make(chan error, 1)
	go func() {
		done <- New(Options{Strict: true, Workers: 2}).Run(t.Context(), source{entry.NewReader(pr, "in")}, entry.NewWriter(in))
	}()
	results := bufio.NewReader(out)
	id := 0
	for _, n := range []int{1, 1, batchLines, 1, batchLines + 1, 5 * batchLines, 1} {
		var lines strings.Builder
		first := id
		for ; id < first+n; id++ {
			fmt.Fprintf(&lines, `{"id":"%d","status_code":200,"response_body":"{\"a\":%d}","replay":{"status_code":200,"response_body":"{\"a\":0}"}}`+"\n", id, id)
		}
		if _, err := io.WriteString(pw, lines.String()); err != nil {
			t.Fatal(err)
		}
		for i := range n {
			got, err := results.ReadString('\n') // blocks unless the entry was flushed
			if want := fmt.Sprintf(`{"id":"%d",`, first+i); err != nil || !strings.HasPrefix(got, want) {
				t.Fatalf("read %q, %v; want %s…", got, err, want)
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
