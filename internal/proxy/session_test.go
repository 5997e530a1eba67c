package proxy

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/neureaux/cloudmock/internal/sign"
)

// startSession runs a recorder before upstream and returns its address, and what it ends with.
func startSession(t *testing.T, ctx context.Context, upstream http.Handler, change func(*SessionOptions)) (address, path string, ended chan error) {
	t.Helper()
	server := httptest.NewServer(upstream)
	t.Cleanup(server.Close)
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(t.TempDir(), "recording.ndjson")
	messages, stderr := io.Pipe()
	o := SessionOptions{
		Proxy: Options{Keyring: sign.NewKeyring(nil), Upstream: u}, HTTPS: -1,
		Output: Output{Path: path}, CA: CAOptions{Dir: filepath.Join(t.TempDir(), "ca")}, Drain: 20 * time.Millisecond, Stderr: stderr,
	}
	if change != nil {
		change(&o)
	}
	ended = make(chan error, 1)
	go func() {
		ended <- Run(ctx, o)
		stderr.Close()
	}()
	lines := bufio.NewScanner(messages)
	for lines.Scan() {
		if _, a, ok := strings.Cut(lines.Text(), "recording calls to http://"); ok {
			go io.Copy(io.Discard, messages) // so that it is never blocked
			return a, path, ended
		}
	}
	t.Fatalf("it did not start: %v", <-ended)
	return "", "", nil
}

// A recorder that is stopped lets calls in flight end, for a time; what it has to break
// off is in the recording, and it ends well.
func TestStoppedWithCallsInFlight(t *testing.T) {
	arrived, finish := make(chan struct{}, 2), make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	address, path, ended := startSession(t, ctx, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		arrived <- struct{}{}
		if r.URL.Path == "/slow" {
			<-r.Context().Done()
			return
		}
		<-finish
		io.WriteString(w, "done") // a client that is gone needs no answer
	}), func(o *SessionOptions) { o.Drain = time.Second })
	answers := make(chan string, 2)
	for _, target := range []string{"/slow", "/fast"} {
		go func() {
			resp, err := (&http.Transport{}).RoundTrip(httptest.NewRequest("GET", "http://"+address+target, nil))
			if err != nil {
				answers <- target + " broken"
				return
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			if err != nil {
				answers <- target + " cut"
				return
			}
			answers <- target + " " + string(body)
		}()
		<-arrived
	}
	cancel()
	close(finish)
	got := map[string]bool{<-answers: true, <-answers: true}
	if !got["/slow broken"] || !got["/fast done"] {
		t.Errorf("answers: %v", got)
	}
	if err := <-ended; err != nil {
		t.Errorf("it ended with %v", err)
	}
	recording, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(recording)), "\n")
	if len(lines) != 2 || !strings.Contains(string(recording), `"error":"the recorder was stopped"`) || !strings.Contains(string(recording), `"response_body":"done"`) {
		t.Errorf("recording:\n%s", recording)
	}
}

func TestNothingIsListeningAfterwards(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	address, _, ended := startSession(t, ctx, http.NotFoundHandler(), nil)
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if _, err := (&http.Transport{}).RoundTrip(httptest.NewRequest("GET", "http://"+address+"/", nil)); err == nil {
		t.Error("the port still answers")
	}
}
