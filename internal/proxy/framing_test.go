package proxy

import (
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"

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
