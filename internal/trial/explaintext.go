package trial

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Colours of the terminal.
const (
	green  = "32"
	yellow = "33"
	red    = "31"
	faint  = "2"
	bold   = "1"
)

func (x *explainer) paint(color, text string) string {
	if !x.color || text == "" {
		return text
	}
	return "\x1b[" + color + "m" + text + "\x1b[0m"
}

// plain makes text safe to show: control characters of a log line must not
// reach the terminal.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r >= 0x7f && r < 0xa0 {
			return '�'
		}
		return r
	}, s)
}

func (x *explainer) field(name, format string, args ...any) {
	fmt.Fprintf(x.out, "%-10s %s\n", name, fmt.Sprintf(format, args...))
}

// text prints an explanation for people.
func (x *explainer) text(e *explained) {
	x.field("line", "%s", x.paint(bold, plain(e.Line)))
	if e.Error != "" {
		x.field("error", "%s", x.paint(red, plain(e.Error)))
		fmt.Fprintln(x.out)
		return
	}
	switch {
	case e.Date == nil:
		x.field("date", "%s", x.paint(yellow, "none found"))
	case e.Date.Time.IsZero():
		x.field("date", "%s %s", plain(e.Date.Text), x.paint(red, "is no valid date"))
	default:
		x.field("date", "%s = %s  %s", plain(e.Date.Text), e.Date.Time.Format(time.RFC3339), x.paint(faint, e.Date.Pattern+", "+duration(e.Date.Nanos)))
	}
	x.field("searched", "%s", plain(e.Searched))
	if e.Prefregex != nil {
		x.rule(e.Prefregex, e.Searched)
		if e.Prefregex.Matched {
			x.field("content", "%s", plain(e.Content))
		}
	}
	text := e.Searched
	if e.Prefregex != nil && e.Prefregex.Matched {
		text = e.Content
	}
	x.rules(e, text)
	color := yellow
	if len(e.Failures) > 0 {
		color = green
	}
	x.field("result", "%s%s", x.paint(color, e.Outcome), hits(e.Failures))
	fmt.Fprintln(x.out)
}

func hits(list []explainedHit) string {
	var b strings.Builder
	for _, h := range list {
		fmt.Fprintf(&b, " of %s by failregex %d", plain(h.ID), h.Number)
		if h.Resolve {
			b.WriteString(" (a name, to be looked up)")
		}
	}
	return b.String()
}

// rules prints the rules that matched, then those that came furthest.
func (x *explainer) rules(e *explained, text string) {
	var near []*explainedRule
	far := 0
	for i := range e.Rules {
		r := &e.Rules[i]
		switch {
		case r.Matched || r.Budget || x.v.set["--all"]:
			x.rule(r, text)
		case r.At > 0:
			near = append(near, r)
		default:
			far++
		}
	}
	slices.SortStableFunc(near, func(a, b *explainedRule) int { return b.At - a.At })
	const shownNear = 3
	for i, r := range near {
		if i == shownNear {
			break
		}
		x.rule(r, text)
	}
	if rest := max(len(near)-shownNear, 0) + far; rest > 0 {
		x.field("", "%s", x.paint(faint, fmt.Sprintf("%d more do not match (--all shows them)", rest)))
	}
}

// rule prints what one rule made of the text.
func (x *explainer) rule(r *explainedRule, text string) {
	origin := ""
	if r.Origin != "" {
		origin = ", " + r.Origin
	}
	head := fmt.Sprintf("%d", r.Number)
	if r.Kind == "prefregex" {
		head = ""
	}
	note := x.paint(faint, duration(r.Nanos)+origin)
	switch {
	case r.Budget:
		x.field(r.Kind, "%s %s  %s", head, x.paint(red, "takes too many steps"), note)
	case r.Matched:
		x.field(r.Kind, "%s %s %s  %s", head, x.paint(green, "matches"), groupsText(r.Groups), note)
	default:
		at := min(r.At, len(text))
		x.field(r.Kind, "%s %s  %s", head, x.paint(yellow, "stops"), note)
		x.field("", "line  %s %s", plain(text[:at]), x.paint(red, "◀ "+plain(clip(text[at:]))))
		x.field("", "regex %s %s", tail(r.Reached), x.paint(red, "◀ "+clip(r.Rest)))
	}
}

// clipped is how much is shown of what follows a stop.
const clipped = 60

func clip(s string) string {
	if r := []rune(s); len(r) > clipped {
		return string(r[:clipped]) + "…"
	}
	return s
}

func tail(s string) string {
	if r := []rune(s); len(r) > clipped {
		return "…" + string(r[len(r)-clipped:])
	}
	return s
}

func groupsText(groups map[string]any) string {
	names := make([]string, 0, len(groups))
	for n := range groups {
		names = append(names, n)
	}
	slices.Sort(names)
	parts := make([]string, len(names))
	for i, n := range names {
		parts[i] = fmt.Sprintf("%s=%q", n, groups[n])
	}
	return strings.Join(parts, " ")
}

func duration(ns int64) string {
	return (time.Duration(ns) * time.Nanosecond).Round(10 * time.Nanosecond).String()
}
