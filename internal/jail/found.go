package jail

import (
	"slices"
	"time"

	"stockade/internal/datepattern"
	"stockade/internal/event"
	"stockade/internal/filter"
	"stockade/internal/ipaddr"
	"stockade/internal/logbook"
	"stockade/internal/pyobj"
	"stockade/internal/tally"
	"stockade/internal/ticket"
)

// stampLayout is how times stand in log lines, in the process zone.
const stampLayout = "2006-01-02 15:04:05"

// appendStamp appends a time as stampLayout has it. The format of RFC 3339 is
// the one that the time package writes fast; it differs in one letter.
func appendStamp(b []byte, t time.Time) []byte {
	const size, letter = len(stampLayout), len("2006-01-02")
	from := len(b)
	b = t.AppendFormat(b, time.RFC3339)
	if stamp := b[from:]; len(stamp) > size && stamp[letter] == 'T' {
		stamp[letter] = ' '
		return b[:from+size]
	}
	return t.AppendFormat(b[:from], stampLayout) // a year of more than four digits
}

// failure turns what the filter found into tickets. A name in place of an
// address is resolved first.
func (s *State) failure(now time.Time, f *filter.Failure, at linePlace) {
	if f.DNS == "" {
		if s.onlyCounts(f) {
			fillTicket(&s.seen, now, f)
			s.judge(now, &s.seen, at, false)
			return
		}
		s.judge(now, newTicket(now, f), at, false)
		return
	}
	ids, ok := s.env.Name(f.DNS)
	if !ok {
		kept := *f
		kept.Data = slices.Clone(f.Data)
		s.park(now, parked{dns: &kept, line: at})
		return
	}
	if len(ids) > 0 && s.filter.UseDNS() == "warn" {
		s.log(logbook.Warning, "fail2ban.ipdns", "Determined IP using DNS Lookup: %s = %s", f.DNS, idSet(ids))
	}
	resolved := f.Resolved(ids)
	for i := range resolved {
		s.judge(now, newTicket(now, &resolved[i]), at, false)
	}
}

// idSet prints IDs as Python prints a set of strings.
func idSet(ids []ipaddr.ID) string {
	set := make(pyobj.Set, len(ids))
	for i, id := range ids {
		set[i] = id.String()
	}
	return pyobj.Repr(set)
}

// onlyCounts says that nothing will be kept of a failure but what the tally
// adds to what it knows of the ID.
func (s *State) onlyCounts(f *filter.Failure) bool {
	return s.tally.Get(f.ID) != nil && s.ignore.Direct() && !f.Data.HasIP()
}

// newTicket makes a ticket of one failure.
func newTicket(now time.Time, f *filter.Failure) *ticket.Ticket {
	t := &ticket.Ticket{}
	fillTicket(t, now, f)
	t.Fields = f.Fields()
	return t
}

// fillTicket makes a ticket of one failure, but for its fields. A time in the
// future counts as now.
func fillTicket(t *ticket.Ticket, now time.Time, f *filter.Failure) {
	*t = ticket.Ticket{
		ID: f.ID, Time: f.Time, IntegerTime: f.IntegerTime, Matches: f.Matches, Cause: f.Cause,
	}
	t.Cause.Who = event.Who{Kind: "log"}
	if !f.HasTime || f.Time.After(now) {
		t.Time, t.IntegerTime = now, false
	}
}

// judge asks the ignore rules about a ticket; if nothing speaks for it, it
// counts.
func (s *State) judge(now time.Time, t *ticket.Ticket, at linePlace, restored bool) {
	v := s.ignore.Check(now, t, s.env)
	switch {
	case v.Ignore:
		s.logIgnored(t.ID, v.By)
	case v.Wait:
		s.park(now, parked{t: t, line: at, restored: restored})
	case v.Command != "":
		s.alarms.token++
		run := IgnoreRun{Command: v.Command, token: s.alarms.token}
		c := *t
		run.Ticket = &c
		s.eff.Commands = append(s.eff.Commands, run)
		s.park(now, parked{t: t, line: at, restored: restored, token: run.token})
	default:
		s.counts(now, t, at, restored)
	}
}

// park keeps a ticket until an answer is there. When too many wait, the oldest
// goes on as if nothing spoke for it: an attacker must not gain by asking.
func (s *State) park(now time.Time, p parked) {
	p.line = p.line.lasting()
	s.parked = append(s.parked, p)
	if len(s.parked) <= maxParked {
		return
	}
	oldest := s.parked[0]
	s.parked = append([]parked(nil), s.parked[1:]...)
	if oldest.t != nil {
		s.counts(now, oldest.t, oldest.line, oldest.restored)
	}
}

// counts takes a ticket that no ignore rule speaks for.
func (s *State) counts(now time.Time, t *ticket.Ticket, at linePlace, restored bool) {
	if restored {
		s.ban(now, t, at, nil)
		return
	}
	id := s.logFound(t)
	s.eventFound(t, id)
	s.count(now, t, 1, at)
	if s.escalation.Increment {
		s.askKnownBad(t, at)
	}
}

// eventFound is event for one of a flood.
func (s *State) eventFound(t *ticket.Ticket, id string) {
	s.eff.Events = append(s.eff.Events, event.Event{})
	e := &s.eff.Events[len(s.eff.Events)-1]
	e.Time, e.Kind, e.Jail, e.ID, e.Cause = t.Time, event.Found, s.name, id, t.Cause
}

// logFound logs a failure and gives its ID as text, which shares the memory of
// what was logged: a flood of failures is a flood of these.
func (s *State) logFound(t *ticket.Ticket) (id string) {
	var text string
	if x := s.met; x != nil && (t == &x.ticket || t.ID == x.ticket.ID && t.Time.Equal(x.ticket.Time)) {
		text = s.metText
		from := len(text) - len(x.text)
		id = text[from+x.idFrom : from+x.idTo]
	} else {
		b, from, to := s.appendFound(append(append(append(s.text[:0], '['), s.name...), ']'), t.ID, t.Time)
		s.text, text = b, string(b)
		id = text[from:to]
	}
	s.eff.Logs = append(s.eff.Logs, logbook.Record{Level: logbook.Info, Logger: logFilter, Text: text})
	return id
}

// appendFound appends what the log says of a failure, and tells where the ID
// stands.
func (s *State) appendFound(b []byte, id ipaddr.ID, at time.Time) (text []byte, from, to int) {
	b = append(b, " Found "...)
	from = len(b)
	b = id.AppendTo(b)
	to = len(b)
	return appendStamp(append(b, " - "...), s.wall(at)), from, to
}

// count adds a failure to the tally and bans when there are too many.
func (s *State) count(now time.Time, t *ticket.Ticket, weight int, at linePlace) {
	known := s.tally.Add(t, weight, s.limits)
	if known.Retry >= s.limits.MaxRetry {
		s.ban(now, s.tally.Remove(known.ID), at, nil)
	}
	if s.nextCleanup.IsZero() {
		s.nextCleanup = now.Add(cleanupEvery)
	}
}

// askKnownBad looks up whether the ID was banned before, in which case its
// failures weigh more.
func (s *State) askKnownBad(t *ticket.Ticket, at linePlace) {
	id, when := t.ID, t.Time
	at = at.lasting()
	s.eff.Lookups = append(s.eff.Lookups, Lookup{ID: id, then: func(s *State, now time.Time, h History) {
		s.knownBad(now, id, when, h, at)
	}})
}

func (s *State) knownBad(now time.Time, id ipaddr.ID, when time.Time, h History, at linePlace) {
	if h.Count == 0 || !when.After(h.Last) {
		return
	}
	weight, text := tally.Weight(h.Count, s.limits.MaxRetry)
	if weight <= 1 {
		return
	}
	suffix := ""
	if weight >= float64(s.limits.MaxRetry) {
		suffix = ", Ban"
	}
	s.log(logbook.Info, logObserver, "[%s] Found %s, bad - %s, %d # -> %s%s", s.name, id,
		s.wall(when).Format(stampLayout), h.Count, text, suffix)
	known := s.tally.Get(id)
	if known == nil {
		return
	}
	known.Retry += int(weight) - 1
	known.Failures++
	if known.Retry >= s.limits.MaxRetry {
		s.ban(now, s.tally.Remove(id), at, nil)
	}
}

// wall gives what the clock on the wall shows at t.
func (s *State) wall(t time.Time) time.Time {
	if zone := s.zone(); s.clock == nil || s.clock.Zone() != zone {
		s.clock = datepattern.NewClock(zone)
	}
	return s.clock.Wall(t)
}

func (s *State) zone() *time.Location {
	if z := s.env.Dates().Zone; z != nil {
		return z
	}
	return time.Local
}
