package source

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// stale says that an open file shows less than stands under its name: overlay
// file systems copy a file when it is first written and leave those who have
// it open with the old one.
func (g *generation) stale(size int64) bool { return size > g.size() && onOverlay(g.file) }

// continues says that a file is the same one, read through a fresh descriptor.
func (g *generation) continues(last *generation, subs []*Subscription) bool {
	if !onOverlay(g.file) || g.hash == "" || g.hash != last.hash {
		return false
	}
	for _, s := range subs {
		c := s.cursorIn(last)
		if c == nil {
			continue
		}
		buf := make([]byte, len(c.tail))
		if _, err := g.file.ReadAt(buf, c.off-int64(len(buf))); len(buf) > 0 && err != nil || !bytes.Equal(buf, c.tail) {
			return false
		}
	}
	return true
}

// exchange puts a fresh descriptor in the place of a stale one.
func (r *reader) exchange(last, fresh *generation) {
	r.mu.Lock()
	defer r.mu.Unlock()
	last.watch.remove()
	_ = last.file.Close()
	last.file, last.id = fresh.file, fresh.id
	r.watchFile(last)
}

// maxCandidates bounds the search for a file that was renamed away.
const maxCandidates = 64

// findRotated finds the file with a known first line among those that are
// named after the path, newest first, and opens it. It returns nil where there
// is none.
func findRotated(path, hash string, current fileID, now time.Time) *generation {
	dir, base := filepath.Split(path)
	if dir == "" {
		dir = "."
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	var found []fs.FileInfo
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), base) || e.Name() == base || !e.Type().IsRegular() {
			continue
		}
		if info, err := e.Info(); err == nil && idOf(info) != current {
			found = append(found, info)
		}
	}
	slices.SortFunc(found, func(a, b fs.FileInfo) int { return b.ModTime().Compare(a.ModTime()) })
	for _, info := range found[:min(len(found), maxCandidates)] {
		g, err := openGeneration(filepath.Join(dir, info.Name()), now)
		if err != nil {
			continue
		}
		if g.hash == hash {
			return g
		}
		_ = g.file.Close()
	}
	return nil
}

// retire closes files that were renamed away, or that have no name any more,
// when they were read to their end by all and nobody has written to them for
// a while. It returns what is to be said about lines that nobody will see.
func (r *reader) retire() (lost []string) {
	if len(r.gens) == 0 || len(r.gens) == 1 && r.failure == nil {
		return nil
	}
	now := r.hub.clock.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := 0; i < len(r.gens); i++ {
		g := r.gens[i]
		last := i == len(r.gens)-1
		if last && (r.failure == nil || !g.unlinked()) {
			break
		}
		wait := linger
		if g.unlinked() {
			wait = lingerUnlinked
		}
		unread := r.unread(g)
		if (unread > 0 || now.Sub(g.grown) < wait) && len(r.gens) <= maxGenerations {
			continue
		}
		if unread > 0 {
			lost = append(lost, fmt.Sprintf("Gave up %d byte(s) of a rotated file of %s, as it was rotated %d times meanwhile", unread, r.path, len(r.gens)-1))
		}
		r.gens = slices.Delete(r.gens, i, i+1)
		i--
		for _, s := range r.subs {
			s.cursors = slices.DeleteFunc(s.cursors, func(c *cursor) bool { return c.gen == g })
		}
		g.close()
	}
	return lost
}

// unread is how much of a generation the slowest listener has not seen.
func (r *reader) unread(g *generation) (n int64) {
	size := g.size()
	for _, s := range r.subs {
		if c := s.cursorIn(g); c != nil && !c.done {
			n = max(n, size-c.off)
		}
	}
	return n
}

// cursorIn is a listener's place in a generation, nil where it has none.
func (s *Subscription) cursorIn(g *generation) *cursor {
	for _, c := range s.cursors {
		if c.gen == g {
			return c
		}
	}
	return nil
}
