package store

import (
	"context"
	"errors"
	"time"

	"stockade/internal/event"
	"stockade/internal/logbook"
	"stockade/internal/ticket"
)

// ErrDeferred is in the error of a Commit that could not reach the disk and is
// kept in memory until it can.
var ErrDeferred = errors.New("kept in memory until the database can be written")

// ErrClosed is the error of calls after Close.
var ErrClosed = errors.New("database is closed")

// Store is an open database. It is safe for any number of goroutines.
type Store struct{}

// Open opens or makes the database at path; ":memory:" is one that is
// forgotten at Close. An older one is upgraded after a backup, a broken one
// moved aside and made anew. The records say what was done, in the
// reference's words, also where an error is returned.
func Open(ctx context.Context, path string, opts Options) (*Store, []logbook.Record, error) {
	return &Store{}, nil, nil
}

// Path is what the store was opened with.
func (s *Store) Path() string { return "" }

// Commit makes a batch durable and returns when it is. An error that wraps
// ErrDeferred means that it is kept and will be written later.
func (s *Store) Commit(b Batch) error { return nil }

// Submit is Commit without waiting: done, which may be nil, is called with its
// result from the store's goroutine and must not call the store.
func (s *Store) Submit(b Batch, done func(error)) {}

// DisableAll marks all jails as not enabled, as a server does when it opens
// its database.
func (s *Store) DisableAll() error { return nil }

// CurrentBans are the bans of a jail that live on, ordered by the text of
// their ID, with time and ban time as they now are to be.
func (s *Store) CurrentBans(jail string, opts RestoreOptions) ([]ticket.Ticket, error) {
	return nil, nil
}

// Position is the stored position of a jail in a source.
func (s *Store) Position(jail, path string) (Position, bool, error) { return Position{}, false, nil }

// History is what is known of an ID's bans in a jail, or with overall the sum
// over all jails; false when it was never banned.
func (s *Store) History(id, jail string, overall bool) (History, bool, error) {
	return History{}, false, nil
}

// MergedMatches puts the recorded bans of an ID together, in one jail or, with
// an empty name, in all.
func (s *Store) MergedMatches(id, jail string) (Merged, error) { return Merged{}, nil }

// Purge deletes what is older than age, as the reference does it every hour.
func (s *Store) Purge(now time.Time, age time.Duration) error { return nil }

// SetMaxMatches changes dbmaxmatches.
func (s *Store) SetMaxMatches(n int) {}

// SaveFailures replaces the stored failures of a jail that were being counted.
func (s *Store) SaveFailures(jail string, failures []ticket.Ticket) error { return nil }

// LoadFailures returns what SaveFailures stored and deletes it.
func (s *Store) LoadFailures(jail string) ([]ticket.Ticket, error) { return nil, nil }

// Events returns stored events, oldest first.
func (s *Store) Events(q EventQuery) ([]event.Event, error) { return nil, nil }

// LastBan is the highest number of a ban among the stored events, so that
// numbering goes on after a restart.
func (s *Store) LastBan() (uint64, error) { return 0, nil }

// Health tells whether the file can be written.
func (s *Store) Health() Health { return Health{} }

// Close writes what is waiting and closes the file. The records are what the
// log should say.
func (s *Store) Close() ([]logbook.Record, error) { return nil, nil }
