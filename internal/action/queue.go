package action

import (
	"sync"

	"stockade/internal/ticket"
)

// batchTickets is how many tickets of waiting jobs are done in one go.
const batchTickets = 1000

// task is an entry of the queue: a job, or something else to do.
type task struct {
	job  Job
	done func([]Result)
	call func()
}

// queue does its tasks one after the other, in a goroutine that lives only
// while there is something to do.
type queue struct {
	mu    sync.Mutex
	tasks []task
	busy  bool
	ended bool
	run   func([]task)
}

func (q *queue) init(run func([]task)) { q.run = run }

func (q *queue) put(t task) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.ended {
		return
	}
	q.tasks = append(q.tasks, t)
	if !q.busy {
		q.busy = true
		go q.work()
	}
}

// quit drops what waits. A running task goes on to its end.
func (q *queue) quit() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.ended, q.tasks = true, nil
}

func (q *queue) work() {
	for {
		batch := q.take()
		if len(batch) == 0 {
			return
		}
		if batch[0].call != nil {
			batch[0].call()
			continue
		}
		q.run(batch)
	}
}

// take removes the next task, or several jobs of the same kind that can be
// done together.
func (q *queue) take() []task {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.tasks) == 0 {
		q.busy = false
		return nil
	}
	n, tickets := 1, len(q.tasks[0].job.Tickets)
	for n < len(q.tasks) && mergeable(q.tasks[0], q.tasks[n]) && tickets+len(q.tasks[n].job.Tickets) <= batchTickets {
		tickets += len(q.tasks[n].job.Tickets)
		n++
	}
	batch := q.tasks[:n:n]
	q.tasks = q.tasks[n:]
	return batch
}

func mergeable(a, b task) bool {
	return a.call == nil && b.call == nil && a.job.Kind == b.job.Kind &&
		(a.job.Kind == Ban || a.job.Kind == Unban || a.job.Kind == Prolong)
}

// run does a batch of jobs of one kind. Native actions get all tickets at
// once; commands go ticket by ticket through all actions that follow each
// other, as the reference does.
func (s *Set) run(batch []task) {
	kind := batch[0].job.Kind
	switch kind {
	case Flush, Check, Settle:
		s.whole(batch[0])
		return
	}
	var work []*ticketWork
	for i := range batch {
		for j, t := range batch[i].job.Tickets {
			w := &ticketWork{ticket: t}
			if j < len(batch[i].job.Epochs) {
				w.epoch = batch[i].job.Epochs[j]
			}
			work = append(work, w)
		}
	}
	groups := group(s.list())
	for i, g := range groups {
		if g[0].native() {
			g[0].applyAll(kind, work)
			continue
		}
		last := i == len(groups)-1
		next, left := 0, 0
		if last {
			left = len(batch[0].job.Tickets)
		}
		for at, w := range work {
			for _, e := range g {
				e.apply(kind, w)
			}
			if !last {
				continue
			}
			for left--; left == 0 && next < len(batch); {
				n := len(batch[next].job.Tickets)
				s.answer(batch[next], work[at+1-n:at+1])
				batch[next].done = nil
				if next++; next < len(batch) {
					left = len(batch[next].job.Tickets)
				}
			}
		}
	}
	at := 0
	for _, t := range batch {
		n := len(t.job.Tickets)
		s.answer(t, work[at:at+n])
		at += n
	}
}

// ticketWork is a ticket on its way through the actions.
type ticketWork struct {
	ticket *ticket.Ticket
	epoch  int
	result Result
}

// answer tells the jail what became of a job.
func (s *Set) answer(t task, work []*ticketWork) {
	if t.done == nil {
		return
	}
	results := make([]Result, len(work))
	epoch := s.currentEpoch()
	for i, w := range work {
		results[i] = w.result
		results[i].Epoch = epoch
	}
	if len(results) == 0 {
		results = []Result{{Epoch: epoch}}
	}
	t.done(results)
}

// group puts actions together: a native one stands alone, commands that
// follow each other share a group, reports go to their own queues at the end.
func group(entries []*entry) [][]*entry {
	var out [][]*entry
	var reports []*entry
	for _, e := range entries {
		switch {
		case e.report():
			reports = append(reports, e)
		case e.native() || len(out) == 0 || out[len(out)-1][0].native():
			out = append(out, []*entry{e})
		default:
			out[len(out)-1] = append(out[len(out)-1], e)
		}
	}
	if len(reports) > 0 {
		out = append(out, reports)
	}
	return out
}

// whole does a job that concerns all bans at once.
func (s *Set) whole(t task) {
	var r Result
	entries := s.list()
	switch t.job.Kind {
	case Flush:
		s.liftAll(entries, t.job.Tickets, Lift, &r)
	case Check:
		for _, e := range entries {
			e.check(&r)
		}
	case Settle:
		for _, e := range entries {
			e.settle(&r)
		}
	}
	if t.done == nil {
		return
	}
	r.Epoch = s.currentEpoch()
	results := make([]Result, max(len(t.job.Tickets), 1))
	for i := range results {
		results[i].Epoch = r.Epoch
	}
	results[0] = r
	t.done(results)
}
