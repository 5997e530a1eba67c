package proxy

import (
	"io"
	"strings"
	"sync"
	"time"

	"github.com/neureaux/cloudmock/internal/sign"
)

type eof struct{}

func (eof) Read([]byte) (int, error) { return 0, io.EOF }

func (conn *upstreamConn) idleDeadline() {
	if t := conn.client.idle; t > 0 && conn.br.Buffered() == 0 {
		conn.SetReadDeadline(time.Now().Add(t))
	}
}

// lengthBody is a body of known length.
type lengthBody upstreamConn

func (b *lengthBody) Read(p []byte) (int, error) {
	(*upstreamConn)(b).idleDeadline()
	n, err := b.limit.Read(p)
	if err == io.EOF && b.limit.N > 0 {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// endlessBody ends when the connection does (HTTP/1.0, Connection: close).
type endlessBody upstreamConn

func (b *endlessBody) Read(p []byte) (int, error) {
	(*upstreamConn)(b).idleDeadline()
	return b.br.Read(p)
}

type chunkedBody struct {
	r    io.Reader
	a    *answer
	conn *upstreamConn
	end  bool
}

func (b *chunkedBody) Read(p []byte) (int, error) {
	if b.end {
		return 0, io.EOF
	}
	b.conn.idleDeadline()
	n, err := b.r.Read(p)
	if err != io.EOF {
		return n, err
	}
	b.end = true
	for size := 0; ; {
		line, err := b.conn.br.ReadSlice('\n')
		if err != nil {
			return n, io.ErrUnexpectedEOF
		}
		if size += len(line); size > readBuffer {
			return n, errHeadTooLarge
		}
		text := strings.TrimRight(string(line), "\r\n")
		if text == "" {
			return n, io.EOF
		}
		if name, value, ok := strings.Cut(text, ":"); ok {
			b.a.trailer = append(b.a.trailer, sign.Field{Name: name, Value: strings.Trim(value, " \t")})
		}
	}
}

// bufferPool holds the buffers that bodies are copied with. Large bodies have large ones: fewer
// pieces are fewer wake-ups of client and server.
type bufferPool struct{ small, large sync.Pool }

const (
	smallBuffer = 64 << 10
	largeBuffer = 256 << 10
)

// get returns a buffer for a body of this size, negative if unknown.
func (p *bufferPool) get(size int64) *[]byte {
	pool, length := &p.small, smallBuffer
	if size >= largeBody {
		pool, length = &p.large, largeBuffer
	}
	if b, ok := pool.Get().(*[]byte); ok {
		return b
	}
	b := make([]byte, length)
	return &b
}

func (p *bufferPool) put(b *[]byte) {
	if len(*b) == largeBuffer {
		p.large.Put(b)
	} else {
		p.small.Put(b)
	}
}
