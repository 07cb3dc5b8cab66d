package action

import (
	"slices"

	"stockade/internal/ticket"
)

// Pause lifts what all enforcing actions have in force for the live bans, and
// keeps them from doing anything until Resume. Jobs go on to be answered, and
// reports are made.
func (s *Set) Pause(live []*ticket.Ticket, done func(Result)) {
	s.alone(done, func(r *Result) {
		if s.isPaused() {
			return
		}
		entries := s.enforcers()
		for _, e := range entries {
			e.lift(live, Lift, r)
		}
		for _, e := range slices.Backward(entries) {
			// What is far away, or a class with a memory of its own, has lifted its
			// bans and waits.
			if _, far := e.nat.(distant); !far && e.python() == nil {
				e.stopOld(r)
			}
		}
		s.setPaused(true)
	})
}

// Resume puts the live bans back in force.
func (s *Set) Resume(live []*ticket.Ticket, done func(Result)) {
	s.alone(done, func(r *Result) {
		if !s.isPaused() {
			return
		}
		s.setPaused(false)
		for _, e := range s.enforcers() {
			e.begin(live, r)
		}
	})
}

// enforcers are the actions that do not only report.
func (s *Set) enforcers() []*entry {
	return slices.DeleteFunc(s.list(), (*entry).report)
}

func (s *Set) isPaused() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.paused
}

func (s *Set) setPaused(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.paused = on
}
