package capture

import (
	"archive/zip"
	"bytes"
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/neureaux/cloudmock/pkg/entry"
)

func TestPlacesOfPseudonymsAreListed(t *testing.T) {
	put := jsonCall("ssm", "AmazonSSM.PutParameter", `{"Name":"/db","Value":"hunter2hunter2","Type":"SecureString"}`, `{"Version":1}`)
	for _, tt := range []struct {
		name  string
		calls []call
		want  entry.Redacted
	}{
		{"what the service made", []call{jsonCall("secretsmanager", "secretsmanager.GetRandomPassword", `{}`, `{"RandomPassword":"xK2#abcdefgh"}`)},
			entry.Redacted{Response: []string{"$.RandomPassword"}}},
		{"what the request says", []call{put}, entry.Redacted{Request: []string{"$.Value"}}},
		{"not what a request has said before", []call{put, jsonCall("ssm", "AmazonSSM.GetParameter", `{"Name":"/db","WithDecryption":true}`, `{"Parameter":{"Name":"/db","Value":"hunter2hunter2"}}`)},
			entry.Redacted{}},
		{"the elements of a list one by one", []call{put, jsonCall("ssm", "AmazonSSM.GetParameters", `{"Names":["/db","/x"]}`, `{"Parameters":[{"Value":"hunter2hunter2"},{"Value":"made by the service"}]}`)},
			entry.Redacted{Response: []string{"$.Parameters[1].Value"}}},
		{"a short value counts under its own name alone", []call{
			jsonCall("ssm", "AmazonSSM.PutParameter", `{"Name":"/n","Value":"7"}`, `{}`),
			jsonCall("secretsmanager", "secretsmanager.GetRandomPassword", `{}`, `{"RandomPassword":"7"}`)},
			entry.Redacted{Response: []string{"$.RandomPassword"}}},
		{"within a document", []call{jsonCall("secretsmanager", "secretsmanager.GetSecretValue", `{"SecretId":"s"}`, `{"SecretString":"{\"user\":\"admin-user\",\"n\":[1,2]}"}`)},
			entry.Redacted{Response: []string{"$.SecretString.user", "$.SecretString.n[0]", "$.SecretString.n[1]"}}},
		{"an element of XML", []call{queryCall("iam", "2010-05-08", "Action=CreateAccessKey", "<CreateAccessKeyResponse><CreateAccessKeyResult><AccessKey><AccessKeyId>AKIAQ3EGVQ7XJQZ5XYZW</AccessKeyId><SecretAccessKey>0123456789012345678901234567890123456789</SecretAccessKey></AccessKey></CreateAccessKeyResult></CreateAccessKeyResponse>")},
			entry.Redacted{Response: []string{"$.CreateAccessKeyResult.AccessKey.AccessKeyId", "$.CreateAccessKeyResult.AccessKey.SecretAccessKey"}}},
		{"a part of a text", []call{jsonCall("sqs", "AmazonSQS.ReceiveMessage", `{"QueueUrl":"q"}`, `{"Messages":[{"Body":"key AKIAQ3EGVQ7XJQZ5XYZW is old"}]}`)},
			entry.Redacted{Response: []string{"$.Messages[0].Body[4:24]"}}},
		{"a header", []call{{method: "GET", host: "b.s3.us-east-1.amazonaws.com", path: "/k", status: 307,
			answerHeader: []string{"Location", "https://b.s3.eu-west-1.amazonaws.com/k?X-Amz-Signature=" + strings.Repeat("ab", 32)}}},
			entry.Redacted{Response: []string{"headers.Location[55:63]"}}},
		{"a body of which only the digest stays", []call{{host: "secretsmanager.us-east-1.amazonaws.com", header: put.header[:2], body: "{}",
			answer: `{"SecretString":"cut off`, answerHeader: []string{"Content-Type", "application/x-amz-json-1.1"}}},
			entry.Redacted{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			lines := record(t, Options{}, tt.calls...)
			e := decodeLine(t, lines[len(lines)-1])
			if diff := cmp.Diff(tt.want, e.Redacted); diff != "" {
				t.Errorf("places (-want +got):\n%s\n%s", diff, lines[len(lines)-1])
			}
		})
	}
}

func TestPlacesAreBounded(t *testing.T) {
	var b strings.Builder
	for range 1000 {
		b.WriteString(`{"Value":"` + canary(t) + `"},`)
	}
	list := "[" + strings.TrimSuffix(b.String(), ",") + "]"
	e := decodeLine(t, record(t, Options{}, jsonCall("ssm", "AmazonSSM.GetParameters", `{}`, `{"Parameters":`+list+`}`))[0])
	if n := len(e.Redacted.Response); n != maxExactPlaces+1 || e.Redacted.Response[n-1] != "$.Parameters[*].Value" {
		t.Errorf("%d places: %s", n, e.Redacted.Response)
	}
}

func TestAnErrorEchoesNoSecretOfItsRequest(t *testing.T) {
	secret := canary(t)
	c := jsonCall("cognito-idp", "AWSCognitoIdentityProviderService.SignUp", `{"ClientId":"c","Username":"u","Password":"`+secret+`"}`,
		`{"__type":"InvalidParameterException","message":"Value '`+secret+`' at 'password' failed to satisfy constraint"}`)
	c.status = 400
	line := record(t, Options{}, c)[0]
	if how := leak(t, line, secret); how != "" {
		t.Errorf("%s: %s", how, line)
	}
}

// TestAKeyHasOnePseudonym: wherever an access key id is told again, in the base64 of
// a form's policy or in an error's text, the same stands for it.
func TestAKeyHasOnePseudonym(t *testing.T) {
	const key = "AKIAQ3EGVQ7XJQZ5XYZW"
	policy := base64.StdEncoding.EncodeToString([]byte(`{"conditions":[{"bucket":"b"},["eq","$x-amz-credential","` + key + `/20260101/us-east-1/s3/aws4_request"]]}`))
	form := call{host: "b.s3.us-east-1.amazonaws.com", header: []string{"Content-Type", "multipart/form-data; boundary=bnd"},
		body: "--bnd\r\nContent-Disposition: form-data; name=\"policy\"\r\n\r\n" + policy + "\r\n--bnd\r\nContent-Disposition: form-data; name=\"x-amz-credential\"\r\n\r\n" +
			key + "/20260101/us-east-1/s3/aws4_request\r\n--bnd--\r\n"}
	failed := call{method: "GET", host: "b.s3.us-east-1.amazonaws.com", path: "/k", status: 403, answerHeader: []string{"Content-Type", "application/xml"},
		header: []string{"Authorization", "AWS4-HMAC-SHA256 Credential=" + key + "/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=" + strings.Repeat("a", 64)},
		answer: "<Error><Code>InvalidAccessKeyId</Code><Message>No key " + key + " exists</Message><AWSAccessKeyId>" + key + "</AWSAccessKeyId></Error>"}
	blob := jsonCall("kms", "TrentService.Encrypt", `{"KeyId":"k","Plaintext":"`+base64.StdEncoding.EncodeToString([]byte(key))+`"}`, `{}`)
	found := map[string]int{}
	for _, line := range record(t, Options{}, form, failed, blob) {
		e := decodeLine(t, line)
		text := line + string(e.RequestBody.Data) + string(e.ResponseBody.Data)
		for _, m := range regexp.MustCompile(`[A-Za-z0-9+/]{28,}={0,2}`).FindAllString(text, -1) {
			raw, _ := base64.StdEncoding.DecodeString(m) // what is none has no key
			text += " " + string(raw)
		}
		for _, id := range regexp.MustCompile(`AKIA[A-Z0-9]{16}`).FindAllString(text, -1) {
			found[id]++
		}
	}
	if len(found) != 1 || found[key] > 0 {
		t.Errorf("it has these pseudonyms: %v", found)
	}
}

// TestAnErrorEchoesAShortSecretAsAWord: of a few letters, it is replaced where it
// stands by itself.
func TestAnErrorEchoesAShortSecretAsAWord(t *testing.T) {
	c := jsonCall("cognito-idp", "AWSCognitoIdentityProviderService.InitiateAuth", `{"AuthFlow":"USER_PASSWORD_AUTH","ClientId":"nope"}`,
		`{"__type":"ResourceNotFoundException","message":"App client nope, nopes or xnope not found"}`)
	c.status = 400
	e := decodeLine(t, record(t, Options{}, c)[0])
	m := regexp.MustCompile(`"ClientId":"([a-z]{4})"`).FindSubmatch(e.RequestBody.Data)
	if m == nil || string(m[1]) == "nope" || !strings.Contains(string(e.ResponseBody.Data), `"App client `+string(m[1])+`, nopes or xnope not found"`) {
		t.Errorf("%s: %s", e.RequestBody.Data, e.ResponseBody.Data)
	}
}

// TestWhatTheModelListsStays: a service takes no other word than the model's, and no
// number out of its range.
func TestWhatTheModelListsStays(t *testing.T) {
	e := decodeLine(t, record(t, Options{}, restCall("bedrock", "POST", "/guardrails",
		`{"name":"n","contentPolicyConfig":{"filtersConfig":[{"type":"HATE","inputStrength":"HIGH","outputStrength":"HIGH","inputAction":"BLOCK"}]},"blockedInputMessaging":"SECRET words"}`, `{}`))[0])
	if got := string(e.RequestBody.Data); !strings.Contains(got, `"inputAction":"BLOCK"`) || strings.Contains(got, "SECRET words") {
		t.Errorf("%s", got)
	}
}

func TestOneTimeCodesOfOAuth(t *testing.T) {
	for _, tt := range []struct {
		name string
		call func(secret string) call
	}{
		{"a form that no model knows", func(s string) call {
			return call{host: "pool.auth.us-east-1.amazoncognito.com", path: "/oauth2/token", header: []string{"Content-Type", "application/x-www-form-urlencoded"},
				body: "grant_type=authorization_code&client_id=abc&code=" + s + "&redirect_uri=https%3A%2F%2Fexample.com"}
		}},
		{"JSON that no model knows", func(s string) call {
			return restCall("newservice", "POST", "/token", `{"grantType":"authorization_code","code":"`+s+`","codeVerifier":"`+s+`"}`, `{}`)
		}},
		{"sso-oidc", func(s string) call {
			return restCall("oidc", "POST", "/token", `{"clientId":"c","clientSecret":"x","grantType":"authorization_code","code":"`+s+`","deviceCode":"`+s+`","codeVerifier":"`+s+`"}`, `{}`)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			secret := canary(t)
			line := record(t, Options{}, tt.call(secret))[0]
			if how := leak(t, line, secret); how != "" {
				t.Errorf("%s: %s", how, line)
			}
		})
	}
}

// TestProgramsAreKept: the code of a function replays, and the audit looks into it.
func TestProgramsAreKept(t *testing.T) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.Create("app.py")
	if err != nil {
		t.Fatal(err)
	}
	w.Write([]byte("aws_secret_access_key = '" + random(t, 40, upper+lower+digits) + "'\n"))
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	code := base64.StdEncoding.EncodeToString(b.Bytes())
	c := restCall("lambda", "POST", "/2015-03-31/functions", `{"FunctionName":"f","Code":{"ZipFile":"`+code+`"},"Environment":{"Variables":{"K":"a secret"}}}`, `{}`)
	line := record(t, Options{}, c)[0]
	if !strings.Contains(line, code) || strings.Contains(line, "a secret") {
		t.Errorf("not the code alone: %s", line)
	}
	if found := audit(t, line); len(found) == 0 {
		t.Error("the audit does not look into the archive")
	}
	if line := record(t, Options{Redact: []string{"ZipFile"}}, c)[0]; strings.Contains(line, code) {
		t.Errorf("--redact ZipFile does not take it out: %s", line)
	}
}

// TestTagsOfChangedObjectsFit: the entity tag of an object with a secret is that of
// the object as it is recorded, also in later answers and conditions.
func TestTagsOfChangedObjectsFit(t *testing.T) {
	object := "[default]\naws_secret_access_key = " + random(t, 40, upper+lower+digits) + "\n"
	tag := func(s []byte) string {
		sum := md5.Sum(s)
		return hex.EncodeToString(sum[:])
	}
	was := tag([]byte(object))
	lines := record(t, Options{},
		call{method: "PUT", host: "b.s3.us-east-1.amazonaws.com", path: "/k", body: object, answerHeader: []string{"ETag", `"` + was + `"`}},
		call{method: "GET", host: "b.s3.us-east-1.amazonaws.com", path: "/", query: "list-type=2", answer: "<ListBucketResult><Contents><Key>k</Key><ETag>&quot;" + was + "&quot;</ETag></Contents></ListBucketResult>"},
		call{method: "GET", host: "b.s3.us-east-1.amazonaws.com", path: "/k", header: []string{"If-Match", `"` + was + `"`}, answer: object, answerHeader: []string{"ETag", `"` + was + `"`}})
	now := tag(decodeLine(t, lines[0]).RequestBody.Data)
	for i, line := range lines {
		if strings.Contains(line, was) || !strings.Contains(line, now) {
			t.Errorf("entry %d has the tag of the object as it was: %s", i+1, line)
		}
	}
}

func TestChangedParts(t *testing.T) {
	for _, tt := range []struct {
		name, was, is string
		want          [][2]int
	}{
		{"equal texts", "abc", "abc", nil},
		{"a word", "key AKIAAAAA is", "key AKIABBBB is", [][2]int{{4, 12}}},
		{"two words far apart", "a=111111&name=value&b=222222", "a=333333&name=value&b=444444", [][2]int{{2, 8}, {22, 28}}},
		{"another length", "sig=abcdef&x=1", "sig=REDACTED&x=1", [][2]int{{4, 12}}},
		{"all", "abc", "xyz", [][2]int{{0, 3}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, changedParts(tt.was, tt.is)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestSecretsThatComeAgain: what one call calls a secret is none in another, which
// has it in a place that no model knows, or within a text.
func TestSecretsThatComeAgain(t *testing.T) {
	secret := canary(t)
	first := jsonCall("cognito-idp", "AWSCognitoIdentityProviderService.AdminCreateUser", `{"UserPoolId":"p","Username":"`+secret+`"}`, `{}`)
	failed := jsonCall("events", "AWSEvents.DescribeConnection", `{"Name":"c"}`, `{"__type":"X","message":"no '`+secret+`' here"}`)
	failed.status = 400
	for _, tt := range []struct {
		name string
		call call
	}{
		{"a member that no model has", jsonCall("events", "AWSEvents.DescribeConnection", `{"Name":"c"}`, `{"AuthParameters":{"ApiKeyAuthParameters":{"ApiKeyValue":"`+secret+`"}}}`)},
		{"the filter of a search", jsonCall("cognito-idp", "AWSCognitoIdentityProviderService.ListUsers", `{"UserPoolId":"p","Filter":"username = \"`+secret+`\""}`, `{}`)},
		{"an error", failed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			lines := record(t, Options{}, first, tt.call)
			if how := leak(t, lines[1], secret); how != "" {
				t.Errorf("%s: %s", how, lines[1])
			}
			name := decodeLine(t, lines[0]).RequestBody.Data
			if i := strings.Index(string(name), `"Username":"`) + 12; !strings.Contains(lines[1], string(name[i:i+len(secret)])) {
				t.Errorf("the pseudonym of %s does not come again: %s", name, lines[1])
			}
		})
	}
}

// A text that was redacted in part is none as a whole when it comes again.
func TestTextsThatComeAgain(t *testing.T) {
	text := "see AKIA" + random(t, 16, upper+"234567") + " please"
	lines := record(t, Options{},
		jsonCall("sqs", "AmazonSQS.SendMessage", `{"QueueUrl":"q","MessageBody":"{\"note\":\"`+text+`\"}"}`, `{}`),
		jsonCall("sqs", "AmazonSQS.ReceiveMessage", `{"QueueUrl":"q"}`, `{"Messages":[{"Body":"{\"note\":\"`+text+`\"}"}]}`))
	if e := decodeLine(t, lines[1]); !strings.Contains(string(e.ResponseBody.Data), `see AKIA`) || len(e.Redacted.Response) > 0 {
		t.Errorf("%s", lines[1])
	}
}

// TestTagsOfPartsFit: an object in parts has a tag that follows from those of its
// parts.
func TestTagsOfPartsFit(t *testing.T) {
	part := "aws_secret_access_key = " + random(t, 40, upper+lower+digits) + "\n"
	sum := md5.Sum([]byte(part))
	whole := md5.Sum(sum[:])
	was, complete := hex.EncodeToString(sum[:]), hex.EncodeToString(whole[:])+"-1"
	header := []string{"Content-Type", "application/xml"}
	lines := record(t, Options{},
		call{method: "PUT", host: "b.s3.us-east-1.amazonaws.com", path: "/k", query: "partNumber=1&uploadId=u", body: part, answerHeader: []string{"ETag", `"` + was + `"`}},
		call{method: "POST", host: "b.s3.us-east-1.amazonaws.com", path: "/k", query: "uploadId=u", header: header,
			body:   `<CompleteMultipartUpload><Part><ETag>"` + was + `"</ETag><PartNumber>1</PartNumber></Part></CompleteMultipartUpload>`,
			answer: `<CompleteMultipartUploadResult><ETag>"` + complete + `"</ETag></CompleteMultipartUploadResult>`, answerHeader: header})
	sum = md5.Sum(decodeLine(t, lines[0]).RequestBody.Data)
	whole = md5.Sum(sum[:])
	now := hex.EncodeToString(whole[:]) + "-1"
	if strings.Contains(lines[1], was) || strings.Contains(lines[1], complete) || !strings.Contains(lines[1], now) {
		t.Errorf("want the tag %s: %s", now, lines[1])
	}
}
