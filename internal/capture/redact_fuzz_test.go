package capture

import (
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"net/url"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/neureaux/cloudmock/internal/body"
	"github.com/neureaux/cloudmock/pkg/entry"
)

// FuzzSecretValue puts any text in the place of a secret, in each format.
func FuzzSecretValue(f *testing.F) {
	for _, s := range []string{"hunter2hunter2", `{"a":"x\ny","b":[1,true,null,{"c":"d"}]}`, "<&>\"'é密\x00", jwtHeader + ".eyJzdWIiOiJzb21lb25lIn0.c2lnbmF0dXJlc2ln", "-----BEGIN PRIVATE KEY-----\nTUlJRXZRSUJBREFO\n-----END PRIVATE KEY-----\n",
		"c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2U=", "https://user:pw@host/path?X-Amz-Signature=abc", "5a1f37d6-8c1f-4b2c-9a53-2f5f1a0a9f6f", "%7B%22a%22%3A1%7D", "12345678901234567890", "\xff\xfe"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, secret string) {
		quoted, _ := json.Marshal(secret)
		var escaped strings.Builder
		xml.EscapeText(&escaped, []byte(secret))
		b64 := base64.StdEncoding.EncodeToString([]byte(secret))
		calls := []call{
			jsonCall("secretsmanager", "secretsmanager.GetSecretValue", `{}`, `{"Name":"n","SecretString":`+string(quoted)+`}`),
			jsonCall("kms", "TrentService.Decrypt", `{}`, `{"KeyId":"k","Plaintext":"`+b64+`"}`),
			queryCall("iam", "2010-05-08", "Action=ChangePassword&NewPassword="+url.QueryEscape(secret), "<R/>"),
			{host: "iam.amazonaws.com", body: "Action=CreateAccessKey&Version=2010-05-08", header: []string{"Content-Type", "application/x-www-form-urlencoded"},
				answer: "<CreateAccessKeyResponse><CreateAccessKeyResult><AccessKey><SecretAccessKey>" + escaped.String() + "</SecretAccessKey></AccessKey></CreateAccessKeyResult></CreateAccessKeyResponse>"},
			{header: []string{"X-Api-Key", secret}},
		}
		for i, line := range record(t, Options{}, calls...) {
			var o entry.Object
			if err := o.Parse([]byte(strings.TrimSuffix(line, "\n"))); err != nil {
				t.Fatalf("call %d: not an entry: %v: %s", i, err, line)
			}
			e, err := o.Decode()
			if err != nil {
				t.Fatalf("call %d: not an entry: %v: %s", i, err, line)
			}
			if strings.HasPrefix(e.Error, "internal") {
				t.Fatalf("call %d: the redactor failed", i)
			}
			for _, part := range []struct{ was, is string }{{calls[i].body, string(e.RequestBody.Data)}, {calls[i].answer, string(e.ResponseBody.Data)}} {
				var was, is body.Tree
				ct := body.Options{ContentType: e.RequestHeaders.Get("Content-Type")}
				if was.Parse([]byte(part.was), ct) == nil && part.is != "" && (is.Parse([]byte(part.is), ct) != nil || is.Format() != was.Format()) {
					t.Errorf("call %d: the form changed: %q became %q", i, part.was, part.is)
				}
			}
			if distinct(secret) >= 10 && !strings.ContainsAny(secret, "\"'{}[]:/%&=+?#.\n\\<>") && readable(line, secret, 0) != "" {
				t.Errorf("call %d: %q is in %s", i, secret, line)
			}
		}
	})
}

// distinct counts the letters and digits that a pseudonym changes.
func distinct(s string) (n int) {
	if !utf8.ValidString(s) {
		return len(s) / 4
	}
	for i, r := range s {
		if unicode.IsLetter(r) && r < 0x80 || r >= '1' && r <= '9' && i > 0 {
			n++
		}
	}
	return n
}

// FuzzFreeText puts secrets of known forms into any text.
func FuzzFreeText(f *testing.F) {
	secrets := []string{
		"AKIAQ3EGVQ7XJQZ5XYZW",
		jwtHeader + ".eyJzdWIiOiJzb21lb25lIn0.c2lnbmF0dXJlc2ln",
		"X-Amz-Signature=98c0e2ed0b9a3d0a8c42e7a2c9d1e14e0d2f5b5c87f1e05c0b1a7e2a43b8a6f1",
		"-----BEGIN RSA PRIVATE KEY-----\nTUlJRXZRSUJBREFOTUlJRXZRSUJBREFOQmdr\n-----END RSA PRIVATE KEY-----",
		"IQoJb3JpZ2luX2VjTUlJRXZRSUJBREFOQmdrTUlJRXZRSUJBREFOQmdrTUlJRXZRSUJBREFOQmdrTUlJRXZRSUJBREFOQmdr",
		"aws_secret_access_key = wJalrXUtnFEMIK7MDENGbPxRfiCYzzzzzzzzzKEY",
		"postgres://user:TUlJRXZRSUJBREFO@db/x",
	}
	core := []string{"Q3EGVQ7XJQZ5XYZW", "eyJzdWIiOiJzb21lb25lIn0", "98c0e2ed0b9a3d0a8c42", "TUlJRXZRSUJBREFOTUlJRXZRSUJBREFOQmdr", "TUlJRXZRSUJBREFOQmdrTUlJRXZRSUJBREFOQmdr", "wJalrXUtnFEMIK7MDENG", "TUlJRXZRSUJBREFO"}
	f.Add("", "")
	f.Add("://a:", "@b")
	f.Add("eyJ", "AKIAAKIA")
	f.Add("-----BEGIN PRIVATE KEY-----", "ignature=ignature%3D")
	f.Add("%26X-Amz-Credential%3D", "Credential=")
	r := &redactor{names: newPseudonymizer()}
	f.Fuzz(func(t *testing.T, before, after string) {
		clean := r.freeText(before + after)
		if utf8.ValidString(before+after) && !utf8.ValidString(clean) {
			t.Errorf("%q became %q", before+after, clean)
		}
		for i, s := range secrets {
			text := before + "\n" + s + "\n" + after
			if got := r.freeText(text); strings.Contains(got, core[i]) && !strings.Contains(before+after, core[i]) {
				t.Errorf("%q is still in %q", core[i], got)
			}
		}
	})
}

// FuzzBody gives the redactor any body of an operation with secrets.
func FuzzBody(f *testing.F) {
	f.Add([]byte(`{"SecretString":"x"}`), "", "")
	f.Add([]byte("\x1f\x8b\x08\x00"), "gzip", "")
	f.Add([]byte("\xa1\x6cSecretString\x61x"), "", "application/cbor")
	f.Add([]byte("--b\r\nContent-Disposition: form-data; name=\"policy\"\r\n\r\ne30=\r\n--b--"), "", "multipart/form-data; boundary=b")
	f.Add([]byte("4\r\nabcd\r\n0\r\n\r\n"), "aws-chunked", "")
	f.Fuzz(func(t *testing.T, data []byte, coding, contentType string) {
		for _, target := range []string{"secretsmanager.GetSecretValue", "DynamoDB_20120810.GetItem", "X.Unknown"} {
			c := jsonCall("secretsmanager", target, string(data), string(data))
			c.header = append(c.header[:4:4], "Content-Type", contentType, "Content-Encoding", coding, "X-Amz-Content-Sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER")
			c.answerHeader = []string{"Content-Type", contentType, "Content-Encoding", coding}
			for _, line := range record(t, Options{}, c) {
				if strings.Contains(line, "internal error") && !strings.Contains(string(data), "internal error") {
					t.Errorf("the redactor failed: %s", line)
				}
			}
		}
	})
}
