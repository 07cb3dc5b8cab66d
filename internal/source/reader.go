package source

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"sync"
	"syscall"
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
// and only then what has taken its place.
func (r *reader) pass() (delivered bool) {
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

// look finds out whether another file stands under the path, and opens it.
func (r *reader) look() (appeared bool) {
	r.watchDir()
	var st syscall.Stat_t
	err := syscall.Stat(r.path, &st)
	last := r.newest()
	if err == nil && last != nil && last.id == (fileID{uint64(st.Dev), st.Ino}) && !last.stale(st.Size) {
		r.succeed()
		return false
	}
	appeared = r.missed()
	if err != nil {
		r.fail(&fs.PathError{Op: "open", Path: r.path, Err: err})
		return appeared
	}
	g, err := openGeneration(r.path, r.hub.clock.Now())
	if err != nil {
		r.fail(err)
		return appeared
	}
	r.succeed()
	last = r.newest()
	switch {
	case last != nil && g.continues(last, r.subs):
		r.exchange(last, g)
	case r.knows(g): // only its size has changed meanwhile, or it was a missed one
		_ = g.file.Close()
		return appeared
	default:
		r.append(g)
	}
	return true
}

// missed opens files that came and were renamed away again between two looks.
func (r *reader) missed() (appeared bool) {
	if r.hub.notify != nil {
		r.hub.notify.catchUp()
	}
	r.moving.Lock()
	names := r.moved
	r.moved = nil
	r.moving.Unlock()
	if r.newest() == nil {
		return false // nothing was read under this path yet
	}
	for _, name := range names {
		g, err := openGeneration(filepath.Join(filepath.Dir(r.path), name), r.hub.clock.Now())
		switch {
		case err != nil:
		case r.knows(g):
			_ = g.file.Close()
		default:
			r.append(g)
			appeared = true
		}
	}
	return appeared
}

// renamed is told of renames in the path's directory.
func (r *reader) renamed(from, to string) {
	r.moving.Lock()
	defer r.moving.Unlock()
	if from == filepath.Base(r.path) {
		r.moved = append(r.moved, to)
		return
	}
	for i := range r.moved {
		if r.moved[i] == from {
			r.moved[i] = to
		}
	}
}

func (r *reader) knows(g *generation) bool {
	for _, known := range r.gens {
		if known.id == g.id {
			return true
		}
	}
	return false
}

// append begins a new generation for all listeners.
func (r *reader) append(g *generation) {
	last := r.newest()
	r.count++
	g.number = r.count
	r.watchFile(g)
	r.mu.Lock()
	r.gens = append(r.gens, g)
	for _, s := range r.subs {
		s.cursors = append(s.cursors, &cursor{gen: g})
	}
	r.mu.Unlock()
	if last == nil || last.hash == "" {
		return
	}
	for _, s := range r.subs {
		if c := s.cursorIn(last); c != nil {
			s.tell(logbook.Msg, filterLogger, rotationText(r.path, g.size(), c.off, last, g))
		}
	}
}

// attach begins a subscription: it runs in the reader's goroutine.
func (r *reader) attach(s *Subscription) {
	r.mu.Lock()
	r.subs = append(r.subs, s)
	r.mu.Unlock()
	r.look()
	last := r.newest()
	s.acked = Position{Path: r.path}
	s.setErr(r.failure)
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

// fail remembers why the path cannot be read and says so once.
func (r *reader) fail(err error) {
	was := r.failure
	r.failure = err
	for _, s := range r.subs {
		s.setErr(err)
	}
	if was != nil && errors.Is(was, errors.Unwrap(err)) {
		return
	}
	for _, s := range r.subs {
		switch {
		case !errors.Is(err, fs.ErrNotExist):
			s.tell(logbook.Error, filterLogger, fmt.Sprintf("Unable to %v", err))
		case len(r.gens) > 0:
			s.tell(logbook.Msg, watchLogger, fmt.Sprintf("Log absence detected (possibly rotation) for %s, reason: %v", r.path, errors.Unwrap(err)))
		}
	}
}

func (r *reader) succeed() {
	if r.failure == nil {
		return
	}
	r.failure = nil
	for _, s := range r.subs {
		s.setErr(nil)
		s.tell(logbook.Msg, watchLogger, "Log presence detected for file "+r.path)
	}
}

// wantsNotify says that a listener did not ask for polling.
func (r *reader) wantsNotify() bool {
	for _, s := range r.subs {
		if !s.opts.Polling {
			return r.hub.notify != nil
		}
	}
	return false
}

func (r *reader) watchDir() {
	if !r.dirWatch.alive() && r.wantsNotify() {
		r.dirWatch = r.hub.notify.dir(filepath.Dir(r.path), filepath.Base(r.path), r.poke, r.renamed)
		if g := r.newest(); g != nil && !g.watch.alive() {
			r.watchFile(g)
		}
	}
}

func (r *reader) watchFile(g *generation) {
	if r.wantsNotify() {
		g.watch = r.hub.notify.file(g.file, r.poke)
	}
}
