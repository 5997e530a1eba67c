package replay

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/neureaux/cloudmock/internal/sign"
	"github.com/neureaux/cloudmock/pkg/entry"
)

// checkForm is what S3 does with a browser's upload: it says what is wrong, ""
// if nothing is.
func checkForm(r *http.Request, secret string) string {
	if r.Header.Get("Authorization") != "" {
		return "signed twice"
	}
	if err := r.ParseMultipartForm(1 << 20); err != nil {
		return err.Error()
	}
	form := make(map[string]string)
	for k, v := range r.MultipartForm.Value {
		form[strings.ToLower(k)] = v[0]
	}
	hash := func(key []byte, text string) []byte {
		h := hmac.New(sha256.New, key)
		h.Write([]byte(text))
		return h.Sum(nil)
	}
	if form["awsaccesskeyid"] != "" {
		h := hmac.New(sha1.New, []byte(secret))
		h.Write([]byte(form["policy"]))
		if form["signature"] != base64.StdEncoding.EncodeToString(h.Sum(nil)) {
			return "SignatureDoesNotMatch"
		}
	} else {
		key := []byte("AWS4" + secret)
		for _, part := range strings.Split(form["x-amz-credential"], "/")[1:] {
			key = hash(key, part)
		}
		if form["x-amz-signature"] != hex.EncodeToString(hash(key, form["policy"])) {
			return "SignatureDoesNotMatch"
		}
	}
	text, err := base64.StdEncoding.DecodeString(form["policy"])
	if err != nil {
		return err.Error()
	}
	var p struct {
		Expiration time.Time
		Conditions []any
	}
	if err := json.Unmarshal(text, &p); err != nil {
		return err.Error()
	}
	if time.Now().After(p.Expiration) {
		return "Policy expired"
	}
	met := map[string]bool{"policy": true, "x-amz-signature": true, "signature": true, "awsaccesskeyid": true}
	for _, c := range p.Conditions {
		switch c := c.(type) {
		case map[string]any:
			for name, want := range c {
				met[strings.ToLower(name)] = true
				if form[strings.ToLower(name)] != want && name != "bucket" {
					return fmt.Sprintf("condition failed: %s is %q, not %q", name, form[strings.ToLower(name)], want)
				}
			}
		case []any:
			if c[0] == "starts-with" {
				name := strings.ToLower(strings.TrimPrefix(c[1].(string), "$"))
				met[name] = true
				if !strings.HasPrefix(form[name], c[2].(string)) {
					return fmt.Sprintf("condition failed: %s is %q, not %q…", name, form[name], c[2])
				}
			}
		}
	}
	for name := range form {
		if !met[name] {
			return "extra input field " + name
		}
	}
	return ""
}

const formBoundary = "----WebKitFormBoundaryAbC"

// uploadForm writes a form as browsers do; the last field is the file.
func uploadForm(t *testing.T, fields ...string) string {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	if err := w.SetBoundary(formBoundary); err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(fields); i += 2 {
		if fields[i] == "file" {
			f, err := w.CreateFormFile("file", "a.bin")
			if err != nil {
				t.Fatal(err)
			}
			io.WriteString(f, fields[i+1])
		} else if err := w.WriteField(fields[i], fields[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestUploadFormsAreSignedAnew(t *testing.T) {
	const (
		oldID, newID = "upl-0123456789abcdef0", "upl-fedcba98765432100"
		file         = "\x00\xffthe file says upl-0123456789abcdef0\r\n"
		scope        = "ASIAOLD/20250101/eu-west-1/s3/aws4_request"
	)
	encode := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	v4 := func(more string) string {
		return encode(`{"expiration":"2025-01-01T00:10:00Z","conditions":[{"bucket":"bk"}, ["starts-with","$key","` + oldID + `/"],["content-length-range",1,100],
			{"x-amz-algorithm":"AWS4-HMAC-SHA256"},["eq","$X-Amz-Credential","` + scope + `"],{"x-amz-date":"20250101T000000Z"}` + more + `]}`)
	}
	signed := []string{"x-amz-algorithm", "AWS4-HMAC-SHA256", "X-Amz-Credential", scope, "x-amz-date", "20250101T000000Z", "x-amz-signature", "REDACTED"}
	token := []string{"x-amz-security-token", "OLD"}
	key := []string{"key", oldID + "/a.bin"}
	upload := func(groups ...[]string) string {
		var fields []string
		for _, g := range groups {
			fields = append(fields, g...)
		}
		return uploadForm(t, append(fields, "file", file)...)
	}
	tests := []struct {
		name   string
		body   string
		status int // recorded
		creds  sign.Static
		want   string // of the replay's error or, if it is sent, of what S3 says
	}{
		{"version 4", upload(key, signed, []string{"policy", v4("")}), 204, sign.Static{KeyID: "new", Secret: "secret"}, ""},
		{"a session token goes", upload(token, key, signed, []string{"policy", v4(`,{"x-amz-security-token":"OLD"}`)}), 204, sign.Static{KeyID: "new", Secret: "secret"}, ""},
		{"a session token comes", upload(key, signed, []string{"policy", v4("")}), 204, sign.Static{KeyID: "new", Secret: "secret", Token: "NEW"}, ""},
		{"one session token for another", upload(key, token, signed, []string{"policy", v4(`,{"x-amz-security-token":"OLD"}`)}), 204, sign.Static{KeyID: "new", Secret: "secret", Token: "NEW"}, ""},
		{"version 2", upload(key, []string{"AWSAccessKeyId", "AKIAOLD", "policy", encode(`{"expiration":"2025-01-01T00:10:00.000Z","conditions":[["starts-with","$key","` + oldID + `"]]}`), "signature", "REDACTED"}), 204,
			sign.Static{KeyID: "new", Secret: "secret"}, ""},
		{"what had expired has expired", upload(key, signed, []string{"policy", encode(`{"expiration":"2025-01-01T00:04:00Z","conditions":[]}`)}), 403,
			sign.Static{KeyID: "new", Secret: "secret"}, "Policy expired"},
		{"a policy that is no base64", upload(key, signed, []string{"policy", "???"}), 204, sign.Static{KeyID: "new", Secret: "secret"}, "not sent: the form of the upload can not be signed anew: its policy is not base64"},
		{"a policy without an end", upload(key, signed, []string{"policy", encode(`{"conditions":[]}`)}), 204, sign.Static{KeyID: "new", Secret: "secret"},
			"not sent: the form of the upload can not be signed anew: its policy is not JSON with an expiration and conditions"},
		{"another algorithm", upload(key, []string{"x-amz-algorithm", "AWS4-ECDSA-P256-SHA256", "x-amz-credential", scope, "policy", v4("")}), 204, sign.Static{KeyID: "new", Secret: "secret"},
			`not sent: the form of the upload can not be signed anew: its algorithm "AWS4-ECDSA-P256-SHA256" is not known`},
		{"a wrong form that was refused is sent as it was", upload(key, signed, []string{"policy", "???"}), 400, sign.Static{KeyID: "new", Secret: "secret"}, "SignatureDoesNotMatch"},
	}
	dir := t.TempDir()
	check := func(name string, i int, stored bool) {
		tt := tests[i]
		t.Run(name+tt.name, func(t *testing.T) {
			content := entry.Body{Data: []byte(tt.body)}
			if stored {
				sum := sha256.Sum256(content.Data)
				content = entry.Body{Size: int64(len(tt.body)), SHA256: hex.EncodeToString(sum[:]), Truncated: true}
				if err := os.WriteFile(filepath.Join(dir, content.SHA256), []byte(tt.body), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			var said, uploaded, length string
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/ids" {
					fmt.Fprintf(w, `{"UploadId":%q}`, newID)
					return
				}
				length = r.Header.Get("Content-Length")
				said = checkForm(r, "secret")
				if f, _, err := r.FormFile("file"); err == nil {
					b, _ := io.ReadAll(f) // compared below
					uploaded = string(b)
				}
				w.WriteHeader(204)
			}))
			defer s.Close()
			first := entry.Entry{ID: "1", Service: "s3", Method: "GET", Path: "/ids", StatusCode: 200, ResponseBody: entry.Body{Data: []byte(`{"UploadId":"` + oldID + `"}`)}}
			second := entry.Entry{ID: "2", Timestamp: time.Date(2025, 1, 1, 0, 5, 0, 0, time.UTC), Method: "POST", Host: "bk.s3.eu-west-1.amazonaws.com", Path: "/", StatusCode: tt.status,
				RequestHeaders: entry.Header{{Name: "Content-Type", Value: "multipart/form-data; boundary=" + formBoundary}}, RequestBody: content}
			text := string(first.AppendJSON(nil)) + "\n" + string(second.AppendJSON(nil)) + "\n"
			got, err := replayText(t, Options{Endpoints: []Endpoint{{URL: s.URL}}, Credentials: tt.creds, Order: Serial, BodyDir: dir}, text)
			if err != nil {
				t.Fatal(err)
			}
			r := got[1].Replay
			if r.Error != "" {
				said = r.Error
			}
			if said != tt.want {
				t.Fatalf("got %q, want %q", said, tt.want)
			}
			if r.Error == "" && tt.want == "" {
				if diff := cmp.Diff(file, uploaded); diff != "" {
					t.Errorf("the file (-want +got):\n%s", diff)
				}
				if length == "" || len(r.Rewrites) != 1 || r.Rewrites[0].Replay != newID {
					t.Errorf("length %q, rewrites %v", length, r.Rewrites)
				}
			}
		})
	}
	for i := range tests {
		check("", i, false)
		check("in a file, ", i, true)
	}
}

// A form without a policy is sent as it is, also out of a file; one whose policy can
// not be reached is refused.
func TestStoredFormsWithoutFieldsOfS3(t *testing.T) {
	tests := []struct{ name, body, want string }{
		{"no policy", uploadForm(t, "key", "k", "file", "content"), ""},
		{"no file", uploadForm(t, "key", "k", "x", "y"), ""},
		{"no form", "content", ""},
		{"a policy beyond reach", uploadForm(t, "policy", "x", "key", strings.Repeat("k", maxFormFields), "file", "content"),
			"not sent: the form of 65868 bytes can not be signed anew: its policy must stand before the file, and all fields within 65536 bytes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			sum := sha256.Sum256([]byte(tt.body))
			digest := hex.EncodeToString(sum[:])
			if err := os.WriteFile(filepath.Join(dir, digest), []byte(tt.body), 0o600); err != nil {
				t.Fatal(err)
			}
			s := newRawServer(t, func(string) string { return plainAnswer })
			e := entry.Entry{ID: "1", Service: "s3", Method: "POST", Host: "bk.s3.eu-west-1.amazonaws.com", Path: "/", StatusCode: 204,
				RequestHeaders: entry.Header{{Name: "Content-Type", Value: "multipart/form-data; boundary=" + formBoundary}}, RequestBody: entry.Body{Size: int64(len(tt.body)), SHA256: digest, Truncated: true}}
			got, err := replayText(t, Options{Endpoints: endpoint(s.addr), BodyDir: dir}, string(e.AppendJSON(nil)))
			if err != nil {
				t.Fatal(err)
			}
			if got[0].Replay.Error != tt.want {
				t.Errorf("error %q, want %q", got[0].Replay.Error, tt.want)
			}
			if tt.want == "" && !strings.HasSuffix(s.requests()[0], "\r\n\r\n"+tt.body) {
				t.Errorf("request %q", s.requests()[0])
			}
		})
	}
}

// FuzzFormData states that a form taken apart is put together as it was.
func FuzzFormData(f *testing.F) {
	f.Add([]byte("--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx\r\n--b--\r\n"))
	f.Add([]byte("junk\r\n--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n\r\n--b\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\n--b\r\n--b--"))
	f.Fuzz(func(t *testing.T, data []byte) {
		r := &request{body: data}
		r.Method = "POST"
		r.Add("Content-Type", "multipart/form-data; boundary=b")
		form, ok := r.parseFormData()
		if !ok {
			return
		}
		if diff := cmp.Diff(string(data), string(form.appendTo(nil))); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
		r.body = data
		w := &worker{engine: &engine{r: &Replayer{}}}
		c := &call{req: *r}
		if c.line.Parse([]byte(`{}`)) != nil {
			t.Fatal("no entry")
		}
		_, _ = w.signForm(c, sign.Credentials{KeyID: "id", Secret: "s", Token: "t"}, time.Now()) // must not panic
	})
}
