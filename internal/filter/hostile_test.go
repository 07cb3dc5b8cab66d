package filter

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"regexp"
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

// dateShapes are the 17 shapes of the default list, in Go's notation; # stands
// for an epoch, @ for TAI64N.
var dateShapes = []string{
	"2006-01-02 15:04:05", "Mon Jan _2 15:04:05 2006", "Jan 02 2006 15:04:05", "02/01/2006 15:04:05",
	"02/Jan/2006:15:04:05 -0700", "01/02/2006:15:04:05", "01-02-2006 15:04:05.000", "#", "15:04:05",
	"<01/02/06@15:04:05>", "060102 15:04:05", "Jan 02, 2006 03:04:05 PM", "Jan-02-06 15:04:05",
	"20060102T150405", "CET Jan 02 15:04:05", "+02:00 Jan 02 15:04:05", "@",
}

// dated makes a line with a date of that shape.
func (h *hostile) dated(shape string, anchored bool) []byte {
	date := h.date(shape)
	user := ""
	if h.rnd.IntN(3) == 0 {
		user = " u" + fmt.Sprint(h.rnd.IntN(99))
	}
	tail := fmt.Sprintf(" x 1.2.3.%d%s", h.rnd.IntN(300), user)
	if strings.HasPrefix(shape, "<") || strings.HasPrefix(shape, "Jan-") {
		return []byte(date + tail)
	}
	if anchored {
		return []byte([]string{"", "", "[", "- "}[h.rnd.IntN(4)] + date + tail)
	}
	if shape == "#" {
		return []byte("type=X msg=audit(" + date + tail)
	}
	return []byte([]string{"some words ", "abc [", "host-1: p ", "audit("}[h.rnd.IntN(4)] + date + tail)
}

func (h *hostile) date(shape string) string {
	at := noon.Add(time.Duration(h.rnd.IntN(400*24*3600)-200*24*3600) * time.Second).In(h.zone)
	switch shape {
	case "#":
		return fmt.Sprint(at.Unix()) + []string{"", "", ".125", "000"}[h.rnd.IntN(4)]
	case "@":
		return fmt.Sprintf("@40000000%08x%08x", at.Unix()+10, h.rnd.IntN(1<<30))
	}
	return at.Format(shape)
}

var (
	address = regexp.MustCompile(`\d{1,3}(?:\.\d{1,3}){3}`)
	word    = regexp.MustCompile(`[A-Za-z]{3,}`)
	clock   = regexp.MustCompile(`\d\d:\d\d:\d\d`)
	spaces  = regexp.MustCompile(` `)
)

// replaceOne replaces one random match of re.
func (h *hostile) replaceOne(re *regexp.Regexp, text []byte, by string) []byte {
	all := re.FindAllIndex(text, -1)
	if len(all) == 0 {
		return text
	}
	at := all[h.rnd.IntN(len(all))]
	return bytes.Join([][]byte{text[:at[0]], []byte(by), text[at[1]:]}, nil)
}

var (
	addresses = []string{"1.2.3.4", "300.1.2.3", "::ffff:1.2.3.4", "::ffff:102:304", "2001:db8::1", "[2001:db8::2]", "::", "fe80::1", "1.2.3", "01.2.3.4", "ab:cd", "host.example.com", "localhost", "١.2.3.4", "1.2.3.4.5"}
	words     = []string{"root", "from 1.2.3.4", "a b", "é", "x'y", `"q"`, "<HOST>", "user=", "[x]", "(y)", "1.2.3.4", "%s", "\\", "Tür", "名前", "\xff\xfe", "\xc3", "a\u0301", "x\u00a0y", "\u2028"}
	blanks    = []string{"  ", "\t", "\u00a0", "\u2003", "\x1c", "\x85", "\u0085", "", "\r", "\x00", "\x0b"}
	insertion = []string{" from 1.2.3.4", " from 1.2.3.4 port 22", ": ", "[", "]", "(", ")", "<", ">", "\"", "'", "\x00", "\r", "\u0661", "\ufeff", "\xed\xa0\x80", "\xf0\x9f\x98", "ſ", "K", "ı"}
)

func (h *hostile) pick(list []string) string { return list[h.rnd.IntN(len(list))] }

// mild changes a line so that it probably still matches.
func (h *hostile) mild(text []byte) []byte {
	text = bytes.Clone(text)
	switch h.rnd.IntN(6) {
	case 0:
		return h.replaceOne(address, text, h.pick(addresses))
	case 1:
		return h.replaceOne(address, text, fmt.Sprintf("10.%d.%d.%d", h.rnd.IntN(256), h.rnd.IntN(256), h.rnd.IntN(256)))
	case 2:
		return h.replaceOne(clock, text, fmt.Sprintf("%02d:%02d:%02d", h.rnd.IntN(25), h.rnd.IntN(60), h.rnd.IntN(62)))
	case 3:
		return h.replaceOne(word, text, h.pick(words))
	case 4:
		return append(text, []string{"", " ", "\r", " [preauth]"}[h.rnd.IntN(4)]...)
	}
	return text
}

// wild changes a line so that it may match in an unexpected way or not at all.
func (h *hostile) wild(text []byte) []byte {
	text = bytes.Clone(text)
	for range 1 + h.rnd.IntN(3) {
		n := len(text)
		if n == 0 {
			return text
		}
		a, b := h.rnd.IntN(n), h.rnd.IntN(n)
		if a > b {
			a, b = b, a
		}
		switch h.rnd.IntN(10) {
		case 0:
			text = text[:b]
		case 1:
			text = text[a:]
		case 2:
			text = append(text[:b:b], text[a:]...)
		case 3:
			text = append(append(append(bytes.Clone(text[b:]), text[a:b]...), text[:a]...), '\n')
			text = bytes.TrimRight(text, "\n")
		case 4:
			text = h.insert(text, a, h.pick(insertion))
		case 5:
			text = h.replaceOne(spaces, text, h.pick(blanks))
		case 6:
			text = h.replaceOne(word, text, h.pick(words))
		case 7:
			text[a] = byte(h.rnd.IntN(256))
			text = bytes.ReplaceAll(text, []byte("\n"), []byte(" "))
		case 8:
			if h.rnd.IntN(40) == 0 {
				text = h.insert(text, a, strings.Repeat(h.pick([]string{"a", "1.", ":", " ", "[", "é", "from "}), 1<<(6+h.rnd.IntN(9))))
			}
		default:
			text = h.replaceOne(address, text, h.pick(addresses))
		}
	}
	return text
}

func (h *hostile) insert(text []byte, at int, what string) []byte {
	return append(append(text[:at:at], what...), text[at:]...)
}

// redate puts another date in front of a line, or takes the hour away.
func (h *hostile) redate(text []byte) []byte {
	switch h.rnd.IntN(4) {
	case 0:
		return h.replaceOne(clock, bytes.Clone(text), h.pick([]string{"", "24:61:61", "1:2:3", "١2:00:00", "12:00"}))
	case 1:
		return append([]byte(h.pick([]string{"UTC ", "CEST ", "Z ", "abc ", "[", "<13>"})), text...)
	}
	return append([]byte(h.date(h.pick(dateShapes))+" "), text...)
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
