package proxy

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCallsAreSignedAnewAndRecorded(t *testing.T) {
	tests := []struct {
		name                          string
		method, target, body, service string
		header                        []string
		wantTarget                    string
	}{
		{"JSON call", "POST", "/", `{"TableName":"t"}`, "dynamodb", []string{"X-Amz-Target", "DynamoDB_20120810.DescribeTable", "Content-Type", "application/x-amz-json-1.0"}, ""},
		{"query call", "POST", "/", "Action=ListUsers&Version=2010-05-08", "iam", []string{"Content-Type", "application/x-www-form-urlencoded"}, ""},
		{"S3 key that needs escaping", "PUT", "/bkt/c%2Bd%3D%C3%A9%24%40%3A%21%2A%28%29~%252F//x/../y", "data", "s3", nil, ""},
		{"path that is not encoded strictly", "GET", "/bkt/_$folder$:c=d", "", "s3", nil, ""},
		{"parameter without value", "POST", "/bkt/k?uploads", "", "s3", nil, ""},
		{"semicolon, broken escape and plus in the query", "GET", "/bkt?a;b=1&x=%zz&prefix=a+b", "", "s3", nil, ""},
		{"colon in the path of a service that encodes twice", "POST", "/model/anthropic.claude-v2%3A1/invoke", "{}", "bedrock", []string{"Content-Type", "application/json"}, ""},
		{"UNSIGNED-PAYLOAD", "PUT", "/bkt/k", "data", "s3", []string{"X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD"}, ""},
		{"connection header that names signed fields", "POST", "/", "{}", "dynamodb", []string{"Connection", "X-Amz-Date, Authorization, X-Evil", "X-Evil", "1", "Te", "trailers", "X-Amz-Target", "DynamoDB_20120810.ListTables"}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, nil)
			req := r.request(tt.method, tt.target, tt.body, clientKey, tt.service, tt.header...)
			req.URL.Opaque, req.URL.RawQuery = tt.target, ""
			status, body, header := r.do(req)
			if status != 200 || body != "ok" || header.Get("X-Amzn-Requestid") != "RID" {
				t.Fatalf("%d %s %v", status, body, header)
			}
			saw := r.upstreamSaw()
			if len(saw) != 1 {
				t.Fatalf("%d requests", len(saw))
			}
			got := saw[0]
			if got.Signed != realKey.KeyID || got.Target != tt.target || got.Body != tt.body || got.Header.Get("X-Amz-Security-Token") != realKey.Token {
				t.Errorf("upstream saw %+v", got)
			}
			for _, name := range []string{"X-Forwarded-For", "Via", "Connection", "Te", "X-Evil"} {
				if got.Header.Get(name) != "" {
					t.Errorf("%s was forwarded", name)
				}
			}
			entries := r.entries()
			if len(entries) != 1 {
				t.Fatalf("%d entries", len(entries))
			}
			e := entries[0]
			target := e.Path
			if e.Query != "" {
				target += "?" + e.Query
			}
			if diff := cmp.Diff([]any{tt.method, tt.target, tt.body, 200, "ok"}, []any{e.Method, target, string(e.RequestBody.Data), e.StatusCode, string(e.ResponseBody.Data)}); diff != "" {
				t.Errorf("entry (-want +got):\n%s", diff)
			}
		})
	}
}

func TestUnsignedStaysUnsigned(t *testing.T) {
	r := newRig(t, nil)
	req, err := http.NewRequest("GET", r.server.URL+"/bkt/public", nil)
	if err != nil {
		t.Fatal(err)
	}
	if status, _, _ := r.do(req); status != 200 {
		t.Fatal(status)
	}
	if saw := r.upstreamSaw(); len(saw) != 1 || saw[0].Header.Get("Authorization") != "" {
		t.Errorf("upstream saw %+v", saw)
	}
}
