package proxy

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/neureaux/cloudmock/internal/capture"
	"github.com/neureaux/cloudmock/internal/sign"
	"github.com/neureaux/cloudmock/pkg/entry"
)

// rawUpstream makes the rig's upstream a server that reads one request head per
// connection and then does as it likes.
func rawUpstream(t *testing.T, serve func(c net.Conn, br *bufio.Reader)) func(*Options) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				br := bufio.NewReader(c)
				for {
					line, err := br.ReadString('\n')
					if err != nil {
						return
					}
					if line == "\r\n" {
						break
					}
				}
				serve(c, br)
			}()
		}
	}()
	return func(o *Options) {
		o.Dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, l.Addr().String())
		}
	}
}

func TestAnswersPassUnchanged(t *testing.T) {
	tests := []struct {
		name, method, answer string
		wantStatus           int
		wantBody             string
		wantHeader           http.Header
	}{
		{"repeated and odd header values", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-A: 1\r\nx-a: 2\r\nX-Bytes: \xff\xe9\r\nEtag: \"a\"\r\n\r\nok", 200, "ok",
			http.Header{"Content-Length": {"2"}, "X-A": {"1", "2"}, "X-Bytes": {"\xff\xe9"}, "Etag": {`"a"`}}},
		{"no Content-Type and no Date are invented", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n<html>x</html>\n", 200, "<html>x</html>\n", http.Header{"Content-Length": {"15"}}},
		{"HEAD keeps its length", "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5368709120\r\n\r\n", 200, "", http.Header{"Content-Length": {"5368709120"}}},
		{"204 has no length", "DELETE", "HTTP/1.1 204 No Content\r\nX-A: 1\r\n\r\n", 204, "", http.Header{"X-A": {"1"}}},
		{"304 keeps its fields", "GET", "HTTP/1.1 304 Not Modified\r\nEtag: \"a\"\r\nLast-Modified: Mon, 02 Jan 2006 15:04:05 GMT\r\n\r\n", 304, "", http.Header{"Etag": {`"a"`}, "Last-Modified": {"Mon, 02 Jan 2006 15:04:05 GMT"}}},
		{"compressed as sent", "GET", "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x00\x01", 200, "\x1f\x8b\x00\x01", http.Header{"Content-Encoding": {"gzip"}, "Content-Length": {"4"}}},
		{"chunked", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", 200, "ok", http.Header{}},
		{"trailer", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 9\r\n\r\n", 200, "ok", http.Header{"TRAILER X-Sum": {"9"}}},
		{"until the connection ends", "GET", "HTTP/1.0 200 OK\r\nX-A: 1\r\n\r\nall of it", 200, "all of it", http.Header{"X-A": {"1"}}},
		{"redirects are the client's business", "GET", "HTTP/1.1 307 Temporary Redirect\r\nLocation: https://bkt.s3.eu-west-1.amazonaws.com/\r\nContent-Length: 0\r\n\r\n", 307, "", http.Header{"Content-Length": {"0"}, "Location": {"https://bkt.s3.eu-west-1.amazonaws.com/"}}},
		{"hop-by-hop fields stay behind", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: 5\r\n\r\nok", 200, "ok", http.Header{"Content-Length": {"2"}}},
		{"a head of 100 KB", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Long: " + strings.Repeat("x", 100_000) + "\r\n\r\nok", 200, "ok", http.Header{"Content-Length": {"2"}, "X-Long": {strings.Repeat("x", 100_000)}}},
		{"100 Continue unasked", "GET", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, "ok", http.Header{"Content-Length": {"2"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, rawUpstream(t, func(c net.Conn, _ *bufio.Reader) { io.WriteString(c, tt.answer) }))
			req := r.request(tt.method, "/bkt/k", "", clientKey, "s3")
			resp, err := (&http.Transport{DisableCompression: true, DisableKeepAlives: true, MaxResponseHeaderBytes: 1 << 20}).RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			header := resp.Header.Clone()
			header.Del("Connection")
			for name, v := range resp.Trailer {
				header["TRAILER "+name] = v
			}
			if resp.StatusCode != tt.wantStatus || string(body) != tt.wantBody {
				t.Errorf("%d %q", resp.StatusCode, body)
			}
			if diff := cmp.Diff(tt.wantHeader, header); diff != "" {
				t.Errorf("header (-want +got):\n%s", diff)
			}
			e := r.entries()[0]
			if e.StatusCode != tt.wantStatus || string(e.ResponseBody.Data) != tt.wantBody || e.Error != "" {
				t.Errorf("entry: %+v", e)
			}
		})
	}
}

// Faults of the upstream and of the client: the client sees that the answer is broken, and the
// recording says why.
func TestBrokenCalls(t *testing.T) {
	tests := []struct {
		name       string
		serve      func(c net.Conn, br *bufio.Reader)
		wantStatus int  // 0: no answer
		wantCut    bool // the body breaks off
		want       string
	}{
		{"reset within a body of known length", func(c net.Conn, _ *bufio.Reader) {
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
		}, 200, true, "unexpected EOF"},
		{"reset within a chunked body", func(c net.Conn, _ *bufio.Reader) {
			io.WriteString(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n")
		}, 200, true, "unexpected EOF"},
		{"no answer at all", func(net.Conn, *bufio.Reader) {}, 502, false, "EOF"},
		{"no HTTP", func(c net.Conn, _ *bufio.Reader) { io.WriteString(c, "SSH-2.0-OpenSSH\r\n\r\n") }, 502, false, "malformed"},
		{"two lengths", func(c net.Conn, _ *bufio.Reader) {
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nok")
		}, 502, false, "Content-Length"},
		{"an endless head", func(c net.Conn, _ *bufio.Reader) {
			io.WriteString(c, "HTTP/1.1 200 OK\r\n")
			for range 300 {
				io.WriteString(c, "X-Long: "+strings.Repeat("x", 1000)+"\r\n")
			}
		}, 502, false, "larger than 256 KiB"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, rawUpstream(t, tt.serve))
			resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(r.request("GET", "/bkt/k", "", clientKey, "s3"))
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if resp.StatusCode != tt.wantStatus || (err != nil) != tt.wantCut {
				t.Errorf("%d %q %v", resp.StatusCode, body, err)
			}
			entries := r.waitEntries(1)
			if !strings.Contains(entries[0].Error, tt.want) {
				t.Errorf("entry's error: %q", entries[0].Error)
			}
			if tt.wantStatus == 502 && (entries[0].StatusCode != 0 || !strings.Contains(string(body), "<Code>BadGateway</Code>") || resp.Header.Get("X-Cm-Proxy-Error") == "") {
				t.Errorf("status %d in the entry, answer %s", entries[0].StatusCode, body)
			}
			if tt.wantCut && string(entries[0].ResponseBody.Data) != "half" {
				t.Errorf("recorded %q", entries[0].ResponseBody.Data)
			}
		})
	}
}

// waitEntries returns once n entries are recorded.
func (r *rig) waitEntries(n int) []*entry.Entry {
	r.t.Helper()
	deadline := time.After(10 * time.Second)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		if all := r.entries(); len(all) >= n {
			return all
		}
		select {
		case <-tick.C:
		case <-deadline:
			r.t.Fatalf("%d entries, want %d", len(r.entries()), n)
		}
	}
}

func TestUpstreamThatCannotBeReached(t *testing.T) {
	tests := []struct {
		name   string
		err    error
		status int
	}{
		{"refused", errors.New("connect: connection refused"), 502},
		{"no such name", &net.DNSError{Err: "no such host", Name: "x", IsNotFound: true}, 502},
		{"timeout", &net.OpError{Op: "dial", Err: timeoutError{}}, 504},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dials := 0
			r := newRig(t, func(o *Options) {
				o.Dial = func(context.Context, string, string) (net.Conn, error) { dials++; return nil, tt.err }
			})
			status, body, header := r.do(r.request("POST", "/", "{}", clientKey, "dynamodb", "X-Amz-Target", "DynamoDB_20120810.ListTables"))
			if status != tt.status || !strings.Contains(body, `"__type"`) || header.Get("X-Cm-Proxy-Error") == "" {
				t.Errorf("%d %s", status, body)
			}
			if dials != 1 {
				t.Errorf("%d attempts: the proxy must not retry", dials)
			}
			e := r.entries()[0]
			if e.StatusCode != 0 || e.Error == "" || string(e.RequestBody.Data) != "{}" || e.Action != "ListTables" {
				t.Errorf("entry: %+v", e)
			}
		})
	}
}

type timeoutError struct{}

func (timeoutError) Error() string   { return "i/o timeout" }
func (timeoutError) Timeout() bool   { return true }
func (timeoutError) Temporary() bool { return true }

func TestSlowUpstreamTimesOut(t *testing.T) {
	block := make(chan struct{})
	defer close(block)
	apply := rawUpstream(t, func(net.Conn, *bufio.Reader) { <-block })
	r := newRig(t, func(o *Options) { apply(o); o.Timeout = 500 * time.Millisecond })
	status, body, _ := r.do(r.request("GET", "/bkt/k", "", clientKey, "s3"))
	if status != 504 || r.entries()[0].Error == "" {
		t.Errorf("%d %s", status, body)
	}
}

// Every piece goes on as it comes: an event stream must not wait for its end.
func TestStreamsArrivePieceByPiece(t *testing.T) {
	next := make(chan struct{})
	r := newRig(t, rawUpstream(t, func(c net.Conn, _ *bufio.Reader) {
		io.WriteString(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: application/vnd.amazon.eventstream\r\n\r\n")
		for i := range 3 {
			fmt.Fprintf(c, "6\r\nevent%d\r\n", i)
			<-next
		}
		io.WriteString(c, "0\r\n\r\n")
	}))
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(r.request("GET", "/bkt/k", "", clientKey, "s3"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	for i := range 3 {
		b := make([]byte, 6)
		if _, err := io.ReadFull(resp.Body, b); err != nil || string(b) != fmt.Sprintf("event%d", i) {
			t.Fatalf("%q %v", b, err)
		}
		if n := len(r.entries()); n != 0 {
			t.Error("the entry was written before the end")
		}
		next <- struct{}{}
	}
	if rest, err := io.ReadAll(resp.Body); err != nil || len(rest) != 0 {
		t.Errorf("%q %v", rest, err)
	}
}

// The answer's last byte is held back until the entry is written.
func TestRecordedMeansWritten(t *testing.T) {
	for _, size := range []int{1, 1000, 64 << 10, 64<<10 + 1, 300_000} {
		emitting, written := make(chan struct{}), make(chan struct{})
		recorder, err := capture.NewRecorder(capture.Options{Emit: func([]byte) error { close(emitting); <-written; return nil }})
		if err != nil {
			t.Fatal(err)
		}
		r := newRig(t, func(o *Options) { o.Recorder = recorder })
		r.answer = func(w http.ResponseWriter, _ *http.Request, _ []byte) {
			w.Header().Set("Content-Length", fmt.Sprint(size))
			w.Write(bytes.Repeat([]byte("x"), size))
		}
		got := make(chan int)
		go func() {
			defer close(got)
			resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(r.request("GET", "/bkt/k", "", clientKey, "s3"))
			if err != nil {
				t.Error(err)
				return
			}
			defer resp.Body.Close()
			n := 0
			b := make([]byte, 4096)
			for {
				m, err := resp.Body.Read(b)
				if n += m; n == size || err != nil {
					got <- n
					return
				}
			}
		}()
		// The exchange is in flight until Emit returns; the client must not be done before.
		<-emitting
		select {
		case <-got:
			t.Errorf("%d bytes were complete before the entry was written", size)
		case <-time.After(30 * time.Millisecond):
		}
		close(written)
		if n := <-got; n != size {
			t.Errorf("%d bytes of %d", n, size)
		}
	}
}

// An upstream that refuses before it has the body: no byte of it is asked of the client.
func TestExpectContinue(t *testing.T) {
	for _, tt := range []struct {
		name   string
		answer string
		body   bool
		status int
	}{
		{"a refusal comes through with no byte uploaded", "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", false, 403},
		{"Continue is passed on", "HTTP/1.1 100 Continue\r\n\r\n", true, 200},
	} {
		t.Run(tt.name, func(t *testing.T) {
			payload := strings.Repeat("x", 200_000)
			r := newRig(t, rawUpstream(t, func(c net.Conn, br *bufio.Reader) {
				io.WriteString(c, tt.answer)
				if tt.body {
					io.CopyN(io.Discard, br, int64(len(payload)))
					io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
				}
			}))
			req := r.request("PUT", "/bkt/k", payload, clientKey, "s3", "X-Amz-Content-Sha256", sign.UnsignedPayload)
			req.Header.Set("Expect", "100-continue")
			read := 0
			req.Body = io.NopCloser(&countingReader{r: strings.NewReader(payload), n: &read})
			resp, err := (&http.Transport{DisableKeepAlives: true, ExpectContinueTimeout: 10 * time.Second}).RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != tt.status || (read > 0) != tt.body {
				t.Errorf("%d after %d bytes of the body", resp.StatusCode, read)
			}
			if e := r.waitEntries(1)[0]; e.StatusCode != tt.status {
				t.Errorf("entry: %+v", e)
			}
		})
	}
}

type countingReader struct {
	r io.Reader
	n *int
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	*c.n += n
	return n, err
}

// A client that goes away takes its call upstream with it.
func TestClientThatGoesAway(t *testing.T) {
	arrived, closed := make(chan struct{}), make(chan struct{})
	r := newRig(t, rawUpstream(t, func(c net.Conn, br *bufio.Reader) {
		close(arrived)
		io.Copy(io.Discard, br) // until the recorder hangs up
		close(closed)
	}))
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-arrived
		cancel()
	}()
	_, err := (&http.Transport{}).RoundTrip(r.request("GET", "/bkt/k", "", clientKey, "s3").WithContext(ctx))
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	select {
	case <-closed:
	case <-time.After(5 * time.Second):
		t.Fatal("the call upstream goes on")
	}
	if e := r.waitEntries(1)[0]; e.StatusCode != 0 || !strings.Contains(e.Error, "client went away") {
		t.Errorf("entry: %+v", e)
	}
}

// A connection that the upstream has closed while it was idle is not used again.
func TestStaleConnection(t *testing.T) {
	served := make(chan struct{}, 2)
	r := newRig(t, rawUpstream(t, func(c net.Conn, _ *bufio.Reader) {
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		c.Close()
		served <- struct{}{}
	}))
	for range 3 {
		status, body, _ := r.do(r.request("POST", "/", "{}", clientKey, "dynamodb", "X-Amz-Target", "DynamoDB_20120810.PutItem"))
		if status != 200 || body != "ok" {
			t.Fatalf("%d %s", status, body)
		}
		<-served
	}
}

func TestRecordingThatCannotBeWritten(t *testing.T) {
	broken := errors.New("no space left on device")
	r := newRig(t, func(o *Options) { o.Broken = func() error { return broken } })
	status, body, header := r.do(r.request("POST", "/", "{}", clientKey, "dynamodb", "X-Amz-Target", "DynamoDB_20120810.PutItem"))
	if status != 503 || !strings.Contains(body, `"__type":"ServiceUnavailable"`) || !strings.Contains(body, "no space left") || header.Get("Retry-After") == "" {
		t.Errorf("%d %s", status, body)
	}
	if n := len(r.upstreamSaw()); n != 0 {
		t.Errorf("%d requests went upstream", n)
	}
}

// A defect breaks the call that met it, and tells nothing of what it carried.
func TestPanicWithinACall(t *testing.T) {
	broken := true
	r := newRig(t, func(o *Options) {
		o.Now = func() time.Time {
			if broken {
				panic("canary")
			}
			return time.Now()
		}
	})
	req := r.request("GET", "/bkt/k", "", clientKey, "s3")
	if resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req); err == nil {
		t.Errorf("answered with %d", resp.StatusCode)
		resp.Body.Close()
	}
	if m := r.messages(); !strings.Contains(m, "internal error (string)") || strings.Contains(m, "canary") {
		t.Errorf("stderr: %s", m)
	}
	broken = false
	if status, _, _ := r.do(r.request("GET", "/bkt/k", "", clientKey, "s3")); status != 200 {
		t.Errorf("the next call: %d", status)
	}
	if n := r.proxy.counts.Active.Load(); n != 0 {
		t.Errorf("%d calls are still active", n)
	}
}
