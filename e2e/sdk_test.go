package e2e

import (
	"os"
	"path/filepath"
	"testing"
)

// An application with the recorder inside it sees what it saw before, and leaves a recording that replays.
func TestApplicationRecordsItself(t *testing.T) {
	s := startVersitygw(t)
	must(t, awsCLI(t, s.url, "s3", "mb", "s3://one"))
	must(t, awsCLI(t, s.url, "s3", "mb", "s3://two"))
	cmd := goClient("./clients/embedded")(t)
	cmd.Dir = t.TempDir()
	cmd.Env = append(login(), "AWS_ENDPOINT_URL="+s.url)
	if got, want := must(t, cmd), "2 buckets, 1 calls recorded\n"; got != want {
		t.Errorf("the application prints %q, want %q", got, want)
	}
	recording := filepath.Join(cmd.Dir, "recording.json")
	info, err := os.Stat(recording)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the recording's mode is %v, want 0600", info.Mode().Perm())
	}
	checkNoCredentials(t, readFile(t, recording))
	r := output(t, tool(t, "cm-replay", "--endpoint", s.url, "--credentials", accessKey+":"+secretKey, "--input", recording))
	all := read(t, r.stdout)
	if r.status != 0 || len(all) != 1 || all[0].name() != "s3.ListBuckets" || all[0].Replay == nil || all[0].Replay.StatusCode != 200 {
		t.Errorf("replay: exit status %d\n%s%s", r.status, r.stdout, r.stderr)
	}
}
