package event

import (
	"context"
	"sync"
)

// Stream numbers events, remembers the latest ones and passes them to its
// readers. Publish never waits for a reader.
type Stream struct {
	mu   sync.Mutex
	ring []Event
	seq  uint64 // of the latest event; 0 before the first
	// wake is closed and replaced when something new is there; nil while
	// nobody waits.
	wake chan struct{}
}

// New makes a stream that remembers the latest capacity events.
func New(capacity int) *Stream {
	if capacity < 1 {
		capacity = 1
	}
	return &Stream{ring: make([]Event, 0, capacity)}
}

// Publish numbers an event, keeps it and returns it with its number.
func (s *Stream) Publish(e Event) Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keep(&e)
	s.wakeAll()
	return e
}

// PublishAll publishes events that came together. They get their numbers.
func (s *Stream) PublishAll(list []Event) {
	if len(list) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range list {
		s.keep(&list[i])
	}
	s.wakeAll()
}

func (s *Stream) keep(e *Event) {
	s.seq++
	e.Seq = s.seq
	if len(s.ring) < cap(s.ring) {
		s.ring = append(s.ring, *e)
	} else {
		s.ring[s.slot(e.Seq)] = *e
	}
}

func (s *Stream) wakeAll() {
	if s.wake != nil {
		close(s.wake)
		s.wake = nil
	}
}

// Last is the number of the latest event, 0 before the first.
func (s *Stream) Last() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seq
}

func (s *Stream) slot(seq uint64) int { return int((seq - 1) % uint64(cap(s.ring))) }

// Reader follows a stream. It is for one goroutine.
type Reader struct {
	stream *Stream
	ctx    context.Context
	after  uint64
}

// Subscribe follows the stream from the event after the given number: 0 for
// all that are remembered, Last() for new ones only. A number that was not
// given out yet is from another run of the server and counts as 0. The reader
// ends with ctx.
func (s *Stream) Subscribe(ctx context.Context, after uint64) *Reader {
	return &Reader{stream: s, ctx: ctx, after: after}
}

// Next waits for events and fills buf with the oldest ones that were not read
// yet. It returns how many, and how many before them were lost because this
// reader was slow. The error is that of the context.
func (r *Reader) Next(buf []Event) (n int, lost uint64, err error) {
	for {
		n, lost, wake := r.take(buf)
		if n > 0 || len(buf) == 0 {
			return n, lost, nil
		}
		select {
		case <-wake:
		case <-r.ctx.Done():
			return 0, 0, r.ctx.Err()
		}
	}
}

func (r *Reader) take(buf []Event) (n int, lost uint64, wake <-chan struct{}) {
	s := r.stream
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.after > s.seq { // a number from another run of the server
		r.after = 0
	}
	if oldest := s.seq - uint64(len(s.ring)); r.after < oldest {
		lost = oldest - r.after
		r.after = oldest
	}
	for n < len(buf) && r.after < s.seq {
		r.after++
		buf[n] = s.ring[s.slot(r.after)]
		n++
	}
	if n == 0 {
		if s.wake == nil {
			s.wake = make(chan struct{})
		}
		wake = s.wake
	}
	return n, lost, wake
}
