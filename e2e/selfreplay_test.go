package e2e

import (
	"fmt"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
)

// A workload depends on what the service makes: upload ids, versions, receipt handles, iterators, sequence numbers,
// states that take a while.
type workload struct {
	name        string
	serve       func(testing.TB) (url string)
	command     func(t testing.TB, url string) *exec.Cmd
	credentials string // what the target knows; empty when it does not look
}

var workloads = []workload{
	{"versitygw", func(t testing.TB) string { return startVersitygw(t).url }, s3Client("./clients/gosdk", "-versions"), accessKey + ":" + secretKey},
	{"gofakes3", serveGofakes3, s3Client("./clients/gosdk", "-tolerant"), ""},
	{"s3rver", func(t testing.TB) string { return startEmulator(t, "s3rver").url }, s3Client("./clients/gosdk", "-tolerant", "-keep"), "S3RVER:S3RVER"},
	{"dynalite", func(t testing.TB) string { return startEmulator(t, "dynalite").url }, stateful("dynamodb"), ""},
	{"kinesalite", func(t testing.TB) string { return startEmulator(t, "kinesalite").url }, stateful("kinesis"), ""},
	{"kinesis-local", func(t testing.TB) string { return startEmulator(t, "kinesis-local").url }, stateful("kinesis"), ""},
	{"sqslite", func(t testing.TB) string { return localhost(startEmulator(t, "sqslite").url) }, stateful("sqs"), ""},
}

func s3Client(dir string, args ...string) func(testing.TB, string) *exec.Cmd {
	return func(t testing.TB, url string) *exec.Cmd {
		cmd := goClient(dir, args...)(t)
		cmd.Env = []string{"AWS_ENDPOINT_URL=" + url}
		return cmd
	}
}

func stateful(service string) func(testing.TB, string) *exec.Cmd {
	return func(t testing.TB, url string) *exec.Cmd {
		return exec.CommandContext(t.Context(), "/usr/bin/python3", "clients/stateful.py", service, url)
	}
}

func serveGofakes3(t testing.TB) string {
	s := httptest.NewServer(gofakes3.New(s3mem.New()).Server())
	t.Cleanup(s.Close)
	return s.URL
}

// localhost is the URL by the only name that sqslite knows itself by.
func localhost(url string) string { return strings.Replace(url, "127.0.0.1", "localhost", 1) }

// A stateful workload, recorded on one instance of an emulator, matches on a fresh instance of the same: whatever
// differs there differs by nature, and neither the replay nor the comparison was told what.
func TestEmulatorReplaysItself(t *testing.T) {
	for _, w := range workloads {
		t.Run(w.name, func(t *testing.T) {
			recording := recordWorkload(t, w)
			dir := t.TempDir()
			replayed, compared := filepath.Join(dir, "replayed"), filepath.Join(dir, "compared")
			args := []string{"--endpoint", w.serve(t), "--input", recording, "--output", replayed}
			if w.credentials != "" {
				args = append(args, "--credentials", w.credentials)
			}
			must(t, tool(t, "cm-replay", args...))
			must(t, tool(t, "cm-diff", "--strict", "--input", replayed, "--output", compared))
			entries, last := read(t, readFile(t, compared)), map[string]string{}
			for _, e := range entries {
				last[e.call()] = e.ID // a state that is seen on the way may be past at the other server
			}
			for _, e := range entries {
				if last[e.call()] == e.ID && (e.Match == nil || !*e.Match) {
					t.Errorf("%s %s %s?%s: %s: %v", e.ID, e.name(), e.Path, e.Query, e.Severity, e.Diffs)
				}
			}
			r := output(t, tool(t, "cm-report", "--format", "json", "--input", compared))
			if got := parseReport(t, r.stdout); r.status != 0 || got.CompatibilityPct != 100 {
				t.Errorf("cm-report: exit status %d, %v %% of %d\n%s", r.status, got.CompatibilityPct, got.Total, tail(r.stderr))
			}
		})
	}
}

// recordWorkload runs the workload on a fresh instance, through a recorder.
func recordWorkload(t *testing.T, w workload) (recording string) {
	t.Helper()
	key, secret := accessKey, secretKey
	if w.credentials != "" {
		key, secret, _ = strings.Cut(w.credentials, ":")
	}
	user := []string{"AWS_ACCESS_KEY_ID=" + key, "AWS_SECRET_ACCESS_KEY=" + secret}
	r := startRecorderAs(t, w.serve(t), user, "--max-body", "16777216") // one object is larger than 8 MiB
	url := r.url
	if w.name == "sqslite" {
		url = localhost(url)
	}
	cmd := w.command(t, url)
	cmd.Env = append(append(cmd.Env, login()...), user...)
	must(t, cmd)
	if status := r.stop(t); status != 0 {
		t.Fatalf("cm-record: exit status %d\n%s", status, r.stderr.tail())
	}
	for _, e := range read(t, readFile(t, r.output)) {
		if e.Action == "" || e.Service == "" || e.Error != "" {
			t.Errorf("%s: %s %s?%s is %q, error %q", e.ID, e.Method, e.Path, e.Query, e.name(), e.Error)
		}
	}
	return r.output
}

// A replay that does not follow the ids which the service made does not match; so the test above can fail.
func TestReplayWithoutCorrelationFails(t *testing.T) {
	w := workloads[0]
	recording := recordWorkload(t, w)
	line := fmt.Sprintf("cm-replay --correlate=off --endpoint %s --credentials %s -i %s | cm-diff --strict | cm-report --format json", w.serve(t), w.credentials, recording)
	if r := output(t, bash(t, line)); r.status != 1 || parseReport(t, r.stdout).Mismatched == 0 {
		t.Errorf("exit status %d, want 1\n%s%s", r.status, tail(r.stdout), tail(r.stderr))
	}
}
