package jail

import (
	"time"

	"stockade/internal/action"
	"stockade/internal/event"
	"stockade/internal/filter"
	"stockade/internal/ipaddr"
	"stockade/internal/logbook"
	"stockade/internal/source"
	"stockade/internal/store"
	"stockade/internal/ticket"
)

// Message is what a State is driven by.
type Message interface {
	step(s *State, now time.Time)
}

// Step takes one message in and returns what it leads to.
func (s *State) Step(now time.Time, m Message) Effects {
	m.step(s, now)
	return s.take()
}

// unbanRound bounds the bans that are lifted in one step, so that new bans do
// not wait behind a long list of expired ones.
const unbanRound = 1000

// cleanupEvery is how often the failures under watch are looked through.
const cleanupEvery = 5 * time.Second

// Lines are new lines of a source: those of a batch from From up to To, or all
// of them where To is 0.
type Lines struct {
	Batch    *source.Batch
	From, To int
}

// portion is how many lines are dealt with in one step, so that what they lead
// to is not kept waiting, and takes little memory.
const portion = filter.PortionSize

// portions calls f for all of a batch, one portion at a time.
func (m Lines) portions(f func(Lines)) {
	n := len(m.Batch.Lines)
	for from := 0; from < n; from += portion {
		f(Lines{m.Batch, from, min(from+portion, n)})
	}
}

func (m Lines) step(s *State, now time.Time) {
	b := m.Batch
	to := m.To
	if to == 0 {
		to = len(b.Lines)
	}
	in := s.intake(b.Path)
	if p, ok := s.filter.Share(now, b, m.From, to); ok {
		m.takeShared(s, now, in, p)
		return
	}
	for i := m.From; i < to; i++ {
		ln := s.filter.Line(b, i)
		fails, info := s.filter.Process(now, ln)
		if len(info.Records) > 0 {
			s.eff.Logs = append(s.eff.Logs, info.Records...)
		}
		s.noteError(&b.Lines[i], info.Err)
		in.note(now, &info)
		if len(fails) == 0 {
			continue
		}
		at := linePlace{batch: b, line: i}
		for j := range fails {
			s.failure(now, &fails[j], at)
		}
	}
}

// maxErrors is how many lines may fail, each halving less what passes, until
// the jail rests. The reference also pauses at each; a line must not be able
// to hold a jail up, so this one does not.
const maxErrors = 100

// noteError counts a line that could not be dealt with.
func (s *State) noteError(ln *source.Line, err error) {
	if err == nil {
		s.errors /= 2
		return
	}
	s.errors++
	s.log(logbook.Error, logFilter, "Failed to process line: %q, caught exception: %v", ln.Text, err)
	if s.errors < maxErrors || s.idle {
		return
	}
	s.errors /= 2
	s.log(logbook.Error, logFilter, "Too many errors at once (%d), going idle", maxErrors)
	s.Fault("too many errors at once, went idle")
	s.SetIdle(true)
}

// Tick looks after what is due.
type Tick struct{}

func (Tick) step(s *State, now time.Time) {
	if !s.nextCleanup.After(now) {
		s.tally.Cleanup(now, s.limits.FindTime)
		s.nextCleanup = now.Add(cleanupEvery)
	}
	s.calm(now)
	if s.idle {
		return
	}
	due := s.bans.Due(now, unbanRound)
	for _, t := range due {
		s.bans.Remove(t.ID)
	}
	s.work(Work{Kind: action.Unban, Tickets: copies(due)})
}

// Next is when the State wants a Tick, false if it needs none.
func (s *State) Next() (time.Time, bool) {
	var next time.Time
	if end, ok := s.bans.Next(); ok && !s.idle {
		// A ban is over strictly after its end.
		next = end.Add(time.Millisecond)
	}
	if f := &s.safety; (f.alarmed || f.braked) && (next.IsZero() || f.next.Before(next)) {
		next = f.next
	}
	if s.tally.Len() > 0 && (next.IsZero() || s.nextCleanup.Before(next)) {
		next = s.nextCleanup
	}
	return next, !next.IsZero()
}

// Restore takes in the bans of an earlier run, which were read from the
// database with the jail's rules already applied.
type Restore struct{ Bans []store.Ban }

func (m Restore) step(s *State, now time.Time) {
	for i := range m.Bans {
		t := m.Bans[i].Ticket
		t.Restored, t.IntegerTime, t.HasBantime = true, true, true
		t.Cause.Who = event.Who{Kind: "restore"}
		s.judge(now, &t, linePlace{}, true)
	}
}

// Watching takes in the failures that an earlier run had counted.
type Watching struct{ Tickets []*ticket.Ticket }

func (m Watching) step(s *State, now time.Time) {
	s.tally.Put(m.Tickets)
	s.tally.Cleanup(now, s.limits.FindTime)
}

// Answered says that a name or file that somebody waits for is known now.
type Answered struct{}

func (Answered) step(s *State, now time.Time) {
	waiting := s.parked
	s.parked = nil
	for _, p := range waiting {
		switch {
		case p.token != 0:
			s.parked = append(s.parked, p)
		case p.dns != nil:
			s.failure(now, p.dns, p.line)
		default:
			s.judge(now, p.t, p.line, p.restored)
		}
	}
}

// Ignored brings the outcome of an ignorecommand.
type Ignored struct {
	Run    IgnoreRun
	Ignore bool
	Logs   []logbook.Record
}

func (m Ignored) step(s *State, now time.Time) {
	s.eff.Logs = append(s.eff.Logs, m.Logs...)
	for i, p := range s.parked {
		if p.token != m.Run.token {
			continue
		}
		s.parked = append(s.parked[:i], s.parked[i+1:]...)
		s.ignore.Ran(now, p.t, s.env, m.Ignore)
		if m.Ignore {
			s.logIgnored(p.t.ID, "command")
			return
		}
		s.counts(now, p.t, p.line, p.restored)
		return
	}
}

// Known brings the answer to a Lookup.
type Known struct {
	Lookup  Lookup
	History History
}

func (m Known) step(s *State, now time.Time) { m.Lookup.then(s, now, m.History) }

// Call runs a function on the State, as commands do.
type Call struct {
	Fn func(s *State, now time.Time)
	// After is called once what Fn led to was carried out.
	After func()
}

func (m Call) step(s *State, now time.Time) {
	m.Fn(s, now)
	s.takeFilterRecords()
}

// takeFilterRecords logs what changed settings had to say.
func (s *State) takeFilterRecords() {
	s.eff.Logs = append(s.eff.Logs, s.filter.TakeRecords()...)
}

// work appends a job, joining it with the one before where both are alike.
func (s *State) work(w Work) {
	if len(w.Tickets) == 0 && w.Reply == nil {
		return
	}
	if n := len(s.eff.Work); n > 0 {
		last := &s.eff.Work[n-1]
		if last.Kind == w.Kind && last.Restored == w.Restored && !last.Manual && !w.Manual &&
			w.Epochs == nil && last.Epochs == nil &&
			last.Reply == nil && w.Reply == nil && len(last.Tickets) < maxJoined {
			last.Tickets = append(last.Tickets, w.Tickets...)
			if w.HasPosition {
				last.Position, last.HasPosition = w.Position, true
			}
			return
		}
	}
	s.eff.Work = append(s.eff.Work, w)
}

// maxJoined bounds the tickets of one job: the kernel takes a thousand
// elements in one message.
const maxJoined = 1000

func copies(list []*ticket.Ticket) []*ticket.Ticket {
	all := make([]*ticket.Ticket, len(list))
	for i, t := range list {
		c := *t
		all[i] = &c
	}
	return all
}

func (s *State) logIgnored(id ipaddr.ID, by string) {
	if by != "" {
		s.log(logbook.Info, logFilter, "[%s] Ignore %s by %s", s.name, id, by)
	}
}
