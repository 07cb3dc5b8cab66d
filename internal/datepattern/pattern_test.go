package datepattern

import (
	"strings"
	"testing"
	"time"

	"stockade/internal/pyre"
)

// at is the moment at which the tests stand: 10:00:00 UTC, a Sunday.
var at = time.Date(2005, 8, 14, 10, 0, 0, 0, time.UTC)

// fixed is an environment that stands still.
func fixed(now time.Time) Env {
	return Env{Now: func() time.Time { return now }, Zone: time.UTC, Year: 2026}
}

// detector makes one with patterns, at the usual moment.
func detector(tb testing.TB, patterns ...string) *Detector {
	tb.Helper()
	d := New(fixed(at))
	for _, p := range patterns {
		if err := d.Append(p); err != nil {
			tb.Fatalf("%q: %v", p, err)
		}
	}
	return d
}

// match finds the date of a line.
func match(tb testing.TB, d *Detector, line string) (Hit, bool) {
	tb.Helper()
	budget := pyre.LineBudget(len(line))
	hit, ok, err := d.Match(pyre.NewMachine(), []byte(line), &budget)
	if err != nil {
		tb.Fatalf("%q: %v", line, err)
	}
	return hit, ok
}

// cutOf tells what is cut out of a line, "-" where there is no date.
func cutOf(tb testing.TB, d *Detector, line string) string {
	tb.Helper()
	hit, ok := match(tb, d, line)
	if !ok {
		return "-"
	}
	return line[hit.Start:hit.End]
}

// Every row of the token table: what it accepts as a whole and what not.
func TestTokenAccepts(t *testing.T) {
	for _, test := range []struct {
		token    string
		yes, not string
	}{
		{"%Y", "0000 2005 9999 ٢٠٠٥", "205 20055 2oo5"},
		{"%ExY", "2000 2005 2019 2029", "1999 2030 2105 200"},
		{"%y", "00 05 99 ٠٥", "5 2005"},
		{"%Exy", "00 05 99", "5 2005"},
		{"%m", "1 01 9 09 10 12", "0 00 13 001"},
		{"%Exm", "01 09 10 12", "1 9 00 13"},
		{"%d", "1 01 9 10 19 20 29 30 31", "0 00 32 001"},
		{"%Exd", "01 09 10 29 30 31", "1 9 00 32"},
		{"%H", "0 00 9 09 10 19 20 23", "24 30 010"},
		{"%ExH", "00 09 10 23", "0 9 24"},
		{"x%k", "x0 x9 x09 x23 x29", "x30 x010"},
		{"x%Exk", "x0 x9 x23", "x24 x29"},
		{"%I", "1 01 9 10 12", "0 00 13 20"},
		{"x%l", "x1 x9 x10 x12 x19", "x20 x01"},
		{"x%Exl", "x0 x1 x9 x10 x12", "x13 x01"},
		{"%M", "0 00 9 59", "60 000"},
		{"%ExM", "00 09 59", "0 9 60"},
		{"%S", "0 00 59 60 61", "62 000"},
		{"%ExS", "00 59 60 61", "0 62"},
		{"%p", "am AM pm Pm", "a xm"},
		{"%f", "1 123456", "1234567 ٣"},
		{"%a", "mon Mon SUN", "monday xyz"},
		{"%A", "monday SATURDAY", "mon"},
		{"%b", "jan Feb DEC", "january xyz"},
		{"%B", "january May DECEMBER", "jan"},
		{"%j", "1 01 001 99 099 366", "0 000 367"},
		{"%w", "0 6", "7"},
		{"%u", "1 7", "0 8"},
		{"%U", "0 00 53", "54"},
		{"%W", "0 00 53", "54"},
		{"%V", "1 01 53", "00 54"},
		{"%G", "2005", "205"},
		{"%z", "Z UTC GMT +02 -0530 +05:30 +1959", "utc CET +2 +2000 +020"},
		{"%Z", "Z UTC CEST ABCDE", "A UT utc ABCDEF"},
		{"%ExZ", "Z A CET CEST ABCDE", "UT utc ABCDEF"},
		{"%Exz", "Z A CET +02 -0530 CET+02 A+01:30", "UT utc +2 UT+02"},
		{"%%", "%", "x"},
		{"%X", "1:2:3 01:02:03 23:59:61", "24:00:00"},
		{"%x", "1/2/05 12/31/05", "13/1/05 1/2/2005"},
	} {
		d := detector(t, "^"+test.token+"$")
		for line := range strings.FieldsSeq(test.yes) {
			if _, ok := match(t, d, line); !ok {
				t.Errorf("%s does not accept %q", test.token, line)
			}
		}
		for line := range strings.FieldsSeq(test.not) {
			if _, ok := match(t, d, line); ok {
				t.Errorf("%s accepts %q", test.token, line)
			}
		}
	}
	for token, line := range map[string]string{"^%d$": " 9", "^x%k$": "x 9", "^x%l$": "x 9", "^%c$": "Sun Aug 14 10:00:00 2005"} {
		if _, ok := match(t, detector(t, token), line); !ok {
			t.Errorf("%s does not accept %q", token, line)
		}
	}
}

func TestDecadesFollowTheYear(t *testing.T) {
	for year, want := range map[int]string{2003: "20[0]", 2026: "20[012]", 2027: "20[0123]", 2099: "(?:20[0123456789]|21[0])"} {
		if got := decades(year); got != want {
			t.Errorf("in %d years begin with %s, want %s", year, got, want)
		}
	}
}

// Where a pattern of each form finds the date, and what of it is cut out.
func TestPatternForms(t *testing.T) {
	for _, test := range []struct{ pattern, line, want string }{
		{"%H:%M", "at 10:11 x", "10:11"},
		{"%H:%M", "at x10:11 x", "-"},
		{"%H:%M", "at 10:11x", "-"},
		{"%H:%M", "at [10:11] x", "10:11"},
		{"%H:%M", "10:11", "10:11"},
		{"**%H:%M", "x10:11 x", "10:11"},
		{"**%H:%M", "x10:11x", "-"},
		{"%H:%M**", "10:11x", "10:11"},
		{"%H:%M**", "x10:11x", "-"},
		{"**%H:%M**", "x10:11x", "10:11"},
		{"{UNB}%H:%M", "x10:11x", "10:11"},
		{"^%H:%M", "10:11 x", "10:11"},
		{"^%H:%M", " 10:11 x", "-"},
		{"^%H:%M", "10:11x", "-"},
		{"(^%H:%M)", "10:11 x", "10:11"},
		{"(?:^%H:%M)", "10:11 x", "10:11"},
		{"(?:^%H:%M)", " 10:11 x", "-"},
		{"%H:%M$", "at 10:11", "10:11"},
		{"%H:%M$", "at 10:11 x", "-"},
		{"(%H:%M$)", "at 10:11", "10:11"},
		{`%H:%M\s`, "10:11 x", "10:11 "},
		{`%H:%M\s`, "10:11", "-"},
		{`%H:%M\b`, "10:11 x", "10:11"},
		{"{^LN-BEG}%H:%M", "10:11 x", "10:11"},
		{"{^LN-BEG}%H:%M", "[10:11] x", "10:11"},
		{"{^LN-BEG}%H:%M", "[[10:11] x", "10:11"},
		{"{^LN-BEG}%H:%M", "[[[10:11] x", "-"},
		{"{^LN-BEG}%H:%M", "x 10:11", "-"},
		{"{^LN-BEG}^%H:%M", "[10:11] x", "-"},
		{`^\[%H:%M\]`, "[10:11] x", "[10:11]"},
		{`^\[(%H:%M)\]`, "[10:11] x", "10:11"},
		{"ts={DATE}", "x ts=2005-08-14 10:00:00 y", "ts=2005-08-14 10:00:00"},
		{"ts=({DATE})", "x ts=2005-08-14 10:00:00 y", "2005-08-14 10:00:00"},
		{"ts={DATE}", "x ts=1124013600 y", "-"},
		{"{DATE}", "1124013600 y", "1124013600"},
		{"^{DATE}", "[1124013600] y", "1124013600"},
		{"{NONE}", "10:11", ""},
		{`^WARN()**`, "WARNING 10:11", ""},
		{"EPOCH", "1124013600.123 x", "1124013600.123"},
		{"EPOCH", "[1124013600] x", "1124013600"},
		{"EPOCH", "[1124013600 x", "1124013600"},
		{"EPOCH", "audit(1124013500.1:23)", "1124013500"},
		{"EPOCH", "x 1124013600", "-"},
		{"EPOCH", "112401360", "-"},
		{"^EPOCH", "<1124013600> x", "1124013600"},
		{"{^LN-BEG}EPOCH", "[[1124013600 x", "1124013600"},
		{"epoch", "1124013600", "1124013600"},
		{"LEPOCH", "1124013600123 x", "1124013600123"},
		{"LEPOCH", "1124013600123456 x", "1124013600123456"},
		{"LEPOCH", "1124013600123.456 x", "1124013600123.456"},
		{"x={EPOCH}", "a x=1124013600 b", "x=1124013600"},
		{"x=({EPOCH})", "a x=1124013600 b", "1124013600"},
		{"TAI64N", "@4000000042ff1a2000000000 x", "@4000000042ff1a2000000000"},
		{"TAI64N", "@4000000042FF1A2000000000 x", "-"},
		{"(?i)xx %H:%M", "XX 10:11", "XX 10:11"},
		{"xx %H:%M", "XX 10:11", "-"},
		{"(?P<H>1.):(?P<M>..)", "10:11", "10:11"},
	} {
		if got := cutOf(t, detector(t, test.pattern), test.line); got != test.want {
			t.Errorf("%s in %q cuts %q, want %q", test.pattern, test.line, got, test.want)
		}
	}
}

func TestNamesOfTemplates(t *testing.T) {
	for _, test := range []struct{ pattern, name, described string }{
		{"%Y-%m-%d %H:%M:%S", "Year-Month-Day 24hour:Minute:Second", "%Y-%m-%d %H:%M:%S"},
		{"{^LN-BEG}%Exy%Exm%Exd", "{^LN-BEG}ExYear2ExMonthExDay", "{^LN-BEG}%Exy%Exm%Exd"},
		{"{^LN-BEG}^%H", "^24hour", "{^LN-BEG}^%H"},
		{"{UNB}%I %p %f", "12hour AMPM Microseconds", "{UNB}%I %p %f"},
		{"%a %A %b %B %j %z %Z", "DAY DAYNAME MON MONTH Yearday Zone offset Zone name", "%a %A %b %B %j %z %Z"},
		{"x %k %l %%", "x %k %l %", "x %k %l %%"},
		{"%c", "%c", "%c"},
		{"{NONE}", "^", "{UNB}^"},
		{"EPOCH", "Epoch", ""},
		{"^LEPOCH", "{^LN-BEG}LongEpoch", ""},
		{"x{EPOCH}", "x{EPOCH}", ""},
	} {
		d := detector(t, test.pattern)
		pattern, name, ok := d.Describe()
		if name != test.name || pattern != test.described || ok != (test.described != "") {
			t.Errorf("%s is described as %q %q %v", test.pattern, pattern, name, ok)
		}
		want := "  date pattern `" + test.described + "`: `" + test.name + "`"
		if log := d.LogLines(); len(log) != 1 || log[0] != want {
			t.Errorf("%s logs %q, want %q", test.pattern, log, want)
		}
	}
}

func TestListsOfTemplates(t *testing.T) {
	for _, test := range []struct {
		patterns []string
		count    int
		log      string
	}{
		{[]string{"{^LN-BEG}"}, 17, "  default filtered date pattern: 17 template(s)"},
		{[]string{"{^ln-beg}", "{^LN-BEG}"}, 17, "  default filtered date pattern: 17 template(s)"},
		{[]string{"{DATE}"}, 17, "  default date pattern for `'{DATE}'`: 17 template(s)"},
		{[]string{"{DEFAULT}"}, 0, "  default filtered date pattern: 0 template(s)"},
		{[]string{"%Y", "{^LN-BEG}"}, 18, "  date pattern `%Y`: `Year`"},
	} {
		d := detector(t, test.patterns...)
		if got := len(d.Templates()); got != test.count {
			t.Errorf("%q gives %d templates, want %d", test.patterns, got, test.count)
		}
		if log := d.LogLines(); log[0] != test.log {
			t.Errorf("%q logs %q, want %q", test.patterns, log[0], test.log)
		}
	}
	d := detector(t)
	if _, name, ok := d.Describe(); name != "Default Detectors" || ok {
		t.Errorf("an empty detector is described as %q %v", name, ok)
	}
	match(t, d, "x")
	if got, log := len(d.Templates()), d.LogLines(); got != 31 || len(log) != 1 || log[0] != "  default date pattern: 31 template(s)" {
		t.Errorf("the defaults are %d, logged as %q", got, log)
	}
}

func TestOptionHoldsOnePatternALine(t *testing.T) {
	d := New(fixed(at))
	if err := d.AppendOption(" %Y \n\n %H:%M\n"); err != nil {
		t.Fatal(err)
	}
	if list := d.Templates(); len(list) != 2 || list[0].Name != "Year" || list[1].Name != "24hour:Minute" {
		t.Errorf("templates %+v", list)
	}
}

func TestWrongPatternsAreRefused(t *testing.T) {
	const head = " (may be an invalid format or unescaped percent char): "
	for _, test := range []struct{ pattern, want string }{
		{"%q", "Failed to set datepattern '%q'" + head + "unsupported format character 'q' (0x71) at index 1"},
		{"é%Q", "Failed to set datepattern 'é%Q'" + head + "unsupported format character 'Q' (0x51) at index 2"},
		{"%Y-%q", "Failed to set datepattern '%Y-%q'" + head + "not enough arguments for format string"},
		{"100%", "Failed to set datepattern '100%'" + head + "incomplete format"},
		{"%Ex", "Failed to set datepattern '%Ex'" + head + "must be real number, not dict"},
		{"%i", "Failed to set datepattern '%i'" + head + "%i format: a real number is required, not dict"},
		{"%-5d", "Failed to set datepattern '%-5d'" + head + "%d format: a real number is required, not dict"},
		{"%o", "Failed to set datepattern '%o'" + head + "%o format: an integer is required, not dict"},
		{"%(zz)s", "Failed to set datepattern '%(zz)s'" + head + "'zz'"},
		{"%*d", "Failed to set datepattern '%*d'" + head + "* wants int"},
		{"(%Y", "compile datepattern '(Year': missing ), unterminated subpattern at position 11"},
		{"%H %H", "compile datepattern '24hour 24hour': redefinition of group name 'H'"},
	} {
		err := New(fixed(at)).Append(test.pattern)
		if err == nil || !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("%s: %v, want %s", test.pattern, err, test.want)
		}
	}
	d := detector(t, "%Y")
	if err := d.Append("{UNB}%Y"); err == nil || err.Error() != "There is already a template with name Year" {
		t.Errorf("a second template of the same name: %v", err)
	}
}

// Fail2ban fails on every line with these; here they mean what they say.
func TestPatternsThatFailOnlyInFail2ban(t *testing.T) {
	for _, test := range []struct{ pattern, line, want string }{
		{"%k:%M", "10:11 x", "10:11"},
		{"%k:%M", "9:11 x", "9:11"},
		{"(?i)%b %d", "Aug 14 x", "Aug 14"},
		{`%H:%M\$`, "10:11$ x", "10:11$"},
		{"{NONE}", "", ""},
	} {
		if got := cutOf(t, detector(t, test.pattern), test.line); got != test.want {
			t.Errorf("%s in %q cuts %q, want %q", test.pattern, test.line, got, test.want)
		}
	}
}
