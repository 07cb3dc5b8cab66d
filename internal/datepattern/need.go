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
	needClock          // hour, minute and second with colons between
	needMonth          // the same, and the short name of a month shortly before
	needColon          // the same after a colon
	needYearLast       // the same after blanks and 14/08/05, 08-14-2005
	needSixDigits      // the same after blanks and a date of six digits
	numNeeds           // how many there are
)

// defaultNeeds says more of default patterns than their clock.
var defaultNeeds = map[string]need{
	rawDefaults[1]: needMonth, rawDefaults[2]: needMonth, rawDefaults[4]: needMonth,
	rawDefaults[11]: needMonth, rawDefaults[14]: needMonth, rawDefaults[15]: needMonth,
	rawDefaults[3]: needYearLast, rawDefaults[6]: needYearLast,
	rawDefaults[5]: needColon, rawDefaults[10]: needSixDigits,
}

// needOf tells what every match of a template contains.
func needOf(t *template) need {
	switch {
	case t.anchored:
		return needNothing // gives up soon by itself
	case t.mutable == colonClock && clockIsSure(t.pattern):
		if n, ok := defaultNeeds[t.pattern]; ok {
			return n
		}
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
	if hasMonth(text[max(0, len(text)-monthReach):]) {
		found |= 1 << needMonth
	}
	rest, hours := cutDigits(text)
	if hours > 2 || len(rest) == 0 {
		return found
	}
	switch rest[len(rest)-1] {
	case ':':
		return found | 1<<needColon
	case ' ':
	default:
		return found
	}
	rest = bytes.TrimRight(rest, " ")
	rest, last := cutDigits(rest)
	if last == 6 {
		return found | 1<<needSixDigits
	}
	if last != 2 && last != 4 || len(rest) == 0 {
		return found
	}
	sep := rest[len(rest)-1]
	rest, middle := cutDigits(rest[:len(rest)-1])
	if middle == 1 { // 08- 4-2005
		rest = bytes.TrimSuffix(rest, []byte(" "))
	}
	if middle < 1 || middle > 2 || len(rest) == 0 || rest[len(rest)-1] != sep || sep != '-' && sep != '/' {
		return found
	}
	if _, first := cutDigits(rest[:len(rest)-1]); first >= 1 && first <= 2 {
		found |= 1 << needYearLast
	}
	return found
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
