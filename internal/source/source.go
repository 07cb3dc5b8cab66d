// Package source delivers log lines: from files and from the systemd journal,
// in order, each exactly once, as soon as they are written.
//
// It owns the open files, the watches on them and the reading positions. There
// is one reader for a file however many listen to it; a listener that is slow
// is left behind and catches up by itself, and holds up neither the others nor
// other files. Only mates, who share what they make of the lines, are kept
// together, and not for longer than a moment. A file that was renamed away is read to its end before its
// successor is begun; a partial last line waits for its newline; a file that
// does not exist yet is waited for. What copytruncate destroys between the
// last look and the truncation is lost by nature.
//
// A position moves only when its listener has given a batch back (Release), so
// what is stored never runs ahead of what was decided.
package source

import (
	"time"

	"stockade/internal/clock"
	"stockade/internal/logbook"
)

// JournalPath is the name under which positions of the journal are kept.
const JournalPath = "systemd-journal"

// MaxLine is how much of a line is delivered. Of a longer one the rest is
// skipped and its length told in Line.Cut.
const MaxLine = 64 << 10

// Kind tells files from the journal.
type Kind int

// The kinds of sources.
const (
	File Kind = iota
	Journal
)

// Position is where reading goes on after a restart. For a file Pos is the
// byte offset and Hash the SHA-1 of its first line with the newline, empty
// while there is no complete first line. For the journal Pos is the time of
// the last entry in Unix seconds and Hash its ISO text and a blank.
type Position struct {
	Path string
	Hash string
	Pos  float64
}

// Line is one line, or one journal entry composed to a line.
type Line struct {
	// Text is without its line end (with it, where the listener brought a Split
	// of its own). It lies in the batch's block and is valid until the batch is
	// released.
	Text []byte
	// Offset is the byte after the line's newline; 0 for the journal.
	Offset int64
	// Cut counts the bytes of the line beyond MaxLine that were left out.
	Cut int64
	// Time is that of a journal entry, zero for files.
	Time time.Time
	// Stamp is the ISO time of a journal entry with one blank, as it stands
	// before the line in matches; empty for files.
	Stamp string
}

// Batch is a run of consecutive lines of one source. It must be released by
// its consumer, once, after its lines were dealt with; batches of one
// subscription are released in the order of their delivery.
type Batch struct {
	Kind  Kind
	Path  string
	Inode uint64
	// Hash is that of the file's first line when the batch was read.
	Hash  string
	Lines []Line
	// InOperation is false while the source is being caught up with from a
	// stored or early position, and true from its first end on.
	InOperation bool
	// Old says that the lines were written late to a file that was renamed away,
	// when its successor was already begun: their offsets are no positions to
	// store.
	Old bool
	// Valid says that all of the text is known to be valid UTF-8, but for lines
	// that were cut.
	Valid bool
	// Company stands for the listener and those of its mates who were given the
	// same lines with it; another set of them has another number. It is 0 where
	// there is none of its mates.
	Company uint64
	// Board is that of all who were given these lines.
	Board *Board

	sub   *Subscription
	blk   *block
	bytes int64
}

// Position is the position after line i, and whether there is one to store:
// a rotated file's offsets mean nothing to its successor.
func (b *Batch) Position(i int) (Position, bool) {
	if b.Old || i < 0 || i >= len(b.Lines) {
		return Position{}, false
	}
	ln := &b.Lines[i]
	if b.Kind == Journal {
		return journalPosition(ln.Time, ln.Stamp), true
	}
	return Position{Path: b.Path, Hash: b.Hash, Pos: float64(ln.Offset)}, true
}

// Options are what a Hub is made with.
type Options struct {
	// Clock is the real one where it is nil.
	Clock clock.Clock
	// Polling leaves the system's notifications unused for all files.
	Polling bool
}

// SubscribeOptions say how a file is to be read and where its lines go.
type SubscribeOptions struct {
	// Tail begins at the end; Start and Since are then not looked at.
	Tail bool
	// Start is the stored position. It holds if its Hash is that of the file,
	// else the file is read from its beginning.
	Start Position
	// When finds the time of a line, for the seek to Since. It is called from
	// the reader's goroutine, only before the first batch is delivered. Nil:
	// no seeking.
	When func(line []byte) (time.Time, bool)
	// Since is the time before which lines do not matter any more.
	Since time.Time
	// Polling asks for no notifications for this file.
	Polling bool
	// Split finds the end of the first line in data, newline included, or 0
	// where it is not complete; for encodings in which 0x0A is a part of other
	// characters. Nil: a line ends after each byte 0x0A.
	Split func(data []byte) (end int)
	// Mates is equal for listeners that make the same of the lines; see
	// Subscription.SetMates. Nil: there are none.
	Mates any
	// Window is the number of batches that may be delivered and not yet
	// released; 4 where it is 0.
	Window int
	// Sink takes a batch over. It must not wait: at most Window batches of a
	// subscription are on their way at any time.
	Sink func(*Batch)
	// Notice takes what is to be said about the file. It may be nil.
	Notice func(logbook.Record)
}

// State is what a subscription has to say about itself.
type State struct {
	// Err says why nothing is read now: the file is missing, or may not be
	// opened. Nil while it is read.
	Err error
	// InOperation is true once the end was reached for the first time.
	InOperation bool
	// Lines and Cut count what was delivered, and the lines that were longer
	// than MaxLine.
	Lines, Cut uint64
	// Lag is the number of bytes that are written but not yet acknowledged.
	Lag int64
}
