package pipe

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/neureaux/cloudmock/pkg/entry"
)

const three = `{"id":"a"}` + "\n" + `{"id":"b"}` + "\n" + `{"id":"c"}` + "\n"

// events is a source and a sink that note what happens in order.
type events struct {
	*entry.Reader
	log []string
}

func (e *events) BeforeRead(f func() error) { e.Reader.BeforeRead = f }
func (e *events) Write(l *entry.Line) error {
	e.log = append(e.log, l.Text(entry.FieldID))
	return nil
}
func (e *events) Flush() error { e.log = append(e.log, "flush"); return nil }

func source(r io.Reader) *events { return &events{Reader: entry.NewReader(r, "in")} }

func TestRun(t *testing.T) {
	boom := errors.New("boom")
	drop := func(id string, with error) Stage {
		return func(_ context.Context, l *entry.Line) (*entry.Line, error) {
			if l.Text(entry.FieldID) == id {
				return nil, with
			}
			return l, nil
		}
	}
	tests := []struct {
		name  string
		in    string
		stage Stage
		want  []string
		err   string
	}{
		{"order is kept, and the end flushes", three, drop("", nil), []string{"flush", "a", "b", "c", "flush", "flush"}, ""},
		{"nil drops one entry", three, drop("b", nil), []string{"flush", "a", "c", "flush", "flush"}, ""},
		{"an error stops after what came before", three, drop("b", boom), []string{"flush", "a", "flush"}, "boom"},
		{"a bad line stops after what came before", `{"id":"a"}` + "\n}\n", drop("", nil), []string{"flush", "a", "flush"}, "in:2: not an entry: invalid character '}' looking for {"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := source(strings.NewReader(tt.in))
			err := Run(t.Context(), e, e, tt.stage)
			got := ""
			if err != nil {
				got = err.Error()
			}
			if got != tt.err {
				t.Errorf("error %q, want %q", got, tt.err)
			}
			if diff := cmp.Diff(tt.want, e.log); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
		})
	}
}

func TestLivePipeShowsEachEntryAtOnce(t *testing.T) {
	pr, pw := io.Pipe()
	out, in := io.Pipe()
	done := make(chan error, 1)
	src := source(pr)
	go func() { done <- Run(t.Context(), src, entry.NewWriter(in)) }()
	for _, line := range strings.SplitAfter(three, "\n")[:3] {
		if _, err := io.WriteString(pw, line); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, len(line)) // blocks unless the entry was flushed
		if _, err := io.ReadFull(out, got); err != nil || string(got) != line {
			t.Fatalf("read %q, %v; want %q", got, err, line)
		}
	}
	pw.Close()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestCancelledContextStops(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("stop")
	e := source(strings.NewReader(three))
	err := Run(ctx, e, e, func(_ context.Context, l *entry.Line) (*entry.Line, error) {
		cancel(stop)
		return l, nil
	})
	if !errors.Is(err, stop) {
		t.Errorf("error %v, want the cause", err)
	}
	if diff := cmp.Diff([]string{"flush", "a", "flush"}, e.log); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}
