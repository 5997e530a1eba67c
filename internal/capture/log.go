package capture

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// A Log is where a recording is written. Recorded means written: Append returns
// once its entry has been handed to the kernel, so an entry survives the death
// of this process at any later moment. Nothing is buffered in user space.
//
// Appends that arrive during another's write go out together in the next one
// (group commit); each returns after the write that holds its entry.
//
// The first failure is final: a log that could not write an entry takes no more,
// because the next one would be glued to a torn line or follow a gap. The torn
// line is taken back where the output is a file, so that everything that was
// written before stays readable.
type Log struct {
	file     logFile
	path     string // "" when the output was handed in open
	sync     bool
	identity os.FileInfo // what path named when it was opened; nil if that is not watched
	mended   Mended

	mu      sync.Mutex
	writing bool      // someone is in the write; who comes now joins next
	next    *logBatch // appends waiting for the write in progress to end; nil if none
	checked time.Time // when path was last seen to name our file

	failure atomic.Pointer[LogError]
	failed  chan struct{}
	entries atomic.Int64
	bytes   atomic.Int64
}

// logFile is what a Log needs of its output; *os.File has it.
type logFile interface {
	io.WriteCloser
	Sync() error
	Truncate(size int64) error
	Stat() (os.FileInfo, error)
	Seek(offset int64, whence int) (int64, error)
}

// A logBatch is what goes out in one write. Its first member writes it.
type logBatch struct {
	lines   []byte
	entries int64
	turn    chan struct{} // closed when the first member may write
	done    chan struct{} // closed when it has been written, or not: err
	err     error
}

// A LogError says that the recording can no longer be written.
type LogError struct {
	Path    string // "" for an output without a name
	Written int64  // bytes of whole entries written before
	Err     error
}

func (e *LogError) Error() string {
	name := e.Path
	if name == "" {
		name = "the output"
	}
	return fmt.Sprintf("recording to %s stopped after %d bytes: %v", name, e.Written, e.Err)
}

func (e *LogError) Unwrap() error { return e.Err }

// Mended says what an earlier run that was killed had left at the end of the
// file; the zero value says that nothing was amiss.
type Mended struct {
	Removed    int64 // bytes of a torn last line, taken away
	Terminated bool  // the last line was whole but for its newline, which was added
}

// LogOptions has useful zero values.
type LogOptions struct {
	Sync     bool // fsync before Append returns: entries survive a power loss, too
	Truncate bool // start the file anew instead of appending to it
}

// errMoved is the failure of a log whose file was renamed, removed or replaced.
var errMoved = errors.New("the file was moved or removed while it was being written")

// errShortened is the failure of a log whose file was cut by someone else.
var errShortened = errors.New("the file was truncated by another program while it was being written")

// OpenLog opens the file at path for appending, or creates it with mode 0600.
// It refuses a symbolic link, a file of another user, a directory that anybody
// may change, a file that does not hold entries, and one that another recorder
// has locked. A torn last line of an earlier run is mended: see Mended.
//
// A path below /dev, such as a shell's process substitution, is opened as it is.
func OpenLog(path string, o LogOptions) (*Log, error) {
	f, regular, err := openLogFile(path, o.Truncate)
	if err != nil {
		return nil, err
	}
	l := newLog(f, o)
	l.path = path
	if !regular {
		return l, nil
	}
	if l.mended, err = mend(f); err == nil {
		l.identity, err = f.Stat()
	}
	if err != nil {
		f.Close() // the error at hand says more
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return l, nil
}

// NewLog returns a log on an output that is already open, such as standard
// output. Close does not close it.
func NewLog(f *os.File, o LogOptions) *Log {
	return newLog(f, o)
}

func newLog(f logFile, o LogOptions) *Log {
	return &Log{file: f, sync: o.Sync, failed: make(chan struct{})}
}

// Mended returns what OpenLog had to repair.
func (l *Log) Mended() Mended { return l.mended }

// Entries and Bytes count what Append has written.
func (l *Log) Entries() int64 { return l.entries.Load() }

// Bytes is the size of what Append has written.
func (l *Log) Bytes() int64 { return l.bytes.Load() }

// Err returns the *LogError that ended the log, or nil.
func (l *Log) Err() error {
	if e := l.failure.Load(); e != nil {
		return e
	}
	return nil
}

// Failed is closed when the log has failed; Err then says why.
func (l *Log) Failed() <-chan struct{} { return l.failed }

// Append writes one entry, a line with its newline, and returns when the kernel
// has it (and with Sync, when the disk has it). The error is a *LogError, the
// same for every append from the first failure on. Append keeps no reference to
// line and may be called from many goroutines.
func (l *Log) Append(line []byte) error {
	l.mu.Lock()
	if !l.writing {
		l.writing = true
		l.mu.Unlock()
		err := l.write(line, 1)
		l.pass()
		return err
	}
	b := l.next
	first := b == nil
	if first {
		b = &logBatch{turn: make(chan struct{}), done: make(chan struct{})}
		l.next = b
	}
	b.lines = append(b.lines, line...)
	b.entries++
	l.mu.Unlock()
	if !first {
		<-b.done
		return b.err
	}
	<-b.turn
	l.mu.Lock()
	l.next = nil
	l.mu.Unlock()
	b.err = l.write(b.lines, b.entries)
	close(b.done)
	l.pass()
	return b.err
}

// pass gives the right to write to the batch that waits, or back.
func (l *Log) pass() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.next != nil {
		close(l.next.turn)
		return
	}
	l.writing = false
}

// write hands whole lines to the kernel. One goroutine is in it at a time.
func (l *Log) write(lines []byte, entries int64) error {
	if err := l.Err(); err != nil {
		return err
	}
	if err := l.inspect(); err != nil {
		return l.fail(err)
	}
	n, err := l.file.Write(lines)
	if err == nil && n < len(lines) {
		err = io.ErrShortWrite
	}
	if err != nil {
		return l.fail(errors.Join(err, l.takeBack(lines[:n], err)))
	}
	if l.sync {
		if err := l.file.Sync(); err != nil {
			// After a failed fsync the kernel may have dropped the pages; a second
			// one would return nil and mean nothing.
			return l.fail(fmt.Errorf("sync: %w", err))
		}
	}
	l.entries.Add(entries)
	l.bytes.Add(int64(len(lines)))
	return nil
}

// takeBack removes what was written of a line that could not be written whole,
// or ends it where an output cannot be shortened.
func (l *Log) takeBack(written []byte, cause error) error {
	whole := bytes.LastIndexByte(written, '\n') + 1
	l.bytes.Add(int64(whole))
	torn := int64(len(written) - whole)
	if torn == 0 {
		return nil
	}
	info, err := l.file.Stat()
	if err == nil && info.Mode().IsRegular() {
		end := info.Size() - torn
		if err = l.file.Truncate(end); err == nil {
			// Whoever shares the descriptor goes on at the end, not behind a hole.
			_, err = l.file.Seek(end, io.SeekStart)
		}
		if err == nil {
			return nil
		}
	}
	if !errors.Is(cause, syscall.EPIPE) {
		if _, err := l.file.Write([]byte{'\n'}); err == nil {
			return nil
		}
	}
	return fmt.Errorf("the last line is torn: %d bytes", torn)
}

// inspect looks, at most once a second, whether the path still names the file
// that is being written. Entries appended to an unlinked file would be lost.
func (l *Log) inspect() error {
	if l.identity == nil {
		return nil
	}
	now := time.Now()
	if now.Sub(l.checked) < time.Second {
		return nil
	}
	l.checked = now
	info, err := os.Lstat(l.path)
	if errors.Is(err, os.ErrNotExist) || err == nil && !os.SameFile(info, l.identity) {
		return errMoved
	}
	if err == nil && info.Size() < l.identity.Size()+l.bytes.Load() {
		return errShortened
	}
	return err
}

// fail makes cause the end of the log.
func (l *Log) fail(cause error) error {
	e := &LogError{Path: l.path, Written: l.bytes.Load(), Err: cause}
	l.failure.Store(e)
	close(l.failed)
	return e
}

// Close ends the log. It returns the failure that had ended it before, if any,
// and closes the file if OpenLog opened it. No Append may be under way.
func (l *Log) Close() error {
	err := l.Err()
	if l.path == "" {
		return err
	}
	if cerr := l.file.Close(); cerr != nil && err == nil {
		err = &LogError{Path: l.path, Written: l.bytes.Load(), Err: cerr}
	}
	return err
}
