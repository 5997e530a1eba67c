package capture

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/neureaux/cloudmock/pkg/entry"
)

// A Transport records what passes through Base. It keeps the contract of
// http.RoundTripper: the request is not modified, its body is closed, and many
// goroutines may use it. Bodies stream; the bytes that complete a response are
// handed on after its entry has been written. That an entry cannot be written
// changes nothing for the caller: Recorder's Emit is where that shows.
type Transport struct {
	Recorder *Recorder
	Base     http.RoundTripper
}

// RoundTrip implements http.RoundTripper. Calls to the machine's own metadata
// service, which hands out credentials, pass unrecorded.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if metadataHosts[req.URL.Hostname()] {
		return t.Base.RoundTrip(req)
	}
	x := t.Recorder.Begin()
	x.setRequest(req)
	out, body := teeRequest(req, x)
	resp, err := t.Base.RoundTrip(out)
	if err != nil {
		body.detach()
		x.Finish(err)
		return resp, err
	}
	x.Entry.StatusCode = resp.StatusCode
	x.Entry.ResponseHeaders = appendHeader(x.Entry.ResponseHeaders, resp.Header)
	tee := &responseTee{body: resp.Body, x: x, resp: resp, request: body, left: resp.ContentLength}
	switch {
	case resp.StatusCode == http.StatusSwitchingProtocols,
		// What follows is no response but a conversation: resp.Body can be written to.
		resp.Body == nil, resp.Body == http.NoBody, resp.ContentLength == 0, req.Method == http.MethodHead:
		tee.finish(nil)
		return resp, nil
	}
	x.ExpectResponse(resp.ContentLength)
	resp.Body = tee
	return resp, nil
}

// metadataHosts are where EC2, ECS and EKS hand out credentials.
var metadataHosts = map[string]bool{
	"169.254.169.254": true, "169.254.170.2": true, "169.254.170.23": true, "fd00:ec2::254": true, "fd00:ec2::23": true,
}

// setRequest fills in what an *http.Request says about the call.
func (x *Exchange) setRequest(req *http.Request) {
	e := &x.Entry
	e.Method = req.Method
	if e.Method == "" {
		e.Method = http.MethodGet
	}
	if e.Host = req.Host; e.Host == "" {
		e.Host = req.URL.Host
	}
	target := req.URL.RequestURI()
	if !strings.HasPrefix(target, "/") { // absolute form, from URL.Opaque
		if _, rest, ok := strings.Cut(target, "://"); ok {
			target = rest[max(0, strings.IndexByte(rest, '/')):]
		}
	}
	e.Path, e.Query, _ = strings.Cut(target, "?")
	e.RequestHeaders = appendHeader(e.RequestHeaders, req.Header)
	if req.ContentLength > 0 && req.Header.Get("Content-Length") == "" {
		e.RequestHeaders = append(e.RequestHeaders, entry.HeaderField{Name: "Content-Length", Value: strconv.FormatInt(req.ContentLength, 10)})
	}
}

// appendHeader appends the fields of h, names sorted.
func appendHeader(dst entry.Header, h http.Header) entry.Header {
	start := len(dst)
	for name, values := range h {
		for _, v := range values {
			dst = append(dst, entry.HeaderField{Name: name, Value: v})
		}
	}
	slices.SortStableFunc(dst[start:], func(a, b entry.HeaderField) int { return strings.Compare(a.Name, b.Name) })
	return dst
}

// teeRequest returns the request to send: req with its body teed into x.
func teeRequest(req *http.Request, x *Exchange) (*http.Request, *requestTap) {
	tap := &requestTap{x: x}
	if req.Body == nil || req.Body == http.NoBody {
		return req, tap
	}
	x.ExpectRequest(req.ContentLength)
	out := new(http.Request)
	*out = *req
	out.Body = &requestTee{body: req.Body, tap: tap}
	if req.GetBody != nil {
		out.GetBody = func() (io.ReadCloser, error) {
			body, err := req.GetBody()
			if err != nil {
				return nil, err
			}
			return &requestTee{body: body, tap: tap, again: true}, nil
		}
	}
	return out, tap
}

// A requestTap is the way of request bytes into the exchange. A transport may
// still be sending the body when the response is complete and the exchange
// gone; what it sends from then on is not recorded.
type requestTap struct {
	mu sync.Mutex
	x  *Exchange // nil once detached
}

func (t *requestTap) detach() {
	t.mu.Lock()
	t.x = nil
	t.mu.Unlock()
}

type requestTee struct {
	body  io.ReadCloser
	tap   *requestTap
	again bool // the first read starts the body anew: a transport's retry
}

func (t *requestTee) Read(p []byte) (int, error) {
	n, err := t.body.Read(p)
	t.tap.mu.Lock()
	if x := t.tap.x; x != nil {
		if t.again {
			x.RestartRequest()
		}
		x.WriteRequest(p[:n])
	}
	t.again = false
	t.tap.mu.Unlock()
	return n, err
}

func (t *requestTee) Close() error { return t.body.Close() }

// A responseTee is a response's body on its way to the caller.
type responseTee struct {
	body    io.ReadCloser
	resp    *http.Response
	request *requestTap
	left    int64 // bytes to come; negative if unknown

	mu   sync.Mutex // Close may come from another goroutine than Read
	x    *Exchange  // nil once finished
	read int64
}

func (t *responseTee) Read(p []byte) (int, error) {
	n, err := t.body.Read(p)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.x == nil {
		return n, err
	}
	t.x.WriteResponse(p[:n])
	t.read += int64(n)
	switch {
	case err == io.EOF:
		t.x.Entry.ResponseHeaders = appendHeader(t.x.Entry.ResponseHeaders, t.resp.Trailer)
		t.finish(nil)
	case err != nil:
		t.finish(fmt.Errorf("reading the response after %d bytes: %w", t.read, err))
	case t.left >= 0 && t.read >= t.left:
		// A reader that knows the length need not come back for the EOF.
		t.finish(nil)
	}
	return n, err
}

func (t *responseTee) Close() error {
	err := t.body.Close()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.x != nil {
		t.finish(fmt.Errorf("%w: %d bytes read", ErrClosedEarly, t.read))
	}
	return err
}

// finish writes the entry. Its error is Emit's, which keeps it.
func (t *responseTee) finish(cause error) {
	t.request.detach()
	t.x.Finish(cause)
	t.x = nil
}
