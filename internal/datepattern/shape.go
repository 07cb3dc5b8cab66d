package datepattern

import (
	"encoding/binary"
	"regexp"
	"strings"
)

// shape is a date of fixed width, of which a pattern takes any other one at the
// same place in the same way.
type shape uint8

const (
	noShape     shape = iota
	syslogShape       // Aug 14 09:58:07, Aug  4 09:58:07
	isoShape          // 2005-08-14 09:58:07, with whatever stands between
	accessShape       // 14/Aug/2005:09:58:07
	// weekdayShape is what a pattern for syslogShape may take, too: it is the
	// shape of lines only.
	weekdayShape // Sun Aug 14 09:58:07
)

// The bytes of a shape before the minute, the last of which is a colon; and
// those that may be others. The separators and the first digits of the year
// are not among them.
var (
	beforeMinute = [...]int{syslogShape: 10, isoShape: 14, accessShape: 15, weekdayShape: 14}
	exchanged    = [...][]int{
		syslogShape:  {0, 1, 2, 4, 5, 7, 8},
		isoShape:     {3, 5, 6, 8, 9, 11, 12},
		accessShape:  {0, 1, 3, 4, 5, 10, 12, 13},
		weekdayShape: {0, 1, 2, 4, 5, 6, 8, 9, 11, 12},
	}
	// partsOf are the places of what the groups of a shape hold.
	partsOf = [...][numKinds]int{
		syslogShape:  {shortMonth: 0, day: 4, hour: 7},
		isoShape:     {fullYear: 0, month: 5, day: 8, hour: 11},
		accessShape:  {day: 0, shortMonth: 3, fullYear: 7, hour: 12},
		weekdayShape: {shortDay: 0, shortMonth: 4, day: 8, hour: 11},
	}
)

// The parts of a pattern that take a shape: %d takes the blank before a day of
// one digit, which a shape that begins with the day does not have.
var shapeCores = [...]*regexp.Regexp{
	syslogShape: regexp.MustCompile(`%b %d %(?:Ex)?[Hk]:%(?:Ex)?M:%(?:Ex)?S`),
	isoShape: regexp.MustCompile(`%(?:Ex)?Y(?:[-/]|\\\.|\(\?P<_sep>\[-/\.\]\))%(?:Ex)?m(?:[-/]|\\\.|\(\?P=_sep\))` +
		`%(?:Ex)?d(?:\(\?:T\|  \?\)|\[T \]|T| )%(?:Ex)?H:%(?:Ex)?M:%(?:Ex)?S`),
	accessShape: regexp.MustCompile(`%(?:Ex)?d(?:[-/]|\(\?P<_sep>\[-/\]\))%b(?:[-/]|\(\?P=_sep\))%(?:Ex)?Y(?::|\[ :\]\??)%(?:Ex)?[Hk]:%(?:Ex)?M:%(?:Ex)?S`),
}

// Before the date only brackets and the name of a day may stand, which do not
// take any of it; a pattern that goes to the first bracket stops there.
var beforeShape = regexp.MustCompile(`^(?:\{\^LN-BEG\}|\^(?:\[\^\\?\[\]\*)?)?(?:\\\[|\()*(?:\(\?:%a \)\?)?$`)

// shapeOf finds the shape that a pattern with an exchangeable clock takes, and
// what follows it in the pattern.
func shapeOf(pattern string, anchored bool) (s shape, tail string) {
	if anchored && pattern[0] != '^' && !strings.HasPrefix(pattern, lineBegin) {
		return noShape, "" // bound to the end, and searched for
	}
	for s := syslogShape; s <= accessShape; s++ {
		at := shapeCores[s].FindAllStringIndex(pattern, -1)
		if len(at) == 1 && beforeShape.MatchString(pattern[:at[0][0]]) {
			return s, pattern[at[0][1]:]
		}
	}
	return noShape, ""
}

// fits tells whether text begins with a date of the shape, apart from what is
// not exchanged, and from minute and second.
func (s shape) fits(text []byte) bool {
	switch s {
	case syslogShape:
		_, ok := shortMonthIndex(text[0], text[1], text[2])
		return ok && (isDay(text[4], text[5]) || text[4] == ' ' && text[5]-'1' <= 8) && isHour(text[7], text[8])
	case isoShape:
		return isDigit(text[3]) && isMonth(text[5], text[6]) && isDay(text[8], text[9]) && isHour(text[11], text[12])
	case accessShape:
		_, ok := shortMonthIndex(text[3], text[4], text[5])
		return ok && isDay(text[0], text[1]) && isDigit(text[10]) && isHour(text[12], text[13])
	case weekdayShape:
		return isWeekday(text[0], text[1], text[2]) && syslogShape.fits(text[4:])
	}
	return false
}

// isWeekday tells whether three letters are those of a day of the week.
func isWeekday(a, b, c byte) bool {
	const lower = 0x20
	switch uint32(a|lower)<<16 | uint32(b|lower)<<8 | uint32(c|lower) {
	case 'm'<<16 | 'o'<<8 | 'n', 't'<<16 | 'u'<<8 | 'e', 'w'<<16 | 'e'<<8 | 'd', 't'<<16 | 'h'<<8 | 'u',
		'f'<<16 | 'r'<<8 | 'i', 's'<<16 | 'a'<<8 | 't', 's'<<16 | 'u'<<8 | 'n':
		return true
	}
	return false
}

// isMonth tells whether two bytes are 01 to 12.
func isMonth(a, b byte) bool { return a == '0' && b-'1' <= 8 || a == '1' && b-'0' <= 2 }

// isDay tells whether two bytes are 01 to 31.
func isDay(a, b byte) bool {
	switch a {
	case '0':
		return b-'1' <= 8
	case '1', '2':
		return isDigit(b)
	}
	return a == '3' && b-'0' <= 1
}

// isHour tells whether two bytes are 00 to 23.
func isHour(a, b byte) bool { return a-'0' <= 1 && isDigit(b) || a == '2' && b-'0' <= 3 }

// words gives the bytes of a date up to the hour, in two words that overlap.
func (s shape) words(text []byte) [2]uint64 {
	return [2]uint64{
		binary.LittleEndian.Uint64(text),
		binary.LittleEndian.Uint64(text[beforeMinute[s]-9:]),
	}
}

// loosenDate lets the date before an exchangeable clock be another one.
func (r *remembered) loosenDate(line []byte) {
	s := r.winner.shape
	if s == noShape || !r.clock {
		return
	}
	if start, _ := r.groupAt(shortDay); s == syslogShape && start >= 0 {
		s = weekdayShape
	}
	at := r.minute - beforeMinute[s]
	if at < r.base || !s.fits(line[at:]) {
		return
	}
	for i, g := range r.winner.groups {
		start, _ := r.spans.at(firstGroup + i)
		switch g.kind {
		case fullYear:
			if s == syslogShape || s == weekdayShape {
				continue // may follow the clock
			}
		case shortDay:
			if s == syslogShape {
				continue
			}
		case shortMonth, month, day, hour:
		default:
			continue
		}
		if start != at+partsOf[s][g.kind] {
			return
		}
	}
	r.loosenYear(line)
	at -= r.base
	for _, i := range exchanged[s] {
		r.soften(at + i)
	}
	r.shape, r.dateAt, r.date = s, at, s.words(line[at+r.base:])
}

// loosenYear lets the last digit of a year behind the clock be another one.
func (r *remembered) loosenYear(line []byte) {
	start, end := r.groupAt(fullYear)
	if start < r.minute || end != start+4 || end > r.base+r.size || !isDigit(line[end-1]) || r.tail() != yearTail {
		return
	}
	r.soften(end - 1 - r.base)
	r.yearAt, r.year = end-1-r.base, line[end-1]
}

// soften lets the byte at a place of the key be another one that passes a
// closer look.
func (r *remembered) soften(at int) { r.key[at/8].soft |= 0xff << (at % 8 * 8) }

// groupAt finds the place of a group.
func (r *remembered) groupAt(k kind) (start, end int) {
	for i, g := range r.winner.groups {
		if g.kind == k {
			return r.spans.at(firstGroup + i)
		}
	}
	return -1, -1
}

// tail is what follows the date in the pattern, but for the end of a group.
func (r *remembered) tail() string { return strings.TrimSuffix(r.winner.tail, ")") }

// The ends of patterns behind which a word may begin with any letter: those
// that look for a year, and those that look for a zone, which is a matter of
// some letters.
const (
	yearTail = `(?:\.%f)?(?: %ExY)?`
	zoneTail = `(?:[.,]%f)?(?:\s*%z)?`
)

// loosenWord lets the letter after the date and a blank be another one, where
// it is the last thing that was looked at, for a year or a zone.
func (r *remembered) loosenWord(line []byte) {
	at := r.hit.WholeEnd + 1
	if !r.clock || r.base+r.size != at+1 || r.ends || line[at-1] != ' ' {
		return
	}
	switch r.tail() {
	case yearTail:
	case zoneTail:
		r.noZone = true
	default:
		return
	}
	if !r.isWord(line[at]) {
		return
	}
	at -= r.base
	r.soften(at)
	r.word = at
}

// isWord tells whether a byte is a letter that begins no zone.
func (r *remembered) isWord(c byte) bool {
	c |= 0x20
	return c-'a' < 26 && !(r.noZone && (c == 'z' || c == 'u' || c == 'g'))
}
