package action

import (
	"errors"
	"sync/atomic"

	"stockade/internal/ticket"
)

// lane is one of the two ways through a set. Native actions that enforce and
// all others each have one, so that a command which hangs keeps no ban out of the kernel. In
// both, jobs come in their order.
type lane int

const (
	fast lane = iota
	slow
	lanes
)

func (e *entry) lane() lane {
	if !e.native() || e.report() {
		return slow
	}
	if _, far := e.nat.(distant); far {
		return slow
	}
	return fast
}

// distant is a native action that waits for a network. It goes with the
// commands, so that the kernel never waits for it.
type distant interface{ far() }

// on lists the actions of one lane in order, without those that are paused.
func (s *Set) on(l lane) []*entry {
	paused := s.isPaused()
	var out []*entry
	for _, e := range s.list() {
		if e.lane() == l && (!paused || e.report()) {
			out = append(out, e)
		}
	}
	return out
}

// work is a job on its way through both lanes. The one that is done last
// answers; as a lane answers before it goes on, answers come in the order of
// the jobs.
type work struct {
	kind    JobKind
	tickets []*ticketWork
	// whole is what became of a job that is not done ticket by ticket.
	whole [lanes]Result
	left  atomic.Int32
	done  func([]Result)
}

// ticketWork is a ticket with what became of it in each lane.
type ticketWork struct {
	ticket  *ticket.Ticket
	epoch   int
	results [lanes]Result
}

func newWork(job Job, done func([]Result)) *work {
	w := &work{kind: job.Kind, done: done}
	w.left.Store(int32(lanes))
	backing := make([]ticketWork, len(job.Tickets))
	w.tickets = make([]*ticketWork, len(job.Tickets))
	for i, t := range job.Tickets {
		backing[i].ticket = t
		if i < len(job.Epochs) {
			backing[i].epoch = job.Epochs[i]
		}
		w.tickets[i] = &backing[i]
	}
	return w
}

// mergeable jobs may be done together with their neighbours.
func (w *work) mergeable() bool { return w.kind == Ban || w.kind == Unban || w.kind == Prolong }

// finish says that one lane is done with the job.
func (s *Set) finish(w *work) {
	if w.left.Add(-1) != 0 || w.done == nil {
		return
	}
	epoch := s.currentEpoch()
	results := make([]Result, max(len(w.tickets), 1))
	for i, t := range w.tickets {
		results[i] = merge(t.results)
	}
	whole := merge(w.whole)
	results[0].Err = errors.Join(whole.Err, results[0].Err)
	results[0].Logs = append(whole.Logs, results[0].Logs...)
	for i := range results {
		results[i].Epoch = epoch
	}
	w.done(results)
}

func merge(parts [lanes]Result) Result {
	r := parts[fast]
	r.Err = errors.Join(r.Err, parts[slow].Err)
	r.Logs = append(r.Logs, parts[slow].Logs...)
	r.Actions = append(r.Actions, parts[slow].Actions...)
	return r
}

// runFast gives all tickets of a batch to each native action at once.
func (s *Set) runFast(batch []*work) {
	entries := s.on(fast)
	if !batch[0].mergeable() && batch[0].kind != Reban {
		s.runWhole(fast, entries, batch[0])
		return
	}
	tickets := batch[0].tickets
	for _, w := range batch[1:] {
		tickets = append(tickets[:len(tickets):len(tickets)], w.tickets...)
	}
	for _, e := range entries {
		e.applyAll(batch[0].kind, tickets)
	}
	for _, w := range batch {
		s.finish(w)
	}
}

// runSlow gives ticket by ticket to all commands in their order, as the
// reference does, and then to the reports.
func (s *Set) runSlow(batch []*work) {
	entries := s.on(slow)
	if !batch[0].mergeable() && batch[0].kind != Reban {
		s.runWhole(slow, entries, batch[0])
		return
	}
	for _, w := range batch {
		for _, t := range w.tickets {
			for _, reports := range []bool{false, true} {
				for _, e := range entries {
					if e.report() == reports {
						e.apply(w.kind, t)
					}
				}
			}
		}
		s.finish(w)
	}
}

// runWhole does a job that concerns all bans at once.
func (s *Set) runWhole(l lane, entries []*entry, w *work) {
	r := &w.whole[l]
	switch w.kind {
	case Flush:
		live := make([]*ticket.Ticket, len(w.tickets))
		for i, t := range w.tickets {
			live[i] = t.ticket
		}
		liftAll(entries, live, Lift, r)
	case Check:
		for _, e := range entries {
			e.check(r)
		}
	case Settle:
		for _, e := range entries {
			e.settle(r)
		}
	}
	s.finish(w)
}

// liftAll flushes what can be flushed, and then unbans ticket by ticket with
// the other actions.
func liftAll(entries []*entry, live []*ticket.Ticket, mode StopMode, r *Result) {
	var rest []*entry
	for _, e := range entries {
		switch {
		case e.report():
			e.lift(live, mode, r)
		case !e.flush(mode, r):
			rest = append(rest, e)
		}
	}
	for _, t := range live {
		for _, e := range rest {
			e.unban(t, r)
		}
	}
}

// both does something in each lane; done gets what came of both.
func (s *Set) both(done func(Result), do func(l lane, r *Result)) {
	var parts [lanes]Result
	var left atomic.Int32
	left.Store(int32(lanes))
	for l := range lanes {
		s.queues[l].put(task{call: func() {
			do(l, &parts[l])
			if left.Add(-1) != 0 || done == nil {
				return
			}
			r := merge(parts)
			r.Epoch = s.currentEpoch()
			done(r)
		}})
	}
}

// alone does something while neither lane does anything else.
func (s *Set) alone(done func(Result), do func(r *Result)) {
	arrived, finished := make(chan struct{}), make(chan struct{})
	s.both(done, func(l lane, r *Result) {
		if l == fast {
			close(arrived)
			select {
			case <-finished:
			case <-s.ended:
			}
			return
		}
		defer close(finished)
		select {
		case <-arrived:
			do(r)
		case <-s.ended:
		}
	})
}
