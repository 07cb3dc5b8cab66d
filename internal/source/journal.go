package source

import (
	"errors"
	"time"

	"stockade/internal/logbook"
)

// SubscribeJournal begins to read the systemd journal.
func (h *Hub) SubscribeJournal(opts JournalOptions) (*Subscription, error) {
	return nil, errors.ErrUnsupported
}

// JournalOptions say what of which journal is to be read.
type JournalOptions struct {
	// Matches are the configured journalmatch lines, each split like a shell
	// does; all are alternatives. None: every entry.
	Matches [][]string
	// Path, Files (globs are expanded), Flags, Namespace and Rotated are the
	// backend's arguments; Flags is -1 where it was not given.
	Path      string
	Files     []string
	Flags     int
	Namespace string
	Rotated   bool
	// Start is the stored position and Since now - findtime; reading begins at
	// the later one.
	Start Position
	Since time.Time
	// Window, Sink and Notice are as for files.
	Window int
	Sink   func(*Batch)
	Notice func(logbook.Record)
}

// SetMatches replaces the journalmatch of a journal subscription.
func (s *Subscription) SetMatches(matches [][]string) error { return nil }
