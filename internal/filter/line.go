package filter

import (
	"fmt"
	"time"

	"stockade/internal/datepattern"
	"stockade/internal/event"
	"stockade/internal/logbook"
	"stockade/internal/pyre"
	"stockade/internal/ticket"
)

// inherit is how long a line without a date may take the date of an earlier
// one.
const inherit = 60 * time.Second

// lineState is the line at hand, cut into the text before its date, the date
// and the text after it. text holds them as [date][before][after]\n, so that
// what the rules search lies in one piece behind the date.
type lineState struct {
	text           []byte
	nDate, nBefore int
	// cut says that the date was cut out of the line; else it is a borrowed one
	// that does not stand in it.
	cut bool
	// str is text as a string, made once there is something to report.
	str string

	time    time.Time
	hasTime bool
	integer bool
	// given says that the source knew the time.
	given bool
	// undated says that the line had no valid date of its own.
	undated bool
	// odd is by how much the date was corrected.
	odd time.Duration

	// budget is what searches may still cost, quarter what one may, share what
	// the present one has left.
	budget, quarter int
	share           pyre.Budget
	place           event.Place
}

// lastDate is the date of an earlier line.
type lastDate struct {
	time    time.Time
	known   bool
	integer bool
	text    []byte
}

// body is what the rules search: the line without its date, and a newline.
func (l *lineState) body() []byte { return l.text[l.nDate:] }

// set puts the three parts together. b may alias nothing of l.text.
func (l *lineState) set(before, date, after []byte) {
	t := append(l.text[:0], date...)
	t = append(t, before...)
	t = append(t, after...)
	l.text = append(t, '\n')
	l.nDate, l.nBefore = len(date), len(before)
}

// string is the text as a string; all that is kept of a line are parts of it.
func (l *lineState) string() string {
	if l.str == "" {
		l.str = string(l.text)
	}
	return l.str
}

func (l *lineState) match() ticket.Match {
	s := l.string()
	body := s[l.nDate : len(s)-1]
	return ticket.Match{Before: body[:l.nBefore], Date: s[:l.nDate], After: body[l.nBefore:]}
}

// ready prepares a line.
func (f *Filter) ready(ln *Line) error {
	err := f.takeLine(ln)
	// The default date templates are loaded when the first line comes.
	f.logDates()
	if err != nil {
		return err
	}
	if f.settings.ageChecks && f.line.hasTime && ln.InOperation {
		f.correctOdd()
	}
	return nil
}

// takeLine decodes a line, finds its time and cuts it. The error is what the
// reference raises.
func (f *Filter) takeLine(ln *Line) error {
	l := &f.line
	l.str, l.undated, l.cut, l.hasTime, l.integer, l.given = "", false, false, false, false, ln.Given != nil
	l.place, l.odd = ln.Place, 0
	text := f.decode(ln)
	budget := pyre.LineBudget(len(text))
	l.budget, l.quarter = budget.Left, budget.Left/4
	if g := ln.Given; g != nil {
		f.given = append(f.given[:0], g.Before...)
		f.given = append(f.given, g.Date...)
		before, date := f.given[:len(g.Before)], f.given[len(g.Before):]
		l.set(before, date, text)
		l.time, l.hasTime, l.integer = g.Time, true, g.IntegerTime
		f.remember(date)
		return nil
	}
	return f.takeDate(text, ln.InOperation)
}

// takeDate finds the date in the text.
func (f *Filter) takeDate(text []byte, inOperation bool) error {
	l := &f.line
	l.share = pyre.Budget{Left: l.quarter}
	hit, ok, err := f.dates.Match(f.machine, text, &l.share)
	l.budget -= l.quarter - l.share.Left
	if err != nil {
		f.overBudget("datepattern", 0, "", text)
		ok = false
	}
	switch {
	case !ok:
		l.set(nil, nil, text)
	case hit.Start == hit.End && f.recent():
		l.set(nil, f.last.text, text)
		l.time, l.integer, l.hasTime = f.last.time, f.last.integer, true
	case hit.Start == hit.End:
		l.set(text[:hit.Start], nil, text[hit.End:])
		l.time, l.hasTime = f.now, true
	default:
		if err := f.readDate(text, hit); err != nil {
			return err
		}
	}
	if !l.hasTime {
		f.withoutDate(text, inOperation)
	}
	return nil
}

// readDate takes the time at a hit and cuts it out.
func (f *Filter) readDate(text []byte, hit datepattern.Hit) error {
	l := &f.line
	date := text[hit.Start:hit.End]
	l.set(text[:hit.Start], date, text[hit.End:])
	l.cut = true
	t, ok, err := f.dates.Time(text, hit)
	if err != nil {
		return err
	}
	if !ok {
		f.log(logbook.Error, fmt.Sprintf("findFailure failed to parse timeText: %s", date))
		return nil
	}
	l.time, l.hasTime, l.integer = t.Time, true, t.Integer
	f.remember(date)
	return nil
}

// remember keeps the line's time for later lines without one.
func (f *Filter) remember(date []byte) {
	f.last.time, f.last.known, f.last.integer = f.line.time, true, f.line.integer
	f.last.text = append(f.last.text[:0], date...)
}

// recent tells whether an earlier date may still be used.
func (f *Filter) recent() bool {
	return f.last.known && f.last.time.After(f.now.Add(-inherit))
}

// withoutDate gives an undated line the date of an earlier one, or the present.
func (f *Filter) withoutDate(text []byte, inOperation bool) {
	l := &f.line
	l.undated = true
	switch {
	case f.recent():
		l.cut = false
		l.set(nil, f.last.text, text)
		l.time, l.integer, l.hasTime = f.last.time, f.last.integer, true
	case f.settings.ageChecks && inOperation:
		l.time, l.hasTime = f.now, true
	}
}
