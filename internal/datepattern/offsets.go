package datepattern

import "time"

const (
	// offsetRows is the number of stretches of time whose offset is kept, and
	// offsetStretch their length as a power of two of seconds: some 97 days.
	offsetRows    = 16
	offsetStretch = 23
)

// offsets gives the offset of a zone at a time. Go evaluates the rule in the
// footer of a zone file each time anew, which costs more than all else that is
// done with a date.
type offsets struct {
	zone *time.Location
	rows [offsetRows]interval
}

// interval is a time with the same offset all along.
type interval struct {
	from, to int64
	east     int32
	summer   bool
}

// at gives the interval around a time.
func (o *offsets) at(unix int64) *interval {
	row := &o.rows[uint64(unix)>>offsetStretch%offsetRows]
	if row.from <= unix && unix < row.to {
		return row
	}
	*row = o.look(unix)
	return row
}

// look asks the zone. The bounds that Go gives are those of a zone's rule in one
// year, without regard to where the rule begins to hold, and without the last
// day of a leap year: an end is believed where the zone says the same of it.
func (o *offsets) look(unix int64) interval {
	t := time.Unix(unix, 0).In(o.zone)
	i := o.bare(t)
	start, end := t.ZoneBounds()
	if !start.IsZero() {
		i.from = start.Unix()
	}
	if !end.IsZero() {
		i.to = end.Unix()
	}
	if i.from > unix || i.to <= unix {
		i.from, i.to = unix, unix+1
		return i
	}
	same := func(unix int64) bool {
		t := time.Unix(unix, 0).In(o.zone)
		from, to := t.ZoneBounds()
		j := o.bare(t)
		return j.east == i.east && j.summer == i.summer && from.Equal(start) && to.Equal(end)
	}
	if !start.IsZero() && !same(i.from) {
		i.from = unix
	}
	if !end.IsZero() && !same(i.to-1) {
		i.to = unix + 1
	}
	return i
}

// The times within which an interval without an end is known: those of a
// calendar of four digits, with a year to spare behind.
const (
	firstUnix = int64(minWall)
	lastUnix  = int64(maxWall) + 366*daySeconds
)

// bare is what holds at a time, with bounds that are wide.
func (o *offsets) bare(t time.Time) interval {
	_, east := t.Zone()
	return interval{from: firstUnix, to: lastUnix, east: int32(east), summer: t.IsDST()}
}
