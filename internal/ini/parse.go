package ini

import "io"

// Limits bound what one file may cost.
type Limits struct {
	// Bytes is the largest file read; 0 means DefaultBytes.
	Bytes int64
}

// DefaultBytes is the largest configuration file accepted: far above any real
// one (the largest stock file has 30 KiB), far below what would hurt.
const DefaultBytes = 8 << 20

// Parse reads a file. It returns what could be read together with the faults
// found; a File is returned even when there are faults, unless the file as a
// whole is unusable (undecodable, too large), when it is nil.
func Parse(name string, r io.Reader, lim Limits) (*File, []Fault) {
	return nil, nil
}
