package replay

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/neureaux/cloudmock/internal/sign"
	"github.com/neureaux/cloudmock/pkg/entry"
)

func TestPresignedURLsAreSignedAnew(t *testing.T) {
	const v4 = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=OLD%2F20250101%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20250101T000000Z&X-Amz-Expires=600&X-Amz-SignedHeaders=host&X-Amz-Signature=0"
	at := func(minute int) time.Time { return time.Date(2025, 1, 1, 0, minute, 0, 0, time.UTC) }
	tests := []struct {
		name, query string
		used        time.Time
		expired     bool
	}{
		{"version 4", "versionId=v&" + v4, at(5), false},
		{"version 4, when it had expired", v4, at(11), true},
		{"version 4 of an unknown time", v4, time.Time{}, false},
		{"version 2", "AWSAccessKeyId=OLD&Signature=x%3D&Expires=1735690200", at(5), false},
		{"version 2, when it had expired", "versionId=v&AWSAccessKeyId=OLD&Signature=x%3D&Expires=1735690200", at(11), true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var q url.Values
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				var signer sign.Signer
				in := sign.Request{Method: r.Method, Host: r.Host, Path: r.URL.EscapedPath(), RawQuery: r.URL.RawQuery}
				claim, _, err := sign.Parse(&in)
				if err == nil {
					_, err = signer.Verify(&in, &claim, "test", sign.UnsignedPayload)
				}
				if err != nil || r.Header.Get("Authorization") != "" {
					t.Errorf("%s: %v", r.URL.RawQuery, err)
				}
				q = r.URL.Query()
			}))
			defer s.Close()
			e := entry.Entry{ID: "1", Timestamp: tt.used, Service: "s3", Method: "GET", Host: "bk.s3.us-east-1.amazonaws.com", Path: "/k", Query: tt.query, StatusCode: 200}
			if _, err := replayText(t, Options{Endpoints: []Endpoint{{URL: s.URL}}}, string(e.AppendJSON(nil))); err != nil {
				t.Fatal(err)
			}
			signed, err := time.Parse("20060102T150405Z", q.Get("X-Amz-Date"))
			if err != nil {
				t.Fatal(err)
			}
			valid, err := time.ParseDuration(q.Get("X-Amz-Expires") + "s")
			if err != nil {
				t.Fatal(err)
			}
			if expired := time.Now().After(signed.Add(valid)); expired != tt.expired {
				t.Errorf("expired %v, want %v: %v", expired, tt.expired, q)
			}
			if q.Has("AWSAccessKeyId") || q.Has("Signature") || q.Has("Expires") {
				t.Errorf("two proofs: %v", q)
			}
		})
	}
}
