//go:build unix

package proxy

import (
	"bufio"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/neureaux/cloudmock/internal/capture"
	"github.com/neureaux/cloudmock/internal/sign"
)

// Memory does not grow with the number of calls. CM_CALLS sets their number; the
// promise is one for a million.
func TestMemoryIsFlat(t *testing.T) {
	calls, _ := strconv.Atoi(os.Getenv("CM_CALLS")) // 0 without
	if calls == 0 {
		calls = 5_000
	}
	log, err := capture.OpenLog(filepath.Join(t.TempDir(), "recording.ndjson"), capture.LogOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	recorder, err := capture.NewRecorder(capture.Options{Emit: log.Append})
	if err != nil {
		t.Fatal(err)
	}
	keys := sign.NewKeyring(nil)
	keys.Add(sign.Key{Credentials: clientKey, As: sign.Static(realKey)}, time.Now())
	upstream := benchUpstream(t, 1<<10)
	p, err := New(Options{Recorder: recorder, Keyring: keys, Upstream: &url.URL{Scheme: "http", Host: upstream}})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := newServer(p)
	go server.Serve(newListener(l))
	defer server.Close()
	request := benchRequest(t, l.Addr().String(), 1<<10)
	run := func(n int) {
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				c, err := net.Dial("tcp", l.Addr().String())
				if err != nil {
					t.Error(err)
					return
				}
				defer c.Close()
				br := bufio.NewReader(c)
				for range n / 8 {
					if _, err := c.Write(request); err != nil {
						t.Error(err)
						return
					}
					if err := benchResponse(br, 1<<10); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		wg.Wait()
	}
	run(1000)
	before := heap()
	run(calls)
	after := heap()
	t.Logf("heap %d KiB, after %d calls %d KiB; %d entries; resident at most %s", before>>10, calls, after>>10, log.Entries(), peak())
	if after > before+4<<20 {
		t.Errorf("the heap grew from %d to %d bytes", before, after)
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// peak is the most memory that the process has had.
func peak() string {
	f, err := os.Open("/proc/self/status")
	if err != nil {
		return "unknown"
	}
	defer f.Close()
	text, err := io.ReadAll(f)
	if err != nil {
		return "unknown"
	}
	for line := range strings.Lines(string(text)) {
		if v, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			return strings.TrimSpace(v)
		}
	}
	return "unknown"
}
