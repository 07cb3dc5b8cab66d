package source

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"syscall"

	"stockade/internal/logbook"
)

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
	var g *generation
	if err != nil {
		err = &fs.PathError{Op: "open", Path: r.path, Err: err}
	} else {
		g, err = openGeneration(r.path, r.hub.clock.Now())
	}
	// Only now: what came and went before this file was opened is older.
	appeared = r.missed()
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

// fail remembers why the path cannot be read and says so once to each listener.
func (r *reader) fail(err error) {
	r.failure = err
	for _, s := range r.subs {
		was := s.setErr(err)
		switch {
		case was != nil && errors.Is(was, errors.Unwrap(err)):
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
