package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// readmeCommands are the command lines of the README, which stand indented.
func readmeCommands(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	fenced := false
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "```") {
			fenced = !fenced
		}
		if fenced {
			continue
		}
		if c, ok := strings.CutPrefix(strings.TrimRight(line, "\n"), "    "); ok && !strings.HasPrefix(c, "make ") {
			found = append(found, c)
		}
	}
	return found
}

// Every command of the README does what it says, word by word, but for the addresses of the two emulators, which
// cannot be fixed here.
func TestReadmeCommands(t *testing.T) {
	aws, a, b := startVersitygw(t), startVersitygw(t), startVersitygw(t)
	dir := t.TempDir()
	app := "#!/bin/sh\nset -e\n/usr/bin/aws s3 mb s3://readme\necho hello | /usr/bin/aws s3 cp - s3://readme/hello\n/usr/bin/aws s3 ls s3://readme\n/usr/bin/aws s3 rb --force s3://readme\n"
	if err := os.WriteFile(filepath.Join(dir, "my-app"), []byte(app), 0o700); err != nil {
		t.Fatal(err)
	}
	env := append(login(), "HOME="+dir, "CM_RECORD_UPSTREAM="+aws.url, "CM_RECORD_PORT=0", "CM_REPLAY_CREDENTIALS="+accessKey+":"+secretKey)
	ran := 0
	for _, line := range readmeCommands(t) {
		switch {
		case strings.HasPrefix(line, "cm-record --output"), strings.HasPrefix(line, "AWS_ENDPOINT_URL="):
			continue // the recorder by itself: TestRecorderMatrix
		}
		ran++
		here := strings.NewReplacer("http://localhost:4566", a.url, "http://localhost:5000", b.url).Replace(line)
		cmd := bash(t, here, env...)
		cmd.Dir = dir
		r := output(t, cmd)
		// head ends what is before it by SIGPIPE.
		if r.status != 0 && !(r.status == 141 && strings.Contains(line, "| head")) {
			t.Errorf("%s\nexit status %d\nstdout: %s\nstderr: %s", here, r.status, tail(r.stdout), tail(r.stderr))
		}
		switch {
		case strings.HasSuffix(line, "| cm-report"):
			if report := parseReport(t, r.stdout); report.Total == 0 || report.Matched != report.Total {
				t.Errorf("%s\nreport: %s", here, r.stdout)
			}
		case strings.Contains(line, "| jq -c"):
			if !strings.Contains(r.stdout, `["s3","CreateBucket",200]`) {
				t.Errorf("%s\nstdout: %s", here, r.stdout)
			}
		}
	}
	if ran < 4 {
		t.Errorf("only %d commands were found in the README", ran)
	}
}
