package action

import (
	"slices"
	"sync"

	"stockade/internal/pyobj"
	"stockade/internal/ticket"
)

// Set is the ordered actions of one jail.
type Set struct {
	env Env

	mu        sync.Mutex
	entries   []*entry
	reloading bool
	epoch     int
	// paused says that nothing is to be enforced for a while.
	paused bool

	queues [lanes]queue
	// ended is closed when nothing more is to be done.
	ended    chan struct{}
	quitOnce sync.Once
}

// NewSet makes an empty set.
func NewSet(env Env) *Set {
	return &Set{env: env, ended: make(chan struct{}), paused: env.Paused != nil && env.Paused()}
}

// raise makes a new ban epoch: bans from before may have lost their effect.
func (s *Set) raise() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.epoch++
	return s.epoch
}

func (s *Set) currentEpoch() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.epoch
}

// Add creates an action without properties. During a reload an action of the
// same name is kept and loses its properties; otherwise it is an error.
func (s *Set) Add(name string, src *Source) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.entries {
		if e.name != name {
			continue
		}
		if !s.reloading || e.touched {
			return pyobj.Errorf("ValueError", "Action %s already exists", name)
		}
		e.touched = true
		e.configure(src)
		return nil
	}
	e := newEntry(s, name, src)
	e.touched, e.fresh = true, s.reloading
	s.entries = append(s.entries, e)
	return nil
}

// Delete forgets an action and runs nothing, as `delaction` does.
func (s *Set) Delete(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.entries, func(e *entry) bool { return e.name == name })
	if i < 0 {
		return unknownAction(name)
	}
	e := s.entries[i]
	s.entries = slices.Delete(s.entries, i, i+1)
	e.quit()
	return nil
}

func unknownAction(name string) error {
	return pyobj.Errorf("KeyError", "Invalid Action name: %s", name)
}

// Names lists the actions in order.
func (s *Set) Names() []string {
	var names []string
	for _, e := range s.list() {
		names = append(names, e.name)
	}
	return names
}

func (s *Set) list() []*entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.entries)
}

func (s *Set) find(name string) (*entry, error) {
	for _, e := range s.list() {
		if e.name == name {
			return e, nil
		}
	}
	return nil, unknownAction(name)
}

// Status describes all actions in order.
func (s *Set) Status() []Status {
	var out []Status
	for _, e := range s.list() {
		out = append(out, e.status())
	}
	return out
}

// Start runs what has to run before the first ban.
func (s *Set) Start(done func(Result)) {
	s.both(done, func(l lane, r *Result) {
		for _, e := range s.on(l) {
			e.start(r)
		}
	})
}

// Submit queues a job. done may be nil; it gets one result for each ticket, or
// a single one for a job without tickets.
func (s *Set) Submit(job Job, done func([]Result)) {
	w := newWork(job, done)
	s.queues[fast].put(task{job: w, run: s.runFast})
	s.queues[slow].put(task{job: w, run: s.runSlow})
}

// BeginReload marks all actions; EndReload removes those that were not added
// again, starts the new ones and applies them to the live bans, and tells the
// kept ones.
func (s *Set) BeginReload() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reloading = true
	for _, e := range s.entries {
		e.touched = false
	}
}

// EndReload ends what BeginReload began.
func (s *Set) EndReload(live []*ticket.Ticket, done func(Result)) {
	s.mu.Lock()
	s.reloading = false
	var gone []*entry
	s.entries = slices.DeleteFunc(s.entries, func(e *entry) bool {
		if !e.touched {
			gone = append(gone, e)
		}
		return !e.touched
	})
	s.mu.Unlock()
	s.alone(done, func(r *Result) {
		for _, e := range s.list() {
			e.reload(live, r)
		}
		for _, e := range gone {
			e.lift(live, Lift, r)
			e.end(Lift, r)
		}
	})
}

// Stop flushes or lifts the live bans, stops all actions in reverse order and
// ends the goroutines of the set. Jobs queued before are done first.
func (s *Set) Stop(live []*ticket.Ticket, mode StopMode, done func(Result)) {
	s.both(func(r Result) {
		s.Quit()
		if done != nil {
			done(r)
		}
	}, func(l lane, r *Result) {
		entries := s.on(l)
		liftAll(entries, live, mode, r)
		for _, e := range slices.Backward(entries) {
			e.end(mode, r)
		}
	})
}

// Quit ends the goroutines and runs nothing more, not even queued jobs.
func (s *Set) Quit() {
	s.quitOnce.Do(func() { close(s.ended) })
	for l := range s.queues {
		s.queues[l].quit()
	}
	for _, e := range s.list() {
		e.quit()
	}
}
