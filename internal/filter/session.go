package filter

import (
	"iter"
	"slices"
	"time"

	"stockade/internal/ticket"
)

const (
	// sessionTTL is how long a session is known, counted from its first line.
	sessionTTL = 300 * time.Second
	// maxSessions bounds the sessions of one filter.
	maxSessions = 100
	// sessionGroups is the room for groups that a session begins with.
	sessionGroups = 12
	// keptAside is how much memory for lines a session hands on to the next.
	keptAside = 4 << 10
)

// session is what is known of a group of lines with the same <F-MLFID>.
type session struct {
	key   string
	data  Data
	users []string
	// matches are the lines of the failures. Those that only belong to the
	// session go out with the next failure: they are in saved, or in aside where
	// each is one line.
	matches, saved []ticket.Match
	aside          asideLines
	// pending marks failures without an address so far.
	pending bool
	// noFail says that the last line was no failure, noted that data may say so.
	noFail, noted bool
	until         time.Time
	// has are the roles of all groups that were seen.
	has roles
	// older and newer are the neighbours in the order of the beginning.
	older, newer *session
}

// sessions holds the sessions in the order of their beginning.
type sessions struct {
	byKey          map[string]*session
	oldest, newest *session
	// last is the session of the last line, as often that of the next one too.
	last *session
	// free are sessions that are over, whose memory serves the next ones.
	free []*session
}

func (s *sessions) init() { s.byKey = make(map[string]*session, maxSessions) }

// all gives the sessions in their order.
func (s *sessions) all() iter.Seq[*session] {
	return func(yield func(*session) bool) {
		for r := s.oldest; r != nil && yield(r); r = r.newer {
		}
	}
}

// fresh gives an empty session. Nothing that was delivered of an earlier one is
// written to again: of its memory only that of the groups is used, which are
// copied where they are delivered.
func (s *sessions) fresh() *session {
	n := len(s.free)
	if n == 0 {
		return &session{data: make(Data, 0, sessionGroups)}
	}
	r := s.free[n-1]
	s.free = s.free[:n-1]
	clear(r.data)
	if cap(r.aside.text) > keptAside {
		r.aside = asideLines{}
	}
	*r = session{data: r.data[:0], aside: r.aside}
	r.aside.empty()
	return r
}

// get returns a session that is not over.
func (s *sessions) get(key string, now time.Time) *session {
	r := s.last
	if r == nil || r.key != key {
		r = s.byKey[key]
	}
	if r != nil && now.After(r.until) {
		s.drop(r)
		return nil
	}
	s.last = r
	return r
}

// put takes in a new session. When there are too many, the oldest go until one
// that was still valid has gone.
func (s *sessions) put(r *session, now time.Time) {
	for len(s.byKey) >= maxSessions {
		oldest := s.oldest
		s.drop(oldest)
		if !now.After(oldest.until) {
			break
		}
	}
	r.until = now.Add(sessionTTL)
	s.add(r)
}

// add appends a session whose key is new.
func (s *sessions) add(r *session) {
	s.byKey[r.key] = r
	r.older, s.last = s.newest, r
	if s.newest != nil {
		s.newest.newer = r
	} else {
		s.oldest = r
	}
	s.newest = r
}

// drop forgets a session that is among the known ones.
func (s *sessions) drop(r *session) {
	delete(s.byKey, r.key)
	if r.older != nil {
		r.older.newer = r.newer
	} else {
		s.oldest = r.newer
	}
	if r.newer != nil {
		r.newer.older = r.older
	} else {
		s.newest = r.older
	}
	if s.last == r {
		s.last = nil
	}
	s.free = append(s.free, r)
}

// merge brings the groups of one match together with what is known of its
// session, and returns the session as it then stands. d is scratch memory.
func (s *sessions) merge(f *Filter, key string, d *Data, has roles, lines []ticket.Match) *session {
	now := f.now
	var noFail, forget bool
	gained := ""
	if has&(roleNofail|roleGained) != 0 {
		gained = d.text(groupGained)
		noFail = gained != "" || d.text(groupNofail) != ""
		if gained != "" && d.text(groupNofail) == "" {
			d.set(Entry{Group: groupNofail, Text: gained})
		}
	}
	if has&roleForget != 0 {
		forget = d.drop(groupForget)
	}
	if !noFail && !f.settings.light {
		f.line.string() // the failure will want it
	}
	r := s.get(key, now)
	if r != nil {
		r.update(f, *d, gained != "")
		if forget {
			s.drop(r)
		}
	} else {
		f.line.string() // most groups of a new session are new
		r = s.fresh()
		r.key, r.data = f.keep(key), append(r.data, *d...)
		f.keepAll(r.data)
		if !forget {
			r.addUser(r.data.text(groupUser))
			s.put(r, now)
		}
	}
	r.has |= has
	r.noted = r.noted || has&(roleNofail|roleGained) != 0
	if r.pending || len(r.users) > 1 {
		r.pending, r.noted = false, false
		r.data.drop(groupNofail)
		r.data.drop(groupGained)
		noFail = false
	}
	r.addLines(lines, noFail, forget, f)
	r.noFail = r.noted && r.data.text(groupNofail) != ""
	return r
}

// update lets the groups of a further line overlay those of the session.
func (r *session) update(f *Filter, d Data, gained bool) {
	if user := d.text(groupUser); user != "" && !slices.Contains(r.users, user) {
		r.addUser(f.keep(user))
	}
	had := false
	if r.noted {
		had = r.data.drop(groupNofail)
		had = r.data.drop(groupGained) || had
		r.noted = false
	}
	if gained {
		r.pending = false
	}
	if !had && !r.pending {
		r.matches = nil
	}
	for i := range d {
		if !d[i].Null {
			r.data.setNear(f, i, &d[i])
		}
	}
}

func (r *session) addUser(name string) {
	if name == "" || slices.Contains(r.users, name) {
		return
	}
	r.users = append(r.users[:len(r.users):len(r.users)], name)
	r.data.set(Entry{Group: groupUsers, Other: r.users})
}

// addLines puts the lines of this match where they belong.
func (r *session) addLines(lines []ticket.Match, noFail, forget bool, f *Filter) {
	switch {
	case f.settings.light:
	case !noFail:
		all := make([]ticket.Match, 0, len(r.saved)+len(r.aside.ends)+len(r.matches)+max(len(lines), 1))
		all = append(r.aside.appendTo(append(all, r.saved...)), r.matches...)
		r.matches, r.saved = f.appendLines(all, lines), nil
		r.aside.empty()
	case !forget && lines == nil:
		r.aside.add(&f.line)
	case !forget:
		r.saved = f.appendLines(r.saved, lines)
	}
}

// asideLines are lines that nobody may ever ask for: they become strings when
// somebody does.
type asideLines struct {
	text []byte
	ends []asideEnds
}

// asideEnds are where the parts of a line end in the text: the date, what
// stands before it, and what stands behind.
type asideEnds struct{ date, before, after int32 }

func (a *asideLines) empty() { a.text, a.ends = a.text[:0], a.ends[:0] }

func (a *asideLines) add(l *lineState) {
	from := len(a.text)
	a.text = append(a.text, l.text[:len(l.text)-1]...)
	a.ends = append(a.ends, asideEnds{int32(from + l.nDate), int32(from + l.nDate + l.nBefore), int32(len(a.text))})
}

// appendTo adds the lines as tickets keep them.
func (a *asideLines) appendTo(list []ticket.Match) []ticket.Match {
	if len(a.ends) == 0 {
		return list
	}
	text, from := string(a.text), int32(0)
	for _, e := range a.ends {
		list = append(list, ticket.Match{Date: text[from:e.date], Before: text[e.date:e.before], After: text[e.before:e.after]})
		from = e.after
	}
	return list
}

// appendLines adds lines, or the present line where there are none.
func (f *Filter) appendLines(to, lines []ticket.Match) []ticket.Match {
	if lines == nil {
		return append(to, f.line.match())
	}
	return append(to, lines...)
}
