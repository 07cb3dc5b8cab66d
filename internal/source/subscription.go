package source

import (
	"sync"
	"time"

	"stockade/internal/clock"
	"stockade/internal/logbook"
)

// defaultWindow is how many batches may be on their way to a listener: enough
// to keep it busy, few enough to bound memory.
const defaultWindow = 4

// feeder is what a subscription gets its lines from.
type feeder interface {
	// poke says that there may be something to deliver again.
	poke()
	// leave ends a subscription.
	leave(s *Subscription)
	// lag counts the bytes that a subscription has not seen.
	lag(s *Subscription) int64
}

// Subscription is one listener's interest in one source.
type Subscription struct {
	path   string
	feeder feeder
	clock  clock.Clock
	opts   SubscribeOptions
	sink   func(*Batch)
	notice func(logbook.Record)

	// sinking is held while Sink or Notice is called.
	sinking sync.Mutex

	mu          sync.Mutex
	credits     int
	idle        bool
	closed      bool
	starved     bool      // something was held back for want of credits
	emptied     time.Time // when it was given the last batch it had room for
	inOperation bool
	acked       Position
	err         error
	lines, cut  uint64
	unreleased  int64 // bytes on their way

	// The reader's own, for files: a place in each generation that is not
	// finished, oldest first.
	cursors []*cursor
	seeking bool
	held    bool // stands in an older generation than the one being read
	newest  int  // number of the newest generation of which lines were delivered
	// mates are equal for those who share their work; company are those of them
	// who were given the last batch together.
	mates   any
	company *company
	able    bool // can be served
	// For the journal: where it stands.
	journal journalCursor
}

func newSubscription(path string, f feeder, c clock.Clock, window int, sink func(*Batch), notice func(logbook.Record)) *Subscription {
	if window <= 0 {
		window = defaultWindow
	}
	if notice == nil {
		notice = func(logbook.Record) {}
	}
	return &Subscription{path: path, feeder: f, clock: c, credits: window, sink: sink, notice: notice}
}

// Path is the file's path, or JournalPath.
func (s *Subscription) Path() string { return s.path }

// Position is where reading began, or what was acknowledged last.
func (s *Subscription) Position() Position {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.acked
}

// State tells how it goes.
func (s *Subscription) State() State {
	lag := s.feeder.lag(s)
	s.mu.Lock()
	defer s.mu.Unlock()
	return State{Err: s.err, InOperation: s.inOperation, Lines: s.lines, Cut: s.cut, Lag: lag + s.unreleased}
}

// Idle halts delivery (true) or lets it go on; nothing is lost by it.
func (s *Subscription) Idle(on bool) {
	s.mu.Lock()
	s.idle = on
	s.mu.Unlock()
	if !on {
		s.feeder.poke()
	}
}

// Close ends delivery. When it returns, Sink is not called any more; batches
// on their way stay valid and must still be released. It returns the position
// that was acknowledged last. It must not be called from Sink or Notice.
func (s *Subscription) Close() Position {
	s.sinking.Lock()
	s.mu.Lock()
	first := !s.closed
	s.closed = true
	acked := s.acked
	s.mu.Unlock()
	s.sinking.Unlock()
	if first {
		s.feeder.leave(s)
	}
	return acked
}

// ready says that a batch may be delivered; where it may not for want of
// credits, their return wakes the reader. It is slow if that is likely to be
// soon.
func (s *Subscription) ready() (ok, slow bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.idle {
		return false, false
	}
	if s.starved = s.credits == 0; s.starved {
		return false, s.clock.Now().Sub(s.emptied) < standstill
	}
	return true, false
}

// catchingUp says that the end was not reached yet.
func (s *Subscription) catchingUp() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.inOperation
}

// deliver hands a batch over.
func (s *Subscription) deliver(b *Batch) {
	s.sinking.Lock()
	defer s.sinking.Unlock()
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		b.blk.drop()
		return
	}
	if s.credits--; s.credits == 0 {
		s.emptied = s.clock.Now()
	}
	s.lines += uint64(len(b.Lines))
	for i := range b.Lines {
		if b.Lines[i].Cut > 0 {
			s.cut++
		}
	}
	b.InOperation = s.inOperation
	s.unreleased += b.bytes
	s.mu.Unlock()
	b.sub = s
	s.sink(b)
}

// Release gives a batch back and acknowledges its lines.
func (b *Batch) Release() {
	s := b.sub
	if s == nil {
		return
	}
	b.sub = nil
	s.mu.Lock()
	if p, ok := b.Position(len(b.Lines) - 1); ok {
		s.acked = p
	}
	s.credits++
	s.unreleased -= b.bytes
	wake := s.starved && !s.closed
	s.starved = false
	s.mu.Unlock()
	b.blk.drop()
	if wake {
		s.feeder.poke()
	}
}

// tell passes a message to the listener.
func (s *Subscription) tell(level logbook.Level, logger, text string) {
	s.sinking.Lock()
	defer s.sinking.Unlock()
	s.mu.Lock()
	closed := s.closed
	s.mu.Unlock()
	if !closed {
		s.notice(logbook.Record{Level: level, Logger: logger, Text: text})
	}
}

// setErr notes why nothing can be read, nil if it can, and returns what was
// noted before.
func (s *Subscription) setErr(err error) (was error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	was, s.err = s.err, err
	return was
}

// enter marks the source as caught up with. It returns false if it was already.
func (s *Subscription) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	first := !s.inOperation
	s.inOperation = true
	return first
}

func journalPosition(t time.Time, stamp string) Position {
	return Position{Path: JournalPath, Hash: stamp, Pos: float64(t.UnixMicro()) / 1e6}
}
