package filter

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"stockade/internal/logbook"
	"stockade/internal/source"
)

// team are filters of one kind with the same knowledge, those of jails that
// differ in how they ban. What comes of a line is found out once, by the first
// who comes to it, and stands on a sheet that is pinned to the batch: there the
// others find it for as long as they have the batch. Nobody waits for a member
// that is slow or stands still; who is not given the batches that the others
// are given goes on by itself, with the knowledge of the team at that place,
// and joins again, or another team, once it is given the same batches and knows
// the same.
type team struct {
	mu sync.Mutex
	// one does the work.
	one *Filter
	// at is the end of the last sheet that was begun, company who was given its
	// batch.
	at      *mark
	company uint64
	// wanted says that somebody asks for the knowledge at the next mark.
	wanted atomic.Bool
	// After a team that looked like this one turned out to know something else,
	// rest batches pass until it is tried again, and the next time more.
	rest, pause int
}

// maxPause bounds the pause between two attempts to join another team.
const maxPause = 1024

// mark is a place between two batches.
type mark struct {
	// after is what the team knew at that place, where somebody needs it.
	after atomic.Pointer[knowledge]
}

// sheet holds what came of the lines of a batch.
type sheet struct {
	team     *team
	kind     Kind
	from, to *mark
	portions []Portion
	done     atomic.Int64 // portions
}

// member is a filter's place in a team.
type member struct {
	shares bool
	// kinds are those while a log is caught up with, and in operation; zero for
	// those that were not asked for yet.
	kinds [2]Kind
	// team is nil while the filter works for itself, at the place it has come
	// to.
	team *team
	at   *mark
	// leaving says that the settings have changed, but that the team has gone on
	// before that was known.
	leaving bool
	sheet   *sheet
	batch   *source.Batch
}

// takeSeat finds the sheet for a batch, or begins one; where the work on the
// batch is not shared there is none.
func (f *Filter) takeSeat(b *source.Batch) {
	m := &f.member
	m.sheet, m.batch = nil, nil
	if m.leaving {
		f.leave()
	}
	if b.Company == 0 || !m.leaving && !f.shareable() {
		f.goAlone()
		return
	}
	board := b.Board
	board.Lock()
	defer board.Unlock()
	sh := f.sheetOfTeam(board, b)
	if sh == nil {
		sh = f.sheetOfOthers(board, b)
	}
	m.team, m.at, m.sheet, m.batch = sh.team, sh.to, sh, b
}

// sheetOfTeam is the sheet of the filter's team, if the team comes by here.
func (f *Filter) sheetOfTeam(board *source.Board, b *source.Batch) *sheet {
	m, t := &f.member, f.member.team
	if t == nil {
		return nil
	}
	for _, note := range board.Notes {
		if sh, ok := note.(*sheet); ok && sh.team == t && sh.from == m.at {
			return sh
		}
	}
	t.mu.Lock()
	first := t.at == m.at && !m.leaving
	if !first {
		t.mu.Unlock()
		f.goAlone()
		return nil
	}
	defer t.mu.Unlock()
	kind := f.kind(b.InOperation)
	if sh := t.another(board, kind); sh != nil {
		return sh
	}
	return t.begin(board, b, kind)
}

// another finds the sheet of a team that knows the same.
func (t *team) another(board *source.Board, kind Kind) *sheet {
	if t.rest > 0 {
		t.rest--
		return nil
	}
	sh, tried := alike(board, kind, t.one)
	if sh == nil && tried {
		t.rest = t.pause
		t.pause = min(2*t.pause+1, maxPause)
	}
	return sh
}

// sheetOfOthers is the sheet of a team that the filter can join, or founds one.
func (f *Filter) sheetOfOthers(board *source.Board, b *source.Batch) *sheet {
	kind := f.kind(b.InOperation)
	if sh, _ := alike(board, kind, f); sh != nil {
		return sh
	}
	k := f.knowledge()
	t := &team{one: f.twin(k), at: &mark{}, company: b.Company}
	t.at.after.Store(k)
	return t.begin(board, b, kind)
}

// alike finds a sheet of the same kind that was begun with the same knowledge.
// tried says that some had another.
func alike(board *source.Board, kind Kind, f *Filter) (found *sheet, tried bool) {
	for _, note := range board.Notes {
		sh, ok := note.(*sheet)
		if !ok || sh.kind != kind {
			continue
		}
		k := sh.from.after.Load()
		if k == nil {
			sh.team.wanted.Store(true)
			continue
		}
		if tried = true; k.isOf(f) {
			return sh, true
		}
	}
	return nil, tried
}

// begin begins a sheet. Where the company is another than before, somebody who
// was with the team is not given this batch, or another team is: they need to
// know what is known here. The lock is held, or the team is new.
func (t *team) begin(board *source.Board, b *source.Batch, kind Kind) *sheet {
	if (t.wanted.Swap(false) || t.company != b.Company) && t.at.after.Load() == nil {
		t.at.after.Store(t.one.knowledge())
	}
	t.company = b.Company
	sh := &sheet{
		team: t, kind: kind, from: t.at, to: &mark{},
		portions: make([]Portion, (len(b.Lines)+PortionSize-1)/PortionSize),
	}
	t.at = sh.to
	board.Notes = append(board.Notes, sh)
	return sh
}

// portion finds out what comes of the lines up to the end of a portion, as far
// as that is not known.
func (s *sheet) portion(now time.Time, i int, b *source.Batch) *Portion {
	if int(s.done.Load()) <= i {
		s.team.mu.Lock()
		defer s.team.mu.Unlock()
		for k := int(s.done.Load()); k <= i; k++ {
			s.team.work(&s.portions[k], now, b, k*PortionSize, min((k+1)*PortionSize, len(b.Lines)))
			s.done.Store(int64(k) + 1)
		}
	}
	return &s.portions[i]
}

// work fills a portion.
func (t *team) work(p *Portion, now time.Time, b *source.Batch, from, to int) {
	one := t.one
	given := one.tally.total
	p.Dates = Dates{UndatedOnly: true, OddOnly: true}
	var all []Failure
	for i := from; i < to; i++ {
		fails, info := one.Process(now, one.Line(b, i))
		p.Dates.note(now, &info)
		if len(fails) == 0 && len(info.Records) == 0 && info.Err == nil {
			continue
		}
		if p.Rows == nil {
			p.Rows, all = make([]Row, 0, to-i), make([]Failure, 0, to-i)
		}
		n := len(all)
		all = append(all, fails...)
		p.Rows = append(p.Rows, Row{Line: i, Fails: all[n:], Records: slices.Clone(info.Records), Err: info.Err})
	}
	p.given = one.tally.total - given
}

// leave makes the filter work for itself, with all that the team knows. Where
// the team has gone on already, that has to wait until the filter comes to a
// place of which is known what was known there.
func (f *Filter) leave() {
	m, t := &f.member, f.member.team
	t.mu.Lock()
	defer t.mu.Unlock()
	k := m.at.after.Load()
	switch {
	case k != nil:
		f.learn(k)
	case t.at == m.at && m.isDone():
		f.learn(t.one.knowledge())
	default:
		t.wanted.Store(true)
		m.leaving = true
		return
	}
	m.team, m.at, m.leaving = nil, nil, false
}

// isDone says that all of the batch was dealt with.
func (m *member) isDone() bool {
	return m.sheet == nil || int(m.sheet.done.Load()) == len(m.sheet.portions)
}

// goAlone is leave for one that has to.
func (f *Filter) goAlone() {
	m, t := &f.member, f.member.team
	if t == nil {
		return
	}
	if f.leave(); m.team == nil {
		return
	}
	// It is here by a way that the team did not come: what the team knows now is
	// as near as it gets.
	t.mu.Lock()
	f.learn(t.one.knowledge())
	t.mu.Unlock()
	m.team, m.at, m.leaving = nil, nil, false
}

// sharedName stands for the filter's name in records of work that is shared.
const sharedName = "\x00"

// Records are to be logged by everybody in his own name.
type Records []logbook.Record

// For gives the records as the jail logs them.
func (r Records) For(jail string) []logbook.Record {
	list := slices.Clone(r)
	for i := range list {
		list[i].Text = strings.ReplaceAll(list[i].Text, "["+sharedName+"]", "["+jail+"]")
	}
	return list
}
