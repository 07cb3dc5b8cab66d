package filter

import (
	"sync"
	"sync/atomic"
)

// ringRows is how far one may be behind another who shares its work. Who is
// ahead by more goes on alone.
const ringRows = 2048

// lineKey tells the lines of a source apart.
type lineKey struct {
	inode  uint64
	offset int64
	size   int
}

// ring keeps what was made of the last lines of a source, for all who read
// them: the first to come to a line does the work. A row is written to again
// only when everybody has passed it.
type ring[R any] struct {
	mu    sync.Mutex
	head  atomic.Int64 // rows so far
	limit int64        // the head may not come beyond this without a look at the seats
	rows  []ringRow[R]
	seats []*seat[R]
}

type ringRow[R any] struct {
	key   lineKey
	value R
}

// seat is one reader's place in a ring. But for at it belongs to that reader.
type seat[R any] struct {
	ring *ring[R]
	next int64
	// at is not beyond the row in use.
	at atomic.Int64
	// started and gone are guarded by the ring's lock.
	started, gone bool
	sure          bool // started, as its owner knows
}

// sit gives a place at the beginning, or nil where that is gone.
func (r *ring[R]) sit() *seat[R] {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.limit > ringRows {
		return nil
	}
	s := &seat[R]{ring: r}
	r.seats = append(r.seats, s)
	return s
}

// start says whether the reader's first line is that of the others.
func (s *seat[R]) start(key lineKey) bool {
	r := s.ring
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.rows == nil {
		r.rows = make([]ringRow[R], ringRows)
		r.limit = ringRows
	}
	if s.gone || r.head.Load() > 0 && r.rows[0].key != key {
		r.remove(s)
		return false
	}
	s.started, s.sure = true, true
	return true
}

// known gives what was made of a line, nil where that is still to be done. Rows
// that are no lines of this reader are passed over: they were destroyed before
// it came to them.
func (s *seat[R]) known(key lineKey) *R {
	for head := s.ring.head.Load(); s.next < head; {
		row := &s.ring.rows[s.next%ringRows]
		s.next++
		if s.next%64 == 0 {
			s.at.Store(s.next - 1)
		}
		if row.key == key {
			return &row.value
		}
	}
	return nil
}

// claim locks the ring and gives the row of the next line, to be filled and
// published. It is nil, and the ring not locked, where somebody else has been
// faster (again is true then) or others are too far behind.
func (s *seat[R]) claim(key lineKey) (row *R, again bool) {
	r := s.ring
	r.mu.Lock()
	head := r.head.Load()
	switch {
	case s.next != head:
		r.mu.Unlock()
		return nil, true
	case head >= r.limit && !r.makeRoom(s):
		r.mu.Unlock()
		return nil, false
	}
	x := &r.rows[head%ringRows]
	x.key = key
	return &x.value, false
}

// ahead says that n more lines would be more than the slowest reader allows.
func (s *seat[R]) ahead(n int64) bool {
	r := s.ring
	r.mu.Lock()
	defer r.mu.Unlock()
	if !s.started || s.gone || s.next+n <= r.limit || len(r.seats) < 2 {
		return false
	}
	r.makeRoom(s)
	return s.next+n > r.limit && len(r.seats) > 1
}

// publish ends what claim began.
func (s *seat[R]) publish() {
	s.next++
	s.ring.head.Store(s.next)
	s.at.Store(s.next - 1)
	s.ring.mu.Unlock()
}

// makeRoom finds out how far the slowest reader is. Those that have not begun
// are not waited for.
func (r *ring[R]) makeRoom(self *seat[R]) bool {
	low := r.head.Load()
	for i := 0; i < len(r.seats); i++ {
		s := r.seats[i]
		switch {
		case !s.started:
			r.remove(s)
			i--
		case s != self:
			low = min(low, s.at.Load())
		}
	}
	r.limit = low + ringRows
	// Alone there is nothing to share.
	return r.head.Load() < r.limit && len(r.seats) > 1
}

// remove takes a seat away. The lock is held.
func (r *ring[R]) remove(s *seat[R]) {
	s.gone = true
	for i, other := range r.seats {
		if other == s {
			r.seats = append(r.seats[:i:i], r.seats[i+1:]...)
			return
		}
	}
}

// leave gives up a seat. With what it hands over, under the lock, the reader
// goes on alone: each row it has not come to yet, and the state after the last
// of them, which nobody else needs where it is the last to leave.
func (s *seat[R]) leave(row func(lineKey, *R), state func(last bool)) {
	r := s.ring
	r.mu.Lock()
	defer r.mu.Unlock()
	if s.gone {
		return
	}
	r.remove(s)
	if s.started {
		s.rest(row)
	}
	if last := len(r.seats) == 0; last || s.started {
		state(last)
	}
}

// rest shows the rows that the reader has not come to yet. The lock is held.
func (s *seat[R]) rest(row func(lineKey, *R)) {
	for at, head := s.next, s.ring.head.Load(); at < head; at++ {
		x := &s.ring.rows[at%ringRows]
		row(x.key, &x.value)
	}
}

// peek shows, under the lock, the rows that the reader has not come to yet, and
// then the state after the last of them.
func (s *seat[R]) peek(row func(lineKey, *R), state func()) {
	r := s.ring
	r.mu.Lock()
	defer r.mu.Unlock()
	if !s.started {
		return
	}
	s.rest(row)
	state()
}

// empty says that nobody has a seat.
func (r *ring[R]) empty() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.seats) == 0
}
