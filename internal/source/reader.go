package source

import (
	"sync"
	"time"

	"stockade/internal/logbook"
)

const (
	// lookEvery is how often a file is looked at though nothing was notified:
	// network and overlay file systems take a watch and say nothing.
	lookEvery = 2 * time.Second
	// pollStep is by how much the pause of polling grows while nothing happens.
	pollStep = 200 * time.Millisecond
	// linger is how long a file that was renamed away is kept open after its
	// last line: its writers may not have been told to reopen yet. For one that
	// has no name any more it is shorter, so that the disk gets its room back.
	linger         = 10 * time.Minute
	lingerUnlinked = time.Minute
	// maxGenerations bounds the files kept open for one path. It is reached
	// only where a listener stands still through as many rotations.
	maxGenerations = 8
)

// The names under which the reference writes about files.
const (
	filterLogger = "fail2ban.filter"
	watchLogger  = "fail2ban.filterpyinotify"
)

// reader reads one path for all who listen to it. All of it but what the lock
// guards belongs to its goroutine.
type reader struct {
	hub  *Hub
	path string
	wake chan struct{}
	quit chan struct{}
	over chan struct{} // closed when the goroutine has ended
	// interested counts subscriptions; the hub's lock guards it.
	interested int

	mu    sync.Mutex
	tasks []func()
	subs  []*Subscription
	gens  []*generation // oldest first; the last stands, or stood, under path

	// moved are the names to which files under path were renamed since the
	// last look. The lock is their own: it is taken by the notifier.
	moving sync.Mutex
	moved  []string

	count    int // generations so far
	dirWatch *watch
	failure  error // why the path cannot be read now
	group    []*Subscription
	// slow are the listeners whose mates wait for them, waiting says that some do.
	slow    []*Subscription
	waiting bool
}

func newReader(h *Hub, path string) *reader {
	return &reader{hub: h, path: path, wake: make(chan struct{}, 1), quit: make(chan struct{}), over: make(chan struct{})}
}

// poke makes the reader look.
func (r *reader) poke() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// do runs a function in the reader's goroutine and waits for it. After the
// reader's end it does nothing.
func (r *reader) do(f func()) {
	done := make(chan struct{})
	r.mu.Lock()
	r.tasks = append(r.tasks, func() { f(); close(done) })
	r.mu.Unlock()
	r.poke()
	select {
	case <-done:
	case <-r.over:
	}
}

// runTasks says whether there were any.
func (r *reader) runTasks() bool {
	r.mu.Lock()
	tasks := r.tasks
	r.tasks = nil
	r.mu.Unlock()
	for _, f := range tasks {
		f()
	}
	return len(tasks) > 0
}

func (r *reader) hasTasks() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.tasks) > 0
}

func (r *reader) subscriptions() []*Subscription {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]*Subscription(nil), r.subs...)
}

// run is the reader's goroutine.
func (r *reader) run() {
	timer := r.hub.clock.NewTimer(lookEvery)
	defer timer.Stop()
	pause := time.Duration(0)
	for {
		r.runTasks()
		if r.pass() {
			pause = 0
		}
		if r.hasTasks() {
			continue
		}
		pause = min(pause+pollStep, lookEvery)
		if r.watched() {
			pause = lookEvery
		}
		if r.waiting {
			pause = min(pause, standstill)
		}
		timer.Reset(pause)
		select {
		case <-r.wake:
		case <-timer.C():
		case <-r.quit:
			r.end()
			return
		}
	}
}

func (r *reader) end() {
	close(r.over)
	for _, g := range r.gens {
		g.close()
	}
	r.dirWatch.remove()
}

// watched says that the system tells of changes.
func (r *reader) watched() bool {
	return r.dirWatch.alive() && (len(r.gens) == 0 || r.gens[len(r.gens)-1].watch.alive())
}

// pass reads everything that is there: first what was open before, to its end,
// and only then what has taken its place. Without a listener there is nobody
// to be told what is wrong with the file.
func (r *reader) pass() (delivered bool) {
	if len(r.subs) == 0 {
		return false
	}
	delivered = r.pump()
	for !r.hasTasks() && r.look() {
		delivered = r.pump() || delivered
	}
	for _, text := range r.retire() {
		for _, s := range r.subs {
			s.tell(logbook.Warning, filterLogger, text)
		}
	}
	return delivered
}

// newest is the generation that stands under the path, nil where none does.
func (r *reader) newest() *generation {
	if len(r.gens) == 0 {
		return nil
	}
	return r.gens[len(r.gens)-1]
}

// attach begins a subscription: it runs in the reader's goroutine.
func (r *reader) attach(s *Subscription) {
	r.mu.Lock()
	r.subs = append(r.subs, s)
	r.mu.Unlock()
	r.look()
	last := r.newest()
	s.acked = Position{Path: r.path}
	if last == nil || r.failure != nil {
		s.enter() // there is nothing to be caught up with
		return
	}
	r.mu.Lock()
	c := last.place(&s.opts)
	s.cursors = []*cursor{c}
	r.mu.Unlock()
	s.acked = Position{Path: r.path, Hash: last.hash, Pos: float64(c.off)}
	if s.opts.Tail {
		s.enter()
		return
	}
	r.recover(s)
	s.seeking = s.opts.When != nil && !s.opts.Since.IsZero()
}

// recover finds the file in which a listener stopped reading, if it was
// renamed away while nobody looked, and has its rest read first.
func (r *reader) recover(s *Subscription) {
	start := s.opts.Start
	last := r.newest()
	if start.Hash == "" || start.Hash == last.hash {
		return
	}
	g := findRotated(r.path, start.Hash, last.id, r.hub.clock.Now())
	if g == nil {
		return
	}
	for _, known := range r.gens {
		if known.id == g.id {
			_ = g.file.Close()
			g = known
		}
	}
	c := &cursor{gen: g, off: int64(start.Pos)}
	if c.off >= g.size() || !c.load() {
		if g.number == 0 && g.watch == nil {
			_ = g.file.Close()
		}
		return
	}
	r.mu.Lock()
	if g.watch == nil {
		r.gens = append([]*generation{g}, r.gens...)
		r.watchFile(g)
	}
	s.cursors = append([]*cursor{c}, s.cursors...)
	r.mu.Unlock()
	s.acked = Position{Path: r.path, Hash: g.hash, Pos: start.Pos}
}

// leave ends a subscription.
func (r *reader) leave(s *Subscription) {
	r.do(func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		for i, other := range r.subs {
			if other == s {
				r.subs = append(r.subs[:i:i], r.subs[i+1:]...)
			}
		}
		s.cursors = nil
	})
	r.hub.release(r)
}

// lag counts the bytes that a subscription has not been given.
func (r *reader) lag(s *Subscription) (n int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range s.cursors {
		n += max(c.gen.size()-c.off, 0)
	}
	return n
}
