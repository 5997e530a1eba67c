package replay

import (
	"bytes"
	"io"
	"strconv"
	"strings"

	"github.com/neureaux/cloudmock/internal/sign"
)

// frames is an aws-chunked body taken apart.
type frames struct {
	payload []byte
	size    int // of the first chunk, which the others follow
	trailer []sign.Field
}

// readFrames takes the body of a request apart; signatures in it are those of
// the recording and mean nothing here.
func readFrames(r *request) (*frames, error) {
	length, err := sign.DecodedLength(r.Get("X-Amz-Decoded-Content-Length"))
	if err != nil {
		return nil, err
	}
	_, _, trailer := sign.Streaming(r.Get("X-Amz-Content-Sha256"))
	cr := sign.NewChunkReader(bytes.NewReader(r.body), nil, sign.ChunkOptions{Length: length, Trailer: trailer})
	payload, err := io.ReadAll(cr)
	if err != nil {
		return nil, err
	}
	f := &frames{payload: payload, trailer: cr.Trailer()}
	digits := r.body[:bytes.IndexAny(r.body, ";\r")]
	if n, err := strconv.ParseInt(string(digits), 16, 32); err == nil {
		f.size = int(n)
	}
	return f, nil
}

// replace frames another payload the same way. Signatures are left out: the
// signer adds them.
func (f *frames) replace(r *request, payload []byte) {
	f.payload = payload
	for i := range f.trailer {
		if algorithm, ok := checksumHeader(f.trailer[i].Name); ok {
			if sum := digestOf(algorithm, payload); sum != "" {
				f.trailer[i].Value = sum
			}
		}
	}
	for i := range r.Header {
		if strings.EqualFold(r.Header[i].Name, "X-Amz-Decoded-Content-Length") {
			r.Header[i].Value = strconv.Itoa(len(payload))
		}
	}
	r.body = sign.AppendChunks(nil, payload, f.size, f.trailer, r.trailing(), nil)
}

// trailing reports that the body's variant ends with trailing fields.
func (r *request) trailing() bool {
	_, _, trailer := sign.Streaming(r.Get("X-Amz-Content-Sha256"))
	return trailer
}
