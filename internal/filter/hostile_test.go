package filter

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"sort"
	"strings"
	"testing"
	"time"

	"stockade/internal/datepattern"
	"stockade/internal/filter/filtertest"
)

// What a comparison has to have seen, so that it does not compare nothing with
// nothing.
const (
	needRuleHits  = 50
	needDateHits  = 500
	needFlagHits  = 200
	needMatchRate = 0.40
	// overBudgetRate is how many pairs may be counted apart because one side
	// gave up.
	overBudgetRate = 1e-4
)

// TestHostileLines mutates the reference's sample lines and runs both programs
// on them with every stock filter in every mode.
func TestHostileLines(t *testing.T) {
	d := filtertest.Start(t, sampleZone)
	zone, err := datepattern.LoadZone(sampleZone)
	if err != nil {
		t.Fatal(err)
	}
	h := &hostile{
		t: t, d: d, zone: zone, rnd: rand.New(rand.NewPCG(20, 26)),
		flags: map[string]int{}, dates: map[string]int{},
	}
	h.templates()
	want := scale(100_000, 2_000_000)
	all := targets(t, d, filepath.Join(d.Dir, "etc/fail2ban"))
	for i := range all {
		h.cover(&all[i])
	}
	for round := 0; h.evaluations < want; round++ {
		h.roam(&all[round%len(all)])
	}
	h.report()
}

// hostile is the state of the comparison.
type hostile struct {
	t    *testing.T
	d    *filtertest.Driver
	zone *time.Location
	rnd  *rand.Rand

	evaluations, matched, overBudget, differences int
	rules                                         []ruleHits
	flags, dates                                  map[string]int
	// defaults are the names of the default date templates.
	defaults []string
}

type ruleHits struct {
	target string
	hits   []int
}

// run compares a batch of lines and counts what was seen.
func (h *hostile) run(s *side, name string, hits []int, lines []filtertest.Line) {
	for len(lines) > 0 {
		results, diff, got, want := s.compare(lines)
		n := len(lines)
		if diff >= 0 {
			n = diff + 1
		}
		for _, r := range results[:n] {
			h.count(r, hits)
		}
		for name, hits := range h.d.Dates(s.id) {
			h.dates[name] += hits
		}
		if diff < 0 {
			s.reset(h.t, h.zone)
			return
		}
		h.judge(name, lines[diff], got, want)
		lines = lines[n:]
		s.reset(h.t, h.zone)
	}
}

// judge tells a difference from a pair that one side gave up on.
func (h *hostile) judge(name string, ln filtertest.Line, got, want string) {
	if want == "TookTooLong" {
		h.overBudget++
		return
	}
	if explained(ln, want) {
		return
	}
	if h.differences++; h.differences <= 10 {
		h.t.Errorf("%s line %q:\n got %s\nwant %s", name, shorten(ln.Text), shorten([]byte(got)), shorten([]byte(want)))
	}
}

// explained tells of the differences that are meant: see docs/compat.
func explained(ln filtertest.Line, want string) bool {
	return len(bytes.TrimRight(ln.Text, "\r\n")) == 0 && strings.Contains(want, "string index out of range")
}

func shorten(b []byte) string {
	if len(b) > 1500 {
		return fmt.Sprintf("%s… (%d bytes)", b[:1500], len(b))
	}
	return string(b)
}

// count notes what the reference found.
func (h *hostile) count(r filtertest.Result, hits []int) {
	h.evaluations++
	if len(r.Rows) > 0 {
		h.matched++
	}
	for _, x := range r.Rows {
		if hits != nil {
			hits[x.Index]++
		}
		for _, p := range x.Data {
			switch p[0] {
			case "mlfid", "nofail", "mlfgained", "users":
				h.flags[p[0].(string)]++
			}
		}
		if x.Pending {
			h.flags["pending"]++
		}
	}
}

// cover hits every failregex of a target often enough, with lines that are
// changed a little.
func (h *hostile) cover(tg *target) {
	lines := tg.sampleLines(h.t, h.d.Dir)
	name := fmt.Sprintf("%s%v", tg.name, tg.opts)
	hits := make([]int, len(tg.spec.Failregex))
	h.rules = append(h.rules, ruleHits{name, hits})
	if len(lines) == 0 {
		return
	}
	tg.spec.All, tg.spec.Raw = true, true
	s := newSide(h.t, h.d, tg.spec, h.zone)
	defer h.d.Drop(s.id)
	plain := s.journalise(*tg, stamped(lines))
	results, diff, got, want := s.compare(plain)
	if diff >= 0 {
		h.judge(name, plain[diff], got, want)
	}
	byRule := make([][]int, len(hits))
	for i, r := range results {
		h.count(r, hits)
		for _, x := range r.Rows {
			byRule[x.Index] = append(byRule[x.Index], i)
		}
	}
	s.reset(h.t, h.zone)
	for round := 0; round < 8; round++ {
		var batch []filtertest.Line
		for rule, from := range byRule {
			for k := 0; len(from) > 0 && k < needRuleHits-hits[rule]; k++ {
				at := from[h.rnd.IntN(len(from))]
				first := at
				if tg.spec.MaxLines > 1 {
					first = max(0, at-tg.spec.MaxLines+1)
				}
				for _, ln := range plain[first : at+1] {
					if round < 6 {
						ln.Text = h.mild(ln.Text)
					}
					batch = append(batch, ln)
				}
			}
		}
		if len(batch) == 0 {
			return
		}
		h.run(s, name, hits, batch)
	}
}

// roam runs lines that are changed a lot, in the order of the sample file so
// that sessions and several lines together are met, and as a server does.
func (h *hostile) roam(tg *target) {
	lines := tg.sampleLines(h.t, h.d.Dir)
	if len(lines) == 0 {
		return
	}
	spec := tg.spec
	spec.All = h.rnd.IntN(2) == 0
	spec.Raw = true
	if h.rnd.IntN(4) == 0 {
		spec.Raw, spec.UseDNS = false, "no"
	}
	if h.rnd.IntN(3) == 0 {
		spec.Age, spec.FindTime = true, 600
		operation := h.rnd.IntN(2) == 0
		spec.Operation = &operation
	}
	id, refused := h.d.TryMake(spec)
	if refused != "" {
		h.t.Fatalf("%s: %s", tg.name, refused)
	}
	h.d.Drop(id)
	s := newSide(h.t, h.d, spec, h.zone)
	defer func() { h.d.Drop(s.id) }()
	var batch []filtertest.Line
	start := h.rnd.IntN(len(lines))
	for k := range 60 {
		ln := filtertest.Line{Text: []byte(lines[(start+k)%len(lines)]), Now: float64(noon.Unix() + int64(k))}
		switch h.rnd.IntN(5) {
		case 0, 1:
			ln.Text = h.mild(ln.Text)
		case 2:
			ln.Text = h.wild(ln.Text)
		case 3:
			ln.Text = h.redate(ln.Text)
		}
		if h.rnd.IntN(40) == 0 {
			other := lines[h.rnd.IntN(len(lines))]
			ln.Text = append(ln.Text, other...)
		}
		batch = append(batch, ln)
	}
	h.run(s, fmt.Sprintf("%s%v all=%v raw=%v age=%v", tg.name, tg.opts, spec.All, spec.Raw, spec.Age), nil, s.journalise(*tg, batch))
}

// templates meets every date template of the default list, in front of a line
// and inside it.
func (h *hostile) templates() {
	s := newSide(h.t, h.d, filtertest.Spec{Failregex: []string{`x <HOST>(?: <F-USER>\S+</F-USER>)?$`}, All: true, Raw: true}, h.zone)
	defer func() { h.d.Drop(s.id) }()
	s.compare([]filtertest.Line{{Text: []byte("x"), Now: float64(noon.Unix())}})
	for name := range h.d.Dates(s.id) {
		h.defaults = append(h.defaults, name)
	}
	sort.Strings(h.defaults)
	for _, anchored := range []bool{true, false} {
		for _, shape := range dateShapes {
			for n := 0; n < needDateHits*13/10; {
				var batch []filtertest.Line
				for range 110 {
					batch = append(batch, filtertest.Line{Text: h.dated(shape, anchored), Now: float64(noon.Unix())})
				}
				h.run(s, "default dates "+shape, nil, batch)
				n += len(batch)
			}
		}
	}
}

// report prints the table and fails for a shortfall.
func (h *hostile) report() {
	t := h.t
	rate := float64(h.matched) / float64(h.evaluations)
	t.Logf("%d evaluations, %.1f%% matched in the reference, %d given up, %d differences", h.evaluations, 100*rate, h.overBudget, h.differences)
	if rate < needMatchRate {
		t.Errorf("only %.1f%% matched", 100*rate)
	}
	if float64(h.overBudget) > overBudgetRate*float64(h.evaluations) {
		t.Errorf("%d pairs were given up", h.overBudget)
	}
	short := 0
	total := 0
	for _, r := range h.rules {
		for i, n := range r.hits {
			total++
			key := fmt.Sprintf("%s %d", r.target, i)
			if n < needRuleHits {
				if short++; short <= 40 {
					t.Errorf("failregex %s was hit %d times", key, n)
				}
			}
		}
	}
	t.Logf("%d failregexes in %d filters and modes, %d short of %d hits", total, len(h.rules), short, needRuleHits)
	for _, flag := range []string{"mlfid", "nofail", "mlfgained", "users", "pending"} {
		t.Logf("%8d %s", h.flags[flag], flag)
		if h.flags[flag] < needFlagHits {
			t.Errorf("session flag %s was met %d times", flag, h.flags[flag])
		}
	}
	for _, name := range h.defaults {
		t.Logf("%8d %s", h.dates[name], name)
		if h.dates[name] < needDateHits {
			t.Errorf("date template %s was met %d times", name, h.dates[name])
		}
	}
}
