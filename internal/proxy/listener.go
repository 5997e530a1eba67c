package proxy

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// maxConnections bounds the connections of clients; more wait to be accepted.
const maxConnections = 8192

// listener accepts a bounded number of connections, and keeps of each what its
// client sent last, which net/http would hide: see conn.
type listener struct {
	net.Listener
	slots chan struct{}
}

func newListener(l net.Listener) net.Listener {
	return &listener{Listener: l, slots: make(chan struct{}, maxConnections)}
}

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	l.slots <- struct{}{}
	c, err := l.Listener.Accept()
	if err != nil {
		<-l.slots
		return nil, err
	}
	return &conn{Conn: c, release: func() { <-l.slots }}, nil
}

// tlsListener decrypts connections before they are accepted. Those that speak HTTP/1.1 come out as
// conns, so that what is inside TLS is looked at as all else is; those that speak HTTP/2, whose framing is
// not ambiguous, as *tls.Conn, by which net/http knows them.
type tlsListener struct {
	net.Listener
	config *tls.Config
	queue  connQueue
	errs   chan error
}

func newTLSListener(l net.Listener, config *tls.Config) net.Listener {
	t := &tlsListener{Listener: l, config: config, queue: connQueue{conns: make(chan net.Conn), done: make(chan struct{})}, errs: make(chan error)}
	go t.accept()
	return t
}

func (t *tlsListener) accept() {
	for {
		c, err := t.Listener.Accept()
		if err == nil {
			go t.handshake(c)
			continue
		}
		select {
		case t.errs <- err: // the server waits a little, if that can help
		case <-t.queue.done:
			return
		}
	}
}

func (t *tlsListener) handshake(c net.Conn) {
	decrypted, err := decrypt(c, t.config)
	if err != nil {
		if plain, ok := errors.AsType[tls.RecordHeaderError](err); ok && plain.Conn != nil && looksLikeHTTP(plain.RecordHeader[:]) {
			io.WriteString(plain.Conn, "HTTP/1.0 400 Bad Request\r\n\r\ncm-record: this is the https endpoint\n") // a client that is gone needs no answer
		}
		c.Close()
		return
	}
	t.queue.put(decrypted)
}

// looksLikeHTTP reports whether the first bytes of a connection are a method, and no record of TLS.
func looksLikeHTTP(b []byte) bool {
	return bytes.IndexFunc(b, func(r rune) bool { return (r < 'A' || r > 'Z') && r != ' ' && r != '/' }) < 0
}

// decrypt serves the handshake; the client has ten seconds for it. On an error c stays open.
func decrypt(c net.Conn, config *tls.Config) (net.Conn, error) {
	t := tls.Server(c, config)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := t.HandshakeContext(ctx); err != nil {
		return nil, err
	}
	if t.ConnectionState().NegotiatedProtocol == "h2" {
		return t, nil
	}
	return &conn{Conn: t, secure: true}, nil
}

// Accept implements net.Listener.
func (t *tlsListener) Accept() (net.Conn, error) {
	select {
	case c := <-t.queue.conns:
		return c, nil
	case err := <-t.errs:
		return nil, err
	case <-t.queue.done:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (t *tlsListener) Close() error {
	t.queue.Close()
	return t.Listener.Close()
}

// A connQueue is a listener whose connections are handed to it.
type connQueue struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

// put hands over a connection, or closes it when nobody accepts any more.
func (q *connQueue) put(c net.Conn) {
	select {
	case q.conns <- c:
	case <-q.done:
		c.Close()
	}
}

// Accept implements net.Listener.
func (q *connQueue) Accept() (net.Conn, error) {
	select {
	case c := <-q.conns:
		return c, nil
	case <-q.done:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (q *connQueue) Close() error {
	q.once.Do(func() { close(q.done) })
	return nil
}

// Addr implements net.Listener.
func (q *connQueue) Addr() net.Addr { return &net.TCPAddr{} }

// conn remembers the bytes of the request head that came last: see framing.
type conn struct {
	net.Conn
	secure  bool   // the bytes came through TLS
	release func() // may be nil
	once    sync.Once

	mu      sync.Mutex
	answer  *statusLine // of the next answer; nil if it is net/http's
	head    []byte      // what was read since the last request ended, at most maxHead bytes
	serving bool        // a request is being served: what is read now is its body
}

const maxHead = 64 << 10

// Read implements net.Conn.
func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.mu.Lock()
	if room := maxHead - len(c.head); n > 0 && room > 0 && !c.serving {
		c.head = append(c.head, p[:min(n, room)]...)
	}
	c.mu.Unlock()
	return n, err
}

// Write implements net.Conn.
func (c *conn) Write(p []byte) (int, error) {
	c.mu.Lock()
	line := c.answer
	if line != nil && line.begins(p) {
		c.answer = nil
	} else {
		line = nil
	}
	c.mu.Unlock()
	if line == nil {
		return c.Conn.Write(p)
	}
	if _, err := c.Conn.Write(line.rewrite(p)); err != nil {
		return 0, err
	}
	return len(p), nil
}

// say has the next answer begin with this line.
func (c *conn) say(line *statusLine) {
	c.mu.Lock()
	c.answer = line
	c.mu.Unlock()
}

// Close implements net.Conn.
func (c *conn) Close() error {
	if c.release != nil {
		c.once.Do(c.release)
	}
	return c.Conn.Close()
}

// begin says that a request is served now, and why it is not to be; nil if nothing speaks against it.
func (c *conn) begin(r *http.Request) *failure {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.serving, c.answer = true, nil
	return framing(c.head, r)
}

// end says that what is read from now on is another request.
func (c *conn) end() {
	c.mu.Lock()
	c.serving = false
	if cap(c.head) > 8<<10 {
		c.head = nil
	}
	c.head = c.head[:0]
	c.mu.Unlock()
}

type connKey struct{}

func withConn(ctx context.Context, c net.Conn) context.Context {
	if own, ok := c.(*conn); ok {
		return context.WithValue(ctx, connKey{}, own)
	}
	return ctx
}

// connOf returns the connection that r came on; nil for HTTP/2.
func connOf(r *http.Request) *conn {
	c, _ := r.Context().Value(connKey{}).(*conn)
	return c
}

// overTLS reports whether the client spoke TLS to the recorder.
func overTLS(r *http.Request) bool {
	c := connOf(r)
	return r.TLS != nil || c != nil && c.secure
}
