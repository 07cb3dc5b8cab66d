package datepattern

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// need is something that every match of a template contains, by which most
// lines without a date are told before a search.
type need uint8

const (
	needNothing   need = iota
	needEpoch          // a digit where a plain number counts as a time
	needLabel          // the sign with which a label begins
	needDigits         // eight digits in a row
	needClock          // hour, minute and second with colons between
	needBlank          // the same after a blank or T
	needMonth          // the same, and the short name of a month shortly before
	needMonthDay       // the same, and a blank before the hour
	needYearLast       // the clock after blanks and 14/08/05, 08-14-2005
	needYearColon      // the clock after 08/14/2005:
	needSixDigits      // the clock after blanks and a date of six digits
	numNeeds           // how many there are
)

// defaultNeeds says more of default patterns than their clock.
var defaultNeeds = map[string]need{
	rawDefaults[0]: needBlank,
	rawDefaults[1]: needMonthDay, rawDefaults[2]: needMonthDay, rawDefaults[11]: needMonthDay,
	rawDefaults[14]: needMonthDay, rawDefaults[15]: needMonthDay,
	rawDefaults[4]: needMonth,
	rawDefaults[3]: needYearLast, rawDefaults[6]: needYearLast,
	rawDefaults[5]:  needYearColon,
	rawDefaults[10]: needSixDigits,
	rawDefaults[13]: needDigits,
}

// needOf tells what every match of a template contains.
func needOf(t *template) need {
	switch {
	case t.anchored:
		return needNothing // gives up soon by itself
	case t.form == tai64n && t.pattern == "":
		return needLabel
	case defaultNeeds[t.pattern] != needNothing:
		return defaultNeeds[t.pattern]
	case t.mutable == colonClock && clockIsSure(t.pattern):
		return needClock
	case (t.form == epoch || t.form == longEpoch) && t.pattern == "" && t.mutable == numberDigits:
		return needEpoch
	}
	return needNothing
}

// clockIsSure tells whether the clock of a pattern stands outside of all groups
// and alternatives.
func clockIsSure(pattern string) bool {
	at := fixedClock.FindStringIndex(pattern)
	if at == nil {
		return false
	}
	depth := 0
	for i := 0; i < len(pattern); i++ {
		switch pattern[i] {
		case '\\':
			i++
		case '(':
			depth++
		case ')':
			depth--
		case '|':
			if depth == 0 {
				return false
			}
		}
		if i == at[0] && depth != 0 {
			return false
		}
	}
	return !strings.HasPrefix(pattern[at[1]:], "?")
}

// lacks tells whether the line surely has no match of the template.
func (s *search) lacks(t *template) bool {
	switch t.need {
	case needNothing:
		return false
	case needEpoch:
		return !hasEpochStart(s.line)
	case needLabel:
		return bytes.IndexByte(s.line, '@') < 0
	case needDigits:
		return !hasDigits(s.line, 8)
	}
	if !s.looked {
		s.looked, s.offers = true, offersOf(s.line)
	}
	return s.offers&(1<<t.need) == 0
}

// offers is a set of needs that a line meets.
type offers uint16

const (
	nothingOffered offers = 0
	allOffered     offers = 1<<numNeeds - 1
)

// offersOf finds what a line has of clocks: each is a digit, a colon, one or two
// digits and a colon. Other scripts have digits, and letters that count as those
// of a month, too.
func offersOf(line []byte) offers {
	found := nothingOffered
	for at := 0; ; at++ {
		n := bytes.IndexByte(line[at:], ':')
		if n < 0 {
			break
		}
		at += n
		if at == 0 || !isDigit(line[at-1]) || at+2 >= len(line) || !isDigit(line[at+1]) {
			continue
		}
		if line[at+2] == ':' || at+3 < len(line) && isDigit(line[at+2]) && line[at+3] == ':' {
			found |= 1<<needClock | before(line[:at])
		}
	}
	if found != allOffered && !plain(line) {
		return allOffered
	}
	return found
}

// before finds what stands before the minutes of a clock.
func before(text []byte) offers {
	found := nothingOffered
	month := hasMonth(text[max(0, len(text)-monthReach):])
	if month {
		found |= 1 << needMonth
	}
	rest, hours := cutDigits(text)
	if hours > 2 || len(rest) == 0 {
		return found
	}
	colon := false
	switch rest[len(rest)-1] {
	case 'T':
		return found | 1<<needBlank
	case ':':
		colon = true
		rest = rest[:len(rest)-1]
	case ' ':
		found |= 1 << needBlank
		if month {
			found |= 1 << needMonthDay
		}
		rest = bytes.TrimRight(rest, " ")
	default:
		return found
	}
	date, digits := cutDigits(rest)
	switch {
	case digits == 6 && !colon:
		found |= 1 << needSixDigits
	case digits == 4 && colon && isDayMonth(date):
		found |= 1 << needYearColon
	case (digits == 4 || digits == 2) && !colon && isDayMonth(date):
		found |= 1 << needYearLast
	}
	return found
}

// isDayMonth tells whether text ends in two numbers of one or two digits, each
// before the same sign. The later one may have a blank for its first digit.
func isDayMonth(text []byte) bool {
	if len(text) == 0 {
		return false
	}
	sep := text[len(text)-1]
	text, second := cutDigits(text[:len(text)-1])
	if second == 1 { // 08- 4-2005
		text = bytes.TrimSuffix(text, []byte(" "))
	}
	if sep != '-' && sep != '/' || second < 1 || second > 2 || len(text) == 0 || text[len(text)-1] != sep {
		return false
	}
	_, first := cutDigits(text[:len(text)-1])
	return first == 1 || first == 2
}

// cutDigits takes the digits off the end of text, and counts them.
func cutDigits(text []byte) (rest []byte, n int) {
	for n < len(text) && isDigit(text[len(text)-1-n]) {
		n++
	}
	return text[:len(text)-n], n
}

// monthReach is the length of the longest text from a month to the hour: three
// letters, a day, a year, an hour and what stands between.
const monthReach = len("Aug 14, 2005  09")

// hasMonth tells whether text contains the short name of a month.
func hasMonth(text []byte) bool {
	for i := 0; i+3 <= len(text); i++ {
		if text[i] < 'A' {
			continue
		}
		if _, ok := shortMonthIndex(text[i], text[i+1], text[i+2]); ok {
			return true
		}
	}
	return false
}

// hasDigits tells whether a line has so many digits in a row, or what may be
// digits of other scripts. Only one byte in so many needs a look.
func hasDigits(line []byte, count int) bool {
	may := func(at int) bool { return isDigit(line[at]) || line[at] >= utf8.RuneSelf }
	for at := count - 1; at < len(line); at += count {
		if !may(at) {
			continue
		}
		start := at
		for start > 0 && may(start-1) {
			start--
		}
		for at < len(line) && may(at) {
			at++
		}
		if at-start >= count {
			return true
		}
	}
	return false
}

// hasEpochStart tells whether a line has something like the start of a number
// that counts as a time: ten digits where a line begins, or audit(.
func hasEpochStart(line []byte) bool {
	return tenDigits(bytes.TrimPrefix(line, []byte("["))) || bytes.Contains(line, []byte("audit("))
}

// tenDigits tells whether text begins with ten digits, or what may be those of
// another script.
func tenDigits(text []byte) bool {
	for i, c := range text {
		switch {
		case c >= utf8.RuneSelf || i == 10:
			return true
		case !isDigit(c):
			return false
		}
	}
	return len(text) == 10
}
