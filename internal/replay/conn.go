package replay

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"net"
	"os"
	"strconv"
	"syscall"
	"time"
)

// Limits of what one response may ask of us.
const (
	maxHeadBytes  = 256 << 10 // status line, headers and trailers together
	readBuffer    = 16 << 10
	maxInterim    = 16                     // 1xx answers before the final one
	checkIdle     = 500 * time.Microsecond // an idle connection may have been closed meanwhile
	deadlineSlack = 8                      // a deadline is renewed when 1/8 of the timeout is used up
)

// A client is one connection to the endpoint, opened when needed and kept
// open between requests. It speaks HTTP/1.1 itself: a request goes out
// exactly as recorded, and a response comes back with its headers' order and
// spelling. Its buffers are reused; it serves one goroutine.
type client struct {
	target      *target
	timeout     time.Duration // of one exchange, from the first byte out to the last byte in
	maxResponse int64         // bytes of body before the exchange is broken off
	inlineLimit int64         // bytes of body kept; larger ones are known by size and digest

	conn     net.Conn
	br       *bufio.Reader
	raw      syscall.RawConn
	deadline time.Time
	idle     time.Time // since when
	digest   hash.Hash
	copyBuf  []byte
}

// field is one header field of a response; its bytes lie in response.head.
type field struct{ name, value span }

type span struct{ start, end int }

// A response is what the endpoint answered, in buffers that are reused.
type response struct {
	status    int
	head      []byte
	fields    []field
	body      []byte // at most the inline limit; see size
	size      int64
	sha256    [sha256.Size]byte // set when truncated
	truncated bool              // body is larger than the inline limit and not kept
	latency   time.Duration
}

func (r *response) name(f field) []byte  { return r.head[f.name.start:f.name.end] }
func (r *response) value(f field) []byte { return r.head[f.value.start:f.value.end] }

// header returns the first value of the named header, nil when absent.
func (r *response) header(name string) []byte {
	for _, f := range r.fields {
		if equalFold(r.name(f), name) {
			return r.value(f)
		}
	}
	return nil
}

// copyFrom takes over another answer, into buffers of its own.
func (r *response) copyFrom(other *response) {
	head, fields, body := r.head[:0], r.fields[:0], r.body[:0]
	*r = *other
	r.head, r.fields, r.body = append(head, other.head...), append(fields, other.fields...), append(body, other.body...)
}

func (r *response) reset() {
	r.status, r.size, r.truncated, r.latency = 0, 0, false, 0
	r.head, r.fields, r.body = r.head[:0], r.fields[:0], r.body[:0]
}

// errNotSent wraps errors that came before a byte of the request left.
type errNotSent struct{ error }

func (e errNotSent) Unwrap() error { return e.error }

// do sends one request, whose head (through the empty line) is given, and
// reads the answer. It tries a second time, on a fresh connection, when a kept
// connection turns out to have been closed before the request was processed.
func (c *client) do(ctx context.Context, r *request, head []byte, resp *response) error {
	method := r.Method
	for {
		reused := c.conn != nil
		if reused && time.Since(c.idle) > checkIdle && !c.alive() {
			c.close()
			reused = false
		}
		if c.conn == nil {
			if err := c.dial(ctx); err != nil {
				return errNotSent{err}
			}
		}
		resp.reset()
		err := c.exchange(r, head, resp)
		if err == nil {
			c.idle = time.Now()
			return nil
		}
		c.close()
		var stale *staleError
		if reused && errors.As(err, &stale) && (stale.unsent || method == "GET" || method == "HEAD") {
			continue
		}
		return err
	}
}

// staleError is a connection that ended before the first byte of an answer.
type staleError struct {
	err    error
	unsent bool // nothing of the request was written
}

func (e *staleError) Error() string { return e.err.Error() }
func (e *staleError) Unwrap() error { return e.err }

func (c *client) exchange(r *request, head []byte, resp *response) error {
	start := time.Now()
	if c.deadline.Sub(start) < c.timeout {
		// Renewed a little ahead, so that most exchanges need no timer call.
		c.deadline = start.Add(c.timeout + c.timeout/deadlineSlack)
		if err := c.conn.SetDeadline(c.deadline); err != nil {
			return &staleError{err, true}
		}
	}
	written, err := c.write(head, r)
	if err != nil && written == 0 {
		return &staleError{err, true}
	}
	// A server may answer before it has read all, and close: its answer counts.
	if _, peekErr := c.br.Peek(1); peekErr != nil {
		if err == nil {
			err = peekErr
		}
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return fmt.Errorf("no answer within %v", c.timeout)
		}
		if errors.Is(err, io.EOF) {
			err = errors.New("connection closed before an answer")
		}
		return &staleError{err: err}
	}
	keep, readErr := c.read(r.Method, resp)
	resp.latency = time.Since(start)
	if readErr != nil {
		if errors.Is(readErr, os.ErrDeadlineExceeded) {
			return fmt.Errorf("answer not complete within %v", c.timeout)
		}
		if errors.Is(readErr, io.EOF) {
			readErr = io.ErrUnexpectedEOF
		}
		return fmt.Errorf("reading the answer: %w", readErr)
	}
	if !keep || err != nil || c.br.Buffered() > 0 {
		// Bytes beyond the answer would be taken for the next one.
		c.close()
	}
	return nil
}

func (c *client) write(head []byte, r *request) (int64, error) {
	if len(r.body) > 0 {
		bufs := net.Buffers{head, r.body}
		return bufs.WriteTo(c.conn)
	}
	n, err := c.conn.Write(head)
	if err == nil && r.stored.file != nil {
		_, err = r.stored.writeTo(c.conn)
	}
	return int64(n), err
}

func (c *client) dial(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	conn, err := c.target.dial(ctx)
	if err != nil {
		return err
	}
	c.conn, c.deadline = conn, time.Time{}
	c.raw = nil
	if sc, ok := conn.(syscall.Conn); ok {
		if raw, err := sc.SyscallConn(); err == nil {
			c.raw = raw
		}
	}
	if c.br == nil {
		c.br = bufio.NewReaderSize(conn, readBuffer)
	} else {
		c.br.Reset(conn)
	}
	return nil
}

func (c *client) close() {
	if c.conn != nil {
		_ = c.conn.Close() // nothing was left to write; the answer is complete or an error already
		c.conn = nil
	}
}

// alive reports whether a kept connection still stands, without waiting: a
// server that closed it has sent its end, which a read would find.
func (c *client) alive() bool {
	if c.raw == nil {
		return true // TLS: its records cannot be peeked at
	}
	alive := false
	err := c.raw.Read(func(fd uintptr) bool {
		var b [1]byte
		n, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		alive = n < 0 && (errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EWOULDBLOCK))
		return true
	})
	return err == nil && alive
}

// read parses one answer and says whether the connection can carry another.
func (c *client) read(method string, resp *response) (keep bool, err error) {
	var http11 bool
	for interim := 0; ; interim++ {
		resp.head, resp.fields = resp.head[:0], resp.fields[:0]
		if http11, err = c.readStatus(resp); err != nil {
			return false, err
		}
		if err = c.readFields(resp); err != nil {
			return false, err
		}
		if resp.status < 100 || resp.status >= 200 {
			break
		}
		if resp.status == 101 || interim == maxInterim {
			return false, fmt.Errorf("unexpected interim status %d", resp.status)
		}
	}
	keep = http11
	var chunked, encoded bool
	length := int64(-1)
	for _, f := range resp.fields {
		name, value := resp.name(f), resp.value(f)
		switch len(name) {
		case len("Connection"):
			if equalFold(name, "Connection") {
				if hasToken(value, "close") {
					keep = false
				} else if hasToken(value, "keep-alive") {
					keep = true
				}
			}
		case len("Content-Length"):
			if equalFold(name, "Content-Length") {
				n, err := strconv.ParseUint(string(value), 10, 63)
				if err != nil || length >= 0 && length != int64(n) {
					return false, fmt.Errorf("bad Content-Length %.40q", value)
				}
				length = int64(n)
			}
		case len("Transfer-Encoding"):
			if equalFold(name, "Transfer-Encoding") {
				encoded = true
				chunked = equalFold(value, "chunked")
			}
		}
	}
	switch {
	case method == "HEAD" || resp.status == 204 || resp.status == 304:
		return keep, nil
	case encoded && !chunked:
		return false, errors.New("unknown transfer encoding")
	case chunked:
		return keep, c.readChunked(resp)
	case length >= 0:
		if length > c.maxResponse {
			return false, fmt.Errorf("answer of %d bytes is larger than %d", length, c.maxResponse)
		}
		if err := c.readBody(resp, length); err != nil {
			return false, err
		}
		c.finishBody(resp)
		return keep, nil
	default:
		return false, c.readAll(resp)
	}
}

// readLine appends one line, without its end, to resp.head.
func (c *client) readLine(resp *response) (span, error) {
	start := len(resp.head)
	for {
		part, err := c.br.ReadSlice('\n')
		if len(resp.head)+len(part) > maxHeadBytes {
			return span{}, fmt.Errorf("head of the answer is larger than %d bytes", maxHeadBytes)
		}
		resp.head = append(resp.head, part...)
		if err == bufio.ErrBufferFull {
			continue
		}
		if err != nil {
			return span{}, err
		}
		end := len(resp.head) - 1
		if end > start && resp.head[end-1] == '\r' {
			end--
		}
		return span{start, end}, nil
	}
}

func (c *client) readStatus(resp *response) (http11 bool, err error) {
	s, err := c.readLine(resp)
	if err != nil {
		return false, err
	}
	line := resp.head[s.start:s.end]
	bad := func() (bool, error) { return false, fmt.Errorf("not an HTTP answer: %.40q", line) }
	if len(line) < len("HTTP/1.1 200") || !bytes.HasPrefix(line, []byte("HTTP/1.")) || line[8] != ' ' {
		return bad()
	}
	if len(line) > 12 && line[12] != ' ' {
		return bad()
	}
	resp.status = 0
	for _, b := range line[9:12] {
		if b < '0' || b > '9' {
			return bad()
		}
		resp.status = resp.status*10 + int(b-'0')
	}
	return line[7] != '0', nil
}

func (c *client) readFields(resp *response) error {
	for {
		s, err := c.readLine(resp)
		if err != nil {
			return err
		}
		line := resp.head[s.start:s.end]
		if len(line) == 0 {
			return nil
		}
		if line[0] == ' ' || line[0] == '\t' {
			// A folded line continues the value before it (RFC 9112, 5.2).
			if len(resp.fields) == 0 {
				return errors.New("answer's header begins with a continuation")
			}
			last := &resp.fields[len(resp.fields)-1]
			copy(resp.head[last.value.end:], line)
			last.value.end += len(line)
			resp.head = resp.head[:last.value.end]
			continue
		}
		colon := bytes.IndexByte(line, ':')
		if colon <= 0 {
			return fmt.Errorf("bad header line %.40q", line)
		}
		v := span{s.start + colon + 1, s.end}
		for v.start < v.end && isBlank(resp.head[v.start]) {
			v.start++
		}
		for v.end > v.start && isBlank(resp.head[v.end-1]) {
			v.end--
		}
		resp.fields = append(resp.fields, field{span{s.start, s.start + colon}, v})
	}
}

// readBody reads n more bytes of body.
func (c *client) readBody(resp *response, n int64) error {
	if !resp.truncated && int64(len(resp.body))+n <= c.inlineLimit {
		at := len(resp.body)
		for n > 0 {
			// Grown as the bytes come, not as they are announced.
			step := min(n, 1<<20)
			resp.body = grow(resp.body, int(step))
			got, err := io.ReadFull(c.br, resp.body[at:at+int(step)])
			at += got
			resp.size += int64(got)
			if err != nil {
				resp.body = resp.body[:at]
				return err
			}
			n -= step
		}
		return nil
	}
	if !resp.truncated {
		resp.truncated = true
		if c.digest == nil {
			c.digest = sha256.New()
			c.copyBuf = make([]byte, 32<<10)
		}
		c.digest.Reset()
		c.digest.Write(resp.body)
		resp.body = resp.body[:0]
	}
	for n > 0 {
		got, err := c.br.Read(c.copyBuf[:min(n, int64(len(c.copyBuf)))])
		c.digest.Write(c.copyBuf[:got])
		resp.size += int64(got)
		n -= int64(got)
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *client) finishBody(resp *response) {
	if resp.truncated {
		c.digest.Sum(resp.sha256[:0])
	}
}

func (c *client) readChunked(resp *response) error {
	mark := len(resp.head)
	for {
		s, err := c.readLine(resp)
		if err != nil {
			return err
		}
		line := resp.head[s.start:s.end]
		if i := bytes.IndexByte(line, ';'); i >= 0 {
			line = line[:i]
		}
		n, err := strconv.ParseUint(string(bytes.TrimSpace(line)), 16, 62)
		if err != nil {
			return fmt.Errorf("bad chunk size %.40q", line)
		}
		resp.head = resp.head[:mark]
		if n == 0 {
			break
		}
		if resp.size+int64(n) > c.maxResponse {
			return fmt.Errorf("answer is larger than %d bytes", c.maxResponse)
		}
		if err := c.readBody(resp, int64(n)); err != nil {
			return err
		}
		s, err = c.readLine(resp)
		if err != nil {
			return err
		}
		if s.end != s.start {
			return errors.New("chunk is longer than its size")
		}
		resp.head = resp.head[:mark]
	}
	c.finishBody(resp)
	return c.readFields(resp) // trailers join the headers
}

// readAll reads a body that ends with the connection.
func (c *client) readAll(resp *response) error {
	for {
		if _, err := c.br.Peek(1); err == io.EOF {
			c.finishBody(resp)
			return nil
		} else if err != nil {
			return err
		}
		n := int64(c.br.Buffered())
		if resp.size+n > c.maxResponse {
			return fmt.Errorf("answer is larger than %d bytes", c.maxResponse)
		}
		if err := c.readBody(resp, n); err != nil {
			return err
		}
	}
}

func grow(b []byte, n int) []byte {
	if cap(b)-len(b) < n {
		b = append(b, make([]byte, n)...)
		return b
	}
	return b[:len(b)+n]
}

func isBlank(b byte) bool { return b == ' ' || b == '\t' }

// equalFold compares ASCII without regard to case.
func equalFold[T []byte | string](a T, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(b) {
		if lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

func lower(b byte) byte {
	if 'A' <= b && b <= 'Z' {
		return b + 'a' - 'A'
	}
	return b
}

// hasToken looks for one of a comma-separated header value's words.
func hasToken(value []byte, token string) bool {
	for part := range bytes.SplitSeq(value, []byte(",")) {
		if equalFold(bytes.TrimSpace(part), token) {
			return true
		}
	}
	return false
}
