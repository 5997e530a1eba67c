//go:build !linux

package capture

import "errors"

func mountTmpfs(string, string) error { return errors.New("not on this system") }

func unmount(string) {}
