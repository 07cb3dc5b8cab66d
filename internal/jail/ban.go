package jail

import (
	"time"

	"stockade/internal/action"
	"stockade/internal/event"
	"stockade/internal/ipaddr"
	"stockade/internal/logbook"
	"stockade/internal/store"
	"stockade/internal/ticket"
)

// Ages of a ban at which "already banned" grows louder, and from which the
// actions are asked whether they still hold.
const (
	alreadyQuiet = 3 * time.Second
	alreadyLoud  = 60 * time.Second
)

// ban puts a ticket on the list and hands it to the actions. It reports
// whether the ID was not on the list before.
func (s *State) ban(now time.Time, t *ticket.Ticket, at linePlace, reply func(error)) bool {
	if !t.HasBantime {
		t.Bantime, t.HasBantime = s.bantime, true
	}
	if end, ends := t.End(); ends && (t.Bantime <= 0 || now.After(end)) {
		s.log(logbook.Info, logActions, "[%s] Ignore %s, expired bantime", s.name, t.ID)
		s.answer(reply)
		return false
	}
	if known := s.bans.Get(t.ID); known != nil {
		s.again(now, known, t)
		s.answer(reply)
		return false
	}
	if s.spares(now, t) {
		s.answer(reply)
		return false
	}
	s.noteBan(now, t)
	t.BanCount++
	t.Ban = s.newBan(now)
	s.bans.Add(t)
	w := Work{
		Kind: action.Ban, Tickets: copies([]*ticket.Ticket{t}), Restored: t.Restored,
		Manual: reply != nil, Reply: reply,
	}
	w.Position, w.HasPosition = at.position()
	if s.escalation.Increment && !t.Restored {
		e := s.escalation
		w.Escalation = &e
	}
	s.work(w)
	return true
}

func (s *State) answer(reply func(error)) {
	if reply != nil {
		reply(nil)
	}
}

// newBan numbers a ban: the time makes it unique over restarts.
func (s *State) newBan(now time.Time) uint64 {
	s.lastBan = max(s.lastBan+1, uint64(now.UnixMicro()))
	return s.lastBan
}

// again deals with a ban of what is banned already: a later end holds, and
// after some seconds the actions are checked, since it should not have come
// through.
func (s *State) again(now time.Time, known, t *ticket.Ticket) {
	s.extend(known, t)
	age := t.Time.Sub(known.Time)
	level := logbook.Notice
	switch {
	case age < alreadyQuiet:
		level = logbook.Debug
	case age >= alreadyLoud:
		level = logbook.Warning
	}
	s.log(level, logActions, "[%s] %s already banned", s.name, t.ID)
	if age > alreadyQuiet && !now.Before(s.alarms.nextCheck) {
		s.alarms.nextCheck = now.Add(alreadyQuiet)
		c := *known
		s.work(Work{Kind: action.Check, Tickets: []*ticket.Ticket{&c}, Epochs: []int{known.Epoch}})
	}
}

// extend lets a known ban last as long as the new ticket would.
func (s *State) extend(known, t *ticket.Ticket) {
	oldEnd, oldEnds := known.End()
	newEnd, newEnds := t.End()
	switch {
	case !oldEnds || newEnds && !newEnd.After(oldEnd):
		return
	case !newEnds:
		s.bans.SetBantime(known.ID, ticket.Permanent)
	default:
		s.bans.SetBantime(known.ID, wholeSeconds(known.Time, newEnd))
	}
	c := *s.bans.Get(known.ID)
	s.work(Work{Kind: action.Prolong, Tickets: []*ticket.Ticket{&c}})
}

// wholeSeconds is the time between two moments, cut to seconds. A Duration
// would end after 292 years.
func wholeSeconds(from, to time.Time) int64 {
	n := to.Unix() - from.Unix()
	if to.Nanosecond() < from.Nanosecond() {
		n--
	}
	return n
}

// BanNow bans an ID by command: ignore rules and findtime do not count. It
// returns 1 if the ID was not banned, else 0; reply follows when it is done.
func (s *State) BanNow(now time.Time, id ipaddr.ID, who event.Who, reply func(error)) int {
	t := &ticket.Ticket{ID: id, Time: now, First: now, Matches: []ticket.Match{}, Cause: event.Cause{Who: who}}
	if s.ban(now, t, linePlace{}, reply) {
		return 1
	}
	return 0
}

// UnbanNow lifts the bans of these IDs, and of what lies in them where they
// are networks. It returns how many there were; reply follows when all is
// done. Rows in the database go in any case.
func (s *State) UnbanNow(ids []ipaddr.ID, reply func(error)) int {
	var gone []*ticket.Ticket
	var forget []store.Key
	for _, id := range ids {
		lifted := s.removeCovered(id)
		if len(lifted) == 0 {
			s.log(logbook.Msg, logActions, "%s is not banned", id)
		}
		gone = append(gone, lifted...)
		forget = append(forget, store.Key{Jail: s.name, ID: id.String()})
	}
	for _, t := range gone {
		forget = append(forget, store.Key{Jail: s.name, ID: t.ID.String()})
	}
	s.work(Work{Kind: action.Unban, Tickets: copies(gone), Manual: true, Forget: forget, Reply: reply})
	return len(gone)
}

func (s *State) removeCovered(id ipaddr.ID) []*ticket.Ticket {
	if t := s.bans.Remove(id); t != nil {
		return []*ticket.Ticket{t}
	}
	if !id.IsNet() {
		return nil
	}
	var gone []*ticket.Ticket
	for _, t := range s.bans.List() {
		if id.Contains(t.ID) {
			gone = append(gone, s.bans.Remove(t.ID))
		}
	}
	return gone
}

// UnbanAll lifts every ban. Actions that can flush do.
func (s *State) UnbanAll(reply func(error)) int {
	gone := s.bans.List()
	for _, t := range gone {
		s.bans.Remove(t.ID)
	}
	s.work(Work{
		Kind: action.Flush, Tickets: copies(gone), Manual: true,
		Forget: []store.Key{{Jail: s.name}}, Reply: reply,
	})
	return len(gone)
}

// Attempt counts a failure that a command reports, with a weight of the number
// of lines. It returns 0 if the ID is ignored.
func (s *State) Attempt(now time.Time, id ipaddr.ID, lines []string, who event.Who) int {
	t := &ticket.Ticket{ID: id, Time: now, Cause: event.Cause{Who: who}}
	for _, ln := range lines {
		t.Matches = append(t.Matches, ticket.Match{After: ln, Joined: true})
	}
	if v := s.ignore.Check(now, t, s.env); v.Ignore {
		s.logIgnored(id, v.By)
		return 0
	}
	s.log(logbook.Info, logFilter, "[%s] Attempt %s - %s", s.name, id, s.wall(now).Format(stampLayout))
	s.count(now, t, max(1, len(lines)), linePlace{})
	return 1
}
