package replay

import (
	"encoding/hex"
	"fmt"
	"io"
	"os"
)

// A storedBody is a request body too large for its entry. The recorder keeps
// it, when asked to, in a file named by its SHA-256.
type storedBody struct {
	digest string // of the file, in lower-case hex
	size   int64
	file   *os.File // while it is sent

	// Of a form the fields may go out otherwise than they are in the file:
	skip int64  // bytes of the file that do not go out,
	lead []byte // but these in their place
}

// length is the size of the body as it goes out.
func (r *request) length() int64 {
	if r.stored.size > 0 {
		return r.stored.size - r.stored.skip + int64(len(r.stored.lead))
	}
	return int64(len(r.body))
}

// open finds the file of a stored body in the recorder's folder. A name out of
// an entry can be nothing but a digest.
func (b *storedBody) open(dir *os.Root) error {
	if b.size == 0 && b.digest == "" {
		return nil
	}
	if raw, err := hex.DecodeString(b.digest); dir == nil || err != nil || len(raw) != 32 {
		return refuse("the recording does not hold the request's body of %s; cm-record --body-dir keeps such bodies, --body-dir finds them", plural(b.size, "byte", "bytes"))
	}
	f, err := dir.Open(b.digest)
	if err != nil {
		return refuse("%v", err)
	}
	if info, err := f.Stat(); err != nil || info.Size() != b.size {
		_ = f.Close() // only read
		return refuse("the file of body %s has not the recorded %s", b.digest, plural(b.size, "byte", "bytes"))
	}
	b.file = f
	return nil
}

func (b *storedBody) close() {
	if b.file != nil {
		_ = b.file.Close() // only read
		b.file = nil
	}
}

// writeTo sends the body from its start.
func (b *storedBody) writeTo(w io.Writer) (int64, error) {
	if _, err := b.file.Seek(b.skip, io.SeekStart); err != nil {
		return 0, err
	}
	if len(b.lead) > 0 {
		if n, err := w.Write(b.lead); err != nil {
			return int64(n), err
		}
	}
	n, err := io.CopyN(w, b.file, b.size-b.skip)
	n += int64(len(b.lead))
	if err == io.EOF {
		err = fmt.Errorf("the file of body %s became shorter", b.digest)
	}
	return n, err
}
