package filter

import (
	"maps"
	"slices"
	"time"

	"stockade/internal/logbook"
	"stockade/internal/pyre"
)

// desk decodes lines, finds their dates and cuts them, once for all filters that
// read a source with the same encoding and date patterns.
type desk struct {
	ring[prepared]
	path string
	// prep is a filter without rules that does the work, under the ring's lock.
	prep *Filter
}

// prepared is a line without its date, as it is searched.
type prepared struct {
	line    lineState
	err     error
	records []logbook.Record
	given   int // searches that were given up
}

// deskSeat is a filter's place at a desk.
type deskSeat struct {
	*seat[prepared]
	desk *desk
	// left are lines that were prepared before the filter left the desk.
	left []keyedLine
}

type keyedLine struct {
	key lineKey
	prepared
}

func keyOf(ln *Line) lineKey { return lineKey{ln.Place.Inode, ln.Place.Offset, len(ln.Text)} }

// prepareAtDesk takes a line from the desk. It is not ok where the filter has to
// do that itself, from now on.
func (f *Filter) prepareAtDesk(ln *Line) (ok bool, err error) {
	p := f.deskLine(ln)
	if p == nil {
		return false, nil
	}
	place := ln.Place
	f.line = p.line
	f.line.shared = true
	f.line.place = place
	f.takeRecords(p.records)
	f.tally.total += p.given
	return true, p.err
}

func (f *Filter) deskLine(ln *Line) *prepared {
	d, key := &f.desk, keyOf(ln)
	if len(d.left) > 0 {
		p := &d.left[0]
		if d.left = d.left[1:]; len(d.left) == 0 || p.key != key {
			d.left = nil
		}
		if p.key == key {
			return &p.prepared
		}
	}
	if d.seat == nil {
		return nil
	}
	if ln.Given != nil || ln.Place.Path != d.desk.path || !d.sure && !d.start(key) {
		f.leaveDesk()
		return nil
	}
	for {
		if p := d.known(key); p != nil {
			return p
		}
		p, again := d.claim(key)
		if p != nil {
			d.desk.prep.prepare(f.now, ln, p)
			d.publish()
			return p
		}
		if !again {
			f.leaveDesk()
			return f.deskLine(ln)
		}
	}
}

// prepare fills a row of the desk.
func (f *Filter) prepare(now time.Time, ln *Line, p *prepared) {
	f.now, f.records = now, f.records[:0]
	given := f.tally.total
	p.err = f.takeLine(ln)
	if p.err == nil && f.settings.ageChecks && f.line.hasTime && ln.InOperation {
		f.correctOdd()
	}
	f.logDates()
	text := append(p.line.text[:0], f.line.text...)
	p.line = f.line
	p.line.text, p.line.str = text, ""
	p.records = append(p.records[:0], f.records...)
	p.given = f.tally.total - given
}

// leaveDesk makes the filter prepare its lines itself.
func (f *Filter) leaveDesk() {
	d := &f.desk
	if d.seat == nil {
		return
	}
	seat := d.seat
	d.seat = nil
	seat.leave(func(key lineKey, p *prepared) {
		c := *p
		c.line.text, c.records = slices.Clone(p.line.text), slices.Clone(p.records)
		d.left = append(d.left, keyedLine{key, c})
	}, func(bool) {
		if seat.started {
			f.takeDates(d.desk.prep)
		}
	})
}

// takeDates takes over what another filter knows of dates, and what it has
// warned of.
func (f *Filter) takeDates(from *Filter) {
	f.dates = from.dates.Clone(f.env)
	f.last, f.read = from.last, from.read
	f.last.text, f.read.text = slices.Clone(from.last.text), slices.Clone(from.read.text)
	maps.Copy(f.once, from.once)
}

// deskFor makes the desk at which a fresh filter's lines can be prepared.
func deskFor(f *Filter, path string) *desk {
	prep := New(f.base)
	prep.name = sharedName
	prep.settings = f.settings
	prep.machine = pyre.NewMachine()
	prep.takeDates(f)
	return &desk{path: path, prep: prep}
}
