package datepattern

import "strconv"

// kind names what a captured group says about the time.
type kind uint8

const (
	noKind     kind = iota
	fullYear        // Y
	shortYear       // y
	month           // m
	monthName       // B
	shortMonth      // b
	day             // d
	hour            // H
	hour12          // I
	halfDay         // p
	minute          // M
	second          // S
	dayOfYear       // j
	weekday         // w
	dayName         // A
	shortDay        // a
	weekSunday      // U
	weekMonday      // W
	zoneName        // Z
	zoneOffset      // z
	number          // seconds since 1970, or a label, of the special templates
	numKinds        // how many there are
)

// kindOfGroup tells the meaning of the named groups; a pattern of the user may
// name its groups so as well.
var kindOfGroup = map[string]kind{
	"Y": fullYear, "y": shortYear, "m": month, "B": monthName, "b": shortMonth,
	"d": day, "H": hour, "I": hour12, "p": halfDay, "M": minute, "S": second,
	"j": dayOfYear, "w": weekday, "A": dayName, "a": shortDay,
	"U": weekSunday, "W": weekMonday, "Z": zoneName, "z": zoneOffset,
}

// Pieces of the tokens. Digits are Unicode digits, as everywhere in a pattern.
const (
	pair       = `\d\d`
	hour24     = `2[0-3]|[0-1]\d|\d`
	sixty      = `[0-5]\d|\d`
	cSecond    = `6[0-1]|[0-5]\d|\d`
	cDay       = `3[0-1]|[1-2]\d|0[1-9]|[1-9]| [1-9]`
	cMonth     = `1[0-2]|0[1-9]|[1-9]`
	shortDays  = `mon|tue|wed|thu|fri|sat|sun`
	shortMons  = `jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec`
	offset     = `[+-][01]\d(?::?\d\d)?`
	letterZone = `[A-Z](?:[A-Z]{2,4})?`
	cClock     = `(?P<H>` + hour24 + `):(?P<M>` + sixty + `):(?P<S>` + cSecond + `)`
)

// token is one %-sequence of the pattern language: the word that stands for it
// in the name of a template, and what it accepts.
type token struct {
	word, regex string
}

// tokens holds the pattern language but for %ExY, whose decades depend on the
// year. The order of alternatives decides what is matched and follows
// Fail2ban: where a short form comes first it is tried first.
var tokens = map[string]token{
	"%": {"%", "%"},

	"Y":   {"Year", `(?P<Y>\d{4})`},
	"y":   {"Year2", `(?P<y>` + pair + `)`},
	"Exy": {"ExYear2", `(?P<y>` + pair + `)`},
	"m":   {"Month", `(?P<m>0?[1-9]|1[0-2])`},
	"Exm": {"ExMonth", `(?P<m>0[1-9]|1[0-2])`},
	"d":   {"Day", `(?P<d>[1-2]\d|[0 ]?[1-9]|3[0-1])`},
	"Exd": {"ExDay", `(?P<d>[1-2]\d|0[1-9]|3[0-1])`},
	"j":   {"Yearday", `(?P<j>36[0-6]|3[0-5]\d|[1-2]\d\d|0[1-9]\d|00[1-9]|[1-9]\d|0?[1-9])`},

	"H":   {"24hour", `(?P<H>[0-1]?\d|2[0-3])`},
	"ExH": {"Ex24hour", `(?P<H>[0-1]\d|2[0-3])`},
	"k":   {"%k", ` ?(?P<H>[0-2]?\d)`},
	"Exk": {"%Exk", ` ?(?P<H>[0-1]?\d|2[0-3])`},
	"I":   {"12hour", `(?P<I>1[0-2]|0?[1-9])`},
	"l":   {"%l", ` ?(?P<I>1?\d)`},
	"Exl": {"%Exl", ` ?(?P<I>1[0-2]|\d)`},
	"p":   {"AMPM", `(?P<p>am|pm)`},
	"M":   {"Minute", `(?P<M>[0-5]?\d)`},
	"ExM": {"ExMinute", `(?P<M>[0-5]\d)`},
	"S":   {"Second", `(?P<S>[0-5]?\d|6[0-1])`},
	"ExS": {"ExSecond", `(?P<S>[0-5]\d|6[0-1])`},
	"f":   {"Microseconds", `(?P<f>[0-9]{1,6})`},

	"a": {"DAY", `(?P<a>` + shortDays + `)`},
	"A": {"DAYNAME", `(?P<A>monday|tuesday|wednesday|thursday|friday|saturday|sunday)`},
	"b": {"MON", `(?P<b>` + shortMons + `)`},
	"B": {"MONTH", `(?P<B>january|february|march|april|may|june|july|august|september|october|november|december)`},
	"w": {"Weekday", `(?P<w>[0-6])`},
	"u": {"%u", `(?P<u>[1-7])`},
	"U": {"Yearweek", `(?P<U>5[0-3]|[0-4]\d|\d)`},
	"W": {"Yearweek", `(?P<W>5[0-3]|[0-4]\d|\d)`},
	"G": {"%G", `(?P<G>\d{4})`},
	"V": {"%V", `(?P<V>5[0-3]|0[1-9]|[1-4]\d|\d)`},

	"z":   {"Zone offset", `(?P<z>Z|UTC|GMT|` + offset + `)`},
	"Z":   {"Zone name", `(?P<Z>Z|[A-Z]{3,5})`},
	"ExZ": {"ExZone name", `(?P<Z>` + letterZone + `)`},
	"Exz": {"ExZone offset", `(?P<z>(?:` + letterZone + `)?` + offset + `|` + letterZone + `)`},

	"c": {"%c", `(?P<a>` + shortDays + `)\s+(?P<b>` + shortMons + `)\s+(?P<d>` + cDay + `)\s+` + cClock + `\s+(?P<Y>\d{4})`},
	"x": {"%x", `(?P<m>` + cMonth + `)/(?P<d>` + cDay + `)/(?P<y>` + pair + `)`},
	"X": {"%X", cClock},
}

// lookToken finds a token by its letters.
func lookToken(letters string, year int) (token, bool) {
	if letters == "ExY" {
		return token{"ExYear", `(?P<Y>` + decades(year) + `\d)`}, true
	}
	t, ok := tokens[letters]
	return t, ok
}

// decades is an expression for the first three digits of the years that %ExY
// takes: every decade from 2000 to the given year, that of the year before
// and that three years ahead.
func decades(year int) string {
	seen := map[int]bool{(year - 1) / 10: true, (year + 3) / 10: true}
	for y := 2000; y <= year; y += 3 {
		seen[y/10] = true
	}
	centuries := map[int]string{}
	first, last := 999, 0
	for d := range 1000 {
		if !seen[d] {
			continue
		}
		c := d / 10
		centuries[c] += strconv.Itoa(d % 10)
		first, last = min(first, c), max(last, c)
	}
	text := ""
	for c := first; c <= last; c++ {
		if digits := centuries[c]; digits != "" {
			text += "|" + strconv.Itoa(c) + "[" + digits + "]"
		}
	}
	if first == last {
		return text[1:]
	}
	return "(?:" + text[1:] + ")"
}
