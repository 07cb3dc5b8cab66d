package jail

import (
	"time"

	"stockade/internal/filter"
	"stockade/internal/ipaddr"
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
	texts := s.foundTexts(p)
	all := s.inName(texts)
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
			n := len(s.name) + len("[]") + len(texts[0].text)
			s.found, s.foundLine = &texts[0], all[:n]
			s.failure(now, &row.Fails[k], at)
			texts, all = texts[1:], all[n:]
		}
	}
	s.found, s.foundLine = nil, ""
	s.errors >>= min(m.From+int(p.Dates.Lines)-next, maxShift)
	in.noteAll(now, &p.Dates)
}

// foundText is what the log says of a failure of an ID at a time, behind the
// jail's name: all jails say the same.
type foundText struct {
	id   ipaddr.ID
	time time.Time
	text string
	// from and to are where the ID stands in the text.
	from, to int
}

// inName puts the jail's name in brackets before each text, all in one piece.
func (s *State) inName(texts []foundText) string {
	b := s.text[:0]
	for i := range texts {
		b = append(append(append(append(b, '['), s.name...), ']'), texts[i].text...)
	}
	s.text = b
	return string(b)
}

// foundTexts are the texts for all failures of a portion, in order.
func (s *State) foundTexts(p *filter.Portion) []foundText {
	if texts, ok := p.Notes.Load().([]foundText); ok {
		return texts
	}
	texts := []foundText{}
	for i := range p.Rows {
		for k := range p.Rows[i].Fails {
			f := &p.Rows[i].Fails[k]
			b, from, to := s.appendFound(s.text[:0], f.ID, f.Time)
			s.text = b
			texts = append(texts, foundText{f.ID, f.Time, string(b), from, to})
		}
	}
	p.Notes.Store(texts)
	return texts
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
