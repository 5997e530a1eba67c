package replay

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
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/neureaux/cloudmock/pkg/entry"
)

// rawServer answers every request on a TCP listener and keeps its bytes.
type rawServer struct {
	addr   string
	answer func(request string) string
	mu     sync.Mutex
	got    []string
	conns  int
}

const plainAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

func newRawServer(t *testing.T, answer func(string) string) *rawServer {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &rawServer{addr: l.Addr().String(), answer: answer}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.conns++
			s.mu.Unlock()
			go s.serve(c)
		}
	}()
	return s
}

// serve reads requests by Content-Length alone, so that a second request inside
// the first would be seen as one of its own.
func (s *rawServer) serve(c net.Conn) {
	defer c.Close()
	br := bufio.NewReader(c)
	for {
		var b strings.Builder
		length := 0
		for {
			line, err := br.ReadString('\n')
			if err != nil {
				return
			}
			b.WriteString(line)
			if v, ok := strings.CutPrefix(strings.ToLower(line), "content-length: "); ok {
				fmt.Sscan(v, &length)
			}
			if line == "\r\n" {
				break
			}
		}
		body := make([]byte, length)
		if _, err := io.ReadFull(br, body); err != nil {
			return
		}
		b.Write(body)
		s.mu.Lock()
		s.got = append(s.got, b.String())
		s.mu.Unlock()
		answer := s.answer(b.String())
		if answer == "" {
			return
		}
		if _, err := io.WriteString(c, answer); err != nil {
			return
		}
	}
}

func (s *rawServer) requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.got...)
}

// lines is a Sink that keeps what it is given.
type lines struct {
	mu  sync.Mutex
	got []string
}

func (l *lines) Write(line *entry.Line) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.got = append(l.got, string(line.Raw()))
	return nil
}
func (l *lines) Flush() error { return nil }

// replayText runs the entries in text and returns the replay parts.
func replayText(t *testing.T, o Options, text string) ([]*entry.Entry, error) {
	t.Helper()
	r, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	var out lines
	err = r.Run(t.Context(), entry.NewReader(strings.NewReader(text), "in"), &out)
	var entries []*entry.Entry
	for _, l := range out.got {
		var line entry.Line
		if err := line.Parse([]byte(l)); err != nil {
			t.Fatalf("output %s: %v", l, err)
		}
		e, err := line.Decode()
		if err != nil {
			t.Fatalf("output %s: %v", l, err)
		}
		entries = append(entries, e)
	}
	return entries, err
}

func endpoint(addr string) []Endpoint { return []Endpoint{{URL: "http://" + addr}} }

// withoutSignature drops the lines that change from run to run.
func withoutSignature(request string) string {
	head, body, _ := strings.Cut(request, "\r\n\r\n")
	var kept []string
	for line := range strings.SplitSeq(head, "\r\n") {
		name, _, _ := strings.Cut(line, ":")
		switch strings.ToLower(name) {
		case "authorization", "x-amz-date", "host", "x-amz-content-sha256":
		default:
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "\n") + "\n\n" + body
}

func TestRequestGoesOutAsRecorded(t *testing.T) {
	tests := []struct{ name, entry, want string }{
		{"path and query stay as they were escaped",
			`{"id":"a","method":"GET","path":"/b/a%20b/c%2Bd//x/../y","query":"uploads&x=%zz&a;b=1&=","host":"s3.us-east-1.amazonaws.com"}`,
			"GET /b/a%20b/c%2Bd//x/../y?uploads&x=%zz&a;b=1&= HTTP/1.1\nX-Cloudmock-Replay: a\n\n"},
		{"a path that holds the query is taken apart",
			`{"id":"a","method":"GET","path":"/b?list-type=2&prefix=a%2Fb"}`,
			"GET /b?list-type=2&prefix=a%2Fb HTTP/1.1\nX-Cloudmock-Replay: a\n\n"},
		{"headers keep order, case and repetition",
			`{"id":"a","method":"GET","path":"/","request_headers":{"x-b":"1","X-A":["2","3"],"ACCEPT-encoding":"identity"}}`,
			"GET / HTTP/1.1\nx-b: 1\nX-A: 2\nX-A: 3\nACCEPT-encoding: identity\nX-Cloudmock-Replay: a\n\n"},
		{"what belonged to the connection and the signature is left out",
			`{"id":"a","method":"PUT","path":"/","request_body":"xy","request_headers":{"Host":"evil","Content-Length":"99","Transfer-Encoding":"chunked","Connection":"close, X-Hop","X-Hop":"1","Authorization":"AWS4-HMAC-SHA256 Credential=AKIA/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0","X-Amz-Security-Token":"t","Expect":"100-continue","X-Forwarded-For":"1.2.3.4","Via":"x","TE":"trailers","X-Keep":"1"}}`,
			"PUT / HTTP/1.1\nX-Keep: 1\nContent-Length: 2\nX-Cloudmock-Replay: a\n\nxy"},
		{"a body of bytes",
			`{"id":"a","method":"POST","path":"/","request_body":"AP+A","request_body_encoding":"base64"}`,
			"POST / HTTP/1.1\nContent-Length: 3\nX-Cloudmock-Replay: a\n\n\x00\xff\x80"},
		{"digests that the recorder left out are computed",
			`{"id":"a","method":"PUT","path":"/","request_body":"xy","request_headers":{"Content-MD5":"REDACTED","x-amz-checksum-crc32":"REDACTED","X-Amz-Checksum-Algorithm":"CRC32"}}`,
			"PUT / HTTP/1.1\nContent-MD5: PkQQcXClIFgq3lIvpzwdFQ==\nx-amz-checksum-crc32: j+YomQ==\nX-Amz-Checksum-Algorithm: CRC32\nContent-Length: 2\nX-Cloudmock-Replay: a\n\nxy"},
		{"an empty body of a POST has a length",
			`{"id":"a","method":"POST","path":"/"}`,
			"POST / HTTP/1.1\nContent-Length: 0\nX-Cloudmock-Replay: a\n\n"},
		{"an id can not end the line",
			`{"id":"a\r\nX: y é","method":"GET","path":"/"}`,
			"GET / HTTP/1.1\nX-Cloudmock-Replay: a%0D%0AX:%20y%20%C3%A9\n\n"},
		{"a bearer token is no signature",
			`{"id":"a","method":"GET","path":"/","request_headers":{"Authorization":"Bearer abc"}}`,
			"GET / HTTP/1.1\nX-Cloudmock-Replay: a\n\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newRawServer(t, func(string) string { return plainAnswer })
			got, err := replayText(t, Options{Endpoints: endpoint(s.addr)}, tt.entry)
			if err != nil {
				t.Fatal(err)
			}
			if e := got[0].Replay.Error; e != "" {
				t.Fatal(e)
			}
			if diff := cmp.Diff(tt.want, withoutSignature(s.requests()[0])); diff != "" {
				t.Errorf("request (-want +got):\n%s", diff)
			}
			if !strings.Contains(s.requests()[0], "\r\nHost: "+s.addr+"\r\n") {
				t.Errorf("Host is not the endpoint: %s", s.requests()[0])
			}
		})
	}
}

// hostile is entries that try to reach another host, or to send more than one
// request.
var hostile = []string{
	`"method":"GET","path":"http://evil.example/x"`,
	`"method":"GET","path":"//evil.example/x"`,
	`"method":"GET","path":"\\\\evil.example\\x"`,
	`"method":"GET","path":" /x"`,
	`"method":"GET","path":"/x HTTP/1.1\r\nHost: evil\r\n\r\nGET /y"`,
	`"method":"GET","path":"/x","query":"a=b HTTP/1.1\r\nX: y"`,
	`"method":"GET","path":"/x","query":"a\nb"`,
	`"method":"GET / HTTP/1.1\r\nHost: x\r\n\r\nDELETE","path":"/"`,
	`"method":"GET /","path":"/"`,
	`"method":"","path":"/"`,
	`"method":"CONNECT","path":"/"`,
	`"method":"GET","path":"@evil.example/"`,
	`"method":"GET","path":":80@evil.example/"`,
	`"method":"GET","path":"/","request_headers":{"X":"a\r\nX-Amz-Target: Evil"}`,
	`"method":"GET","path":"/","request_headers":{"X":"a\nY: b"}`,
	`"method":"GET","path":"/","request_headers":{"X: y\r\nZ":"a"}`,
	`"method":"GET","path":"/","request_headers":{"":"a"}`,
	`"method":"GET","path":"/","request_headers":{"X":"a\u0000b"}`,
	`"method":"GET","path":"/","host":"evil.example"`,
	`"method":"GET","path":"/","host":"a\r\nX: y.s3.us-east-1.amazonaws.com"`,
	`"method":"GET","path":"/","host":"x/../evil.s3.us-east-1.amazonaws.com"`,
	`"method":"POST","path":"/","request_body":"GET /smuggled HTTP/1.1\r\n\r\n","request_headers":{"Content-Length":"0"}`,
	`"method":"POST","path":"/","request_body":"0\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n","request_headers":{"Transfer-Encoding":"chunked"}`,
	`"method":"POST","path":"/","request_body":"x","request_headers":{"Content-Length":["0","5"]," Content-Length":"0"}`,
	`"method":"GET","path":"/","service":"s3\r\nX: y","region":"evil.example/"`,
	`"method":"GET","path":"/","request_headers":{"X":"` + strings.Repeat("a", 2<<20) + `"}`,
	`"method":"GET","path":"/` + strings.Repeat("a", 2<<20) + `"`,
	`"method":"GET","path":"/","request_body":"@/etc/passwd"`,
}

func TestHostileEntryHarmsNobody(t *testing.T) {
	for i, h := range hostile {
		t.Run(fmt.Sprintf("%.60s", h), func(t *testing.T) {
			s := newRawServer(t, func(string) string { return plainAnswer })
			text := fmt.Sprintf(`{"id":"bad",%s}`, h) + "\n" + `{"id":"good","method":"GET","path":"/good"}` + "\n"
			got, err := replayText(t, Options{Endpoints: endpoint(s.addr), Order: Serial}, text)
			if err != nil || len(got) != 2 {
				t.Fatalf("%d entries, %v", len(got), err)
			}
			if got[1].Replay.StatusCode != 200 {
				t.Errorf("the next entry suffered: %+v", got[1].Replay)
			}
			want := 2
			if got[0].Replay.Error != "" {
				want = 1
			}
			requests := s.requests()
			if len(requests) != want {
				t.Fatalf("entry %d made %d requests: %.2000q", i, len(requests), requests)
			}
			for _, r := range requests {
				head, _, _ := strings.Cut(r, "\r\n\r\n")
				req, err := http.ReadRequest(bufio.NewReader(strings.NewReader(r)))
				if err != nil {
					t.Fatalf("not a request: %v: %.500q", err, r)
				}
				if req.Host != s.addr {
					t.Errorf("Host is %q", req.Host)
				}
				if n := strings.Count(strings.ToLower(head), "\r\ncontent-length:"); n > 1 {
					t.Errorf("%d lengths in %.500q", n, head)
				}
				if strings.Contains(strings.ToLower(head), "\r\ntransfer-encoding:") {
					t.Errorf("the recording's framing in %.500q", head)
				}
			}
		})
	}
}

func FuzzEntryIsOneRequest(f *testing.F) {
	for _, h := range hostile {
		if len(h) < 4096 {
			f.Add([]byte(`{"id":"x",` + h + `}`))
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var line entry.Line
		if line.Parse(raw) != nil {
			return
		}
		var c call
		c.line.CopyFrom(&line.Object)
		r := &c.req
		if r.load(&c.line.Object, new(interner)) != nil {
			return
		}
		r.identify(&c.line.Object)
		r.readHost()
		w := &worker{engine: &engine{r: &Replayer{}, t: &target{host: "endpoint:1"}}}
		w.r.o.setDefaults()
		if w.address(r) != nil || w.sign(t.Context(), &c, false) != nil {
			return
		}
		wire := append(r.appendHead(nil, w.t, []byte("id")), r.body...)
		br := bufio.NewReader(bytes.NewReader(wire))
		req, err := http.ReadRequest(br)
		if err != nil {
			if strings.Contains(err.Error(), "invalid URL escape") || strings.Contains(err.Error(), "parse ") {
				return // net/http wants to understand the path; a server need not
			}
			t.Fatalf("%v: %q", err, wire)
		}
		if got, err := io.ReadAll(req.Body); err != nil || !bytes.Equal(got, r.body) {
			t.Fatalf("body %q, %v, want %q", got, err, r.body)
		}
		if br.Buffered() > 0 {
			t.Fatalf("more than one request: %q", wire)
		}
		if req.Host != "endpoint:1" && !strings.HasSuffix(req.Host, ".endpoint:1") {
			t.Fatalf("Host %q", req.Host)
		}
	})
}

func TestAnswersAreTakenAsTheyCome(t *testing.T) {
	big := strings.Repeat("x", 100<<10)
	tests := []struct {
		name, method, answer string
		want                 entry.Replay
		wantErr              string
	}{
		{name: "length", method: "GET", answer: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nx-B: 1\r\nX-A: 2\r\nx-b: 3\r\n\r\nok",
			want: entry.Replay{StatusCode: 200, ResponseHeaders: entry.Header{{Name: "Content-Length", Value: "2"}, {Name: "x-B", Value: "1"}, {Name: "x-B", Value: "3"}, {Name: "X-A", Value: "2"}}, ResponseBody: entry.Body{Data: []byte("ok")}}},
		{name: "chunks and trailers", method: "GET", answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nX-Sum: 7\r\n\r\n",
			want: entry.Replay{StatusCode: 200, ResponseHeaders: entry.Header{{Name: "Transfer-Encoding", Value: "chunked"}, {Name: "X-Sum", Value: "7"}}, ResponseBody: entry.Body{Data: []byte("abcde")}}},
		{name: "until the connection ends", method: "GET", answer: "HTTP/1.0 404 Not Found\r\n\r\ngone",
			want: entry.Replay{StatusCode: 404, ResponseBody: entry.Body{Data: []byte("gone")}}},
		{name: "HEAD has a length and no body", method: "HEAD", answer: "HTTP/1.1 200 OK\r\nContent-Length: 5368709120\r\n\r\n",
			want: entry.Replay{StatusCode: 200, ResponseHeaders: entry.Header{{Name: "Content-Length", Value: "5368709120"}}}},
		{name: "204 has no body", method: "DELETE", answer: "HTTP/1.1 204 No Content\r\n\r\n", want: entry.Replay{StatusCode: 204}},
		{name: "304 has no body", method: "GET", answer: "HTTP/1.1 304\r\nContent-Length: 7\r\n\r\n",
			want: entry.Replay{StatusCode: 304, ResponseHeaders: entry.Header{{Name: "Content-Length", Value: "7"}}}},
		{name: "100 goes before the answer", method: "PUT", answer: "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n",
			want: entry.Replay{StatusCode: 201, ResponseHeaders: entry.Header{{Name: "Content-Length", Value: "0"}}}},
		{name: "a redirect is an answer", method: "GET", answer: "HTTP/1.1 307 Temporary Redirect\r\nLocation: http://evil.example/\r\nContent-Length: 0\r\n\r\n",
			want: entry.Replay{StatusCode: 307, ResponseHeaders: entry.Header{{Name: "Location", Value: "http://evil.example/"}, {Name: "Content-Length", Value: "0"}}}},
		{name: "bytes that are no text", method: "GET", answer: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n\xff\x00",
			want: entry.Replay{StatusCode: 200, ResponseHeaders: entry.Header{{Name: "Content-Length", Value: "2"}}, ResponseBody: entry.Body{Data: []byte("\xff\x00")}}},
		{name: "larger than what is kept", method: "GET", answer: fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(big), big),
			want: entry.Replay{StatusCode: 200, ResponseHeaders: entry.Header{{Name: "Content-Length", Value: "102400"}},
				ResponseBody: entry.Body{Size: 102400, SHA256: "8b77ec70310a4f694fff9ad0bf5f1e9da39b97ec5ccb3ced6a6261ac4effee4c", Truncated: true}}},
		{name: "cut short", method: "GET", answer: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nab", wantErr: "reading the answer: unexpected EOF"},
		{name: "cut in a chunk", method: "GET", answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", wantErr: "reading the answer: unexpected EOF"},
		{name: "chunk size is no number", method: "GET", answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\nab", wantErr: `reading the answer: bad chunk size "-1"`},
		{name: "two lengths", method: "GET", answer: "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", wantErr: `reading the answer: bad Content-Length "2"`},
		{name: "no HTTP", method: "GET", answer: "SSH-2.0-OpenSSH\r\n", wantErr: `reading the answer: not an HTTP answer: "SSH-2.0-OpenSSH"`},
		{name: "nothing", method: "GET", answer: "", wantErr: "connection closed before an answer"},
		{name: "too large", method: "GET", answer: "HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n", wantErr: "reading the answer: answer of 2000000 bytes is larger than 1000000"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			addr := newClosingServer(t, tt.answer)
			got, err := replayText(t, Options{Endpoints: endpoint(addr), MaxResponse: 1e6, InlineLimit: 64 << 10},
				fmt.Sprintf(`{"id":"a","method":%q,"path":"/"}`, tt.method))
			if err != nil {
				t.Fatal(err)
			}
			r := got[0].Replay
			if r.Error != tt.wantErr {
				t.Fatalf("error %q, want %q", r.Error, tt.wantErr)
			}
			if tt.wantErr != "" {
				return
			}
			if r.Latency <= 0 {
				t.Errorf("latency %v", r.Latency)
			}
			r.Latency, r.Endpoint = 0, ""
			if diff := cmp.Diff(tt.want, *r); diff != "" {
				t.Errorf("replay (-want +got):\n%s", diff)
			}
		})
	}
}

// newClosingServer answers one request per connection and closes it.
func newClosingServer(t *testing.T, answer string) string {
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
				if _, err := http.ReadRequest(bufio.NewReader(c)); err != nil {
					return
				}
				_, _ = io.WriteString(c, answer) // the client may have hung up by then
			}()
		}
	}()
	return l.Addr().String()
}

func TestConnectionClosedWhileIdleIsReplaced(t *testing.T) {
	addr := newClosingServer(t, plainAnswer) // it does not say that it closes
	var text strings.Builder
	for i := range 20 {
		fmt.Fprintf(&text, `{"id":"%d","method":"GET","path":"/"}`+"\n", i)
	}
	got, err := replayText(t, Options{Endpoints: endpoint(addr), Concurrency: 1}, text.String())
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range got {
		if e.Replay.Error != "" {
			t.Errorf("%s: %s", e.ID, e.Replay.Error)
		}
	}
}

func TestRefusedConnectionIsAnErrorOfTheEntry(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	text := strings.Repeat(`{"id":"a","method":"GET","path":"/"}`+"\n", 5)
	got, err := replayText(t, Options{Endpoints: endpoint(addr)}, text)
	if err != nil || len(got) != 5 {
		t.Fatalf("%d entries, %v", len(got), err)
	}
	for _, e := range got {
		if !strings.Contains(e.Replay.Error, "connection refused") {
			t.Errorf("error %q", e.Replay.Error)
		}
	}
	_, err = replayText(t, Options{Endpoints: endpoint(addr), MaxErrors: 3, Concurrency: 1}, text)
	if !errors.Is(err, ErrTooMany) {
		t.Errorf("with a limit: %v", err)
	}
}

func TestSlowAnswerTimesOut(t *testing.T) {
	hang := make(chan struct{})
	t.Cleanup(func() { close(hang) })
	s := newRawServer(t, func(string) string { <-hang; return "" })
	got, err := replayText(t, Options{Endpoints: endpoint(s.addr), Timeout: 500 * time.Millisecond}, `{"id":"a","method":"GET","path":"/"}`)
	if err != nil {
		t.Fatal(err)
	}
	if want := "no answer within 500ms"; got[0].Replay.Error != want {
		t.Errorf("error %q, want %q", got[0].Replay.Error, want)
	}
}

func TestInterruptedRunWritesWhatHasAnAnswer(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("why")
	var s *rawServer
	s = newRawServer(t, func(r string) string {
		if strings.Contains(r, "/3 ") {
			cancel(why)
			<-ctx.Done()
		}
		return plainAnswer
	})
	var text bytes.Buffer
	for i := range 100 {
		fmt.Fprintf(&text, `{"id":"%d","method":"GET","path":"/%d"}`+"\n", i, i)
	}
	r, err := New(Options{Endpoints: endpoint(s.addr), Order: Serial})
	if err != nil {
		t.Fatal(err)
	}
	var out lines
	if err := r.Run(ctx, entry.NewReader(&text, "in"), &out); err != why {
		t.Errorf("Run = %v, want the cause", err)
	}
	if n := len(s.requests()); len(out.got) != n || n < 4 {
		t.Errorf("%d lines, %d requests", len(out.got), n)
	}
}

func TestAWSIsRefused(t *testing.T) {
	for _, url := range []string{"https://dynamodb.us-east-1.amazonaws.com", "http://S3.AMAZONAWS.COM.", "https://x.s3.cn-north-1.amazonaws.com.cn:444", "https://lambda.us-east-1.api.aws"} {
		_, err := replayText(t, Options{Endpoints: []Endpoint{{URL: url}}}, `{"id":"a","method":"GET","path":"/"}`+"\n"+`{"id":"a","method":"PUT","path":"/b"}`)
		if err == nil || !strings.Contains(err.Error(), "1 of 2 calls changes something") {
			t.Errorf("%s: %v", url, err)
		}
	}
	for _, host := range []string{"amazonaws.com.evil.example", "xamazonaws.com", "localhost"} {
		if isAWSHost(host) {
			t.Errorf("%s is not AWS", host)
		}
	}
}

func TestEndpoints(t *testing.T) {
	tests := []struct {
		text, name, address, host, err string
	}{
		{text: "http://localhost:4566", name: "http://localhost:4566", address: "localhost:4566", host: "localhost:4566"},
		{text: "moto=https://moto.test", name: "moto", address: "moto.test:443", host: "moto.test"},
		{text: "http://[::1]:80/prefix/", name: "http://[::1]:80/prefix/", address: "[::1]:80", host: "[::1]:80"},
		{text: "unix:///tmp/s.sock", name: "unix:///tmp/s.sock", address: "/tmp/s.sock", host: "localhost"},
		{text: "localhost:4566", err: `endpoint "localhost:4566": scheme "localhost" is not http, https or unix`},
		{text: "http://", err: `endpoint "http://": no host`},
		{text: "http://u:p@h", err: `endpoint "http://u:p@h": only scheme, host, port and path have a meaning`},
		{text: "=http://h", err: `endpoint "=http://h" has an empty name`},
		{text: "ftp://h", err: `endpoint "ftp://h": scheme "ftp" is not http, https or unix`},
	}
	for _, tt := range tests {
		var e Endpoint
		err := e.UnmarshalText([]byte(tt.text))
		if err != nil || tt.err != "" {
			if err == nil || err.Error() != tt.err {
				t.Errorf("%s: %v, want %s", tt.text, err, tt.err)
			}
			continue
		}
		target, err := newTarget(e, TLS{})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{tt.name, tt.address, tt.host}, []string{target.name, target.address, target.host}); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.text, diff)
		}
	}
}

// What the recorder answered itself, AWS has not seen: to send it would change what the emulator holds.
func TestAnswersOfTheRecorderAreNotSent(t *testing.T) {
	s := newRawServer(t, func(string) string { return plainAnswer })
	got, err := replayText(t, Options{Endpoints: endpoint(s.addr)},
		`{"id":"a","service":"s3","method":"PUT","path":"/b/k","status_code":0,"error":"refused: SignatureDoesNotMatch: no","origin":"proxy"}`+"\n"+
			`{"id":"b","service":"s3","method":"PUT","path":"/b/l","status_code":0,"error":"the client went away"}`)
	if err != nil {
		t.Fatal(err)
	}
	if e := got[0].Replay.Error; e != "not sent: the recorder itself had answered: refused: SignatureDoesNotMatch: no" {
		t.Errorf("error %q", e)
	}
	if r := s.requests(); len(r) != 1 || !strings.HasPrefix(r[0], "PUT /b/l ") {
		t.Errorf("sent: %q", r)
	}
}
