package datepattern

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"stockade/internal/pyre"
	"stockade/internal/testenv"
)

// The same lines in the same order through the reference's detector and ours:
// where the date is, which template found it, what time it is, and how the
// templates are ranked afterwards.
func TestDetectorEqualsReference(t *testing.T) {
	o := newOracle(t)
	scenarios := 1200
	if testenv.Full() {
		scenarios = 60_000
	}
	seed := uint64(1)
	if text := os.Getenv("STOCKADE_SEED"); text != "" {
		seed, _ = strconv.ParseUint(text, 10, 64)
	}
	g := generator{rand.New(rand.NewPCG(seed, 4))}
	c := comparison{wins: map[string]int{}}
	for i := range scenarios {
		s := g.scenario(30)
		if difference := c.compare(o.ask(t, s), s); difference != "" {
			t.Errorf("scenario %d: TZ=%s now=%d patterns=%q zone=%v\n%s", i, s.TZ, s.Now, s.Patterns, deref(s.Zone), difference)
			if c.different++; c.different > 10 {
				t.Fatal("and so on")
			}
		}
	}
	t.Logf("%d lines, %d with a date, %d with a time, %d errors, %d answered from memory; %d scenarios refused by both",
		c.lines, c.matched, c.timed, c.errors, c.remembered, c.refused)
	least := 3
	if testenv.Full() {
		least = 500
	}
	for _, template := range defaultsOf(2026) {
		if n := c.wins[template.name]; n < least {
			t.Errorf("%s found only %d dates", template.name, n)
		}
	}
	if c.matched*10 < c.lines*4 {
		t.Errorf("only %d of %d lines have a date: the comparison compares nothing with nothing", c.matched, c.lines)
	}
	if c.remembered*10 < c.matched {
		t.Errorf("only %d of %d dates were answered from memory: the fast way is not compared", c.remembered, c.matched)
	}
}

func deref(s *string) string {
	if s == nil {
		return "unset"
	}
	return strconv.Quote(*s)
}

// comparison counts what was compared.
type comparison struct {
	lines, matched, timed, errors, remembered, refused, different int
	// wins counts the matches by the name of their template.
	wins map[string]int
}

// compare runs a scenario through our detector and tells the first difference.
func (c *comparison) compare(v verdict, s scenario) string {
	zone, err := LoadZone(s.TZ)
	if err != nil {
		return err.Error()
	}
	now := s.Now
	d := New(Env{Now: func() time.Time { return time.Unix(now, 0) }, Zone: zone})
	for _, p := range s.Patterns {
		if err = d.Append(p); err != nil {
			break
		}
	}
	if err == nil && s.Zone != nil {
		err = d.SetDefaultZone(*s.Zone)
	}
	if err != nil {
		return c.refusal(v, err)
	}
	if v.Error != nil {
		return fmt.Sprintf("the reference refuses: %q", v.Error)
	}
	m := pyre.NewMachine()
	for i, line := range s.Lines {
		now = line.Now
		if listed(v.Lines[i].Error) {
			return "" // the states part here
		}
		difference := c.line(d, m, line, v.Lines[i])
		if difference == "" {
			difference = order(d, v.Lines[i].Order)
		}
		if difference != "" {
			return fmt.Sprintf("line %d (now %d): %q\n%s\n%s", i, now, line.Text, difference, history(s, i))
		}
	}
	return c.ranking(d, v)
}

// listed tells whether an error of the reference is one of the differences that
// docs/compat/datepattern.md lists: an empty match at the end of a line, and
// flags in a pattern that has letters in any case anyway.
func listed(failure []string) bool {
	if failure == nil {
		return false
	}
	return failure[0] == "IndexError" || strings.HasPrefix(failure[1], "global flags not at the start")
}

// order compares the order of the templates.
func order(d *Detector, want []string) string {
	for i, r := range d.order {
		if i >= len(want) || r.name != want[i] {
			names := make([]string, len(d.order))
			for j, r := range d.order {
				names[j] = fmt.Sprint(r.name, " hits ", r.hits, " weight ", r.weight())
			}
			return fmt.Sprintf("order at %d:\n%s\nthe reference:\n%s", i, strings.Join(names, "\n"), strings.Join(want, "\n"))
		}
	}
	return ""
}

func history(s scenario, n int) string {
	text := "before:"
	for _, line := range s.Lines[max(0, n-12):n] {
		text += fmt.Sprintf("\n  %d %q", line.Now, line.Text)
	}
	return text
}

// refusal checks that the reference refuses as well, at once or at the first
// line that shows the pattern to be no regular expression.
func (c *comparison) refusal(v verdict, err error) string {
	c.refused++
	if v.Error != nil {
		if v.Error[1] != err.Error() && !strings.HasPrefix(err.Error(), "compile ") {
			return fmt.Sprintf("refused with %q, by the reference with %q", err, v.Error)
		}
		return ""
	}
	if v.Broken {
		return ""
	}
	return fmt.Sprintf("refused with %q, not by the reference", err)
}

func (c *comparison) line(d *Detector, m *pyre.Machine, line moment, want lineVerdict) string {
	c.lines++
	text := []byte(line.Text)
	_, known := d.peek(text)
	budget := pyre.LineBudget(len(text))
	hit, ok, err := d.Match(m, text, &budget)
	if err != nil {
		return err.Error()
	}
	if want.Error != nil {
		return fmt.Sprintf("the reference fails: %q", want.Error)
	}
	if !ok || want.Span == nil {
		if ok != (want.Span != nil) {
			return fmt.Sprintf("found %v %+v, the reference %+v", ok, hit, want)
		}
		return ""
	}
	c.matched++
	c.wins[want.Name]++
	if known {
		c.remembered++
	}
	name := d.added[hit.Template].name
	span := []int{characters(text[:hit.WholeStart]), characters(text[:hit.WholeEnd])}
	cut := []int{characters(text[:hit.Start]), characters(text[:hit.End])}
	if want.Cut[0] < 0 {
		want.Cut = cut
	}
	if name != want.Name || span[0] != want.Span[0] || span[1] != want.Span[1] || cut[0] != want.Cut[0] || cut[1] != want.Cut[1] {
		return fmt.Sprintf("%q at %v cut %v (remembered: %v), the reference %q at %v cut %v", name, span, cut, known, want.Name, want.Span, want.Cut)
	}
	return c.time(d, text, hit, want)
}

func (c *comparison) time(d *Detector, text []byte, hit Hit, want lineVerdict) string {
	stamp, ok, err := d.Time(text, hit)
	switch {
	case err != nil || want.TimeError != nil:
		c.errors++
		if err == nil || want.TimeError == nil {
			return fmt.Sprintf("time %v %v %v, the reference %v %q", stamp, ok, err, show(want.Time), want.TimeError)
		}
		return ""
	case !ok || want.Time == nil:
		if ok || want.Time != nil {
			return fmt.Sprintf("time %v %v, the reference %v", stamp, ok, show(want.Time))
		}
		return ""
	}
	c.timed++
	seconds := stamp.Seconds()
	if seconds < 0 {
		return "" // the C library's rules of POSIX zones begin in 1970
	}
	// Dividing by 1000 Python may round once more.
	ulp := math.Nextafter(seconds, math.Inf(1)) - seconds
	if math.Abs(seconds-*want.Time) > ulp || stamp.Integer != want.Integer {
		return fmt.Sprintf("time %f integer %v, the reference %f %v (%v)", seconds, stamp.Integer, *want.Time, want.Integer, seconds-*want.Time)
	}
	return ""
}

func show(v *float64) string {
	if v == nil {
		return "none"
	}
	return fmt.Sprint(*v)
}

func (c *comparison) ranking(d *Detector, v verdict) string {
	got := d.Templates()
	if len(got) == 0 && len(v.Ranking) == 31 {
		return "" // no line came
	}
	if len(got) != len(v.Ranking) {
		return fmt.Sprintf("%d templates, the reference %d", len(got), len(v.Ranking))
	}
	for i, w := range v.Ranking {
		if g := got[i]; g.Name != w.Name || g.Pattern != w.Pattern || g.Hits != w.Hits || g.Rank != w.Rank || math.Abs(g.Weight-w.Weight) > 1e-9*w.Weight || d.order[i].anchored != w.Anchored {
			return fmt.Sprintf("rank %d: %+v anchored %v, the reference %+v", i, g, d.order[i].anchored, w)
		}
	}
	return ""
}

// peek tells whether the line would be answered from memory.
func (d *Detector) peek(line []byte) (Hit, bool) {
	if !utf8.Valid(line) {
		return Hit{}, false
	}
	copied := *d
	copied.order = slices.Clone(d.order)
	for _, r := range d.added {
		before := *r
		defer func() { *r = before }()
	}
	return copied.remembered(line)
}
