// Package logbook is the server's own log: the levels, the line format, the
// targets and their options, exactly as Fail2ban writes them, because logwatch,
// the recidive jail and people's scripts read it.
//
// A Book is safe for any number of goroutines. Records of one Log call stand
// together and go out in one write; while one goroutine writes, the others only
// append, so a busy server makes few and large writes. Nothing that Log was
// given is lost at Close, but what the target itself refuses, and that is
// counted and said.
package logbook

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"stockade/internal/clock"
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

// ServerLogger is the name under which the book itself writes.
const ServerLogger = "fail2ban.server"

// maxPending bounds what waits for a slow target; beyond it Log waits too.
const maxPending = 4 << 20

// maxEarly bounds the records kept from before there is a target.
const maxEarly = 1000

// Options are what a Book needs of its surroundings; the zero value is the
// process itself.
type Options struct {
	Clock          clock.Clock
	Stdout, Stderr io.Writer
	PID            int
	// Version is the one that changes of the target announce.
	Version string
}

// Book is the log.
type Book struct {
	opts  Options
	level atomic.Int64

	// settings serializes changes of level, target and socket.
	settings  sync.Mutex
	levelText string
	target    string
	options   map[string]string
	socket    string

	mu      sync.Mutex
	idle    *sync.Cond
	sink    sink
	format  *format
	pending group
	spare   group
	writing bool
	early   []Record
	lost    int
}

// group is what one write takes.
type group struct {
	data    []byte
	entries []entry
}

// New opens a book. Records from before the first SetTarget are kept, up to a
// bound, and written then.
func New(opts Options) *Book {
	if opts.Clock == nil {
		opts.Clock = clock.Real()
	}
	if opts.Stdout == nil {
		opts.Stdout = os.Stdout
	}
	if opts.Stderr == nil {
		opts.Stderr = os.Stderr
	}
	if opts.PID == 0 {
		opts.PID = os.Getpid()
	}
	if opts.Version == "" {
		opts.Version = "1.1.1"
	}
	b := &Book{opts: opts, levelText: "INFO", socket: "auto"}
	b.idle = sync.NewCond(&b.mu)
	b.level.Store(int64(Info))
	return b
}

// Enabled says whether a record of this level would be written.
func (b *Book) Enabled(level Level) bool { return int64(level) >= b.level.Load() }

// Logf writes one formatted record; nothing is formatted below the level.
func (b *Book) Logf(level Level, logger, format string, args ...any) {
	if b.Enabled(level) {
		b.Log(Record{Level: level, Logger: logger, Text: fmt.Sprintf(format, args...)})
	}
}

// Log writes records, in order and together.
func (b *Book) Log(records ...Record) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for b.writing && len(b.pending.data) > maxPending {
		b.idle.Wait()
	}
	for i := range records {
		if b.Enabled(records[i].Level) {
			b.add(records[i])
		}
	}
	b.drain()
}

// add formats a record into the pending group. b.mu is held.
func (b *Book) add(r Record) {
	if r.Time.IsZero() {
		r.Time = b.opts.Clock.Now()
	}
	if b.sink == nil {
		if len(b.early) < maxEarly {
			b.early = append(b.early, r)
		}
		return
	}
	p := &b.pending
	start := len(p.data)
	p.data = b.format.append(p.data, &r)
	p.entries = append(p.entries, entry{start, len(p.data), r.Level, r.Logger})
	p.data = append(p.data, '\n')
}

// drain writes what is pending, unless another goroutine is at it: that one
// then takes what was added meanwhile. b.mu is held, but not while writing.
func (b *Book) drain() {
	if b.writing {
		return
	}
	b.writing = true
	for len(b.pending.entries) > 0 {
		b.pending, b.spare = b.spare.empty(), b.pending
		sink, out := b.sink, b.spare
		b.mu.Unlock()
		err := sink.write(out.data, out.entries)
		b.mu.Lock()
		b.account(err, len(out.entries))
	}
	b.writing = false
	b.idle.Broadcast()
}

// empty is the group without its records. Much memory is given back.
func (g group) empty() group {
	if cap(g.data) > maxPending {
		return group{}
	}
	return group{g.data[:0], g.entries[:0]}
}

// account counts what the target refused, and says so once it takes records
// again.
func (b *Book) account(err error, records int) {
	switch {
	case err != nil:
		b.lost += records
	case b.lost > 0:
		lost := b.lost
		b.lost = 0
		b.add(Record{Level: Error, Logger: ServerLogger, Text: fmt.Sprintf("%d log record(s) were lost, the log target refused them", lost)})
	}
}

// settle waits until nothing is pending. b.mu is held.
func (b *Book) settle() {
	b.drain()
	for b.writing {
		b.idle.Wait()
	}
}

// SetLevel changes the threshold: a name in any case or a number. The error is
// the exception that a client sees.
func (b *Book) SetLevel(text string) error {
	l, err := ParseLevel(text)
	if err != nil {
		return err
	}
	b.settings.Lock()
	defer b.settings.Unlock()
	b.levelText = strings.ToUpper(text)
	b.level.Store(int64(l))
	return nil
}

// Level is the threshold as it was set, in upper case.
func (b *Book) Level() string {
	b.settings.Lock()
	defer b.settings.Unlock()
	return b.levelText
}

// Target is the target as it was set, without options.
func (b *Book) Target() string {
	b.settings.Lock()
	defer b.settings.Unlock()
	return b.target
}

// Lost is how many records the target has refused since it last took one.
func (b *Book) Lost() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.lost
}

// SyslogSocket is the socket as it was set.
func (b *Book) SyslogSocket() string {
	b.settings.Lock()
	defer b.settings.Unlock()
	return b.socket
}

// Close writes what is pending and closes the target. Later records are kept
// nowhere.
func (b *Book) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.settle()
	if b.sink == nil {
		return nil
	}
	err := b.sink.close()
	b.sink, b.early = discard{}, nil
	return err
}

// discard is the target of a closed book.
type discard struct{}

func (discard) write([]byte, []entry) error { return nil }
func (discard) reopen() (bool, error)       { return false, nil }
func (discard) close() error                { return nil }

// Slog is a logger of the standard library that writes into the book.
func (b *Book) Slog(logger string) *slog.Logger { return slog.New(&handler{book: b, logger: logger}) }
