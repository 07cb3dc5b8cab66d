package source

import (
	"errors"
	"maps"
	"slices"
	"syscall"

	"stockade/internal/source/journal"
)

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
	maps.DeleteFunc(r.finished, func(key fileKey, _ bool) bool { return !present[key] })
	maps.DeleteFunc(r.failed, func(path, _ string) bool { return !slices.Contains(files, path) })
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
		if r.failed[path] == "" && !errors.Is(err, journal.ErrFormat) {
			r.fail(path, err.Error())
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
