package filter

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"stockade/internal/datepattern"
	"stockade/internal/filter/filtertest"
	"stockade/internal/pyobj"
	"stockade/internal/testenv"
)

// sampleZone is the zone in which the reference's sample logs are read.
const sampleZone = "CET-01CEST-02,M3.5.0,M10.5.0"

// side is one filter on both sides.
type side struct {
	d    *filtertest.Driver
	spec filtertest.Spec
	id   int
	f    *Filter
}

func newSide(t testing.TB, d *filtertest.Driver, spec filtertest.Spec, zone *time.Location) *side {
	t.Helper()
	s := &side{d: d, spec: spec}
	s.reset(t, zone)
	return s
}

// reset starts both sides afresh.
func (s *side) reset(t testing.TB, zone *time.Location) {
	t.Helper()
	if s.id != 0 {
		s.d.Drop(s.id)
	}
	s.id = s.d.Make(s.spec)
	f, err := build(s.spec, zone)
	if err != nil {
		t.Fatal(err)
	}
	s.f = f
}

// build makes our filter of a spec.
func build(spec filtertest.Spec, zone *time.Location) (*Filter, error) {
	f := New(datepattern.Env{Now: func() time.Time { return noon }, Zone: zone})
	f.SetAgeChecks(spec.Age)
	f.SetCheckAll(spec.All)
	f.SetRawHosts(spec.Raw)
	if spec.UseDNS != "" {
		if err := f.SetUseDNS(spec.UseDNS); err != nil {
			return nil, err
		}
	}
	if spec.MaxLines > 0 {
		if err := f.SetMaxLines(spec.MaxLines); err != nil {
			return nil, err
		}
	}
	if err := f.SetPrefregex(Rule{Text: spec.Prefregex}); err != nil {
		return nil, err
	}
	for _, r := range spec.Failregex {
		if err := f.AddFailregex(Rule{Text: r}); err != nil {
			return nil, err
		}
	}
	for _, r := range spec.Ignoreregex {
		if err := f.AddIgnoreregex(Rule{Text: r}); err != nil {
			return nil, err
		}
	}
	if spec.DatePattern != "" {
		if err := f.SetDatePattern(spec.DatePattern); err != nil {
			return nil, err
		}
	}
	if spec.LogTimezone != nil {
		if err := f.SetLogTimezone(*spec.LogTimezone); err != nil {
			return nil, err
		}
	}
	if spec.FindTime > 0 {
		f.SetFindTime(time.Duration(spec.FindTime) * time.Second)
	}
	if spec.Encoding != "" {
		return f, f.SetLogEncoding(spec.Encoding)
	}
	return f, nil
}

// process runs one line on our side and spells the result as text.
func (s *side) process(ln filtertest.Line) (string, Info) {
	line := Line{Text: ln.Text, InOperation: s.spec.Operation == nil || *s.spec.Operation}
	if ln.Date != "" {
		line.Given = &Given{Date: ln.Date, Time: floatTime(ln.Time)}
	}
	fails, info := s.f.Process(floatTime(ln.Now), line)
	if info.Err != nil {
		return "error", info
	}
	var b strings.Builder
	for n, x := range fails {
		id := "none"
		if !x.Pending {
			id = fmt.Sprintf("%q %s", x.ID.String(), x.ID.Family())
		}
		when := "never"
		if x.HasTime {
			when = fmt.Sprintf("%.3f", float64(x.Time.UnixMicro())/1e6)
		}
		fmt.Fprintf(&b, "%d %s %s pending=%v", x.Index, id, when, x.Pending)
		for i := range x.Data {
			e := &x.Data[i]
			if e.Group == groupUsers && n < len(fails)-1 {
				// The reference's results of one line share one set.
				continue
			}
			fmt.Fprintf(&b, " %s=%s", e.Name(), dataText(e.Value()))
		}
		b.WriteString(" |")
		for _, m := range x.Matches {
			fmt.Fprintf(&b, " %q", []string{m.Before, m.Date, m.After})
		}
		b.WriteByte('\n')
	}
	return b.String(), info
}

func floatTime(f float64) time.Time {
	whole, frac := math.Modf(f)
	return time.Unix(int64(whole), int64(math.Round(frac*1e6))*1000)
}

// dataText spells one captured value.
func dataText(v any) string {
	switch x := v.(type) {
	case nil:
		return "null"
	case []string:
		sorted := slices.Clone(x)
		sort.Strings(sorted)
		return fmt.Sprintf("set%q", sorted)
	case pyobj.Tuple:
		var parts []string
		for _, p := range x {
			parts = append(parts, dataText(p))
		}
		return "tuple(" + strings.Join(parts, ",") + ")"
	case map[string]any:
		if set, ok := x["set"].([]any); ok {
			var names []string
			for _, n := range set {
				names = append(names, fmt.Sprint(n))
			}
			return fmt.Sprintf("set%q", names)
		}
		parts := []string{}
		for _, p := range x["tuple"].([]any) {
			parts = append(parts, dataText(p))
		}
		return "tuple(" + strings.Join(parts, ",") + ")"
	}
	return fmt.Sprintf("%q", v)
}

// referenceText spells a result of the reference as process spells ours.
func referenceText(r filtertest.Result) string {
	if r.Error != "" {
		return "error"
	}
	var b strings.Builder
	for n, x := range r.Rows {
		id := "none"
		if x.ID != nil {
			id = fmt.Sprintf("%q %s", *x.ID, x.Family)
		}
		when := "never"
		if x.Time != nil {
			when = fmt.Sprintf("%.3f", *x.Time)
		}
		fmt.Fprintf(&b, "%d %s %s pending=%v", x.Index, id, when, x.Pending)
		for _, p := range x.Data {
			if p[0] == "users" && n < len(r.Rows)-1 {
				continue
			}
			fmt.Fprintf(&b, " %s=%s", p[0], dataText(p[1]))
		}
		b.WriteString(" |")
		for _, m := range x.Matches {
			fmt.Fprintf(&b, " %q", m)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// compare runs lines on both sides and returns the reference's results and the
// index of the first line with different ones, -1 for none.
func (s *side) compare(lines []filtertest.Line) (results []filtertest.Result, diff int, ours, theirs string) {
	results = s.d.Run(s.id, lines)
	for i, ln := range lines {
		if results[i].Error == "TookTooLong" {
			return results, i, "", "TookTooLong"
		}
		before := s.f.BudgetHits()
		got, info := s.process(ln)
		want := referenceText(results[i])
		if got != want {
			if s.f.BudgetHits() > before {
				return results, i, got, "TookTooLong"
			}
			if info.Err != nil {
				got += " " + info.Err.Error()
			}
			return results, i, got, want + " " + results[i].Text
		}
	}
	return results, -1, "", ""
}

// stockFilters names the filters of a tree.
func stockFilters(t testing.TB, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "filter.d", "*.conf"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no filters in %s: %v", dir, err)
	}
	var out []string
	for _, f := range files {
		name := strings.TrimSuffix(filepath.Base(f), ".conf")
		if !strings.HasSuffix(name, "common") {
			out = append(out, name)
		}
	}
	return out
}

// modes are the parameters by which users choose between variants of a stock
// filter.
var modes = map[string][]map[string]string{
	"apache-auth":     {{"mode": "aggressive"}, {"logging": "syslog"}, {"logging": "all"}},
	"dovecot":         {{"mode": "aggressive"}},
	"exim":            {{"mode": "more"}, {"mode": "aggressive"}, {"logtype": "journal"}},
	"freeswitch":      {{"mode": "normal"}, {"mode": "ddos"}},
	"froxlor-auth":    {{"type": "1"}, {"type": "2"}},
	"guacamole":       {{"logging": "webapp"}},
	"nginx-http-auth": {{"mode": "aggressive"}, {"mode": "auth"}, {"mode": "fallback"}},
	"postfix":         {{"mode": "more"}, {"mode": "normal"}, {"mode": "auth"}, {"mode": "rbl"}, {"mode": "ddos"}, {"mode": "extra"}, {"mode": "aggressive"}, {"mode": "errors"}},
	"sendmail-reject": {{"mode": "extra"}, {"mode": "aggressive"}},
	"sshd":            {{"mode": "ddos"}, {"mode": "extra"}, {"mode": "aggressive"}, {"publickey": "any"}, {"publickey": "invalid"}, {"logtype": "rfc5424"}},
	"traefik-auth":    {{"mode": "ddos"}, {"mode": "aggressive"}},
	"mysqld-auth":     {{"logtype": "short"}},
}

var headerLine = regexp.MustCompile(`^#`)

// sampleLines are the log lines of the reference's sample file of a filter.
func sampleLines(t testing.TB, dir, name string) []string {
	t.Helper()
	logs := filepath.Join(dir, "usr/lib/python3/dist-packages/fail2ban/tests/files/logs")
	files := []string{name}
	if name == "sshd" {
		files = append(files, "sshd-journal")
	}
	var out []string
	for _, f := range files {
		b, err := os.ReadFile(filepath.Join(logs, f))
		if err != nil {
			continue
		}
		for line := range strings.SplitSeq(string(b), "\n") {
			if line != "" && !headerLine.MatchString(line) {
				out = append(out, line)
			}
		}
	}
	return out
}

// syslogSSH cuts a syslog line of sshd into process and message.
var syslogSSH = regexp.MustCompile(`(sshd(?:-session)?)\[(\d+)\]: (.*)$`)

// sampleLines are the lines for a target: those of its filter, rewritten to the
// form of RFC 5424 where it is for such.
func (tg *target) sampleLines(t testing.TB, dir string) []string {
	lines := sampleLines(t, dir, tg.name)
	if tg.opts["logtype"] != "rfc5424" {
		return lines
	}
	for _, l := range slices.Clone(lines) {
		if m := syslogSSH.FindStringSubmatch(l); m != nil {
			lines = append(lines, fmt.Sprintf("<38>1 2005-08-14T10:00:00+02:00 srv %s %s - - %s", m[1], m[2], m[3]))
		}
	}
	return lines
}

// TestStockFiltersAgreeOnTheirSamples runs every filter in every mode over its
// own sample lines.
func TestStockFiltersAgreeOnTheirSamples(t *testing.T) {
	d := filtertest.Start(t, sampleZone)
	zone, err := datepattern.LoadZone(sampleZone)
	if err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(d.Dir, "etc/fail2ban")
	n, bad := 0, 0
	for _, tg := range targets(t, d, config) {
		for _, all := range []bool{true, false} {
			tg.spec.All, tg.spec.Raw = all, true
			s := newSide(t, d, tg.spec, zone)
			lines := s.journalise(tg, stamped(tg.sampleLines(t, d.Dir)))
			if len(lines) == 0 {
				continue
			}
			n += len(lines)
			if _, i, got, want := s.compare(lines); i >= 0 {
				if bad++; bad < 20 {
					t.Errorf("%s %v all=%v line %q:\n got %s\nwant %s", tg.name, tg.opts, all, lines[i].Text, got, want)
				}
			}
			d.Drop(s.id)
		}
	}
	t.Logf("%d evaluations", n)
}

// target is one filter in one mode.
type target struct {
	name string
	opts map[string]string
	spec filtertest.Spec
}

// targets lists every stock filter in every mode.
func targets(t testing.TB, d *filtertest.Driver, config string) []target {
	var out []target
	for _, name := range stockFilters(t, config) {
		plain := d.Read(config, name, nil)
		out = append(out, target{name, map[string]string{}, plain})
		for _, opts := range append([]map[string]string{{"logtype": "journal"}}, modes[name]...) {
			spec := d.Read(config, name, opts)
			if !reflect.DeepEqual(spec, plain) {
				out = append(out, target{name, opts, spec})
			}
		}
	}
	return out
}

// stamped makes lines that happen at noon.
func stamped(lines []string) []filtertest.Line {
	out := make([]filtertest.Line, len(lines))
	for i, l := range lines {
		out[i] = filtertest.Line{Text: []byte(l), Now: float64(noon.Unix())}
	}
	return out
}

// journalise makes journal entries of lines where the target is for them: the
// date is cut out as our own detector finds it.
func (s *side) journalise(tg target, lines []filtertest.Line) []filtertest.Line {
	if tg.opts["logtype"] != "journal" {
		return lines
	}
	dates, err := build(filtertest.Spec{}, time.UTC)
	if err != nil {
		panic(err)
	}
	for i := range lines {
		dates.now = noon
		if err := dates.takeLine(&Line{Text: lines[i].Text}); err == nil && dates.line.cut {
			m := dates.line.match()
			lines[i].Text = []byte(strings.TrimLeft(m.Before+m.After, " "))
		}
		lines[i].Date, lines[i].Time = "2005-08-14T10:00:00", float64(noon.Unix())
	}
	return lines
}

// TestFull tells that the long form is run, so that its figures are not taken
// for those of the short one.
func scale(short, long int) int {
	if testenv.Full() {
		return long
	}
	return short
}
