package capture

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net/url"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"

	"github.com/neureaux/cloudmock/pkg/entry"
)

// A call is an exchange in the making.
type call struct {
	method, host, path, query string
	header                    []string // name, value, …
	body                      string
	status                    int
	answerHeader              []string
	answer                    string
}

// record runs an exchange through a recorder.
func record(t testing.TB, o Options, calls ...call) (lines []string) {
	t.Helper()
	o.Emit = func(line []byte) error {
		lines = append(lines, string(line))
		return nil
	}
	r, err := NewRecorder(o)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range calls {
		c.exchange(r).Finish(nil)
	}
	return lines
}

func (c call) exchange(r *Recorder) *Exchange {
	x := r.Begin()
	e := &x.Entry
	e.Method, e.Host, e.Path, e.Query = c.method, c.host, c.path, c.query
	if e.Method == "" {
		e.Method = "POST"
	}
	if e.Path == "" {
		e.Path = "/"
	}
	for i := 0; i < len(c.header); i += 2 {
		e.RequestHeaders = append(e.RequestHeaders, entry.HeaderField{Name: c.header[i], Value: c.header[i+1]})
	}
	for i := 0; i < len(c.answerHeader); i += 2 {
		e.ResponseHeaders = append(e.ResponseHeaders, entry.HeaderField{Name: c.answerHeader[i], Value: c.answerHeader[i+1]})
	}
	e.StatusCode = c.status
	if c.status == 0 {
		e.StatusCode = 200
	}
	x.WriteRequest([]byte(c.body))
	x.WriteResponse([]byte(c.answer))
	return x
}

func decodeLine(t testing.TB, line string) *entry.Entry {
	t.Helper()
	var o entry.Object
	if err := o.Parse([]byte(strings.TrimSuffix(line, "\n"))); err != nil {
		t.Fatalf("%v: %s", err, line)
	}
	e, err := o.Decode()
	if err != nil {
		t.Fatalf("%v: %s", err, line)
	}
	return e
}

// canary returns a secret that nothing else looks like: letters, so that its
// hexadecimal and base64 forms are found whatever stands around it.
func canary(t testing.TB) string {
	var b [12]byte
	rand.Read(b[:])
	return "Canary" + hex.EncodeToString(b[:])
}

// leak says how the secret can be read from the line, "" if it cannot.
func leak(t testing.TB, line, secret string) string {
	t.Helper()
	e := decodeLine(t, line)
	texts := map[string]string{
		"the line": line, "the path": e.Path, "the query": e.Query, "the error": e.Error,
		"the request body": string(e.RequestBody.Data), "the response body": string(e.ResponseBody.Data),
	}
	for _, f := range append(e.RequestHeaders, e.ResponseHeaders...) {
		texts["header "+f.Name] = f.Value
	}
	for where, text := range texts {
		if how := readable(text, secret, 0); how != "" {
			return where + ": " + how
		}
	}
	return ""
}

// readable looks for a secret in a text, raw and encoded.
func readable(text, secret string, depth int) string {
	low := strings.ToLower(text)
	switch {
	case strings.Contains(text, secret):
		return "raw"
	case strings.Contains(low, hex.EncodeToString([]byte(secret))):
		return "hexadecimal"
	}
	for shift := range 3 {
		// What base64 makes of the secret behind 0, 1 or 2 other bytes, without
		// the characters that depend on its neighbours.
		encoded := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", shift) + secret))
		encoded = strings.TrimRight(encoded, "=")[[...]int{0, 2, 3}[shift]:]
		encoded = encoded[:len(encoded)-2]
		if strings.Contains(text, encoded) || strings.Contains(text, strings.NewReplacer("+", "-", "/", "_").Replace(encoded)) {
			return "base64"
		}
	}
	if depth < 3 {
		if plain, err := url.QueryUnescape(text); err == nil && plain != text {
			if how := readable(plain, secret, depth+1); how != "" {
				return "URL-encoded, " + how
			}
		}
		for _, raw := range []string{text, decodedBase64(text)} {
			if i := strings.Index(raw, "\x1f\x8b\x08"); i >= 0 {
				if z, err := gzip.NewReader(strings.NewReader(raw[i:])); err == nil {
					plain, _ := io.ReadAll(z)
					if how := readable(string(plain), secret, depth+1); how != "" {
						return "gzip, " + how
					}
				}
			}
		}
	}
	return ""
}

func decodedBase64(text string) string {
	for _, field := range strings.FieldsFunc(text, func(r rune) bool {
		return !strings.ContainsRune(upper+lower+digits+"+/=", r)
	}) {
		if strings.HasPrefix(field, "H4sI") {
			raw, _ := base64.StdEncoding.DecodeString(field)
			return string(raw)
		}
	}
	return ""
}

func zipped(text string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write([]byte(text))
	z.Close()
	return b.String()
}

const (
	signed    = "AWS4-HMAC-SHA256 Credential=AKIAQ3EGVQ7XJQZ5XYZW/20260101/us-east-1/%s/aws4_request, SignedHeaders=host;x-amz-date, Signature=98c0e2ed0b9a3d0a8c42e7a2c9d1e14e0d2f5b5c87f1e05c0b1a7e2a43b8a6f1"
	jwtHeader = "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9"
)

// TestCredentialsAreAbsent plants a secret in each place where a client's or a
// service's signing material stands.
func TestCredentialsAreAbsent(t *testing.T) {
	s3 := "bucket.s3.us-east-1.amazonaws.com"
	for _, tt := range []struct {
		name string
		call func(c string) call
	}{
		{"key id of SigV4", func(c string) call {
			return call{header: []string{"Authorization", "AWS4-HMAC-SHA256 Credential=" + c + "/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=00"}}
		}},
		{"signature of SigV4", func(c string) call {
			return call{header: []string{"Authorization", "AWS4-HMAC-SHA256 Credential=AKIA/20260101/us-east-1/s3/aws4_request,SignedHeaders=host,Signature=" + c}}
		}},
		{"a header of the name in small letters", func(c string) call {
			return call{header: []string{"authorization", "AWS4-HMAC-SHA256 Credential=AKIA/20260101/us-east-1/s3/aws4_request,SignedHeaders=host,Signature=" + c}}
		}},
		{"a second Authorization", func(c string) call {
			return call{header: []string{"Authorization", "Bearer x", "AUTHORIZATION", "Bearer " + c}}
		}},
		{"SigV4A", func(c string) call {
			return call{header: []string{"Authorization", "AWS4-ECDSA-P256-SHA256 Credential=" + c + "/20260101/s3/aws4_request, SignedHeaders=host, Signature=" + c}}
		}},
		{"SigV2", func(c string) call { return call{header: []string{"Authorization", "AWS " + c + ":" + c}} }},
		{"bearer token", func(c string) call { return call{header: []string{"Authorization", "Bearer " + c}} }},
		{"basic authentication", func(c string) call {
			return call{header: []string{"Authorization", "Basic " + base64.StdEncoding.EncodeToString([]byte("user:"+c))}}
		}},
		{"an Authorization of an unknown kind", func(c string) call { return call{header: []string{"Authorization", c}} }},
		{"a parameter that no SigV4 has", func(c string) call {
			return call{header: []string{"Authorization", "AWS4-HMAC-SHA256 Credential=AKIA/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Extra=" + c + ", Signature=00"}}
		}},
		{"session token", func(c string) call { return call{header: []string{"X-Amz-Security-Token", c}} }},
		{"session token, small letters", func(c string) call { return call{header: []string{"x-amz-security-token", c}} }},
		{"S3 Express session token", func(c string) call { return call{header: []string{"x-amz-s3session-token", c}} }},
		{"SSO bearer token", func(c string) call { return call{header: []string{"x-amz-sso_bearer_token", c}} }},
		{"API key", func(c string) call { return call{header: []string{"x-api-key", c}} }},
		{"one-time password", func(c string) call {
			return call{header: []string{"x-amz-mfa", "arn:aws:iam::123456789012:mfa/user " + c}}
		}},
		{"a service's own token", func(c string) call { return call{header: []string{"x-amzn-dataplane-token", c}} }},
		{"cookie", func(c string) call {
			return call{header: []string{"Cookie", "a=" + c}, answerHeader: []string{"Set-Cookie", "a=" + c}}
		}},
		{"proxy authorization", func(c string) call { return call{header: []string{"Proxy-Authorization", "Basic " + c}} }},
		{"SSE-C key", func(c string) call {
			return call{header: []string{"x-amz-server-side-encryption-customer-key", base64.StdEncoding.EncodeToString([]byte(c))}}
		}},
		{"SSE-C key of a copy's source", func(c string) call {
			return call{header: []string{"x-amz-copy-source-server-side-encryption-customer-key", base64.StdEncoding.EncodeToString([]byte(c))}}
		}},
		{"client address", func(c string) call {
			return call{header: []string{"X-Forwarded-For", c, "X-Real-Ip", c, "Forwarded", "for=" + c}}
		}},
		{"presigned signature", func(c string) call { return call{host: s3, query: "X-Amz-Expires=60&X-Amz-Signature=" + c} }},
		{"presigned signature, other case, escaped", func(c string) call { return call{host: s3, query: "x-amz-%53ignature=" + c} }},
		{"presigned key id", func(c string) call {
			return call{host: s3, query: "X-Amz-Credential=" + c + "%2F20260101%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Signature=00"}
		}},
		{"presigned session token", func(c string) call {
			return call{host: s3, query: "X-Amz-Security-Token=" + c + "&X-Amz-Signature=00"}
		}},
		{"presigned S3 Express token", func(c string) call {
			return call{host: s3, query: "X-Amz-S3session-Token=" + c + "&X-Amz-Signature=00"}
		}},
		{"SigV2 query", func(c string) call {
			return call{host: s3, query: "AWSAccessKeyId=" + c + "&Expires=1&Signature=" + c}
		}},
		{"presigned URL in an answer's header", func(c string) call {
			return call{host: s3, answerHeader: []string{"Location", "https://b.s3.amazonaws.com/k?X-Amz-Security-Token=" + c + "&X-Amz-Signature=" + c}}
		}},
		{"presigned URL as Referer", func(c string) call {
			return call{host: s3, header: []string{"Referer", "https://b.s3.amazonaws.com/k?X-Amz-Credential=" + c + "/20260101/x&X-Amz-Signature=" + c}}
		}},
		{"presigned URL in an XML answer", func(c string) call {
			return call{host: s3, answer: "<A><Url>https://b/k?X-Amz-Credential=" + c + "%2F20260101%2Fus-east-1&amp;X-Amz-Signature=" + c + "</Url></A>"}
		}},
		{"browser form", func(c string) call {
			field := func(name, value string) string {
				return "--xyz\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + value + "\r\n"
			}
			policy := `{"conditions":[{"x-amz-credential":"` + c + `/20260101/us-east-1/s3/aws4_request"},["eq","$x-amz-security-token","` + c + `"],{"x-amz-security-token":"` + c + `"}]}`
			return call{host: s3, header: []string{"Content-Type", "multipart/form-data; boundary=xyz"}, body: field("key", "k") +
				field("X-Amz-Credential", c+"/20260101/us-east-1/s3/aws4_request") + field("x-amz-signature", c) + field("x-amz-security-token", c) +
				field("AWSAccessKeyId", c) + field("policy", base64.StdEncoding.EncodeToString([]byte(policy))) + field("file", "data") + "--xyz--\r\n"}
		}},
		{"chunk signature", func(c string) call {
			return call{method: "PUT", host: s3, header: []string{"x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"},
				body: "4;chunk-signature=" + c + "\r\ndata\r\n0;chunk-signature=" + c + "\r\nx-amz-checksum-crc32:AAAAAA==\r\nx-amz-trailer-signature:" + c + "\r\n\r\n"}
		}},
		{"S3 echoes what was signed", func(c string) call {
			return call{host: s3, status: 403, header: []string{"Authorization", strings.Replace(fmt.Sprintf(signed, "s3"), "AKIAQ3EGVQ7XJQZ5XYZW", c, 1)},
				answer: "<Error><Code>SignatureDoesNotMatch</Code><AWSAccessKeyId>" + c + "</AWSAccessKeyId><StringToSign>AWS4-HMAC-SHA256\n" + c + "</StringToSign><SignatureProvided>" + c + "</SignatureProvided><StringToSignBytes>" + c + "</StringToSignBytes><CanonicalRequest>x-amz-security-token:" + c + "</CanonicalRequest></Error>"}
		}},
		{"an error echoes the token", func(c string) call {
			return call{status: 403, header: []string{"X-Amz-Security-Token", c}, answer: `{"message":"the canonical request is x-amz-security-token:` + c + ` and so on"}`}
		}},
		{"encoded authorization failure", func(c string) call {
			return call{status: 403, answer: "<ErrorResponse><Error><Message>You are not authorized. Encoded authorization failure message: " + c + "</Message></Error></ErrorResponse>"}
		}},
		{"the error of the connection", func(c string) call { return call{} }},
	} {
		for _, o := range []Options{{}, {NoRedact: true}} {
			inBody := strings.Contains(tt.name, "XML") || strings.Contains(tt.name, "browser") || strings.Contains(tt.name, "echoes") || strings.Contains(tt.name, "failure")
			if o.NoRedact && inBody {
				continue
			}
			t.Run(fmt.Sprintf("%s, NoRedact %v", tt.name, o.NoRedact), func(t *testing.T) {
				secret := canary(t)
				line := record(t, o, tt.call(secret))[0]
				if how := leak(t, line, secret); how != "" {
					t.Errorf("in %s: %s", how, line)
				}
			})
		}
	}
}

func TestTheConnectionErrorHasNoSignature(t *testing.T) {
	var line string
	r, err := NewRecorder(Options{Emit: func(l []byte) error { line = string(l); return nil }})
	if err != nil {
		t.Fatal(err)
	}
	call{}.exchange(r).Finish(fmt.Errorf("Get \"https://b/k?X-Amz-Signature=secretsecret\": EOF"))
	if strings.Contains(line, "secretsecret") {
		t.Error(line)
	}
}

func TestWhatIsNoCredentialStays(t *testing.T) {
	c := call{
		method: "GET", host: "bucket.s3.us-east-1.amazonaws.com", path: "/a%20b",
		query: "uploads&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAQ3EGVQ7XJQZ5XYZW%2F20260101%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20260101T000000Z&X-Amz-SignedHeaders=host&a;b=%7e&&X-Amz-Signature=00&",
		header: []string{"Authorization", fmt.Sprintf(signed, "s3"), "User-Agent", "aws-cli/2", "X-Amz-Date", "20260101T000000Z", "X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD",
			"X-Amz-Client-Token", "idempotent", "x-amz-meta-note", "a note", "Etag", `"5eb63bbbe01eeed093cb22bb8f5acdc3"`},
		body:         `{"NextToken":"page 2","Key":"value"}`,
		answer:       `{"NextToken":"page 3","KeyId":"k-1","SecretArn":"arn:aws:s"}`,
		answerHeader: []string{"X-Amz-Request-Id", "4711", "Etag", `"5eb63bbbe01eeed093cb22bb8f5acdc3"`},
	}
	e := decodeLine(t, record(t, Options{}, c)[0])
	auth := e.RequestHeaders.Get("Authorization")
	if !strings.Contains(auth, "/20260101/us-east-1/s3/aws4_request, SignedHeaders=host;x-amz-date, Signature=REDACTED") || !strings.HasPrefix(auth, "AWS4-HMAC-SHA256 Credential=AKIA") {
		t.Errorf("Authorization: %s", auth)
	}
	id := auth[len("AWS4-HMAC-SHA256 Credential="):][:20]
	if want := strings.NewReplacer("AKIAQ3EGVQ7XJQZ5XYZW", id, "Signature=00", "Signature=REDACTED").Replace(c.query); e.Query != want {
		t.Errorf("query\n got %s\nwant %s", e.Query, want)
	}
	if e.Path != c.path || string(e.RequestBody.Data) != c.body || string(e.ResponseBody.Data) != c.answer {
		t.Errorf("got %s, %s, %s", e.Path, e.RequestBody.Data, e.ResponseBody.Data)
	}
	for i := 2; i < len(c.header); i += 2 {
		if got := e.RequestHeaders.Get(c.header[i]); got != c.header[i+1] {
			t.Errorf("%s: got %q", c.header[i], got)
		}
	}
	for i := 0; i < len(c.answerHeader); i += 2 {
		if got := e.ResponseHeaders.Get(c.answerHeader[i]); got != c.answerHeader[i+1] {
			t.Errorf("%s: got %q", c.answerHeader[i], got)
		}
	}
}
