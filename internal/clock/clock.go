// Package clock is time, real or driven by a test. Whatever waits or asks for
// the time is handed a Clock; nothing above reads the machine's clock itself.
package clock

import (
	"sync"
	"time"
)

// Clock tells the time and wakes sleepers.
type Clock interface {
	Now() time.Time
	NewTimer(d time.Duration) Timer
}

// Timer is a time.Timer behind an interface.
type Timer interface {
	C() <-chan time.Time
	// Reset arms the timer anew. A value that was not yet received is dropped.
	Reset(d time.Duration)
	Stop() bool
}

// Real is the machine's clock.
func Real() Clock { return realClock{} }

type realClock struct{}

func (realClock) Now() time.Time { return time.Now() }

func (realClock) NewTimer(d time.Duration) Timer { return realTimer{time.NewTimer(d)} }

type realTimer struct{ t *time.Timer }

func (r realTimer) C() <-chan time.Time   { return r.t.C }
func (r realTimer) Reset(d time.Duration) { r.t.Reset(d) }
func (r realTimer) Stop() bool            { return r.t.Stop() }

// Manual is a clock that stands still until it is moved. It is safe for use
// by several goroutines.
type Manual struct {
	mu     sync.Mutex
	now    time.Time
	timers map[*manualTimer]struct{}
}

// NewManual starts a clock at t.
func NewManual(t time.Time) *Manual {
	return &Manual{now: t, timers: map[*manualTimer]struct{}{}}
}

// Now returns the time that the clock was moved to.
func (m *Manual) Now() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.now
}

// Advance moves the clock forward and fires what became due.
func (m *Manual) Advance(d time.Duration) { m.Set(m.Now().Add(d)) }

// Set moves the clock and fires what became due.
func (m *Manual) Set(t time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now = t
	for timer := range m.timers {
		timer.fireIfDue(t)
	}
}

// NewTimer returns a timer of this clock.
func (m *Manual) NewTimer(d time.Duration) Timer {
	t := &manualTimer{clock: m, c: make(chan time.Time, 1)}
	t.Reset(d)
	return t
}

type manualTimer struct {
	clock *Manual
	c     chan time.Time
	due   time.Time
}

func (t *manualTimer) C() <-chan time.Time { return t.c }

func (t *manualTimer) Reset(d time.Duration) {
	t.clock.mu.Lock()
	defer t.clock.mu.Unlock()
	select {
	case <-t.c:
	default:
	}
	t.due = t.clock.now.Add(d)
	t.clock.timers[t] = struct{}{}
	t.fireIfDue(t.clock.now)
}

func (t *manualTimer) Stop() bool {
	t.clock.mu.Lock()
	defer t.clock.mu.Unlock()
	_, active := t.clock.timers[t]
	delete(t.clock.timers, t)
	return active
}

// fireIfDue is called with the clock's lock held.
func (t *manualTimer) fireIfDue(now time.Time) {
	if t.due.After(now) {
		return
	}
	delete(t.clock.timers, t)
	select {
	case t.c <- now:
	default:
	}
}
