package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/neureaux/cloudmock/internal/awsapi"
	"github.com/neureaux/cloudmock/internal/sign"
)

// A forwarder is the forward mode: clients use the recorder as their HTTPS proxy,
// sign for AWS itself, and nothing of their requests is changed.
type forwarder struct {
	p           *Proxy
	ca          func() (*CA, error) // made on first use
	allow       []string            // hosts besides AWS's, with or without a port
	passthrough bool                // tunnel other hosts instead of refusing them
	private     bool                // also to addresses inside this network
	next        http.Handler        // requests for the recorder itself

	inner  *http.Server // of decrypted connections
	queue  *connQueue
	mu     sync.Mutex
	tunnel map[net.Conn]struct{}
}

func newForwarder(p *Proxy, ca func() (*CA, error), allow []string, passthrough bool) *forwarder {
	f := &forwarder{p: p, ca: ca, allow: allow, passthrough: passthrough, next: p, tunnel: make(map[net.Conn]struct{})}
	f.inner = newServer(http.HandlerFunc(f.serveInner))
	f.inner.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		ctx = withConn(ctx, c)
		if own, ok := c.(*conn); ok {
			c = own.Conn
		}
		if t, ok := c.(*tls.Conn); ok {
			if o, ok := t.NetConn().(*openedConn); ok {
				return context.WithValue(ctx, openedKey{}, o)
			}
		}
		return ctx
	}
	f.inner.TLSConfig = &tls.Config{NextProtos: []string{"h2", "http/1.1"}}
	f.queue = &connQueue{conns: make(chan net.Conn), done: make(chan struct{})}
	return f
}

type openedKey struct{}

// openedConn is a client's connection behind a CONNECT that was granted.
type openedConn struct {
	net.Conn
	host, port string
}

// ServeHTTP tells requests to the recorder from requests through it.
func (f *forwarder) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.Method == http.MethodConnect:
		f.connect(w, r)
	case r.URL.Host != "":
		f.absolute(w, r)
	default:
		f.next.ServeHTTP(w, r)
	}
}

// deny refuses to go somewhere; it is never recorded.
func (f *forwarder) deny(w http.ResponseWriter, r *http.Request, status int, format string, args ...any) {
	f.p.counts.Refused.Add(1)
	fail := refusal(format, args...).as(status)
	if status == http.StatusForbidden {
		fail.code = "AccessDenied"
	}
	f.p.warned.once(f.p.o.Logger, fail.message)
	fail.write(w, r, "", awsapi.ProtocolUnknown)
}

// A verdict is what becomes of a host.
type verdict uint8

const (
	denied403   verdict = iota
	opened              // decrypted and recorded
	passedAlong         // tunnelled unseen
)

// judge decides on a host from its name alone.
func (f *forwarder) judge(host, port string) verdict {
	if slices.ContainsFunc(f.allow, func(a string) bool {
		name, p := splitHost(a)
		return strings.EqualFold(name, host) && (p == "" || p == port)
	}) && !credentialAddress(host) {
		return opened
	}
	if isAWSHost(host) && (port == "443" || port == "80") {
		return opened
	}
	if f.passthrough && port == "443" {
		return passedAlong
	}
	return denied403
}

// isAWSHost reports whether a name is an API of AWS. Under the same suffixes are names
// that customers rent: machines, load balancers, web sites.
func isAWSHost(host string) bool {
	host = strings.ToLower(host)
	if strings.HasSuffix(host, ".") || strings.HasPrefix(host, ".") || strings.Contains(host, "..") {
		return false
	}
	for i := range len(host) {
		c := host[i]
		if !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '.' || c == '_') {
			return false
		}
	}
	for label := range strings.SplitSeq(host, ".") {
		if label == "elb" || strings.HasPrefix(label, "compute-") || label == "compute" || strings.HasPrefix(label, "s3-website") {
			return false
		}
	}
	return slices.ContainsFunc(awsSuffixes, func(s string) bool { return strings.HasSuffix(host, "."+s) })
}

// credentialAddress reports whether host is where machines get their credentials:
// never forwarded, never recorded.
func credentialAddress(host string) bool {
	ip, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && credentialIP(ip)
}

func credentialIP(ip netip.Addr) bool {
	ip = ip.Unmap().WithZone("")
	return ip.IsLinkLocalUnicast() || ip == netip.MustParseAddr("fd00:ec2::254") || ip == netip.MustParseAddr("fd00:ec2::23")
}

// connect serves CONNECT.
func (f *forwarder) connect(w http.ResponseWriter, r *http.Request) {
	if !f.p.gate.peer(r.RemoteAddr) {
		f.deny(w, r, http.StatusForbidden, "the request comes from another machine (%s)", r.RemoteAddr)
		return
	}
	host, port := splitHost(r.RequestURI)
	host = strings.ToLower(host)
	if host == "" || port == "" {
		f.deny(w, r, http.StatusBadRequest, "CONNECT to %q", clip(r.RequestURI))
		return
	}
	v := f.judge(host, port)
	if port == "80" {
		v = denied403 // TLS is what follows a CONNECT
	}
	if v == denied403 || credentialAddress(host) {
		f.deny(w, r, http.StatusForbidden, "CONNECT to %s: only AWS's own hosts are opened; --allow-host adds one, --passthrough lets others by unseen", clip(r.RequestURI))
		return
	}
	var upstream net.Conn
	if v == passedAlong {
		var err error
		if upstream, err = f.dialPublic(r.Context(), host, port); err != nil {
			f.deny(w, r, http.StatusForbidden, "CONNECT to %s: %v", clip(r.RequestURI), err)
			return
		}
	} else if _, err := f.ca(); err != nil {
		f.p.o.Logger.Error(err.Error())
		f.deny(w, r, http.StatusForbidden, "%v", err)
		return
	}
	if own := connOf(r); own != nil {
		own.begin(r) // what follows is no request head
	}
	rwc, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		f.deny(w, r, http.StatusBadRequest, "CONNECT needs HTTP/1")
		return
	}
	rwc.SetDeadline(time.Time{}) // a connection that is gone says so on its next use
	if _, err := io.WriteString(rwc, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
		rwc.Close()
		return
	}
	client := net.Conn(rwc)
	if n := buffered.Reader.Buffered(); n > 0 {
		early := make([]byte, n)
		io.ReadFull(buffered.Reader, early) // it is in the buffer
		client = &prefixedConn{Conn: rwc, prefix: early}
	}
	if v == passedAlong {
		f.pipe(client, upstream)
		return
	}
	f.open(client, host, port)
}

type prefixedConn struct {
	net.Conn
	prefix []byte
}

func (c *prefixedConn) Read(p []byte) (int, error) {
	if len(c.prefix) > 0 {
		n := copy(p, c.prefix)
		c.prefix = c.prefix[n:]
		return n, nil
	}
	return c.Conn.Read(p)
}

// open decrypts a connection and serves what is inside it.
func (f *forwarder) open(client net.Conn, host, port string) {
	config := &tls.Config{
		MinVersion: tls.VersionTLS12,
		NextProtos: []string{"h2", "http/1.1"},
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			if hello.ServerName != "" && !strings.EqualFold(hello.ServerName, host) {
				return nil, fmt.Errorf("TLS is for %s, CONNECT was for %s", clip(hello.ServerName), host)
			}
			ca, err := f.ca()
			if err != nil {
				return nil, err
			}
			return ca.Certificate(host, f.p.o.Now())
		},
	}
	decrypted, err := decrypt(&openedConn{Conn: client, host: host, port: port}, config)
	if err != nil {
		client.Close()
		f.p.warned.once(f.p.o.Logger, fmt.Sprintf("a client broke off TLS for %s: %v; does it trust the recorder's root? (cm-record ca)", host, err))
		return
	}
	f.queue.put(decrypted)
}

// serveInner forwards a decrypted request.
func (f *forwarder) serveInner(w http.ResponseWriter, r *http.Request) {
	o, ok := r.Context().Value(openedKey{}).(*openedConn)
	if !ok {
		panic(http.ErrAbortHandler)
	}
	name, port := splitHost(r.Host)
	if port == "" {
		port = o.port
	}
	if !strings.EqualFold(name, o.host) || port != o.port {
		fail := refusal("the request is for %s on a connection to %s", clip(r.Host), o.host).as(http.StatusMisdirectedRequest)
		fail.write(w, r, "", awsapi.ProtocolUnknown)
		return
	}
	f.p.pass(w, r, target{host: r.Host, addr: net.JoinHostPort(o.host, o.port), tls: true})
}

// absolute serves plain HTTP through the proxy.
func (f *forwarder) absolute(w http.ResponseWriter, r *http.Request) {
	host, port := splitHost(r.URL.Host)
	if port == "" {
		port = "80"
	}
	switch {
	case !f.p.gate.peer(r.RemoteAddr):
		f.deny(w, r, http.StatusForbidden, "the request comes from another machine (%s)", r.RemoteAddr)
	case credentialAddress(host):
		f.deny(w, r, http.StatusForbidden, "%s hands out credentials and is never reached through the recorder; add it to NO_PROXY", clip(host))
	case r.URL.Scheme != "http" || host == "" || r.URL.User != nil:
		f.deny(w, r, http.StatusBadRequest, "a request for %s://%s", clip(r.URL.Scheme), clip(r.URL.Host))
	case f.judge(host, port) != opened:
		f.deny(w, r, http.StatusBadRequest, "a request for http://%s: only AWS's own hosts are reached; --allow-host adds one", clip(r.URL.Host))
	default:
		f.p.pass(w, r, target{host: r.URL.Host, addr: net.JoinHostPort(host, port)})
	}
}

// sharedSpace is used like private addresses, behind carriers and in VPCs (RFC 6598).
var sharedSpace = netip.MustParsePrefix("100.64.0.0/10")

// dialPublic connects to a host that is none of ours: neither this machine nor its network. The
// address that was checked is the one that is dialled.
func (f *forwarder) dialPublic(ctx context.Context, host, port string) (net.Conn, error) {
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, err
	}
	for _, ip := range ips {
		ip = ip.Unmap()
		if ip.IsLoopback() || (ip.IsPrivate() || sharedSpace.Contains(ip)) && !f.private || ip.IsUnspecified() || ip.IsMulticast() || ip.IsInterfaceLocalMulticast() || credentialIP(ip) || !ip.IsGlobalUnicast() {
			return nil, fmt.Errorf("%s is an address inside this network", ip)
		}
	}
	var errs []error
	for _, ip := range ips {
		c, err := f.p.o.Dial(ctx, "tcp", net.JoinHostPort(ip.String(), port))
		if err == nil {
			return c, nil
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}

// pipe copies both ways until either side ends.
func (f *forwarder) pipe(client, upstream net.Conn) {
	f.track(client, true)
	f.track(upstream, true)
	defer f.track(client, false)
	defer f.track(upstream, false)
	var wg sync.WaitGroup
	for _, d := range [2][2]net.Conn{{client, upstream}, {upstream, client}} {
		wg.Go(func() {
			io.Copy(d[0], d[1]) // whichever side ends, ends both
			client.Close()
			upstream.Close()
		})
	}
	wg.Wait()
}

func (f *forwarder) track(c net.Conn, on bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if on {
		f.tunnel[c] = struct{}{}
	} else {
		delete(f.tunnel, c)
	}
}

// shutdown ends tunnels at once and decrypted connections in good order.
func (f *forwarder) shutdown(ctx context.Context) {
	f.mu.Lock()
	for c := range f.tunnel {
		c.Close()
	}
	f.mu.Unlock()
	f.queue.Close()
	if f.inner.Shutdown(ctx) != nil {
		f.p.Stopping()
		f.inner.Close()
	}
}

// pass forwards a request without touching its signature.
func (p *Proxy) pass(w http.ResponseWriter, r *http.Request, t target) {
	c := p.get(w, r)
	defer p.leave(c)
	if conn := connOf(r); conn != nil {
		defer conn.end()
		if f := conn.begin(r); f != nil {
			c.refuse(f)
			return
		}
	}
	if p.o.Broken != nil {
		if err := p.o.Broken(); err != nil {
			c.refuse(&failure{status: statusBroken, code: "ServiceUnavailable", message: "recording has stopped: " + err.Error()})
			return
		}
	}
	c.readHead()
	c.in.Host = t.host
	c.target = t
	c.target.path = c.in.Path
	c.transparent = true
	f := c.adopt()
	if f == nil && r.Header.Get("Upgrade") != "" && r.ProtoMajor == 1 {
		f = &failure{status: http.StatusNotImplemented, code: "NotImplemented", message: "a connection that is upgraded (WebSocket) cannot be recorded; add " + clip(t.host) + " to NO_PROXY"}
	}
	if f == nil {
		f = c.prepare()
	}
	if f != nil {
		c.refuseCall(f)
		return
	}
	c.forward()
}

// adopt decides whether a request in forward mode is signed anew. One that is signed with a key
// that stands for another (the pair minted for a command) has to be; every other one stays
// as it is, its signature valid or not.
func (c *call) adopt() *failure {
	p := c.p
	var err error
	c.claim, c.scheme, err = sign.Parse(&c.in)
	verify, id := c.verify, c.claim.KeyID
	if c.scheme == sign.V2 && err == nil {
		var old sign.ClaimV2
		old, err = sign.ParseV2(&c.in)
		verify, id = c.verifyV2, old.KeyID
	}
	if err == nil && (c.scheme == sign.V4 || c.scheme == sign.V2) {
		key, kerr := p.o.Keyring.Lookup(c.r.Context(), id, p.o.Now())
		if kerr == nil && key.As != nil {
			if f := verify(); f != nil {
				return f
			}
			c.identify("")
			c.target.service, c.target.region = c.claim.Service, c.claim.Region
			if p.o.Upstream != nil && isAWSTarget(c.target) {
				c.toUpstream()
			}
			return nil
		}
	}
	if c.scheme == sign.Unsigned && c.uploadForm() {
		if f := c.verifyForm(); f != nil {
			return f
		}
	}
	c.identify("")
	c.claim, c.scheme = sign.Claim{}, sign.Unsigned
	if u := p.o.Upstream; u != nil && isAWSTarget(c.target) {
		// Host stays: it is part of the client's signature.
		c.target.tls, c.target.addr = u.Scheme == "https", addrOf(u)
	}
	return nil
}

// toUpstream turns a call to a host of AWS into one to --upstream, which knows buckets from
// paths only.
func (c *call) toUpstream() {
	u := c.p.o.Upstream
	name, _ := splitHost(c.target.host)
	c.target.host, c.target.tls, c.target.addr = u.Host, u.Scheme == "https", addrOf(u)
	if c.api.VirtualHost && strings.HasPrefix(c.claim.Service, "s3") {
		c.target.path = "/" + c.api.Bucket + c.target.path
	} else if info, ok := awsapi.ParseHost(name); ok && info.Service == "s3" && info.Prefix != "" {
		c.target.path = "/" + info.Prefix + c.target.path
	}
}

// isAWSTarget tells calls to AWS, which --upstream redirects, from calls to an allowed host.
func isAWSTarget(t target) bool {
	name, _ := splitHost(t.host)
	return isAWSHost(name)
}

// environment makes the clients in a command use the forward mode.
func (f *forwarder) environment(address string, environ []string, strict bool) (map[string]string, error) {
	ca, err := f.ca()
	if err != nil {
		return nil, err
	}
	bundle, err := ca.Bundle(value(environ, "AWS_CA_BUNDLE"), value(environ, "SSL_CERT_FILE"))
	if err != nil {
		return nil, fmt.Errorf("writing the bundle of trusted certificates: %w", err)
	}
	const local = "localhost,127.0.0.1,::1,169.254.169.254,169.254.170.2,169.254.170.23,fd00:ec2::254"
	proxyURL := "http://" + address
	env := map[string]string{
		"HTTPS_PROXY": proxyURL, "https_proxy": proxyURL, // HTTP_PROXY would catch the calls to instance metadata
		"NO_PROXY": join(value(environ, "NO_PROXY"), local), "no_proxy": join(value(environ, "no_proxy"), local),
		"SSL_CERT_FILE": bundle, "REQUESTS_CA_BUNDLE": bundle, "CURL_CA_BUNDLE": bundle,
		"PERL_LWP_SSL_CA_FILE": bundle,
		"NODE_EXTRA_CA_CERTS":  ca.RootPath(), "NODE_USE_ENV_PROXY": "1",
	}
	if strict || value(environ, "AWS_CA_BUNDLE") != "" {
		env["AWS_CA_BUNDLE"] = bundle // rclone cannot start with it, and for most clients the others do
	}
	return env, nil
}
