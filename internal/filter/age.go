package filter

import (
	"fmt"
	"time"

	"stockade/internal/logbook"
)

const (
	// odd is how far the time of a line may be from the present while a log is
	// followed.
	odd = 60 * time.Second
	// latency is the lag below which a delay is the likelier reason than a wrong
	// time zone.
	latency = 3300 * time.Second
	// repeat is the time in which the same warning is given once.
	repeat = 24 * time.Hour
)

// correctOdd takes a time that is far from the present for the present.
func (f *Filter) correctOdd() {
	l := &f.line
	d := l.time.Sub(f.now).Truncate(time.Second)
	if d <= odd && d >= -odd {
		return
	}
	l.odd = d
	l.time, l.integer = f.now, false
	f.last.time, f.last.integer = f.now, false
}

// checkAge tells whether the line is to be searched, and of a time that was
// off.
func (f *Filter) checkAge(ln *Line) bool {
	l := &f.line
	if l.odd != 0 {
		f.warnOdd(l.odd)
	}
	if !f.settings.ageChecks || !l.hasTime || ln.InOperation {
		return true
	}
	if l.time.Before(f.now.Add(-f.settings.findTime)) {
		if f.onceADay("old") {
			f.warn(fmt.Sprintf("Lines older than findtime (%ss) are left out while the log is caught up with.", seconds(f.settings.findTime)))
			f.warn("The first such line: " + f.fullText())
		}
		return false
	}
	return true
}

func (f *Filter) warnOdd(d time.Duration) {
	if !f.onceADay("odd") {
		return
	}
	side, cause := "after", "a wrong time zone"
	if d < 0 {
		side = "before"
		if d >= -latency {
			cause = "a delay in logging"
		}
	}
	f.warn(fmt.Sprintf("A line is dated %s %s the present, which looks like %s. Such lines are taken as happening now.", d.Abs(), side, cause))
	f.warn("The line with the odd time: " + f.fullText())
}

// warnUndated tells of a match in a line without a valid date.
func (f *Filter) warnUndated() {
	if !f.onceADay("undated") {
		return
	}
	m := f.line.match()
	if n := len(f.buf.original); n > 0 {
		m = f.buf.original[n-1].match()
	}
	f.warn(fmt.Sprintf("A line matched that has no valid date, only '%s'.", m.Date))
	f.warn("Match without a timestamp: " + m.Text())
	f.warn("A datepattern that fits this log would help (see jail.conf(5)).")
}

// onceADay tells whether this warning is due again.
func (f *Filter) onceADay(what string) bool {
	if next, ok := f.once[what]; ok && f.now.Before(next) {
		return false
	}
	f.once[what] = f.now.Add(repeat)
	return true
}

func (f *Filter) warn(text string) {
	f.log(logbook.Warning, "["+f.name+"] "+text)
}

// fullText is the line with its date, for messages.
func (f *Filter) fullText() string { return f.line.match().Text() }
