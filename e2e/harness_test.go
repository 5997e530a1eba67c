package e2e

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience is how long a condition may take to come true on a busy machine.
const patience = 60 * time.Second

// workspace is a directory that lives as long as the test run.
var workspace string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "cloudmock-e2e-")
	if err != nil {
		log.Fatal(err)
	}
	workspace = dir
	status := m.Run()
	if err := os.RemoveAll(dir); err != nil {
		log.Print(err)
	}
	os.Exit(status)
}

// build compiles the five tools, once per test run.
var build = sync.OnceValue(func() error {
	cmd := exec.Command("go", "build", "-o", filepath.Join(workspace, "bin")+"/", "./cmd/...")
	cmd.Dir = ".."
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building the tools: %w\n%s", err, out)
	}
	return nil
})

// bin is the directory of the five tools.
func bin(t testing.TB) string {
	t.Helper()
	if err := build(); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(workspace, "bin")
}

// tool is a run of one of the five programs.
func tool(t testing.TB, name string, args ...string) *exec.Cmd {
	t.Helper()
	return exec.CommandContext(t.Context(), filepath.Join(bin(t), name), args...)
}

// moduleTool is the path of a program that go.mod pins as a tool; the go command builds it once and keeps it.
func moduleTool(t testing.TB, name string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "tool", "-n", name).Output()
	if err != nil {
		t.Fatalf("building %s: %v\n%s", name, err, stderrOf(err))
	}
	return strings.TrimSpace(string(out))
}

func stderrOf(err error) string {
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return string(exit.Stderr)
	}
	return ""
}

// A process is a program under test that runs beside the test. What it prints is kept, and shown if the test fails.
type process struct {
	*exec.Cmd
	name           string
	stdout, stderr lockedBuffer
	stdin          io.WriteCloser
	done           chan struct{}
	err            error // what Wait returned; set before done is closed
}

// start runs cmd until the test ends. Its environment is that of the test without anything that speaks of AWS or
// proxies, followed by cmd.Env. A nil cmd.Stdout or cmd.Stderr is collected; stdin is a pipe unless cmd has one.
func start(t testing.TB, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{Cmd: cmd, name: filepath.Base(cmd.Path), done: make(chan struct{})}
	cmd.Env = append(cleanEnv(), cmd.Env...)
	if cmd.Stdout == nil {
		cmd.Stdout = &p.stdout
	}
	if cmd.Stderr == nil {
		cmd.Stderr = &p.stderr
	}
	if cmd.Stdin == nil {
		var err error
		if p.stdin, err = cmd.StdinPipe(); err != nil {
			t.Fatal(err)
		}
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("starting %s: %v", p.name, err)
	}
	go func() {
		p.err = cmd.Wait()
		close(p.done)
	}()
	t.Cleanup(func() {
		p.Process.Kill() // an error means that it has ended
		<-p.done
		if t.Failed() {
			t.Logf("%s: %v\nstdout: %s\nstderr: %s", cmd, p.err, p.stdout.tail(), p.stderr.tail())
		}
	})
	return p
}

// wait returns the exit status, once the process has ended by itself; -1 after a signal.
func (p *process) wait(t testing.TB) int {
	t.Helper()
	select {
	case <-p.done:
	case <-time.After(patience):
		t.Fatalf("%s still runs after %v\nstderr: %s", p.name, patience, p.stderr.tail())
	}
	return p.ProcessState.ExitCode()
}

// stop sends SIGTERM and returns the exit status.
func (p *process) stop(t testing.TB) int {
	t.Helper()
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatalf("stopping %s: %v", p.name, err)
	}
	return p.wait(t)
}

// await polls until ok is true. It fails the test when the process ends first, or patience does.
func (p *process) await(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); {
		select {
		case <-p.done:
			if ok() {
				return
			}
			t.Fatalf("%s ended (%v) before %s\nstderr: %s", p.name, p.err, what, p.stderr.tail())
		case <-time.After(5 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: no %s within %v\nstderr: %s", p.name, what, patience, p.stderr.tail())
		}
	}
}

// eventually polls until ok is true, and fails the test when patience ends first.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); {
		if time.Now().After(deadline) {
			t.Fatalf("no %s within %v", what, patience)
		}
		<-time.After(5 * time.Millisecond)
	}
}

// A result is what a program that ran to its end left behind.
type result struct {
	status         int
	stdout, stderr string
}

// output runs cmd to its end, in the environment that start gives it, with nothing on its standard input unless cmd
// has one.
func output(t testing.TB, cmd *exec.Cmd) result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd.Env = append(cleanEnv(), cmd.Env...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if _, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok {
		t.Fatalf("%s: %v", cmd, err)
	}
	return result{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// must runs cmd like output, and fails the test unless it exits with 0. It returns standard output.
func must(t testing.TB, cmd *exec.Cmd) string {
	t.Helper()
	r := output(t, cmd)
	if r.status != 0 {
		t.Fatalf("%s: exit status %d\nstdout: %s\nstderr: %s", cmd, r.status, tail(r.stdout), tail(r.stderr))
	}
	return r.stdout
}

// bash is a command line for people: pipefail is set and the tools are on PATH.
func bash(t testing.TB, line string, env ...string) *exec.Cmd {
	cmd := exec.CommandContext(t.Context(), "bash", "-o", "pipefail", "-c", line)
	cmd.Env = append([]string{"PATH=" + bin(t) + ":/usr/bin:" + os.Getenv("PATH")}, env...)
	return cmd
}

// cleanEnv is the environment without what would lead an AWS client, or a tool, somewhere else, or have it
// trust others.
func cleanEnv() []string {
	var env []string
	for _, kv := range os.Environ() {
		name, _, _ := strings.Cut(strings.ToUpper(kv), "=")
		if strings.HasPrefix(name, "AWS_") || strings.HasPrefix(name, "CM_") || strings.HasPrefix(name, "SSL_CERT_") ||
			strings.HasSuffix(name, "_PROXY") || strings.HasSuffix(name, "_CA_BUNDLE") || name == "NODE_EXTRA_CA_CERTS" {
			continue
		}
		env = append(env, kv)
	}
	return append(env, "AWS_EC2_METADATA_DISABLED=true", "AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null", "NO_COLOR=1")
}

// freeAddress is a loopback address that nobody listened on a moment ago; for programs that cannot listen on port 0
// and say what they got.
func freeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// listening reports whether something accepts connections at a host:port.
func listening(address string) bool {
	c, err := net.DialTimeout("tcp", address, time.Second)
	if err != nil {
		return false
	}
	c.Close()
	return true
}

// lines splits a stream and fails the test for one that is torn or empty.
func lines(t testing.TB, r io.Reader) [][]byte {
	t.Helper()
	var all [][]byte
	b := bufio.NewReader(r)
	for {
		line, err := b.ReadBytes('\n')
		if err == io.EOF && len(line) == 0 {
			return all
		}
		if err != nil {
			t.Fatalf("line %d is torn (%v): %.200q", len(all)+1, err, line)
		}
		all = append(all, line[:len(line)-1])
	}
}

// A lockedBuffer is written by a process and read by the test at the same time. Its zero value is empty.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (l *lockedBuffer) tail() string { return tail(l.String()) }

// tail is the end of a long text, for messages.
func tail(s string) string {
	const limit = 4000
	if len(s) <= limit {
		return s
	}
	return fmt.Sprintf("… (%d bytes before)\n%s", len(s)-limit, s[len(s)-limit:])
}
