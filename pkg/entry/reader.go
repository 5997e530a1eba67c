package entry

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// DefaultMaxLine is the longest line, or element of an array, that a Reader
// accepts, in bytes, unless it is told otherwise.
const DefaultMaxLine = 512 << 20

// A Line is one entry as it was read, and where it stood.
type Line struct {
	Object
	// Name is the input's name, Number the line it starts on, counted from 1.
	Name   string
	Number int
}

// errNoEntry is for JSON objects that are something else, as in HAR files.
var errNoEntry = errors.New("not an entry: an object with none of id, method, path and status_code")

func (l *Line) isEntry() bool {
	return l.Has(FieldMethod) || l.Has(FieldPath) || l.Has(FieldStatusCode) || l.Has(FieldID)
}

// Errorf returns a *LineError about this line.
func (l *Line) Errorf(format string, args ...any) error {
	return &LineError{Name: l.Name, Number: l.Number, Err: fmt.Errorf(format, args...)}
}

// A LineError says what is wrong with one line of the input. Reading may go on
// behind it.
type LineError struct {
	Name   string
	Number int // line, from 1
	Entry  int // element of the array, from 1, where the input is one array
	Err    error
}

func (e *LineError) Error() string {
	if e.Entry > 0 {
		return fmt.Sprintf("%s:%d: entry %d: %v", e.Name, e.Number, e.Entry, e.Err)
	}
	return fmt.Sprintf("%s:%d: %v", e.Name, e.Number, e.Err)
}

func (e *LineError) Unwrap() error { return e.Err }

// A Reader reads entries from a stream of NDJSON, a JSON array, or a
// Recording, plain or compressed with gzip or zstd; it finds out which from the
// content. Set its fields before the first read.
type Reader struct {
	// MaxLine is the longest entry accepted, in bytes; 0 means DefaultMaxLine.
	MaxLine int
	// BeforeRead, if set, is called before each read from the input, which may
	// block: the moment to flush what was written.
	BeforeRead func() error

	src   io.Reader
	br    *bufio.Reader
	name  string
	state func(*Reader) (*Line, error)
	line  Line
	buf   []byte // an entry that does not lie in br's buffer as one piece

	number  int // lines begun so far
	element int // array elements begun so far
	head    *Recording
	close   func()
}

// NewReader returns a Reader of r. The name stands in errors.
func NewReader(r io.Reader, name string) *Reader {
	return &Reader{src: r, name: name, number: 1, state: (*Reader).start}
}

// Next returns the next entry, valid until the next call. A *LineError concerns
// one entry, and Next may be called again; after any other error, and after
// io.EOF at the end of the input, it may not.
func (r *Reader) Next() (*Line, error) {
	l, err := r.state(r)
	if err != nil && r.close != nil {
		if _, ok := errors.AsType[*LineError](err); !ok {
			r.close()
			r.close = nil
		}
	}
	return l, err
}

// All returns the entries in order. A *LineError concerns one line and reading
// may go on; any other error ends the sequence. It is a single-use iterator,
// and an entry is valid until the next one is asked for.
func (r *Reader) All() iter.Seq2[*Line, error] {
	return func(yield func(*Line, error) bool) {
		for {
			l, err := r.Next()
			if err == io.EOF {
				return
			}
			_, bad := errors.AsType[*LineError](err)
			if !yield(l, err) || err != nil && !bad {
				return
			}
		}
	}
}

// Recording returns what a Recording says of itself, as far as it was read;
// nil when the input is a plain stream or array. It is whole at the end.
func (r *Reader) Recording() *Recording { return r.head }

func (r *Reader) maxLine() int {
	if r.MaxLine > 0 {
		return r.MaxLine
	}
	return DefaultMaxLine
}

// input calls BeforeRead before each read of the source.
type input struct{ r *Reader }

func (in input) Read(p []byte) (int, error) {
	if in.r.BeforeRead != nil {
		if err := in.r.BeforeRead(); err != nil {
			return 0, err
		}
	}
	return in.r.src.Read(p)
}

var (
	magicGzip = []byte{0x1f, 0x8b}
	magicZstd = []byte{0x28, 0xb5, 0x2f, 0xfd}
	bomUTF8   = []byte{0xef, 0xbb, 0xbf}
)

// others are the beginnings of files that only another program reads.
var others = []struct{ begins, is string }{
	{"interactions:", "YAML: cm-convert --from vcr reads VCR cassettes"},
	{"http_interactions:", "YAML: cm-convert --from vcr reads VCR cassettes"},
	{"---\n", "YAML: cm-convert --from vcr reads VCR cassettes"},
	{"\xfd7zXZ\x00", "xz: unpack it first (xz -dc FILE | …)"},
	{"BZh", "bzip2: unpack it first (bzip2 -dc FILE | …)"},
	{"PK\x03\x04", "a zip archive: unpack it first (unzip -p FILE | …)"},
}

const bufferSize = 64 << 10

// Decompress returns what r holds, out of gzip or zstd, and without a byte order
// mark. The name stands in errors.
func Decompress(r io.Reader, name string) (io.Reader, error) {
	in := NewReader(r, name)
	if err := in.open(); err != nil {
		return nil, err
	}
	return in.br, nil
}

// open finds the text in the input.
func (r *Reader) open() error {
	r.br = bufio.NewReaderSize(input{r}, bufferSize)
	for range 2 { // a compressed file in a compressed file is still readable
		if r.startsWith(magicGzip) {
			z, err := gzip.NewReader(r.br)
			if err != nil {
				return fmt.Errorf("%s: gzip: %w", r.name, err)
			}
			r.br = bufio.NewReaderSize(named{z, r.name + ": gzip"}, bufferSize)
		} else if r.startsWith(magicZstd) {
			z, err := zstd.NewReader(r.br, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(128<<20))
			if err != nil {
				return fmt.Errorf("%s: zstd: %w", r.name, err)
			}
			r.close = z.Close
			r.br = bufio.NewReaderSize(named{z, r.name + ": zstd"}, bufferSize)
		}
	}
	if r.startsWith(bomUTF8) {
		r.br.Discard(len(bomUTF8)) // it is buffered, so this does not fail
	} else if r.startsWith([]byte{0xff, 0xfe}) || r.startsWith([]byte{0xfe, 0xff}) {
		return r.stop(errors.New("UTF-16 text: entries are UTF-8"))
	}
	return nil
}

// start looks at the first bytes and chooses how to go on.
func (r *Reader) start() (*Line, error) {
	if err := r.open(); err != nil {
		return nil, err
	}
	c, err := r.skipSpace()
	if err != nil {
		return nil, err
	}
	switch c {
	case '[':
		r.br.Discard(1)
		return r.enterArray()
	case '{':
		return r.first()
	}
	for _, o := range others {
		if r.startsWith([]byte(o.begins)) {
			return nil, r.stop(errors.New("not entries but " + o.is))
		}
	}
	r.state = (*Reader).nextLine
	return r.nextLine()
}

// named adds the name of the decompressor to its errors.
type named struct {
	io.Reader
	name string
}

func (n named) Read(p []byte) (int, error) {
	k, err := n.Reader.Read(p)
	if err != nil && err != io.EOF {
		err = fmt.Errorf("%s: %w", n.name, err)
	}
	return k, err
}

func (r *Reader) startsWith(magic []byte) bool {
	for n := 1; n <= len(magic); n++ { // no more than needed: a pipe may hold but one byte yet
		if b, err := r.br.Peek(n); err != nil || b[n-1] != magic[n-1] {
			return false
		}
	}
	return true
}

// skipSpace counts lines up to the next byte that is no white space, and
// returns it unread.
func (r *Reader) skipSpace() (byte, error) {
	for {
		c, err := r.br.ReadByte()
		if err != nil {
			return 0, r.readError(err)
		}
		if !isSpace(c) {
			return c, r.br.UnreadByte()
		}
		if c == '\n' {
			r.number++
		}
	}
}

func (r *Reader) readError(err error) error {
	if err == io.EOF {
		r.state = func(*Reader) (*Line, error) { return nil, io.EOF }
		return io.EOF
	}
	err = fmt.Errorf("reading %s: %w", r.name, err)
	r.state = func(*Reader) (*Line, error) { return nil, err }
	return err
}

// nextLine is the state in which each line is an entry.
func (r *Reader) nextLine() (*Line, error) {
	for {
		b, err := r.readLine()
		if err != nil {
			return nil, err
		}
		number := r.number
		r.number++
		if len(bytes.TrimLeft(b, " \t\r\n")) == 0 {
			continue
		}
		return r.parse(b, number)
	}
}

// readLine returns the bytes up to the next newline, without it.
func (r *Reader) readLine() ([]byte, error) {
	b, err := r.br.ReadSlice('\n')
	if err == nil {
		return b[:len(b)-1], nil
	}
	r.buf = append(r.buf[:0], b...)
	for err == bufio.ErrBufferFull && len(r.buf) <= r.maxLine() {
		b, err = r.br.ReadSlice('\n')
		r.buf = append(r.buf, b...)
	}
	line := bytes.TrimSuffix(r.buf, []byte{'\n'})
	switch {
	case len(line) > r.maxLine():
		return nil, r.tooLong(err)
	case err == nil, err == io.EOF && len(line) > 0: // an unterminated last line is a line
		return line, nil
	}
	return nil, r.readError(err)
}

// tooLong skips what is left of the line, given how its last read ended.
func (r *Reader) tooLong(err error) error {
	for err == bufio.ErrBufferFull {
		_, err = r.br.ReadSlice('\n')
	}
	r.buf = nil
	e := &LineError{Name: r.name, Number: r.number, Err: fmt.Errorf("longer than %d bytes", r.maxLine())}
	r.number++
	return e
}

func (r *Reader) parse(b []byte, number int) (*Line, error) {
	r.line.Name, r.line.Number = r.name, number
	if err := r.line.Parse(b); err != nil {
		return nil, r.lineError(number, err, b)
	}
	if !r.line.isEntry() {
		return nil, r.lineError(number, errNoEntry, b)
	}
	return &r.line, nil
}

func (r *Reader) lineError(number int, err error, b []byte) error {
	if errors.Is(err, errEnd) && r.element == 0 {
		if _, peek := r.br.Peek(1); peek == io.EOF {
			err = errors.New("truncated: the input ends inside this entry")
		} else if t := bytes.TrimSpace(b); len(t) == 1 {
			err = errors.New("an entry must stand on one line: use jq -c, not jq")
		}
	}
	return &LineError{Name: r.name, Number: number, Entry: r.element, Err: err}
}
