package capture

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync/atomic"
)

// A bodyStore is a folder of bodies, each in a file named by its SHA-256.
type bodyStore struct {
	root  *os.Root
	sync  bool
	count atomic.Int64
	err   atomic.Pointer[error] // the first failure
}

// A spooledBody is a file of the store whose digest is not known yet.
type spooledBody struct {
	store *bodyStore
	file  *os.File
	name  string
}

func openBodyStore(dir string, sync bool) (*bodyStore, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	info, err := root.Stat(".")
	if err == nil && anyoneMayReplace(info) {
		err = fmt.Errorf("%s: the folder is writable by everybody", dir)
	}
	if err != nil {
		root.Close() // the error at hand says more
		return nil, err
	}
	return &bodyStore{root: root, sync: sync}, nil
}

func (s *bodyStore) fail(err error) {
	s.err.CompareAndSwap(nil, &err)
}

// create opens a file for a body; nil if that fails.
func (s *bodyStore) create() *spooledBody {
	for {
		name := fmt.Sprintf("incoming-%d-%d", os.Getpid(), s.count.Add(1))
		f, err := s.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if errors.Is(err, fs.ErrExist) {
			continue // left behind by a run that was killed
		}
		if err != nil {
			s.fail(err)
			return nil
		}
		return &spooledBody{store: s, file: f, name: name}
	}
}

// write reports whether p was written; if not, the file is gone.
func (b *spooledBody) write(p []byte) bool {
	if _, err := b.file.Write(p); err != nil {
		b.store.fail(err)
		b.discard()
		return false
	}
	return true
}

// keep gives the file its name, so that it is there before the entry that
// speaks of it.
func (b *spooledBody) keep(digest string) {
	var err error
	if b.store.sync {
		err = b.file.Sync()
	}
	if err = errors.Join(err, b.file.Close()); err == nil {
		err = b.store.root.Rename(b.name, digest)
	}
	if err != nil {
		b.store.fail(err)
		b.store.root.Remove(b.name) // a leftover; the failure is told
	}
}

// discard removes the file.
func (b *spooledBody) discard() {
	b.file.Close() // the content is not wanted
	if err := b.store.root.Remove(b.name); err != nil {
		b.store.fail(err)
	}
}
