package capture

import (
	"bytes"
	"io"
	"strconv"
	"strings"
	"unicode/utf16"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"

	"github.com/neureaux/cloudmock/pkg/entry"
)

// maxDecoded bounds what a compressed body may grow to.
const maxDecoded = 64 << 20

// A coding is a layer around a body that has to be put back.
type coding struct {
	name   string // gzip, deflate, zstd or aws-chunked
	chunks []chunk
	tail   []byte // aws-chunked: what follows the last chunk's data
}

// chunked reports whether a request's body is in S3's own chunks. The digest
// tells; not all clients name the content coding.
func chunked(h entry.Header) bool {
	return strings.HasPrefix(h.Get("X-Amz-Content-Sha256"), "STREAMING-") &&
		!strings.HasSuffix(h.Get("X-Amz-Content-Sha256"), "-EVENTS")
}

// decode takes the layers off a body, the outermost first. It reports false if
// one cannot be taken off. Compression that no header names is found, too.
func decode(data []byte, contentEncoding string, chunked bool) (_ []byte, codings []coding, ok bool) {
	names := strings.Split(contentEncoding, ",")
	for i := len(names) - 1; i >= 0; i-- {
		name := strings.ToLower(strings.TrimSpace(names[i]))
		c := coding{name: strings.TrimPrefix(name, "x-")}
		switch c.name {
		case "", "identity":
			continue
		case "aws-chunked":
			chunked = false
			if !bytes.Contains(data[:min(len(data), 20)], []byte{'\n'}) {
				continue // another program has recorded the decoded body
			}
			if data, c.chunks, c.tail, ok = unchunk(data); !ok {
				return nil, nil, false
			}
		default:
			if data, ok = decompress(c.name, data); !ok {
				return nil, nil, false
			}
		}
		codings = append(codings, c)
	}
	if chunked {
		if inner, chunks, tail, ok := unchunk(data); ok {
			data, codings = inner, append(codings, coding{name: "aws-chunked", chunks: chunks, tail: tail})
		}
	}
	for range 2 {
		name := ""
		switch {
		case bytes.HasPrefix(data, []byte{0x1f, 0x8b, 8}):
			name = "gzip"
		case bytes.HasPrefix(data, []byte{0x28, 0xb5, 0x2f, 0xfd}):
			name = "zstd"
		default:
			return data, codings, true
		}
		inner, ok := decompress(name, data)
		if !ok {
			return data, codings, true // it only begins like that
		}
		data, codings = inner, append(codings, coding{name: name})
	}
	return data, codings, true
}

func decompress(name string, data []byte) ([]byte, bool) {
	var r io.Reader
	var err error
	switch name {
	case "gzip":
		r, err = gzip.NewReader(bytes.NewReader(data))
	case "deflate":
		r, err = zlib.NewReader(bytes.NewReader(data))
	case "zstd":
		var z *zstd.Decoder
		z, err = zstd.NewReader(bytes.NewReader(data), zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxDecoded))
		if err == nil {
			defer z.Close()
		}
		r = z
	default:
		return nil, false
	}
	if err != nil {
		return nil, false
	}
	out, err := io.ReadAll(io.LimitReader(r, maxDecoded+1))
	return out, err == nil && len(out) <= maxDecoded
}

// encode puts the layers back on.
func encode(data []byte, codings []coding) ([]byte, bool) {
	for i := len(codings) - 1; i >= 0; i-- {
		var b bytes.Buffer
		var w io.WriteCloser
		var err error
		switch c := codings[i]; c.name {
		case "gzip":
			w = gzip.NewWriter(&b)
		case "deflate":
			w = zlib.NewWriter(&b)
		case "zstd":
			w, err = zstd.NewWriter(&b, zstd.WithEncoderConcurrency(1))
		case "aws-chunked":
			data = rechunk(data, c.chunks, c.tail)
			continue
		}
		if err != nil {
			return nil, false
		}
		if _, err := w.Write(data); err != nil {
			return nil, false
		}
		if err := w.Close(); err != nil {
			return nil, false
		}
		data = b.Bytes()
	}
	return data, true
}

// A chunk is one of S3's chunks: its head line after the size, and its size.
type chunk struct {
	extension string
	size      int
}

// unchunk takes off aws-chunked framing.
func unchunk(framed []byte) (data []byte, chunks []chunk, tail []byte, ok bool) {
	data = make([]byte, 0, len(framed))
	for {
		line, rest, found := bytes.Cut(framed, []byte("\r\n"))
		if !found {
			return nil, nil, nil, false
		}
		hex, extension, _ := strings.Cut(string(line), ";")
		size, err := strconv.ParseUint(hex, 16, 31)
		if err != nil {
			return nil, nil, nil, false
		}
		if extension != "" {
			extension = ";" + extension
		}
		chunks = append(chunks, chunk{extension, int(size)})
		if size == 0 {
			return data, chunks, rest, true
		}
		if len(rest) < int(size)+2 || string(rest[size:size+2]) != "\r\n" {
			return nil, nil, nil, false
		}
		data = append(data, rest[:size]...)
		framed = rest[size+2:]
	}
}

// wipeSignatures overwrites the signatures of aws-chunked framing with zeros.
func wipeSignatures(framed []byte) {
	for len(framed) > 0 {
		line, rest, _ := bytes.Cut(framed, []byte("\r\n"))
		head, signature, ok := bytes.Cut(line, []byte(";chunk-signature="))
		if !ok {
			head, signature, ok = bytes.Cut(line, []byte("x-amz-trailer-signature:"))
		}
		if ok {
			for i := range signature {
				signature[i] = '0'
			}
		}
		framed = rest
		if size, err := strconv.ParseUint(string(head), 16, 31); err == nil && size > 0 {
			framed = framed[min(len(framed), int(size)+2):]
		}
	}
}

// rechunk puts data in chunks of the old sizes; the last takes what is more.
// Checksums in the trailer are those of another content.
func rechunk(data []byte, chunks []chunk, tail []byte) []byte {
	var b []byte
	for i, c := range chunks {
		n := min(c.size, len(data))
		if i == len(chunks)-2 {
			n = len(data)
		}
		if n == 0 && i < len(chunks)-1 {
			continue
		}
		b = strconv.AppendInt(b, int64(n), 16)
		b = append(append(b, c.extension...), "\r\n"...)
		if n > 0 {
			b = append(append(b, data[:n]...), "\r\n"...)
			data = data[n:]
		}
	}
	for line := range bytes.Lines(tail) {
		name, _, ok := bytes.Cut(line, []byte(":"))
		if ok && bytes.HasPrefix(bytes.ToLower(name), []byte("x-amz-checksum-")) {
			line = append(append(bytes.Clone(name), ':'), redacted+"\r\n"...)
		}
		b = append(b, line...)
	}
	return b
}

// hasUTF16 reports whether data looks like UTF-16 text.
func hasUTF16(data []byte) bool {
	if len(data) < 4 || len(data)%2 != 0 {
		return false
	}
	return data[0] == 0xff && data[1] == 0xfe || data[0] == 0xfe && data[1] == 0xff
}

func fromUTF16(data []byte) string {
	units := make([]uint16, 0, len(data)/2)
	for i := 0; i+1 < len(data); i += 2 {
		if data[0] == 0xfe {
			units = append(units, uint16(data[i])<<8|uint16(data[i+1]))
		} else {
			units = append(units, uint16(data[i+1])<<8|uint16(data[i]))
		}
	}
	return string(utf16.Decode(units))
}
