package proxy

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// Web pages, other machines and ambiguous requests are kept out even with a signature
// that verifies, before anything of the body is read.
func TestGate(t *testing.T) {
	tests := []struct {
		name   string
		method string
		header []string
		status int
		want   string // in the message
	}{
		{"a signed request", "POST", nil, 200, ""},
		{"cross-site image", "GET", []string{"Sec-Fetch-Site", "cross-site"}, 403, "Sec-Fetch-Site"},
		{"same-site page", "GET", []string{"Sec-Fetch-Site", "same-site"}, 403, "Sec-Fetch-Site"},
		{"typed into the address bar", "GET", []string{"Sec-Fetch-Site", "none", "Sec-Fetch-Mode", "navigate"}, 403, "Sec-Fetch-Mode"},
		{"image without credentials", "GET", []string{"Sec-Fetch-Mode", "no-cors"}, 403, "Sec-Fetch-Mode"},
		{"cross-site form", "POST", []string{"Origin", "https://evil.example", "Content-Type", "application/x-www-form-urlencoded"}, 403, "Origin"},
		{"sandboxed page", "POST", []string{"Origin", "null"}, 403, "Origin"},
		{"link from a page", "GET", []string{"Referer", "https://evil.example/"}, 403, "Referer"},
		{"preflight", "OPTIONS", []string{"Access-Control-Request-Method", "PUT"}, 403, "preflight"},
		{"OPTIONS that is no preflight", "OPTIONS", nil, 200, ""},
		{"another proxy in between", "POST", []string{"X-Forwarded-For", "9.9.9.9"}, 400, "X-Forwarded-For"},
		{"Forwarded", "POST", []string{"Forwarded", "for=9.9.9.9"}, 400, "Forwarded"},
		{"Via", "POST", []string{"Via", "1.1 x"}, 400, "Via"},
		{"rebound name", "POST", []string{"Host", "evil.example:PORT"}, 403, "Host"},
		{"localhost as a prefix", "POST", []string{"Host", "localhost.evil.example"}, 403, "Host"},
		{"no label boundary", "POST", []string{"Host", "evillocalhost"}, 403, "Host"},
		{"wildcard DNS", "POST", []string{"Host", "127.0.0.1.nip.io"}, 403, "Host"},
		{"the unspecified address", "POST", []string{"Host", "0.0.0.0:PORT"}, 403, "Host"},
		{"a mapped address", "POST", []string{"Host", "[::ffff:127.0.0.1]:PORT"}, 403, "Host"},
		{"another port", "POST", []string{"Host", "localhost:80"}, 403, "Host"},
		{"dot at the end", "POST", []string{"Host", "LOCALHOST."}, 403, "Host"},
		{"bucket with two dots", "POST", []string{"Host", "a..b.localhost"}, 403, "Host"},
		{"localhost", "POST", []string{"Host", "localhost:PORT"}, 200, ""},
		{"bucket before localhost", "POST", []string{"Host", "bkt.localhost:PORT"}, 200, ""},
		{"upper case", "POST", []string{"Host", "LocalHost:PORT"}, 200, ""},
		{"IPv6", "POST", []string{"Host", "[::1]:PORT"}, 200, ""},
		{"host prefix of an SDK", "POST", []string{"Host", "data-localhost:PORT"}, 200, ""},
		{"a prefix that is none", "POST", []string{"Host", "evil-localhost:PORT"}, 403, "Host"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, nil)
			_, port, err := net.SplitHostPort(r.server.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			for i := range tt.header {
				tt.header[i] = strings.ReplaceAll(tt.header[i], "PORT", port)
			}
			status, body, header := r.do(r.request(tt.method, "/bkt", "", clientKey, "s3", tt.header...))
			if status != tt.status || !strings.Contains(body, tt.want) {
				t.Errorf("%d %s", status, body)
			}
			if tt.status == 200 {
				return
			}
			if n := len(r.upstreamSaw()) + len(r.entries()); n != 0 || r.proxy.counts.Signed.Load() != 0 {
				t.Error("it went upstream, was recorded or signed")
			}
			if !strings.Contains(r.messages(), tt.want) {
				t.Errorf("stderr: %s", r.messages())
			}
			if header.Get("Access-Control-Allow-Origin") != "" {
				t.Error("the answer allows an origin")
			}
		})
	}
}

func TestAllowedOrigin(t *testing.T) {
	r := newRig(t, func(o *Options) { o.AllowOrigins = []string{"https://app.example"} })
	r.answer = func(w http.ResponseWriter, _ *http.Request, _ []byte) {
		w.Header().Set("Access-Control-Allow-Origin", "*")
	}
	for origin, want := range map[string]int{"https://app.example": 200, "https://app.example.evil": 403} {
		status, _, header := r.do(r.request("GET", "/bkt", "", clientKey, "s3", "Origin", origin))
		if status != want || (header.Get("Access-Control-Allow-Origin") != "") != (want == 200) {
			t.Errorf("%s: %d %v", origin, status, header)
		}
	}
}

func TestCrossOriginAnswersAreHidden(t *testing.T) {
	r := newRig(t, nil)
	r.answer = func(w http.ResponseWriter, _ *http.Request, _ []byte) {
		w.Header().Set("Access-Control-Allow-Origin", "*")
	}
	_, _, header := r.do(r.request("GET", "/bkt", "", clientKey, "s3"))
	if header.Get("Access-Control-Allow-Origin") != "" {
		t.Error("the client sees it")
	}
	if r.entries()[0].ResponseHeaders.Get("Access-Control-Allow-Origin") != "*" {
		t.Error("the recording does not have it")
	}
}

func TestPeers(t *testing.T) {
	g := gate{peers: []netip.Prefix{netip.MustParsePrefix("172.17.0.0/16")}}
	for remote, want := range map[string]bool{"127.0.0.1:1": true, "[::1]:1": true, "[::ffff:127.0.0.1]:1": true, "172.17.0.2:9": true, "172.18.0.2:9": false, "192.168.1.5:9": false, "[2001:db8::1]:9": false} {
		if got := g.peer(remote); got != want {
			t.Errorf("%s: %v", remote, got)
		}
	}
}

// A second request on the same connection is judged as the first one was.
func TestAmbiguousFramingLater(t *testing.T) {
	r := newRig(t, nil)
	c, err := net.Dial("tcp", r.server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(10 * time.Second))
	good := "POST /a HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n0\r\n\r\n"
	bad := "POST /b HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
	for _, step := range []struct{ send, want string }{{good, "200"}, {good, "200"}, {bad, "400"}} {
		io.WriteString(c, step.send)
		b := make([]byte, 4096)
		n, err := c.Read(b)
		if err != nil || !strings.HasPrefix(string(b[:n]), "HTTP/1.1 "+step.want) {
			t.Fatalf("%.60q %v, want %s", b[:n], err, step.want)
		}
	}
	// Two at once: the head of the second one arrives with the first one.
	r2 := newRig(t, nil)
	r2.raw(good + bad)
	for _, saw := range r2.upstreamSaw() {
		if saw.Target == "/b" {
			t.Error("the second request went upstream")
		}
	}
}

// Clients that send slowly, or nothing, do not keep others out.
func TestManyIdleConnections(t *testing.T) {
	r := newRig(t, nil)
	for i := range 2000 {
		c, err := net.Dial("tcp", r.server.Listener.Addr().String())
		if err != nil {
			t.Skipf("only %d connections: %v", i, err) // a limit of the machine
		}
		defer c.Close()
		if i%2 == 0 {
			fmt.Fprintf(c, "GET /slow HTTP/1.1\r\nHost: local") // the drip of a slow-loris
		}
	}
	start := time.Now()
	status, _, _ := r.do(r.request("GET", "/bkt/k", "", clientKey, "s3"))
	if took := time.Since(start); status != 200 || took > 2*time.Second {
		t.Errorf("%d after %s", status, took)
	}
	if s := newServer(nil); s.ReadHeaderTimeout == 0 || s.ReadHeaderTimeout > 15*time.Second || s.IdleTimeout == 0 {
		t.Error("slow heads have no limit")
	}
}

func TestForgedHostLabels(t *testing.T) {
	r := newRig(t, nil)
	for _, host := range []string{"x/../evil.localhost", "%2e.localhost", "a@localhost", "evil.com#.localhost", "evil.com\\.localhost"} {
		got := r.raw("GET /k HTTP/1.1\r\nHost: " + host + "\r\n\r\n")
		if !strings.HasPrefix(got, "HTTP/1.1 4") {
			t.Errorf("%s: %.60q", host, got)
		}
	}
	if n := len(r.upstreamSaw()); n != 0 {
		t.Errorf("%d requests went upstream", n)
	}
}
