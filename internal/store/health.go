package store

import (
	"errors"
	"io/fs"
	"syscall"
	"time"

	sqlite3 "modernc.org/sqlite/lib"
)

// Health is the state of the file.
type Health struct {
	// Err is why writing fails at present; nil when all is well.
	Err error
	// Since is when that began.
	Since time.Time
	// Waiting counts the rows in memory that are not on the disk yet, Dropped
	// those that were given up because there were too many.
	Waiting, Dropped int
}

// Kind sorts what may be wrong with the file by what somebody can do about it.
type Kind string

// The kinds of faults.
const (
	Sound    Kind = ""
	Locked   Kind = "locked"
	ReadOnly Kind = "read-only"
	Full     Kind = "full"
	Corrupt  Kind = "corrupt"
	Newer    Kind = "newer"
	Missing  Kind = "missing"
	Broken   Kind = "error"
)

// Kind tells what is wrong.
func (h Health) Kind() Kind {
	switch {
	case h.Err == nil:
		return Sound
	case errors.Is(h.Err, ErrFuture):
		return Newer
	case isBroken(h.Err):
		return Corrupt
	case isLock(h.Err):
		return Locked
	case code(h.Err) == sqlite3.SQLITE_FULL, errors.Is(h.Err, syscall.ENOSPC), errors.Is(h.Err, syscall.EDQUOT):
		return Full
	case code(h.Err) == sqlite3.SQLITE_READONLY, errors.Is(h.Err, fs.ErrPermission), errors.Is(h.Err, syscall.EROFS):
		return ReadOnly
	case errors.Is(h.Err, fs.ErrNotExist):
		return Missing
	}
	return Broken
}
