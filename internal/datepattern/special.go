package datepattern

import (
	"regexp"
	"strings"
)

// Seconds since 1970, and such with milliseconds or microseconds appended.
const (
	epochDigits     = `\d{10,11}\b(?:\.\d{3,6})?`
	longEpochDigits = `\d{10,11}(?:\d{3}(?:\.\d{1,6}|\d{3})?)?`
	taiLabel        = `@[0-9a-f]{24}`
)

// epochStart is where a bare number counts as a time: at the start of a line,
// also in a bracket, and in a record of the audit daemon.
const epochStart = `(?:^|(?<=^\[)|(?<=\baudit\())`

// special makes one of the templates that read a plain number.
func special(f form, name string, lineStart bool, rank float64) *template {
	digits, start, mutable := epochDigits, epochStart, numberDigits
	switch f {
	case longEpoch:
		digits = longEpochDigits
	case tai64n:
		digits, start, mutable = taiLabel, "", immutable
	}
	regex := `(` + start + digits + `)` + rightEdge
	if lineStart {
		name = lineBegin + name
		regex = lineEdge + `(` + digits + `)` + rightEdge
	}
	return finish(&template{
		name: name, form: f, rank: rank, anchored: lineStart,
		groups: []group{{number, 1}}, mutable: mutable,
	}, regex)
}

var (
	epochMark = regexp.MustCompile(`(?i)(?:^|[^\\])\{L?EPOCH\}`)
	longMark  = regexp.MustCompile(`(?i)(?:^|[^\\])\{LEPOCH\}`)
)

// newEpoch makes the template of a user's pattern around {EPOCH} or {LEPOCH}.
// Such a pattern knows no other tokens and no prefixes. The number is read
// from the second group, as in Fail2ban.
func newEpoch(pattern string) (*template, error) {
	t := &template{name: pattern, form: epoch, rank: 1, groups: []group{{number, 2}}}
	digits := epochDigits
	regex := pattern
	if !plainGroup.MatchString(regex) {
		regex = "(" + regex + ")"
	}
	if longMark.MatchString(regex) {
		t.form, digits = longEpoch, longEpochDigits
	}
	for epochMark.MatchString(regex) {
		regex = epochMark.ReplaceAllStringFunc(regex, func(mark string) string {
			before := mark[:strings.LastIndexByte(mark, '{')]
			return before + "(" + digits + ")"
		})
	}
	return build(t, regex, edges{left: true, right: true}).checked()
}
