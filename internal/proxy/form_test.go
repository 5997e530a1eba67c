package proxy

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/neureaux/cloudmock/internal/sign"
)

const testBoundary = "formboundary"

// upload makes a form as boto3's generate_presigned_post and a browser do together.
func upload(t *testing.T, key sign.Credentials, v2 bool, file string) string {
	t.Helper()
	date := time.Now().UTC().Format("20060102T150405Z")
	scope := date[:8] + "/us-east-1/s3/aws4_request"
	fields := [][2]string{{"acl", "private"}, {"key", "a b"}}
	conditions := []any{map[string]string{"acl": "private"}, []any{"content-length-range", 1, 5 << 30}, []string{"starts-with", "$key", "a"}}
	if !v2 {
		fields = append(fields, [2]string{"x-amz-algorithm", "AWS4-HMAC-SHA256"}, [2]string{"X-Amz-Credential", key.KeyID + "/" + scope}, [2]string{"x-amz-date", date})
		conditions = append(conditions, map[string]string{"x-amz-algorithm": "AWS4-HMAC-SHA256"}, []string{"eq", "$x-amz-credential", key.KeyID + "/" + scope}, map[string]string{"x-amz-date": date})
	}
	document, err := json.Marshal(map[string]any{"expiration": "2099-01-01T00:00:00Z", "conditions": conditions})
	if err != nil {
		t.Fatal(err)
	}
	policy := base64.StdEncoding.EncodeToString(document)
	fields = append(fields, [2]string{"policy", policy})
	if v2 {
		fields = append(fields, [2]string{"AWSAccessKeyId", key.KeyID}, [2]string{"signature", sign.PolicyV2(policy, key)})
	} else {
		var s sign.Signer
		signature, err := s.Policy(policy, scope, key)
		if err != nil {
			t.Fatal(err)
		}
		fields = append(fields, [2]string{"x-amz-signature", signature})
	}
	var b strings.Builder
	for _, f := range fields {
		fmt.Fprintf(&b, "--%s\r\nContent-Disposition: form-data; name=%q\r\n\r\n%s\r\n", testBoundary, f[0], f[1])
	}
	fmt.Fprintf(&b, "--%s\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\nContent-Type: text/plain\r\n\r\n%s\r\n--%[1]s--\r\n", testBoundary, file)
	return b.String()
}

func TestFormsAreSignedAnew(t *testing.T) {
	large := strings.Repeat("0123456789abcdef", 1<<17) // 2 MiB
	for _, tt := range []struct {
		name string
		v2   bool
		file string
	}{
		{"version 4", false, "the file"},
		{"version 2 becomes version 4", true, "the file"},
		{"a file that is streamed", false, large},
		{"a file that is streamed, version 2", true, large},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, nil)
			body := upload(t, clientKey, tt.v2, tt.file)
			status, answer, _ := r.do(r.request("POST", "/bkt", body, sign.Credentials{}, "", "Content-Type", "multipart/form-data; boundary="+testBoundary))
			saw := r.upstreamSaw()
			if status != 200 || len(saw) != 1 || saw[0].Length != int64(len(saw[0].Body)) {
				t.Fatalf("%d %s", status, answer)
			}
			f := formFields{boundary: testBoundary}
			if !f.parse([]byte(saw[0].Body)) || !strings.Contains(string(f.rest), tt.file) {
				t.Fatalf("upstream got %.2000q", saw[0].Body)
			}
			credential := f.value("x-amz-credential")
			id, scope, _ := strings.Cut(credential, "/")
			var s sign.Signer
			want, err := s.Policy(f.value("policy"), scope, realKey)
			if err != nil || id != realKey.KeyID || f.value("x-amz-signature") != want || f.value("x-amz-security-token") != realKey.Token || f.value("key") != "a b" || f.value("AWSAccessKeyId") != "" {
				t.Errorf("upstream got %.2000q", saw[0].Body)
			}
			document, err := base64.StdEncoding.DecodeString(f.value("policy"))
			if err != nil {
				t.Fatal(err)
			}
			var policy struct {
				Expiration string
				Conditions []any
			}
			if err := json.Unmarshal(document, &policy); err != nil {
				t.Fatal(err)
			}
			names := fmt.Sprint(policy.Conditions...)
			for _, want := range []string{"acl", "content-length-range 1 5.36870912e+09", "$key", "x-amz-credential:" + credential, "x-amz-security-token:" + realKey.Token, "x-amz-date:", "x-amz-algorithm:"} {
				if strings.Count(names, want) != 1 {
					t.Errorf("policy has %q %d times: %s", want, strings.Count(names, want), document)
				}
			}
			if policy.Expiration != "2099-01-01T00:00:00Z" || strings.Contains(names, clientKey.KeyID) {
				t.Errorf("policy %s", document)
			}
			e := r.entries()
			sum := sha256.Sum256([]byte(body))
			if len(e) != 1 || e[0].Action != "PostObject" || e[0].RequestBody.SHA256 != "" && e[0].RequestBody.SHA256 != hex.EncodeToString(sum[:]) || strings.Contains(r.lines[0], realKey.Token) || strings.Contains(r.lines[0], realKey.KeyID) {
				t.Errorf("entry: %.2000q", r.lines)
			}
		})
	}
}

func TestFormsThatAreNotSignedAnew(t *testing.T) {
	other := sign.Credentials{KeyID: "AKIDOTHER", Secret: "s"}
	for _, tt := range []struct {
		name   string
		key    sign.Credentials
		change func(string) string
		status int // 200: it goes on as it came
	}{
		{"somebody else's", other, nil, http.StatusOK},
		{"without a policy", clientKey, func(s string) string { return strings.ReplaceAll(s, `"policy"`, `"other"`) }, http.StatusOK},
		{"with a policy that was changed", clientKey, func(s string) string {
			return strings.Replace(s, "name=\"policy\"\r\n\r\n", "name=\"policy\"\r\n\r\ne30K", 1)
		}, http.StatusForbidden},
		{"with a forged scope", clientKey, func(s string) string { return strings.Replace(s, "/us-east-1/s3/", "/evil.com#/s3/", 1) }, http.StatusForbidden},
		{"with another secret", sign.Credentials{KeyID: clientKey.KeyID, Secret: "wrong"}, nil, http.StatusForbidden},
		{"cut off within its fields", clientKey, func(s string) string { return s[:300] }, http.StatusOK},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, nil)
			body := upload(t, tt.key, false, "the file")
			if tt.change != nil {
				body = tt.change(body)
			}
			status, answer, _ := r.do(r.request("POST", "/bkt", body, sign.Credentials{}, "", "Content-Type", "multipart/form-data; boundary="+testBoundary))
			if status != tt.status {
				t.Errorf("%d %s", status, answer)
			}
			var got []string
			for _, saw := range r.upstreamSaw() {
				got = append(got, saw.Body)
			}
			if want := []string{body}; tt.status == http.StatusOK && !slices.Equal(got, want) || tt.status != http.StatusOK && len(got) > 0 {
				t.Errorf("upstream got %q", got)
			}
		})
	}
}

func FuzzFormFields(f *testing.F) {
	f.Add("--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--b\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\n2\r\n--b--\r\n")
	f.Add("--b--")
	f.Fuzz(func(t *testing.T, s string) {
		form := formFields{boundary: "b"}
		if form.parse([]byte(s)) && string(form.append(nil)) != s {
			t.Errorf("%q became %q", s, form.append(nil))
		}
	})
}
