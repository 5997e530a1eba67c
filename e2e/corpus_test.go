package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
)

// corpus is the recordings of real traffic; the test is skipped where there are none.
func corpus(t *testing.T) []string {
	t.Helper()
	dir := os.Getenv("CM_CORPUS")
	if dir == "" {
		t.Skip("CM_CORPUS names no folder with recordings")
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.ndjson"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no recordings in %s (%v)", dir, err)
	}
	return files
}

// forEach runs a test on each file of the corpus.
func forEach(t *testing.T, test func(t *testing.T, file string, entries [][]byte)) {
	for _, file := range corpus(t) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			test(t, file, lines(t, bytes.NewReader(data)))
		})
	}
}

func TestCorpusComesBackFromARecordingByteForByte(t *testing.T) {
	forEach(t, func(t *testing.T, file string, entries [][]byte) {
		recording := filepath.Join(t.TempDir(), "recording.json")
		must(t, tool(t, "cm-convert", "--to", "recording", "--input", file, "--output", recording))
		var r struct {
			EntryCount int `json:"entry_count"`
			Entries    []json.RawMessage
		}
		if err := json.Unmarshal([]byte(readFile(t, recording)), &r); err != nil {
			t.Fatal(err)
		}
		if r.EntryCount != len(entries) || len(r.Entries) != len(entries) {
			t.Errorf("the recording counts %d and holds %d entries, want %d", r.EntryCount, len(r.Entries), len(entries))
		}
		got := lines(t, bytes.NewBufferString(must(t, tool(t, "cm-convert", "--to", "ndjson", "--input", recording))))
		if len(got) != len(entries) {
			t.Fatalf("%d entries came back, want %d", len(got), len(entries))
		}
		for i := range got {
			if !bytes.Equal(got[i], entries[i]) {
				t.Fatalf("entry %d came back changed:\n%.600s\n%.600s", i+1, entries[i], got[i])
			}
		}
	})
}

func TestCorpusComparedWithItselfHasNoDifference(t *testing.T) {
	forEach(t, func(t *testing.T, _ string, entries [][]byte) {
		var stream bytes.Buffer
		for _, e := range entries {
			stream.Write(answeredByItself(t, e))
			stream.WriteByte('\n')
		}
		for _, flags := range [][]string{{"--strict"}, {"--strict", "--headers"}, {"--strict", "--exact"}} {
			diff := tool(t, "cm-diff", flags...)
			diff.Stdin = bytes.NewReader(stream.Bytes())
			compared := must(t, diff)
			for _, e := range read(t, compared) {
				if e.Match == nil || !*e.Match || len(e.Diffs) > 0 {
					t.Errorf("cm-diff %v: %s: match %v, %v", flags, e.ID, e.Match, e.Diffs)
				}
			}
			rep := tool(t, "cm-report")
			rep.Stdin = bytes.NewBufferString(compared)
			got := parseReport(t, must(t, rep))
			if got.Total != len(entries) || got.Matched != len(entries) || got.CompatibilityPct != 100 {
				t.Errorf("cm-diff %v | cm-report: %d of %d matched, want %d", flags, got.Matched, got.Total, len(entries))
			}
		}
	})
}

// answeredByItself adds a replay part that is the entry's own response.
func answeredByItself(t *testing.T, line []byte) []byte {
	t.Helper()
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(line, &fields); err != nil {
		t.Fatal(err)
	}
	replay := map[string]json.RawMessage{}
	for _, name := range []string{
		"status_code", "latency_ms", "response_headers", "response_body", "response_body_encoding", "response_body_size", "response_body_sha256", "response_body_truncated", "error",
	} {
		if v, ok := fields[name]; ok {
			replay[name] = v
		}
	}
	part, err := json.Marshal(replay)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Appendf(nil, `%s,"replay":%s}`, bytes.TrimSuffix(line, []byte("}")), part)
}

// The emulator for S3 is one that people embed; what it does not know of the others' traffic it answers by some error.
func TestCorpusRunsThroughTheChain(t *testing.T) {
	target := httptest.NewServer(gofakes3.New(s3mem.New(), gofakes3.WithAutoBucket(true)).Server())
	defer target.Close()
	forEach(t, func(t *testing.T, file string, entries [][]byte) {
		dir := t.TempDir()
		replayed, compared := filepath.Join(dir, "replayed"), filepath.Join(dir, "compared")
		must(t, tool(t, "cm-replay", "--endpoint", target.URL, "--input", file, "--output", replayed))
		must(t, tool(t, "cm-diff", "--strict", "--input", replayed, "--output", compared))
		r := output(t, tool(t, "cm-report", "--format", "json", "--input", compared))
		if r.status != 1 {
			t.Errorf("cm-report: exit status %d, want 1: no emulator is that good\n%s", r.status, r.stderr)
		}
		got := parseReport(t, r.stdout)
		if got.Total != len(entries) || got.Matched+got.Mismatched+got.Errors != len(entries) || len(got.Mismatches) != got.Mismatched+got.Errors {
			t.Errorf("total %d, matched %d, mismatched %d, errors %d, listed %d; want %d in total", got.Total, got.Matched, got.Mismatched, got.Errors, len(got.Mismatches), len(entries))
		}
		answered := 0
		for i, e := range read(t, readFile(t, replayed)) {
			if e.Replay == nil {
				t.Fatalf("entry %d (%s) has no replay part", i+1, e.ID)
			}
			if e.Replay.StatusCode != 0 {
				answered++
			}
		}
		if answered != len(entries) {
			t.Errorf("%d of %d entries were answered", answered, len(entries))
		}
		t.Logf("%d entries: %d matched, %d mismatched, %d errors", got.Total, got.Matched, got.Mismatched, got.Errors)
	})
}
