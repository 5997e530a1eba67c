package capture

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func line(text string) []byte { return []byte(`{"id":"` + text + `"}` + "\n") }

func readFile(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestLogAppends(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r.ndjson")
	for run := range 2 {
		l, err := OpenLog(path, LogOptions{Sync: run == 1})
		if err != nil {
			t.Fatal(err)
		}
		for i := range 2 {
			if err := l.Append(line(fmt.Sprint(run, i))); err != nil {
				t.Fatal(err)
			}
			// Handed to the kernel: another reader of the file sees it now.
			if want := string(line(fmt.Sprint(run, i))); !strings.HasSuffix(readFile(t, path), want) {
				t.Errorf("after Append the file does not end in %s", want)
			}
		}
		if l.Entries() != 2 || l.Bytes() != 2*int64(len(line("0 0"))) {
			t.Errorf("counted %d entries, %d bytes", l.Entries(), l.Bytes())
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
	want := string(line("0 0")) + string(line("0 1")) + string(line("1 0")) + string(line("1 1"))
	if got := readFile(t, path); got != want {
		t.Errorf("got %s", got)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v; want 0600", info.Mode(), err)
	}
}

func TestLogManyWriters(t *testing.T) {
	for _, sync := range []bool{false, true} {
		t.Run(fmt.Sprintf("sync %v", sync), func(t *testing.T) { testLogManyWriters(t, sync) })
	}
}

func testLogManyWriters(t *testing.T, fsync bool) {
	path := filepath.Join(t.TempDir(), "r.ndjson")
	l, err := OpenLog(path, LogOptions{Sync: fsync})
	if err != nil {
		t.Fatal(err)
	}
	reader, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	var wg sync.WaitGroup
	for g := range 20 {
		wg.Go(func() {
			for i := range 20 {
				want := line(fmt.Sprintf("%d-%d-%s", g, i, strings.Repeat("x", i*g)))
				if err := l.Append(want); err != nil {
					t.Error(err)
				}
				size, _ := reader.Stat()
				all := make([]byte, size.Size())
				reader.ReadAt(all, 0)
				if !bytes.Contains(all, want) {
					t.Error("Append returned before its line was in the file")
				}
			}
		})
	}
	wg.Wait()
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if n := strings.Count(readFile(t, path), "\n"); n != 400 || l.Entries() != 400 {
		t.Errorf("%d lines, %d entries counted, want 400", n, l.Entries())
	}
}

func TestOpenLogMendsTheLastLine(t *testing.T) {
	long := strings.Repeat("x", 300<<10)
	for _, tt := range []struct {
		name   string
		before string
		after  string
		want   Mended
		err    string
	}{
		{name: "an empty file is left", before: "", after: ""},
		{name: "a whole file is left", before: "{\"id\":\"1\"}\n", after: "{\"id\":\"1\"}\n"},
		{name: "a torn last line is removed", before: "{\"id\":\"1\"}\n{\"id\":\"2", after: "{\"id\":\"1\"}\n", want: Mended{Removed: 8}},
		{name: "a torn line longer than any buffer is removed", before: "{\"id\":\"1\"}\n{\"id\":\"" + long, after: "{\"id\":\"1\"}\n", want: Mended{Removed: int64(7 + len(long))}},
		{name: "a torn only line of ours is removed", before: "{\"id\":\"2", after: "", want: Mended{Removed: 8}},
		{name: "a whole line without newline gets one", before: "{\"id\":\"1\"}\n{\"id\":\"2\"}", after: "{\"id\":\"1\"}\n{\"id\":\"2\"}\n", want: Mended{Terminated: true}},
		{name: "another kind of file is refused", before: "notes\n", err: "not a stream of entries: refusing to append to it"},
		{name: "another kind of document is refused", before: "{\n  \"name\": \"x\",\n  \"versio", err: "not a stream of entries: refusing to append to it"},
		{name: "a Recording is refused", before: "{\"id\":\"1\",\"entries\":[]}", err: "not a stream of entries: refusing to append to it"},
		{name: "a compressed file is refused", before: "\x1f\x8b\x08\x00", err: "not a stream of entries: refusing to append to it"},
		{name: "an array is refused", before: "[{\"id\":\"1\"}]", err: "not a stream of entries: refusing to append to it"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "r.ndjson")
			if err := os.WriteFile(path, []byte(tt.before), 0o600); err != nil {
				t.Fatal(err)
			}
			l, err := OpenLog(path, LogOptions{})
			if err != nil {
				if err.Error() != path+": "+tt.err {
					t.Errorf("got error %v", err)
				}
				if got := readFile(t, path); got != tt.before {
					t.Error("the refused file was changed")
				}
				return
			}
			if tt.err != "" {
				t.Fatalf("opened, want %q", tt.err)
			}
			if d := cmp.Diff(tt.want, l.Mended()); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
			if err := errors.Join(l.Append(line("new")), l.Close()); err != nil {
				t.Error(err)
			}
			if got := readFile(t, path); got != tt.after+string(line("new")) {
				t.Errorf("got %.100q", got)
			}
		})
	}
}

func TestOpenLogRefuses(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "r.ndjson")
	link := filepath.Join(dir, "link")
	open := filepath.Join(dir, "open")
	if err := errors.Join(os.WriteFile(path, nil, 0o600), os.Symlink(path, link), os.Mkdir(open, 0), os.Chmod(open, 0o777)); err != nil {
		t.Fatal(err)
	}
	l, err := OpenLog(path, LogOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, tt := range []struct{ name, path, err string }{
		{"a symbolic link", link, "open " + link + ": too many levels of symbolic links"},
		{"a file that another recorder writes", path, path + ": another recorder is writing this file"},
		{"a folder that anybody may change", open + "/r.ndjson", open + "/r.ndjson: the folder is writable by everybody"},
		{"a folder that does not exist", dir + "/no/r.ndjson", dir + "/no/r.ndjson: stat " + dir + "/no: no such file or directory"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := OpenLog(tt.path, LogOptions{}); err == nil || err.Error() != tt.err {
				t.Errorf("got %v, want %s", err, tt.err)
			}
		})
	}
}

func TestLogNoticesThatItsFileIsGone(t *testing.T) {
	for _, tt := range []struct {
		name string
		do   func(path string) error
		want error
	}{
		{"removed", os.Remove, errMoved},
		{"renamed by a log rotator", func(p string) error { return os.Rename(p, p+".1") }, errMoved},
		{"replaced", func(p string) error { return errors.Join(os.Remove(p), os.WriteFile(p, nil, 0o600)) }, errMoved},
		{"truncated", func(p string) error { return os.Truncate(p, 0) }, errShortened},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "r.ndjson")
			l, err := OpenLog(path, LogOptions{})
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			if err := errors.Join(l.Append(line("1")), tt.do(path)); err != nil {
				t.Fatal(err)
			}
			l.checked = l.checked.Add(-2e9) // as if two seconds had passed
			if err := l.Append(line("2")); !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}

// A faultyFile fails its nth operation, as a full or broken disk does.
type faultyFile struct {
	*os.File
	fail  map[string]int // operation → calls until it fails
	short int            // bytes that a failing write still writes
}

var errFault = errors.New("no space left on device")

func (f *faultyFile) due(op string) bool {
	n, ok := f.fail[op]
	if !ok {
		return false
	}
	f.fail[op] = n - 1
	return n <= 1
}

func (f *faultyFile) Write(p []byte) (int, error) {
	if f.due("write") {
		n, _ := f.File.Write(p[:min(f.short, len(p))])
		return n, errFault
	}
	return f.File.Write(p)
}

func (f *faultyFile) Sync() error {
	if f.due("sync") {
		return errFault
	}
	return f.File.Sync()
}

func (f *faultyFile) Truncate(n int64) error {
	if f.due("truncate") {
		return errFault
	}
	return f.File.Truncate(n)
}

func (f *faultyFile) Close() error {
	err := f.File.Close()
	if f.due("close") {
		return errFault
	}
	return err
}

// TestLogFailsAtTheNthOperation fails each operation in turn and looks at the
// two promises: what Append accepted is there, and every line is whole.
func TestLogFailsAtTheNthOperation(t *testing.T) {
	for _, op := range []string{"write", "sync", "close"} {
		for _, short := range []int{0, 1, 5, len(line("a")) - 1} {
			for n := 1; n <= 5; n++ {
				t.Run(fmt.Sprintf("%s %d after %d bytes", op, n, short), func(t *testing.T) {
					path := filepath.Join(t.TempDir(), "r.ndjson")
					f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
					if err != nil {
						t.Fatal(err)
					}
					l := newLog(&faultyFile{File: f, fail: map[string]int{op: n}, short: short}, LogOptions{Sync: true})
					l.path = path
					var accepted []byte
					for i := range 4 {
						text := line(string(rune('a' + i)))
						err := l.Append(text)
						if err == nil {
							accepted = append(accepted, text...)
						}
						if failed := l.Err() != nil; failed != (err != nil) {
							t.Errorf("Append: %v, Err: %v", err, l.Err())
						}
						if l.Err() != nil {
							select {
							case <-l.Failed():
							default:
								t.Error("Failed is not closed")
							}
						}
					}
					err = l.Close()
					if injected := n <= 4 && op != "close" || n == 1; injected != errors.Is(err, errFault) {
						t.Errorf("Close: %v, injected: %v", err, injected)
					}
					got := readFile(t, path)
					if !strings.HasPrefix(got, string(accepted)) {
						t.Errorf("accepted %q, the file has %q", accepted, got)
					}
					if got != "" && !strings.HasSuffix(got, "}\n") {
						t.Errorf("torn: %q", got)
					}
				})
			}
		}
	}
}

func TestLogShortWriteOnAPipe(t *testing.T) {
	// A pipe cannot be shortened: the torn line is ended, so that a reader tells
	// it from the next run's first.
	for _, tt := range []struct {
		name  string
		fails int // writes that fail
		want  string
	}{
		{"the torn line is ended", 1, "{\"id\n"},
		{"nothing is written when that fails, too", 2, "{\"id"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			p := &faultyPipe{File: w, fails: tt.fails}
			l := newLog(p, LogOptions{})
			if err := l.Append(line("1")); !errors.Is(err, errFault) {
				t.Errorf("got %v", err)
			}
			if err := l.Append(line("2")); !errors.Is(err, errFault) {
				t.Errorf("the failure is not final: %v", err)
			}
			w.Close()
			if got, _ := io.ReadAll(r); string(got) != tt.want {
				t.Errorf("the reader got %q, want %q", got, tt.want)
			}
		})
	}
}

type faultyPipe struct {
	*os.File
	fails int
}

func (f *faultyPipe) Write(p []byte) (int, error) {
	if f.fails--; f.fails >= 0 {
		n := 0
		if len(p) > 1 {
			n, _ = f.File.Write(p[:4])
		}
		return n, errFault
	}
	return f.File.Write(p)
}

func TestLogClosedPipe(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	l := NewLog(w, LogOptions{})
	err = l.Append(line("1"))
	var le *LogError
	if !errors.Is(err, syscall.EPIPE) || !errors.As(err, &le) {
		t.Errorf("got %v", err)
	}
	if err := l.Close(); !errors.Is(err, syscall.EPIPE) {
		t.Errorf("Close: %v", err)
	}
}

func TestLogWaitersOfAFailedWriteAreToldSo(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r.ndjson")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	l := newLog(&faultyFile{File: f, fail: map[string]int{"write": 10}, short: 7}, LogOptions{})
	var mu sync.Mutex
	accepted := map[string]bool{}
	var wg sync.WaitGroup
	for g := range 50 {
		wg.Go(func() {
			text := line(fmt.Sprint(g))
			if l.Append(text) == nil {
				mu.Lock()
				accepted[string(text)] = true
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	got := readFile(t, path)
	for text := range accepted {
		if !strings.Contains(got, text) {
			t.Errorf("accepted %q is not in the file", text)
		}
	}
	for text := range strings.Lines(got) {
		if !strings.HasSuffix(text, "}\n") {
			t.Errorf("torn line %q", text)
		}
	}
}

func TestLogFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := mountTmpfs(dir, "size=64k,mode=700"); err != nil {
		t.Skipf("no small file system to fill: %v", err)
	}
	t.Cleanup(func() { unmount(dir) })
	path := filepath.Join(dir, "r.ndjson")
	l, err := OpenLog(path, LogOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var accepted strings.Builder
	for i := 0; ; i++ {
		text := line(fmt.Sprint(i, strings.Repeat("x", 997)))
		if err = l.Append(text); err != nil {
			break
		}
		accepted.Write(text)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("got %v", err)
	}
	l.Close()
	if got := readFile(t, path); got != accepted.String() {
		t.Errorf("the file has %d bytes, accepted were %d", len(got), accepted.Len())
	}
	// With room again, the next run goes on.
	if err := os.Truncate(path, int64(len(line(fmt.Sprint(0, strings.Repeat("x", 997)))))+10); err != nil {
		t.Fatal(err)
	}
	l, err = OpenLog(path, LogOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(l.Append(line("again")), l.Close()); err != nil {
		t.Error(err)
	}
	if l.Mended().Removed != 10 || strings.Count(readFile(t, path), "\n") != 2 {
		t.Errorf("mended %+v, file %.3000q", l.Mended(), readFile(t, path))
	}
}

// TestLogKilled kills a writer at random moments; whatever it had been told is
// written must be in the file, and at most the last line may be torn.
func TestLogKilled(t *testing.T) {
	if path := os.Getenv("CAPTURE_TEST_KILLED"); path != "" {
		writeUntilKilled(path)
		return
	}
	if testing.Short() {
		t.Skip("spawns processes")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "r.ndjson")
	seen := map[string]bool{}
	for round := range 10 {
		cmd := exec.Command(self, "-test.run", "^TestLogKilled$")
		cmd.Env = append(os.Environ(), "CAPTURE_TEST_KILLED="+path)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		acknowledged := bufio.NewScanner(out)
		for n := 0; acknowledged.Scan(); n++ {
			seen[fmt.Sprint(cmd.Process.Pid, "-", acknowledged.Text())] = true
			if n == 7*round {
				cmd.Process.Kill() // what is still in the pipe was acknowledged, too
			}
		}
		cmd.Wait() // killed
	}
	l, err := OpenLog(path, LogOptions{})
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	inFile := map[string]bool{}
	for text := range strings.Lines(readFile(t, path)) {
		id, padding, ok := strings.Cut(strings.TrimSuffix(strings.TrimPrefix(text, `{"id":"`), "\"}\n"), " ")
		if !ok || strings.Trim(padding, "x") != "" || !strings.HasSuffix(text, "\"}\n") {
			t.Fatalf("broken line %.100q", text)
		}
		inFile[id] = true
	}
	if len(seen) < 10 {
		t.Fatalf("only %d entries acknowledged", len(seen))
	}
	for id := range seen {
		if !inFile[id] {
			t.Errorf("entry %s was acknowledged and is not in the file", id)
		}
	}
}

// writeUntilKilled appends from many goroutines and says on standard output
// what Append has accepted.
func writeUntilKilled(path string) {
	l, err := OpenLog(path, LogOptions{})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	padding := strings.Repeat("x", 100<<10)
	for g := range 8 {
		go func() {
			for i := 0; ; i++ {
				if l.Append(line(fmt.Sprintf("%d-%d-%d %s", os.Getpid(), g, i, padding))) == nil {
					os.Stdout.WriteString(fmt.Sprintf("%d-%d\n", g, i))
				}
			}
		}()
	}
	select {}
}

func BenchmarkLogAppend(b *testing.B) {
	for _, size := range []int{2 << 10, 64 << 10} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			l, err := OpenLog(filepath.Join(b.TempDir(), "r.ndjson"), LogOptions{})
			if err != nil {
				b.Fatal(err)
			}
			defer l.Close()
			text := line(strings.Repeat("x", size))
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if err := l.Append(text); err != nil {
						b.Fatal(err)
					}
				}
			})
		})
	}
}
