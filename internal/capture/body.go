package capture

import (
	"crypto/sha256"
	"encoding/hex"
	"hash"

	"github.com/neureaux/cloudmock/pkg/entry"
)

// keepBuffer is the size up to which a pooled exchange keeps a buffer.
const keepBuffer = 128 << 10

// A bodyCapture takes a body as it streams by: its bytes up to a limit, beyond
// it only size and digest, and a file that holds all of it if there is a store.
type bodyCapture struct {
	data  []byte
	size  int64
	hash  hash.Hash // not nil once the body is known to be larger than the limit
	spool *spooledBody
	sum   string    // what body returned of hash
	sha   hash.Hash // hash, kept for reuse
}

// expect prepares for a body of size bytes (-1 if unknown): a large one is not
// gathered first.
func (b *bodyCapture) expect(size int64, r *Recorder) {
	switch {
	case size > r.options.MaxBody:
		b.overflow(r)
	case size > int64(cap(b.data)):
		b.data = make([]byte, 0, size)
	}
}

func (b *bodyCapture) write(p []byte, r *Recorder) {
	if len(p) == 0 {
		return
	}
	b.size += int64(len(p))
	if b.hash == nil {
		if b.size <= r.options.MaxBody {
			b.data = append(b.data, p...)
			return
		}
		b.overflow(r)
	}
	b.digest(p)
}

// overflow goes over from gathering to digesting.
func (b *bodyCapture) overflow(r *Recorder) {
	if b.sha == nil {
		b.sha = sha256.New()
	}
	b.hash = b.sha
	b.hash.Reset()
	if r.bodies != nil {
		b.spool = r.bodies.create()
	}
	b.digest(b.data)
	b.data = b.data[:0]
}

func (b *bodyCapture) digest(p []byte) {
	b.hash.Write(p)
	if b.spool != nil && !b.spool.write(p) {
		b.spool = nil
	}
}

func (b *bodyCapture) digestSoFar() [sha256.Size]byte {
	if b.hash != nil {
		return [sha256.Size]byte(b.hash.Sum(nil))
	}
	return sha256.Sum256(b.data)
}

// body returns what was captured. Its Data belongs to the capture.
func (b *bodyCapture) body() entry.Body {
	if b.hash == nil || b.size == 0 {
		return entry.Body{Data: b.data}
	}
	b.sum = hex.EncodeToString(b.hash.Sum(nil))
	return entry.Body{Size: b.size, SHA256: b.sum, Truncated: true}
}

// settle keeps the spooled file of a large body, or removes it.
func (b *bodyCapture) settle(keep bool) {
	if b.spool == nil {
		return
	}
	if keep {
		b.spool.keep(b.sum)
	} else {
		b.spool.discard()
	}
	b.spool = nil
}

// reset makes the capture ready for another body.
func (b *bodyCapture) reset() {
	b.settle(false)
	data := b.data[:0]
	if cap(data) > keepBuffer {
		data = nil
	}
	*b = bodyCapture{data: data, sha: b.sha}
}
