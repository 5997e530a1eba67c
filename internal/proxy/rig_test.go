package proxy

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/neureaux/cloudmock/internal/capture"
	"github.com/neureaux/cloudmock/internal/sign"
	"github.com/neureaux/cloudmock/pkg/entry"
)

var (
	clientKey = sign.Credentials{KeyID: "AKIDCLIENT", Secret: "clientsecret"}
	realKey   = sign.Credentials{KeyID: "AKIDREAL", Secret: "realsecret", Token: "realtoken"}
)

// A rig is a recorder between a client and an upstream that checks signatures as AWS does.
type rig struct {
	t        *testing.T
	proxy    *Proxy
	server   *httptest.Server
	upstream *httptest.Server
	recorder *capture.Recorder
	keys     *sign.Keyring

	mu      sync.Mutex
	lines   []string
	seen    []received // by the upstream
	log     bytes.Buffer
	answer  func(w http.ResponseWriter, r *http.Request, body []byte)
	secrets map[string]string // of the upstream's users
}

type received struct {
	Method, Host, Target string
	Header               http.Header
	Body                 string
	Length               int64
	Signed               string // access key of a signature that verified
	Broken               string // why a signature did not
}

func newRig(t *testing.T, change func(*Options)) *rig {
	t.Helper()
	r := &rig{t: t, secrets: map[string]string{realKey.KeyID: realKey.Secret}}
	r.upstream = httptest.NewServer(http.HandlerFunc(r.serveUpstream))
	t.Cleanup(r.upstream.Close)
	var err error
	r.recorder, err = capture.NewRecorder(capture.Options{NoRedact: true, Emit: func(line []byte) error { // bodies are what the tests compare
		r.mu.Lock()
		defer r.mu.Unlock()
		r.lines = append(r.lines, string(line))
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	r.keys = sign.NewKeyring(nil)
	r.keys.Add(sign.Key{Credentials: clientKey, As: sign.Static(realKey)}, time.Now())
	u, err := url.Parse(r.upstream.URL)
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Recorder: r.recorder, Keyring: r.keys, Upstream: u, Region: "us-east-1", Logger: slog.New(&lineHandler{w: lockedWriter{&r.mu, &r.log}})}
	if change != nil {
		change(&o)
	}
	if r.proxy, err = New(o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.proxy.Close)
	r.server = httptest.NewUnstartedServer(nil)
	r.server.Config = newServer(r.proxy)
	r.server.Listener = newListener(r.server.Listener)
	r.server.Start()
	t.Cleanup(r.server.Close)
	return r
}

type lockedWriter struct {
	mu *sync.Mutex
	w  io.Writer
}

func (l lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

// toUpstream dials the rig's upstream, whatever the address.
func (r *rig) toUpstream(ctx context.Context, network, _ string) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, network, r.upstream.Listener.Addr().String())
}

// serveUpstream verifies as AWS would and answers.
func (r *rig) serveUpstream(w http.ResponseWriter, req *http.Request) {
	body, _ := io.ReadAll(req.Body) // a body that breaks off is what some tests are about
	got := received{Method: req.Method, Host: req.Host, Target: req.RequestURI, Header: req.Header.Clone(), Body: string(body), Length: req.ContentLength}
	in := signRequest(req)
	claim, scheme, err := sign.Parse(&in)
	switch {
	case err != nil:
		got.Broken = err.Error()
	case scheme == sign.V4:
		sum := sha256.Sum256(body)
		var s sign.Signer
		_, err := s.Verify(&in, &claim, r.secrets[claim.KeyID], hex.EncodeToString(sum[:]))
		if err == nil && len(claim.Payload) == 64 && claim.Payload != hex.EncodeToString(sum[:]) {
			err = errBodyHash
		}
		if framed, signed, trailer := sign.Streaming(claim.Payload); err == nil && framed {
			var seed *sign.Seed
			if signed {
				chain := s.Seed(&claim, r.secrets[claim.KeyID])
				seed = &chain
			}
			length, _ := sign.DecodedLength(req.Header.Get("X-Amz-Decoded-Content-Length"))
			_, err = io.ReadAll(sign.NewChunkReader(bytes.NewReader(body), seed, sign.ChunkOptions{Length: length, Trailer: trailer}))
		}
		if err != nil {
			got.Broken = err.Error()
		} else {
			got.Signed = claim.KeyID
		}
	}
	r.mu.Lock()
	r.seen = append(r.seen, got)
	answer := r.answer
	r.mu.Unlock()
	if answer != nil {
		answer(w, req, body)
		return
	}
	w.Header().Set("X-Amzn-Requestid", "RID")
	io.WriteString(w, "ok") // a client that is gone needs no answer
}

func signRequest(req *http.Request) sign.Request {
	in := sign.Request{Method: req.Method, Host: req.Host}
	in.Path, in.RawQuery, _ = strings.Cut(req.RequestURI, "?")
	for name, values := range req.Header {
		for _, v := range values {
			in.Add(name, v)
		}
	}
	return in
}

// request makes a request to the recorder as an SDK would, signed with key.
func (r *rig) request(method, target, body string, key sign.Credentials, service string, header ...string) *http.Request {
	r.t.Helper()
	req, err := http.NewRequest(method, r.server.URL+target, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		if header[i] == "Host" {
			req.Host = header[i+1]
			continue
		}
		req.Header.Add(header[i], header[i+1])
	}
	if key.KeyID == "" {
		return req
	}
	r.sign(req, target, body, key, service, time.Now())
	return req
}

func (r *rig) sign(req *http.Request, target, body string, key sign.Credentials, service string, at time.Time) sign.Seed {
	r.t.Helper()
	req.RequestURI = target
	in := signRequest(req)
	req.RequestURI = ""
	payload := req.Header.Get("X-Amz-Content-Sha256")
	if payload == "" {
		sum := sha256.Sum256([]byte(body))
		payload = hex.EncodeToString(sum[:])
	}
	var s sign.Signer
	seed, err := s.Sign(&in, key, sign.Options{Service: service, Region: "us-east-1", Time: at, Payload: payload})
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header = http.Header{}
	for _, f := range in.Header {
		req.Header.Add(f.Name, f.Value)
	}
	return seed
}

// do sends a request and returns status and body.
func (r *rig) do(req *http.Request) (int, string, http.Header) {
	r.t.Helper()
	resp, err := (&http.Transport{DisableCompression: true, DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return resp.StatusCode, string(body), resp.Header
}

// entries returns what was recorded.
func (r *rig) entries() []*entry.Entry {
	r.t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []*entry.Entry
	for _, line := range r.lines {
		var o entry.Object
		if err := o.Parse([]byte(line)); err != nil {
			r.t.Fatal(err)
		}
		e, err := o.Decode()
		if err != nil {
			r.t.Fatal(err)
		}
		all = append(all, e)
	}
	return all
}

func (r *rig) upstreamSaw() []received {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]received(nil), r.seen...)
}

func (r *rig) messages() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.log.String()
}

// raw sends bytes and returns the head of the answer.
func (r *rig) raw(text string) string {
	r.t.Helper()
	c, err := net.Dial("tcp", r.server.Listener.Addr().String())
	if err != nil {
		r.t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(c, text); err != nil {
		return fmt.Sprintf("broken: %v", err)
	}
	b := make([]byte, 4096)
	n, _ := c.Read(b) // no bytes: the connection was closed
	return string(b[:n])
}

func hexSHA(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}
