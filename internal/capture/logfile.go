package capture

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// openLogFile opens path for reading and appending; regular says whether it is a
// plain file, which can be locked and mended.
func openLogFile(path string, truncate bool) (f *os.File, regular bool, err error) {
	if strings.HasPrefix(path, "/dev/") {
		f, err = os.OpenFile(path, os.O_WRONLY, 0)
		return f, false, err
	}
	if err := checkFolder(filepath.Dir(path)); err != nil {
		return nil, false, fmt.Errorf("%s: %w", path, err)
	}
	f, err = os.OpenFile(path, os.O_RDWR|os.O_APPEND|os.O_CREATE|noFollow, 0o600)
	if err != nil {
		return nil, false, err
	}
	defer func() {
		if err != nil {
			f.Close() // the error at hand says more
			err = fmt.Errorf("%s: %w", path, err)
		}
	}()
	info, err := f.Stat()
	if err != nil {
		return nil, false, err
	}
	if !info.Mode().IsRegular() {
		return f, false, nil
	}
	if err := checkOwner(info); err != nil {
		return nil, false, err
	}
	if err := lock(f); err != nil {
		return nil, false, err
	}
	if truncate {
		err = f.Truncate(0)
	}
	return f, true, err
}

// checkFolder refuses a folder in which any user can put a file of his own in
// the place of ours.
func checkFolder(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if anyoneMayReplace(info) {
		return errors.New("the folder is writable by everybody")
	}
	return nil
}

// mend makes the end of an existing file the end of a line.
func mend(f *os.File) (Mended, error) {
	info, err := f.Stat()
	if err != nil || info.Size() == 0 {
		return Mended{}, err
	}
	first := make([]byte, 512)
	n, err := f.ReadAt(first, 0)
	if err != nil && err != io.EOF {
		return Mended{}, err
	}
	if !startsStream(first[:n]) {
		return Mended{}, errors.New("not a stream of entries: refusing to append to it")
	}
	tail, err := lastLine(f, info.Size())
	if err != nil || len(bytes.TrimSpace(tail)) == 0 {
		return Mended{}, err
	}
	if json.Valid(tail) {
		_, err = f.Write([]byte{'\n'})
		return Mended{Terminated: true}, err
	}
	if int64(len(tail)) == info.Size() && !bytes.HasPrefix(bytes.TrimSpace(tail), []byte(`{"id"`)) {
		// One torn line is all there is. Ours begin with an id; do not destroy
		// what may be someone's half-written document.
		return Mended{}, errors.New("not a stream of entries: refusing to append to it")
	}
	return Mended{Removed: int64(len(tail))}, f.Truncate(info.Size() - int64(len(tail)))
}

// startsStream tells from the first bytes of a file whether it is a stream of
// entries, one to a line, and no Recording, array, or document of another kind.
func startsStream(b []byte) bool {
	b = bytes.TrimLeft(b, " \t\r\n")
	return len(b) == 0 || bytes.HasPrefix(b, []byte(`{"`)) && !bytes.Contains(b, []byte(`"entries":`))
}

// lastLine returns what follows the last newline of a file.
func lastLine(f io.ReaderAt, size int64) ([]byte, error) {
	for step := int64(64 << 10); ; step *= 2 {
		tail := make([]byte, min(step, size))
		if _, err := f.ReadAt(tail, size-int64(len(tail))); err != nil {
			return nil, err
		}
		if i := bytes.LastIndexByte(tail, '\n'); i >= 0 || step >= size {
			return tail[i+1:], nil
		}
	}
}
