package datepattern

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"stockade/internal/pyobj"
	"stockade/internal/pyre"
)

// Time reads the time at a hit in its line. A false result without error is a
// date that cannot be ("30 Feb"): the text is cut, the time unknown. An error
// is what makes Fail2ban give up the line, such as an unknown zone name.
func (d *Detector) Time(line []byte, h Hit) (Stamp, bool, error) {
	r := &d.memo.slot[h.slot]
	if r.serial == h.serial && r.serial != 0 {
		shift := int(h.shift)
		if stamp, ok := d.known(r, line, shift); ok {
			return stamp, true, nil
		}
		return d.read(r.winner.template, &r.spans, line, shift, r)
	}
	return d.readAgain(line, h)
}

// readAgain searches a line anew whose groups are no longer kept.
func (d *Detector) readAgain(line []byte, h Hit) (Stamp, bool, error) {
	if h.Template < 0 || h.Template >= len(d.added) {
		return Stamp{}, false, nil
	}
	if d.again == nil {
		d.again = pyre.NewMachine()
	}
	t := d.added[h.Template].template
	budget := pyre.LineBudget(len(line))
	from, to := int(h.from), int(h.to)
	if to == toEnd {
		to = len(line)
	}
	found, err := d.again.Search(t.compiled(), line, from, to, &budget)
	if err != nil {
		return Stamp{}, false, fmt.Errorf("read the time of a line again: %w", err)
	}
	if !found {
		return Stamp{}, false, nil
	}
	var s spans
	s.read(d.again, t)
	return d.read(t, &s, line, 0, nil)
}

// read turns the groups of a match into a time. In the line they are shifted
// from the places that were taken down.
func (d *Detector) read(t *template, s *spans, line []byte, shift int, r *remembered) (Stamp, bool, error) {
	if t.form == calendar {
		return d.readCalendar(t, s, line, shift, r)
	}
	start, end := s.at(firstGroup)
	if start < 0 {
		return Stamp{}, false, errNoNumber
	}
	text := string(line[start+shift : end+shift])
	if t.form == tai64n {
		return readLabel(text)
	}
	return readNumber(text, t.form == longEpoch)
}

// errNoNumber is a match of an epoch pattern whose number took no part.
var errNoNumber = errors.New("float() argument must be a string or a real number, not 'NoneType'")

// readCalendar turns a date into a time, and remembers it when minutes and
// seconds can simply be added.
func (d *Detector) readCalendar(t *template, s *spans, line []byte, shift int, r *remembered) (Stamp, bool, error) {
	f := fields{zone: d.zone, hasZone: d.hasZone}
	ok, err := f.read(t, s, line, shift)
	if !ok || err != nil {
		return Stamp{}, false, err
	}
	unix := d.env.Now().Unix()
	day := d.dayOf(unix)
	now := wall(unix + day.east)
	w, assumed, ok, err := f.resolve(day)
	if !ok || err != nil {
		return Stamp{}, false, err
	}
	if f.hasZone {
		w -= wall(f.zone)
		if !w.inRange() {
			return Stamp{}, false, errors.New("date value out of range")
		}
	}
	asRead := w
	w, ok = f.correct(w, assumed, now)
	if !ok {
		return Stamp{}, false, nil
	}
	seconds := int64(w)
	if !f.hasZone {
		if seconds, ok = d.local.unix(w); !ok {
			return Stamp{}, false, errors.New("mktime argument out of range")
		}
	}
	if r != nil && r.keyed {
		d.remember(r, &f, asRead, w, seconds, assumed)
	}
	return Stamp{Time: time.Unix(seconds, 0), Integer: f.hasZone}, true, nil
}

// read collects what the groups of a match say.
func (f *fields) read(t *template, s *spans, line []byte, shift int) (bool, error) {
	var half []byte
	if t.halfDay > 0 {
		if start, end := s.at(t.halfDay); start >= 0 {
			half = line[start+shift : end+shift]
		}
	}
	for i, g := range t.groups {
		start, end := s.at(firstGroup + i)
		if start < 0 {
			continue
		}
		if ok, err := f.set(g.kind, line[start+shift:end+shift], half); !ok || err != nil {
			return false, err
		}
	}
	return true, nil
}

// readNumber reads seconds since 1970, or by its length a number of
// milliseconds or microseconds.
func readNumber(text string, long bool) (Stamp, bool, error) {
	text = strings.TrimSpace(ascii(text))
	units, part, ok := decimal(text)
	if !ok {
		return Stamp{}, false, fmt.Errorf("could not convert string to float: %s", pyobj.Repr(strings.Clone(text)))
	}
	nanos := part
	switch {
	case long && len(text) >= 16 && !strings.Contains(text, "."):
		units, nanos = units/1e6, units%1e6*1e3
	case long && len(text) >= 13:
		units, nanos = units/1e3, units%1e3*1e6+part/1e3
	}
	return Stamp{Time: time.Unix(units, nanos)}, true, nil
}

// maxDigits bounds the digits of a number that is a time.
const maxDigits = 17

// decimal reads a plain number as whole units and billionths of them.
func decimal(text string) (units, part int64, ok bool) {
	i := 0
	for i < len(text) && isDigit(text[i]) {
		units = units*10 + int64(text[i]-'0')
		i++
	}
	if i == 0 || i > maxDigits {
		return 0, 0, false
	}
	if i == len(text) {
		return units, 0, true
	}
	if text[i] != '.' {
		return 0, 0, false
	}
	unit := int64(1e9)
	for _, c := range []byte(text[i+1:]) {
		if !isDigit(c) {
			return 0, 0, false
		}
		unit /= 10
		part += int64(c-'0') * unit
	}
	return units, part, true
}

// readLabel reads a TAI64N label: the first hex digit only marks the epoch, and
// nanoseconds are dropped.
func readLabel(text string) (Stamp, bool, error) {
	v, err := strconv.ParseUint(text[2:17], 16, 64)
	if err != nil {
		return Stamp{}, false, fmt.Errorf("read TAI64N label: %w", err)
	}
	return Stamp{Time: time.Unix(int64(v), 0), Integer: true}, true, nil
}

// knownTime is the time of a remembered match at minute and second zero, with
// what it depends on.
type knownTime struct {
	ok      bool
	integer bool
	assumed guess
	// base is the time, read the clock on the wall as it was read, and east the
	// offset that is between them when the process zone decided it. moved says
	// that the date was taken for one of the past, as it would lie ahead.
	base  int64
	read  wall
	east  int64
	moved bool
	// from and to bound the present: the same day with the same offset nowEast,
	// for a date that was filled in from it.
	from, to int64
	nowEast  int64
}

// known gives the time of a remembered match by adding minutes and seconds.
func (d *Detector) known(r *remembered, line []byte, shift int) (Stamp, bool) {
	k := &r.time
	if !k.ok {
		return Stamp{}, false
	}
	plus := int64(0)
	if r.clock {
		plus = int64(tens(line, r.minute+shift)*60 + tens(line, r.second+shift))
	}
	if k.assumed != nothing {
		now := d.env.Now().Unix()
		if now < k.from || now >= k.to {
			return Stamp{}, false
		}
		limit := wall(now + k.nowEast)
		if k.assumed == theYear {
			limit += daySeconds
		}
		if (k.read+wall(plus) > limit) != k.moved {
			return Stamp{}, false
		}
	}
	if !k.integer && d.local.east != k.east {
		return Stamp{}, false
	}
	return Stamp{Time: time.Unix(k.base+plus, 0), Integer: k.integer}, true
}

// tens reads two plain digits.
func tens(line []byte, at int) int { return int(line[at]-'0')*10 + int(line[at+1]-'0') }

// remember keeps a time for other minutes and seconds of its hour, if the hour
// has as many of them as it should.
func (d *Detector) remember(r *remembered, f *fields, asRead, w wall, seconds int64, assumed guess) {
	inHour, rest := int64(0), int64(0)
	if r.clock {
		inHour, rest = int64(f.minute*60+f.second), 3599
	}
	k := knownTime{
		ok: true, integer: f.hasZone, assumed: assumed,
		base: seconds - inHour, read: asRead - wall(inHour), east: int64(w) - seconds, moved: asRead != w,
	}
	if !f.hasZone {
		k.ok = d.eastAt(k.base) == k.east && d.eastAt(k.base+rest) == k.east
	}
	if k.moved && int64(k.read.clock())+rest >= daySeconds {
		// A date of last year is put together anew of its day as it was written
		// and its clock: behind the midnight of another zone that is another day.
		k.ok = false
	}
	if assumed != nothing && k.ok {
		k.from, k.to, k.nowEast = d.today.from, d.today.to, d.today.east
	}
	r.time = k
}

// eastAt is the offset of the process zone at a time.
func (d *Detector) eastAt(unix int64) int64 {
	return int64(d.local.offsets.at(unix).east)
}

// today is the day of the present in the process zone, as long as it stays the
// same day at the same offset.
type today struct {
	from, to         int64
	east             int64
	year, month, day int
}

// dayOf gives the day of the present.
func (d *Detector) dayOf(unix int64) *today {
	t := &d.today
	if t.from <= unix && unix < t.to {
		return t
	}
	here := d.local.offsets.at(unix)
	t.east = int64(here.east)
	midnight := wall(unix + t.east)
	midnight -= wall(midnight.clock())
	t.year, t.month, t.day = midnight.date()
	t.from = max(int64(midnight)-t.east, here.from)
	t.to = min(int64(midnight)-t.east+daySeconds, here.to)
	return t
}
