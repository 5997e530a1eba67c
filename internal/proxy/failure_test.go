package proxy

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/neureaux/cloudmock/internal/awsapi"
)

func TestFailureHasTheShapeOfTheServiceThatWasSignedFor(t *testing.T) {
	for _, tt := range []struct{ name, service, want string }{
		{"S3 has no envelope", "s3", "?>\n<Error><Code>AccessDenied</Code>"},
		{"REST services in XML have one", "route53", "?>\n<ErrorResponse><Error>"},
		{"EC2 has its own", "ec2", "?>\n<Response><Errors><Error>"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest("GET", "/b/k", nil)
			r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIA/20260101/us-east-1/"+tt.service+"/aws4_request, SignedHeaders=host, Signature=00")
			w := httptest.NewRecorder()
			refusal("a page sent it").write(w, r, "", awsapi.ProtocolUnknown) // before the signature was read
			if got := w.Body.String(); !strings.Contains(got, tt.want) {
				t.Errorf("%s, want %s", got, tt.want)
			}
		})
	}
}
