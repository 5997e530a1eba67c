package proxy

import (
	"bytes"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/neureaux/cloudmock/internal/sign"
)

// An upload to S3 by a form is signed by its policy, a field of the form (S3 API reference, "POST policy"). Nothing of the policy
// names the host, so a form goes on as it came, unless the key that signed it is one that nothing but this recorder knows: then it gets
// the signature of the credentials behind that key. Only the fields before the file count, and only they are read.

// maxForm is the most that stands before the file; S3 allows 20 KiB.
const maxForm = 64 << 10

// A form is what the start of a body was, and what goes out in its place.
type form struct {
	size int // bytes of the start as it came
	data []byte
}

// uploadForm reports whether the request may be an upload by a form: no other call of AWS has this type.
func (c *call) uploadForm() bool {
	return c.in.Method == http.MethodPost && strings.HasPrefix(strings.ToLower(c.in.Get("Content-Type")), "multipart/form-data")
}

// verifyForm verifies the policy of a form whose key stands for other credentials, and signs it with those.
func (c *call) verifyForm() *failure {
	p := c.p
	_, params, err := mime.ParseMediaType(c.in.Get("Content-Type"))
	if err != nil || params["boundary"] == "" {
		return nil
	}
	start := make([]byte, maxForm)
	n, _ := io.ReadFull(c.r.Body, start) // what is wrong with the body is found when it is sent
	start = start[:n]
	c.r.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(start), c.r.Body), c.r.Body}
	f := formFields{boundary: params["boundary"]}
	if !f.parse(start) || f.value("policy") == "" {
		return nil
	}
	c.claim.Service, c.claim.Region = "s3", c.hostRegion()
	id, scope, _ := strings.Cut(f.value("x-amz-credential"), "/")
	old := id == ""
	if old {
		id = f.value("AWSAccessKeyId")
		date := p.o.Now().UTC().Format("20060102T150405Z")
		f.set("x-amz-algorithm", "AWS4-HMAC-SHA256")
		f.set("x-amz-date", date)
		scope = date[:8] + "/" + c.claim.Region + "/s3/aws4_request"
	} else if parts := strings.Split(scope, "/"); len(parts) == 4 {
		c.claim.Region = parts[1]
	}
	key, err := p.o.Keyring.Lookup(c.r.Context(), id, p.o.Now())
	if err != nil || key.As == nil {
		return nil // whose key it is will know
	}
	c.claim.KeyID = id
	policy := f.value("policy")
	want, got := "", f.value("x-amz-signature")
	if old {
		want, got = sign.PolicyV2(policy, key.Credentials), f.value("signature")
	} else if want, err = p.signer.Policy(policy, scope, key.Credentials); err != nil {
		return denied("InvalidRequest", err.Error())
	}
	if subtle.ConstantTimeCompare([]byte(want), []byte(got)) == 0 {
		return c.mismatch()
	}
	creds, err := key.Outbound(c.r.Context())
	if err != nil {
		return &failure{status: http.StatusForbidden, code: "ExpiredToken", message: err.Error()}
	}
	f.remove("AWSAccessKeyId")
	f.remove("signature")
	f.remove("x-amz-security-token")
	f.set("x-amz-credential", creds.KeyID+"/"+scope)
	if creds.Token != "" {
		f.set("x-amz-security-token", creds.Token)
	}
	if policy, err = f.renewPolicy(policy); err != nil {
		return denied("InvalidPolicyDocument", "the policy of the form: "+err.Error())
	}
	signature, err := p.signer.Policy(policy, scope, creds)
	if err != nil {
		return denied("InvalidRequest", err.Error())
	}
	f.set("policy", policy)
	f.set("x-amz-signature", signature)
	c.form = &form{size: n, data: f.append(nil)}
	return nil
}

// formFields are the fields of a form up to its file.
type formFields struct {
	boundary string
	fields   []formField
	rest     []byte // from the delimiter before the file, or at the end
}

type formField struct {
	head  []byte // delimiter and header, with the empty line
	name  string
	value []byte
}

// parse takes the start of a form apart; false if it is none.
func (f *formFields) parse(b []byte) bool {
	mark := []byte("\r\n--" + f.boundary)
	if !bytes.HasPrefix(b, mark[2:]) {
		return false
	}
	b = append([]byte("\r\n"), b...) // each delimiter is alike then
	for {
		head, _, ok := bytes.Cut(b, []byte("\r\n\r\n"))
		if bytes.HasPrefix(b[len(mark):], []byte("--")) {
			f.rest = b
			return true
		}
		if !ok {
			return false
		}
		name, file := disposition(string(head[len(mark):]))
		if file {
			f.rest = b
			return true
		}
		value := b[len(head)+4:]
		end := bytes.Index(value, mark)
		if end < 0 {
			return false
		}
		f.fields = append(f.fields, formField{head: b[:len(head)+4], name: name, value: value[:end]})
		b = value[end:]
	}
}

// disposition returns the name of a part, and whether it is the file.
func disposition(header string) (name string, file bool) {
	for line := range strings.SplitSeq(header, "\r\n") {
		key, v, _ := strings.Cut(line, ":")
		if !strings.EqualFold(strings.TrimSpace(key), "Content-Disposition") {
			continue
		}
		_, params, err := mime.ParseMediaType(v)
		if err != nil {
			return "", true // nothing behind it is touched
		}
		_, file = params["filename"]
		return params["name"], file || strings.EqualFold(params["name"], "file")
	}
	return "", true
}

func (f *formFields) find(name string) int {
	for i := range f.fields {
		if strings.EqualFold(f.fields[i].name, name) {
			return i
		}
	}
	return -1
}

func (f *formFields) value(name string) string {
	if i := f.find(name); i >= 0 {
		return string(f.fields[i].value)
	}
	return ""
}

func (f *formFields) set(name, value string) {
	if i := f.find(name); i >= 0 {
		f.fields[i].value = []byte(value)
		return
	}
	head := "\r\n--" + f.boundary + "\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n"
	f.fields = append(f.fields, formField{head: []byte(head), name: name, value: []byte(value)})
}

func (f *formFields) remove(name string) {
	if i := f.find(name); i >= 0 {
		f.fields = append(f.fields[:i], f.fields[i+1:]...)
	}
}

func (f *formFields) append(b []byte) []byte {
	for _, field := range f.fields {
		b = append(append(b, field.head...), field.value...)
	}
	return append(b, f.rest...)[len("\r\n"):]
}

// renewPolicy puts the conditions for the new fields of the signature in the place of the old ones. Until when the policy
// is valid, and for what, stays.
func (f *formFields) renewPolicy(encoded string) (string, error) {
	text, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return "", err
	}
	var policy map[string]any
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&policy); err != nil {
		return "", err
	}
	ours := []string{"x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-security-token"}
	var kept []any
	old, _ := policy["conditions"].([]any)
	for _, condition := range old {
		name := ""
		switch condition := condition.(type) {
		case map[string]any:
			for name = range condition {
			}
		case []any:
			if len(condition) == 3 {
				name, _ = condition[1].(string)
			}
		}
		name = strings.ToLower(strings.TrimPrefix(name, "$"))
		if !slices.Contains(ours, name) {
			kept = append(kept, condition)
		}
	}
	for _, name := range ours {
		if v := f.value(name); v != "" {
			kept = append(kept, map[string]any{name: v})
		}
	}
	policy["conditions"] = kept
	if text, err = json.Marshal(policy); err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(text), nil
}
