package capture

import (
	"strings"
	"testing"

	"github.com/neureaux/cloudmock/pkg/entry"
)

func TestEntriesOfOthersAreRedacted(t *testing.T) {
	r, err := NewRecorder(Options{Emit: func([]byte) error { return nil }})
	if err != nil {
		t.Fatal(err)
	}
	const akid, signature = "AKIACANARY0000000001", "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
	for _, tt := range []struct{ name, in, want, secret string }{
		{"nothing to hide", `{"id":"1","x":[1, 2],"service":"s3","path":"/b/k","method":"GET","status_code":200}`,
			`{"id":"1","x":[1, 2],"service":"s3","path":"/b/k","method":"GET","status_code":200}`, akid},
		{"a header", `{"id":"1","request_headers":{"Authorization":"AWS4-HMAC-SHA256 Credential=` + akid + `/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=` + signature + `"},"mine": true,"path":"/b/k"}`,
			`"mine": true`, akid},
		{"a signature", `{"id":"1","path":"/b/k","query":"X-Amz-Signature=` + signature + `"}`, `"id":"1"`, signature},
		{"a body", `{"id":"1","service":"secretsmanager","action":"GetSecretValue","method":"POST","path":"/","request_headers":{"X-Amz-Target":"secretsmanager.GetSecretValue","Content-Type":"application/x-amz-json-1.1"},"status_code":200,"response_body":"{\"SecretString\":\"canary-5f1c\"}","response_headers":{}}`,
			`\"SecretString\":\"`, "canary-5f1c"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var o entry.Object
			if err := o.Parse([]byte(tt.in)); err != nil {
				t.Fatal(err)
			}
			if err := r.Redact(&o); err != nil {
				t.Fatal(err)
			}
			if got := string(o.Raw()); strings.Contains(got, tt.secret) || !strings.Contains(got, tt.want) {
				t.Errorf("%s", got)
			}
		})
	}
}
