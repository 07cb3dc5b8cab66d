package source

import (
	"os"
	"path/filepath"
)

// journalDirs are where systemd keeps its journal.
var journalDirs = []string{"/var/log/journal", "/run/log/journal"}

// HasJournal tells whether this machine has a systemd journal to read.
func HasJournal() bool {
	for _, dir := range journalDirs {
		found, err := filepath.Glob(filepath.Join(dir, "*", "*.journal"))
		if err != nil || len(found) == 0 {
			continue
		}
		if f, err := os.Open(found[0]); err == nil {
			f.Close()
			return true
		}
	}
	return false
}
