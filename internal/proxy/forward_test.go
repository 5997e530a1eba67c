package proxy

import (
	"bufio"
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/neureaux/cloudmock/internal/sign"
)

// forwardRig is a recorder in forward mode; every AWS name leads to one TLS server.
type forwardRig struct {
	*rig
	ca   *CA
	host string // of the recorder

	upstreamHandler atomic.Value // func(http.ResponseWriter, *http.Request), in place of the rig's
}

func newForwardRig(t *testing.T, allow []string, change func(*Options)) *forwardRig {
	t.Helper()
	var fr forwardRig
	amazon, err := OpenCA(CAOptions{Dir: filepath.Join(t.TempDir(), "amazon")}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	upstream := httptest.NewUnstartedServer(nil)
	upstream.EnableHTTP2 = true
	upstream.TLS = &tls.Config{GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		return amazon.Certificate(hello.ServerName, time.Now())
	}}
	upstream.StartTLS()
	upstream.TLS.Certificates = nil // httptest's own
	t.Cleanup(upstream.Close)
	roots := x509.NewCertPool()
	roots.AddCert(amazon.root)
	fr.rig = newRig(t, func(o *Options) {
		o.Upstream = nil
		o.RootCAs = roots
		o.Dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, upstream.Listener.Addr().String())
		}
		if change != nil {
			change(o)
		}
	})
	upstream.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if h, ok := fr.upstreamHandler.Load().(func(http.ResponseWriter, *http.Request)); ok {
			h(w, r)
			return
		}
		fr.serveUpstream(w, r)
	})
	ca, err := OpenCA(CAOptions{Dir: filepath.Join(t.TempDir(), "ca")}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	fr.ca = ca
	f := newForwarder(fr.proxy, func() (*CA, error) { return ca, nil }, allow, false)
	go f.inner.Serve(f.queue)
	t.Cleanup(func() { f.shutdown(context.Background()) })
	fr.server.Config.Handler = f
	fr.host = fr.server.Listener.Addr().String()
	return &fr
}

func (fr *forwardRig) client(h2 bool) *http.Client {
	roots := x509.NewCertPool()
	roots.AddCert(fr.ca.root)
	return &http.Client{Transport: &http.Transport{
		Proxy:             http.ProxyURL(&url.URL{Scheme: "http", Host: fr.host}),
		TLSClientConfig:   &tls.Config{RootCAs: roots},
		ForceAttemptHTTP2: h2, DisableCompression: true,
	}}
}

func TestForwardMode(t *testing.T) {
	app := sign.Credentials{KeyID: "AKIDAPP", Secret: "appsecret"}
	for _, h2 := range []bool{false, true} {
		for _, tt := range []struct {
			name    string
			key     sign.Credentials
			arrives string // key of the signature that the upstream verifies
		}{
			{"a request keeps the signature of the app", app, app.KeyID},
			{"a key that stands for another is signed anew", clientKey, realKey.KeyID},
		} {
			t.Run(fmt.Sprintf("%s, HTTP/2 %v", tt.name, h2), func(t *testing.T) {
				fr := newForwardRig(t, nil, nil)
				fr.secrets[app.KeyID] = app.Secret
				const target = "/a%2Fb%20c?x-id=PutObject&uploads"
				req, err := http.NewRequest("PUT", "https://bkt1.s3.eu-west-1.amazonaws.com"+target, strings.NewReader("data"))
				if err != nil {
					t.Fatal(err)
				}
				fr.sign(req, target, "data", tt.key, "s3", time.Now())
				client := fr.client(h2)
				defer client.CloseIdleConnections()
				resp, err := client.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				body, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				if err != nil || string(body) != "ok" || (resp.ProtoMajor == 2) != h2 {
					t.Fatalf("%s %q %v", resp.Proto, body, err)
				}
				saw := fr.upstreamSaw()
				if len(saw) != 1 || saw[0].Signed != tt.arrives || saw[0].Host != "bkt1.s3.eu-west-1.amazonaws.com" || saw[0].Target != target {
					t.Errorf("upstream saw %+v", saw)
				}
				entries := fr.entries()
				if len(entries) != 1 || entries[0].Host != "bkt1.s3.eu-west-1.amazonaws.com" || entries[0].ClientScheme != "https" || entries[0].Action != "PutObject" || string(entries[0].RequestBody.Data) != "data" {
					t.Errorf("entries: %+v", entries)
				}
			})
		}
	}
}

func TestForwardModeIsNoOpenRelay(t *testing.T) {
	fr := newForwardRig(t, []string{"storage.example:9000"}, nil)
	tests := []struct{ name, request, want string }{
		{"another site", "CONNECT evil.example:443", "403"},
		{"another port of AWS", "CONNECT s3.amazonaws.com:22", "403"},
		{"AWS's port for plain http", "CONNECT s3.amazonaws.com:80", "403"},
		{"loopback", "CONNECT 127.0.0.1:443", "403"},
		{"loopback v6", "CONNECT [::1]:443", "403"},
		{"the recorder itself", "CONNECT localhost:4577", "403"},
		{"a suffix that is not at a label", "CONNECT evilamazonaws.com:443", "403"},
		{"AWS as a prefix", "CONNECT s3.amazonaws.com.evil.example:443", "403"},
		{"a machine of a customer", "CONNECT ec2-1-2-3-4.compute-1.amazonaws.com:443", "403"},
		{"a load balancer of a customer", "CONNECT x.us-east-1.elb.amazonaws.com:443", "403"},
		{"instance metadata", "CONNECT 169.254.169.254:443", "403"},
		{"instance metadata over http", "PUT http://169.254.169.254/latest/api/token", "403"},
		{"ECS credentials over http", "GET http://169.254.170.2/v2/credentials", "403"},
		{"instance metadata over IPv6", "GET http://[fd00:ec2::254]/latest/meta-data", "403"},
		{"instance metadata as a mapped address", "GET http://[::ffff:169.254.169.254]/", "403"},
		{"another site over http", "GET http://evil.example/x", "400"},
		{"a user in the name", "GET http://s3.amazonaws.com@evil.example/x", "400"},
		{"an allowed host on another port", "CONNECT storage.example:443", "403"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := fr.raw(tt.request + " HTTP/1.1\r\nHost: localhost\r\n\r\n")
			if !strings.HasPrefix(got, "HTTP/1.1 "+tt.want) {
				t.Errorf("got %.80q", got)
			}
		})
	}
	if n := len(fr.upstreamSaw()) + len(fr.entries()); n != 0 {
		t.Errorf("%d requests went upstream or were recorded", n)
	}
}

// dialConnect opens a tunnel by hand, HTTP/1.0 as botocore does it.
func (fr *forwardRig) dialConnect(t *testing.T, host, sni string) (*tls.Conn, error) {
	t.Helper()
	c, err := net.Dial("tcp", fr.host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	fmt.Fprintf(c, "CONNECT %s:443 HTTP/1.0\r\n\r\n", host)
	br := bufio.NewReader(c)
	line, err := br.ReadString('\n')
	if err != nil || !strings.Contains(line, "200") {
		t.Fatalf("%q %v", line, err)
	}
	if _, err := br.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(fr.ca.root)
	tc := tls.Client(c, &tls.Config{ServerName: sni, RootCAs: roots})
	return tc, tc.Handshake()
}

func TestConnectNameAndInnerNamesAgree(t *testing.T) {
	fr := newForwardRig(t, nil, nil)
	if _, err := fr.dialConnect(t, "s3.us-east-1.amazonaws.com", "sqs.us-east-1.amazonaws.com"); err == nil {
		t.Error("TLS for another name than CONNECT's")
	}
	tc, err := fr.dialConnect(t, "s3.us-east-1.amazonaws.com", "s3.us-east-1.amazonaws.com")
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(tc, "GET / HTTP/1.1\r\nHost: sqs.us-east-1.amazonaws.com\r\n\r\n")
	resp, err := http.ReadResponse(bufio.NewReader(tc), nil)
	if err != nil || resp.StatusCode != http.StatusMisdirectedRequest {
		t.Errorf("%v %v", resp, err)
	}
	if n := len(fr.upstreamSaw()); n != 0 {
		t.Errorf("%d requests went upstream", n)
	}
}

func TestUpstreamThatCannotBeVerified(t *testing.T) {
	fr := newForwardRig(t, nil, func(o *Options) { o.RootCAs = x509.NewCertPool() })
	client := fr.client(false)
	defer client.CloseIdleConnections()
	resp, err := client.Get("https://s3.us-east-1.amazonaws.com/")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != 502 || !strings.Contains(string(body), "certificate") {
		t.Errorf("%d %s %v", resp.StatusCode, body, err)
	}
	entries := fr.entries()
	if len(entries) != 1 || entries[0].StatusCode != 0 || !strings.Contains(entries[0].Error, "certificate") {
		t.Errorf("entries: %+v", entries)
	}
}

func TestCertificateAuthority(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ca")
	ca, err := OpenCA(CAOptions{Dir: dir}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{rootFile, issuerFile, keyFile} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", name, info.Mode(), err)
		}
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("folder: %v %v", info.Mode(), err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(ca.root)
	between := x509.NewCertPool()
	between.AddCert(ca.issuer)
	tests := []struct {
		name  string
		valid bool
	}{{"s3.us-east-1.amazonaws.com", true}, {"bk.localhost", true}, {"localhost", true}, {"127.0.0.1", true}, {"bank.example", false}, {"evilamazonaws.com", false}, {"10.0.0.1", false}}
	for _, tt := range tests {
		c, err := ca.Certificate(tt.name, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Leaf.Verify(x509.VerifyOptions{DNSName: tt.name, Roots: roots, Intermediates: between})
		if (err == nil) != tt.valid {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	again, err := OpenCA(CAOptions{Dir: dir}, time.Now())
	if err != nil || again.root.SerialNumber.Cmp(ca.root.SerialNumber) != 0 {
		t.Errorf("opened again: %v", err)
	}
	later, err := OpenCA(CAOptions{Dir: dir}, time.Now().Add(caLife))
	if err != nil || later.root.SerialNumber.Cmp(ca.root.SerialNumber) == 0 {
		t.Errorf("after it ran out: %v", err)
	}
	if err := os.Chmod(filepath.Join(dir, keyFile), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenCA(CAOptions{Dir: dir}, time.Now()); err == nil || !strings.Contains(err.Error(), "can be read by others") {
		t.Errorf("a key that others can read: %v", err)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenCA(CAOptions{Dir: link}, time.Now()); err == nil || !strings.Contains(err.Error(), "symbolic link") {
		t.Errorf("a symbolic link: %v", err)
	}
}

// Event streams go both ways at once over HTTP/2.
func TestForwardModeIsFullDuplex(t *testing.T) {
	fr := newForwardRig(t, nil, nil)
	fr.upstreamHandler.Store(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/vnd.amazon.eventstream")
		w.WriteHeader(200)
		http.NewResponseController(w).Flush()
		b := make([]byte, 5)
		for {
			if _, err := io.ReadFull(r.Body, b); err != nil {
				return
			}
			w.Write(b)
			http.NewResponseController(w).Flush()
		}
	})
	body, feed := io.Pipe()
	req, err := http.NewRequest("POST", "https://transcribestreaming.us-east-1.amazonaws.com/stream-transcription", body)
	if err != nil {
		t.Fatal(err)
	}
	client := fr.client(true)
	defer client.CloseIdleConnections()
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	for i := range 3 {
		frame := fmt.Sprintf("evt-%d", i)
		if _, err := io.WriteString(feed, frame); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 5)
		if _, err := io.ReadFull(resp.Body, b); err != nil || string(b) != frame {
			t.Fatalf("%q %v", b, err)
		}
	}
	feed.Close()
	if rest, err := io.ReadAll(resp.Body); err != nil || len(rest) != 0 {
		t.Fatalf("%q %v", rest, err)
	}
	if e := fr.waitEntries(1)[0]; string(e.RequestBody.Data) != "evt-0evt-1evt-2" || string(e.ResponseBody.Data) != "evt-0evt-1evt-2" {
		t.Errorf("entry: %+v", e)
	}
}

// Whatever a client writes behind CONNECT: what is opened is a host of AWS on 443 or
// 80, and the name that was judged is the one that would be dialled.
func FuzzConnect(f *testing.F) {
	for _, seed := range []string{"s3.amazonaws.com:443", "evil.example:443", "s3.amazonaws.com.evil.example:443", "[::1]:443", "a@s3.amazonaws.com:443",
		"s3.amazonaws.com\x00.evil:443", "S3.AMAZONAWS.COM:80", "evil.example#.amazonaws.com:443", "s3.amazonaws.com.:443", "169.254.169.254:443"} {
		f.Add(seed)
	}
	fw := &forwarder{allow: []string{"storage.example:9000"}}
	f.Fuzz(func(t *testing.T, target string) {
		host, port := splitHost(target)
		host = strings.ToLower(host)
		if host == "" || port == "" || fw.judge(host, port) != opened {
			return
		}
		if net.JoinHostPort(host, port) == "storage.example:9000" {
			return
		}
		u, err := url.Parse("https://" + net.JoinHostPort(host, port) + "/")
		if err != nil || u.Hostname() != host || u.Port() != port || u.User != nil {
			t.Fatalf("%q is judged as %q and dialled as %v", target, host, u)
		}
		if port != "443" && port != "80" {
			t.Errorf("%q opens port %s", target, port)
		}
		for _, suffix := range awsSuffixes {
			if strings.HasSuffix(host, "."+suffix) {
				return
			}
		}
		t.Errorf("%q is opened", target)
	})
}

func TestPassthroughStaysOutOfThisNetwork(t *testing.T) {
	f := newForwarder(newRig(t, nil).proxy, nil, nil, true)
	for _, address := range []string{"127.0.0.1", "::1", "10.0.0.1", "192.168.1.1", "100.64.0.1", "169.254.169.254", "::ffff:10.0.0.1", "fd00::1", "fe80::1", "0.0.0.0", "224.0.0.1"} {
		if c, err := f.dialPublic(t.Context(), address, "443"); err == nil || !strings.Contains(err.Error(), "inside this network") {
			t.Errorf("%s: %v, %v", address, c, err)
		}
	}
}

// A key that was minted for a command works in forward mode for all that S3 lets it sign.
func TestForwardModeSignsOldSignaturesAndFormsAnew(t *testing.T) {
	for _, h2 := range []bool{false, true} {
		fr := newForwardRig(t, nil, nil)
		expires := time.Now().Add(time.Minute).Unix()
		mac := hmac.New(sha1.New, []byte(clientKey.Secret))
		fmt.Fprintf(mac, "GET\n\n\n%d\n/bkt1/k", expires)
		client := fr.client(h2)
		defer client.CloseIdleConnections()
		resp, err := client.Get(fmt.Sprintf("https://bkt1.s3.eu-west-1.amazonaws.com/k?AWSAccessKeyId=%s&Expires=%d&Signature=%s", clientKey.KeyID, expires, url.QueryEscape(base64.StdEncoding.EncodeToString(mac.Sum(nil)))))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		saw := fr.upstreamSaw()
		if len(saw) != 1 || saw[0].Signed != realKey.KeyID || !strings.Contains(saw[0].Target, "eu-west-1") || resp.StatusCode != 200 {
			t.Errorf("%s: upstream saw %+v", resp.Status, saw)
		}
		form := upload(t, clientKey, true, strings.Repeat("file ", 20000))
		resp, err = client.Post("https://bkt1.s3.eu-west-1.amazonaws.com/", "multipart/form-data; boundary="+testBoundary, strings.NewReader(form))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		f := formFields{boundary: testBoundary}
		if saw = fr.upstreamSaw(); len(saw) != 2 || !f.parse([]byte(saw[1].Body)) || !strings.HasPrefix(f.value("x-amz-credential"), realKey.KeyID+"/") || !strings.Contains(f.value("x-amz-credential"), "/eu-west-1/") {
			t.Fatalf("%s: upstream saw %+v", resp.Status, saw)
		}
		if e := fr.entries(); len(e) != 2 || string(e[1].RequestBody.Data) != form || e[1].Action != "PostObject" {
			t.Errorf("entries: %.1000q", fr.lines)
		}
	}
}
