package datepattern

import (
	"errors"
	"strings"
	"time"
)

// errHalfDate is a date with a month but no day, or the other way round, which
// Fail2ban's calendar cannot stand.
var errHalfDate = errors.New("'NoneType' object cannot be interpreted as an integer")

// errTooLarge is a number that Python's calendar cannot even look at.
var errTooLarge = errors.New("signed integer is greater than maximum")

// guess says what of a date was filled in from the present.
type guess uint8

const (
	nothing guess = iota
	theYear
	theDay
)

// fields is what a match says about the time.
type fields struct {
	year, month, day, hour, minute, second int
	julian, week, weekday                  int
	hasYear, hasMonth, hasDay              bool
	hasJulian, hasWeek, hasWeekday         bool
	weekFromMonday                         bool
	// zone is the offset of the date, else of logtimezone, in seconds east.
	zone    int
	hasZone bool
}

var (
	monthNames = []string{
		"january", "february", "march", "april", "may", "june", "july",
		"august", "september", "october", "november", "december",
	}
	dayNames = []string{"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"}
)

// set takes in one group. False means that the date cannot be read; an error
// that the line is to be given up.
func (f *fields) set(k kind, text, halfDayText []byte) (bool, error) {
	var ok bool
	switch k {
	case fullYear, shortYear:
		f.year, f.hasYear = integer(text)
		if k == shortYear && f.year <= 2000 {
			f.year += 2000
		}
		return f.hasYear, nil
	case month:
		f.month, f.hasMonth = integer(text)
		return f.hasMonth, nil
	case monthName, shortMonth:
		f.month, f.hasMonth = monthIndex(text, k == shortMonth)
		f.month++
		return f.hasMonth, nil
	case day:
		f.day, f.hasDay = integer(text)
		return f.hasDay, nil
	case hour:
		f.hour, ok = integer(text)
		return ok, nil
	case hour12:
		f.hour, ok = integer(text)
		f.hour = fullHour(f.hour, string(halfDayText))
		return ok, nil
	case minute:
		f.minute, ok = integer(text)
		return ok, nil
	case second:
		f.second, ok = integer(text)
		return ok, nil
	case zoneName, zoneOffset:
		return f.setZone(text)
	}
	return f.setWeek(k, text), nil
}

// setWeek takes in the groups that count days and weeks in another way.
func (f *fields) setWeek(k kind, text []byte) bool {
	switch k {
	case dayOfYear:
		f.julian, f.hasJulian = integer(text)
		return f.hasJulian
	case weekday:
		// Here Sunday is 0; inside the week begins with Monday.
		f.weekday, f.hasWeekday = integer(text)
		f.weekday = (f.weekday + 6) % 7
		return f.hasWeekday
	case dayName, shortDay:
		f.weekday, f.hasWeekday = nameIndex(dayNames, string(text), k == shortDay)
		return f.hasWeekday
	case weekSunday, weekMonday:
		f.week, f.hasWeek = integer(text)
		f.weekFromMonday = k == weekMonday
		return f.hasWeek
	}
	return true
}

// setZone takes in a zone name or offset.
func (f *fields) setZone(text []byte) (bool, error) {
	east, err := zoneText(string(text))
	if errors.Is(err, errZone) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	f.zone, f.hasZone = east, true
	return true, nil
}

// fullHour turns an hour of the 12-hour clock into one of 24.
func fullHour(h int, half string) int {
	switch {
	case strings.EqualFold(half, "pm"):
		if h != 12 {
			return h + 12
		}
	case half == "" || strings.EqualFold(half, "am"):
		if h == 12 {
			return 0
		}
	}
	return h
}

// monthIndex looks up the name of a month.
func monthIndex(text []byte, short bool) (int, bool) {
	if short && len(text) == 3 {
		if i, ok := shortMonthIndex(text[0], text[1], text[2]); ok {
			return i, true
		}
	}
	return nameIndex(monthNames, string(text), short)
}

// shortMonthIndex looks up the first three letters of a month.
func shortMonthIndex(a, b, c byte) (int, bool) {
	const lower = 0x20
	switch uint32(a|lower)<<16 | uint32(b|lower)<<8 | uint32(c|lower) {
	case 'j'<<16 | 'a'<<8 | 'n':
		return 0, true
	case 'f'<<16 | 'e'<<8 | 'b':
		return 1, true
	case 'm'<<16 | 'a'<<8 | 'r':
		return 2, true
	case 'a'<<16 | 'p'<<8 | 'r':
		return 3, true
	case 'm'<<16 | 'a'<<8 | 'y':
		return 4, true
	case 'j'<<16 | 'u'<<8 | 'n':
		return 5, true
	case 'j'<<16 | 'u'<<8 | 'l':
		return 6, true
	case 'a'<<16 | 'u'<<8 | 'g':
		return 7, true
	case 's'<<16 | 'e'<<8 | 'p':
		return 8, true
	case 'o'<<16 | 'c'<<8 | 't':
		return 9, true
	case 'n'<<16 | 'o'<<8 | 'v':
		return 10, true
	case 'd'<<16 | 'e'<<8 | 'c':
		return 11, true
	}
	return 0, false
}

// nameIndex looks up the name of a month or day.
func nameIndex(names []string, text string, short bool) (int, bool) {
	for i, name := range names {
		if short {
			name = name[:3]
		}
		if strings.EqualFold(name, text) {
			return i, true
		}
	}
	return 0, false
}

// wall is a date on the clock on the wall: seconds since 1970 as if the wall
// stood in UTC.
type wall int64

const (
	daySeconds = 24 * 60 * 60
	minWall    = wall(-62135596800) // the first second of year 1
	maxWall    = wall(253402300799) // the last second of year 9999
)

func (w wall) inRange() bool { return minWall <= w && w <= maxWall }

// date is a wall time taken apart.
func (w wall) date() (year, month, day int) {
	y, m, d := time.Unix(int64(w), 0).UTC().Date()
	return y, int(m), d
}

// clock is the time of day in seconds.
func (w wall) clock() int { return int(((w % daySeconds) + daySeconds) % daySeconds) }

// daysBefore is the number of days of a common year before each month, and of
// the whole year.
var daysBefore = [...]int{0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365}

// wallDate gives midnight of a date; false when there is no such date.
func wallDate(year, month, day int) (wall, bool) {
	if year < 1 || year > 9999 || month < 1 || month > 12 || day < 1 {
		return 0, false
	}
	leap := 0
	if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
		leap = 1
	}
	before, after := daysBefore[month-1], daysBefore[month]
	if month > 2 {
		before += leap
	}
	if month >= 2 {
		after += leap
	}
	if day > after-before {
		return 0, false
	}
	y := year - 1
	days := y*365 + y/4 - y/100 + y/400 + before + day - 1
	return minWall + wall(days)*daySeconds, true
}

// resolve turns the fields into a time on the wall of the date's own zone,
// filling in what is missing from the present.
func (f *fields) resolve(now *today) (w wall, assumed guess, ok bool, err error) {
	if !f.hasYear {
		f.year, assumed = now.year, theYear
	}
	if !f.hasMonth || !f.hasDay {
		if ok := f.fromOtherCount(); !ok {
			return 0, nothing, false, nil
		}
	}
	if !f.hasMonth && !f.hasDay {
		f.month, f.day = now.month, now.day
		assumed = theDay
	} else if !f.hasMonth || !f.hasDay {
		return 0, nothing, false, errHalfDate
	}
	for _, n := range [...]int{f.year, f.month, f.day, f.hour, f.minute, f.second} {
		if n != int(int32(n)) {
			return 0, nothing, false, errTooLarge
		}
	}
	midnight, ok := wallDate(f.year, f.month, f.day)
	if !ok || f.hour < 0 || f.hour > 23 || f.minute < 0 || f.minute > 59 || f.second < 0 || f.second > 59 {
		return 0, nothing, false, nil
	}
	return midnight + wall(f.hour*3600+f.minute*60+f.second), assumed, true, nil
}

// fromOtherCount finds month and day from the day of the year, or that from
// week and weekday. False means that they point outside the calendar.
func (f *fields) fromOtherCount() bool {
	julian := f.julian
	if !f.hasJulian {
		if !f.hasWeek || !f.hasWeekday {
			return true
		}
		first, ok := wallDate(f.year, 1, 1)
		if !ok {
			return false
		}
		julian = dayOfWeeks(first, f.week, f.weekday, f.weekFromMonday)
	}
	first, ok := wallDate(f.year, 1, 1)
	w := first + wall(julian-1)*daySeconds
	if !ok || !w.inRange() {
		return false
	}
	f.year, f.month, f.day = w.date()
	f.hasMonth, f.hasDay = true, true
	return true
}

// dayOfWeeks gives the day of the year for a week and a weekday counted from
// Monday; week 1 begins with the first Sunday or Monday of the year, days
// before it are in week 0.
func dayOfWeeks(first wall, week, weekday int, fromMonday bool) int {
	firstDay := (int(time.Unix(int64(first), 0).UTC().Weekday()) + 6) % 7
	if !fromMonday {
		firstDay = (firstDay + 1) % 7
		weekday = (weekday + 1) % 7
	}
	weekZero := (7 - firstDay) % 7
	if week == 0 {
		return 1 + weekday - firstDay
	}
	return 1 + weekZero + 7*(week-1) + weekday
}

// correct moves a date that was filled in from the present back, when it would
// otherwise lie ahead. False means that there is no such date in the year
// before.
func (f *fields) correct(w wall, assumed guess, now wall) (wall, bool) {
	switch {
	case assumed == theDay && w > now:
		return w - daySeconds, true
	case assumed == theYear && w > now+daySeconds:
		midnight, ok := wallDate(f.year-1, f.month, f.day)
		return midnight + wall(w.clock()), ok
	}
	return w, true
}
