package datepattern

import (
	"regexp"
	"strings"
	"sync"
)

// Pieces of the default patterns.
const (
	sameSep    = `(?P=_sep)`
	clock24    = `%H:%M:%S`
	looseClock = `%k:%M:%S`
	fraction   = `(?:\.%f)?`
	anyFrac    = `(?:[.,]%f)?`
	blanks     = `  ?` // one or two
	zoneAfter  = `(?:\s*%z)?`
	weekdayOpt = `(?:%a )?`
	syslogTail = weekdayOpt + `%b %d ` + looseClock + fraction + `(?: %ExY)?`
)

// The names under which the special templates stand in the list of defaults.
const (
	epochName = "Epoch"
	longName  = "LongEpoch"
	taiName   = "TAI64N"
)

// rawDefaults are the 17 default patterns in the order of their trial. The two
// special ones stand by name.
var rawDefaults = []string{
	`%ExY(?P<_sep>[-/.])%m` + sameSep + `%d(?:T|` + blanks + `)` + clock24 + anyFrac + zoneAfter,
	syslogTail,
	weekdayOpt + `%b %d %ExY ` + looseClock + fraction,
	`%d(?P<_sep>[-/])%m` + sameSep + `(?:%ExY|%Exy) ` + looseClock,
	`%d(?P<_sep>[-/])%b` + sameSep + `%ExY[ :]?` + clock24 + fraction + `(?: %z)?`,
	`%m/%d/%ExY:` + clock24,
	`%m-%d-%ExY ` + looseClock + fraction,
	epochName,
	lineBegin + clock24,
	`^<%m/%d/%Exy@` + clock24 + `>`,
	`%Exy%Exm%Exd` + blanks + clock24,
	`%b %d, %ExY %I:%M:%S %p`,
	`^%b-%d-%Exy ` + looseClock,
	`%ExY%Exm%Exd(?:-|T|` + blanks + `)%ExH:?%ExM:?%ExS` + anyFrac + zoneAfter,
	`(?:%Z )?` + syslogTail,
	`(?:%z )?` + syslogTail,
	taiName,
}

// anchoredRank is the weight of a hit of the line-begin copies of the default
// templates; all others weigh 1.
const anchoredRank = 100

// specialOf gives the special template that a part of a datepattern names, as
// it is or after an anchor.
func specialOf(part string, rank float64) (*template, bool) {
	name := strings.ToUpper(part)
	lineStart := false
	for _, prefix := range []string{lineBegin, "^"} {
		if rest, ok := strings.CutPrefix(name, prefix); ok {
			name, lineStart = rest, true
			break
		}
	}
	switch name {
	case "EPOCH":
		return special(epoch, epochName, lineStart, rank), true
	case "LEPOCH":
		return special(longEpoch, longName, lineStart, rank), true
	case "TAI64N":
		return special(tai64n, taiName, lineStart, rank), true
	}
	return nil, false
}

// defaultTemplate makes a default template from its pattern.
func defaultTemplate(pattern string, rank float64, year int) *template {
	if t, ok := specialOf(pattern, rank); ok {
		return t
	}
	t, err := prepare(pattern, year)
	if err != nil {
		panic(err) // the patterns are ours
	}
	t.rank = rank
	return t
}

// defaultTemplates is the whole list: line-begin copies of those that are not
// bound to the line's beginning yet, then all as they are.
func defaultTemplates(year int) []*template {
	var raw, copies []*template
	for _, pattern := range rawDefaults {
		t := defaultTemplate(pattern, 1, year)
		raw = append(raw, t)
		if !t.anchored {
			copies = append(copies, defaultTemplate(lineBegin+pattern, anchoredRank, year))
		}
	}
	return append(copies, raw...)
}

var dateMark = regexp.MustCompile(`(?i)\{DATE\}`)

// datedTemplates makes one template for each raw default from a pattern in
// which {DATE} stands for it.
func datedTemplates(pattern string, year int) ([]*template, error) {
	var list []*template
	for _, raw := range rawDefaults {
		inner := strings.TrimPrefix(raw, lineBegin)
		part := dateMark.ReplaceAllLiteralString(pattern, inner)
		t, err := single(part, year)
		if err != nil {
			return nil, err
		}
		list = append(list, t)
	}
	return list, nil
}

// made keeps the templates of patterns, as many jails have the same ones.
var made struct {
	sync.Mutex
	templates map[madeKey]*template
}

type madeKey struct {
	part string
	year int
}

// maxMade bounds the templates that are kept.
const maxMade = 1024

// single gives the template of one part of a datepattern that stands for one
// template only.
func single(part string, year int) (*template, error) {
	key := madeKey{part, year}
	made.Lock()
	t := made.templates[key]
	made.Unlock()
	if t != nil {
		return t, nil
	}
	t, err := makeSingle(part, year)
	if err != nil {
		return nil, err
	}
	made.Lock()
	defer made.Unlock()
	if made.templates == nil || len(made.templates) >= maxMade {
		made.templates = map[madeKey]*template{}
	}
	made.templates[key] = t
	return t, nil
}

// makeSingle makes the template that single gives.
func makeSingle(part string, year int) (*template, error) {
	if epochMark.MatchString(part) {
		return newEpoch(part)
	}
	if !strings.Contains(part, "%") {
		if strings.EqualFold(part, "{NONE}") {
			return newPattern(unbound+"^", year)
		}
		if t, ok := specialOf(part, 1); ok {
			return t, nil
		}
	}
	return newPattern(part, year)
}

// defaultsByYear keeps the default templates, which all detectors share.
var defaultsByYear sync.Map

// defaultsOf gives the default templates as of a year.
func defaultsOf(year int) []*template {
	load, _ := defaultsByYear.LoadOrStore(year, sync.OnceValue(func() []*template {
		return defaultTemplates(year)
	}))
	return load.(func() []*template)()
}

// anchoredOnly keeps the templates that are bound to a line's beginning.
func anchoredOnly(list []*template) []*template {
	var kept []*template
	for _, t := range list {
		if t.anchored {
			kept = append(kept, t)
		}
	}
	return kept
}
