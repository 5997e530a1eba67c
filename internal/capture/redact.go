package capture

import (
	"crypto/md5"
	"encoding/base64"
	"strings"

	"github.com/neureaux/cloudmock/internal/awsapi"
	"github.com/neureaux/cloudmock/pkg/entry"
)

// A redactor replaces the secrets of an entry. It works on the entry alone: the
// traffic has passed by when it starts.
type redactor struct {
	names           *pseudonymizer
	credentialsOnly bool // leave bodies, and what only the models call sensitive
}

// redact replaces the secrets of a finished exchange.
func (r *redactor) redact(e *entry.Entry, call *awsapi.Call) {
	var in, out awsapi.Shape
	var form awsapi.Shape
	op := call.Operation()
	if op != nil {
		in, out = op.Input(call.Protocol), op.Output(call.Protocol)
		if call.Protocol == awsapi.AWSQuery || call.Protocol == awsapi.EC2Query {
			form = in
		}
	}
	e.Query = r.query(e.Query, in, form, true)
	e.Path = r.freeText(e.Path)
	e.Error = r.freeText(e.Error)
	r.headers(e.RequestHeaders, in, true)
	r.headers(e.ResponseHeaders, out, true)
	r.encryptionKeyDigests(e)
}

// encryptionKey replaces a key that the client provides for its S3 object, so
// that what stands there is a key again.
func (r *redactor) encryptionKey(f *entry.HeaderField) {
	raw, err := base64.StdEncoding.DecodeString(f.Value)
	if err != nil || kindOf(f.Name) == headerSSEKeyMD5 {
		f.Value = r.names.cached(f.Value)
		return
	}
	f.Value = base64.StdEncoding.EncodeToString(r.names.bytes(raw))
}

// encryptionKeyDigests makes the MD5 that goes with a client's encryption key
// that of its pseudonym, in the request and in the answer: the MD5 of the key
// itself would let the key be found by trying, and one that does not fit would
// be refused in a replay.
func (r *redactor) encryptionKeyDigests(e *entry.Entry) {
	for _, f := range e.RequestHeaders {
		if kindOf(f.Name) != headerSSEKey {
			continue
		}
		raw, err := base64.StdEncoding.DecodeString(f.Value)
		if err != nil {
			continue
		}
		sum := md5.Sum(raw)
		digest := base64.StdEncoding.EncodeToString(sum[:])
		for _, h := range []entry.Header{e.RequestHeaders, e.ResponseHeaders} {
			for i := range h {
				if strings.EqualFold(h[i].Name, f.Name+"-MD5") {
					h[i].Value = digest
				}
			}
		}
	}
}
