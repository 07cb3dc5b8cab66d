package source

import (
	"fmt"
	"maps"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"stockade/internal/logbook"
	"stockade/internal/source/journal"
)

const (
	// journald tells of new entries only some 250 ms late. After an entry the
	// file is therefore looked at often for a while: it is mapped, so that a
	// look costs no system call.
	eagerEvery, eagerFor = 2 * time.Millisecond, time.Second
	alertEvery, alertFor = 20 * time.Millisecond, 10 * time.Second
	// linesPerBatch and scansPerTurn bound how long one listener is served.
	linesPerBatch = 200
	scansPerTurn  = 20_000
	// recentEntry is the age of an entry that counts as new at start.
	recentEntry = time.Second
)

const journalLogger = "fail2ban.filtersystemd"

// fileKey tells journal files apart, whatever their names are.
type fileKey struct{ dev, ino uint64 }

// journalReader reads one journal for all who listen to it. All but what the
// lock guards belongs to its goroutine.
type journalReader struct {
	hub        *Hub
	key        journalKey
	place      journal.Place
	wake       chan struct{}
	quit       chan struct{}
	over       chan struct{} // closed when the goroutine has ended
	interested int           // the hub's lock guards it
	rescan     atomic.Bool

	mu    sync.Mutex
	tasks []func()
	subs  []*Subscription

	files    map[fileKey]*journalFile
	finished map[fileKey]bool  // read to the end and closed, though still listed
	failed   map[string]string // what was said of a path that cannot be read
	watches  map[string]*watch
	using    *journalFile
	composer journal.Composer
	stamps   journal.Stamper
	line     []byte
	group    []*Subscription
	active   time.Time // of the latest entry's delivery
	scanned  time.Time // when the directories were last looked at
}

func newJournalReader(h *Hub, key journalKey, o *JournalOptions) *journalReader {
	r := &journalReader{
		hub: h, key: key, wake: make(chan struct{}, 1), quit: make(chan struct{}), over: make(chan struct{}),
		place: journal.Place{Path: o.Path, Files: o.Files, Flags: o.Flags, Namespace: o.Namespace, Rotated: o.Rotated, Root: o.root},
		files: map[fileKey]*journalFile{}, finished: map[fileKey]bool{}, failed: map[string]string{}, watches: map[string]*watch{},
	}
	r.rescan.Store(true)
	return r
}

func (r *journalReader) poke() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// changed is what the notifier calls.
func (r *journalReader) changed() {
	r.rescan.Store(true)
	r.poke()
}

// do is reader's do.
func (r *journalReader) do(f func()) {
	done := make(chan struct{})
	r.mu.Lock()
	r.tasks = append(r.tasks, func() { defer close(done); f() })
	r.mu.Unlock()
	r.poke()
	select {
	case <-done:
	case <-r.over:
	}
}

func (r *journalReader) runTasks() {
	r.mu.Lock()
	tasks := r.tasks
	r.tasks = nil
	r.mu.Unlock()
	for _, f := range tasks {
		r.guarded(f)
	}
}

func (r *journalReader) subscriptions() []*Subscription {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.subs)
}

func (r *journalReader) leave(s *Subscription) {
	r.do(func() {
		r.mu.Lock()
		r.subs = slices.DeleteFunc(r.subs, func(o *Subscription) bool { return o == s })
		r.mu.Unlock()
		s.journal.places = nil
	})
	r.hub.releaseJournal(r)
}

// lag is not known for the journal: it has no bytes that mean anything.
func (r *journalReader) lag(*Subscription) int64 { return 0 }

// run is the reader's goroutine.
func (r *journalReader) run() {
	debug.SetPanicOnFault(true)
	timer := r.hub.clock.NewTimer(lookEvery)
	defer timer.Stop()
	for {
		r.runTasks()
		again := false
		r.guarded(func() { again = r.pass() })
		if again {
			continue
		}
		timer.Reset(r.pause())
		select {
		case <-r.wake:
		case <-timer.C():
			if r.hub.clock.Now().Sub(r.scanned) >= lookEvery {
				r.rescan.Store(true)
			}
		case <-r.quit:
			close(r.over)
			for _, f := range r.files {
				_ = f.Close()
			}
			for _, w := range r.watches {
				w.remove()
			}
			return
		}
	}
}

func (r *journalReader) pause() time.Duration {
	switch quiet := r.hub.clock.Now().Sub(r.active); {
	case quiet < eagerFor:
		return eagerEvery
	case quiet < alertFor:
		return alertEvery
	case r.hub.notify == nil:
		return pollStep
	}
	return lookEvery
}

// guarded runs a step. A file that shrank below what we look at makes the
// kernel fault us: it is given up, and the step is over.
func (r *journalReader) guarded(step func()) {
	defer func() {
		v := recover()
		if v == nil {
			return
		}
		fault, ok := v.(interface {
			runtime.Error
			Addr() uintptr
		})
		if !ok || r.using == nil {
			panic(v)
		}
		r.giveUp(r.using, fault)
	}()
	step()
}

// giveUp drops a file that cannot be read.
func (r *journalReader) giveUp(f *journalFile, err error) {
	r.drop(f)
	r.fail(f.Path, fmt.Sprintf("Journal file %s is given up: %v", f.Path, err))
}

// fail says why a file cannot be read, and remembers it for who comes later.
func (r *journalReader) fail(path, text string) {
	r.failed[path] = text
	for _, s := range r.subs {
		s.tell(logbook.Error, journalLogger, text)
	}
}

func (r *journalReader) drop(f *journalFile) {
	key := fileKey{f.Dev, f.Ino}
	delete(r.files, key)
	r.finished[key] = true
	for _, s := range r.subs {
		s.journal.places = slices.DeleteFunc(s.journal.places, func(p *journalPlace) bool { return p.from == f })
	}
	_ = f.Close()
}

// attach begins a subscription.
func (r *journalReader) attach(s *Subscription, o *JournalOptions) {
	r.mu.Lock()
	r.subs = append(r.subs, s)
	r.mu.Unlock()
	for _, path := range slices.Sorted(maps.Keys(r.failed)) {
		s.tell(logbook.Error, journalLogger, r.failed[path])
	}
	begin := uint64(max(o.Since.UnixMicro(), 0))
	stored := uint64(max(o.Start.Pos, 0)*1e6 + 0.5)
	c := &s.journal
	c.begin = max(begin, stored)
	r.scan()
	if stored > 0 && stored >= begin {
		r.scanRotated(s)
	}
	for _, f := range r.files {
		r.using = f
		if c.placeIn(f) == nil {
			if err := c.add(f); err != nil {
				r.giveUp(f, err)
			}
		}
	}
	if stored > 0 && stored >= begin {
		r.skipTo(c, stored)
	}
}

// skipTo goes behind the entry that was acknowledged last. It is known by its
// time, that of its source, and lies where entries arrived at that time or
// soon after.
func (r *journalReader) skipTo(c *journalCursor, stored uint64) {
	const soon = 60_000_000
	for _, p := range c.places {
		r.using = p.from
		probe := p.cursor
		var e, found journal.Entry
		var after journal.Cursor
		for range scansPerTurn {
			ok, err := probe.Peek(&e)
			if !ok || err != nil || e.Realtime > stored+soon {
				break
			}
			probe.Skip()
			var t time.Time
			if r.line, t, err = r.composer.Compose(r.line[:0], &e); err == nil && uint64(t.UnixMicro()) == stored {
				if ok, _ := p.filter.Matches(&e); ok {
					found, after = e, probe
				}
			}
		}
		if found.File == nil {
			continue
		}
		p.cursor, p.has = after, false
		for _, other := range c.places {
			for other != p {
				r.using = other.from
				if ok, err := other.cursor.Peek(&e); !ok || err != nil || !e.Before(&found) && !e.Same(&found) {
					break
				}
				other.cursor.Skip()
			}
		}
		return
	}
	// It is gone: what is later than it is new.
	for _, p := range c.places {
		r.using = p.from
		_ = p.cursor.SeekTime(stored + 1)
	}
}

// pass serves all listeners once. It returns true when there is more to do.
func (r *journalReader) pass() (again bool) {
	if len(r.subs) == 0 {
		return false // nobody would be told of a file that cannot be read
	}
	if r.rescan.Load() {
		r.scan()
	}
	for _, s := range r.subs {
		s.able, _ = s.ready()
	}
	for i, s := range r.subs {
		if s.able {
			again = r.serve(r.together(i)) || again
		}
	}
	r.retire()
	r.mu.Lock()
	defer r.mu.Unlock()
	return again || len(r.tasks) > 0
}
