package proxy

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"

	"github.com/neureaux/cloudmock/internal/capture"
	"github.com/neureaux/cloudmock/internal/sign"
)

const (
	smallBody  = 64 << 10 // read whole and checked before anything is sent
	memoryBody = 1 << 20  // held in memory when it has to be hashed first; larger ones go to a file
	spoolBody  = 5 << 30  // the largest body that is spooled: S3's largest PUT
)

var (
	errBodyHash     = errors.New("the body does not have the SHA-256 that x-amz-content-sha256 announces")
	errBodyTooLarge = errors.New("the body is larger than 5 GiB")
)

// A body is a request's payload: at hand, in a file, or still on its way.
type body struct {
	data    []byte // when at hand
	file    *os.File
	reader  io.Reader // when streamed
	length  int64     // -1 unknown
	read    bool      // data or file holds all of it, unless err
	err     error     // why the body could not be read
	payload string    // payload hash for the new signature
}

// bodyStart returns the body, or its start, for finding out which operation is called: in
// the query protocol its form alone says so. A body that would be streamed stays
// unread, and then nothing is returned.
func (c *call) bodyStart() []byte {
	if c.readsWhole() {
		c.readAll() // prepare asks for its error
	}
	return c.body.data
}

// readsWhole reports whether the body is read whole before anything is sent: a small
// one, unless its client waits to be asked for it, and every form.
func (c *call) readsWhole() bool {
	n := c.r.ContentLength
	if framed, _, _ := sign.Streaming(c.claim.Payload); framed || n < 0 {
		return false
	}
	return n <= smallBody && !c.expects() || n <= memoryBody && strings.HasPrefix(c.in.Get("Content-Type"), "application/x-www-form-urlencoded")
}

func (c *call) expects() bool { return strings.EqualFold(c.r.Header.Get("Expect"), "100-continue") }

func (b *body) close() {
	if b.file != nil {
		b.file.Close()
	}
}

// readAll takes in the whole body: small ones into memory, others into a file
// that has no name.
func (c *call) readAll() error {
	b := &c.body
	if !b.read {
		b.read = true
		b.err = c.readBody()
	}
	return b.err
}

func (c *call) readBody() (err error) {
	b, n := &c.body, c.r.ContentLength
	if n == 0 || c.r.Body == nil || c.r.Body == http.NoBody {
		return nil
	}
	if n > 0 && n <= memoryBody {
		if int64(cap(b.data)) < n {
			b.data = make([]byte, 0, n)
		}
		b.data = b.data[:n]
		_, err := io.ReadFull(c.r.Body, b.data)
		if err != nil {
			return fmt.Errorf("reading the request: %w", err)
		}
		b.length = n
		return nil
	}
	head, err := io.ReadAll(io.LimitReader(c.r.Body, memoryBody+1))
	if err != nil {
		return fmt.Errorf("reading the request: %w", err)
	}
	if len(head) <= memoryBody {
		b.data, b.length = head, int64(len(head))
		return nil
	}
	if b.file, err = spoolFile(); err != nil {
		return err
	}
	b.data = head // for peek
	if _, err := b.file.Write(head); err != nil {
		return err
	}
	rest, err := io.Copy(b.file, io.LimitReader(c.r.Body, spoolBody-int64(len(head))+1))
	if err != nil {
		return fmt.Errorf("reading the request: %w", err)
	}
	if b.length = int64(len(head)) + rest; b.length > spoolBody {
		return errBodyTooLarge
	}
	return nil
}

// spoolFile returns a file of mode 0600 that is already unlinked, so that
// nothing stays behind, whatever happens.
func spoolFile() (*os.File, error) {
	f, err := os.CreateTemp("", "cm-record-*")
	if err != nil {
		return nil, fmt.Errorf("spooling a body: %w", err)
	}
	if err := os.Remove(f.Name()); err != nil {
		f.Close()
		return nil, fmt.Errorf("spooling a body: %w", err)
	}
	return f, nil
}

func sha256Hex[T string | []byte](b T) string {
	sum := sha256.Sum256([]byte(b))
	return hex.EncodeToString(sum[:])
}

// hashBody reads the body and returns its SHA-256 in hex.
func (c *call) hashBody() (string, error) {
	if err := c.readAll(); err != nil {
		return "", err
	}
	if c.body.file == nil {
		if len(c.body.data) == 0 {
			return sign.EmptyPayload, nil
		}
		c.body.payload = sha256Hex(c.body.data)
		return c.body.payload, nil
	}
	h := sha256.New()
	if _, err := c.body.file.Seek(0, io.SeekStart); err != nil {
		return "", err
	}
	if _, err := io.Copy(h, c.body.file); err != nil {
		return "", err
	}
	c.body.payload = hex.EncodeToString(h.Sum(nil))
	return c.body.payload, nil
}

func (c *call) bodyFailure(err error) *failure {
	if errors.Is(err, errBodyTooLarge) {
		return &failure{status: http.StatusRequestEntityTooLarge, code: "EntityTooLarge", message: err.Error()}
	}
	return (&failure{message: err.Error()}).as(http.StatusBadRequest)
}

// openBody decides how the body goes upstream, and tees it into the recording.
func (c *call) openBody() *failure {
	b, o := &c.body, &c.out
	n := c.r.ContentLength
	o.length = n
	o.framed = c.r.Header.Get("Content-Length") != ""
	if c.claim.Payload != "" {
		b.payload = c.claim.Payload
	} else if c.claim.Query {
		b.payload = sign.UnsignedPayload
		if !sign.IsS3(c.claim.Service) && b.read {
			b.payload, _ = c.hashBody() // the body is at hand
		}
	}
	framed, _, trailer := sign.Streaming(c.claim.Payload)
	if b.read || c.readsWhole() || !framed && n < 0 && c.scheme != sign.Unsigned {
		if err := c.readAll(); err != nil {
			return c.bodyFailure(err)
		}
		return c.openRead()
	}
	size := n
	if framed || c.overH2() {
		size = 0 // whoever reads has one buffer, and does not alternate
	}
	c.tap = newRequestTap(c.x, size)
	c.x.ExpectRequest(n)
	var r io.Reader = &teeReader{r: c.r.Body, tap: c.tap, left: n}
	switch {
	case framed:
		length, err := sign.DecodedLength(c.in.Get("X-Amz-Decoded-Content-Length"))
		if err != nil {
			return (&failure{message: err.Error()}).as(http.StatusBadRequest)
		}
		if c.claim.Payload == sign.StreamingUnsigned || c.creds.KeyID == "" {
			r = sign.NewChunkForwarder(r, sign.ChunkOptions{Length: length, Trailer: trailer})
		}
	case len(c.claim.Payload) == 64:
		r = &hashReader{teeReader: teeReader{r: c.r.Body, tap: c.tap, left: n}, want: c.claim.Payload}
	}
	if c.form != nil {
		if _, err := io.ReadFull(r, make([]byte, c.form.size)); err != nil { // recorded, and not sent
			return c.bodyFailure(err)
		}
		r = io.MultiReader(bytes.NewReader(c.form.data), r)
		if n >= 0 {
			o.length += int64(len(c.form.data) - c.form.size)
		}
	}
	b.reader, o.body, o.expect = r, r, c.expects()
	http.NewResponseController(c.w).EnableFullDuplex() // h2 always has it
	return nil
}

// openRead sends a body that is at hand, after a check that it is the signed one.
func (c *call) openRead() *failure {
	b, o := &c.body, &c.out
	if len(c.claim.Payload) == 64 {
		had := b.payload
		got, err := c.hashBody()
		if err != nil {
			return c.bodyFailure(err)
		}
		if got != c.claim.Payload {
			return &failure{status: http.StatusBadRequest, code: "XAmzContentSHA256Mismatch", message: errBodyHash.Error()}
		}
		b.payload = had
	}
	o.length = b.length
	if b.file == nil {
		o.data = b.data
		c.x.ExpectRequest(b.length)
		c.x.WriteRequest(b.data)
		if c.form != nil {
			o.data = append(c.form.data, b.data[c.form.size:]...)
			o.length = int64(len(o.data))
		}
		return nil
	}
	if _, err := b.file.Seek(0, io.SeekStart); err != nil {
		return c.bodyFailure(err)
	}
	size := b.length
	if c.overH2() {
		size = 0
	}
	c.tap = newRequestTap(c.x, size)
	o.body = &teeReader{r: b.file, tap: c.tap, left: b.length}
	return nil
}

// A requestTap is the way of the request's bytes into the exchange. The body may
// still be on its way when the response is complete and the exchange gone; what
// comes then is not recorded. A nil tap has nothing to detach.
type requestTap struct {
	beside *beside // for a large body

	mu sync.Mutex
	x  *capture.Exchange
}

func newRequestTap(x *capture.Exchange, size int64) *requestTap {
	x.ExpectRequest(size)
	t := &requestTap{x: x}
	if worthwhile(size) {
		t.beside = newBeside(t.write)
	}
	return t
}

func (t *requestTap) write(p []byte) {
	t.mu.Lock()
	if t.x != nil {
		t.x.WriteRequest(p)
	}
	t.mu.Unlock()
}

func (t *requestTap) detach() {
	if t == nil {
		return
	}
	if t.beside != nil {
		t.beside.stop()
	}
	t.mu.Lock()
	t.x = nil
	t.mu.Unlock()
}

// digest is the SHA-256 of the body so far, in hex; empty once the exchange is gone. No more of
// the body may come.
func (t *requestTap) digest() string {
	if t.beside != nil {
		t.beside.stop()
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.x == nil {
		return ""
	}
	sum := t.x.RequestDigest()
	return hex.EncodeToString(sum[:])
}

// A teeReader hands on what it reads to the tap. Its caller alternates between two
// buffers: see beside.
type teeReader struct {
	r    io.Reader
	tap  *requestTap
	left int64 // bytes to come, if that is known
}

func (t *teeReader) Read(p []byte) (int, error) {
	n, err := t.r.Read(p)
	t.left -= int64(n)
	if t.tap.beside == nil {
		t.tap.write(p[:n])
		return n, err
	}
	t.tap.beside.put(p[:n])
	if t.left <= 0 || err != nil {
		t.tap.beside.stop() // the buffers are somebody else's from here on
	}
	return n, err
}

// A hashReader fails instead of handing on the last bytes of a body that is not the
// signed one, so that the upstream never sees it complete. The exchange has the digest.
type hashReader struct {
	teeReader
	want string
}

func (h *hashReader) Read(p []byte) (int, error) {
	n, err := h.teeReader.Read(p)
	if n > 0 && h.left == 0 || err == io.EOF {
		if got := h.tap.digest(); got != "" && got != h.want {
			return 0, errBodyHash
		}
	}
	return n, err
}
