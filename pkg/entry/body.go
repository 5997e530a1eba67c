package entry

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// A Body is the payload of a request or response as its bytes were on the
// wire, transfer coding removed, content coding (gzip, aws-chunked) kept.
type Body struct {
	// Data is the payload; nil when there was none or when it was not kept.
	Data []byte
	// Size and SHA256 (lower-case hex) stand for a payload that was larger than
	// the limit; 0 and "" when Data is the whole payload.
	Size   int64
	SHA256 string
	// Truncated says that Data is not the whole payload.
	Truncated bool
}

// Empty reports whether nothing was sent.
func (b Body) Empty() bool { return len(b.Data) == 0 && b.Size == 0 && !b.Truncated }

type bodyFields struct{ data, encoding, size, sha256, truncated Field }

var (
	requestBody  = bodyFields{FieldRequestBody, FieldRequestBodyEncoding, FieldRequestBodySize, FieldRequestBodySHA256, FieldRequestBodyTruncated}
	responseBody = bodyFields{FieldResponseBody, FieldResponseBodyEncoding, FieldResponseBodySize, FieldResponseBodySHA256, FieldResponseBodyTruncated}
)

// Body decodes FieldRequestBody or FieldResponseBody with the fields that go
// with it. Its Data may share the object's bytes; use AppendBody for a copy.
func (o *Object) Body(f Field) (Body, error) {
	var scratch []byte
	return o.BodyInto(f, &scratch)
}

// BodyInto is Body with a buffer that is reused: Data is valid until the
// object or *scratch is used again.
func (o *Object) BodyInto(f Field, scratch *[]byte) (Body, error) {
	fields := responseBody
	if f == FieldRequestBody {
		fields = requestBody
	}
	var b Body
	data, err := o.Bytes(fields.data, scratch)
	if err != nil {
		return b, err
	}
	switch enc := o.Get(fields.encoding); {
	case enc == nil || enc[0] == 'n' || string(enc) == `""`:
		b.Data = data
	case string(enc) == `"base64"`:
		n := base64.StdEncoding.DecodedLen(len(data))
		out := make([]byte, n)
		n, err := base64.StdEncoding.Decode(out, data)
		if err != nil {
			return b, fmt.Errorf("%s: %w", fields.data, err)
		}
		b.Data = out[:n]
	default:
		return b, fmt.Errorf("%s: unknown encoding %.40s", fields.encoding, enc)
	}
	if o.pos[fields.size].end == 0 && o.pos[fields.truncated].end == 0 && o.pos[fields.sha256].end == 0 {
		return b, nil
	}
	if b.Size, err = o.Int(fields.size); err != nil {
		return b, err
	}
	b.SHA256 = o.Text(fields.sha256)
	b.Truncated, _ = o.Bool(fields.truncated)
	return b, nil
}

// append appends the body's members, each with a leading comma.
func (b Body) append(dst []byte, f bodyFields) []byte {
	if len(b.Data) > 0 {
		dst = appendName(dst, f.data)
		if utf8.Valid(b.Data) {
			dst = AppendString(dst, b.Data)
		} else {
			dst = append(dst, '"')
			dst = base64.StdEncoding.AppendEncode(dst, b.Data)
			dst = append(dst, '"')
			dst = appendName(dst, f.encoding)
			dst = append(dst, `"base64"`...)
		}
	}
	if b.Size != 0 || b.SHA256 != "" {
		dst = appendName(dst, f.size)
		dst = strconv.AppendInt(dst, b.Size, 10)
	}
	if b.SHA256 != "" {
		dst = appendName(dst, f.sha256)
		dst = AppendString(dst, b.SHA256)
	}
	if b.Truncated {
		dst = appendName(dst, f.truncated)
		dst = append(dst, "true"...)
	}
	return dst
}

func appendName(dst []byte, f Field) []byte {
	dst = append(dst, ',', '"')
	dst = append(dst, f.String()...)
	return append(dst, '"', ':')
}
