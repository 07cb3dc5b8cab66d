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
	needNothing need = iota
	needClock        // hour, minute and second with colons between
	needEpoch        // a digit where a plain number counts as a time
)

// needOf tells what every match of a template contains.
func needOf(t *template) need {
	switch {
	case t.anchored:
		return needNothing // gives up soon by itself
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
	case needClock:
		if !s.looked {
			s.looked, s.clockless = true, !hasClock(s.line)
		}
		return s.clockless
	case needEpoch:
		return !hasEpochStart(s.line)
	}
	return false
}

// hasClock tells whether a line has a digit, a colon, one or two digits and a
// colon in a row. Other scripts have digits too.
func hasClock(line []byte) bool {
	for at := 0; ; at++ {
		n := bytes.IndexByte(line[at:], ':')
		if n < 0 {
			return !plain(line)
		}
		at += n
		if at == 0 || !isDigit(line[at-1]) || at+2 >= len(line) || !isDigit(line[at+1]) {
			continue
		}
		if line[at+2] == ':' || at+3 < len(line) && isDigit(line[at+2]) && line[at+3] == ':' {
			return true
		}
	}
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
