// Package proxy is the recorder's server: it takes the calls of AWS clients,
// forwards them to AWS (or another upstream) and records each exchange.
//
// In reverse mode a client signs for the recorder's own address, so every call is verified against a
// keyring and signed anew. In forward mode the client's signature stays, and the
// recorder only looks on, with a certificate authority of its own.
package proxy

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/neureaux/cloudmock/internal/awsapi"
	"github.com/neureaux/cloudmock/internal/capture"
	"github.com/neureaux/cloudmock/internal/sign"
	"github.com/neureaux/cloudmock/pkg/entry"
)

// Options of a Proxy. Recorder and Keyring are needed; every other zero value is
// useful.
type Options struct {
	Recorder *capture.Recorder
	Keyring  *sign.Keyring
	// Own are the recorder's own credentials: what NoVerify signs with. It may be
	// nil.
	Own sign.Source

	// Upstream is where calls go instead of AWS: scheme and host, nothing else counts.
	Upstream *url.URL
	// Region is assumed where neither signature nor host name one.
	Region          string
	FIPS, DualStack bool
	// NoVerify forwards calls whose signature is unknown. New refuses it unless
	// Upstream is on loopback.
	NoVerify bool

	// HostNames are further names under which clients reach the recorder.
	HostNames []string
	// AllowOrigins are web origins whose pages may use the recorder.
	AllowOrigins []string
	// AllowPeers are networks, besides loopback, that may connect.
	AllowPeers []netip.Prefix

	// Broken returns why calls are no longer taken, nil while they are: the
	// recording cannot be written. It may be nil.
	Broken func() error

	// Timeout bounds the wait for an upstream's answer; 0 means 16 minutes, a
	// minute more than the longest call of AWS (Lambda Invoke).
	Timeout time.Duration
	// RootCAs verify upstreams; nil means those of the system.
	RootCAs *x509.CertPool
	// Dial opens connections to upstreams; nil means net.Dialer's.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Logger takes what people should know; nil means silence.
	Logger *slog.Logger
}

// Counts are totals since the start.
type Counts struct {
	Forwarded atomic.Int64 // calls that were sent upstream
	Signed    atomic.Int64 // of them, those that were signed anew
	Refused   atomic.Int64 // requests that were not let in
	Noted     atomic.Int64 // of them, those that have an entry
	Failed    atomic.Int64 // calls without a complete answer
	Active    atomic.Int64 // calls in flight
	Learned   atomic.Int64 // keys that joined the keyring
}

// A Proxy is the http.Handler of the recorder's port.
type Proxy struct {
	o      Options
	gate   gate
	signer sign.Signer
	client client
	// transport carries the calls of clients that speak HTTP/2 in forward mode.
	transport *http.Transport
	calls     sync.Pool // of *call
	counts    Counts
	warned    warnings
	refusals  quota
	self      atomic.Pointer[identity] // the recorder's own, once it is known

	stopping atomic.Bool
}

// New checks the options and returns a handler.
func New(o Options) (*Proxy, error) {
	if o.NoVerify && (o.Upstream == nil || !loopback(o.Upstream.Hostname())) {
		return nil, errors.New("--no-verify needs an --upstream on this machine: anyone who reaches the port could use your credentials")
	}
	if o.Upstream != nil {
		if o.Upstream.Scheme != "http" && o.Upstream.Scheme != "https" || o.Upstream.Host == "" {
			return nil, fmt.Errorf("--upstream %q is not an http or https URL", o.Upstream)
		}
		if o.Upstream.Path != "" && o.Upstream.Path != "/" || o.Upstream.RawQuery != "" || o.Upstream.User != nil {
			return nil, fmt.Errorf("--upstream %q: only scheme, host and port are used", o.Upstream.Redacted())
		}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Timeout == 0 {
		o.Timeout = 16 * time.Minute
	}
	if o.Dial == nil {
		o.Dial = (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext
	}
	config := &tls.Config{
		MinVersion:         tls.VersionTLS12,
		RootCAs:            o.RootCAs,
		ClientSessionCache: tls.NewLRUClientSessionCache(0),
		NextProtos:         []string{"http/1.1"},
	}
	return &Proxy{
		o:         o,
		gate:      gate{hosts: o.HostNames, origins: o.AllowOrigins, peers: o.AllowPeers},
		transport: newTransport(&o, config),
		client:    client{dial: o.Dial, tlsConfig: config, timeout: o.Timeout, idle: max(o.Timeout, 6*time.Minute)},
		warned:    warnings{seen: make(map[string]bool)},
	}, nil
}

// Counts returns the totals; they go on counting.
func (p *Proxy) Counts() *Counts { return &p.counts }

// Close closes idle connections to upstreams.
func (p *Proxy) Close() {
	p.client.closeIdle()
	p.transport.CloseIdleConnections()
}

// A call is one request on its way through. Calls are reused.
type call struct {
	p *Proxy
	w http.ResponseWriter
	r *http.Request

	in     sign.Request // as the client sent it; Header is without hop-by-hop fields
	claim  sign.Claim
	scheme sign.Scheme
	style  sign.Style
	creds  sign.Credentials // to sign with; zero: forward unsigned
	// signedAs is the ARN of whom creds belong to, "" if that is not known.
	signedAs string
	secret   string // of the client's key
	api      awsapi.Call
	target   target
	body     body
	form     *form // nil unless it is signed anew
	out      outbound
	asked    bool // the target has a question mark, maybe with nothing behind it
	answer   answer
	x        *capture.Exchange
	tap      *requestTap
	beside   *beside // records a large answer; nil for others

	transparent bool // forward mode: the request stays as it is
}

func (p *Proxy) get(w http.ResponseWriter, r *http.Request) *call {
	c, ok := p.calls.Get().(*call)
	if !ok {
		c = &call{p: p}
	}
	c.w, c.r = w, r
	p.counts.Active.Add(1)
	return c
}

// leave ends a call, also one that broke off. A defect in this program must not end it, nor show
// what the call carried.
func (p *Proxy) leave(c *call) {
	v := recover()
	p.counts.Active.Add(-1)
	if v == nil {
		p.put(c)
		return
	}
	if v != http.ErrAbortHandler {
		p.counts.Failed.Add(1)
		p.o.Logger.Error(fmt.Sprintf("internal error (%T); please report it", v))
		p.o.Logger.Debug(string(debug.Stack()))
		c.body.close()
	} else {
		p.put(c)
	}
	panic(http.ErrAbortHandler)
}

func (p *Proxy) put(c *call) {
	c.body.close()
	header, answerHeader, data := c.in.Header, c.answer.header, c.body.data
	clear(header[:cap(header)])
	clear(answerHeader[:cap(answerHeader)])
	if cap(data) > 256<<10 {
		data = nil
	}
	*c = call{p: p}
	c.in.Header, c.answer.header, c.body.data = header[:0], answerHeader[:0], data[:0]
	p.calls.Put(c)
}

// ServeHTTP takes one request of a client.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := p.get(w, r)
	defer p.leave(c)
	f := p.gate.check(r)
	if conn := connOf(r); conn != nil {
		defer conn.end()
		if framing := conn.begin(r); framing != nil {
			f = framing
		}
	}
	if f != nil {
		c.refuse(f)
		return
	}
	if f := c.admit(); f != nil {
		c.refuseCall(f)
		return
	}
	c.forward()
}

// statusBroken is the status of calls that come when the recording cannot be written.
const statusBroken = http.StatusServiceUnavailable

// admit reads the request as far as is needed to decide on it, and makes the
// request that goes upstream.
func (c *call) admit() *failure {
	p := c.p
	if p.o.Broken != nil {
		if err := p.o.Broken(); err != nil {
			return &failure{status: statusBroken, code: "ServiceUnavailable", message: "recording has stopped: " + err.Error()}
		}
	}
	c.readHead()
	if f := c.authenticate(); f != nil {
		return f
	}
	if f := c.route(); f != nil {
		return f
	}
	return c.prepare()
}

// readHead takes the request apart: what is its, and what is the connection's.
func (c *call) readHead() {
	r := c.r
	c.in.Method, c.in.Host = r.Method, r.Host
	c.in.Path, c.in.RawQuery, c.asked = strings.Cut(r.RequestURI, "?")
	if i := strings.Index(c.in.Path, "://"); i > 0 && c.in.Path[0] != '/' { // absolute form
		rest := c.in.Path[i+3:]
		c.in.Path = "/"
		if j := strings.IndexByte(rest, '/'); j >= 0 {
			c.in.Path = rest[j:]
		}
	}
	h := c.in.Header[:0]
	for name, values := range r.Header {
		for _, v := range values {
			h = append(h, sign.Field{Name: name, Value: v})
		}
	}
	slices.SortStableFunc(h, func(a, b sign.Field) int { return strings.Compare(a.Name, b.Name) })
	c.in.Header = h
}

// hopByHop reports whether a field belongs to one connection (RFC 9110, 7.6.1) or to
// browsers and proxies, and is not forwarded.
func hopByHop(name string) bool {
	switch name {
	case "Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Connection", "Te", "Trailer",
		"Transfer-Encoding", "Upgrade", "Expect", "Content-Length", "Cookie", "X-Forwarded-For", "X-Forwarded-Host",
		"X-Forwarded-Proto", "X-Forwarded-Port", "X-Forwarded-Server", "Forwarded", "Via", "X-Real-Ip":
		return true
	}
	return false
}

// strip removes what is not forwarded, and what the Connection header names.
func (c *call) strip() {
	named := c.r.Header["Connection"]
	kept := c.in.Header[:0]
	for _, f := range c.in.Header {
		if hopByHop(f.Name) && !(c.transparent && f.Name == "Cookie") || len(named) > 0 && namedBy(named, f.Name) {
			continue
		}
		kept = append(kept, f)
	}
	c.in.Header = kept
}

func namedBy(values []string, name string) bool {
	return slices.ContainsFunc(values, func(v string) bool { return containsToken(v, name) })
}

// prepare makes the outbound request out of the client's.
func (c *call) prepare() *failure {
	p := c.p
	c.x = c.begin()
	if !c.transparent { // else it is what the client asked AWS for, wherever it goes
		c.x.Entry.Host, c.x.Entry.Path = c.target.host, c.target.path
	}
	if f := c.openBody(); f != nil {
		c.x.Discard()
		c.x = nil
		return f
	}
	c.strip()
	c.in.Host, c.in.Path = c.target.host, c.target.path
	if c.creds.KeyID != "" {
		if err := c.sign(); err != nil {
			c.x.Discard()
			c.x = nil
			return &failure{status: http.StatusBadGateway, code: "InternalFailure", message: "signing the request: " + err.Error()}
		}
		p.counts.Signed.Add(1)
	}
	target := c.in.Path
	if c.in.RawQuery != "" || c.asked {
		target += "?" + c.in.RawQuery
	}
	c.out.method, c.out.target, c.out.host = c.in.Method, target, c.target.host
	c.out.addr, c.out.tls, c.out.header = c.target.addr, c.target.tls, c.in.Header
	return nil
}

// forward sends the request and streams the answer.
func (c *call) forward() {
	p := c.p
	p.counts.Forwarded.Add(1)
	c.x.Sent()
	send := p.client.roundTrip
	if c.overH2() {
		send = p.roundTripH2
	}
	err := send(c.r.Context(), &c.out, &c.answer)
	if err != nil {
		c.tap.detach()
		p.counts.Failed.Add(1)
		c.fail(err)
		return
	}
	c.relay()
}

// overH2 reports whether the call goes on over HTTP/2, as it came.
func (c *call) overH2() bool { return c.transparent && c.r.ProtoMajor == 2 && c.target.tls }

// fail answers a call that got no response, and records it as such.
func (c *call) fail(err error) {
	f := &failure{status: http.StatusBadGateway, code: "BadGateway"}
	var netErr net.Error
	var dns *net.DNSError
	var ofClient *bodyError
	switch {
	case errors.Is(err, sign.ErrChunk), errors.Is(err, sign.ErrMismatch), errors.Is(err, errBodyHash), errors.Is(err, errBodyTooLarge):
		f.status, f.code = http.StatusBadRequest, "XAmzContentSHA256Mismatch"
	case errors.As(err, &ofClient) && !ofClient.gone() && c.r.Context().Err() == nil:
		f.status, f.code = http.StatusBadRequest, "InvalidRequest"
	case c.r.Context().Err() != nil, ofClient != nil:
		c.x.Finish(c.p.gone())
		panic(http.ErrAbortHandler)
	case errors.As(err, &dns):
	case errors.As(err, &netErr) && netErr.Timeout():
		f.status, f.code = http.StatusGatewayTimeout, "GatewayTimeout"
	}
	f.message = fmt.Sprintf("calling %s: %v", c.target.addr, err)
	if ofClient != nil {
		f.message = fmt.Sprintf("reading the request: %v", err)
	}
	c.x.Entry.Origin = entry.OriginProxy
	c.x.Finish(errors.New(f.message))
	p := c.p
	p.o.Logger.Warn(f.message)
	f.write(c.w, c.r, c.api.Service, c.api.Protocol)
}

var (
	errClientGone = errors.New("the client went away")
	errStopped    = errors.New("the recorder was stopped")
)

// gone is why a client's connection broke.
func (p *Proxy) gone() error {
	if p.stopping.Load() {
		return errStopped
	}
	return errClientGone
}

// Stopping says that connections are going to be closed from this side.
func (p *Proxy) Stopping() { p.stopping.Store(true) }

// relay passes the answer on, the last byte of it after the entry is written.
func (c *call) relay() {
	a := &c.answer
	e := &c.x.Entry
	e.StatusCode = a.status
	e.ResponseHeaders = append(e.ResponseHeaders, a.header...)
	h := c.w.Header()
	// What net/http would add on its own account is switched off.
	h["Date"], h["Content-Type"] = nil, nil
	connection := a.namedByConnection()
	line := statusLine{status: a.status, reason: a.reason}
	for _, f := range a.header {
		name := canonical(f.Name)
		switch name {
		case "Content-Type":
			if a.status == http.StatusNotModified {
				line.add(name, f.Value)
			}
		case "Connection", "Keep-Alive", "Proxy-Connection", "Transfer-Encoding", "Upgrade", "Proxy-Authenticate":
			continue
		case "Content-Length": // as it was understood: not beside Transfer-Encoding, and once
			if a.length < 0 || h[name] != nil {
				continue
			}
			if a.status == http.StatusNotModified || a.status == http.StatusNoContent {
				line.add(name, f.Value)
			}
		}
		if connection != "" && containsToken(connection, name) || strings.HasPrefix(name, "Access-Control-") && !c.transparent && !c.allowsOrigin() {
			continue
		}
		if !knownToServer(name) {
			name = f.Name // in its own spelling
		}
		h[name] = append(h[name], f.Value)
	}
	if own := connOf(c.r); own != nil && !line.plain() {
		said := line // so that line stays off the heap
		own.say(&said)
	}
	if c.out.body != nil && a.close {
		h.Set("Connection", "close")
	}
	c.x.ExpectResponse(a.length)
	if c.learns() {
		c.relayLearning()
		return
	}
	c.w.WriteHeader(a.status)
	c.stream()
}

// stream copies what is left of the answer's body. Each piece goes out at once, but the last
// one.
func (c *call) stream() {
	a := &c.answer
	left := a.left() // bytes to come; negative if unknown
	rc := http.NewResponseController(c.w)
	if left < 0 {
		// net/http would gather a short answer and say its length.
		if err := rc.Flush(); err != nil {
			c.cut(errClientGone)
		}
	}
	buf := c.p.client.buffers.get(left)
	defer c.p.client.buffers.put(buf)
	record, next := c.x.WriteResponse, buf
	if worthwhile(left) {
		next = c.p.client.buffers.get(left)
		defer c.p.client.buffers.put(next)
		c.beside = newBeside(c.x.WriteResponse)
		record = c.beside.put
	}
	b, other := *buf, *next
	n := 0 // bytes in b, not yet passed on
	for {
		m, err := a.body.Read(b[n:])
		n += m
		record(b[n-m : n])
		if left >= 0 {
			left -= int64(m)
		}
		if err == io.EOF || left == 0 && m > 0 {
			c.complete(b[:n])
			return
		}
		if err != nil {
			c.cut(err)
		}
		if n < len(b) && left >= 0 && a.more() {
			continue
		}
		if _, err := c.w.Write(b[:n]); err != nil {
			c.cut(errClientGone)
		}
		n = 0
		b, other = other, b
		if err := rc.Flush(); err != nil {
			c.cut(errClientGone)
		}
	}
}

// complete writes the entry and then the last bytes of the answer.
func (c *call) complete(last []byte) {
	a := &c.answer
	c.tap.detach()
	c.settle()
	c.x.Entry.ResponseHeaders = append(c.x.Entry.ResponseHeaders, a.trailer...)
	c.x.Finish(nil) // its error is kept by the log, and Broken tells it
	a.done(true)
	if len(last) > 0 {
		c.w.Write(last) // a client that is gone needs no more
	}
	for _, f := range a.trailer {
		c.w.Header().Add(http.TrailerPrefix+f.Name, f.Value)
	}
}

// cut ends an answer that is not complete, so that the client sees that it is not: the
// connection breaks.
func (c *call) cut(cause error) {
	c.tap.detach()
	c.settle()
	c.p.counts.Failed.Add(1)
	c.answer.done(false)
	if c.r.Context().Err() != nil || cause == errClientGone {
		cause = c.p.gone()
	}
	c.x.Finish(fmt.Errorf("reading the response: %w", cause))
	panic(http.ErrAbortHandler)
}

// settle waits until the answer's bytes are with the exchange.
func (c *call) settle() {
	if c.beside != nil {
		c.beside.stop()
	}
}

func (a *answer) namedByConnection() string {
	for _, f := range a.header {
		if len(f.Name) == len("Connection") && strings.EqualFold(f.Name, "Connection") {
			return f.Value
		}
	}
	return ""
}

func (c *call) allowsOrigin() bool {
	return slices.Contains(c.p.o.AllowOrigins, c.r.Header.Get("Origin"))
}

// canonical spells a name as net/http looks it up.
func canonical(name string) string { return http.CanonicalHeaderKey(name) }

func loopback(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

// warnings prints each message once, so that a client that retries does not
// fill the screen.
type warnings struct {
	mu   sync.Mutex
	seen map[string]bool
}

func (w *warnings) once(log *slog.Logger, message string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.seen[message] || len(w.seen) >= 1000 {
		return
	}
	w.seen[message] = true
	log.Warn(message)
}
