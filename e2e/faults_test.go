package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
)

// upstream is a stand-in for S3 that answers GET with the path's own text.
func upstream(t testing.TB) *httptest.Server {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body) // an error is the client's, who has gone
		io.WriteString(w, r.URL.Path)
	}))
	t.Cleanup(s.Close)
	return s
}

// s3Through is an SDK client that goes through the recorder and never tries twice.
func s3Through(r *recorder) *s3.Client {
	return s3.New(s3.Options{
		BaseEndpoint: &r.url, UsePathStyle: true, Region: "us-east-1", RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider(accessKey, secretKey, ""),
		HTTPClient:  &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}},
	})
}

// get reads an object to its end; nil means that the application saw the call complete.
func get(ctx context.Context, c *s3.Client, key string) error {
	out, err := c.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String("b"), Key: &key})
	if err != nil {
		return err
	}
	defer out.Body.Close()
	_, err = io.Copy(io.Discard, out.Body)
	return err
}

// recorded is the set of keys in the recording, whose lines must be whole, but for the last where torn says so.
func recorded(t testing.TB, file string, torn bool) map[string]bool {
	t.Helper()
	keys := map[string]bool{}
	text := readFile(t, file)
	if end := strings.LastIndexByte(text, '\n') + 1; torn {
		text = text[:end]
	}
	for _, e := range read(t, text) {
		if e.StatusCode == http.StatusOK {
			keys[strings.TrimPrefix(e.Path, "/b/")] = true
		}
	}
	return keys
}

// An app is a few goroutines that call without pause and keep an account of what they saw complete.
type app struct {
	mu   sync.Mutex
	saw  map[string]bool
	n    atomic.Int64
	fail atomic.Int64 // calls that failed
	done sync.WaitGroup
}

// run calls until a call fails, or stop is closed. Prefix makes the keys of two runs differ.
func (a *app) run(ctx context.Context, c *s3.Client, prefix string, stop <-chan struct{}) {
	for range 16 {
		a.done.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				key := prefix + strconv.FormatInt(a.n.Add(1), 10)
				if get(ctx, c, key) != nil {
					a.fail.Add(1)
					return
				}
				a.mu.Lock()
				a.saw[key] = true
				a.mu.Unlock()
			}
		})
	}
}

func (a *app) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.saw)
}

// check fails the test for a call that the application saw complete and that the recording lacks.
func (a *app) check(t *testing.T, keys map[string]bool) {
	t.Helper()
	missing := 0
	for key := range a.saw {
		if !keys[key] {
			missing++
		}
	}
	if missing > 0 {
		t.Errorf("%d of %d calls that the application saw complete are not in the recording", missing, len(a.saw))
	}
}

// After kill -9 at any moment, every call that the application saw complete is in the recording. The next run goes on
// with the same file, mends a torn last line, and says so.
func TestKilledRecorderLosesNoCompleteCall(t *testing.T) {
	up := upstream(t)
	r := startRecorder(t, up.URL)
	a := &app{saw: map[string]bool{}}
	rounds := 10
	if n, err := strconv.Atoi(os.Getenv("CM_E2E_KILLS")); err == nil {
		rounds = n
	}
	for round := range rounds {
		until := a.count() + 20 + rand.IntN(300)
		a.run(t.Context(), s3Through(r), fmt.Sprintf("%d-", round), nil)
		r.await(t, "enough calls", func() bool { return a.count() >= until })
		if err := r.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		r.wait(t)
		a.done.Wait()
		a.check(t, recorded(t, r.output, true))
		r = startRecorder(t, up.URL, "--output", r.output)
	}
	if err := get(t.Context(), s3Through(r), "afterwards"); err != nil {
		t.Error(err)
	}
	if status := r.stop(t); status != 0 {
		t.Errorf("exit status %d after the last run\n%s", status, r.stderr.tail())
	}
	keys := recorded(t, r.output, false)
	a.check(t, keys)
	if !keys["afterwards"] {
		t.Error("a call after the last kill is not in the recording")
	}
	t.Logf("%d kills, %d calls complete, %d recorded", rounds, a.count(), len(keys))
}

// A torn last line is mended by the next run, which says so.
func TestNextRunMendsATornLine(t *testing.T) {
	up := upstream(t)
	file := filepath.Join(t.TempDir(), "recording.ndjson")
	whole := `{"id":"before","method":"GET","path":"/b/before","status_code":200}` + "\n"
	if err := os.WriteFile(file, []byte(whole+`{"id":"torn","method":"GET","pa`), 0o600); err != nil {
		t.Fatal(err)
	}
	r := startRecorder(t, up.URL, "--output", file)
	if err := get(t.Context(), s3Through(r), "after"); err != nil {
		t.Fatal(err)
	}
	if status := r.stop(t); status != 0 {
		t.Errorf("exit status %d\n%s", status, r.stderr.tail())
	}
	keys := recorded(t, r.output, false)
	if !keys["before"] || !keys["after"] {
		t.Errorf("recorded %v, want before and after", keys)
	}
	if said := r.stderr.String(); !strings.Contains(said, file) || !strings.Contains(said, "31 bytes") {
		t.Errorf("nothing is said of the torn line: %s", said)
	}
}

// SIGTERM lets calls in flight end, records them, and then ends the recorder with 0.
func TestSIGTERMDrains(t *testing.T) {
	arrived, release := make(chan struct{}), make(chan struct{})
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "first half, ")
		w.(http.Flusher).Flush()
		arrived <- struct{}{}
		<-release
		io.WriteString(w, "second half")
	}))
	defer up.Close()
	r := startRecorder(t, up.URL)
	result := make(chan error, 1)
	go func() { result <- get(t.Context(), s3Through(r), "in-flight") }()
	<-arrived
	if err := r.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	r.await(t, "end of listening", func() bool { return !listening(strings.TrimPrefix(r.url, "http://")) })
	close(release)
	if err := <-result; err != nil {
		t.Errorf("the call in flight: %v", err)
	}
	if status := r.wait(t); status != 0 {
		t.Errorf("exit status %d\n%s", status, r.stderr.tail())
	}
	if !recorded(t, r.output, false)["in-flight"] {
		t.Error("the call in flight is not in the recording")
	}
}

// unavailable reports whether err is the recorder's own answer, in the shape of an S3 error.
func unavailable(err error) bool {
	api, ok := errors.AsType[smithy.APIError](err)
	if !ok || api.ErrorCode() == "" || api.ErrorCode() == "UnknownError" {
		return false
	}
	response, ok := errors.AsType[*awshttp.ResponseError](err)
	return ok && response.HTTPStatusCode() == http.StatusServiceUnavailable
}

// On a full disk, what was answered is recorded, new calls get 503, and the exit status is 2.
func TestFullDisk(t *testing.T) {
	up := upstream(t)
	bin(t)
	dir := t.TempDir()
	// The file system lives in a mount namespace of its own, so that the test leaves nothing mounted.
	const script = `mkdir "$1/full" && mount -t tmpfs -o size=64k tmpfs "$1/full" || exit 77
		cm-record --upstream "$2" --port "$3" --output "$1/full/recording.ndjson" & echo $! >"$1/pid"
		trap 'kill -TERM $!' TERM; wait $!; status=$?; [ $status -le 128 ] || { wait $!; status=$?; }
		cp "$1/full/recording.ndjson" "$1/recording.ndjson"; exit $status`
	if output(t, exec.Command("unshare", "--mount", "--map-root-user", "true")).status != 0 {
		t.Skip("mount namespaces are not permitted here")
	}
	_, port, _ := strings.Cut(freeAddress(t), ":")
	cmd := exec.CommandContext(t.Context(), "unshare", "--mount", "--map-root-user", "bash", "-c", script, "full", dir, up.URL, port)
	cmd.Env = append(bash(t, "").Env, append(login(), "HOME="+dir)...)
	r := &recorder{process: start(t, cmd), url: "http://127.0.0.1:" + port, output: filepath.Join(dir, "recording.ndjson")}
	r.await(t, "listening", func() bool { return listening("127.0.0.1:" + port) })

	a := &app{saw: map[string]bool{}}
	c := s3Through(r)
	var refused error
	last := "" // the call whose entry did not fit was in flight: it ends as it would have
	for n := 0; refused == nil && n < 1000; n++ {
		key := fmt.Sprintf("%d-%s", n, strings.Repeat("x", 500))
		if refused = get(t.Context(), c, key); refused == nil {
			a.saw[key] = true
			last = key
		}
	}
	if !unavailable(refused) {
		t.Errorf("a call when the disk is full: %v, want 503 as an S3 error", refused)
	}
	if err := get(t.Context(), c, "later"); !unavailable(err) {
		t.Errorf("a later call: %v, want 503 as an S3 error", err)
	}
	if status := r.stop(t); status != 2 {
		t.Errorf("exit status %d, want 2\n%s", status, r.stderr.tail())
	}
	if !strings.Contains(r.stderr.String(), "no space left") {
		t.Errorf("standard error does not say why: %s", r.stderr.tail())
	}
	delete(a.saw, last)
	a.check(t, recorded(t, r.output, true))
	if len(a.saw) < 20 {
		t.Errorf("only %d calls fit", len(a.saw))
	}
}

// When the reader of the recording goes away, the application gets 503 and not a proxy that died under it.
func TestReaderOfTheRecordingGoesAway(t *testing.T) {
	up := upstream(t)
	_, port, _ := strings.Cut(freeAddress(t), ":")
	cmd := tool(t, "cm-record", "--upstream", up.URL, "--port", port, "--output", "-")
	cmd.Env = append(login(), "HOME="+t.TempDir())
	out, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout = in
	r := &recorder{process: start(t, cmd), url: "http://127.0.0.1:" + port}
	in.Close()
	r.await(t, "listening", func() bool { return listening("127.0.0.1:" + port) })
	c := s3Through(r)
	if err := get(t.Context(), c, "first"); err != nil {
		t.Fatal(err)
	}
	var e exchange
	if err := json.NewDecoder(out).Decode(&e); err != nil || e.Path != "/b/first" {
		t.Errorf("the pipe brought %+v, %v", e, err)
	}
	out.Close()
	get(t.Context(), c, "second") // it may be the one that finds out
	if err := get(t.Context(), c, "third"); !unavailable(err) {
		t.Errorf("a call after the reader went away: %v, want 503 as an S3 error", err)
	}
	if status := r.stop(t); status != 2 {
		t.Errorf("exit status %d, want 2\n%s", status, r.stderr.tail())
	}
}

// A reader that is slow slows the application down; nothing is lost and memory does not grow.
func TestSlowReaderOfTheRecording(t *testing.T) {
	up := upstream(t)
	_, port, _ := strings.Cut(freeAddress(t), ":")
	cmd := tool(t, "cm-record", "--upstream", up.URL, "--port", port, "--output", "-")
	cmd.Env = append(login(), "HOME="+t.TempDir())
	out, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout = in
	r := &recorder{process: start(t, cmd), url: "http://127.0.0.1:" + port}
	in.Close()
	r.await(t, "listening", func() bool { return listening("127.0.0.1:" + port) })
	a := &app{saw: map[string]bool{}}
	stop := make(chan struct{})
	a.run(t.Context(), s3Through(r), strings.Repeat("k", 900), stop)
	// Nobody reads: the pipe fills up, and with it the application comes to a halt.
	stalled := a.count()
	eventually(t, "halt of the application", func() bool {
		<-time.After(200 * time.Millisecond)
		before := stalled
		stalled = a.count()
		return stalled > 0 && stalled == before
	})
	close(stop)
	keys := make(chan map[string]bool)
	go func() {
		all := map[string]bool{}
		for d := json.NewDecoder(out); ; {
			var e exchange
			if d.Decode(&e) != nil {
				break
			}
			all[strings.TrimPrefix(e.Path, "/b/")] = true
		}
		keys <- all
	}()
	a.done.Wait()
	if n := a.fail.Load(); n > 0 {
		t.Errorf("%d calls failed, which only had to wait", n)
	}
	if peak := peakMemory(t, r.process); peak > 100<<20 {
		t.Errorf("peak memory %d MB", peak>>20)
	}
	if status := r.stop(t); status != 0 {
		t.Errorf("exit status %d\n%s", status, r.stderr.tail())
	}
	a.check(t, <-keys)
}

// peakMemory is the most memory that the process has had resident, in bytes.
func peakMemory(t testing.TB, p *process) int {
	t.Helper()
	for line := range strings.Lines(readFile(t, fmt.Sprintf("/proc/%d/status", p.Process.Pid))) {
		if text, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kb, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(text), " kB"))
			if err != nil {
				t.Fatal(err)
			}
			return kb << 10
		}
	}
	t.Fatal("no VmHWM")
	return 0
}

// Big bodies stream both ways: memory stays flat, and the first byte arrives before the last is sent.
func TestBigBodiesInFlatMemory(t *testing.T) {
	size := int64(2 << 30)
	if n, err := strconv.ParseInt(os.Getenv("CM_E2E_BODY"), 10, 64); err == nil {
		size = n
	}
	first := make(chan struct{})
	var uploaded atomic.Int64
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut {
			n, _ := io.Copy(io.Discard, r.Body) // a short body shows in the count
			uploaded.Store(n)
			return
		}
		w.Header().Set("Content-Length", strconv.FormatInt(size, 10))
		io.WriteString(w, "0")
		w.(http.Flusher).Flush()
		<-first
		io.CopyN(w, zeros{}, size-1) // a short body shows at the client
	}))
	defer up.Close()
	r := startRecorder(t, up.URL)
	c := s3Through(r)

	out, err := c.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String("b"), Key: aws.String("big")})
	if err != nil {
		t.Fatal(err)
	}
	one := make([]byte, 1)
	if _, err := io.ReadFull(out.Body, one); err != nil {
		t.Fatal(err)
	}
	close(first)
	if n, err := io.Copy(io.Discard, out.Body); err != nil || n != size-1 {
		t.Errorf("download: %d bytes after the first, %v; want %d", n, err, size-1)
	}
	out.Body.Close()

	_, err = c.PutObject(t.Context(), &s3.PutObjectInput{
		Bucket: aws.String("b"), Key: aws.String("big"), Body: io.NewSectionReader(zeros{}, 0, size), ContentLength: &size,
	})
	if err != nil || uploaded.Load() != size {
		t.Errorf("upload: %d bytes arrived, %v; want %d", uploaded.Load(), err, size)
	}
	peak := peakMemory(t, r.process)
	t.Logf("%d MB down and up: peak memory of cm-record %d MB", size>>20, peak>>20)
	if peak > 100<<20 {
		t.Errorf("peak memory %d MB, want less than 100", peak>>20)
	}
	if status := r.stop(t); status != 0 {
		t.Errorf("exit status %d\n%s", status, r.stderr.tail())
	}
	for _, e := range read(t, readFile(t, r.output)) {
		if len(e.ResponseBody) > 16<<20 || len(e.RequestBody) > 16<<20 {
			t.Errorf("%s: a body of %d MB is inline", e.name(), size>>20)
		}
	}
}

// zeros is an endless file of zeros.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func (zeros) ReadAt(p []byte, _ int64) (int, error) { clear(p); return len(p), nil }

// An answer that breaks off reaches the application as one that breaks off, never as a short one that is complete, and
// stands in the recording with an error.
func TestUpstreamBreaksOff(t *testing.T) {
	for _, framing := range []string{"length", "chunked"} {
		t.Run(framing, func(t *testing.T) {
			up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if framing == "length" {
					w.Header().Set("Content-Length", "1000")
				}
				io.WriteString(w, "part")
				w.(http.Flusher).Flush()
				panic(http.ErrAbortHandler)
			}))
			defer up.Close()
			r := startRecorder(t, up.URL)
			if err := get(t.Context(), s3Through(r), "broken"); err == nil {
				t.Error("the application saw a complete answer")
			}
			r.await(t, "entry", func() bool { return strings.Contains(readFile(t, r.output), "\n") })
			if status := r.stop(t); status != 0 {
				t.Errorf("exit status %d\n%s", status, r.stderr.tail())
			}
			all := read(t, readFile(t, r.output))
			if len(all) != 1 || all[0].Error == "" {
				t.Errorf("recorded: %+v, want one entry with an error", all)
			}
		})
	}
}

// An emulator that dies half-way: each entry that got no answer says so, and --max-errors gives up with 2.
func TestEmulatorDiesDuringReplay(t *testing.T) {
	const total, alive = 400, 100
	var stream strings.Builder
	for n := range total {
		fmt.Fprintf(&stream, `{"id":"e%d","timestamp":"2026-01-02T03:04:05Z","service":"s3","action":"GetObject","region":"us-east-1","host":"s3.us-east-1.amazonaws.com","method":"GET","path":"/b/%d","status_code":200,"latency_ms":1,"offset_ms":%d,"request_headers":{},"response_headers":{},"response_body":"/b/%d"}`+"\n", n, n, n*2, n)
	}
	tests := []struct {
		name   string
		flags  []string
		status int
		want   func(answered, failed int) bool
	}{
		{"without a limit every entry comes out", nil, 0, func(answered, failed int) bool { return answered+failed == total && failed > 0 }},
		{"--max-errors gives up", []string{"--max-errors", "5"}, 2, func(answered, failed int) bool { return answered >= alive-8 && failed >= 5 && failed < 50 }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var served atomic.Int64
			var target *httptest.Server
			target = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if served.Add(1) > alive {
					go target.Listener.Close()
					panic(http.ErrAbortHandler)
				}
				io.WriteString(w, r.URL.Path)
			}))
			defer target.Close()
			cmd := tool(t, "cm-replay", append([]string{"--endpoint", target.URL}, tt.flags...)...)
			cmd.Stdin = strings.NewReader(stream.String())
			r := output(t, cmd)
			if r.status != tt.status {
				t.Errorf("exit status %d, want %d\n%s", r.status, tt.status, tail(r.stderr))
			}
			answered, failed := 0, 0
			for _, e := range read(t, r.stdout) {
				switch {
				case e.Replay == nil:
					t.Fatalf("%s came out without a replay part", e.ID)
				case e.Replay.Error != "":
					failed++
				case e.Replay.StatusCode == http.StatusOK:
					answered++
				}
			}
			if !tt.want(answered, failed) {
				t.Errorf("%d answered, %d failed", answered, failed)
			}
			if int64(answered) > alive {
				t.Errorf("%d answered, but only %d were", answered, alive)
			}
		})
	}
}
