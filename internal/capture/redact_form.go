package capture

import (
	"bytes"
	"encoding/base64"
	"mime"
	"strings"
)

// formBoundary returns the boundary of a multipart form, as browsers send to S3.
func formBoundary(contentType string) (string, bool) {
	if len(contentType) < len("multipart/") || !strings.EqualFold(contentType[:len("multipart/")], "multipart/") {
		return "", false
	}
	_, params, err := mime.ParseMediaType(contentType)
	return params["boundary"], err == nil && params["boundary"] != ""
}

// multipart replaces the secrets in the fields of a form; everything else stays
// as it came. It reports false if the body is no such form.
func (r *redactor) multipart(data []byte, boundary string, d *document) ([]byte, bool) {
	mark := []byte("--" + boundary)
	if !bytes.HasPrefix(data, mark) && !bytes.Contains(data, append([]byte("\r\n"), mark...)) {
		return nil, false
	}
	out := make([]byte, 0, len(data))
	for part, rest := []byte(nil), data; ; {
		i := bytes.Index(rest, mark)
		if i < 0 {
			return append(out, rest...), true
		}
		part, rest = rest[:i], rest[i:]
		out = append(append(out, r.formField(part, d)...), mark...)
		rest = rest[len(mark):]
	}
}

// formField returns what stands for one field: its head, its value and the line
// break before the next boundary.
func (r *redactor) formField(part []byte, d *document) []byte {
	head, value, ok := bytes.Cut(part, []byte("\r\n\r\n"))
	if !ok {
		return part
	}
	value, lineBreak := bytes.CutSuffix(value, []byte("\r\n"))
	name := ""
	for line := range strings.SplitSeq(string(head), "\r\n") {
		key, v, _ := strings.Cut(line, ":")
		if strings.EqualFold(key, "Content-Disposition") {
			if _, params, err := mime.ParseMediaType(v); err == nil {
				name = params["name"]
			}
		}
	}
	clean := r.formValue(name, string(value), d)
	if clean == string(value) {
		return part
	}
	out := append(append(bytes.Clone(head), "\r\n\r\n"...), clean...)
	if lineBreak {
		out = append(out, "\r\n"...)
	}
	return out
}

func (r *redactor) formValue(name, value string, d *document) string {
	switch strings.ToLower(name) {
	case "x-amz-signature", "signature":
		return redacted
	case "x-amz-credential":
		return r.credential(value)
	case "x-amz-security-token", "awsaccesskeyid":
		return r.names.cached(value)
	case "policy":
		raw, err := base64.StdEncoding.DecodeString(value)
		if err != nil {
			return r.names.text(value)
		}
		clean := r.freeText(policyCondition().ReplaceAllStringFunc(string(raw), func(m string) string {
			i := strings.LastIndexByte(strings.TrimSuffix(m, `"`), '"') + 1
			return m[:i] + r.credential(m[i:len(m)-1]) + `"`
		}))
		if clean == string(raw) {
			return value
		}
		return base64.StdEncoding.EncodeToString([]byte(clean))
	}
	if d.all || secretName(name, true) {
		return r.names.text(value)
	}
	return r.freeText(value)
}

// policyCondition matches {"x-amz-credential":"…"} and ["eq","$x-amz-credential","…"].
var policyCondition = lazily(`(?i)"\$?(?:x-amz-credential|x-amz-security-token|x-amz-signature)"\s*[,:]\s*"[^"]*"`)

// credential replaces the key id in what X-Amz-Credential holds, its slashes
// escaped or not.
func (r *redactor) credential(value string) string {
	n := strings.IndexAny(value, "/%")
	if n < 0 {
		return r.names.cached(value)
	}
	return r.names.cached(value[:n]) + value[n:]
}
