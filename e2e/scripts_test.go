package e2e

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The scripts end with the status that their documentation gives, and say why.
func TestScripts(t *testing.T) {
	answer := func(status int, body string) *httptest.Server {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			w.WriteHeader(status)
			io.WriteString(w, body)
		}))
		t.Cleanup(s.Close)
		return s
	}
	same, other, missing := answer(200, "hello"), answer(200, "hullo"), answer(404, "hello")
	dir := t.TempDir()
	recording := filepath.Join(dir, "recording.json")
	err := os.WriteFile(recording, []byte(`{"id":"rec-1","name":"","status":"completed","filter":{},"duration_sec":1,"started_at":"2026-01-01T00:00:00Z","entry_count":1,"entries":[
{"id":"e1","timestamp":"2026-01-01T00:00:00Z","service":"s3","action":"GetObject","method":"GET","path":"/b/k?x-id=GetObject","status_code":200,"latency_ms":1,"offset_ms":0,"request_headers":{},"response_headers":{"Content-Type":"text/plain"},"response_body":"hello"}]}`), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, line     string
		status         int
		stdout, stderr string
	}{
		{"all calls match", "cm-validate --input %s --endpoint " + same.URL + " --strict", 0, `"matched": 1`, "1 matched"},
		{"a value given with an equals sign", "cm-validate --input=%s --endpoint=" + same.URL, 0, `"matched": 1`, ""},
		{"another status", "cm-validate --input %s --endpoint " + missing.URL, 1, `"status: 200 -> 404"`, ""},
		{"another body is found by --strict", "cm-validate --input %s --endpoint " + other.URL + " --strict", 1, `"mismatched": 1`, ""},
		{"and not without", "cm-validate --input %s --endpoint " + other.URL, 0, `"matched": 1`, ""},
		{"no answer", "cm-validate --input %s --endpoint http://127.0.0.1:1", 1, `"errors": 1`, ""},
		{"flags for the replayer", "cm-validate --input %s --endpoint " + same.URL + " -- --order serial", 0, `"matched": 1`, ""},
		{"no recording", "cm-validate --input %s.missing --endpoint " + same.URL, 2, "", "cm-validate: cannot read "},
		{"no endpoint", "cm-validate --input %s", 2, "", "cm-validate: --endpoint URL is missing"},
		{"an unknown flag", "cm-validate --input %s --endpiont x", 2, "", "cm-validate: unexpected argument --endpiont"},
		{"AWS is no emulator", "cm-validate --input %s --endpoint https://s3.us-east-1.amazonaws.com", 2, `"total_requests": 0`, "is AWS itself: nothing was sent"},
		{"cloudmock validate, all match", "cloudmock validate --input %s --endpoint " + same.URL + " --strict", 0, `"matched": 1`, ""},
		{"cloudmock validate, a mismatch", "cloudmock validate --input %s --endpoint " + other.URL + " --strict", 1, `"mismatched": 1`, ""},
		{"cloudmock validate, an error", "cloudmock validate --input %s.missing --endpoint " + same.URL, 1, "", "cannot read"},
		{"cloudmock replay, all match", "cloudmock replay --input %s --endpoint " + same.URL + " --output " + filepath.Join(dir, "out.ndjson"), 0, "PASS", "1 matched, 0 mismatched"},
		{"cloudmock replay, a mismatch", "cloudmock replay --input %s --endpoint " + missing.URL, 1, "FAIL", "0 matched, 1 mismatched"},
		{"cloudmock, an unknown command", "cloudmock reply %s", 1, "", "cloudmock: unknown command reply"},
		{"cloudmock, what the recorder says", "cloudmock record --output %s.new --port 0 --upstream " + same.URL + " -- true", 2, "", "no AWS call arrived"},
	}
	scripts, err := filepath.Abs("../scripts")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			line := fmt.Sprintf(`PATH="$PATH:%s"; `+strings.Replace(tt.line, "%s", "%[2]s", 1), scripts, recording)
			r := output(t, bash(t, line, append(login(), "HOME="+dir)...))
			if r.status != tt.status || !strings.Contains(r.stdout, tt.stdout) || tt.stdout == "" && r.stdout != "" || !strings.Contains(r.stderr, tt.stderr) {
				t.Errorf("%s\nexit status %d, want %d\nstdout: %s\nstderr: %s", tt.line, r.status, tt.status, tail(r.stdout), tail(r.stderr))
			}
		})
	}
	if kept := readFile(t, filepath.Join(dir, "out.ndjson")); !strings.Contains(string(kept), `"replay":{`) {
		t.Errorf("cloudmock replay --output kept %s", kept)
	}
}
