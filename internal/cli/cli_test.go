package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

type probe struct {
	Strict bool   `help:"Be strict."`
	Name   string `help:"A name."`

	err error
	ran *probe
}

func (p *probe) Run(context.Context, Streams) error { *p.ran = *p; return p.err }

func runProbe(t *testing.T, ctx context.Context, err error, args ...string) (status int, stdout, stderr string, ran probe) {
	t.Helper()
	var out, errs bytes.Buffer
	std := Streams{In: strings.NewReader(""), Out: &out, Err: &errs, Name: "cm-probe"}
	status = run(ctx, std, "Probe things.", args, &probe{err: err, ran: &ran})
	return status, out.String(), errs.String(), ran
}

func TestExitStatus(t *testing.T) {
	interrupted, cancel := context.WithCancelCause(t.Context())
	cancel(errInterrupted)
	tests := []struct {
		name   string
		ctx    context.Context
		err    error
		args   []string
		status int
		stderr string
	}{
		{"done", t.Context(), nil, nil, 0, ""},
		{"the answer is no", t.Context(), fmt.Errorf("report: %w", ErrNo), nil, 1, ""},
		{"a status of its own", t.Context(), &ExitError{7}, nil, 7, ""},
		{"trouble", t.Context(), errors.New("reading x: gone"), nil, 2, "cm-probe: reading x: gone\n"},
		{"each of several troubles has a line", t.Context(), errors.Join(errors.New("a"), errors.New("b")), nil, 2, "cm-probe: a\ncm-probe: b\n"},
		{"interrupted", interrupted, errInterrupted, nil, 130, ""},
		{"trouble while interrupted is told", interrupted, errors.New("disk full"), nil, 2, "cm-probe: disk full\n"},
		{"interrupted, but done", interrupted, nil, nil, 0, ""},
		{"an unknown flag", t.Context(), nil, []string{"--strickt"}, 2, "cm-probe: unknown flag --strickt, did you mean \"--strict\"?\nTry 'cm-probe --help' for more information.\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			status, stdout, stderr, _ := runProbe(t, tt.ctx, tt.err, tt.args...)
			if status != tt.status || stdout != "" {
				t.Errorf("status %d, stdout %q; want %d and nothing", status, stdout, tt.status)
			}
			if diff := cmp.Diff(tt.stderr, stderr); diff != "" {
				t.Errorf("stderr (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFlagsFromTheEnvironment(t *testing.T) {
	t.Setenv("CM_NAME", "all")
	t.Setenv("CM_PROBE_STRICT", "true")
	if _, _, _, ran := runProbe(t, t.Context(), nil); ran.Name != "all" || !ran.Strict {
		t.Errorf("flags = %+v", ran)
	}
	t.Setenv("CM_PROBE_NAME", "one")
	if _, _, _, ran := runProbe(t, t.Context(), nil); ran.Name != "one" {
		t.Errorf("CM_PROBE_NAME does not come before CM_NAME: %+v", ran)
	}
	if _, _, _, ran := runProbe(t, t.Context(), nil, "--name=flag"); ran.Name != "flag" {
		t.Errorf("the flag does not come first: %+v", ran)
	}
}

func TestHelpAndVersion(t *testing.T) {
	for arg, want := range map[string]string{"--help": "Probe things.", "--version": "cm-probe "} {
		status, stdout, stderr, ran := runProbe(t, t.Context(), nil, arg)
		if status != 0 || !strings.Contains(stdout, want) || stderr != "" || ran.ran != nil {
			t.Errorf("%s: status %d, stdout %q, stderr %q", arg, status, stdout, stderr)
		}
	}
}

func TestCompletionIsAScript(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish"} {
		status, script, _, _ := runProbe(t, t.Context(), nil, "--completion", shell)
		if status != 0 || !strings.Contains(script, "strict") {
			t.Errorf("%s: status %d, script %q", shell, status, script)
		}
		if path, err := exec.LookPath(shell); err == nil {
			cmd := exec.Command(path, "-n")
			cmd.Stdin = strings.NewReader(script)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%s -n: %v\n%s", shell, err, out)
			}
		}
	}
}

func TestIdleInputGivesUp(t *testing.T) {
	pr, pw := io.Pipe()
	ctx, cancel := context.WithCancelCause(t.Context())
	in := &ctxReader{ctx: ctx, r: pr}
	go pw.Write([]byte("abc"))
	got := make([]byte, 2)
	if n, err := io.ReadFull(in, got); n != 2 || err != nil {
		t.Fatal(n, err)
	}
	if n, err := in.Read(got); n != 1 || got[0] != 'c' || err != nil {
		t.Fatal(n, err)
	}
	done := make(chan error)
	go func() { _, err := in.Read(got); done <- err }()
	cancel(errInterrupted)
	if err := <-done; !errors.Is(err, errInterrupted) {
		t.Errorf("Read ended with %v", err)
	}
	pw.Close()
}

func TestASecondSignalMeansNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		signals := make(chan os.Signal)
		var drained, stopped int
		go obey(signals, func() { drained++ }, func() { stopped++ })
		signals <- os.Interrupt
		signals <- syscall.SIGTERM // the echo that timeout(1) sends to the process group
		synctest.Wait()
		if drained != 1 || stopped != 0 {
			t.Errorf("after a signal and its echo: drained %d, stopped %d", drained, stopped)
		}
		time.Sleep(echo + time.Nanosecond) // synthetic time
		signals <- os.Interrupt
		close(signals)
		synctest.Wait()
		if drained != 1 || stopped != 1 {
			t.Errorf("after a second signal: drained %d, stopped %d", drained, stopped)
		}
	})
}
