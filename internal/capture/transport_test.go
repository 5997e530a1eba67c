package capture

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/neureaux/cloudmock/pkg/entry"
)

// A tape is the Emit of a test: it decodes what it is given.
type tape struct {
	t       testing.TB
	mu      sync.Mutex
	entries []*entry.Entry
	err     error
}

func (tp *tape) emit(line []byte) error {
	tp.mu.Lock()
	defer tp.mu.Unlock()
	if tp.err != nil {
		return tp.err
	}
	if n := len(line); n == 0 || bytes.IndexByte(line, '\n') != n-1 {
		tp.t.Errorf("not one line with its newline: %q", line)
	}
	var o entry.Object
	if err := o.Parse(bytes.Clone(line[:len(line)-1])); err != nil {
		tp.t.Errorf("%v: %s", err, line)
		return nil
	}
	e, err := o.Decode()
	if err != nil {
		tp.t.Errorf("%v: %s", err, line)
		return nil
	}
	tp.entries = append(tp.entries, e)
	return nil
}

// one returns the only entry.
func (tp *tape) one() *entry.Entry {
	tp.t.Helper()
	tp.mu.Lock()
	defer tp.mu.Unlock()
	if len(tp.entries) != 1 {
		tp.t.Fatalf("%d entries, want 1", len(tp.entries))
	}
	return tp.entries[0]
}

func newTransport(t testing.TB, o Options) (*Transport, *tape) {
	t.Helper()
	tp := &tape{t: t}
	o.Emit = tp.emit
	r, err := NewRecorder(o)
	if err != nil {
		t.Fatal(err)
	}
	base := http.DefaultTransport.(*http.Transport).Clone()
	base.DisableCompression = true
	t.Cleanup(base.CloseIdleConnections)
	return &Transport{Recorder: r, Base: base}, tp
}

func serve(t testing.TB, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

// roundTripFunc is a fake upstream.
type roundTripFunc func(*http.Request) (*http.Response, error)

func (f roundTripFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestTransportRecordsAnExchange(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		w.Header()["X-Amz-Meta-Twice"] = []string{"one", "two"}
		w.Header().Set("Date", "Tue, 02 Jun 2026 18:31:00 GMT")
		w.WriteHeader(201)
		io.WriteString(w, "answer")
	})
	start := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	tick := 0
	tr, tp := newTransport(t, Options{Now: func() time.Time {
		tick++
		return start.Add(time.Duration(tick-1) * 1500 * time.Microsecond)
	}})
	req, _ := http.NewRequest("PUT", url+"/b/a%2Fb?x-id=PutObject&a;b", strings.NewReader("question"))
	req.Host = "b.s3.eu-west-1.amazonaws.com"
	req.Header.Set("Content-Type", "text/plain")
	resp, err := tr.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	if len(tp.entries) != 0 {
		t.Error("an entry before the response was complete")
	}
	if body, err := io.ReadAll(resp.Body); string(body) != "answer" || err != nil {
		t.Errorf("the caller read %q, %v", body, err)
	}
	resp.Body.Close()
	got := tp.one()
	if got.ID == "" {
		t.Error("no id")
	}
	want := &entry.Entry{
		ID:        got.ID,
		Timestamp: start.Add(1500 * time.Microsecond),
		Offset:    1500 * time.Microsecond,
		Latency:   1500 * time.Microsecond,
		Service:   "s3", Action: "PutObject", Region: "eu-west-1",
		Method: "PUT", Host: "b.s3.eu-west-1.amazonaws.com", Path: "/b/a%2Fb", Query: "x-id=PutObject&a;b",
		StatusCode:     201,
		RequestHeaders: entry.Header{{Name: "Content-Type", Value: "text/plain"}, {Name: "Content-Length", Value: "8"}},
		RequestBody:    entry.Body{Data: []byte("question")},
		ResponseHeaders: entry.Header{
			{Name: "Content-Length", Value: "6"}, {Name: "Content-Type", Value: "text/plain; charset=utf-8"},
			{Name: "Date", Value: "Tue, 02 Jun 2026 18:31:00 GMT"},
			{Name: "X-Amz-Meta-Twice", Value: "one"}, {Name: "X-Amz-Meta-Twice", Value: "two"}},
		ResponseBody: entry.Body{Data: []byte("answer")},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

func TestRecordedMeansWritten(t *testing.T) {
	// However the length of a response is told, the entry is out before the
	// caller has the bytes, or the EOF, that complete it.
	for _, tt := range []struct {
		name   string
		length int64
		reads  []string
	}{
		{"length known: with the last byte", 6, []string{"ans", "wer"}},
		{"length unknown: with the EOF", -1, []string{"ans", "wer", ""}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tr, tp := newTransport(t, Options{})
			tr.Base = roundTripFunc(func(*http.Request) (*http.Response, error) {
				body := io.MultiReader(strings.NewReader("ans"), strings.NewReader("wer"))
				return &http.Response{StatusCode: 200, ContentLength: tt.length, Body: io.NopCloser(body)}, nil
			})
			req, _ := http.NewRequest("GET", "http://x/", nil)
			resp, err := tr.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			buf := make([]byte, 100)
			for i, want := range tt.reads {
				n, _ := resp.Body.Read(buf)
				if string(buf[:n]) != want {
					t.Fatalf("read %q, want %q", buf[:n], want)
				}
				wrote, last := len(tp.entries) == 1, i == len(tt.reads)-1
				if wrote != last {
					t.Errorf("read %d of %d: entry written: %v", i+1, len(tt.reads), wrote)
				}
			}
			resp.Body.Close()
			tp.one()
		})
	}
}

func TestTransportBrokenExchanges(t *testing.T) {
	body := func(read func(p []byte) (int, error)) io.ReadCloser { return io.NopCloser(readerFunc(read)) }
	boom := errors.New("connection reset by peer")
	for _, tt := range []struct {
		name   string
		answer roundTripFunc
		use    func(*http.Response)
		status int
		body   string
		error  string
	}{
		{
			name:   "no response",
			answer: func(*http.Request) (*http.Response, error) { return nil, boom },
			error:  "connection reset by peer",
		},
		{
			name: "reset in the middle of the body",
			answer: func(*http.Request) (*http.Response, error) {
				sent := false
				return &http.Response{StatusCode: 200, ContentLength: 100, Body: body(func(p []byte) (int, error) {
					if sent {
						return 0, boom
					}
					sent = true
					return copy(p, "half"), nil
				})}, nil
			},
			use:    func(r *http.Response) { io.ReadAll(r.Body) },
			status: 200, body: "half", error: "reading the response after 4 bytes: connection reset by peer",
		},
		{
			name: "closed early by the caller",
			answer: func(*http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: 200, ContentLength: 100, Body: io.NopCloser(strings.NewReader(strings.Repeat("x", 100)))}, nil
			},
			use:    func(r *http.Response) { io.ReadFull(r.Body, make([]byte, 3)); r.Body.Close() },
			status: 200, body: "xxx", error: "the client closed the response before its end: 3 bytes read",
		},
		{
			name: "closed after the whole body without waiting for its EOF",
			answer: func(*http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: 200, ContentLength: 3, Body: io.NopCloser(strings.NewReader("xxx"))}, nil
			},
			use:    func(r *http.Response) { io.ReadFull(r.Body, make([]byte, 3)); r.Body.Close() },
			status: 200, body: "xxx",
		},
		{
			name: "HEAD has a length and no body",
			answer: func(*http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: 200, ContentLength: 5 << 30, Body: http.NoBody}, nil
			},
			status: 200,
		},
		{
			name:   "a fake without a body",
			answer: func(*http.Request) (*http.Response, error) { return &http.Response{StatusCode: 204}, nil },
			status: 204,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tr, tp := newTransport(t, Options{})
			tr.Base = tt.answer
			req, _ := http.NewRequest("GET", "http://x/", nil)
			resp, _ := tr.RoundTrip(req)
			if tt.use != nil {
				tt.use(resp)
			}
			got := tp.one()
			if got.StatusCode != tt.status || string(got.ResponseBody.Data) != tt.body || got.Error != tt.error {
				t.Errorf("got status %d, body %q, error %q", got.StatusCode, got.ResponseBody.Data, got.Error)
			}
		})
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// A closer says whether it was closed.
type closer struct {
	io.Reader
	closed bool
}

func (c *closer) Close() error { c.closed = true; return nil }

func TestTransportLeavesTheRequestAlone(t *testing.T) {
	tr, tp := newTransport(t, Options{})
	body := &closer{Reader: strings.NewReader("body")}
	req, _ := http.NewRequest("POST", "http://x/p?q", body)
	req.ContentLength = 4
	req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("body")), nil }
	req.Trailer = http.Header{"X-Sum": nil}
	req.TransferEncoding = []string{"chunked"}
	req.Header.Set("Expect", "100-continue")
	before := *req
	header := req.Header.Clone()
	tr.Base = roundTripFunc(func(out *http.Request) (*http.Response, error) {
		// A retry inside the transport: half of the body was lost with the connection.
		io.ReadFull(out.Body, make([]byte, 2))
		out.Body.Close()
		again, err := out.GetBody()
		if err != nil {
			t.Fatal(err)
		}
		if sent, err := io.ReadAll(again); string(sent) != "body" || err != nil {
			t.Errorf("second body %q, %v", sent, err)
		}
		if out.ContentLength != 4 || out.Trailer == nil || out.TransferEncoding == nil || out.Header.Get("Expect") == "" || out.Context() != req.Context() {
			t.Errorf("the transport got %+v", out)
		}
		return &http.Response{StatusCode: 200, Body: http.NoBody}, nil
	})
	if _, err := tr.RoundTrip(req); err != nil {
		t.Fatal(err)
	}
	if !body.closed {
		t.Error("the body was not closed")
	}
	if req.Body != before.Body || req.ContentLength != before.ContentLength || req.URL != before.URL || cmp.Diff(header, req.Header) != "" {
		t.Error("the request was modified")
	}
	if got := tp.one(); string(got.RequestBody.Data) != "body" {
		t.Errorf("recorded request body %q", got.RequestBody.Data)
	}
}

func TestTransportRequestStillOnItsWayWhenTheAnswerIsComplete(t *testing.T) {
	tr, tp := newTransport(t, Options{})
	var late io.Reader
	tr.Base = roundTripFunc(func(out *http.Request) (*http.Response, error) {
		io.ReadFull(out.Body, make([]byte, 5))
		late = out.Body
		return &http.Response{StatusCode: 403, Body: http.NoBody}, nil
	})
	for range 2 {
		req, _ := http.NewRequest("PUT", "http://x/", strings.NewReader("early late"))
		if _, err := tr.RoundTrip(req); err != nil {
			t.Fatal(err)
		}
		if rest, _ := io.ReadAll(late); string(rest) != " late" {
			t.Errorf("the transport read %q", rest)
		}
	}
	for _, e := range tp.entries {
		if string(e.RequestBody.Data) != "early" {
			t.Errorf("recorded %q", e.RequestBody.Data)
		}
	}
}

func TestTransportBodyLimit(t *testing.T) {
	const limit = 1000
	for _, size := range []int{0, 1, limit - 1, limit, limit + 1, 10 * limit} {
		for _, known := range []bool{true, false} {
			t.Run(fmt.Sprintf("%d bytes, length known: %v", size, known), func(t *testing.T) {
				dir := filepath.Join(t.TempDir(), "bodies")
				tr, tp := newTransport(t, Options{MaxBody: limit, BodyDir: dir})
				data := bytes.Repeat([]byte("a"), size)
				tr.Base = roundTripFunc(func(out *http.Request) (*http.Response, error) {
					if out.Body != nil {
						io.Copy(io.Discard, out.Body)
					}
					length := int64(size)
					if !known {
						length = -1
					}
					return &http.Response{StatusCode: 200, ContentLength: length, Body: io.NopCloser(bytes.NewReader(data))}, nil
				})
				var body io.Reader = bytes.NewReader(data)
				if !known {
					body = io.MultiReader(body)
				}
				req, _ := http.NewRequest("PUT", "http://x/", body)
				resp, err := tr.RoundTrip(req)
				if err != nil {
					t.Fatal(err)
				}
				if got, err := io.ReadAll(resp.Body); !bytes.Equal(got, data) || err != nil {
					t.Fatalf("the caller read %d bytes, %v", len(got), err)
				}
				sum := sha256.Sum256(data)
				want := entry.Body{Size: int64(size), SHA256: hex.EncodeToString(sum[:]), Truncated: true}
				files := 1
				if size <= limit {
					want, files = entry.Body{Data: data}, 0
					if size == 0 {
						want = entry.Body{}
					}
				}
				got := tp.one()
				if d := cmp.Diff(want, got.RequestBody); d != "" {
					t.Errorf("request (-want +got)\n%s", d)
				}
				if d := cmp.Diff(want, got.ResponseBody); d != "" {
					t.Errorf("response (-want +got)\n%s", d)
				}
				kept, err := os.ReadDir(dir)
				if err != nil || len(kept) != files {
					t.Fatalf("%d files kept, want %d (%v)", len(kept), files, err)
				}
				if files == 1 {
					file, err := os.ReadFile(filepath.Join(dir, want.SHA256))
					if err != nil || !bytes.Equal(file, data) {
						t.Errorf("kept %d bytes, %v", len(file), err)
					}
				}
				if err := tr.Recorder.BodyError(); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

func TestTransportManyGoroutines(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) })
	tr, tp := newTransport(t, Options{MaxBody: 100})
	client := &http.Client{Transport: tr}
	var wg sync.WaitGroup
	for g := range 100 {
		wg.Go(func() {
			for i := range 5 {
				want := strings.Repeat(fmt.Sprintf("%d-%d,", g, i), 1+g%30)
				resp, err := client.Post(url, "text/plain", strings.NewReader(want))
				if err != nil {
					t.Error(err)
					return
				}
				got, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				if string(got) != want || err != nil {
					t.Errorf("got %q, %v; want %q", got, err, want)
				}
			}
		})
	}
	wg.Wait()
	if len(tp.entries) != 500 {
		t.Fatalf("%d entries, want 500", len(tp.entries))
	}
	ids := map[string]bool{}
	for _, e := range tp.entries {
		ids[e.ID] = true
		if d := cmp.Diff(e.RequestBody, e.ResponseBody); d != "" {
			t.Fatalf("another exchange's body (-request +response)\n%s", d)
		}
	}
	if len(ids) != 500 {
		t.Errorf("%d different ids, want 500", len(ids))
	}
}

func TestTransportTrailers(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "X-Sum")
		io.WriteString(w, "body")
		w.Header().Set("X-Sum", "42")
	})
	tr, tp := newTransport(t, Options{})
	req, _ := http.NewRequest("GET", url, nil)
	resp, err := tr.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	io.ReadAll(resp.Body)
	if got := resp.Trailer.Get("X-Sum"); got != "42" {
		t.Errorf("the caller got trailer %q", got)
	}
	if got := tp.one().ResponseHeaders.Get("X-Sum"); got != "42" {
		t.Errorf("recorded trailer %q", got)
	}
}

func TestTransportOutputFailureChangesNothingForTheCaller(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "answer") })
	tr, tp := newTransport(t, Options{})
	tp.err = errors.New("disk full")
	req, _ := http.NewRequest("GET", url, nil)
	resp, err := tr.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	if body, err := io.ReadAll(resp.Body); string(body) != "answer" || err != nil {
		t.Errorf("got %q, %v", body, err)
	}
}

func BenchmarkExchange(b *testing.B) {
	for _, size := range []int{0, 1 << 10, 64 << 10} {
		b.Run(fmt.Sprintf("body=%d", size), func(b *testing.B) {
			r, err := NewRecorder(Options{Emit: func([]byte) error { return nil }})
			if err != nil {
				b.Fatal(err)
			}
			body := bytes.Repeat([]byte(`{"Key":"value 12"},`), size/19+1)[:size]
			req, _ := http.NewRequest("POST", "http://dynamodb.eu-west-1.amazonaws.com/", bytes.NewReader(body))
			for name, value := range map[string]string{
				"Authorization":         "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260101/eu-west-1/dynamodb/aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature=98c0e2ed0b9a3d0a8c42e7a2c9d1e14e0d2f5b5c87f1e05c0b1a7e2a43b8a6f1",
				"X-Amz-Target":          "DynamoDB_20120810.GetItem",
				"X-Amz-Date":            "20260101T000000Z",
				"Content-Type":          "application/x-amz-json-1.0",
				"User-Agent":            "aws-sdk-go-v2/1.47.7 ua/2.1 os/linux lang/go#1.26 md/GOOS#linux md/GOARCH#amd64 api/dynamodb#1.50.1",
				"Amz-Sdk-Invocation-Id": "5a1f37d6-8c1f-4b2c-9a53-2f5f1a0a9f6f",
				"Amz-Sdk-Request":       "attempt=1; max=3",
				"Accept-Encoding":       "identity",
			} {
				req.Header.Set(name, value)
			}
			answer := http.Header{
				"Server": {"Server"}, "Date": {"Tue, 02 Jun 2026 18:31:00 GMT"}, "Content-Type": {"application/x-amz-json-1.0"},
				"X-Amzn-Requestid": {"VN9M2FGD4P5Q3V4B6T8J9K0L1M2N3P4Q"}, "X-Amz-Crc32": {"2745614147"},
			}
			b.SetBytes(int64(2 * size))
			b.ReportAllocs()
			for b.Loop() {
				x := r.Begin()
				x.setRequest(req)
				x.Sent()
				x.WriteRequest(body)
				x.Entry.StatusCode = 200
				x.Entry.ResponseHeaders = appendHeader(x.Entry.ResponseHeaders, answer)
				x.WriteResponse(body)
				if err := x.Finish(nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
