//go:build !unix

package capture

import "os"

// noFollow has no counterpart here.
const noFollow = 0

// anyoneMayReplace cannot be told from the mode here.
func anyoneMayReplace(os.FileInfo) bool { return false }

// checkOwner has no counterpart here: access is governed by the folder.
func checkOwner(os.FileInfo) error { return nil }

// lock has no counterpart here.
func lock(*os.File) error { return nil }
