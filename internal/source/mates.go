package source

import (
	"sync/atomic"
	"time"
)

const (
	// standstill is how long a listener may keep all it was given until its
	// mates go on without it.
	standstill = 250 * time.Millisecond
	// A mate that is further behind is not waited for: what is new matters more
	// than who shares the work on it.
	nearby, nearbyCatchingUp = 1 << 20, 16 << 20
)

// SetMates tells with whom the listener shares its work: with those that were
// given an equal value. They are kept together: who is ahead waits a little for
// mates that are near and move on, so that they are given the same lines and
// can share what they make of them. Nil stands for nobody.
func (s *Subscription) SetMates(mates any) {
	switch r := s.feeder.(type) {
	case *reader:
		r.do(func() { s.mates = mates })
	case *journalReader:
		r.do(func() { s.mates = mates })
	}
}

// findSlow finds out who can be served, and who cannot but has mates to wait
// for it.
func (r *reader) findSlow(g *generation) {
	r.slow = r.slow[:0]
	for _, s := range r.subs {
		c := s.cursorIn(g)
		if c == nil || c.done {
			continue
		}
		able, slow := s.ready()
		if s.able = able; slow && s.mates != nil {
			r.slow = append(r.slow, s)
		}
	}
}

// waits says that a listener has to wait for a mate at its place or behind it.
func (r *reader) waits(s *Subscription, c *cursor) bool {
	if s.mates == nil || len(r.slow) == 0 {
		return false
	}
	reach := int64(nearby)
	if s.catchingUp() {
		reach = nearbyCatchingUp
	}
	for _, m := range r.slow {
		if m.mates != s.mates {
			continue
		}
		if behind := c.off - m.cursorIn(c.gen).off; behind >= 0 && behind <= reach {
			r.waiting = true
			return true
		}
	}
	return false
}

// company are mates who were given lines together.
type company struct {
	number uint64
	size   int
}

func (c *company) id() uint64 {
	if c == nil {
		return 0
	}
	return c.number
}

// companies counts them, over all readers.
var companies atomic.Uint64

// gather makes companies of the mates in a group. The same mates are the same
// company as before.
func gather(group []*Subscription) {
	for i, s := range group {
		if s.mates == nil {
			s.company = nil
			continue
		}
		if first(group, s.mates) == i {
			gatherMates(group[i:], s.mates)
		}
	}
}

// first is the index of the first in the group with these mates.
func first(group []*Subscription, mates any) int {
	for i, s := range group {
		if s.mates == mates {
			return i
		}
	}
	return len(group)
}

func gatherMates(group []*Subscription, mates any) {
	size, same, c := 0, true, group[0].company
	for _, s := range group {
		if s.mates == mates {
			size++
			same = same && s.company == c
		}
	}
	switch {
	case size == 1:
		c = nil
	case c == nil || !same || c.size != size:
		c = &company{companies.Add(1), size}
	}
	for _, s := range group {
		if s.mates == mates {
			s.company = c
		}
	}
}
