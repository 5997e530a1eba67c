package proxy

import (
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/neureaux/cloudmock/internal/sign"
)

// newTransport returns what carries the calls of clients that speak HTTP/2: their
// event streams go both ways at once, which HTTP/1.1 cannot do.
func newTransport(o *Options, config *tls.Config) *http.Transport {
	config = config.Clone()
	config.NextProtos = []string{"h2", "http/1.1"}
	return &http.Transport{
		DialContext:            o.Dial,
		TLSClientConfig:        config,
		ForceAttemptHTTP2:      true,
		DisableCompression:     true, // bytes pass as they are
		MaxIdleConnsPerHost:    64,
		IdleConnTimeout:        keepIdle,
		ResponseHeaderTimeout:  o.Timeout,
		MaxResponseHeaderBytes: maxResponseHead,
	}
}

// roundTripH2 is client.roundTrip over HTTP/2, where the upstream offers it.
func (p *Proxy) roundTripH2(ctx context.Context, o *outbound, a *answer) error {
	path, query, asked := strings.Cut(o.target, "?")
	u := &url.URL{Scheme: "https", Host: o.addr, Opaque: path, RawQuery: query, ForceQuery: asked}
	if strings.HasPrefix(path, "//") { // Opaque would become an absolute URL
		decoded, err := url.PathUnescape(path)
		if err != nil {
			decoded = path
		}
		u.Opaque, u.Path, u.RawPath = "", decoded, path
	}
	req := &http.Request{Method: o.method, URL: u, Host: o.host, Header: make(http.Header, len(o.header)), ContentLength: o.length, Proto: "HTTP/2.0", ProtoMajor: 2}
	for _, f := range o.header {
		req.Header.Add(f.Name, f.Value)
	}
	if req.Header.Get("User-Agent") == "" {
		req.Header["User-Agent"] = nil // net/http would add its own
	}
	switch {
	case o.body != nil:
		req.Body = io.NopCloser(o.body)
	case len(o.data) > 0:
		req.Body = io.NopCloser(strings.NewReader(string(o.data)))
	}
	resp, err := p.transport.RoundTrip(req.WithContext(ctx))
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			return cause
		}
		return err
	}
	a.status, a.length = resp.StatusCode, resp.ContentLength
	if noBody(o.method, a.status) || resp.Body == http.NoBody {
		a.length = 0
	}
	for name, values := range resp.Header {
		for _, v := range values {
			a.header = append(a.header, sign.Field{Name: name, Value: v})
		}
	}
	a.body = &trailerBody{body: resp.Body, resp: resp, a: a}
	a.release = func() { resp.Body.Close() }
	return nil
}

// trailerBody adds the trailer to the answer when the body has ended.
type trailerBody struct {
	body io.Reader
	resp *http.Response
	a    *answer
}

func (b *trailerBody) Read(p []byte) (int, error) {
	n, err := b.body.Read(p)
	if err == io.EOF {
		for name, values := range b.resp.Trailer {
			for _, v := range values {
				b.a.trailer = append(b.a.trailer, sign.Field{Name: name, Value: v})
			}
		}
		b.resp.Trailer = nil
	}
	return n, err
}
