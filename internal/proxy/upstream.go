package proxy

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httputil"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"bufio"

	"github.com/neureaux/cloudmock/internal/sign"
)

// An outbound is a request as it goes on the wire: nothing is added to it but
// Host and the framing of its body.
type outbound struct {
	method string
	target string // path and query, escaped
	host   string // Host header
	addr   string // host:port to dial
	tls    bool
	header []sign.Field // without Host, Content-Length, Transfer-Encoding and Expect
	data   []byte       // the whole body, when it is at hand
	body   io.Reader    // else the body, streamed; nil when there is none
	length int64        // of the body; -1 unknown, then it is sent in chunks
	framed bool         // say Content-Length even when it is 0
	expect bool         // wait for 100 Continue before the body
}

// An answer is a response on its way: head complete, body still to be read.
type answer struct {
	status  int
	reason  string // what followed the status in its line, with the space
	header  []sign.Field
	length  int64     // of the body; -1 unknown
	body    io.Reader // never nil; ends with io.EOF when the response was complete
	trailer []sign.Field
	conn    *upstreamConn
	stop    func() bool // ends the watch on the caller's context
	close   bool
	release func() // what done does when there is no conn
}

// left is the number of bytes to come, negative if unknown.
func (a *answer) left() int64 {
	if a.length > 0 && a.conn != nil {
		return a.conn.limit.N
	}
	return a.length
}

// more reports whether further bytes of a body of known length can be read without waiting.
// Beneath TLS it sees only what is already deciphered: a record may have come in part.
func (a *answer) more() bool {
	conn := a.conn
	return conn != nil && (conn.br.Buffered() > 0 || a.length >= largeBody && conn.raw == conn.Conn && readable(conn.raw))
}

// A client is a lean HTTP/1.1 client. Unlike net/http's it sends a request as it
// is, never sends one twice, and hands on a response without changing it.
// It trusts the caller to have made header fields that are valid.
type client struct {
	dial      func(ctx context.Context, network, addr string) (net.Conn, error)
	tlsConfig *tls.Config
	// timeout bounds the wait for the head of a response, idle the wait between two
	// pieces of its body.
	timeout, idle time.Duration

	buffers bufferPool

	mu    sync.Mutex
	pools map[string]*idlePool // by address
	shut  bool
}

const (
	maxResponseHead = 256 << 10
	readBuffer      = 16 << 10
)

type upstreamConn struct {
	net.Conn
	raw      net.Conn // beneath TLS
	client   *client
	key      string
	br       *bufio.Reader
	out      []byte
	used     time.Time
	reused   bool // after it was idle for so long:
	idle     time.Duration
	promised time.Duration // how long the server keeps it; 0 if it did not say
	limit    io.LimitedReader
}

var (
	errHeadTooLarge = errors.New("the head of the response is larger than 256 KiB")
	errBadResponse  = errors.New("malformed HTTP response")
)

// roundTrip sends o and reads the head of its response into a. The caller has to read a.body to
// its end or an error, and then call a.done.
func (c *client) roundTrip(ctx context.Context, o *outbound, a *answer) error {
	conn, err := c.get(ctx, o)
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	err = conn.exchange(o, a)
	if err != nil {
		stop()
		conn.Close()
		c.broke(conn, err)
		if cause := context.Cause(ctx); cause != nil {
			return cause
		}
		return err
	}
	a.conn, a.stop = conn, stop
	return nil
}

func (c *client) get(ctx context.Context, o *outbound) (*upstreamConn, error) {
	key := o.addr
	if o.tls {
		key = "tls " + o.addr + " " + o.host
	}
	now := time.Now()
	for {
		c.mu.Lock()
		conn, idle := c.pool(key, o.tls).take(now)
		c.mu.Unlock()
		if conn == nil {
			break
		}
		conn.reused, conn.idle = true, idle
		if conn.br.Buffered() == 0 && alive(conn.raw) {
			return conn, nil
		}
		c.closedBy(conn)
		conn.Close()
	}
	raw, err := c.dial(ctx, "tcp", o.addr)
	if err != nil {
		return nil, err
	}
	conn := &upstreamConn{Conn: raw, raw: raw, client: c, key: key, br: bufio.NewReaderSize(nil, readBuffer)}
	if o.tls {
		config := c.tlsConfig.Clone()
		config.ServerName, _ = splitHost(o.host)
		t := tls.Client(raw, config)
		handshake, cancel := context.WithTimeout(ctx, 15*time.Second)
		defer cancel()
		if err := t.HandshakeContext(handshake); err != nil {
			raw.Close()
			return nil, err
		}
		conn.Conn = t
	}
	conn.br.Reset(conn.Conn)
	return conn, nil
}

// put keeps a connection for the next request.
func (c *client) put(conn *upstreamConn) {
	conn.used = time.Now()
	c.mu.Lock()
	pool := c.pool(conn.key, conn.Conn != conn.raw)
	pool.proven = pool.proven || conn.reused
	kept := !c.shut && pool.put(conn)
	c.mu.Unlock()
	if !kept {
		conn.Close()
	}
}

// pool returns the pool of an address. A server behind TLS is trusted from the start: it is AWS's
// own, and a handshake takes long.
func (c *client) pool(key string, tls bool) *idlePool {
	p := c.pools[key]
	if p == nil {
		if c.pools == nil || len(c.pools) > maxPools {
			maps.DeleteFunc(c.pools, func(_ string, p *idlePool) bool { return len(p.conns) == 0 })
			if c.pools == nil {
				c.pools = make(map[string]*idlePool)
			}
		}
		p = newIdlePool(tls)
		c.pools[key] = p
	}
	return p
}

// broke learns from a connection that the server had closed before the answer began.
func (c *client) broke(conn *upstreamConn, err error) {
	if !conn.reused || !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) {
		return
	}
	c.closedBy(conn)
}

// closedBy says that the server has closed a connection that was idle.
func (c *client) closedBy(conn *upstreamConn) {
	now := time.Now()
	c.mu.Lock()
	c.pool(conn.key, conn.Conn != conn.raw).closedAfter(conn.idle, now)
	c.mu.Unlock()
}

func (c *client) closeIdle() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.shut = true
	for key, pool := range c.pools {
		for _, conn := range pool.conns {
			conn.Close()
		}
		delete(c.pools, key)
	}
}

func (conn *upstreamConn) exchange(o *outbound, a *answer) error {
	b := conn.out[:0]
	b = append(b, o.method...)
	b = append(b, ' ')
	b = append(b, o.target...)
	b = append(b, " HTTP/1.1\r\nHost: "...)
	b = append(b, o.host...)
	b = append(b, "\r\n"...)
	for i := range o.header {
		f := &o.header[i]
		b = append(b, f.Name...)
		b = append(b, ": "...)
		b = append(b, f.Value...)
		b = append(b, "\r\n"...)
	}
	switch {
	case o.body == nil && (len(o.data) > 0 || o.framed), o.body != nil && o.length >= 0:
		b = append(b, "Content-Length: "...)
		b = strconv.AppendInt(b, o.length, 10)
		b = append(b, "\r\n"...)
	case o.body != nil:
		b = append(b, "Transfer-Encoding: chunked\r\n"...)
	}
	if o.expect && o.body != nil {
		b = append(b, "Expect: 100-continue\r\n"...)
	}
	b = append(b, "\r\n"...)
	if o.body == nil && len(o.data) <= 64<<10 {
		b = append(b, o.data...)
	}
	conn.out = b[:0]
	if cap(b) > 128<<10 {
		conn.out = nil
	}
	if t := conn.client.timeout; t > 0 {
		conn.SetDeadline(time.Now().Add(t)) // a closed connection says so on its next use
	}
	if _, err := conn.Write(b); err != nil {
		return fmt.Errorf("sending the request: %w", err)
	}
	if o.body == nil {
		if len(o.data) > 64<<10 {
			if _, err := conn.Write(o.data); err != nil {
				return fmt.Errorf("sending the request: %w", err)
			}
		}
		return conn.readHead(o, a)
	}
	return conn.stream(o, a)
}

// expectWait is how long a server may take to say 100 Continue; one that does not know
// the expectation says nothing.
const expectWait = time.Second

// stream sends a body while it waits for the response, which may come first: a
// refusal, or the beginning of a conversation.
func (conn *upstreamConn) stream(o *outbound, a *answer) error {
	if o.expect {
		conn.SetReadDeadline(time.Now().Add(expectWait))
		line, err := conn.br.Peek(len("HTTP/1.1 100"))
		conn.SetReadDeadline(conn.deadline())
		var timeout net.Error
		switch {
		case err == nil && string(line[9:]) == "100":
			if err := conn.skipContinue(); err != nil {
				return err
			}
		case err == nil: // a final answer; the body is not wanted
			a.close = true
			return conn.readHead(o, a)
		case !errors.As(err, &timeout) || !timeout.Timeout():
			return fmt.Errorf("waiting for 100 Continue: %w", err)
		}
	}
	sent := make(chan error, 1)
	body, length := o.body, o.length // o is the caller's again once the answer has come
	go func() { sent <- conn.sendBody(body, length) }()
	head := make(chan error, 1)
	go func() { head <- conn.readHead(o, a) }()
	select {
	case err := <-sent:
		var source *bodyError
		if errors.As(err, &source) {
			// The request is broken off, so that the server cannot take it for whole.
			conn.Close()
			<-head
			return source
		}
		if herr := <-head; herr != nil {
			if err != nil {
				return fmt.Errorf("sending the request: %w", err)
			}
			return herr
		}
		a.close = a.close || err != nil
		return nil
	case err := <-head:
		if err != nil {
			conn.Close()
			var source *bodyError
			if serr := <-sent; errors.As(serr, &source) {
				return source
			}
			return err
		}
		// Mostly the body is out, and the sender just has not said so yet.
		wait := time.NewTimer(10 * time.Millisecond)
		defer wait.Stop()
		select {
		case serr := <-sent:
			a.close = a.close || serr != nil
		case <-wait.C:
			// The answer came before the end of the request, which goes on being sent
			// until the answer ends.
			a.close = true
		}
		return nil
	}
}

// bodyError is a failure of the client's side of the body, not of the upstream.
type bodyError struct{ err error }

func (e *bodyError) Error() string { return e.err.Error() }
func (e *bodyError) Unwrap() error { return e.err }

// gone reports whether the client's connection broke. If not, what it sent was malformed.
func (e *bodyError) gone() bool {
	_, broken := errors.AsType[net.Error](e.err)
	return broken || errors.Is(e.err, io.ErrUnexpectedEOF) || errors.Is(e.err, http.ErrBodyReadAfterClose)
}

func (conn *upstreamConn) sendBody(body io.Reader, length int64) error {
	// Two buffers in turn: the one just sent may still be recorded.
	buf, other := conn.client.buffers.get(length), conn.client.buffers.get(length)
	done := func() { // not after an error: a piece may still be in use
		conn.client.buffers.put(buf)
		conn.client.buffers.put(other)
	}
	var sent int64
	for {
		n, err := body.Read(*buf)
		if framed, ok := body.(*sign.ChunkReader); ok && err == nil && sent+int64(n) == length {
			// The last piece goes out when the framing has ended there, too.
			var more [1]byte
			if m, rerr := framed.Read(more[:]); m > 0 || rerr != io.EOF {
				return &bodyError{fmt.Errorf("%w: its last chunk is missing", sign.ErrChunk)}
			}
		}
		if n > 0 {
			if length < 0 {
				head := strconv.AppendInt(make([]byte, 0, 20), int64(n), 16)
				if _, werr := (&net.Buffers{append(head, '\r', '\n'), (*buf)[:n], []byte("\r\n")}).WriteTo(conn.Conn); werr != nil {
					return werr
				}
			} else if _, werr := conn.Write((*buf)[:n]); werr != nil {
				return werr
			}
			sent += int64(n)
		}
		switch {
		case err == io.EOF:
			if length >= 0 {
				if sent != length {
					return &bodyError{fmt.Errorf("the request's body has %d bytes, Content-Length says %d", sent, length)}
				}
				done()
				return nil
			}
			done()
			_, err := conn.Write([]byte("0\r\n\r\n"))
			return err
		case err != nil:
			return &bodyError{err}
		}
		if length >= 0 && sent == length {
			done()
			return nil
		}
		conn.SetDeadline(conn.deadline())
		buf, other = other, buf
	}
}

func (conn *upstreamConn) deadline() time.Time {
	if conn.client.timeout <= 0 {
		return time.Time{}
	}
	return time.Now().Add(conn.client.timeout)
}

func (conn *upstreamConn) skipContinue() error {
	_, _, err := conn.head()
	return err
}

// head reads one status line with its fields as one string, so that the fields can share
// it.
func (conn *upstreamConn) head() (status int, head string, err error) {
	var long []byte // what did not fit into the buffer
	for seen := 0; ; {
		got, _ := conn.br.Peek(conn.br.Buffered())
		if end, next := headEnd(got, max(0, seen-2)); next > 0 && long == nil {
			head = string(got[:end])
			conn.br.Discard(next)
			break
		}
		seen = len(got)
		if seen == readBuffer || long != nil {
			had := len(long)
			long = append(long, got...)
			if end, next := headEnd(long, max(0, had-2)); next > 0 {
				head = string(long[:end])
				conn.br.Discard(next - had)
				break
			}
			conn.br.Discard(len(got))
			seen = 0
			if len(long) > maxResponseHead {
				return 0, "", errHeadTooLarge
			}
		}
		if _, err := conn.br.Peek(seen + 1); err != nil {
			if err == io.EOF && len(long)+seen > 0 {
				err = io.ErrUnexpectedEOF
			}
			return 0, "", fmt.Errorf("reading the response: %w", err)
		}
	}
	line, _ := cutLine(head)
	if len(line) < 12 || !strings.HasPrefix(line, "HTTP/1.") || line[8] != ' ' {
		return 0, "", fmt.Errorf("%w: %q", errBadResponse, clip(line))
	}
	status, err = strconv.Atoi(line[9:12])
	if err != nil || status < 100 || len(line) > 12 && line[12] != ' ' {
		return 0, "", fmt.Errorf("%w: %q", errBadResponse, clip(line))
	}
	return status, head, nil
}

// headEnd finds the empty line after a head, from where on there may be one: end is the length of the head with its
// last line's end, next what follows the empty line. Both are 0 when it has not come yet. A line may end with a line
// feed alone (RFC 9112, 2.2).
func headEnd(b []byte, from int) (end, next int) {
	i := bytes.Index(b[from:], []byte("\n\r\n"))
	search := b[from:]
	if i >= 0 {
		search = search[:i+1]
	}
	if j := bytes.Index(search, []byte("\n\n")); j >= 0 {
		return from + j + 1, from + j + 2
	}
	if i < 0 {
		return 0, 0
	}
	return from + i + 1, from + i + 3
}

// cutLine returns the first line without its end, and the others.
func cutLine(s string) (line, rest string) {
	line, rest, _ = strings.Cut(s, "\n")
	return strings.TrimSuffix(line, "\r"), rest
}

func (conn *upstreamConn) readHead(o *outbound, a *answer) error {
	var status int
	var head string
	for {
		var err error
		if status, head, err = conn.head(); err != nil {
			return err
		}
		if status >= 200 || status == 101 {
			break
		}
	}
	a.status, a.header, a.length, a.trailer = status, a.header[:0], -1, a.trailer[:0]
	a.close = a.close || head[7] == '0'
	chunked := false
	first, fields := cutLine(head)
	a.reason = first[len("HTTP/1.1 200"):]
	for fields != "" {
		var line string
		line, fields = cutLine(fields)
		name, value, ok := strings.Cut(line, ":")
		if !ok || name == "" || strings.ContainsAny(name, " \t") {
			return fmt.Errorf("%w: header line %q", errBadResponse, clip(line))
		}
		value = strings.Trim(value, " \t")
		switch len(name) {
		case len("Content-Length"):
			if strings.EqualFold(name, "Content-Length") {
				n, err := strconv.ParseUint(value, 10, 62)
				if err != nil || a.length >= 0 && a.length != int64(n) {
					return fmt.Errorf("%w: Content-Length %q", errBadResponse, clip(value))
				}
				a.length = int64(n)
			}
		case len("Transfer-Encoding"):
			if strings.EqualFold(name, "Transfer-Encoding") {
				if !strings.EqualFold(value, "chunked") {
					return fmt.Errorf("%w: Transfer-Encoding %q", errBadResponse, clip(value))
				}
				chunked = true
			}
		case len("Connection"):
			if strings.EqualFold(name, "Connection") && containsToken(value, "close") {
				a.close = true
			}
		}
		a.header = append(a.header, sign.Field{Name: name, Value: value})
	}
	conn.promised = promised(a.header)
	switch {
	case noBody(o.method, status):
		a.length, a.body = 0, eof{}
	case status == 101:
		return fmt.Errorf("%w: 101 to a request that asked for no upgrade", errBadResponse)
	case chunked:
		a.length = -1
		a.body = &chunkedBody{r: httputil.NewChunkedReader(conn.br), a: a, conn: conn}
	case a.length == 0:
		a.body = eof{}
	case a.length > 0:
		conn.limit = io.LimitedReader{R: conn.br, N: a.length}
		a.body = (*lengthBody)(conn)
	default:
		a.close = true
		a.body = (*endlessBody)(conn)
	}
	return nil
}

// noBody reports whether an answer ends with its head, whatever length it names.
func noBody(method string, status int) bool {
	return method == "HEAD" || status == 204 || status == 304
}

func containsToken(value, token string) bool {
	for part := range strings.SplitSeq(value, ",") {
		if strings.EqualFold(strings.Trim(part, " \t"), token) {
			return true
		}
	}
	return false
}

// done gives the connection back; complete says that the body was read to its end.
func (a *answer) done(complete bool) {
	conn := a.conn
	a.conn = nil
	if conn == nil {
		if a.release != nil {
			a.release()
		}
		return
	}
	if !a.stop() || !complete || a.close {
		conn.Close()
		return
	}
	conn.client.put(conn)
}
