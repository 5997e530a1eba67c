package proxy

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"strings"
	"sync"
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
	return &conn{Conn: c, slots: l.slots}, nil
}

// conn remembers the bytes of the request head that came last. net/http drops a
// Content-Length that stands beside Transfer-Encoding and says nothing; two parsers that
// disagree on which of them counts are how requests are smuggled.
type conn struct {
	net.Conn
	slots chan struct{}
	once  sync.Once

	mu      sync.Mutex
	head    []byte // what was read since the last request ended, at most maxHead bytes
	serving bool   // a request is being served: what is read now is its body
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

// Close implements net.Conn.
func (c *conn) Close() error {
	c.once.Do(func() { <-c.slots })
	return c.Conn.Close()
}

// begin reports whether the request that begins has a Content-Length line. A head that cannot
// be seen, because it came together with the request before, counts as having one.
func (c *conn) begin() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.serving = true
	return len(c.head) == 0 || headHasLength(c.head)
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

// connOf returns the connection that r came on; nil beneath TLS, where its bytes
// are not readable.
func connOf(r *http.Request) *conn {
	c, _ := r.Context().Value(connKey{}).(*conn)
	return c
}

// headHasLength looks for a Content-Length line before the first empty line.
func headHasLength(head []byte) bool {
	for len(head) > 0 {
		line := head
		if i := bytes.IndexByte(head, '\n'); i >= 0 {
			line, head = head[:i], head[i+1:]
		} else {
			head = nil
		}
		if len(line) == 0 || len(line) == 1 && line[0] == '\r' {
			return false
		}
		const name = "content-length"
		if len(line) > len(name) && strings.EqualFold(string(line[:len(name)]), name) && (line[len(name)] == ':' || line[len(name)] == ' ' || line[len(name)] == '\t') {
			return true
		}
	}
	return false
}
