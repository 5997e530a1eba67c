package replay

import (
	"bytes"
	"encoding/base64"
	"strings"
	"time"

	"github.com/neureaux/cloudmock/internal/body"
	"github.com/neureaux/cloudmock/internal/sign"
	"github.com/neureaux/cloudmock/pkg/entry"
)

// A browser's upload to S3 is signed by its policy, a field of the form: JSON in
// base64 that says until when and under which conditions whoever holds the form may
// upload. (S3 API reference, "POST policy".) A replay extends it by as much as
// it had left, and signs it.

const policyAlgorithm = "AWS4-HMAC-SHA256"

// signForm signs the form of an upload anew. It reports false for a form that
// has no policy and so no signature.
func (w *worker) signForm(c *call, creds sign.Credentials, now time.Time) (signed bool, err error) {
	r := &c.req
	f, ok := r.parseFormData()
	if !ok {
		return false, nil
	}
	field := f.field("policy")
	if field == nil {
		return false, nil
	}
	v2 := f.field("AWSAccessKeyId") != nil && f.field("X-Amz-Signature") == nil
	if a := f.field("X-Amz-Algorithm"); a != nil && string(a.value) != policyAlgorithm {
		return true, w.unsignable(c, "its algorithm %.40q is not known", a.value)
	}
	if !v2 && f.field("X-Amz-Signature") == nil && f.field("X-Amz-Credential") == nil {
		return true, nil // nobody signed it: it is sent as it came
	}
	p := policy{conditions: map[string]string{"x-amz-security-token": creds.Token}}
	if p.document, err = base64.StdEncoding.DecodeString(strings.Map(notSpace, string(field.value))); err != nil {
		return true, w.unsignable(c, "its policy is not base64")
	}
	date := now.UTC().Format("20060102T150405Z")
	scope := ""
	if !v2 {
		region := r.api.Region
		if x := f.field("X-Amz-Credential"); x != nil {
			if parts := strings.Split(string(x.value), "/"); len(parts) >= 5 {
				region = parts[len(parts)-3]
			}
		}
		scope = date[:8] + "/" + region + "/s3/aws4_request"
		p.conditions["x-amz-credential"], p.conditions["x-amz-date"] = creds.KeyID+"/"+scope, date
	}
	p.recorded, p.now = c.recordedAt(), now
	if p.recorded.IsZero() {
		if x := f.field("X-Amz-Date"); x != nil {
			p.recorded, _ = time.Parse("20060102T150405Z", string(x.value)) // zero if it is none
		}
	}
	text, ok := p.renew()
	if !ok {
		return true, w.unsignable(c, "its policy is not JSON with an expiration and conditions")
	}
	encoded := base64.StdEncoding.EncodeToString(text)
	field.value = []byte(encoded)
	if creds.Token == "" {
		f.remove("X-Amz-Security-Token")
	} else {
		f.set("x-amz-security-token", creds.Token)
	}
	if v2 {
		f.set("AWSAccessKeyId", creds.KeyID)
		f.set("signature", sign.PolicyV2(encoded, creds))
	} else {
		signature, err := w.r.signer.Policy(encoded, scope, creds)
		if err != nil {
			return true, w.unsignable(c, "%v", err)
		}
		f.set("x-amz-credential", p.conditions["x-amz-credential"])
		f.set("x-amz-date", date)
		f.set("x-amz-signature", signature)
	}
	r.body = f.appendTo(nil)
	r.renewDigests(r.body)
	return true, nil
}

// unsignable is the error of a form that can not be signed; none where the
// service refused it in the recording, too.
func (w *worker) unsignable(c *call, format string, args ...any) error {
	if status, err := c.line.Status(); err == nil && status >= 400 {
		return nil
	}
	return refuse("the form of the upload can not be signed anew: "+format, args...)
}

func notSpace(r rune) rune {
	if r == ' ' || r == '\n' || r == '\r' || r == '\t' {
		return -1
	}
	return r
}

// recordedAt is when the call was made, zero if the entry does not say.
func (c *call) recordedAt() (t time.Time) {
	if raw := c.line.Get(entry.FieldTimestamp); len(raw) > 2 {
		t, _ = time.Parse(time.RFC3339, string(raw[1:len(raw)-1])) // zero if it is none
	}
	return t
}

// A policy is what a form's signature covers.
type policy struct {
	document      []byte
	recorded, now time.Time
	conditions    map[string]string // what credentials and date demand; "" takes a condition out
}

// leastLeft is for how long a policy that was valid is valid at least.
const leastLeft = time.Minute

// renew returns the policy with another expiration and with conditions for other
// credentials; all else stays.
func (p *policy) renew() (out []byte, ok bool) {
	var t body.Tree
	if t.Parse(p.document, body.Options{Format: body.JSON}) != nil || t.Kind(t.Root()) != body.Object {
		return nil, false
	}
	done := 0
	replace := func(n body.Node, text []byte) {
		at, _ := t.Offset(n) // nothing is nested
		out = append(append(out, p.document[done:at]...), text...)
		done = at + len(t.Wire(n))
	}
	found := 0
	for n := t.First(t.Root()); n != body.None; n = t.Next(n) {
		switch {
		case equalFold(t.Key(n), "expiration") && t.Kind(n) == body.String:
			at, err := time.Parse(time.RFC3339, string(t.Text(n)))
			if err != nil {
				return nil, false
			}
			left := time.Hour
			if !p.recorded.IsZero() {
				if left = at.Sub(p.recorded); left > 0 {
					left = max(left, leastLeft)
				}
			}
			layout := "2006-01-02T15:04:05Z"
			if bytes.IndexByte(t.Text(n), '.') > 0 {
				layout = "2006-01-02T15:04:05.000Z"
			}
			replace(n, entry.AppendString(nil, p.now.Add(left).UTC().Format(layout)))
			found++
		case equalFold(t.Key(n), "conditions") && t.Kind(n) == body.Array:
			replace(n, p.renewConditions(&t, n))
			found++
		}
	}
	return append(out, p.document[done:]...), found == 2
}

func (p *policy) renewConditions(t *body.Tree, list body.Node) []byte {
	met := make(map[string]bool)
	out := []byte{'['}
	add := func(condition []byte) {
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(out, condition...)
	}
	for n := t.First(list); n != body.None; n = t.Next(n) {
		name, value, operator := condition(t, n)
		want, ours := p.conditions[name]
		if !ours {
			add(t.Wire(n))
			continue
		}
		met[name] = true
		switch {
		case want == "":
		case operator == "" || len(value) > 0:
			add(entry.AppendString(append(entry.AppendString([]byte{'{'}, name), ':'), want))
			out = append(out, '}')
		default:
			add(t.Wire(n)) // any value will do
		}
	}
	if token := p.conditions["x-amz-security-token"]; token != "" && !met["x-amz-security-token"] {
		add(entry.AppendString([]byte(`{"x-amz-security-token":`), token))
		out = append(out, '}')
	}
	return append(out, ']')
}

// condition reads {"name": "value"} and ["starts-with", "$name", "value"].
func condition(t *body.Tree, n body.Node) (name string, value []byte, operator string) {
	first := t.First(n)
	switch {
	case first == body.None:
	case t.Kind(n) == body.Object:
		return strings.ToLower(string(t.Key(first))), t.Text(first), ""
	case t.Kind(n) == body.Array && t.Len(n) == 3:
		second := t.Next(first)
		if third := t.Next(second); t.Kind(second) == body.String && t.Kind(third) == body.String {
			return strings.ToLower(string(bytes.TrimPrefix(t.Text(second), []byte("$")))), t.Text(third), string(t.Text(first))
		}
	}
	return "", nil, ""
}
