package jail

import (
	"time"

	"stockade/internal/event"
	"stockade/internal/filter"
)

// mates tells with whom a jail that reads a single file can share its work, nil
// for nobody. With several the lines of one come between those of another, for
// each jail in an order of its own.
func (j *Jail) mates(files int) any {
	if !j.svc.Share || files != 1 {
		j.state.filter.Leave()
		return nil
	}
	return j.state.filter.Join()
}

// takeShared takes in what came of a portion of lines that others may have
// looked at.
func (m Lines) takeShared(s *State, now time.Time, in *intake, p *filter.Portion) {
	b, next := m.Batch, m.From
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
		at := linePlace{place: event.Place{Path: b.Path, Inode: b.Inode, Offset: b.Lines[row.Line].Offset}}
		at.position, at.hasPosition = b.Position(row.Line)
		for k := range row.Fails {
			s.failure(now, &row.Fails[k], at)
		}
	}
	s.errors >>= min(m.From+int(p.Dates.Lines)-next, maxShift)
	in.noteAll(now, &p.Dates)
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
