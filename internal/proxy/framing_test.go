package proxy

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/neureaux/cloudmock/internal/sign"
)

// The length of an answer is said as it was understood: a client must not read it otherwise.
func TestLengthOfTheAnswer(t *testing.T) {
	for _, tt := range []struct{ name, answer, want string }{
		{"beside chunks it does not count", "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n", ""},
		{"twice the same", "Content-Length: 5\r\nContent-Length: 5\r\n\r\nabcde", "5"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			go func() {
				c, err := l.Accept()
				if err != nil {
					return
				}
				c.Read(make([]byte, 4096))
				io.WriteString(c, "HTTP/1.1 200 OK\r\nConnection: close\r\n"+tt.answer)
				c.Close()
			}()
			r := newRig(t, func(o *Options) { o.Upstream = &url.URL{Scheme: "http", Host: l.Addr().String()} })
			status, body, header := r.do(r.request("GET", "/bkt/k", "", clientKey, "s3"))
			if got := strings.Join(header["Content-Length"], " and "); status != 200 || body != "abcde" || got != tt.want {
				t.Errorf("%d %q, Content-Length %q, want %q", status, body, got, tt.want)
			}
		})
	}
}

func TestFramedBodyWithoutItsLastChunkDoesNotArrive(t *testing.T) {
	r := newRig(t, nil)
	req := r.request("PUT", "/bkt/k", "5\r\nhello\r\n", clientKey, "s3", "X-Amz-Content-Sha256", sign.StreamingUnsigned, "X-Amz-Decoded-Content-Length", "5")
	if status, body, _ := r.do(req); status != http.StatusBadRequest {
		t.Errorf("%d %s", status, body)
	}
	for _, got := range r.upstreamSaw() {
		if int64(len(got.Body)) == got.Length {
			t.Errorf("the upstream took it for whole: %+v", got)
		}
	}
	if e := r.entries(); len(e) != 1 || !strings.Contains(e[0].Error, "last chunk") {
		t.Errorf("entries: %+v", e)
	}
}

// Requests that two parsers could take for different ones do not go upstream, whichever way they come.
func TestAmbiguousFraming(t *testing.T) {
	tests := []struct{ name, request, want string }{
		{"Content-Length and Transfer-Encoding", "POST /bkt/k HTTP/1.1\r\nHost: HOST\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400"},
		{"the same in another order and spelling", "POST /bkt/k HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: chunked\r\ncontent-LENGTH: 4\r\n\r\n0\r\n\r\n", "400"},
		{"two lengths", "POST /bkt/k HTTP/1.1\r\nHost: HOST\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcde", "400"},
		{"one length twice", "POST /bkt/k HTTP/1.1\r\nHost: HOST\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nabcde", "400"},
		{"a list of lengths", "POST /bkt/k HTTP/1.1\r\nHost: HOST\r\nContent-Length: 5, 5\r\n\r\nabcde", "400"},
		{"a length with a sign", "POST /bkt/k HTTP/1.1\r\nHost: HOST\r\nContent-Length: +5\r\n\r\nabcde", "400"},
		{"a length in hexadecimal", "POST /bkt/k HTTP/1.1\r\nHost: HOST\r\nContent-Length: 0x5\r\n\r\nabcde", "400"},
		{"a length beyond 64 bits", "POST /bkt/k HTTP/1.1\r\nHost: HOST\r\nContent-Length: 18446744073709551621\r\n\r\nabcde", "400"},
		{"two codings", "POST /bkt/k HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "501"},
		{"two fields of codings", "POST /bkt/k HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "501"},
		{"an unknown coding", "POST /bkt/k HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", "501"},
		{"a coding with a vertical tab", "POST /bkt/k HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: \vchunked\r\n\r\n0\r\n\r\n", "400"},
		{"chunks in HTTP/1.0", "POST /bkt/k HTTP/1.0\r\nHost: HOST\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400"},
		{"a space before the colon", "POST /bkt/k HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n", "400"},
		{"a tab in the name", "POST /bkt/k HTTP/1.1\r\nHost: HOST\r\nTransfer-\tEncoding: chunked\r\n\r\n0\r\n\r\n", "400"},
		{"a line without a name", "GET /bkt/k HTTP/1.1\r\nHost: HOST\r\n: v\r\n\r\n", "400"},
		{"a line without a colon", "GET /bkt/k HTTP/1.1\r\nHost: HOST\r\nX-A\r\n\r\n", "400"},
		{"two hosts", "GET / HTTP/1.1\r\nHost: HOST\r\nHost: evil.example\r\n\r\n", "400"},
		{"no host", "GET / HTTP/1.1\r\n\r\n", "400"},
		{"a bare carriage return in a value", "GET / HTTP/1.1\r\nHost: HOST\r\nX-A: b\rX-Evil: 1\r\n\r\n", "400"},
		{"NUL in a value", "GET / HTTP/1.1\r\nHost: HOST\r\nX-A: b\x00c\r\n\r\n", "400"},
		{"NUL in a name", "GET / HTTP/1.1\r\nHost: HOST\r\nX\x00A: b\r\n\r\n", "400"},
		{"NUL in the target", "GET /\x00 HTTP/1.1\r\nHost: HOST\r\n\r\n", "400"},
		{"a first line that is folded", "GET / HTTP/1.1\r\n X-Evil: 1\r\nHost: HOST\r\n\r\n", "400"},
		{"a line that is folded", "GET / HTTP/1.1\r\nHost: HOST\r\nX-A: b\r\n X-Evil: 1\r\n\r\n", "400"},
		{"a length in a folded line", "POST / HTTP/1.1\r\nHost: HOST\r\nX-A: b\r\n\tContent-Length: 5\r\n\r\nabcde", "400"},
		{"lone line feeds", "GET / HTTP/1.1\nHost: HOST\n\n", "400"},
		{"a lone line feed before a length", "POST / HTTP/1.1\r\nHost: HOST\nContent-Length: 5\r\n\r\nabcde", "400"},
		{"a lone line feed at the end of the head", "POST / HTTP/1.1\r\nHost: HOST\r\nContent-Length: 5\r\n\nabcde", "400"},
		{"another major version", "GET / HTTP/3.0\r\nHost: HOST\r\n\r\n", "505"},
		{"a target with a space", "GET /a b HTTP/1.1\r\nHost: HOST\r\n\r\n", "400"},
		{"a chunk that is longer than it says", "POST /bkt/k HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabcd\r\n0\r\n\r\n", "400"},
		{"a chunk size with a sign", "POST /bkt/k HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: chunked\r\n\r\n+4\r\nabcd\r\n0\r\n\r\n", "400"},
		{"a chunk size in 0x", "POST /bkt/k HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: chunked\r\n\r\n0x4\r\nabcd\r\n0\r\n\r\n", "400"},
		{"a chunk size beyond 64 bits", "POST /bkt/k HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000004\r\nabcd\r\n0\r\n\r\n", "400"},
		{"a lone line feed after a chunk", "POST /bkt/k HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\n0\r\n\r\n", "400"},
		{"an extension that holds a lone line feed", "POST /bkt/k HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: chunked\r\n\r\n4;\nabcd\r\n0\r\n\r\n", "400"},
		{"a header of a megabyte", "GET / HTTP/1.1\r\nHost: HOST\r\nX-A: " + strings.Repeat("a", 1<<20) + "\r\n\r\n", "431"},
		{"chunked alone", "POST /bkt/k HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n0\r\n\r\n", "200"},
		{"chunks with extensions and a trailer", "POST /bkt/k HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: Chunked\r\n\r\n4;a=b\r\nabcd\r\n0;c\r\nX-T: 1\r\n\r\n", "200"},
		{"a length alone", "POST /bkt/k HTTP/1.1\r\nHost: HOST\r\nContent-Length: 4\r\n\r\nabcd", "200"},
		{"an empty line before the request", "\r\nGET /bkt/k HTTP/1.1\r\nHost: HOST\r\n\r\n", "200 or 400"},
	}
	for way, dial := range map[string]func(t *testing.T) (r *rig, c net.Conn, host string){
		"http": func(t *testing.T) (*rig, net.Conn, string) {
			r := newRig(t, nil)
			c, err := net.Dial("tcp", r.server.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			return r, c, "localhost"
		},
		"https": func(t *testing.T) (*rig, net.Conn, string) {
			r := newRig(t, nil)
			return r, r.dialTLS(t), "localhost"
		},
		"CONNECT": func(t *testing.T) (*rig, net.Conn, string) {
			fr := newForwardRig(t, nil, nil)
			c, err := fr.dialConnect(t, "s3.us-east-1.amazonaws.com", "s3.us-east-1.amazonaws.com")
			if err != nil {
				t.Fatal(err)
			}
			return fr.rig, c, "s3.us-east-1.amazonaws.com"
		},
	} {
		for _, tt := range tests {
			t.Run(way+", "+tt.name, func(t *testing.T) {
				r, c, host := dial(t)
				defer c.Close()
				c.SetDeadline(time.Now().Add(10 * time.Second))
				_, err := io.WriteString(c, strings.ReplaceAll(tt.request, "HOST", host))
				b := make([]byte, 4096)
				n, _ := c.Read(b) // no bytes: the connection was closed
				status := ""
				if got := string(b[:n]); strings.HasPrefix(got, "HTTP/1.") && len(got) > 12 {
					status = got[9:12]
				}
				if !strings.Contains(tt.want, status) || status == "" && (tt.want != "431" || err == nil) {
					t.Errorf("got %.100q", b[:n])
				}
				for _, saw := range r.upstreamSaw() {
					if !strings.Contains(tt.want, "200") && saw.Length >= 0 {
						t.Errorf("upstream saw %+v", saw)
					}
				}
			})
		}
	}
}

// dialTLS connects to an https endpoint of the rig.
func (r *rig) dialTLS(t *testing.T) net.Conn {
	t.Helper()
	ca, err := OpenCA(CAOptions{Dir: t.TempDir()}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := newServer(r.proxy)
	go server.Serve(newTLSListener(newListener(l), &tls.Config{NextProtos: []string{"h2", "http/1.1"}, GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		return ca.Certificate(hello.ServerName, time.Now())
	}}))
	t.Cleanup(func() { server.Close() })
	roots := x509.NewCertPool()
	roots.AddCert(ca.root)
	c, err := tls.Dial("tcp", l.Addr().String(), &tls.Config{RootCAs: roots, ServerName: "localhost"})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Status line and length come as the upstream sent them, whatever net/http makes of them.
func TestStatusLinesPassUnchanged(t *testing.T) {
	for _, tt := range []struct{ name, answer, want string }{
		{"a reason of the service's own", "HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\n\r\n"},
		{"an unknown status", "HTTP/1.1 599 \xc3\xa9\r\nContent-Length: 2\r\n\r\nok", "HTTP/1.1 599 \xc3\xa9\r\nContent-Length: 2\r\n\r\nok"},
		{"no reason", "HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n"},
		{"nothing behind the status", "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n"},
		{"304 says what 200 would have", "HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\nContent-Type: a/b\r\n\r\n", "HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\nContent-Type: a/b\r\n\r\n"},
		{"204 with a length", "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n"},
		{"a reason before a long answer", "HTTP/1.1 200 Fine\r\nContent-Length: 20000\r\n\r\n" + strings.Repeat("x", 20000), "HTTP/1.1 200 Fine\r\nContent-Length: 20000\r\n\r\nxxx"},
		{"lines that end with a line feed alone", "HTTP/1.1 200 OK\nX-A: 1\nContent-Length: 6\n\na\r\n\r\nb", "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nX-A: 1\r\n\r\na\r\n\r\nb"},
		{"both ends of lines", "HTTP/1.1 200 OK\r\nX-A: 1\nContent-Length: 2\n\r\nok", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-A: 1\r\n\r\nok"},
		{"names keep their spelling", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nx-amz-meta-KEY: 1\r\n\r\nok", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nx-amz-meta-KEY: 1\r\n\r\nok"},
		{"a folded line", "HTTP/1.1 200 OK\r\nX-A: 1\r\n 2\r\nContent-Length: 2\r\n\r\nok", "HTTP/1.1 502 Bad Gateway\r\n"},
		{"no HTTP", "SSH-2.0-OpenSSH_9.2\r\n\r\n", "HTTP/1.1 502 Bad Gateway\r\n"},
		{"chunks that end with a line feed alone", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\nok\n0\n\n", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, rawUpstream(t, func(c net.Conn, _ *bufio.Reader) {
				io.WriteString(c, tt.answer)
				c.Read(make([]byte, 1)) // the connection stays open
			}))
			if got := r.raw("GET /bkt/k HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"); !strings.HasPrefix(strings.Replace(got, "Connection: close\r\n", "", 1), tt.want) {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
}

// Two answers on one connection keep their lines.
func TestStatusLineOfTheNextAnswer(t *testing.T) {
	r := newRig(t, nil)
	codes := []int{204, 200, 599}
	r.answer = func(w http.ResponseWriter, _ *http.Request, _ []byte) {
		w.WriteHeader(codes[0])
		codes = codes[1:]
	}
	c, err := net.Dial("tcp", r.server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(10 * time.Second))
	br := bufio.NewReader(c)
	for _, want := range []string{"204 No Content", "200 OK", "599 status code 599"} {
		io.WriteString(c, "GET /bkt/k HTTP/1.1\r\nHost: localhost\r\n\r\n")
		resp, err := http.ReadResponse(br, nil)
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, resp.Body)
		if resp.Status != want {
			t.Errorf("%q, want %q", resp.Status, want)
		}
	}
}

func TestALonelyQuestionMarkStays(t *testing.T) {
	r := newRig(t, nil)
	for _, target := range []string{"/bkt/k?", "/bkt/k", "/bkt/k?uploads", "/bkt/k?a=1&"} {
		r.raw("GET " + target + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
		if saw := r.upstreamSaw(); saw[len(saw)-1].Target != target {
			t.Errorf("%s left as %s", target, saw[len(saw)-1].Target)
		}
	}
}

func FuzzHeadEnd(f *testing.F) {
	for _, s := range []string{"HTTP/1.1 200 OK\r\nA: b\r\n\r\nbody", "HTTP/1.1 200 OK\nA: b\n\nbody\r\n\r\n", "\n\n", "\r\n\r\n", "a\n\r\nb\n\n", "\n\n\r\n"} {
		f.Add([]byte(s), uint8(3))
	}
	f.Fuzz(func(t *testing.T, b []byte, at uint8) {
		end, next := headEnd(b, 0)
		// In two pieces it ends where it ends in one.
		split := min(int(at), len(b))
		if e, n := headEnd(b[:split], 0); n > 0 && (e != end || n != next) {
			t.Errorf("%q: %d,%d in the first %d bytes, %d,%d in all", b, e, n, split, end, next)
		} else if n == 0 {
			if e, n := headEnd(b, max(0, split-2)); e != end || n != next {
				t.Errorf("%q: %d,%d from %d on, %d,%d in all", b, e, n, split-2, end, next)
			}
		}
		if empty := string(b[end:next]); next > 0 && empty != "\n" && empty != "\r\n" {
			t.Errorf("%q: the empty line is %q", b, empty)
		}
	})
}
