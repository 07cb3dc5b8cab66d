// Package store keeps what must outlive the server: bans and their history,
// reading positions, which jails are enabled, the failures that were being
// counted, and the events with their causes.
//
// It owns the SQLite file. Its tables are Fail2ban's, schema version 4, so
// that either program opens the other's file; failures and events stand in
// tables of our own, which Fail2ban does not look at. There is one writer;
// what many callers commit at the same time shares one transaction, and
// Commit returns when that is on the disk. A file that cannot be written for
// a while (locked, read-only, disk full) stops nobody: what was committed is
// kept in memory, up to a bound, and written when the disk is back; Health
// tells. Rows are never cached: what somebody else changes in the file counts.
package store

import (
	"time"

	"stockade/internal/event"
	"stockade/internal/logbook"
	"stockade/internal/ticket"
)

// Ban is a ban to be recorded, with its jail. Of the ticket, ID, Time, Bantime,
// BanCount, Matches, Failures and Fields are stored.
type Ban struct {
	Jail   string
	Ticket ticket.Ticket
}

// Key names what an explicit unban forgets. An empty ID means the whole jail.
type Key struct {
	Jail string
	ID   string
}

// Position is how far a jail has read a source. Pos is a byte offset, or Unix
// seconds with a fraction for the journal.
type Position struct {
	Jail string
	Path string
	Hash string
	Pos  float64
}

// Batch is what is committed together, in the order of these fields.
type Batch struct {
	// Enable lists jails to be added or enabled again.
	Enable []string
	// Forget deletes rows, of the history too.
	Forget    []Key
	Bans      []Ban
	Positions []Position
	Events    []event.Event
	// Disable lists jails that were stopped. Their rows stay.
	Disable []string
}

// Options are what a store is opened with.
type Options struct {
	// MaxMatches is dbmaxmatches: how many of a ticket's last lines are stored.
	// 0 means none; the reference's default is 10 (DefaultMaxMatches).
	MaxMatches int
	// MaxEvents bounds the table of events; DefaultMaxEvents where it is 0.
	MaxEvents int
	// Wait keeps everything in memory where the file cannot be opened, and opens
	// it as soon as that is possible.
	Wait bool
	// Patience is how long a lock of another program is waited for before it
	// counts as an outage; 5 s where it is 0.
	Patience time.Duration
	// Now is the clock, time.Now where it is nil.
	Now func() time.Time
	// Notice takes what the log should say when the file stops or begins to be
	// writable. It is called from the store's goroutine and must not call the
	// store. It may be nil.
	Notice func(logbook.Record)
	// Renewed is called, like Notice, when the file had to be made anew while
	// the server runs: what is current should then be committed again.
	Renewed func()
}

// Limits bound what is kept.
const (
	DefaultMaxMatches = 10
	// DefaultMaxEvents is about 30 MB of file at the most.
	DefaultMaxEvents = 50_000
)

// RestoreOptions are the jail's settings that decide which stored bans live on
// and for how long.
type RestoreOptions struct {
	Now time.Time
	// Bantime is the jail's, in seconds; ticket.Permanent for no end.
	Bantime int64
	// Increment is bantime.increment, MaxTime bantime.maxtime (0: none).
	Increment bool
	MaxTime   int64
	// MaxMatches is the jail's maxmatches; negative for no cut.
	MaxMatches int
}

// History is what bantime.increment asks about an ID.
type History struct {
	Count   int
	Last    time.Time
	Bantime int64
}

// Merged is what <ipmatches> and its relatives show: the bans of an ID put
// together, newest lines first.
type Merged struct {
	Matches  []ticket.Match
	Failures int
	Bans     int
}

// EventQuery selects stored events; zero fields select everything.
type EventQuery struct {
	Jail, ID string
	Ban      uint64
	Kinds    []event.Kind
	Since    time.Time
	// Limit is the number of newest events wanted; 0 means 1,000.
	Limit int
}
