package sign

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"strconv"
	"strings"
)

// Limits of the aws-chunked framing. S3 itself allows chunk headers of a few
// hundred bytes; a signed chunk has to be held whole, because its signature precedes it.
const (
	maxChunkHeader  = 4 << 10
	maxChunkTrailer = 16 << 10
	MaxSignedChunk  = 16 << 20
)

// ErrChunk says that an aws-chunked body is not framed as it must be.
var ErrChunk = errors.New("malformed aws-chunked body")

func chunkError(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrChunk, fmt.Sprintf(format, args...))
}

// ChunkOptions describe an aws-chunked body.
type ChunkOptions struct {
	// Length is the x-amz-decoded-content-length; negative when the request names none.
	Length int64
	// Trailer says that the variant ends with trailing fields.
	Trailer bool
}

type chunkMode uint8

const (
	chunkDecode  chunkMode = iota // yield the payload
	chunkForward                  // yield the framing as it came
	chunkResign                   // yield the framing with new signatures
)

// ChunkReader reads an aws-chunked body and checks its framing, its length and, when it
// is given a Seed, its signatures. An error it returns is final.
type ChunkReader struct {
	src  *bufio.Reader
	mode chunkMode
	o    ChunkOptions
	in   *Seed // chain of the client; nil: signatures are not checked
	out  *Seed // chain of the new signatures

	pending []byte // output that is ready
	data    []byte // payload of a signed chunk, output after pending
	buf     []byte
	head    []byte
	claimed [64]byte
	left    int64 // payload bytes of the current chunk still to be read
	total   int64
	state   chunkState
	digest  hash.Hash
	trailer []Field
	err     error
}

type chunkState uint8

const (
	stateHeader chunkState = iota
	stateData
	stateDataEnd
	stateDone
)

// NewChunkReader returns a reader of the payload inside the framing of src. With a
// nil seed signatures are skipped, not checked.
func NewChunkReader(src io.Reader, seed *Seed, o ChunkOptions) *ChunkReader {
	return newChunkReader(src, chunkDecode, seed, nil, o)
}

// NewChunkForwarder returns a reader of the same bytes as src that fails where the
// framing is broken or the payload has not the promised length.
func NewChunkForwarder(src io.Reader, o ChunkOptions) *ChunkReader {
	return newChunkReader(src, chunkForward, nil, nil, o)
}

// NewChunkResigner verifies every chunk of src against the chain of client and
// yields the same framing, of the same length, signed along the chain of
// upstream.
func NewChunkResigner(src io.Reader, client, upstream Seed, o ChunkOptions) *ChunkReader {
	return newChunkReader(src, chunkResign, &client, &upstream, o)
}

func newChunkReader(src io.Reader, mode chunkMode, in, out *Seed, o ChunkOptions) *ChunkReader {
	r := &ChunkReader{src: bufio.NewReaderSize(src, 16<<10), mode: mode, in: in, out: out, o: o}
	if mode == chunkDecode && in != nil {
		seed := *in // the chain moves on; the caller's seed stays
		r.in = &seed
		r.digest = sha256.New()
	}
	return r
}

// Trailer returns the trailing fields, complete once Read has returned io.EOF.
func (r *ChunkReader) Trailer() []Field { return r.trailer }

// Read implements io.Reader.
func (r *ChunkReader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for {
		if len(r.pending) > 0 {
			n := copy(p, r.pending)
			r.pending = r.pending[n:]
			return n, nil
		}
		if len(r.data) > 0 {
			n := copy(p, r.data)
			r.data = r.data[n:]
			if len(r.data) == 0 {
				r.pending = crlf()
			}
			return n, nil
		}
		if r.err != nil {
			return 0, r.err
		}
		n, err := r.step(p)
		if err != nil {
			if err == io.EOF && r.state != stateDone {
				err = io.ErrUnexpectedEOF
			}
			r.err = err
		}
		if n > 0 {
			return n, nil
		}
	}
}

func crlf() []byte { return []byte{'\r', '\n'} }

// step reads on by one element of the framing, or by as much payload as there is.
func (r *ChunkReader) step(p []byte) (int, error) {
	switch r.state {
	case stateHeader:
		return 0, r.header()
	case stateData:
		n, err := r.src.Read(p[:min(int64(len(p)), r.left)])
		r.left -= int64(n)
		if r.digest != nil {
			r.digest.Write(p[:n])
		}
		if r.left == 0 {
			r.state = stateDataEnd
			err = nil
		}
		return n, err
	case stateDataEnd:
		if err := r.lineEnd(); err != nil {
			return 0, err
		}
		if r.digest != nil {
			if err := r.verify(r.in, [32]byte(r.digest.Sum(nil))); err != nil {
				return 0, err
			}
			r.digest.Reset()
		}
		if r.mode == chunkForward {
			r.pending = crlf()
		}
		r.state = stateHeader
		return 0, nil
	}
	return 0, io.EOF
}

// header reads "size[;chunk-signature=hex]" and what follows at once.
func (r *ChunkReader) header() error {
	line, err := r.line(maxChunkHeader)
	if err != nil {
		return err
	}
	digits, extension, _ := bytes.Cut(line[:len(line)-2], []byte{';'})
	size, err := chunkSize(digits)
	if err != nil {
		return err
	}
	at := -1 // of the signature in the line
	const name = "chunk-signature="
	if i := bytes.Index(extension, []byte(name)); i >= 0 {
		at = len(digits) + 1 + i + len(name)
		if len(line)-2-at != len(r.claimed) {
			return chunkError("a chunk signature has not 64 digits")
		}
		copy(r.claimed[:], line[at:])
	} else if r.in != nil {
		return chunkError("a chunk has no signature")
	}
	if r.o.Length >= 0 && size > r.o.Length-r.total {
		return chunkError("more than the %d bytes of x-amz-decoded-content-length", r.o.Length)
	}
	r.total += size
	r.head = append(r.head[:0], line...)
	if size == 0 {
		return r.last(at)
	}
	if r.mode == chunkResign {
		return r.resign(at, size)
	}
	if r.mode == chunkForward {
		r.pending = r.head
	}
	r.left, r.state = size, stateData
	return nil
}

// chunkSize parses hex digits; strconv alone would accept signs and underscores.
func chunkSize(digits []byte) (int64, error) {
	if len(digits) == 0 || len(digits) > 15 {
		return 0, chunkError("a chunk size has %d digits", len(digits))
	}
	var n int64
	for _, c := range digits {
		d := unhex(c)
		if d > 15 {
			return 0, chunkError("a chunk size is no hexadecimal number")
		}
		n = n<<4 | int64(d)
	}
	return n, nil
}

// resign reads a whole chunk, checks it, and makes its new header.
func (r *ChunkReader) resign(at int, size int64) error {
	if size > MaxSignedChunk {
		return chunkError("a signed chunk of %d bytes; at most %d can be signed anew", size, MaxSignedChunk)
	}
	// The buffer grows with what arrives, not with what is announced.
	r.buf = r.buf[:0]
	for int64(len(r.buf)) < size {
		if len(r.buf) == cap(r.buf) {
			grown := make([]byte, len(r.buf), min(int(size), max(64<<10, 2*cap(r.buf))))
			copy(grown, r.buf)
			r.buf = grown
		}
		n, err := io.ReadFull(r.src, r.buf[len(r.buf):min(cap(r.buf), int(size))])
		r.buf = r.buf[:len(r.buf)+n]
		if err != nil {
			return unexpected(err)
		}
	}
	if err := r.lineEnd(); err != nil {
		return err
	}
	digest := sha256.Sum256(r.buf)
	if err := r.verify(r.in, digest); err != nil {
		return err
	}
	r.out.next(payloadAlgorithm, hexEmpty, digest)
	copy(r.head[at:], r.out.Signature)
	r.pending, r.data = r.head, r.buf
	return nil
}

const (
	payloadAlgorithm = algorithm + "-PAYLOAD"
	trailerAlgorithm = algorithm + "-TRAILER"
	hexEmpty         = EmptyPayload + "\n"
	trailerSignature = "x-amz-trailer-signature"
)

// last handles the chunk of size 0 and what stands behind it.
func (r *ChunkReader) last(at int) error {
	if r.o.Length >= 0 && r.total != r.o.Length {
		return chunkError("%d bytes of payload, x-amz-decoded-content-length says %d", r.total, r.o.Length)
	}
	empty := sha256.Sum256(nil)
	if r.in != nil {
		if err := r.verify(r.in, empty); err != nil {
			return err
		}
	}
	if r.out != nil {
		r.out.next(payloadAlgorithm, hexEmpty, empty)
		copy(r.head[at:], r.out.Signature)
	}
	tail, err := io.ReadAll(io.LimitReader(r.src, maxChunkTrailer+1))
	if err != nil {
		return unexpected(err)
	}
	if len(tail) > maxChunkTrailer {
		return chunkError("more than %d bytes behind the last chunk", maxChunkTrailer)
	}
	if err := r.readTrailer(tail); err != nil {
		return err
	}
	if r.mode != chunkDecode {
		r.pending = append(r.head, tail...)
	}
	r.state = stateDone
	return io.EOF
}

// readTrailer parses the trailing fields, checks their signature and replaces it in
// place. Clients end a field with \r\n or \n, and some put an empty line
// before the signature.
func (r *ChunkReader) readTrailer(tail []byte) error {
	var canonical []byte
	var claimed []byte // points into tail
	rest := tail
	for len(rest) > 0 {
		line, after, found := bytes.Cut(rest, []byte{'\n'})
		if !found {
			return chunkError("the trailer ends within a line")
		}
		rest = after
		line = bytes.TrimSuffix(line, []byte{'\r'})
		if len(line) == 0 {
			continue
		}
		name, value, ok := bytes.Cut(line, []byte{':'})
		if !ok || len(name) == 0 || bytes.ContainsAny(name, " \t\r") {
			return chunkError("a trailing field has no name")
		}
		value = bytes.TrimSpace(value)
		if strings.EqualFold(string(name), trailerSignature) {
			if claimed != nil {
				return chunkError("two trailer signatures")
			}
			claimed = value
			continue
		}
		if claimed != nil {
			return chunkError("data behind the trailer signature")
		}
		if !r.o.Trailer {
			return chunkError("data behind the last chunk")
		}
		r.trailer = append(r.trailer, Field{Name: string(name), Value: string(value)})
		canonical = append(canonical, bytes.ToLower(name)...)
		canonical = append(canonical, ':')
		canonical = append(canonical, value...)
		canonical = append(canonical, '\n')
	}
	if !bytes.HasSuffix(tail, []byte("\n")) && len(tail) > 0 {
		return chunkError("the body does not end with an empty line")
	}
	if r.in == nil || !r.o.Trailer {
		return nil
	}
	if len(claimed) != len(r.claimed) {
		return chunkError("the trailer is not signed")
	}
	digest := sha256.Sum256(canonical)
	r.in.next(trailerAlgorithm, "", digest)
	if subtle.ConstantTimeCompare([]byte(r.in.Signature), claimed) != 1 {
		return fmt.Errorf("trailer: %w", ErrMismatch)
	}
	if r.out != nil {
		r.out.next(trailerAlgorithm, "", digest)
		copy(claimed, r.out.Signature)
	}
	return nil
}

// verify moves the client's chain on by one chunk and compares.
func (r *ChunkReader) verify(chain *Seed, digest [32]byte) error {
	chain.next(payloadAlgorithm, hexEmpty, digest)
	if subtle.ConstantTimeCompare([]byte(chain.Signature), r.claimed[:]) != 1 {
		return fmt.Errorf("chunk: %w", ErrMismatch)
	}
	return nil
}

// next replaces the signature of the chain by that of the following link.
func (s *Seed) next(algorithm, prefix string, digest [32]byte) {
	text := make([]byte, 0, 384)
	text = append(text, algorithm...)
	text = append(text, '\n')
	text = append(text, s.Date...)
	text = append(text, '\n')
	text = append(text, s.Scope...)
	text = append(text, '\n')
	text = append(text, s.Signature...)
	text = append(text, '\n')
	text = append(text, prefix...)
	text = hex.AppendEncode(text, digest[:])
	mac := hmacSHA256(s.key[:], text)
	s.Signature = hex.EncodeToString(mac[:])
}

// line reads up to and with CRLF; the result is valid until the next read.
func (r *ChunkReader) line(limit int) ([]byte, error) {
	line, err := r.src.ReadSlice('\n')
	switch {
	case err == bufio.ErrBufferFull || err == nil && len(line) > limit:
		return nil, chunkError("a chunk header of more than %d bytes", limit)
	case err != nil:
		return nil, unexpected(err)
	case len(line) < 2 || line[len(line)-2] != '\r':
		return nil, chunkError("a chunk header does not end with CRLF")
	}
	return line, nil
}

func (r *ChunkReader) lineEnd() error {
	end, err := r.src.Peek(2)
	if err != nil {
		return unexpected(err)
	}
	if end[0] != '\r' || end[1] != '\n' {
		return chunkError("a chunk does not end with CRLF")
	}
	_, err = r.src.Discard(2)
	return err
}

func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// Streaming tells how a body is framed from its x-amz-content-sha256: aws-chunked at all,
// with signatures, with a trailer. The header decides, not Content-Encoding,
// which some clients leave out.
func Streaming(payload string) (framed, signed, trailer bool) {
	switch payload {
	case StreamingSigned:
		return true, true, false
	case StreamingSignedTrailer:
		return true, true, true
	case StreamingUnsigned:
		return true, false, true
	}
	return false, false, false
}

// DecodedLength parses an x-amz-decoded-content-length; -1 when it is absent.
func DecodedLength(value string) (int64, error) {
	if value == "" {
		return -1, nil
	}
	n, err := strconv.ParseUint(value, 10, 62)
	if err != nil {
		return 0, chunkError("x-amz-decoded-content-length is no number")
	}
	return int64(n), nil
}

// Chunk returns the seed that follows s when the next chunk has the given SHA-256: its
// Signature is the chunk's. A last chunk has the SHA-256 of nothing.
func (s Seed) Chunk(digest [sha256.Size]byte) Seed {
	s.next(payloadAlgorithm, hexEmpty, digest)
	return s
}

// Trailer returns the seed whose Signature is that of the trailing fields with the given SHA-256.
func (s Seed) Trailer(digest [sha256.Size]byte) Seed {
	s.next(trailerAlgorithm, "", digest)
	return s
}
