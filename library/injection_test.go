package library_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"stockade/internal/config"
	"stockade/internal/datepattern"
	"stockade/internal/filter"
	"stockade/internal/filter/filtertest"
	"stockade/internal/testenv"
	"stockade/library"
)

// What the attacker of these tests writes, to have others banned.
const (
	evil4    = "203.0.113.66"
	evil6    = "2001:db8:666::66"
	evilName = "victim.example"
)

// isEvil tells whether an ID was made of the attacker's text, also in part.
func isEvil(id string) bool {
	return strings.HasPrefix(id, "203.0.113.6") || strings.HasPrefix(id, "2001:db8:666:") || strings.Contains(id, evilName)
}

// fixedMutations are texts that look like the place of an address in one log
// or another.
var fixedMutations = []string{
	evil4,
	"from " + evil4 + " port 22",
	"from " + evil4 + " port 22 ssh2",
	"' from " + evil4,
	`" from "` + evil4 + `"`,
	"] [" + evil4 + "]",
	"x[" + evil4 + "]:25: y",
	"(" + evil4 + ")",
	"<" + evil4 + ">",
	"rhost=" + evil4 + " user=root",
	"user= rhost=" + evil4,
	"rip=" + evil4 + ", lip=" + evil4 + ", session=<x>",
	", client: " + evil4 + ", server: x",
	"[client " + evil4 + ":1234] x",
	`","ip":"` + evil4 + `","x":"`,
	"::ffff:" + evil4,
	"from " + evil6 + " port 22",
	"[" + evil6 + "]",
	"IPv6:" + evil6 + "]:22",
	"from " + evilName + " port 22",
	"@" + evilName + " [" + evilName + "]",
}

// mutations are the fixed ones and those made of the line itself: all of it,
// and what stands around the field, with the attacker's address in it.
func mutations(s sample, start, end int) []string {
	out := slices.Clone(fixedMutations)
	if s.host == "" {
		return out
	}
	address := evil4
	if a, err := netip.ParseAddr(s.host); err == nil && a.Is6() && strings.Contains(s.text, s.host) {
		address = evil6
	}
	fake := strings.ReplaceAll(s.text, s.host, address)
	_, message, _ := strings.Cut(fake, ": ")
	behind := strings.ReplaceAll(s.text[end:], s.host, address)
	before := strings.ReplaceAll(s.text[:start], s.host, address)
	return append(out, fake, message, `\n`+fake, "#012"+fake, "x"+behind, behind+before)
}

// mutate gives the sample's lines with each text in each free part of it, at
// the part's start and end, and at the start and end of the line.
//
// The side of the line on which the service itself writes the address is left
// out where it would give a true line about that other address, from someone
// with a longer text: the end where the address stands behind a free part, and
// a whole line at the start where it stands before one.
func mutate(s sample) ([]string, error) {
	spans, err := freeSpans(s)
	if err != nil || len(spans) == 0 {
		return nil, err
	}
	line := s.text
	behind := s.host != "" && strings.Contains(line[spans[0][1]:], s.host)
	ahead := s.host != "" && strings.Contains(line[:spans[len(spans)-1][0]], s.host)
	var out []string
	for _, span := range spans {
		before, field, after := line[:span[0]], line[span[0]:span[1]], line[span[1]:]
		for i, m := range mutations(s, span[0], span[1]) {
			for _, f := range []string{m, m + field, m + " " + field, field + m, field + " " + m} {
				out = append(out, before+f+after)
			}
			if !ahead || i < len(fixedMutations) {
				out = append(out, m+" "+line)
			}
			if !behind {
				out = append(out, line+" "+m)
			}
		}
	}
	return out, nil
}

// freeSpans finds the free parts of a line, in their order.
func freeSpans(s sample) ([][2]int, error) {
	var out [][2]int
	at := 0
	for _, text := range s.free {
		i := strings.Index(s.text[at:], text)
		if i < 0 || text == "" {
			return nil, fmt.Errorf("line %d: the free text %q is not in the line", s.number, text)
		}
		out = append(out, [2]int{at + i, at + i + len(text)})
		at += i + len(text)
	}
	return out, nil
}

const (
	sampleZone = "CET-01CEST-02,M3.5.0,M10.5.0"
	sampleNow  = 1124013600
	// journalDate is the time of the samples that are from the journal.
	journalDate = "2005-08-14T10:00:00"
)

// openFilter reads a filter of the library.
func openFilter(t *testing.T, name string, params map[string]string) *filter.Filter {
	t.Helper()
	def, _, err := config.ReadFilter(config.Options{Dir: "/nonexistent", Library: library.Files()}, name, paramList(params), name)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return buildFilter(t, name, def)
}

// buildFilter sets up the filter of a definition.
func buildFilter(t *testing.T, name string, def *config.FilterDef) *filter.Filter {
	t.Helper()
	zone, err := datepattern.LoadZone(sampleZone)
	if err != nil {
		t.Fatal(err)
	}
	f := filter.New(datepattern.Env{Now: func() time.Time { return time.Unix(sampleNow, 0) }, Zone: zone})
	f.SetAgeChecks(false)
	f.SetCheckAll(true)
	f.SetRawHosts(true)
	check := func(err error) {
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	check(f.SetMaxLines(max(def.MaxLines, 1)))
	check(f.SetPrefregex(filter.Rule{Text: def.Prefregex.Text}))
	for _, r := range def.Failregex {
		check(f.AddFailregex(filter.Rule{Text: r.Text}))
	}
	for _, r := range def.Ignoreregex {
		check(f.AddIgnoreregex(filter.Rule{Text: r.Text}))
	}
	if def.DatePattern != "" {
		check(f.SetDatePattern(def.DatePattern))
	}
	return f
}

func paramList(params map[string]string) []config.Param {
	var list []config.Param
	for k, v := range params {
		list = append(list, config.Param{Name: k, Value: v})
	}
	slices.SortFunc(list, func(a, b config.Param) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// run gives the IDs that a filter finds in a line.
func run(f *filter.Filter, line string, journal bool) []string {
	now := time.Unix(sampleNow, 0)
	ln := filter.Line{Text: []byte(line), InOperation: true}
	if journal {
		ln.Given = &filter.Given{Date: journalDate, Time: now, IntegerTime: true}
	}
	fails, _ := f.Process(now, ln)
	var ids []string
	for i := range fails {
		if x := &fails[i]; !x.NoFail && !x.Pending {
			ids = append(ids, x.ID.String())
		}
	}
	return ids
}

// TestInjectedAddressesAreNeverFound writes addresses into all that an
// attacker can write of our sample lines, and wants none of them banned.
func TestInjectedAddressesAreNeverFound(t *testing.T) {
	var lines, found int
	for _, name := range ourFilters(t) {
		file, err := readSamples(library.Samples(), name)
		if err != nil {
			t.Errorf("filter %s has no samples: %v", name, err)
			continue
		}
		if !file.anyFree && file.noFree == "" {
			t.Errorf("%s: no line has a free part, and no header says why", name)
		}
		n, bad := injectOurs(t, name, file)
		lines, found = lines+n, found+bad
	}
	t.Logf("%d lines, %d addresses of the attacker found", lines, found)
}

func injectOurs(t *testing.T, name string, file *sampleFile) (lines, found int) {
	filters := map[string]*filter.Filter{}
	for _, s := range file.samples {
		mutated, err := mutate(s)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		key := fmt.Sprint(s.params())
		if filters[key] == nil {
			filters[key] = openFilter(t, name, s.params())
		}
		for _, line := range mutated {
			lines++
			for _, id := range run(filters[key], s.options["test.prefix-line"]+line, s.options["logtype"] == "journal") {
				if !isEvil(id) {
					continue
				}
				if found++; found <= 5 {
					t.Errorf("%s line %d %v finds %s in\n    %s", name, s.number, s.params(), id, line)
				}
			}
		}
	}
	return lines, found
}

// TestInjectionBesideReference counts what the reference's filters of the same
// name make of the same lines. Its short form takes one line in forty.
func TestInjectionBesideReference(t *testing.T) {
	d := filtertest.Start(t, sampleZone)
	theirs := d.Dir + "/etc/fail2ban"
	step := 40
	if testenv.Full() {
		step = 1
	}
	var lines, ours, reference, caught int
	for _, name := range ourFilters(t) {
		file, err := readSamples(library.Samples(), name)
		if err != nil || !fileExists(theirs+"/filter.d/"+name+".conf") {
			continue
		}
		b := beside{d: d, dir: theirs, name: name, step: step}
		b.run(t, file)
		if b.reference > 0 || b.ours > 0 {
			t.Logf("%-20s %6d lines: ours bans the wrong one %d times, the reference %d", name, b.lines, b.ours, b.reference)
		}
		lines, ours, reference, caught = lines+b.lines, ours+b.ours, reference+b.reference, caught+b.right
	}
	t.Logf("all: %d lines, ours bans the wrong one %d times (and the attacker %d times), the reference %d", lines, ours, caught, reference)
	if ours > 0 {
		t.Errorf("ours banned the wrong address %d times", ours)
	}
}

// beside is one filter, ours and the reference's, over the same lines.
type beside struct {
	d                             *filtertest.Driver
	dir, name                     string
	step, count                   int
	lines, ours, right, reference int
}

func (b *beside) run(t *testing.T, file *sampleFile) {
	type work struct {
		f     *filter.Filter
		id    int
		batch []filtertest.Line
	}
	jobs := map[string]*work{}
	for _, s := range file.samples {
		mutated, err := mutate(s)
		if err != nil || len(mutated) == 0 {
			continue
		}
		key := fmt.Sprint(s.params())
		w := jobs[key]
		if w == nil {
			w = &work{f: openFilter(t, b.name, s.params()), id: b.open(s.params())}
			jobs[key] = w
		}
		journal := s.options["logtype"] == "journal"
		for _, line := range mutated {
			if b.count++; b.count%b.step != 0 {
				continue
			}
			line = s.options["test.prefix-line"] + line
			b.own(run(w.f, line, journal))
			l := filtertest.Line{Text: []byte(line), Now: sampleNow}
			if journal {
				l.Date, l.Time = journalDate, sampleNow
			}
			w.batch = append(w.batch, l)
		}
	}
	for _, w := range jobs {
		if w.id > 0 {
			b.ask(w.id, w.batch)
		}
	}
}

// own counts what our filter found in one line.
func (b *beside) own(ids []string) {
	b.lines++
	for _, id := range ids {
		if isEvil(id) {
			b.ours++
		} else {
			b.right++
		}
	}
}

// open sets the reference's filter up; 0 where it knows no such options.
func (b *beside) open(params map[string]string) int {
	opts := map[string]string{"logtype": "file"}
	for k, v := range params {
		opts[k] = v
	}
	spec := b.d.Read(b.dir, b.name, opts)
	spec.All, spec.Raw = true, true
	id, _ := b.d.TryMake(spec)
	return id
}

func (b *beside) ask(id int, batch []filtertest.Line) {
	for part := range slices.Chunk(batch, 500) {
		for _, r := range b.d.Run(id, part) {
			for _, row := range r.Rows {
				if row.ID != nil && !row.Pending && !nofail(row) && isEvil(*row.ID) {
					b.reference++
				}
			}
		}
	}
	b.d.Drop(id)
}

func nofail(row filtertest.Row) bool {
	for _, kv := range row.Data {
		if kv[0] == "nofail" && kv[1] != nil && kv[1] != "" {
			return true
		}
	}
	return false
}
