package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// report is the part of a ComparisonReport that other programs know.
type report struct {
	Total            int     `json:"total_requests"`
	Matched          int     `json:"matched"`
	Mismatched       int     `json:"mismatched"`
	Errors           int     `json:"errors"`
	CompatibilityPct float64 `json:"compatibility_pct"`
	Mismatches       []struct {
		EntryID        string `json:"entry_id"`
		Service        string `json:"service"`
		Action         string `json:"action"`
		OriginalStatus int    `json:"original_status"`
		ReplayStatus   int    `json:"replay_status"`
		Diffs          []string
		Severity       string
	} `json:"mismatches"`
}

func parseReport(t testing.TB, text string) report {
	t.Helper()
	var r report
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		t.Fatalf("the report is not JSON: %v\n%s", err, tail(text))
	}
	return r
}

// live is the line that the tools were made for: no file between the application and the verdict.
const live = `cm-record --port 0 --upstream %s -- /usr/bin/aws s3 ls |
	tee %s | cm-replay --endpoint %s --credentials ` + accessKey + ":" + secretKey + ` | tee %s | cm-diff --strict | tee %s | cm-report`

func TestTheWholeLineRunsLive(t *testing.T) {
	aws, target := startVersitygw(t), startVersitygw(t)
	for _, s := range []*server{aws, target} {
		must(t, awsCLI(t, s.url, "s3", "mb", "s3://everywhere"))
	}
	must(t, awsCLI(t, aws.url, "s3", "mb", "s3://only-at-the-original"))
	dir := t.TempDir()
	recorded, replayed, compared := filepath.Join(dir, "recorded"), filepath.Join(dir, "replayed"), filepath.Join(dir, "compared")
	r := output(t, bash(t, fmt.Sprintf(live, aws.url, recorded, target.url, replayed, compared), append(login(), "HOME="+dir)...))
	if r.status != 1 {
		t.Errorf("exit status %d, want 1: one emulator lacks a bucket\n%s", r.status, r.stderr)
	}
	if !strings.Contains(r.stderr, "everywhere") {
		t.Errorf("the command's own output is not on standard error: %s", r.stderr)
	}
	got := parseReport(t, r.stdout)
	if got.Total != 1 || got.Mismatched != 1 || got.Mismatches[0].Action != "ListBuckets" || got.Mismatches[0].Severity != "schema" {
		t.Errorf("report: %s", r.stdout)
	}
	for _, name := range []string{recorded, replayed, compared} {
		if n := len(read(t, readFile(t, name))); n != 1 {
			t.Errorf("%s has %d entries, want 1", name, n)
		}
	}
	// The same entries from the file, with other tools of Unix in between.
	line := fmt.Sprintf("gzip -c %s | cm-diff --strict | jq -c . | head -1 | cm-report", replayed)
	again := output(t, bash(t, line))
	if again.status != 1 || parseReport(t, again.stdout).Mismatched != 1 {
		t.Errorf("%s: exit status %d\n%s%s", line, again.status, again.stdout, again.stderr)
	}
}

// A stage passes on what it has before the next line arrives, so that a live pipe shows each call at once.
func TestEveryStagePassesAnEntryOnWhenItComes(t *testing.T) {
	target := startVersitygw(t)
	line := fmt.Sprintf("cm-replay --endpoint %s --credentials %s:%s | cm-diff --strict", target.url, accessKey, secretKey)
	p := start(t, bash(t, line))
	for n := 1; n <= 3; n++ {
		fmt.Fprintf(p.stdin, `{"id":"live-%d","timestamp":"2026-01-02T03:04:05Z","service":"s3","action":"ListBuckets","region":"us-east-1","host":"s3.us-east-1.amazonaws.com","method":"GET","path":"/","status_code":200,"latency_ms":1,"offset_ms":%d,"request_headers":{},"response_headers":{},"response_body":""}`+"\n", n, n*10)
		p.await(t, fmt.Sprintf("entry %d at the end of the line", n), func() bool { return strings.Count(p.stdout.String(), "\n") == n })
	}
	p.stdin.Close()
	if status := p.wait(t); status != 0 {
		t.Errorf("exit status %d\n%s", status, p.stderr.tail())
	}
}

// A reader that has seen enough ends every filter before it, quietly.
func TestHeadEndsTheLineQuietly(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "many.ndjson")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	for n := range 50_000 {
		fmt.Fprintf(f, `{"id":"e%d","service":"s3","action":"GetObject","method":"GET","path":"/b/k","status_code":200,"response_body":"x","replay":{"status_code":200,"response_body":"x"}}`+"\n", n)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"cm-diff --strict -i %s | head -1",
		"cm-convert --to ndjson -i %s | head -1",
		"cat %s | cm-diff | cm-diff --strict | head -1",
	} {
		// PIPESTATUS of the filter: 0 or 141 (SIGPIPE), never trouble.
		r := output(t, bash(t, "set +o pipefail; "+fmt.Sprintf(line, file)+`; echo "${PIPESTATUS[@]}" >&2`))
		if strings.Count(r.stdout, "\n") != 1 || len(read(t, r.stdout)) != 1 {
			t.Errorf("%s: stdout %q", line, r.stdout)
		}
		for _, status := range strings.Fields(r.stderr) {
			if status != "0" && status != "141" {
				t.Errorf("%s: stderr and statuses: %s", line, r.stderr)
			}
		}
	}
}
