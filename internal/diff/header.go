package diff

import (
	"bytes"
	"hash/crc32"

	"github.com/neureaux/cloudmock/internal/awsapi"
	"github.com/neureaux/cloudmock/internal/body"
	"github.com/neureaux/cloudmock/internal/value"
	"github.com/neureaux/cloudmock/pkg/entry"
)

const (
	entryTimestamp = entry.FieldTimestamp
	entryRewrites  = entry.FieldRewrites
)

// acted reports whether SDKs act on a response header of this name, so that it
// is compared without being asked for. name is in lower case.
func acted(name []byte) bool {
	switch string(name) {
	case "content-type", "etag", "location", "content-range", "last-modified", "content-encoding", "content-language",
		"content-disposition", "cache-control", "expires", "retry-after",
		"x-amz-version-id", "x-amz-delete-marker", "x-amz-expiration", "x-amz-restore", "x-amz-storage-class", "x-amz-mp-parts-count",
		"x-amz-tagging-count", "x-amz-missing-meta", "x-amz-website-redirect-location", "x-amz-replication-status", "x-amz-archive-status",
		"x-amz-copy-source-version-id", "x-amz-bucket-region", "x-amz-abort-date", "x-amz-abort-rule-id", "x-amz-request-charged",
		"x-amzn-errortype", "x-amzn-query-error", "x-amz-function-error", "x-amz-executed-version", "x-amzn-actiontype":
		return true
	}
	for _, p := range []string{"x-amz-meta-", "x-amz-checksum-", "x-amz-server-side-encryption", "x-amz-object-lock-"} {
		if bytes.HasPrefix(name, []byte(p)) {
			return true
		}
	}
	return false
}

// hopByHop reports whether a header is about the connection or the message's
// framing, not about the answer.
func hopByHop(name []byte) bool {
	switch string(name) {
	case "connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "proxy-authenticate", "proxy-authorization", "content-length", "server", "via", "alt-svc":
		return true
	}
	return false
}

// compareHeaders compares what SDKs act on, and with Options.Headers the rest.
func (j *job) compareHeaders(sameBody bool) {
	var buf [64]byte
	for i := range j.a.headers {
		h := &j.a.headers[i]
		name := lower(buf[:0], h.name)
		if !j.wantHeader(name) {
			continue
		}
		j.compareHeader(h.name, name, h.value, j.b.header(string(name)), sameBody)
	}
	for i := range j.b.headers {
		h := &j.b.headers[i]
		name := lower(buf[:0], h.name)
		if j.wantHeader(name) && j.a.header(string(name)) == nil {
			j.compareHeader(h.name, name, nil, h.value, sameBody)
		}
	}
	j.compareCRC()
}

func (j *job) wantHeader(name []byte) bool {
	if string(name) == "content-length" {
		// Of the answer to HEAD it is the size of the object.
		return string(j.line.Get(entry.FieldMethod)) == `"HEAD"` && j.a.status < 300
	}
	if string(name) == "etag" && !j.d.opt.Headers && !j.hasETag() {
		return false
	}
	return acted(name) || j.d.opt.Headers && !hopByHop(name)
}

// hasETag reports whether the operation answers with an ETag, as far as the
// model knows. Web frameworks, and so the emulators made with them, put a digest
// of the body there of their own accord.
func (j *job) hasETag() bool {
	j.identify()
	op := j.call.Operation()
	if op == nil {
		return true
	}
	_, ok := op.Output(j.call.Protocol).Header("ETag")
	return ok
}

func lower(dst, s []byte) []byte {
	for _, c := range s {
		if c-'A' < 26 {
			c |= 0x20
		}
		dst = append(dst, c)
	}
	return dst
}

// compareHeader compares one header; nil is the absence of it.
func (j *job) compareHeader(shown, name, a, b []byte, sameBody bool) {
	if a != nil && b != nil && bytes.Equal(a, b) {
		return
	}
	if value.RoleOf(name) == value.Ignored && !j.d.opt.Exact {
		return
	}
	p := place{pair: -1, header: "headers." + string(shown), a: body.None, b: body.None}
	if a == nil || b == nil {
		if string(name) == "content-type" && (len(j.a.body.Data) == 0 && len(j.b.body.Data) == 0) && !sameBody {
			return
		}
		if string(name) == "content-type" && j.bodyless() {
			return // a type of nothing
		}
		j.add(event{place: p, kind: KindHeader, a: a, b: b})
		return
	}
	switch string(name) {
	case "content-type":
		if sameMedia(a, b) && !j.payload() {
			return
		}
	case "x-amzn-errortype":
		if bytes.Equal(cutCode(a), cutCode(b)) {
			return
		}
		j.add(event{place: p, kind: KindErrorCode, a: a, b: b})
		return
	}
	mark := len(j.events)
	j.values(p, name, body.String, a, b)
	for i := mark; i < len(j.events); i++ {
		if e := &j.events[i]; e.kind == KindValue {
			e.kind = KindHeader
		}
	}
}

// bodyless reports whether neither answer has a body.
func (j *job) bodyless() bool {
	return !j.line.Has(entry.FieldResponseBody) && !j.replay.Has(entry.FieldResponseBody)
}

// sameMedia compares content types without parameters; XML goes by two names
// (RFC 7303).
func sameMedia(a, b []byte) bool {
	cut := func(s []byte) []byte {
		if i := bytes.IndexByte(s, ';'); i >= 0 {
			s = s[:i]
		}
		s = bytes.TrimSpace(s)
		if bytes.EqualFold(s, []byte("text/xml")) {
			return []byte("application/xml")
		}
		return s
	}
	return bytes.EqualFold(cut(a), cut(b))
}

// payload reports whether the body is the user's own bytes: an S3 object, say.
func (j *job) payload() bool {
	if j.a.status >= 300 {
		return false
	}
	j.identify()
	if j.service == "s3" {
		return j.action == "GetObject" || j.action == "HeadObject"
	}
	if op := j.call.Operation(); op != nil {
		s := op.ResponseBody(j.call.Protocol)
		return s.Kind() == awsapi.Blob && s.Streaming()
	}
	return false
}

// compareCRC checks DynamoDB's checksum of the whole body: SDKs refuse an
// answer whose checksum is wrong, and do without where there is none.
func (j *job) compareCRC() {
	b := j.b.header("x-amz-crc32")
	if b == nil || j.d.opt.Headers || len(j.b.body.Data) == 0 || j.b.header("content-encoding") != nil {
		return
	}
	want := appendInt(nil, int(crc32.ChecksumIEEE(j.b.body.Data)))
	if bytes.Equal(b, want) {
		return
	}
	a := j.a.header("x-amz-crc32")
	if bytes.Equal(a, b) {
		return // both bodies cannot have it: the bodies were edited since
	}
	if !bytes.Equal(a, appendInt(nil, int(crc32.ChecksumIEEE(j.a.body.Data)))) {
		return // the recording's does not fit either: the body was redacted
	}
	j.add(event{place: place{pair: -1, header: "headers.x-amz-crc32"}, kind: KindHeader, a: a, b: b})
}
