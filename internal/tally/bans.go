package tally

import (
	"cmp"
	"container/heap"
	"slices"
	"time"

	"stockade/internal/ipaddr"
	"stockade/internal/ticket"
)

// Bans is the list of what is banned in one jail.
type Bans struct {
	entries map[ipaddr.ID]*ban
	ends    byEnd
	seq     uint64
	total   int
}

type ban struct {
	ticket *ticket.Ticket
	// seq gives the order of banning.
	seq uint64
	// place in the heap, -1 for a permanent ban.
	place int
}

// NewBans returns an empty list.
func NewBans() *Bans { return &Bans{entries: map[ipaddr.ID]*ban{}} }

// Len is the number of bans now.
func (b *Bans) Len() int { return len(b.entries) }

// Total is the number of bans since the start, restored ones included.
func (b *Bans) Total() int { return b.total }

// Get returns the ticket under which an ID is banned, or nil.
func (b *Bans) Get(id ipaddr.ID) *ticket.Ticket {
	if e := b.entries[id]; e != nil {
		return e.ticket
	}
	return nil
}

// Add puts a ban on the list. The ID must not be on it.
func (b *Bans) Add(t *ticket.Ticket) {
	e := &ban{ticket: t, seq: b.seq, place: -1}
	b.seq++
	b.total++
	b.entries[t.ID] = e
	if _, ok := t.End(); ok {
		heap.Push(&b.ends, e)
	}
}

// SetBantime changes how long a ban lasts, in seconds from its ticket's time.
func (b *Bans) SetBantime(id ipaddr.ID, seconds int64) {
	e := b.entries[id]
	if e == nil {
		return
	}
	e.ticket.Bantime = seconds
	b.replace(e)
}

func (b *Bans) replace(e *ban) {
	_, ends := e.ticket.End()
	switch {
	case ends && e.place >= 0:
		heap.Fix(&b.ends, e.place)
	case ends:
		heap.Push(&b.ends, e)
	case e.place >= 0:
		heap.Remove(&b.ends, e.place)
	}
}

// Remove takes a ban off the list and returns its ticket, nil if there is none.
func (b *Bans) Remove(id ipaddr.ID) *ticket.Ticket {
	e := b.entries[id]
	if e == nil {
		return nil
	}
	delete(b.entries, id)
	if e.place >= 0 {
		heap.Remove(&b.ends, e.place)
	}
	return e.ticket
}

// Due returns at most limit bans that are over: those whose end lies before
// now. They stay on the list.
func (b *Bans) Due(now time.Time, limit int) []*ticket.Ticket {
	var due []*ban
	for len(due) < limit && len(b.ends) > 0 {
		if end, _ := b.ends[0].ticket.End(); !now.After(end) {
			break
		}
		due = append(due, heap.Pop(&b.ends).(*ban))
	}
	tickets := make([]*ticket.Ticket, len(due))
	for i, e := range due {
		heap.Push(&b.ends, e)
		tickets[i] = e.ticket
	}
	return tickets
}

// Next is the end of the ban that is over first, false if none ever is.
func (b *Bans) Next() (time.Time, bool) {
	if len(b.ends) == 0 {
		return time.Time{}, false
	}
	return b.ends[0].ticket.End()
}

// List gives the bans in the order in which they were made.
func (b *Bans) List() []*ticket.Ticket {
	all := make([]*ban, 0, len(b.entries))
	for _, e := range b.entries {
		all = append(all, e)
	}
	slices.SortFunc(all, func(x, y *ban) int { return cmp.Compare(x.seq, y.seq) })
	tickets := make([]*ticket.Ticket, len(all))
	for i, e := range all {
		tickets[i] = e.ticket
	}
	return tickets
}

// ByEnd gives the bans in the order of their end, permanent ones last.
func (b *Bans) ByEnd() []*ticket.Ticket {
	all := b.List()
	slices.SortStableFunc(all, func(x, y *ticket.Ticket) int {
		xe, xEnds := x.End()
		ye, yEnds := y.End()
		if xEnds && yEnds {
			return xe.Compare(ye)
		}
		switch {
		case xEnds:
			return -1
		case yEnds:
			return 1
		}
		return 0
	})
	return all
}

// byEnd is a heap of the bans that end, the next one to end first.
type byEnd []*ban

func (h byEnd) Len() int { return len(h) }

func (h byEnd) Less(i, j int) bool {
	x, _ := h[i].ticket.End()
	y, _ := h[j].ticket.End()
	if c := x.Compare(y); c != 0 {
		return c < 0
	}
	return h[i].seq < h[j].seq
}

func (h byEnd) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].place, h[j].place = i, j
}

func (h *byEnd) Push(x any) {
	e := x.(*ban)
	e.place = len(*h)
	*h = append(*h, e)
}

func (h *byEnd) Pop() any {
	old := *h
	e := old[len(old)-1]
	*h = old[:len(old)-1]
	e.place = -1
	return e
}
