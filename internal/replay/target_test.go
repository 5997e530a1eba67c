package replay

import (
	"crypto/md5"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestAddress states where the parts of an AWS host go.
func TestAddress(t *testing.T) {
	tests := []struct {
		name, entry string
		virtual     bool
		line, host  string // HOST is the endpoint
	}{
		{"a bucket of the host goes into the path", `"method":"GET","host":"my.bucket.s3.us-west-1.amazonaws.com","path":"/a%2Fb//c","query":"x-id=GetObject"`, false,
			"GET /my.bucket/a%2Fb//c?x-id=GetObject HTTP/1.1", "HOST"},
		{"or stays before the host", `"method":"GET","host":"bucket.s3.us-west-1.amazonaws.com","path":"/a"`, true, "GET /a HTTP/1.1", "bucket.HOST"},
		{"path style stays", `"method":"GET","host":"s3.us-east-1.amazonaws.com","path":"/bucket/a"`, false, "GET /bucket/a HTTP/1.1", "HOST"},
		{"a list of a virtual bucket", `"method":"GET","host":"bucket.s3.amazonaws.com","path":"/","query":"list-type=2"`, false, "GET /bucket/?list-type=2 HTTP/1.1", "HOST"},
		{"other services have the endpoint's host", `"method":"POST","host":"dynamodb.us-east-1.amazonaws.com","path":"/","request_headers":{"X-Amz-Target":"DynamoDB_20120810.GetItem"}`, false, "POST / HTTP/1.1", "HOST"},
		{"an account before the host is left out", `"method":"POST","host":"123456789012.ddb.us-east-1.amazonaws.com","path":"/","request_headers":{"X-Amz-Target":"DynamoDB_20120810.GetItem"}`, false, "POST / HTTP/1.1", "HOST"},
		{"a host prefix is left out", `"method":"POST","host":"sync-states.us-east-1.amazonaws.com","path":"/","request_headers":{"X-Amz-Target":"AWSStepFunctions.StartSyncExecution"}`, false, "POST / HTTP/1.1", "HOST"},
		{"an API is known by its host alone", `"method":"GET","host":"abc123.execute-api.eu-west-1.amazonaws.com","path":"/prod/x"`, false, "GET /prod/x HTTP/1.1", "abc123.execute-api.HOST"},
		{"so is a function's URL", `"method":"GET","host":"xyz123.lambda-url.eu-west-1.on.aws","path":"/x"`, false, "GET /x HTTP/1.1", "xyz123.lambda-url.HOST"},
		{"and an API of AppSync", `"method":"POST","host":"q1w2.appsync-api.eu-west-1.amazonaws.com","path":"/graphql"`, false, "POST /graphql HTTP/1.1", "q1w2.appsync-api.HOST"},
		{"an unknown host is no matter", `"method":"GET","host":"evil.example","path":"/x"`, false, "GET /x HTTP/1.1", "HOST"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newRawServer(t, func(string) string { return plainAnswer })
			got, err := replayText(t, Options{Endpoints: endpoint(s.addr), S3Virtual: tt.virtual}, `{"id":"a",`+tt.entry+`}`)
			if err != nil || got[0].Replay.Error != "" {
				t.Fatal(err, got[0].Replay.Error)
			}
			line, rest, _ := strings.Cut(s.requests()[0], "\r\n")
			host, _, _ := strings.Cut(strings.TrimPrefix(rest, "Host: "), "\r\n")
			if diff := cmp.Diff([]string{tt.line, tt.host}, []string{line, strings.ReplaceAll(host, s.addr, "HOST")}); diff != "" {
				t.Errorf("request (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSeveralEndpointsInOneRun(t *testing.T) {
	a := newRawServer(t, func(string) string { return plainAnswer })
	b := newRawServer(t, func(string) string { return "HTTP/1.1 500 x\r\nContent-Length: 0\r\n\r\n" })
	text := `{"id":"1","method":"GET","path":"/1"}` + "\n" + `{"id":"2","method":"GET","path":"/2"}` + "\n"
	got, err := replayText(t, Options{Endpoints: []Endpoint{{Name: "a", URL: "http://" + a.addr}, {Name: "b", URL: "http://" + b.addr}}}, text)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, e := range got {
		lines = append(lines, fmt.Sprint(e.ID, e.Replay.Endpoint, e.Replay.StatusCode))
	}
	if diff := cmp.Diff([]string{"1a200", "1b500", "2a200", "2b500"}, lines); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
	if len(a.requests()) != 2 || len(b.requests()) != 2 {
		t.Errorf("%d and %d requests", len(a.requests()), len(b.requests()))
	}
}

func TestTLSAndSockets(t *testing.T) {
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "ok") })
	secure := httptest.NewUnstartedServer(handler)
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.TLS = &tls.Config{}
	secure.StartTLS()
	defer secure.Close()
	dir := t.TempDir()
	ca := filepath.Join(dir, "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(dir, "s")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	plain := &httptest.Server{Listener: l, Config: &http.Server{Handler: handler}}
	plain.Start()
	defer plain.Close()
	tests := []struct {
		name, url string
		tls       TLS
		err       string
	}{
		{"an unknown certificate is refused", secure.URL, TLS{}, "certificate signed by unknown authority"},
		{"unless its authority is given", secure.URL, TLS{CA: ca}, ""},
		{"or none is asked for", secure.URL, TLS{Insecure: true}, ""},
		{"a unix socket", "unix://" + socket, TLS{}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := replayText(t, Options{Endpoints: []Endpoint{{URL: tt.url}}, TLS: tt.tls}, `{"id":"a","method":"GET","path":"/"}`+"\n"+`{"id":"b","method":"GET","path":"/"}`)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range got {
				if r := e.Replay; !strings.Contains(r.Error, tt.err) || tt.err == "" && r.StatusCode != 200 {
					t.Errorf("%d %q, want %q", r.StatusCode, r.Error, tt.err)
				}
			}
		})
	}
}

func TestDigestsOfRedactedBodiesAreMadeAnew(t *testing.T) {
	s := newRawServer(t, func(string) string { return plainAnswer })
	_, err := replayText(t, Options{Endpoints: endpoint(s.addr)},
		`{"id":"a","service":"s3","method":"PUT","path":"/b/k","request_body":"new","request_headers":{"Content-Md5":"REDACTED","X-Amz-Checksum-Crc32":"REDACTED","X-Amz-Content-Sha256":"REDACTED","x-amz-checksum-sha1":"kept"}}`)
	if err != nil {
		t.Fatal(err)
	}
	sum := md5.Sum([]byte("new"))
	sha := sha256.Sum256([]byte("new"))
	for _, want := range []string{"Content-Md5: " + base64.StdEncoding.EncodeToString(sum[:]), "X-Amz-Checksum-Crc32: a+NERQ==", "X-Amz-Content-Sha256: " + hex.EncodeToString(sha[:]), "x-amz-checksum-sha1: kept"} {
		if !strings.Contains(s.requests()[0], "\r\n"+want+"\r\n") {
			t.Errorf("no %s in %s", want, s.requests()[0])
		}
	}
}

func TestBodiesKeptInFiles(t *testing.T) {
	dir := t.TempDir()
	data := strings.Repeat("large body ", 10000)
	sum := sha256.Sum256([]byte(data))
	digest := hex.EncodeToString(sum[:])
	if err := os.WriteFile(filepath.Join(dir, digest), []byte(data), 0o600); err != nil {
		t.Fatal(err)
	}
	s := newRawServer(t, func(string) string { return plainAnswer })
	entries := fmt.Sprintf(`{"id":"a","service":"s3","method":"PUT","path":"/b/k","request_body_size":%d,"request_body_sha256":%q,"request_body_truncated":true}`, len(data), digest) + "\n" +
		`{"id":"b","service":"s3","method":"PUT","path":"/b/k","request_body_size":7,"request_body_sha256":"../../etc/passwd","request_body_truncated":true}` + "\n" +
		fmt.Sprintf(`{"id":"c","service":"s3","method":"PUT","path":"/b/k","request_body_size":7,"request_body_sha256":%q,"request_body_truncated":true}`, digest)
	got, err := replayText(t, Options{Endpoints: endpoint(s.addr), BodyDir: dir}, entries)
	if err != nil {
		t.Fatal(err)
	}
	if got[0].Replay.StatusCode != 200 || len(s.requests()) != 1 || !strings.HasSuffix(s.requests()[0], "\r\n\r\n"+data) || !strings.Contains(s.requests()[0], digest) {
		t.Errorf("%+v, %d requests", got[0].Replay, len(s.requests()))
	}
	for i, want := range []string{"not sent: the recording does not hold the request's body of 7 bytes", "not sent: the file of body " + digest + " has not the recorded 7 bytes"} {
		if e := got[i+1].Replay.Error; !strings.HasPrefix(e, want) {
			t.Errorf("error %q, want %q", e, want)
		}
	}
}
