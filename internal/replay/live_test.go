package replay

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/neureaux/cloudmock/pkg/entry"
)

// live is a stream that gives an entry when it is asked to.
type live struct {
	next chan string
	line entry.Line
}

func (l *live) Next() (*entry.Line, error) {
	text, ok := <-l.next
	if !ok {
		return nil, io.EOF
	}
	return &l.line, l.line.Parse([]byte(text))
}

// flushed tells which lines a reader of the output has seen.
type flushed struct {
	lines
	seen chan int
}

func (f *flushed) Flush() error {
	f.mu.Lock()
	n := len(f.got)
	f.mu.Unlock()
	f.seen <- n
	return nil
}

func TestLiveStreamThatPausesHoldsNothingBack(t *testing.T) {
	s := newRawServer(t, func(string) string { return plainAnswer })
	r, err := New(Options{Endpoints: endpoint(s.addr)})
	if err != nil {
		t.Fatal(err)
	}
	src := &live{next: make(chan string)}
	out := &flushed{seen: make(chan int, 100)}
	done := make(chan error, 1)
	go func() { done <- r.Run(t.Context(), src, out) }()
	for i := 1; i <= 3; i++ {
		src.next <- fmt.Sprintf(`{"id":"%d","method":"GET","path":"/"}`, i)
		for n := 0; n < i; { // the stream pauses until the entry has come out
			select {
			case n = <-out.seen:
			case <-time.After(5 * time.Second):
				t.Fatalf("entry %d is held back", i)
			}
		}
	}
	close(src.next)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestReaderIsHeldBackByASlowEndpoint(t *testing.T) {
	release := make(chan struct{})
	s := newRawServer(t, func(string) string { <-release; return plainAnswer })
	r, err := New(Options{Endpoints: endpoint(s.addr)})
	if err != nil {
		t.Fatal(err)
	}
	src := &live{next: make(chan string)}
	done := make(chan error, 1)
	go func() { done <- r.Run(t.Context(), src, &lines{}) }()
	text := `{"id":"1","method":"GET","path":"/","request_body":"` + strings.Repeat("x", 1<<20) + `"}`
	taken := 0
	for held := false; !held; {
		select {
		case src.next <- text:
			if taken++; taken > windowBytes>>20+2 {
				t.Fatalf("%d MB were read ahead", taken)
			}
		case <-time.After(100 * time.Millisecond):
			held = true
		}
	}
	close(release)
	close(src.next)
	if err := <-done; err != nil || r.Summary().Total().Total() != int64(taken) {
		t.Errorf("%d of %d, %v", r.Summary().Total().Total(), taken, err)
	}
}
