package source

import (
	"errors"
	"time"

	"stockade/internal/logbook"
)

// Hub owns all readers. It is safe for any number of goroutines.
type Hub struct{}

// New makes a hub. It reads nothing and runs nothing until it is subscribed to.
func New(opts Options) *Hub { return &Hub{} }

// Backend names what tells the hub of changes: "inotify" or "polling".
func (h *Hub) Backend() string { return "polling" }

// Close ends all subscriptions and waits until no Sink is called any more.
func (h *Hub) Close() {}

// Subscribe begins to read a file. The file is looked at before it returns:
// Position is where reading will begin and State().Err says whether it must be
// waited for. The error is about the options only.
func (h *Hub) Subscribe(path string, opts SubscribeOptions) (*Subscription, error) {
	return nil, errors.ErrUnsupported
}

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

// Subscription is one listener's interest in one source.
type Subscription struct{}

// Path is the file's path, or JournalPath.
func (s *Subscription) Path() string { return "" }

// Position is where reading began, or what was acknowledged last.
func (s *Subscription) Position() Position { return Position{} }

// State tells how it goes.
func (s *Subscription) State() State { return State{} }

// Idle halts delivery (true) or lets it go on; nothing is lost by it.
func (s *Subscription) Idle(on bool) {}

// SetMatches replaces the journalmatch of a journal subscription.
func (s *Subscription) SetMatches(matches [][]string) error { return nil }

// Close ends delivery. When it returns, Sink is not called any more; batches
// on their way stay valid and must still be released. It returns the position
// that was acknowledged last.
func (s *Subscription) Close() Position { return Position{} }

// Release gives a batch back and acknowledges its lines.
func (b *Batch) Release() {}

type block struct{}

type cursor struct{}

func journalPosition(t time.Time, stamp string) Position {
	return Position{Path: JournalPath, Hash: stamp, Pos: float64(t.UnixMicro()) / 1e6}
}
