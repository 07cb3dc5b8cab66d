package filter

import (
	"bytes"
	"strings"
	"time"

	"stockade/internal/datepattern"
	"stockade/internal/pyre"
)

// When returns a function that reads the time of a raw line, for the search
// for the first line that matters. It has a detector of its own and may be
// called by another goroutine than the filter's; env must be safe for that.
func (f *Filter) When(env datepattern.Env) func(raw []byte) (time.Time, bool) {
	dates := datepattern.New(env)
	if f.settings.datePattern != "" {
		// It was accepted before, so it is again.
		_ = dates.AppendOption(f.settings.datePattern)
	}
	if tz, ok := f.LogTimezone(); ok {
		_ = dates.SetDefaultZone(tz)
	}
	machine := pyre.NewMachine()
	enc := f.settings.encoding
	var buf []byte
	return func(raw []byte) (time.Time, bool) {
		line, _ := enc.Decode(buf[:0], raw)
		budget := pyre.LineBudget(len(line))
		hit, found, err := dates.Match(machine, line, &budget)
		if err != nil || !found || hit.Start == hit.End {
			return time.Time{}, false
		}
		stamp, ok, err := dates.Time(line, hit)
		return stamp.Time, ok && err == nil
	}
}

// Split returns how a source finds the end of a line where characters have
// more than one byte each, nil where a line simply ends after 0x0A.
func (f *Filter) Split() func(data []byte) int {
	unit := f.settings.encoding.Unit()
	if unit == 1 {
		return nil
	}
	big := strings.HasSuffix(codecName(f.settings.encoding.name), "be")
	return func(data []byte) int {
		for i := 0; i+unit <= len(data); i += unit {
			if isNewline(data[i:i+unit], big) {
				return i + unit
			}
		}
		return 0
	}
}

// isNewline tells whether one character is a newline.
func isNewline(char []byte, big bool) bool {
	last := len(char) - 1
	value, rest := char[0], char[1:]
	if big {
		value, rest = char[last], char[:last]
	}
	return value == '\n' && len(bytes.Trim(rest, "\x00")) == 0
}
