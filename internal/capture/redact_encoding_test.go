package capture

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"

	"github.com/neureaux/cloudmock/internal/body"
)

// secretCall is GetSecretValue with an answer in some encoding.
func secretCall(contentEncoding string, answer []byte) call {
	c := jsonCall("secretsmanager", "secretsmanager.GetSecretValue", `{"SecretId":"s1"}`, string(answer))
	if contentEncoding != "" {
		c.answerHeader = append(c.answerHeader, "Content-Encoding", contentEncoding)
	}
	return c
}

// TestNoEncodingHidesASecret plants a secret behind each encoding that bodies
// and values come in.
func TestNoEncodingHidesASecret(t *testing.T) {
	key := "AKIA" + random(t, 16, upper+"234567") // a secret by its form
	answer := func(c string) []byte { return []byte(`{"Name":"s1","SecretString":"` + c + `"}`) }
	frame := func(event, payload string) []byte {
		var b bytes.Buffer
		m := eventstream.Message{Payload: []byte(payload)}
		m.Headers.Set(":message-type", eventstream.StringValue("event"))
		m.Headers.Set(":event-type", eventstream.StringValue(event))
		m.Headers.Set(":content-type", eventstream.StringValue("application/json"))
		if err := eventstream.NewEncoder().Encode(&b, m); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	for _, tt := range []struct {
		name   string
		secret string // canary if empty
		call   func(c string) call
		format string // of what must still be readable
	}{
		{name: "gzip, named", call: func(c string) call { return secretCall("gzip", []byte(zipped(string(answer(c))))) }, format: "gzip"},
		{name: "gzip, not named", call: func(c string) call { return secretCall("", []byte(zipped(string(answer(c))))) }, format: "gzip"},
		{name: "gzip of gzip", call: func(c string) call { return secretCall("gzip, gzip", []byte(zipped(zipped(string(answer(c)))))) }, format: "gzip"},
		{name: "deflate", call: func(c string) call {
			var b bytes.Buffer
			z := zlib.NewWriter(&b)
			z.Write(answer(c))
			z.Close()
			return secretCall("deflate", b.Bytes())
		}},
		{name: "zstd", call: func(c string) call {
			z, _ := zstd.NewWriter(nil)
			return secretCall("zstd", z.EncodeAll(answer(c), nil))
		}},
		{name: "an encoding that cannot be read", call: func(c string) call { return secretCall("br", answer(c)) }},
		{name: "a body that is none of its format", call: func(c string) call { return secretCall("", []byte(`{"SecretString":"`+c)) }},
		{name: "UTF-16 without a mark", call: func(c string) call {
			var text []byte
			for _, u := range utf16.Encode([]rune(string(answer(c)))) {
				text = append(text, byte(u>>8), byte(u))
			}
			return secretCall("", text)
		}},
		{name: "gzip that is cut", call: func(c string) call { return secretCall("gzip", []byte(zipped(string(answer(c))))[:30]) }},
		{name: "a gzip request", call: func(c string) call {
			r := jsonCall("ssm", "AmazonSSM.PutParameter", zipped(`{"Name":"n","Value":"`+c+`"}`), `{}`)
			r.header = append(r.header, "Content-Encoding", "gzip")
			return r
		}},
		{name: "percent escapes in a form", call: func(c string) call {
			var escaped strings.Builder
			for _, b := range []byte(c) {
				fmt.Fprintf(&escaped, "%%%02x", b)
			}
			return queryCall("iam", "2010-05-08", "Action=ChangePassword&NewPassword="+escaped.String(), "<R/>")
		}},
		{name: "character references in XML", call: func(c string) call {
			var escaped strings.Builder
			for i, b := range []byte(c) {
				fmt.Fprintf(&escaped, [...]string{"&#x%x;", "&#%d;"}[i%2], b)
			}
			return queryCall("iam", "2010-05-08", "Action=CreateAccessKey", "<CreateAccessKeyResponse><CreateAccessKeyResult><AccessKey><SecretAccessKey>"+escaped.String()+"</SecretAccessKey></AccessKey></CreateAccessKeyResult></CreateAccessKeyResponse>")
		}},
		{name: "CDATA in XML", call: func(c string) call {
			return queryCall("iam", "2010-05-08", "Action=CreateAccessKey", "<CreateAccessKeyResponse><CreateAccessKeyResult><AccessKey><SecretAccessKey><![CDATA["+c+"]]></SecretAccessKey></AccessKey></CreateAccessKeyResult></CreateAccessKeyResponse>")
		}},
		{name: "escapes in JSON", call: func(c string) call {
			var escaped strings.Builder
			for _, b := range []byte(c) {
				fmt.Fprintf(&escaped, `\u%04x`, b)
			}
			return secretCall("", []byte(`{"\u0053ecretString":"`+escaped.String()+`"}`))
		}},
		{name: "a JSON document in a string in a string", call: func(c string) call {
			return jsonCall("newservice", "X.Put", `{"Doc":"{\"inner\":\"{\\\"password\\\":\\\"`+c+`\\\"}\"}"}`, `{}`)
		}},
		{name: "frames of an event stream", call: func(c string) call {
			r := restCall("bedrock-runtime", "POST", "/model/m/invoke-with-response-stream", `{}`, "")
			r.answerHeader = []string{"Content-Type", "application/vnd.amazon.eventstream"}
			r.answer = string(frame("chunk", `{"bytes":"`+base64.StdEncoding.EncodeToString([]byte(`{"completion":"`+c+`"}`))+`"}`)) +
				string(frame("chunk", `{"bytes":"`+base64.StdEncoding.EncodeToString([]byte(c))+`"}`))
			return r
		}, format: "event stream"},
		{name: "Lambda's log in a header", secret: key, call: func(c string) call {
			r := restCall("lambda", "POST", "/2015-03-31/functions/f/invocations", `{}`, `{}`)
			r.answerHeader = append(r.answerHeader, "X-Amz-Log-Result", base64.StdEncoding.EncodeToString([]byte("START\nkey="+c+"\nEND RequestId: 1")))
			return r
		}},
		{name: "Kinesis data", secret: key, call: func(c string) call {
			return jsonCall("kinesis", "Kinesis_20131202.PutRecord", `{"StreamName":"s","PartitionKey":"p","Data":"`+base64.StdEncoding.EncodeToString([]byte("key="+c))+`"}`, `{}`)
		}},
		{name: "Kinesis data, gzip", secret: key, call: func(c string) call {
			return jsonCall("kinesis", "Kinesis_20131202.PutRecord", `{"StreamName":"s","PartitionKey":"p","Data":"`+base64.StdEncoding.EncodeToString([]byte(zipped("key="+c)))+`"}`, `{}`)
		}},
		{name: "a key id in a message", secret: key, call: func(c string) call {
			return jsonCall("sqs", "AmazonSQS.SendMessage", `{"QueueUrl":"q","MessageBody":"the key is `+c+`"}`, `{}`)
		}},
		{name: "a key id written with escapes in a message", secret: key, call: func(c string) call {
			return jsonCall("sqs", "AmazonSQS.SendMessage", `{"QueueUrl":"q","MessageBody":"the key is \u0041`+c[1:]+`"}`, `{}`)
		}},
		{name: "chunks of S3 that cut a secret in two", secret: key, call: func(c string) call {
			return call{method: "PUT", host: "b.s3.us-east-1.amazonaws.com", path: "/k",
				header: []string{"X-Amz-Content-Sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "Content-Encoding", "aws-chunked", "X-Amz-Decoded-Content-Length", "28"},
				body:   "e\r\nid: " + c[:10] + "\r\ne\r\n" + c[10:] + "\nok.\r\n0\r\nx-amz-checksum-crc32:" + base64.StdEncoding.EncodeToString([]byte(c[:4])) + "\r\n\r\n"}
		}},
		{name: "UTF-16", secret: key, call: func(c string) call {
			text := []byte{0xff, 0xfe}
			for _, u := range utf16.Encode([]rune("the key " + c)) {
				text = append(text, byte(u), byte(u>>8))
			}
			return call{method: "PUT", host: "b.s3.us-east-1.amazonaws.com", path: "/k", body: string(text)}
		}},
		{name: "a secret in a POST's query", call: func(c string) call {
			return call{method: "GET", host: "iam.amazonaws.com", query: "Action=ChangePassword&Version=2010-05-08&NewPassword=" + url.QueryEscape(c), header: []string{"Authorization", fmt.Sprintf(signed, "iam")}}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			secret := tt.secret
			if secret == "" {
				secret = canary(t)
			}
			line := record(t, Options{}, tt.call(secret))[0]
			if how := leak(t, line, secret); how != "" {
				t.Errorf("in %s: %s", how, line)
			}
			if data := string(decodeLine(t, line).ResponseBody.Data); strings.Contains(data+line, utf16Text(secret)) || strings.Contains(data, utf16Text(secret)[1:2*len(secret)-1]) {
				t.Errorf("UTF-16: %s", line)
			}
			e := decodeLine(t, line)
			switch tt.format {
			case "gzip":
				plain, codings, ok := decode(e.ResponseBody.Data, "", false)
				if !ok || len(codings) == 0 || !bytes.Contains(plain, []byte(`"Name":"s1"`)) {
					t.Errorf("no gzip any more: %q", plain)
				}
			case "event stream":
				var tree body.Tree
				if err := tree.Parse(e.ResponseBody.Data, body.Options{}); err != nil || tree.Format() != body.EventStream {
					t.Errorf("no event stream any more: %v", err)
				}
			}
		})
	}
}

func utf16Text(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		b.WriteByte(c)
		b.WriteByte(0)
	}
	return b.String()
}

// TestEqualSecretsStayEqual follows one password through services, protocols
// and encodings of one recording.
func TestEqualSecretsStayEqual(t *testing.T) {
	const secret = "hunter2-Hunter2!"
	b64 := base64.StdEncoding.EncodeToString([]byte(secret))
	calls := []call{
		jsonCall("secretsmanager", "secretsmanager.GetSecretValue", `{}`, `{"SecretString":"`+secret+`"}`),
		jsonCall("secretsmanager", "secretsmanager.GetSecretValue", `{}`, `{"SecretString":"{\"username\":\"u\",\"password\":\"`+secret+`\"}"}`),
		jsonCall("secretsmanager", "secretsmanager.GetSecretValue", `{}`, `{"SecretBinary":"`+b64+`"}`),
		jsonCall("kms", "TrentService.Encrypt", `{"KeyId":"k","Plaintext":"`+b64+`"}`, `{}`),
		queryCall("rds", "2014-10-31", "Action=CreateDBInstance&MasterUserPassword="+url.QueryEscape(secret), `<R/>`),
		secretCall("gzip", []byte(zipped(`{"SecretString":"`+secret+`"}`))),
		{header: []string{"X-Api-Key", secret}},
	}
	pseudonym := ""
	for i, line := range record(t, Options{}, calls...) {
		if how := leak(t, line, secret); how != "" {
			t.Errorf("call %d: %s", i, how)
		}
		if i == 0 {
			got := string(decodeLine(t, line).ResponseBody.Data)
			pseudonym = strings.TrimSuffix(strings.TrimPrefix(got, `{"SecretString":"`), `"}`)
			if len(pseudonym) != len(secret) || pseudonym[7] != '-' || pseudonym[15] != '!' {
				t.Fatalf("%q became %q", secret, pseudonym)
			}
		}
		if leak(t, line, pseudonym) == "" {
			t.Errorf("call %d: not the same pseudonym: %s", i, line)
		}
	}
	if again := record(t, Options{}, calls[0])[0]; strings.Contains(again, pseudonym) {
		t.Error("another recording has the same pseudonym: the two can be linked")
	}
}

func TestLiveTrafficIsUntouched(t *testing.T) {
	const answer = `{"SecretString":"hunter2hunter2","Name":"n"}`
	const question = `{"SecretId":"s","SecretString":"hunter2hunter2"}`
	var sent string
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		sent = string(body) + r.Header.Get("Authorization") + r.Header.Get("X-Amz-Security-Token")
		w.Header().Set("Set-Cookie", "a=secret")
		io.WriteString(w, answer)
	})
	tr, tp := newTransport(t, Options{})
	req, _ := http.NewRequest("POST", url, strings.NewReader(question))
	req.Host = "secretsmanager.us-east-1.amazonaws.com"
	req.Header.Set("X-Amz-Target", "secretsmanager.PutSecretValue")
	req.Header.Set("Authorization", fmt.Sprintf(signed, "secretsmanager"))
	req.Header.Set("X-Amz-Security-Token", "token")
	header := req.Header.Clone()
	resp, err := tr.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	got, _ := io.ReadAll(resp.Body)
	if string(got) != answer || resp.Header.Get("Set-Cookie") != "a=secret" {
		t.Errorf("the caller got %s, %v", got, resp.Header)
	}
	if want := question + fmt.Sprintf(signed, "secretsmanager") + "token"; sent != want {
		t.Errorf("AWS got %s", sent)
	}
	for name := range header {
		if req.Header.Get(name) != header.Get(name) {
			t.Errorf("the request's %s changed", name)
		}
	}
	if e := tp.one(); strings.Contains(string(e.RequestBody.Data)+string(e.ResponseBody.Data), "hunter2") {
		t.Error("not redacted")
	}
}

// TestDigestsOfRedactedBodiesAreReplaced: they would let a short secret be found
// by trying, and be wrong in a replay.
func TestDigestsOfRedactedBodiesAreReplaced(t *testing.T) {
	c := jsonCall("ssm", "AmazonSSM.PutParameter", `{"Name":"n","Value":"123456"}`, `{"Version":1}`)
	sum := sha256.Sum256([]byte(c.body))
	c.header = append(c.header, "X-Amz-Content-Sha256", hex.EncodeToString(sum[:]), "Content-Md5", "md5digest", "X-Amz-Checksum-Sha256", "checksum", "x-amz-checksum-crc32", "crc",
		"X-Amz-Checksum-Algorithm", "CRC32", "Content-Length", "29")
	c.answerHeader = append(c.answerHeader, "X-Amz-Crc32", "4711")
	e := decodeLine(t, record(t, Options{}, c)[0])
	for _, name := range []string{"X-Amz-Content-Sha256", "Content-Md5", "X-Amz-Checksum-Sha256", "X-Amz-Checksum-Crc32"} {
		if got := e.RequestHeaders.Get(name); got != "REDACTED" {
			t.Errorf("%s: %s", name, got)
		}
	}
	if got := e.RequestHeaders.Get("X-Amz-Checksum-Algorithm"); got != "CRC32" {
		t.Errorf("the algorithm is none: %s", got)
	}
	// Bodies without secrets keep theirs.
	c.body, c.header[3] = `{"Name":"n"}`, "AmazonSSM.DeleteParameter"
	e = decodeLine(t, record(t, Options{}, c)[0])
	if got := e.RequestHeaders.Get("Content-Md5"); got != "md5digest" {
		t.Errorf("Content-MD5 of a body that was not changed: %s", got)
	}
}

func TestLargeBodiesOfSensitiveOperations(t *testing.T) {
	for _, tt := range []struct {
		name  string
		call  call
		keyed bool
	}{
		{"a secret beyond the limit has a keyed digest", jsonCall("ssm", "AmazonSSM.PutParameter", `{"Value":"`+strings.Repeat("s", 200)+`"}`, `{}`), true},
		{"other bodies have their SHA-256", jsonCall("sqs", "AmazonSQS.SendMessage", `{"MessageBody":"`+strings.Repeat("s", 200)+`"}`, `{}`), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			e := decodeLine(t, record(t, Options{MaxBody: 100, BodyDir: dir}, tt.call)[0])
			b := e.RequestBody
			sum := sha256.Sum256([]byte(tt.call.body))
			if !b.Truncated || b.Size != int64(len(tt.call.body)) || (b.SHA256 == hex.EncodeToString(sum[:])) == tt.keyed {
				t.Errorf("got %+v", b)
			}
			kept := 0
			if entries, err := os.ReadDir(dir); err != nil || len(entries) > 1 {
				t.Errorf("%v, %v", entries, err)
			} else {
				kept = len(entries)
			}
			if (kept == 0) != tt.keyed {
				t.Errorf("%d bodies kept", kept)
			}
		})
	}
}

func TestRedactPaths(t *testing.T) {
	c := jsonCall("sqs", "AmazonSQS.SendMessage", `{"QueueUrl":"q","MessageBody":"{\"user\":{\"pin\":\"KEEPOUT1\",\"name\":\"n\"},\"list\":[{\"pin\":\"KEEPOUT2\"}]}"}`, `{"MessageId":"KEEPOUT3"}`)
	c.header = append(c.header, "X-Tenant", "KEEPOUT4")
	c.query = "tenant=KEEPOUT5&other=1"
	for _, tt := range []struct {
		path string
		gone []string
	}{
		{"pin", []string{"1", "2"}},
		{"PIN", []string{"1", "2"}},
		{"user.pin", []string{"1"}},
		{"list[].pin", []string{"2"}},
		{"$..pin", []string{"1", "2"}},
		{"*.pin", []string{"1", "2"}},
		{"user", []string{"1"}},
		{".MessageId", []string{"3"}},
		{"$.MessageId", []string{"3"}},
		{".pin", nil},
		{"MessageBody", []string{"1", "2"}},
		{"header:x-tenant", []string{"4"}},
		{"query:tenant", []string{"5"}},
	} {
		t.Run(tt.path, func(t *testing.T) {
			line := record(t, Options{Redact: []string{tt.path}}, c)[0]
			var gone []string
			for _, n := range []string{"1", "2", "3", "4", "5"} {
				if !strings.Contains(line, "KEEPOUT"+n) {
					gone = append(gone, n)
				}
			}
			if strings.Join(gone, " ") != strings.Join(tt.gone, " ") {
				t.Errorf("gone %v, want %v: %s", gone, tt.gone, line)
			}
		})
	}
	for _, bad := range []string{"", ".", "a..b", "a[0].b", "["} {
		if _, err := NewRecorder(Options{Emit: func([]byte) error { return nil }, Redact: []string{bad}}); err == nil {
			t.Errorf("%q is taken for a path", bad)
		}
	}
}

func TestPathLabels(t *testing.T) {
	secret := canary(t)
	c := restCall("iot", "POST", "/things/"+secret+"/connectivity-data", "{}", "{}")
	line := record(t, Options{}, c)[0]
	if how := leak(t, line, secret); how != "" || !strings.Contains(line, `"path":"/things/`) || !strings.Contains(line, `/connectivity-data"`) {
		t.Errorf("%s: %s", how, line)
	}
}

func TestMessageDigestsFitTheRecordedMessage(t *testing.T) {
	const message = `the key is AKIAQ3EGVQ7XJQZ5XYZW`
	send := jsonCall("sqs", "AmazonSQS.SendMessage", `{"QueueUrl":"q","MessageBody":"`+message+`"}`, `{"MD5OfMessageBody":"`+md5Hex([]byte(message))+`","MessageId":"m"}`)
	receive := jsonCall("sqs", "AmazonSQS.ReceiveMessage", `{"QueueUrl":"q"}`, `{"Messages":[{"MD5OfBody":"`+md5Hex([]byte(message))+`","Body":"`+message+`"}]}`)
	lines := record(t, Options{}, send, receive)
	var sent, received body.Tree
	sent.Parse(decodeLine(t, lines[0]).RequestBody.Data, body.Options{})
	received.Parse(decodeLine(t, lines[1]).ResponseBody.Data, body.Options{})
	var text string
	for n := range sent.Scalars {
		if string(sent.Key(n)) == "MessageBody" {
			text = string(sent.Text(n))
		}
	}
	if text == "" || text == message {
		t.Fatalf("recorded message %q", text)
	}
	for i, line := range lines {
		if !strings.Contains(line, md5Hex([]byte(text))) || strings.Contains(line, md5Hex([]byte(message))) {
			t.Errorf("call %d: %s", i, line)
		}
	}
}

func TestAFailureOfTheRedactorWritesNothingSecret(t *testing.T) {
	var line string
	r, err := NewRecorder(Options{Emit: func(l []byte) error { line = string(l); return nil }})
	if err != nil {
		t.Fatal(err)
	}
	r.redactor.names = nil
	secret := canary(t)
	c := jsonCall("secretsmanager", "secretsmanager.GetSecretValue", `{"SecretId":"SECRET"}`, `{"SecretString":"SECRET"}`).with(secret)
	c.query, c.path, c.header[1] = "a="+secret, "/"+secret, "Bearer "+secret
	if err := c.exchange(r).Finish(nil); err != nil {
		t.Fatal(err)
	}
	if how := leak(t, line, secret); how != "" || !strings.Contains(line, "internal error") || !strings.Contains(line, `"action":"GetSecretValue"`) {
		t.Errorf("%s: %s", how, line)
	}
}

// TestObjectsAreKept: what is no secret stays in the recording byte for byte,
// whatever it looks like, or a replay would miss it.
func TestObjectsAreKept(t *testing.T) {
	noise := "\x3c\x00\xff eyJhb IQoJ AKIA my secret token= password \\u0041 &#65; {\"password\":\"x\" -----BEGIN PRIVATE KEY----- ://a:b"
	for _, tt := range []struct {
		name   string
		body   string
		header []string
	}{
		{"bytes that begin like a document", noise, nil},
		{"bytes said to be JSON", noise, []string{"Content-Type", "application/json"}},
		{"bytes said to be a form", noise, []string{"Content-Type", "multipart/form-data; boundary=x"}},
		{"bytes said to be gzip", noise, []string{"Content-Encoding", "gzip"}},
		{"a coding that cannot be read", noise, []string{"Content-Encoding", "br"}},
		{"bytes said to be in chunks", noise, []string{"Content-Encoding", "aws-chunked", "X-Amz-Content-Sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"}},
		{"gzip", zipped("nothing to see"), []string{"Content-Encoding", "gzip"}},
		{"UTF-16", "\xff\xfea\x00b\x00", nil},
		{"text about passwords", "the password is a secret, and the token= too; see https://example.com/@me", nil},
		{"a list of ids", "AKIA, ASIA: the prefixes of key ids. eyJ: of tokens", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := call{method: "PUT", host: "b.s3.us-east-1.amazonaws.com", path: "/k", body: tt.body, header: tt.header, answer: tt.body, answerHeader: tt.header}
			e := decodeLine(t, record(t, Options{}, c)[0])
			if string(e.RequestBody.Data) != tt.body || string(e.ResponseBody.Data) != tt.body {
				t.Errorf("%q became\n%+v and\n%+v", tt.body, e.RequestBody, e.ResponseBody)
			}
			if tt.header != nil && e.ResponseHeaders.Get(tt.header[0]) != tt.header[1] {
				t.Errorf("headers %v", e.ResponseHeaders)
			}
		})
	}
}
