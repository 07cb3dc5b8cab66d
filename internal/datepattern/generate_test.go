package datepattern

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// generator makes scenarios: patterns of all forms, and lines with dates in all
// shapes, near the present and far from it, sound and mutilated.
type generator struct{ *rand.Rand }

func pick[T any](g generator, list []T) T { return list[g.IntN(len(list))] }

// chance is true once in n times.
func (g generator) chance(n int) bool { return g.IntN(n) == 0 }

var testZones = []string{
	"UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "America/St_Johns",
	"CET-01CEST-02,M3.5.0,M10.5.0", "<+0330>-3:30", "NZST-12NZDT,M9.5.0,M4.1.0/3", "EST5EDT",
}

var testOffsets = []string{"", "UTC", "UTC+0200", "CET", "-0530", "+05:30", "GMT-0100"}

// starts are moments at which something happens: an ordinary one, the hours at
// which clocks change, New Year, a leap day.
var starts = []string{
	"2005-08-14 10:00:00", "2005-03-27 00:55:00", "2005-10-30 00:20:00", "2026-01-01 00:00:10", "2025-12-31 23:59:00",
	"2024-02-29 12:00:00", "2025-03-01 00:00:00", "2026-11-22 03:04:05", "2006-04-02 06:55:00", "2006-10-29 05:30:00",
}

var patternPool = []string{
	`^[^\[]*\[({DATE})`, `^[^\[]*(\[{DATE}\s*\])`, `^[^\[]*\[({DATE})`, `^<W>{DATE}`, `^(?:=[^=]+={3,} )?(%ExY(?P<_sep>[-/.])%m(?P=_sep)%d[T ]%H:%M:%S(?:[.,]%f)?(?:\s*%z)?)`, `^I\(()**`,
	`^(?:%Y-)?%m-%d[ T]%H:%M:%S(?:\.%f)?`, `^t=%Y-%m-%dT%H:%M:%S%z`, `^\[?%ExY%Exm%Exd-%ExH:%ExM:%ExS\]?`, `^[^-]+ -- [^-]+ -- - ({DATE})`, "%d/%b[^/]*/%Y:%H:%M:%S %z",
	"{^LN-BEG}", "{DATE}", "{DEFAULT}", "^{DATE}", "{^LN-BEG}{DATE}", "ts={DATE}", "ts=({DATE})", `^\[{DATE}\]`, "**{DATE}**", "{UNB}{DATE}",
	"EPOCH", "^EPOCH", "{^LN-BEG}EPOCH", "LEPOCH", "{^LN-BEG}LEPOCH", "TAI64N", "{^LN-BEG}TAI64N", "{NONE}",
	"x={EPOCH}", "t=({EPOCH})", "{LEPOCH}", `\[{EPOCH}\]`, "{EPOCH}$", "^{EPOCH}**", `(\w+)={LEPOCH}`,
	"%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M:%S %z", "%Y-%m-%d %H:%M:%S%Exz", "%Y-%m-%dT%H:%M:%S.%f%z", "^%Y-%m-%d[T ]%H:%M:%S(?:[.,]%f)?",
	"{^LN-BEG}%Y-%m-%d %H:%M:%S", "{UNB}%Y-%m-%d %H:%M:%S", `^\[%Y-%m-%d %H:%M:%S\]`, `^\[(%Y-%m-%d %H:%M:%S)\]`, "%H:%M:%S", "%H:%M", "{^LN-BEG}%H:%M:%S",
	"%d/%b/%Y:%H:%M:%S %z", "%b %d %H:%M:%S", "%b %d %k:%M:%S %Exy", "(?i)%B %d %Y %l:%M:%S %p", "%a %b %d %H:%M:%S %ExZ %Y", "%a %b %d %H:%M:%S %Z %Y",
	"%c", "%x %X", "%X", "%Y %j %H:%M", "%Y %U %w", "%Y %W %a", "%W %A", "%G-%V-%u", "%Exy%Exm%Exd %ExH%ExM%ExS", "%Y%m%d%H%M%S", "%d.%m.%Y %H:%M:%S",
	`%m/%d/%Y, %I:%M:%S %p`, `\b%Y\b`, "**%H:%M:%S**", "%H:%M:%S$", `%H:%M:%S\s`, `(?:^%H:%M:%S)`, `(^%H:%M:%S)`, `^WARN()**`, `^(?:%b )?%d %H:%M`, "%y", "%d", "%m", "%f",
	`(?P<H>\d+):(?P<M>\d+)`, `(?P<Y>\w+)/%m/%d`, `%Y-%m-%d %H:%M:%S (?P<Z>\w+)`, `(?P<p>[ap]m) %I:%M`, "%H:%M:%S foo", `foo %H:%M:%S`, `(%H:%M)?:%S`, "%%H %H", "%q", "{UNB}%q", "{^LN-BEG}x%q", "é %q", "%Y-%T", "100%", "%Ex", "%Y %Y", "(%Y", "%k:%M %b %d",
}

// scenario makes one, with n lines.
func (g generator) scenario(n int) scenario {
	s := scenario{TZ: pick(g, testZones)}
	start, err := time.ParseInLocation(time.DateTime, pick(g, starts), time.UTC)
	if err != nil {
		panic(err)
	}
	s.Now = start.Unix() + int64(g.IntN(7200)) - 3600
	switch g.IntN(4) {
	case 0: // the defaults
	case 1:
		s.Patterns = []string{"{^LN-BEG}"}
	default:
		for range 1 + g.IntN(3) {
			s.Patterns = append(s.Patterns, pick(g, patternPool))
		}
	}
	if g.chance(4) {
		zone := pick(g, testOffsets)
		s.Zone = &zone
	}
	now := s.Now
	shapes := g.shape
	if len(s.Patterns) > 0 {
		shapes = func() string {
			if g.chance(3) {
				return g.shape()
			}
			return "=" + pick(g, s.Patterns)
		}
	}
	// A steady log has one shape and hardly a spoilt line.
	steady := g.chance(3)
	change, spoil := 6, 6
	if steady {
		change, spoil = 40, 40
	}
	shape, prefix, suffix := shapes(), g.prefix(), pick(g, suffixes)
	for range n {
		if g.chance(3) {
			now += int64(g.IntN(400))
		}
		if g.chance(change) {
			shape = shapes()
		}
		if g.chance(change + 2) {
			prefix = g.prefix()
		}
		if !steady || g.chance(change) {
			suffix = pick(g, suffixes)
		}
		s.Lines = append(s.Lines, moment{g.line(now, s.TZ, prefix, shape, suffix, spoil), now})
	}
	return s
}

// layouts are the shapes of the default patterns and of some others.
var layouts = []string{
	"2006-01-02T15:04:05.98Z", "2006-01-02 15:04:05", "2006/01/02 15:04:05,123456 -0700", "2006.01.02  15:04:05 +02:00", "2006-01-02 15:04:05 Z", "2006-01-02 15:04:05 UTC",
	"Jan _2 15:04:05", "Mon Jan _2 15:04:05 2006", "Jan 02 15:04:05.999", "Mon Jan 2 3:04:05 2006", "Jan 2 2006 15:04:05", "Mon Jan 02 2006 15:04:05.123",
	"02/01/2006 15:04:05", "02-01-06 15:04:05", "2/1/2006  5:04:05", "02/Jan/2006:15:04:05 -0700", "02-Jan-2006 15:04:05", "2/Jan/200615:04:05.5",
	"01/02/2006:15:04:05", "01-02-2006 15:04:05.12", "15:04:05", "<01/02/06@15:04:05>", "060102 15:04:05", "060102  5:04:05", "Jan 2, 2006 3:04:05 PM", "Jan-02-06 15:04:05",
	"20060102T150405", "20060102 150405.123 Z", "20060102-15:04:05", "20060102  150405 +0100", "CEST Jan _2 15:04:05", "PDT Mon Jan 2 15:04:05 2006", "srv Jan 2 15:04:05", "XYZ Jan 2 15:04:05",
	"+02:00 Jan _2 15:04:05 2006", "GMT Jan 2 15:04:05", "Z Jan 2 15:04:05", "15:04", "January 2 2006 3:04:05 pm", "2006 002 15:04", "Mon Jan 2 15:04:05 MST 2006",
	"01/02/06 15:04:05", "02.01.2006 15:04:05", "2006-01-02 15:04:05 CET", "2006-01-02 15:04:05CEST+0130", "pm 03:04", "2006", "15:04:05 foo", "foo 15:04:05", "20060102150405",
	"2006 32 0", "2006 32 mon", "Jan 2 15:04:05 EST 2006", "01/02/2006, 03:04:05 PM",
}

// shape is a layout, or one of the special forms by a letter.
func (g generator) shape() string {
	switch g.IntN(8) {
	case 0:
		return pick(g, []string{"E", "F", "L", "U", "T", "A"})
	case 1:
		return ""
	}
	return pick(g, layouts)
}

var prefixes = []string{
	"", "", "", "", "[", "(", "<", "[[", "[[[", " ", "\t", "x ", "host app: ", "é ", "日本 ", "ts=", "t=", "x=", "abc", "1.2.3.4 - - [", "audit(", "msg=audit(", "WARN", "12 ", "9", "foo ", "--",
}

var suffixes = []string{"", " ", "]", ")", ">", " x 1.2.3.4", " srv sshd[12]: Failed password for root from 192.0.2.1", "] x", ":12): y", ",", "é", "日", "5", "x", " é", " 2005", " 15:16:17", " +0100"}

func (g generator) prefix() string {
	if g.chance(2) {
		return pick(g, []string{"", "", "", "[", " "})
	}
	if g.chance(5) {
		return "\x00"
	}
	if g.chance(5) {
		return pick(g, prefixes) + g.date(1124013600, time.UTC, g.shape()) + " "
	}
	return pick(g, prefixes)
}

// line makes one line of a log.
func (g generator) line(now int64, tz, prefix, shape, suffix string, spoil int) string {
	zone, err := LoadZone(tz)
	if err != nil {
		panic(err)
	}
	at := now - int64(g.IntN(100))
	switch g.IntN(2*spoil - 2) {
	case 0:
		at = now + int64(g.IntN(4*86400)) - 2*86400
	case 1:
		at = now + int64(g.IntN(800*86400)) - 400*86400
	case 2:
		at = now + 86400 + int64(g.IntN(5)) - 2
	case 3:
		at = now + int64(g.IntN(5)) - 2
	}
	if prefix == "\x00" { // a client's address, another each time
		prefix = fmt.Sprintf("10.%d.%d.7 - %s [", g.IntN(120), g.IntN(3), pick(g, []string{"-", "é", "joe"}))
	}
	text := prefix + g.date(at, zone, shape) + suffix
	if g.chance(2 * spoil) {
		text += g.date(now-int64(g.IntN(99999)), zone, g.shape()) + pick(g, suffixes)
	}
	for g.chance(spoil) {
		text = g.mutate(text)
	}
	return strings.ToValidUTF8(text, "\uFFFD")
}

// date writes a time in a shape.
func (g generator) date(at int64, zone *time.Location, shape string) string {
	t := time.Unix(at, int64(g.IntN(1e9))).In(zone)
	switch shape {
	case "":
		return pick(g, []string{"", "no date", "30 Feb", "12:60:61", "1.2.3.4", "2005-02-30 10:00:00", "2005-12-01 10:00:60"})
	case "E":
		return fmt.Sprint(at)
	case "F":
		return fmt.Sprintf("%d.%0*d", at, 1+g.IntN(7), g.IntN(10))
	case "L":
		return fmt.Sprintf("%d%03d", at, g.IntN(1000))
	case "U":
		return fmt.Sprintf("%d%06d", at, g.IntN(1e6))
	case "A":
		return fmt.Sprintf("audit(%d.%03d:%d)", at, g.IntN(1000), g.IntN(1000))
	case "T":
		return fmt.Sprintf("@4%015x%08x", at, g.IntN(1e9))
	}
	text := t.Format(shape)
	if pattern, ok := strings.CutPrefix(shape, "="); ok {
		text = g.render(pattern, t)
	}
	switch g.IntN(12) {
	case 0:
		text = strings.ToUpper(text)
	case 1:
		text = strings.ToLower(text)
	}
	return text
}

// mutate spoils a line a little.
func (g generator) mutate(text string) string {
	runes := []rune(text)
	if len(runes) == 0 {
		return "x"
	}
	i := g.IntN(len(runes))
	switch g.IntN(7) {
	case 0:
		return string(runes[:i])
	case 1:
		return string(runes[i:])
	case 2:
		return text + text
	case 3:
		runes[i] = pick(g, []rune("0123456789 :-/.TZé٣[]\t"))
		return string(runes)
	case 4:
		return string(runes[:i]) + string(runes[i:i+1]) + string(runes[i:])
	case 5:
		return string(runes[:i]) + string(runes[i+1:])
	}
	// Digits of another script.
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' && g.chance(4) {
			return r - '0' + '٠'
		}
		return r
	}, text)
}

// render writes a time as a pattern would have it.
func (g generator) render(pattern string, t time.Time) string {
	if strings.EqualFold(pattern, "{^LN-BEG}") {
		return t.Format(pick(g, layouts))
	}
	text := dateMark.ReplaceAllLiteralString(pattern, t.Format(pick(g, layouts)))
	text = strings.NewReplacer(
		"{^LN-BEG}", pick(g, []string{"", "[", "[["}), "{UNB}", "", "**", "", "{EPOCH}", fmt.Sprint(t.Unix()), "{LEPOCH}", fmt.Sprint(t.UnixMilli()),
		"EPOCH", fmt.Sprint(t.Unix()), "TAI64N", fmt.Sprintf("@4%015x00000000", t.Unix()), `(?P<H>\d+):(?P<M>\d+)`, "%H:%M", `(?P<Y>\w+)`, "%Y", `(?P<Z>\w+)`, "CET",
		`(?P<p>[ap]m)`, "am", `(?i)`, "", `^[^\[]*`, "10.1.2.3 - - ", `^[^-]+ -- [^-]+ -- -`, "a -- b -- -", `[^/]*`, "", `(?:=[^=]+={3,} )`, "=x==== ", `(?P<_sep>[-/.])`, "-", `(?P=_sep)`, "-", `\s*`, "", "]?", "]", "(?:", "", `[.,]`, ".", "[T ]", "T", `\s`, " ", `\b`, "", `(\w+)`, "ts", `\[`, "[", `\]`, "]", "()", "", "(", "", ")?", "", ")", "", "^", "", "$", "",
	).Replace(text)
	week := fmt.Sprintf("%02d", t.YearDay()/7)
	return strings.NewReplacer(
		"%%", "%", "%Exy", t.Format("06"), "%Exm", t.Format("01"), "%Exd", t.Format("02"), "%ExH", t.Format("15"), "%ExM", t.Format("04"), "%ExS", t.Format("05"), "%ExY", t.Format("2006"),
		"%ExZ", pick(g, []string{"CET", "Z", "A"}), "%Exz", pick(g, []string{"CET+0100", "-0300", "B"}), "%Y", t.Format("2006"), "%y", t.Format("06"), "%m", t.Format("1"), "%d", t.Format("_2"),
		"%H", t.Format("15"), "%k", t.Format("15"), "%I", t.Format("03"), "%l", t.Format("3"), "%M", t.Format("04"), "%S", t.Format("05"), "%f", t.Format("000000"), "%p", t.Format("PM"),
		"%a", t.Format("Mon"), "%A", t.Format("Monday"), "%b", t.Format("Jan"), "%B", t.Format("January"), "%j", t.Format("002"), "%U", week, "%W", week, "%V", week, "%w", "3", "%u", "4", "%G", t.Format("2006"),
		"%z", t.Format("-0700"), "%Z", pick(g, []string{"CET", "EST", "XYZ"}), "%c", t.Format("Mon Jan _2 15:04:05 2006"), "%x", t.Format("01/02/06"), "%X", t.Format("15:04:05"),
	).Replace(text)
}
