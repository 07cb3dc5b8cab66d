package jail

import (
	"sync"
	"time"

	"stockade/internal/action"
	"stockade/internal/event"
	"stockade/internal/logbook"
	"stockade/internal/store"
	"stockade/internal/tally"
	"stockade/internal/ticket"
)

// clerk stands between a jail and the database, which may be slow: it stores
// what the actions did, in order, and only then reports it to the jail. It
// also looks IDs up and runs ignorecommands.
type clerk struct {
	svc  Services
	jail string
	box  *mailbox

	mu     sync.Mutex
	queue  []func()
	closed bool
	wake   chan struct{}
	done   chan struct{}
	// waiting counts the commits that are under way.
	waiting sync.WaitGroup
}

func newClerk(svc Services, jail string, box *mailbox) *clerk {
	c := &clerk{svc: svc, jail: jail, box: box, wake: make(chan struct{}, 1), done: make(chan struct{})}
	go c.run()
	return c
}

func (c *clerk) run() {
	defer close(c.done)
	for range c.wake {
		c.mu.Lock()
		jobs, closed := c.queue, c.closed
		c.queue = nil
		c.mu.Unlock()
		for _, job := range jobs {
			job()
		}
		if closed && len(jobs) == 0 {
			return
		}
		if closed {
			c.signal()
		}
	}
}

func (c *clerk) signal() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

func (c *clerk) do(job func()) {
	c.mu.Lock()
	c.queue = append(c.queue, job)
	c.mu.Unlock()
	c.signal()
}

// drain returns when all that was asked before is done and reported.
func (c *clerk) drain() {
	idle := make(chan struct{})
	c.do(func() { close(idle) })
	<-idle
	c.waiting.Wait()
}

func (c *clerk) close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.signal()
	<-c.done
}

// settle stores the outcome of a job and reports it.
func (c *clerk) settle(m Settled) {
	c.waiting.Add(1)
	c.do(func() { c.commit(m) })
}

func (c *clerk) commit(m Settled) {
	db := c.svc.Store()
	if db == nil {
		c.report(m)
		return
	}
	if m.Work.Escalation != nil {
		m.Grown = c.grow(db, m.Work)
	}
	batch := c.batch(m)
	if empty(batch) {
		c.report(m)
		return
	}
	// What cannot be written now stays with the store, which says so in its
	// Health; the ban holds either way.
	db.Submit(batch, func(error) { c.report(m) })
}

func (c *clerk) report(m Settled) {
	c.box.put(m)
	c.waiting.Done()
}

func empty(b store.Batch) bool {
	return len(b.Bans) == 0 && len(b.Forget) == 0 && len(b.Positions) == 0 && len(b.Events) == 0
}

// grow computes the ban times of those who were banned before.
func (c *clerk) grow(db *store.Store, w Work) []Grown {
	grown := make([]Grown, len(w.Tickets))
	for i, t := range w.Tickets {
		g := &grown[i]
		g.Bantime = t.Bantime
		h, known, err := db.History(t.ID.String(), c.jail, w.Escalation.OverallJails)
		if err != nil {
			g.Unread = err
			continue
		}
		if !known || !t.Time.After(h.Last) {
			continue
		}
		g.History = tally.History{Count: h.Count, Last: h.Last, Bantime: h.Bantime}
		g.Bantime, g.Err = w.Escalation.Bantime(t.Bantime, h.Count, c.svc.Random)
	}
	return grown
}

// batch is what the database has to know of a job.
func (c *clerk) batch(m Settled) store.Batch {
	var b store.Batch
	w := m.Work
	switch {
	case w.Kind == action.Ban && !w.Restored:
		for i, t := range w.Tickets {
			row := *t
			if i < len(m.Grown) && m.Grown[i].History.Count > 0 {
				row.Bantime, row.BanCount = m.Grown[i].Bantime, m.Grown[i].History.Count+1
			}
			b.Bans = append(b.Bans, store.Ban{Jail: c.jail, Ticket: row})
			b.Events = append(b.Events, c.stored(event.Ban, &row))
		}
	case w.Kind == action.Unban || w.Kind == action.Flush:
		for _, t := range w.Tickets {
			b.Events = append(b.Events, c.stored(event.Unban, t))
		}
	}
	b.Forget = w.Forget
	if w.HasPosition {
		p := w.Position
		b.Positions = []store.Position{{Jail: c.jail, Path: p.Path, Hash: p.Hash, Pos: p.Pos}}
	}
	return b
}

func (c *clerk) stored(kind event.Kind, t *ticket.Ticket) event.Event {
	e := banEvent(kind, c.svc.Clock.Now(), t)
	e.Jail = c.jail
	return e
}

// positions stores how far the sources have been read.
func (c *clerk) positions(list []store.Position) {
	db := c.svc.Store()
	if db == nil || len(list) == 0 {
		return
	}
	c.do(func() { db.Submit(store.Batch{Positions: list}, nil) })
}

// lookup asks what is known of an ID in this jail: a failure weighs more after
// bans here, also where ban times count those of all jails.
func (c *clerk) lookup(l Lookup) {
	c.do(func() {
		db := c.svc.Store()
		if db == nil {
			return
		}
		h, known, err := db.History(l.ID.String(), c.jail, false)
		if err == nil && known {
			c.box.put(Known{Lookup: l, History: tally.History{Count: h.Count, Last: h.Last, Bantime: h.Bantime}})
		}
	})
}

// ignoreCommandTimeout is the reference's.
const ignoreCommandTimeout = 60 * time.Second

// ignoreCommand runs one ignorecommand beside everything else.
func (c *clerk) ignoreCommand(run IgnoreRun, set *action.Set) {
	set.IgnoreCommand(run.Command, run.Ticket, ignoreCommandTimeout, func(ignore bool, logs []logbook.Record) {
		c.box.put(Ignored{Run: run, Ignore: ignore, Logs: logs})
	})
}
