package source

import (
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
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
	finished map[fileKey]bool // read to the end and closed, though still listed
	failed   map[string]bool  // could not be opened, and that was said
	watches  map[string]*watch
	using    *journalFile
	composer journal.Composer
	stamps   journal.Stamper
	line     []byte
	active   time.Time // of the latest entry's delivery
	scanned  time.Time // when the directories were last looked at
}

func newJournalReader(h *Hub, key journalKey, o *JournalOptions) *journalReader {
	r := &journalReader{
		hub: h, key: key, wake: make(chan struct{}, 1), quit: make(chan struct{}), over: make(chan struct{}),
		place: journal.Place{Path: o.Path, Files: o.Files, Flags: o.Flags, Namespace: o.Namespace, Rotated: o.Rotated, Root: o.root},
		files: map[fileKey]*journalFile{}, finished: map[fileKey]bool{}, failed: map[string]bool{}, watches: map[string]*watch{},
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
	for _, s := range r.subs {
		s.tell(logbook.Error, journalLogger, fmt.Sprintf("Journal file %s is given up: %v", f.Path, err))
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

// scan opens what has appeared in the journal's directories, for all.
func (r *journalReader) scan() {
	r.rescan.Store(false)
	r.scanned = r.hub.clock.Now()
	files, dirs := r.place.List(false)
	r.watch(dirs)
	for _, f := range r.files {
		f.listed = false
	}
	present := map[fileKey]bool{}
	for _, path := range files {
		key, ok := statKey(path)
		if !ok {
			continue
		}
		present[key] = true
		if f := r.files[key]; f != nil {
			f.listed = true
			continue
		}
		if f := r.open(path, key); f != nil {
			f.listed = true
			for _, s := range r.subs {
				if s.journal.placeIn(f) == nil {
					if err := s.journal.add(f); err != nil {
						r.giveUp(f, err)
						break
					}
				}
			}
		}
	}
	for key := range r.finished {
		if !present[key] {
			delete(r.finished, key)
		}
	}
}

// scanRotated opens, for a listener that comes back, files that were rotated
// away since it stopped.
func (r *journalReader) scanRotated(s *Subscription) {
	files, _ := r.place.List(true)
	for _, path := range files {
		key, ok := statKey(path)
		if !ok || r.files[key] != nil {
			continue
		}
		f, err := journal.Open(path)
		if err != nil {
			continue
		}
		jf := &journalFile{File: f}
		if f.Len() == 0 || f.TailTime() < s.journal.begin || s.journal.add(jf) != nil {
			_ = f.Close()
			continue
		}
		r.files[key] = jf
	}
}

func statKey(path string) (fileKey, bool) {
	var st syscall.Stat_t
	err := syscall.Stat(path, &st)
	return fileKey{uint64(st.Dev), st.Ino}, err == nil
}

// open opens a file and says once where it cannot.
func (r *journalReader) open(path string, key fileKey) *journalFile {
	if r.finished[key] {
		return nil
	}
	f, err := journal.Open(path)
	if err != nil {
		// A file that was just made has no content for a moment.
		if !r.failed[path] && !errors.Is(err, journal.ErrFormat) {
			r.failed[path] = true
			for _, s := range r.subs {
				s.tell(logbook.Error, journalLogger, err.Error())
			}
		}
		return nil
	}
	delete(r.failed, path)
	jf := &journalFile{File: f}
	r.files[fileKey{f.Dev, f.Ino}] = jf
	r.using = jf
	return jf
}

// watch follows directories, and what is done in them.
func (r *journalReader) watch(dirs []string) {
	if r.hub.notify == nil {
		return
	}
	for _, dir := range dirs {
		if !r.watches[dir].alive() {
			if w := r.hub.notify.tree(dir, r.changed); w != nil {
				r.watches[dir] = w
			}
		}
	}
}

// pass serves all listeners once. It returns true when there is more to do.
func (r *journalReader) pass() (again bool) {
	if r.rescan.Load() {
		r.scan()
	}
	for _, s := range r.subs {
		if s.ready() {
			again = r.serve(s) || again
		}
	}
	r.retire()
	r.mu.Lock()
	defer r.mu.Unlock()
	return again || len(r.tasks) > 0
}

// retire closes files that all have read to the end and nobody will write to.
func (r *journalReader) retire() {
	for _, f := range r.files {
		r.using = f
		if f.listed && !f.Archived() || !f.listed && !f.Archived() && f.Linked() {
			continue
		}
		finished := true
		for _, s := range r.subs {
			if p := s.journal.placeIn(f); p != nil && !p.cursor.AtEnd() {
				finished = false
			}
		}
		if finished {
			r.drop(f)
		}
	}
}

// serve delivers one batch to a listener. It returns true when there may be
// more for it.
func (r *journalReader) serve(s *Subscription) bool {
	var out journalBatch
	defer out.end()
	for range scansPerTurn {
		p, err := s.journal.next(func(f *journalFile) { r.using = f })
		if err != nil {
			r.giveUp(p.from, err)
			break
		}
		if p == nil {
			r.hand(s, &out)
			r.enter(s)
			return false
		}
		full, err := r.compose(s, p, &out)
		if err != nil {
			r.giveUp(p.from, err)
			break
		}
		if full {
			break
		}
	}
	r.hand(s, &out)
	return true
}

// journalBatch is a block that is being filled. It is made when there is
// something to put into it.
type journalBatch struct {
	blk  *block
	used int
}

func (b *journalBatch) end() {
	if b.blk != nil {
		b.blk.drop()
	}
}

func (b *journalBatch) add(line []byte, t time.Time, stamp string) {
	cut := max(len(line)-MaxLine, 0)
	n := copy(b.blk.buf[b.used:], line[:len(line)-cut])
	text := b.blk.buf[b.used : b.used+n : b.used+n]
	b.blk.lines = append(b.blk.lines, Line{Text: text, Cut: int64(cut), Time: t, Stamp: stamp})
	b.used += n
}

// full says that a further line may not find room.
func (b *journalBatch) full() bool {
	return len(b.blk.lines) >= linesPerBatch || len(b.blk.buf)-b.used < MaxLine
}

// compose puts the next entry of a place into a batch, if it is wanted. It
// returns true when the batch is to be delivered first, or now.
func (r *journalReader) compose(s *Subscription, p *journalPlace, out *journalBatch) (deliver bool, err error) {
	r.using = p.from
	wanted, err := p.filter.Matches(&p.head)
	if err != nil {
		return false, err
	}
	if !wanted {
		return false, p.pass()
	}
	p.missed = 0
	var t time.Time
	r.line, t, err = r.composer.Compose(r.line[:0], &p.head)
	if errors.Is(err, journal.ErrXZ) {
		s.tell(logbook.Error, journalLogger, err.Error())
		err = nil
	}
	if err != nil {
		return false, err
	}
	if r.hub.clock.Now().Sub(t) < recentEntry && !s.State().InOperation {
		if out.used > 0 {
			return true, nil // the older ones are not of the same kind
		}
		r.enter(s)
	}
	p.skip()
	if out.blk == nil {
		out.blk = newBlock(largeBlock)
	}
	out.add(r.line, t, r.stamps.Stamp(t))
	return out.full(), nil
}

// enter begins operation.
func (r *journalReader) enter(s *Subscription) {
	if s.enter() {
		s.tell(logbook.Info, journalLogger, "Jail is in operation now (process new journal entries)")
	}
}

func (r *journalReader) hand(s *Subscription, out *journalBatch) {
	if out.blk == nil {
		return
	}
	r.active = r.hub.clock.Now()
	out.blk.refs.Add(1)
	s.deliver(&Batch{Kind: Journal, Path: JournalPath, Lines: out.blk.lines, blk: out.blk, bytes: int64(out.used)})
}
