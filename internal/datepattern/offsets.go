package datepattern

import "time"

const (
	// offsetRows is the number of stretches of time whose offsets are kept, and
	// offsetStretch their length as a power of two of seconds: some 48 days, in
	// which an offset changes once, or a year ends.
	offsetRows    = 32
	offsetStretch = 22
)

// offsets gives the offset of a zone at a time. Go evaluates the rule in the
// footer of a zone file each time anew, which costs more than all else that is
// done with a date.
type offsets struct {
	zone *time.Location
	rows [offsetRows][2]interval
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
	for i := range row {
		if row[i].from <= unix && unix < row[i].to {
			return &row[i]
		}
	}
	row[1], row[0] = row[0], o.look(unix)
	return &row[0]
}

// lastUnix is behind the end of the calendar.
const lastUnix = int64(maxWall) + 366*daySeconds

// look asks the zone. The bounds that Go gives are those of a zone's rule in one
// year, without regard to where the rule begins to hold, and without the last
// day of a leap year: an end is believed where the zone says the same of it.
func (o *offsets) look(unix int64) interval {
	t := time.Unix(unix, 0).In(o.zone)
	_, east := t.Zone()
	i := interval{to: lastUnix, east: int32(east), summer: t.IsDST()}
	start, end := t.ZoneBounds()
	if !start.IsZero() {
		i.from = max(start.Unix(), 0)
	}
	if !end.IsZero() {
		i.to = end.Unix()
	}
	if i.from > unix || i.to <= unix {
		i.from, i.to = unix, unix+1 // before 1970 Go's bounds are a day apart
		return i
	}
	same := func(unix int64) bool {
		from, to := time.Unix(unix, 0).In(o.zone).ZoneBounds()
		return from.Equal(start) && to.Equal(end)
	}
	if !start.IsZero() && !same(i.from) {
		i.from = unix
	}
	if !end.IsZero() && !same(i.to-1) {
		i.to = unix + 1
	}
	return i
}
