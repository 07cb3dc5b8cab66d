package jail

import (
	"slices"
	"strings"
	"time"

	"stockade/internal/action"
	"stockade/internal/event"
	"stockade/internal/ipaddr"
	"stockade/internal/logbook"
	"stockade/internal/ticket"
)

// Settled says that a job is done: the actions answered, and the database has
// what was to be stored.
type Settled struct {
	Work    Work
	Results []action.Result
	// Grown holds, for a job with an Escalation, what became of the ban times.
	Grown []Grown
}

// Grown is the escalated ban time of one ticket.
type Grown struct {
	History History
	// Bantime in seconds; that of the ticket where nothing changed.
	Bantime int64
	// Err says why the ban time could not be computed, Unread why nothing is
	// known of earlier bans.
	Err, Unread error
}

func (m Settled) step(s *State, now time.Time) {
	for i, t := range m.Work.Tickets {
		r := m.result(i)
		switch m.Work.Kind {
		case action.Ban:
			s.banned(now, t, r, m.grown(i))
		case action.Unban, action.Flush:
			s.report(logbook.Notice, event.Unban, now, t, "Unban")
		case action.Reban:
			s.rebanned(now, t, r)
		case action.Check:
			s.checked(t, r, m.Work.Epochs[i])
		}
		if m.Work.Kind != action.Ban && m.Work.Kind != action.Reban {
			s.eff.Logs = append(s.eff.Logs, r.Logs...)
		}
		s.noteRefusal(t, r)
	}
	if m.Work.Reply != nil {
		m.Work.Reply(nil)
	}
}

func (m Settled) result(i int) action.Result {
	if i < len(m.Results) {
		return m.Results[i]
	}
	return action.Result{}
}

func (m Settled) grown(i int) *Grown {
	if i < len(m.Grown) {
		return &m.Grown[i]
	}
	return nil
}

// report logs and publishes what happened to one ticket.
func (s *State) report(level logbook.Level, kind event.Kind, now time.Time, t *ticket.Ticket, word string) {
	s.log(level, logActions, "[%s] %s %s", s.name, word, t.ID)
	s.event(banEvent(kind, now, t))
}

func banEvent(kind event.Kind, now time.Time, t *ticket.Ticket) event.Event {
	e := event.Event{
		Time: now, Kind: kind, ID: t.ID.String(), Ban: t.Ban,
		Bantime: t.Bantime, Count: t.BanCount, Cause: t.Cause,
	}
	if end, ends := t.End(); ends {
		e.Until = end
	}
	return e
}

func (s *State) banned(now time.Time, t *ticket.Ticket, r action.Result, g *Grown) {
	live := s.bans.Get(t.ID)
	if live != nil && live.Ban == t.Ban {
		live.Epoch = r.Epoch
	}
	if t.Restored {
		s.report(logbook.Notice, event.Restore, now, t, "Restore Ban")
	} else {
		s.report(logbook.Notice, event.Ban, now, t, "Ban")
	}
	s.eff.Logs = append(s.eff.Logs, r.Logs...)
	if g == nil || live == nil || live.Ban != t.Ban {
		return
	}
	if g.Unread != nil && !slices.Contains(s.faults, faultHistory) {
		s.log(logbook.Error, logObserver, "[%s] %s: %v", s.name, faultHistory, g.Unread)
		s.Fault(faultHistory)
	}
	if g.Err != nil {
		s.log(logbook.Error, logObserver, "[%s] Cannot compute the ban time of %s: %v", s.name, t.ID, g.Err)
		s.Fault(g.Err.Error())
	}
	s.prolong(now, t, live, g)
}

// prolong applies an escalated ban time: first the ban with the old time was
// reported, then come reason and new end.
func (s *State) prolong(now time.Time, t, live *ticket.Ticket, g *Grown) {
	if g.History.Count == 0 {
		return
	}
	s.log(logbook.Info, logObserver, "[%s] IP %s is bad: %d # last %s - incr %s to %s", s.name, t.ID,
		g.History.Count, s.wall(g.History.Last).Format(stampLayout), duration(t.Bantime), duration(g.Bantime))
	live.BanCount = g.History.Count + 1
	if g.Bantime == t.Bantime {
		return
	}
	s.bans.SetBantime(t.ID, g.Bantime)
	end, _ := live.End()
	s.log(logbook.Notice, logObserver, "[%s] Increase Ban %s (%d # %s -> %s)", s.name, t.ID,
		live.BanCount, duration(g.Bantime), s.wall(end).Format(stampLayout))
	s.event(banEvent(event.Extend, now, live))
	s.work(Work{Kind: action.Prolong, Tickets: copies([]*ticket.Ticket{live})})
}

// checked looks at the outcome of a consistency check: where an action had to
// repair itself, this ban may be gone and is made again.
func (s *State) checked(t *ticket.Ticket, r action.Result, epoch int) {
	live := s.bans.Get(t.ID)
	if live == nil || r.Epoch <= epoch {
		return
	}
	s.work(Work{Kind: action.Reban, Tickets: copies([]*ticket.Ticket{live}), Epochs: []int{epoch}})
}

func (s *State) rebanned(now time.Time, t *ticket.Ticket, r action.Result) {
	if live := s.bans.Get(t.ID); live != nil {
		live.Epoch = r.Epoch
	}
	suffix := ""
	if len(r.Actions) == 1 {
		suffix = ", action '" + r.Actions[0] + "'"
	}
	s.log(logbook.Notice, logActions, "[%s] Reban %s%s", s.name, t.ID, suffix)
	s.eff.Logs = append(s.eff.Logs, r.Logs...)
	s.event(banEvent(event.Reban, now, t))
}

// noteRefusal makes a ban that was not enforced visible beyond the log.
func (s *State) noteRefusal(t *ticket.Ticket, r action.Result) {
	if r.Err == nil {
		return
	}
	s.refused++
	text, _, _ := strings.Cut(r.Err.Error(), "\n")
	s.lastRefusal = t.ID.String() + ": " + text
}

// Refused counts the operations that an enforcing action failed at, with the
// latest one as text.
func (s *State) Refused() (int, string) { return s.refused, s.lastRefusal }

// stopped reports the end of the jail: what the actions had to say, and that
// the bans were lifted, unless they stay in the kernel for a successor.
func (s *State) stopped(now time.Time, mode action.StopMode, logs []logbook.Record) {
	s.eff.Logs = append(s.eff.Logs, logs...)
	if mode == action.Leave {
		return
	}
	for _, t := range s.bans.List() {
		s.report(logbook.Notice, event.Unban, now, t, "Repeal Ban")
	}
}

// refuse answers a job that comes too late to be done.
func (w *Work) refuse() {
	if w.Reply != nil {
		w.Reply(ErrStopped)
	}
}

// Has tells whether an ID is banned.
func (s *State) Has(id ipaddr.ID) bool { return s.bans.Get(id) != nil }
