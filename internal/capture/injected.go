package capture

import (
	"bytes"

	"github.com/neureaux/cloudmock/internal/awsapi"
	"github.com/neureaux/cloudmock/pkg/entry"
)

// redactable are the members of an entry in which the redactor replaces secrets.
var redactable = [...]entry.Field{
	entry.FieldPath, entry.FieldQuery, entry.FieldError, entry.FieldRedacted,
	entry.FieldRequestHeaders, entry.FieldRequestBody, entry.FieldRequestBodyEncoding,
	entry.FieldRequestBodySize, entry.FieldRequestBodySHA256, entry.FieldRequestBodyTruncated,
	entry.FieldResponseHeaders, entry.FieldResponseBody, entry.FieldResponseBodyEncoding,
	entry.FieldResponseBodySize, entry.FieldResponseBodySHA256, entry.FieldResponseBodyTruncated,
}

// Redact replaces the secrets of an entry that someone else has made, as those of
// an exchange. Every other member stays as it is, in its place.
func (r *Recorder) Redact(o *entry.Object) error {
	e, err := o.Decode()
	if err != nil {
		return err
	}
	call, err := awsapi.IdentifyEntry(o)
	if err != nil {
		return err
	}
	r.redactor.redact(e, &call)
	var clean entry.Object
	if err := clean.Parse(e.AppendJSON(nil)); err != nil {
		return err
	}
	for _, f := range redactable {
		switch v := clean.Get(f); {
		case v == nil && o.Has(f) && f != entry.FieldRequestHeaders && f != entry.FieldResponseHeaders: // the body was left out
			o.Delete(f)
		case v != nil && !bytes.Equal(v, o.Get(f)):
			o.Set(f, v)
		}
	}
	return nil
}
