package capture

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/neureaux/cloudmock/pkg/entry"
)

func audit(t testing.TB, lines ...string) []Finding {
	t.Helper()
	var all []Finding
	if err := Audit(entry.NewReader(strings.NewReader(strings.Join(lines, "\n")), "r.ndjson"), func(f Finding) { all = append(all, f) }); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestAuditFindsNothingInACleanRecording(t *testing.T) {
	dir := os.Getenv("CM_CORPUS")
	if dir == "" {
		t.Skip("CM_CORPUS is not set")
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.ndjson"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		start := time.Now()
		if err := Audit(entry.NewReader(f, filepath.Base(name)), func(f Finding) {
			// Four answers of S3 echo what the client had signed, key id and all;
			// the scrubber of that project overlooked them.
			if !strings.Contains(f.Entry, "TestSignedURL") || !strings.Contains(f.Where, "response_body") {
				t.Error(f)
			}
		}); err != nil {
			t.Error(err)
		}
		if info, err := f.Stat(); err == nil {
			t.Logf("%s: %.1f MB/s", filepath.Base(name), float64(info.Size())/1e6/time.Since(start).Seconds())
		}
	}
}

// random is text that no chance would make: letters and digits, n of them.
func random(t testing.TB, n int, set string) string {
	c := canary(t) + canary(t) + canary(t) + canary(t)
	var b strings.Builder
	for i := range n {
		b.WriteByte(set[int(c[(i*7)%len(c)])*(i+3)%len(set)])
	}
	return b.String()
}

// planted has a secret of each kind, as its provider makes them.
func planted(t testing.TB) map[string]string {
	const (
		alnum = upper + lower + digits
		hexa  = "0123456789abcdef"
		b64   = alnum + "+/"
	)
	r := func(n int, set string) string { return random(t, n, set) }
	return map[string]string{
		"aws access key id":         "AKIA" + r(16, upper+"234567"),
		"aws temporary key id":      "the key ASIA" + r(16, upper+"234567") + " is mine",
		"aws secret key, ini":       "aws_secret_access_key = " + r(40, b64),
		"aws secret key, JSON":      `{"SecretAccessKey":"` + r(40, b64) + `"}`,
		"aws secret key, env":       "export AWS_SECRET_ACCESS_KEY=" + r(40, b64),
		"aws session token":         "IQoJb3JpZ2luX2Vj" + r(200, b64),
		"aws presigned URL":         "https://b.s3.amazonaws.com/k?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=" + r(64, hexa),
		"aws sigv2 URL":             "https://b.s3.amazonaws.com/k?AWSAccessKeyId=" + r(20, alnum) + "&Expires=1&Signature=" + r(27, alnum) + "%3D",
		"aws bedrock key":           "ABSK" + r(128, b64),
		"aws mws key":               "amzn.mws." + r(8, hexa) + "-" + r(4, hexa) + "-" + r(4, hexa) + "-" + r(4, hexa) + "-" + r(12, hexa),
		"rsa key":                   "-----BEGIN RSA PRIVATE KEY-----\n" + r(64, b64) + "\n" + r(64, b64) + "\n-----END RSA PRIVATE KEY-----",
		"openssh key":               "-----BEGIN OPENSSH PRIVATE KEY-----\n" + r(64, b64) + "\n-----END OPENSSH PRIVATE KEY-----",
		"pgp key":                   "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\n" + r(64, b64) + "\n-----END PGP PRIVATE KEY BLOCK-----",
		"age key":                   "AGE-SECRET-KEY-1" + r(58, upper+digits),
		"json web token":            jwtHeader + "." + r(80, alnum) + "." + r(43, alnum),
		"password in a URL":         "postgres://admin:" + r(12, alnum) + "@db.example.com/x",
		"ado connection string":     "Server=db;User Id=sa;Password=" + r(12, alnum) + ";",
		"bcrypt hash":               "$2b$12$" + r(53, alnum+"./"),
		"totp seed":                 "otpauth://totp/x?secret=" + r(32, upper+"234567") + "&issuer=y",
		"netrc":                     "machine api.example.com login u password " + r(14, alnum),
		"github token":              "ghp_" + r(36, alnum),
		"github fine-grained token": "github_pat_" + r(82, alnum),
		"gitlab token":              "glpat-" + r(20, alnum),
		"slack token":               "xoxb-" + r(12, digits) + "-" + r(24, alnum),
		"slack webhook":             "https://hooks.slack.com/services/T" + r(8, upper) + "/B" + r(8, upper) + "/" + r(24, alnum),
		"stripe key":                "sk_live_" + r(24, alnum),
		"google api key":            "AIza" + r(35, alnum),
		"azure storage key":         "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=" + r(86, b64) + "==",
		"npm token":                 "npm_" + r(36, alnum),
		"pypi token":                "pypi-AgEIcHlwaS5vcmc" + r(70, alnum),
		"sendgrid key":              "SG." + r(22, alnum) + "." + r(43, alnum),
		"twilio key":                "SK" + r(32, hexa),
		"openai key":                "sk-proj-" + r(48, alnum),
		"hugging face token":        "hf_" + r(34, alnum),
		"vault token":               "hvs." + r(90, alnum),
		"shopify token":             "shpat_" + r(32, hexa),
		"telegram token":            r(10, digits[1:]) + ":AA" + r(33, alnum),
		"docker config":             `{"auths":{"x":{"auth":"` + base64.StdEncoding.EncodeToString([]byte("user:"+r(20, alnum))) + `"}}}`,
		"password member":           `{"user":"u","password":"` + r(9, alnum) + `"}`,
		"api key member":            `{"api_key":"` + r(24, alnum) + `"}`,
		"kubeconfig":                "client-key-data: " + r(200, b64),
	}
}

// TestAuditFindsPlantedSecrets plants each kind in each place and encoding.
func TestAuditFindsPlantedSecrets(t *testing.T) {
	quote := func(s string) string { b, _ := json.Marshal(s); return string(b) }
	for kind, secret := range planted(t) {
		for _, tt := range []struct {
			name string
			e    entry.Entry
		}{
			{"a text body", entry.Entry{ResponseBody: entry.Body{Data: []byte("first line\n" + secret + "\n")}}},
			{"a JSON member", entry.Entry{RequestBody: entry.Body{Data: []byte(`{"a":{"note":` + quote(secret) + `}}`)}}},
			{"an XML element", entry.Entry{ResponseBody: entry.Body{Data: []byte("<A><Note>" + strings.NewReplacer("&", "&amp;", "<", "&lt;").Replace(secret) + "</Note></A>")}}},
			{"base64", entry.Entry{ResponseBody: entry.Body{Data: []byte(`{"Data":"` + base64.StdEncoding.EncodeToString([]byte(secret)) + `"}`)}}},
			{"hexadecimal", entry.Entry{ResponseBody: entry.Body{Data: []byte("x " + hex.EncodeToString([]byte(secret)) + " y")}}},
			{"URL encoding", entry.Entry{RequestBody: entry.Body{Data: []byte("Action=X&Note=" + url.QueryEscape(secret))}}},
			{"gzip", entry.Entry{RequestBody: entry.Body{Data: []byte(zipped("log\n" + secret + "\n"))}}},
			{"gzip in base64", entry.Entry{RequestBody: entry.Body{Data: []byte(`{"Data":"` + base64.StdEncoding.EncodeToString([]byte(zipped(secret))) + `"}`)}}},
			{"a header", entry.Entry{RequestHeaders: entry.Header{{Name: "X-Amz-Meta-Note", Value: strings.ReplaceAll(secret, "\n", " ")}}}},
			{"the replay", entry.Entry{Replay: &entry.Replay{ResponseBody: entry.Body{Data: []byte(secret)}}}},
		} {
			t.Run(kind+" in "+tt.name, func(t *testing.T) {
				e := tt.e
				e.ID, e.Method, e.Path = "test-1", "POST", "/"
				findings := audit(t, string(e.AppendJSON(nil)))
				if len(findings) == 0 {
					t.Errorf("not found: %s", e.AppendJSON(nil))
				}
				for _, f := range findings {
					if text := f.String(); len(secret) > 20 && strings.Contains(text, secret[len(secret)-12:]) {
						t.Errorf("the finding tells the secret: %s", text)
					}
				}
			})
		}
	}
}

func TestAuditNamesThePlace(t *testing.T) {
	e := entry.Entry{ID: "test-1", ResponseBody: entry.Body{Data: []byte(`{"List":[{"Doc":"{\"password\":\"hunter2hunter2\"}"}]}`)},
		RequestHeaders: entry.Header{{Name: "Authorization", Value: "Bearer abcdefgh12345"}}, Query: "a=1&X-Amz-Signature=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"}
	want := []string{
		"r.ndjson:1: entry test-1: query: aws-signature",
		"r.ndjson:1: entry test-1: request_headers.Authorization: credential-header",
		"r.ndjson:1: entry test-1: response_body.List[0].Doc.password: secret-by-name",
	}
	var got []string
	for _, f := range audit(t, string(e.AppendJSON(nil))) {
		got = append(got, f.String())
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestAuditAcceptsWhatTheRedactorLeaves is the one test that both must pass
// together: nothing is found after redaction that was found before.
func TestAuditAcceptsWhatTheRedactorLeaves(t *testing.T) {
	secret := canary(t)
	for _, c := range []call{
		jsonCall("secretsmanager", "secretsmanager.GetSecretValue", `{"SecretId":"s1"}`, `{"SecretString":"{\"username\":\"admin\",\"password\":\"SECRET\"}"}`),
		jsonCall("kms", "TrentService.Decrypt", `{"CiphertextBlob":"AAAA"}`, `{"Plaintext":"BASE64"}`),
		stsCall("AssumeRole", "&RoleArn=arn:aws:iam::123456789012:role/r"),
		jsonCall("cognito-idp", "AWSCognitoIdentityProviderService.InitiateAuth", `{"AuthParameters":{"PASSWORD":"SECRET"}}`, `{"AuthenticationResult":{"AccessToken":"`+jwtHeader+`.eyJzdWIiOiJzb21lb25lIn0.SECRET","IdToken":"SECRET"}}`),
		queryCall("ec2", "2016-11-15", "Action=CreateKeyPair&KeyName=k", "<R><keyMaterial>-----BEGIN RSA PRIVATE KEY-----\nSECRETSECRETSECRETSECRETSECRETSECRET\n-----END RSA PRIVATE KEY-----</keyMaterial></R>"),
		restCall("lambda", "GET", "/2015-03-31/functions/f", ``, `{"Code":{"Location":"https://a.s3.amazonaws.com/x?X-Amz-Signature=SECRETSECRET&X-Amz-Security-Token=SECRET"}}`),
		{method: "GET", host: "b.s3.us-east-1.amazonaws.com", query: "X-Amz-Credential=AKIAQ3EGVQ7XJQZ5XYZW%2F20260101%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Signature=SECRETSECRET&X-Amz-Security-Token=SECRET",
			header: []string{"x-api-key", secret, "Cookie", "a=" + secret, "X-Forwarded-For", "192.0.2.7", "x-amz-server-side-encryption-customer-key", "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2U="}},
	} {
		c = c.with(secret)
		if before := audit(t, record(t, Options{NoRedact: true}, c)...); len(before) == 0 && c.query == "" && !strings.HasPrefix(c.host, "kms") { // random bytes look like nothing
			t.Errorf("nothing is found even without redaction: %+v", c)
		}
		for _, line := range record(t, Options{}, c) {
			for _, f := range audit(t, line) {
				t.Errorf("%s: %s", f, line)
			}
		}
	}
}

func BenchmarkAudit(b *testing.B) {
	c := jsonCall("dynamodb", "DynamoDB_20120810.PutItem", `{"TableName":"t","Item":{`+strings.Repeat(`"attribute":{"S":"some value"},`, 30)+`"x":{"N":"1"}}}`, `{}`)
	line := record(b, Options{}, c)[0]
	b.SetBytes(int64(len(line)))
	for b.Loop() {
		if err := Audit(entry.NewReader(strings.NewReader(line), ""), func(f Finding) { b.Fatal(f) }); err != nil {
			b.Fatal(err)
		}
	}
}

// Patterns are compiled when they are needed: a wrong one must not wait for that.
func TestPatternsCompile(t *testing.T) {
	for _, r := range auditRules {
		if r.pattern() == nil {
			t.Errorf("%s has no pattern", r.name)
		}
	}
	for _, p := range []func() *regexp.Regexp{credentialHeader, sigV4Header, sigV2Header, secretMember, publicMember, unicodeEscape, pemArmour, lineBreak, pemLine, policyCondition} {
		if p() == nil {
			t.Error("no pattern")
		}
	}
}
