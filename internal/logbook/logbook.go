// Package logbook is the server's own log: the levels, the line format, the
// targets and their options, exactly as Fail2ban writes them, because logwatch,
// the recidive jail and people's scripts read it.
//
// A Book is safe for any number of goroutines. Records of one Log call stand
// together and go out in one write; while one goroutine writes, the others only
// append, so a busy server makes few and large writes. Nothing that Log was
// given is lost at Close, but what the target itself refuses.
package logbook

import (
	"log/slog"
	"time"
)

// Record is one message.
type Record struct {
	Level Level
	// Logger is the name in the line, as "fail2ban.filter".
	Logger string
	Text   string
	// Time of the message; zero is the moment at which it is logged.
	Time time.Time
}

// Book is the log.
type Book struct{}

// Options are what a Book needs of its surroundings.
type Options struct{}

// New opens a book that writes to nothing until SetTarget.
func New(Options) *Book { return &Book{} }

// Log writes records, in order and together.
func (b *Book) Log(records ...Record) {}

// Logf writes one formatted record; nothing is formatted below the level.
func (b *Book) Logf(level Level, logger, format string, args ...any) {}

// Enabled says whether a record of this level would be written.
func (b *Book) Enabled(level Level) bool { return false }

// Slog is a logger of the standard library that writes into the book.
func (b *Book) Slog(logger string) *slog.Logger { return slog.Default() }

// SetLevel changes the threshold: a name in any case or a number. The error is
// the exception that a client sees.
func (b *Book) SetLevel(text string) error { return nil }

// Level is the threshold as it was set, in upper case.
func (b *Book) Level() string { return "" }

// SetTarget changes where the log goes: a path, STDOUT, STDERR, SYSOUT, SYSLOG,
// SYSTEMD-JOURNAL, with options in brackets. The error is the exception that a
// client sees; the book then goes on writing to where it did.
func (b *Book) SetTarget(text string) error { return nil }

// Target is the target as it was set, without options.
func (b *Book) Target() string { return "" }

// SetSyslogSocket changes the socket of the target SYSLOG; "auto" is /dev/log.
func (b *Book) SetSyslogSocket(path string) error { return nil }

// SyslogSocket is the socket as it was set.
func (b *Book) SyslogSocket() string { return "" }

// Flush does what log rotation asks for and says what it did: "rolled over"
// when the file was opened anew, else "flushed".
func (b *Book) Flush() string { return "flushed" }

// Close writes what is pending and closes the target.
func (b *Book) Close() error { return nil }
