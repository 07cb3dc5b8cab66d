package jail

import (
	"time"

	"stockade/internal/filter"
	"stockade/internal/ticket"
)

// mates tells with whom a jail that reads a single file, or the journal, can
// share its work, nil for nobody. With several files the lines of one come
// between those of another, for each jail in an order of its own.
func (j *Jail) mates(sources int) any {
	if !j.svc.Share || sources != 1 {
		j.state.filter.Leave()
		return nil
	}
	return j.state.filter.Join()
}

// takeShared takes in what came of a portion of lines that others may have
// looked at.
func (m Lines) takeShared(s *State, now time.Time, in *intake, p *filter.Portion) {
	b, next := m.Batch, m.From
	met := s.metFailures(p)
	text := s.inName(met)
	for i := range p.Rows {
		row := &p.Rows[i]
		s.errors >>= min(row.Line-next, maxShift)
		next = row.Line + 1
		if len(row.Records) > 0 {
			s.eff.Logs = append(s.eff.Logs, row.Records.For(s.name)...)
		}
		s.noteError(&b.Lines[row.Line], row.Err)
		if len(row.Fails) == 0 {
			continue
		}
		at := linePlace{batch: b, line: row.Line}
		for k := range row.Fails {
			n := len(s.name) + len("[]") + len(met[0].text)
			s.met, s.metText = &met[0], text[:n]
			if s.onlyCountsShared(now, s.met) {
				s.judge(now, &s.met.ticket, at, false)
			} else {
				s.failure(now, &row.Fails[k], at)
			}
			met, text = met[1:], text[n:]
		}
	}
	s.met, s.metText = nil, ""
	s.errors >>= min(m.From+int(p.Dates.Lines)-next, maxShift)
	in.noteAll(now, &p.Dates)
}

// metFailure is what all jails make of a failure: it is made by the first, and
// then only read.
type metFailure struct {
	// ticket is that of the failure where it only counts; plain says that no
	// jail needs another.
	ticket ticket.Ticket
	plain  bool
	// text is what the log says of it, behind the jail's name; the ID stands
	// there from idFrom to idTo.
	text         string
	idFrom, idTo int
}

// metFailures are the failures of a portion, in order.
func (s *State) metFailures(p *filter.Portion) []metFailure {
	if met, ok := p.Notes.Load().([]metFailure); ok {
		return met
	}
	n := 0
	for i := range p.Rows {
		n += len(p.Rows[i].Fails)
	}
	met := make([]metFailure, 0, n)
	for i := range p.Rows {
		for k := range p.Rows[i].Fails {
			f := &p.Rows[i].Fails[k]
			x := metFailure{plain: f.DNS == "" && f.HasTime && !f.Data.HasIP()}
			fillTicket(&x.ticket, f.Time, f)
			s.text, x.idFrom, x.idTo = s.appendFound(s.text[:0], f.ID, f.Time)
			x.text = string(s.text)
			met = append(met, x)
		}
	}
	p.Notes.Store(met)
	return met
}

// inName puts the jail's name in brackets before each text, all in one piece.
func (s *State) inName(met []metFailure) string {
	b := s.text[:0]
	for i := range met {
		b = append(append(append(append(b, '['), s.name...), ']'), met[i].text...)
	}
	s.text = b
	return string(b)
}

// onlyCountsShared is onlyCounts for a failure whose ticket nobody may change.
func (s *State) onlyCountsShared(now time.Time, x *metFailure) bool {
	return x.plain && !x.ticket.Time.After(now) && s.tally.Get(x.ticket.ID) != nil && s.ignore.Direct()
}

// maxShift halves any count of errors away.
const maxShift = 16

// noteAll is note for many lines.
func (in *intake) noteAll(now time.Time, d *filter.Dates) {
	in.lines += d.Lines
	in.undated += d.Undated
	in.odd += d.Odd
	in.readAt = now
	if !d.UndatedOnly {
		in.undatedRun = 0
	}
	if !d.OddOnly {
		in.oddRun = 0
	}
	in.undatedRun += d.UndatedRun
	in.oddRun += d.OddRun
	if !d.Last.IsZero() {
		in.dated = d.Last
	}
	if d.OddBy != 0 {
		in.oddBy = d.OddBy
	}
}
