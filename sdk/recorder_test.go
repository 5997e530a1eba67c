package sdk_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/go-cmp/cmp"

	"github.com/neureaux/cloudmock/pkg/entry"
	cmsdk "github.com/neureaux/cloudmock/sdk"
)

// upstream starts a server and makes it the endpoint of AWS clients made from
// the environment.
func upstream(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL":            s.URL,
		"AWS_ACCESS_KEY_ID":           "AKIATESTTESTTESTTEST",
		"AWS_SECRET_ACCESS_KEY":       "canarySECRETcanarySECRETcanarySECRETcana",
		"AWS_SESSION_TOKEN":           "canaryTOKENcanaryTOKEN",
		"AWS_REGION":                  "eu-west-1",
		"AWS_CONFIG_FILE":             "/nonexistent",
		"AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
		"AWS_PROFILE":                 "",
		"AWS_CA_BUNDLE":               "", // it needs a client that lets its TLS be changed
	} {
		t.Setenv(name, value)
	}
	return s.URL
}

const buckets = `<?xml version="1.0" encoding="UTF-8"?>
<ListAllMyBucketsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Owner><ID>o</ID></Owner><Buckets><Bucket><Name>b</Name><CreationDate>2026-01-02T03:04:05.000Z</CreationDate></Bucket></Buckets></ListAllMyBucketsResult>`

func TestTheProgramOfTheREADME(t *testing.T) {
	upstream(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, buckets) })
	t.Chdir(t.TempDir())
	out := captureStdout(t, Example)
	if out != "recorded 1 entries\n" {
		t.Errorf("it printed %q", out)
	}
	data, err := os.ReadFile("recording.json")
	if err != nil {
		t.Fatal(err)
	}
	info, _ := os.Stat("recording.json")
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, want 0600", info.Mode())
	}
	// The file as the program that this project succeeds reads it.
	var rec struct {
		ID, Name, Status string
		Filter           struct{}
		DurationSec      int       `json:"duration_sec"`
		StartedAt        time.Time `json:"started_at"`
		EntryCount       int       `json:"entry_count"`
		Entries          []oldForm `json:"entries"`
	}
	if err := json.Unmarshal(data, &rec); err != nil {
		t.Fatal(err)
	}
	if rec.EntryCount != 1 || len(rec.Entries) != 1 || rec.Status != "completed" || rec.ID == "" {
		t.Fatalf("got %+v", rec)
	}
	e := rec.Entries[0]
	if e.Method != "GET" || e.Path != "/?x-id=ListBuckets" || e.StatusCode != 200 || e.ResponseBody != buckets || e.ID == "" {
		t.Errorf("got %+v", e)
	}
	if strings.Contains(string(data), "canary") {
		t.Errorf("a secret is in the file: %s", data)
	}
}

// oldForm is an entry as other readers of a Recording know it.
type oldForm struct {
	ID, Service, Action, Method, Path string
	Timestamp                         time.Time
	StatusCode                        int               `json:"status_code"`
	LatencyMs                         float64           `json:"latency_ms"`
	RequestHeaders                    map[string]string `json:"request_headers"`
	RequestBody                       string            `json:"request_body"`
	ResponseBody                      string            `json:"response_body"`
	OffsetMs                          float64           `json:"offset_ms"`
}

func captureStdout(t *testing.T, f func()) string {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func(old *os.File) { os.Stdout = old }(os.Stdout)
	os.Stdout = w
	f()
	w.Close()
	out, _ := io.ReadAll(r)
	return string(out)
}

func TestTheClientSeesWhatItSeesWithoutTheRecorder(t *testing.T) {
	upstream(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("x-amz-request-id", "4711")
		io.WriteString(w, buckets)
	})
	list := func(rt http.RoundTripper) *s3.ListBucketsOutput {
		cfg, err := config.LoadDefaultConfig(t.Context(), config.WithHTTPClient(&http.Client{Transport: rt}))
		if err != nil {
			t.Fatal(err)
		}
		out, err := s3.NewFromConfig(cfg).ListBuckets(t.Context(), &s3.ListBucketsInput{})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	recorder := cmsdk.NewRecorder()
	without, with, wrapped := list(http.DefaultTransport), list(recorder), list(recorder.Wrap(http.DefaultTransport))
	for _, got := range []*s3.ListBucketsOutput{with, wrapped} {
		if d := cmp.Diff(without.Buckets, got.Buckets, ignoreUnexported); d != "" {
			t.Errorf("(-without +with)\n%s", d)
		}
	}
	entries := recorder.Entries()
	if len(entries) != 2 {
		t.Fatalf("%d entries, want 2", len(entries))
	}
	if e := entries[1]; e.StatusCode != 200 || string(e.ResponseBody.Data) != buckets || e.ResponseHeaders.Get("X-Amz-Request-Id") != "4711" {
		t.Errorf("got %+v", e)
	}
}

var ignoreUnexported = cmp.FilterPath(func(p cmp.Path) bool {
	f, ok := p.Last().(cmp.StructField)
	return ok && strings.ToLower(f.Name()[:1]) == f.Name()[:1]
}, cmp.Ignore())

func TestRetriesOfTheSDKSendTheWholeBodyAgain(t *testing.T) {
	var calls atomic.Int32
	var bodies [2]string
	upstream(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		n := calls.Add(1)
		bodies[n-1] = string(body)
		if n == 1 {
			w.WriteHeader(500)
		}
	})
	recorder := cmsdk.NewRecorder()
	cfg, err := config.LoadDefaultConfig(t.Context(), config.WithHTTPClient(&http.Client{Transport: recorder}))
	if err != nil {
		t.Fatal(err)
	}
	client := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
	bucket, key := "b", "k"
	if _, err := client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: strings.NewReader("the body")}); err != nil {
		t.Fatal(err)
	}
	entries := recorder.Entries()
	if len(entries) != 2 {
		t.Fatalf("%d entries, want one for each attempt", len(entries))
	}
	for i, e := range entries {
		if string(e.RequestBody.Data) != bodies[i] || !strings.Contains(bodies[i], "the body") {
			t.Errorf("attempt %d: sent %q, recorded %q", i+1, bodies[i], e.RequestBody.Data)
		}
	}
	if entries[0].StatusCode != 500 || entries[1].StatusCode != 200 {
		t.Errorf("status %d, %d", entries[0].StatusCode, entries[1].StatusCode)
	}
}

func TestStreams(t *testing.T) {
	url := upstream(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "ok") })
	var first, second bytes.Buffer
	recorder := cmsdk.NewRecorder(cmsdk.WithStream(&first))
	client := &http.Client{Transport: recorder}
	get := func(path string) {
		resp, err := client.Get(url + path)
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
	get("/1")
	recorder.StreamTo(&second)
	get("/2")
	var all bytes.Buffer
	if _, err := recorder.WriteTo(&all); err != nil {
		t.Fatal(err)
	}
	if first.String() != all.String() {
		t.Errorf("streamed %s\nwritten  %s", &first, &all)
	}
	if d := cmp.Diff([]string{"/2"}, paths(t, &second)); d != "" {
		t.Errorf("the second stream: (-want +got)\n%s", d)
	}
	if d := cmp.Diff([]string{"/1", "/2"}, paths(t, &all)); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

// paths reads a stream as the tools do.
func paths(t *testing.T, r io.Reader) []string {
	t.Helper()
	var out []string
	for l, err := range entry.NewReader(r, "stream").All() {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, l.Text(entry.FieldPath))
	}
	return out
}

func TestWithoutMemory(t *testing.T) {
	url := upstream(t, func(w http.ResponseWriter, r *http.Request) {})
	var stream bytes.Buffer
	recorder := cmsdk.NewRecorder(cmsdk.WithoutMemory(), cmsdk.WithStream(&stream))
	if _, err := (&http.Client{Transport: recorder}).Get(url); err != nil {
		t.Fatal(err)
	}
	if n := len(recorder.Entries()); n != 0 || stream.Len() == 0 {
		t.Errorf("%d entries kept, %d bytes streamed", n, stream.Len())
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestAFailingStreamChangesNothingForTheProgram(t *testing.T) {
	url := upstream(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "ok") })
	boom := errors.New("disk full")
	for _, tt := range []struct {
		name  string
		write writerFunc
		want  error
	}{
		{"an error", func(p []byte) (int, error) { return 0, boom }, boom},
		{"a short write", func(p []byte) (int, error) { return 1, nil }, io.ErrShortWrite},
	} {
		t.Run(tt.name, func(t *testing.T) {
			writes := 0
			recorder := cmsdk.NewRecorder(cmsdk.WithStream(writerFunc(func(p []byte) (int, error) { writes++; return tt.write(p) })))
			for range 3 {
				resp, err := (&http.Client{Transport: recorder}).Get(url)
				if err != nil {
					t.Fatal(err)
				}
				if body, err := io.ReadAll(resp.Body); string(body) != "ok" || err != nil {
					t.Errorf("got %q, %v", body, err)
				}
				resp.Body.Close()
			}
			if !errors.Is(recorder.Err(), tt.want) || writes != 1 {
				t.Errorf("Err: %v after %d writes", recorder.Err(), writes)
			}
			if len(recorder.Entries()) != 3 {
				t.Errorf("%d entries, want 3", len(recorder.Entries()))
			}
		})
	}
}

func TestSaveToFileFailures(t *testing.T) {
	recorder := cmsdk.NewRecorder()
	dir := t.TempDir()
	path := filepath.Join(dir, "no", "recording.json")
	if err := recorder.SaveToFile(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	if err := recorder.SaveToFile(dir); err == nil {
		t.Error("saved over a folder")
	}
	left, _ := os.ReadDir(filepath.Dir(dir))
	for _, f := range left {
		if strings.HasPrefix(f.Name(), ".") {
			t.Errorf("left %s behind", f.Name())
		}
	}
}

func TestManyGoroutines(t *testing.T) {
	url := upstream(t, func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) })
	var stream bytes.Buffer
	recorder := cmsdk.NewRecorder(cmsdk.WithStream(&stream))
	client := &http.Client{Transport: recorder}
	var wg sync.WaitGroup
	for g := range 100 {
		wg.Go(func() {
			for i := range 3 {
				body := fmt.Sprint(g, "-", i)
				req, _ := http.NewRequestWithContext(context.Background(), "POST", url, strings.NewReader(body))
				resp, err := client.Do(req)
				if err != nil {
					t.Error(err)
					return
				}
				got, _ := io.ReadAll(resp.Body)
				resp.Body.Close()
				if string(got) != body {
					t.Errorf("got %q, want %q", got, body)
				}
				recorder.Entries()
			}
		})
	}
	wg.Wait()
	if n, m := len(recorder.Entries()), len(paths(t, &stream)); n != 300 || m != 300 {
		t.Errorf("%d entries kept, %d streamed, want 300", n, m)
	}
}

func TestRedaction(t *testing.T) {
	upstream(t, func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, `{"SecretString":"canary secret","Name":"canary name"}`)
	})
	url := os.Getenv("AWS_ENDPOINT_URL")
	for _, tt := range []struct {
		name    string
		options []cmsdk.Option
		want    string // what of the answer is still there
	}{
		{"secrets go by default", nil, "canary name"},
		{"and what the program names", []cmsdk.Option{cmsdk.WithRedact("Name")}, ""},
		{"unless it wants them", []cmsdk.Option{cmsdk.WithoutRedaction()}, "canary secret canary name"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			recorder := cmsdk.NewRecorder(tt.options...)
			req, _ := http.NewRequest("POST", url, strings.NewReader("{}"))
			req.Header.Set("X-Amz-Target", "secretsmanager.GetSecretValue")
			req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=canary/20260101/us-east-1/secretsmanager/aws4_request, SignedHeaders=host, Signature=canary")
			resp, err := recorder.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			io.Copy(io.Discard, resp.Body)
			e := recorder.Entries()[0]
			var got []string
			for _, s := range []string{"canary secret", "canary name"} {
				if strings.Contains(string(e.ResponseBody.Data), s) {
					got = append(got, s)
				}
			}
			if strings.Join(got, " ") != tt.want {
				t.Errorf("got %s", e.ResponseBody.Data)
			}
			if strings.Contains(fmt.Sprint(e.RequestHeaders), "canary") {
				t.Errorf("credentials: %v", e.RequestHeaders)
			}
			if e.Service != "secretsmanager" || e.Action != "GetSecretValue" || e.Region != "us-east-1" {
				t.Errorf("call: %s %s %s", e.Service, e.Action, e.Region)
			}
		})
	}
	defer func() {
		if recover() == nil {
			t.Error("a path that is none is accepted")
		}
	}()
	cmsdk.NewRecorder(cmsdk.WithRedact("a..b"))
}

// TestMetadataIsNotRecorded: the SDK asks the machine's metadata service for
// credentials through the same client.
func TestMetadataIsNotRecorded(t *testing.T) {
	for _, host := range []string{"169.254.169.254", "169.254.170.2", "169.254.170.23", "[fd00:ec2::254]", "[fd00:ec2::23]:80"} {
		recorder := cmsdk.NewRecorder(cmsdk.WithBase(roundTripFunc(func(r *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader("token")), ContentLength: 5}, nil
		})))
		req, _ := http.NewRequest("PUT", "http://"+host+"/latest/api/token", nil)
		resp, err := recorder.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		if body, _ := io.ReadAll(resp.Body); string(body) != "token" {
			t.Errorf("got %q", body)
		}
		if n := len(recorder.Entries()); n != 0 {
			t.Errorf("%s: %d entries", host, n)
		}
	}
}

type roundTripFunc func(*http.Request) (*http.Response, error)

func (f roundTripFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
