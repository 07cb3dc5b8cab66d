package filter

import (
	"slices"
	"strings"
	"time"

	"stockade/internal/logbook"
)

// team evaluates the lines of a source once for all filters with the same rules
// and settings, as those of jails that differ in how they ban.
type team struct {
	ring[verdict]
	path string
	// one does the work, under the ring's lock.
	one *Filter
}

// verdict is what the rules make of a line.
type verdict struct {
	fails   []Failure
	info    Info
	records []logbook.Record
	given   int
}

// teamSeat is a filter's place in a team.
type teamSeat struct {
	*seat[verdict]
	team *team
	// left are verdicts from before the filter left the team.
	left []keyedVerdict
}

type keyedVerdict struct {
	key lineKey
	verdict
}

// processInTeam takes what the team makes of a line. It is not ok where the
// filter has to see for itself, from now on.
func (f *Filter) processInTeam(now time.Time, ln *Line) ([]Failure, Info, bool) {
	v := f.teamVerdict(now, ln)
	if v == nil {
		return nil, Info{}, false
	}
	f.now, f.records = now, f.records[:0]
	f.takeRecords(v.records)
	f.tally.total += v.given
	info := v.info
	info.Records = f.records
	return v.fails, info, true
}

func (f *Filter) teamVerdict(now time.Time, ln *Line) *verdict {
	t, key := &f.team, keyOf(ln)
	if len(t.left) > 0 {
		v := &t.left[0]
		if t.left = t.left[1:]; len(t.left) == 0 || v.key != key {
			t.left = nil
		}
		if v.key == key {
			return &v.verdict
		}
	}
	if t.seat == nil {
		return nil
	}
	if ln.Given != nil || ln.Place.Path != t.team.path || !t.sure && !t.start(key) {
		f.leaveTeam()
		return nil
	}
	for {
		if v := t.known(key); v != nil {
			return v
		}
		v, again := t.claim(key)
		if v != nil {
			t.team.one.judge(now, ln, v)
			t.publish()
			return v
		}
		if !again {
			f.leaveTeam()
			return f.teamVerdict(now, ln)
		}
	}
}

// judge fills a row of the team.
func (f *Filter) judge(now time.Time, ln *Line, v *verdict) {
	given := f.tally.total
	fails, info := f.Process(now, *ln)
	v.fails = append(v.fails[:0], fails...)
	v.records = append(v.records[:0], info.Records...)
	v.given = f.tally.total - given
	v.info = info
	v.info.Records = nil
}

// leaveTeam makes the filter evaluate its lines itself, with all that the team
// knows.
func (f *Filter) leaveTeam() {
	t := &f.team
	if t.seat == nil {
		return
	}
	seat := t.seat
	t.seat = nil
	seat.leave(func(key lineKey, v *verdict) {
		c := *v
		c.fails, c.records = slices.Clone(v.fails), slices.Clone(v.records)
		t.left = append(t.left, keyedVerdict{key, c})
	}, func(last bool) {
		one := t.team.one
		switch {
		case last && seat.started:
			// Its place at the desk can be taken over as it is.
			f.takeKnowledge(one)
			f.desk, one.desk = one.desk, deskSeat{}
		case last:
			one.leaveDesk()
		default:
			f.takeState(one)
		}
	})
}

// takeState takes over all that another filter of the same rules knows.
func (f *Filter) takeState(from *Filter) {
	f.takeKnowledge(from)
	d := &from.desk
	if d.seat == nil {
		f.desk.left = slices.Clone(d.left)
		return
	}
	// The lines that are prepared but not evaluated yet, and what the desk knows
	// of dates after them.
	f.desk.left = nil
	d.peek(func(key lineKey, p *prepared) {
		c := *p
		c.line.text, c.records = slices.Clone(p.line.text), slices.Clone(p.records)
		f.desk.left = append(f.desk.left, keyedLine{key, c})
	}, func() { f.takeDates(d.desk.prep) })
}

// takeKnowledge takes over what another filter of the same rules has learnt.
func (f *Filter) takeKnowledge(from *Filter) {
	f.takeDates(from)
	f.now = from.now
	f.sess = from.sess.clone()
}

// clone copies the sessions.
func (s *sessions) clone() sessions {
	var c sessions
	c.init()
	for r := range s.all() {
		n := *r
		n.data, n.users = slices.Clone(r.data), slices.Clone(r.users)
		n.matches, n.saved = slices.Clone(r.matches), slices.Clone(r.saved)
		n.aside = asideLines{slices.Clone(r.aside.text), slices.Clone(r.aside.ends)}
		n.older, n.newer = nil, nil
		c.add(&n)
	}
	return c
}

// sharedName stands for the filter's name in records of work that is shared.
const sharedName = "\x00"

// takeRecords takes over records of shared work.
func (f *Filter) takeRecords(records []logbook.Record) {
	for _, r := range records {
		r.Text = strings.ReplaceAll(r.Text, "["+sharedName+"]", "["+f.name+"]")
		f.records = append(f.records, r)
	}
}
