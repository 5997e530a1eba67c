//go:build unix

package capture

import (
	"errors"
	"os"
	"syscall"
)

// noFollow makes opening a symbolic link an error.
const noFollow = syscall.O_NOFOLLOW

// anyoneMayReplace says that any user may rename or remove what is in a folder.
func anyoneMayReplace(folder os.FileInfo) bool {
	return folder.Mode().Perm()&0o002 != 0 && folder.Mode()&os.ModeSticky == 0
}

// checkOwner refuses a file of another user, who could read what we append.
func checkOwner(info os.FileInfo) error {
	if s, ok := info.Sys().(*syscall.Stat_t); ok && int(s.Uid) != os.Geteuid() {
		return errors.New("the file belongs to another user")
	}
	return nil
}

// lock takes the file for this process until it is closed.
func lock(f *os.File) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return errors.New("another recorder is writing this file")
	}
	return err
}
