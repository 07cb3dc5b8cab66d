package filter

import (
	"fmt"
	"strings"
	"sync"
)

// Shares lets filters that read the same lines of a file do the same work only
// once: those with the same rules and settings evaluate a line together, and
// those that only look for the same dates prepare it together. The results are
// those that each would have had alone. A filter whose settings change goes on
// alone, with all it knew. The zero value is ready.
type Shares struct {
	mu    sync.Mutex
	desks map[string]*desk
	teams map[string]*team
}

// Join lets a filter that has seen no line yet share the work on the lines of a
// file that it is about to read.
func (s *Shares) Join(f *Filter, path string) {
	if f.settings.maxLines > 1 || f.settings.checkAll || f.settings.light || f.last.known || f.team.seat != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.desks == nil {
		s.desks, s.teams = map[string]*desk{}, map[string]*team{}
	}
	s.tidy()
	key := f.evaluationKey(path)
	t := s.teams[key]
	if t != nil {
		f.team = teamSeat{seat: t.sit(), team: t}
	}
	if f.team.seat == nil {
		t = &team{path: path, one: f.twin()}
		s.teams[key] = t
		f.team = teamSeat{seat: t.sit(), team: t}
		s.sitAtDesk(t.one, path)
	}
}

// sitAtDesk gives a filter its place at the desk of the file.
func (s *Shares) sitAtDesk(f *Filter, path string) {
	key := f.dateKey(path)
	d := s.desks[key]
	if d != nil {
		f.desk = deskSeat{seat: d.sit(), desk: d}
	}
	if f.desk.seat == nil {
		d = deskFor(f, path)
		s.desks[key] = d
		f.desk = deskSeat{seat: d.sit(), desk: d}
	}
}

// tidy forgets what nobody shares any more.
func (s *Shares) tidy() {
	for key, t := range s.teams {
		if t.empty() {
			t.one.leaveDesk()
			delete(s.teams, key)
		}
	}
	for key, d := range s.desks {
		if d.empty() {
			delete(s.desks, key)
		}
	}
}

// twin makes a fresh filter with the same rules, for those who share it.
func (f *Filter) twin() *Filter {
	c := New(f.base)
	c.name, c.settings = sharedName, f.settings
	c.settings.borrows = false
	c.dates = f.dates.Clone(c.env)
	copies := func(list []*rule) []*rule {
		out := make([]*rule, len(list))
		for i, r := range list {
			n := *r
			out[i] = &n
		}
		return out
	}
	c.fail, c.ignore, c.dispatch = copies(f.fail), copies(f.ignore), f.dispatch
	if f.pref != nil {
		c.pref = copies([]*rule{f.pref})[0]
	}
	return c
}

// dateKey names all that decides how a line is prepared.
func (f *Filter) dateKey(path string) string {
	s := &f.settings
	return fmt.Sprintf("%q %q %q %q %v %v", path, s.encoding.name, s.datePattern, s.timezone, s.hasTimezone, s.ageChecks)
}

// evaluationKey names all that decides what becomes of a line.
func (f *Filter) evaluationKey(path string) string {
	var b strings.Builder
	s := &f.settings
	fmt.Fprintf(&b, "%s %q %v %v %v %q", f.dateKey(path), s.useDNS, s.findTime, s.rawHosts, s.noCauses, f.Prefregex())
	for _, list := range [][]*rule{f.fail, f.ignore} {
		b.WriteString("\n")
		for _, r := range list {
			fmt.Fprintf(&b, "\n%q %q", r.re.String(), r.origin)
		}
	}
	return b.String()
}

// Ahead says that the next n lines would take the filter so far ahead of those
// that it shares work with that it would have to go on alone.
func (f *Filter) Ahead(n int) bool {
	t := f.team.team
	switch {
	case f.team.seat == nil:
		return f.aheadAtDesk(n)
	case f.team.ahead(int64(n)):
		return true
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.one.aheadAtDesk(n)
}

func (f *Filter) aheadAtDesk(n int) bool { return f.desk.seat != nil && f.desk.ahead(int64(n)) }

// Alone ends all sharing of this filter. Whoever changes a setting does it.
func (f *Filter) Alone() {
	f.leaveTeam()
	f.leaveDesk()
}
