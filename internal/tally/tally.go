// Package tally counts: failures of an ID until there are too many, and bans
// until they are over. It also knows how long a ban is to last.
//
// Everything in it is a plain value driven by its owner, with the time passed
// in. Nothing here waits, logs or reaches outside. Both lists are bounded by
// what they can hold in memory or by what was banned.
package tally

import (
	"container/list"
	"math"
	"time"

	"stockade/internal/ipaddr"
	"stockade/internal/ticket"
)

// Bounds of a Tally. An attacker chooses how many addresses fail and how long
// the lines are, so both are limited; the ID that was quiet for longest goes
// first.
const (
	// MaxTickets is the number of IDs under watch in one jail.
	MaxTickets = 200_000
	// MaxMatchBytes is the memory for the matched lines of one jail.
	MaxMatchBytes = 64 << 20
)

// Limits are the jail's options that counting depends on.
type Limits struct {
	// FindTime is the length of the interval to which the rate of failures is
	// related, in seconds; it may have a fraction.
	FindTime float64
	// MaxRetry is the number of failures that leads to a ban.
	MaxRetry int
	// MaxMatches is the number of lines kept, 0 for none.
	MaxMatches int
}

// watched is an ID under watch.
type watched struct {
	*ticket.Ticket
	// own says that the memory of its matches is ours alone, so that it can be
	// written to.
	own bool
	// bytes is what its matches take.
	bytes int
}

// Tally counts the failures of one jail.
type Tally struct {
	tickets map[ipaddr.ID]*list.Element
	// order has the ID that failed last at the back.
	order *list.List
	// near is where an ID was found last: that of the next failure often is the
	// same, and whoever asks for an ID mostly adds to it next.
	near    *list.Element
	bytes   int
	total   int
	evicted int
}

// New returns an empty Tally.
func New() *Tally {
	return &Tally{tickets: map[ipaddr.ID]*list.Element{}, order: list.New()}
}

// Len is the number of IDs under watch.
func (t *Tally) Len() int { return len(t.tickets) }

// Total is the number of failures counted so far.
func (t *Tally) Total() int { return t.total }

// Evicted is the number of IDs forgotten because a bound was reached.
func (t *Tally) Evicted() int { return t.evicted }

// Get returns the ticket of an ID, nil if it is not under watch.
func (t *Tally) Get(id ipaddr.ID) *ticket.Ticket {
	if e := t.find(id); e != nil {
		return e.Value.(*watched).Ticket
	}
	return nil
}

func (t *Tally) find(id ipaddr.ID) *list.Element {
	if t.near != nil && t.near.Value.(*watched).ID == id {
		return t.near
	}
	e := t.tickets[id]
	if e != nil {
		t.near = e
	}
	return e
}

// Add counts one failure, described by a fresh ticket, with the weight count.
// It returns the ticket under which the ID is known now; its Retry says how
// near it is to a ban. The Tally keeps f if the ID is new.
func (t *Tally) Add(f *ticket.Ticket, count int, lim Limits) *ticket.Ticket {
	t.total++
	e := t.find(f.ID)
	if e == nil {
		f.First, f.Retry, f.Failures = f.Time, count, 1
		keepLast(f, lim.MaxMatches)
		t.watch(f)
		t.evict()
		return f
	}
	known := e.Value.(*watched)
	age(known.Ticket, f.Time, lim.FindTime)
	known.Retry += count
	known.Failures++
	known.Cause = f.Cause
	known.IntegerTime = false
	t.bytes -= known.bytes
	for _, m := range f.Matches {
		m.Joined = true
		known.addMatch(m, lim.MaxMatches)
	}
	t.bytes += known.bytes
	t.order.MoveToBack(e)
	t.evict()
	return known.Ticket
}

// watch begins to watch an ID.
func (t *Tally) watch(k *ticket.Ticket) {
	w := &watched{Ticket: k, bytes: matchBytes(k)}
	t.tickets[k.ID] = t.order.PushBack(w)
	t.bytes += w.bytes
}

// addMatch adds a line to the last n that are kept.
func (w *watched) addMatch(m ticket.Match, n int) {
	if n <= 0 {
		w.Matches, w.bytes = nil, 0
		return
	}
	if !w.own || cap(w.Matches) < min(n, len(w.Matches)+1) {
		grown := make([]ticket.Match, 0, min(n, max(len(w.Matches)+1, 2*len(w.Matches))))
		w.Matches, w.own = append(grown, w.Matches[max(0, len(w.Matches)-n):]...), true
	}
	if len(w.Matches) == n {
		w.bytes += textBytes(&m) - textBytes(&w.Matches[0])
		copy(w.Matches, w.Matches[1:])
		w.Matches[n-1] = m
		return
	}
	for len(w.Matches) >= n {
		w.bytes -= textBytes(&w.Matches[0])
		last := copy(w.Matches, w.Matches[1:])
		// The line that is forgotten must not stay alive behind the slice.
		w.Matches[last] = ticket.Match{}
		w.Matches = w.Matches[:last]
	}
	w.bytes += textBytes(&m)
	w.Matches = append(w.Matches, m)
}

// age moves a ticket on to a later failure. There is no window of single
// times: where the known interval has become longer than findtime, its rate
// is taken to hold for the last findtime, rounded half to even as Python does.
func age(k *ticket.Ticket, now time.Time, findTime float64) {
	if !now.After(k.Time) {
		return
	}
	span := now.Sub(k.First).Seconds()
	if span > findTime {
		k.Retry = int(math.RoundToEven(float64(k.Retry) / span * findTime))
		k.First = now.Add(-time.Duration(findTime * float64(time.Second)))
	}
	k.Time = now
}

// Remove forgets an ID and returns its ticket, nil if there was none.
func (t *Tally) Remove(id ipaddr.ID) *ticket.Ticket {
	e := t.find(id)
	if e == nil {
		return nil
	}
	return t.drop(e)
}

// Cleanup forgets the IDs whose last failure is findtime ago.
func (t *Tally) Cleanup(now time.Time, findTime float64) {
	limit := now.Add(-time.Duration(findTime * float64(time.Second)))
	for e := t.order.Front(); e != nil; {
		next := e.Next()
		if !e.Value.(*watched).Time.After(limit) {
			t.drop(e)
		}
		e = next
	}
}

// Tickets lists what is under watch, the ID that failed last at the end.
func (t *Tally) Tickets() []*ticket.Ticket {
	all := make([]*ticket.Ticket, 0, len(t.tickets))
	for e := t.order.Front(); e != nil; e = e.Next() {
		all = append(all, e.Value.(*watched).Ticket)
	}
	return all
}

// Put takes tickets in that an earlier run had counted.
func (t *Tally) Put(tickets []*ticket.Ticket) {
	for _, k := range tickets {
		if t.tickets[k.ID] != nil {
			continue
		}
		t.watch(k)
	}
	t.evict()
}

func (t *Tally) drop(e *list.Element) *ticket.Ticket {
	if t.near == e {
		t.near = nil
	}
	k := t.order.Remove(e).(*watched)
	delete(t.tickets, k.ID)
	t.bytes -= k.bytes
	return k.Ticket
}

func (t *Tally) evict() {
	for len(t.tickets) > MaxTickets || t.bytes > MaxMatchBytes && len(t.tickets) > 1 {
		t.drop(t.order.Front())
		t.evicted++
	}
}

func keepLast(k *ticket.Ticket, n int) {
	if len(k.Matches) <= n {
		return
	}
	// A copy: the cut-off lines must not stay alive behind the slice.
	k.Matches = append([]ticket.Match(nil), k.Matches[len(k.Matches)-n:]...)
}

func matchBytes(k *ticket.Ticket) int {
	n := 0
	for i := range k.Matches {
		n += textBytes(&k.Matches[i])
	}
	return n
}

func textBytes(m *ticket.Match) int { return len(m.Before) + len(m.Date) + len(m.After) }
