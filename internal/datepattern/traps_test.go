package datepattern

import (
	"testing"
	"time"
)

// The traps of the specification's section 10 as far as they concern dates.

// rest is the line without what was cut out.
func rest(tb testing.TB, d *Detector, line string) string {
	tb.Helper()
	hit, ok := match(tb, d, line)
	if !ok {
		return "no date"
	}
	return line[:hit.Start] + line[hit.End:]
}

func TestTrap01OnlyTheDateIsCut(t *testing.T) {
	for line, want := range map[string]string{
		"[2005-08-14 10:00:00] x 1.2.3.4": "[] x 1.2.3.4",
		"2005-08-14 10:00:00 x 1.2.3.4":   " x 1.2.3.4",
	} {
		if got := rest(t, detector(t), line); got != want {
			t.Errorf("%q leaves %q, want %q", line, got, want)
		}
	}
}

func TestTrap03SingleLetterZoneIsSwallowed(t *testing.T) {
	const line = "2005-08-14 10:00:06 Z x 1.2.3.4"
	d := detector(t)
	if got := rest(t, d, line); got != " x 1.2.3.4" {
		t.Errorf("leaves %q", got)
	}
	if got, why := reading(t, d, line); got != 1124013606 {
		t.Errorf("time %f %s", got, why)
	}
	if got := rest(t, detector(t), "2005-08-14 10:00:06 Zulu x"); got != " Zulu x" {
		t.Errorf("a longer word leaves %q", got)
	}
}

func TestTrap04ShortWordBeforeASyslogDateIsAZone(t *testing.T) {
	for _, test := range []struct{ line, cut, fails string }{
		{"srv Aug 14 09:00:00 x 1.2.3.4", "srv Aug 14 09:00:00", "unreadable"},
		{"server1 Aug 14 09:00:00 x 1.2.3.4", "Aug 14 09:00:00", ""},
		{"XYZ Aug 14 09:00:00 x 1.2.3.4", "XYZ Aug 14 09:00:00", "exception"},
	} {
		if got := cutOf(t, detector(t), test.line); got != test.cut {
			t.Errorf("%q: cut %q", test.line, got)
		}
		if _, why := reading(t, detector(t), test.line); why != test.fails {
			t.Errorf("%q: %q, want %q", test.line, why, test.fails)
		}
	}
}

func TestTrap05DecadesWindow(t *testing.T) {
	for line, want := range map[string]string{
		"1999-08-14 10:00:00 x": "no date", "2030-08-14 10:00:00 x": "no date", "2029-08-14 10:00:00 x": " x",
	} {
		d := detector(t, "{^LN-BEG}%ExY-%m-%d %H:%M:%S")
		if got := rest(t, d, line); got != want {
			t.Errorf("%q leaves %q, want %q", line, got, want)
		}
	}
}

func TestTrap06FractionsAreDroppedButForEpochs(t *testing.T) {
	for line, want := range map[string]float64{"2005-08-14 10:00:00.9": 1124013600, "1124013590.125": 1124013590.125} {
		if got, why := reading(t, detector(t), line); got != want {
			t.Errorf("%q is %f %s, want %f", line, got, why, want)
		}
	}
}

func TestTrap07ImpossibleDatesAreCutWithoutATime(t *testing.T) {
	for _, line := range []string{"2005-02-30 10:00:00 x 1.2.3.4", "2005-08-14 10:00:60 x 1.2.3.4"} {
		if got := rest(t, detector(t), line); got != " x 1.2.3.4" {
			t.Errorf("%q leaves %q", line, got)
		}
		if _, why := reading(t, detector(t), line); why != "unreadable" {
			t.Errorf("%q: %q", line, why)
		}
	}
}

func TestTrap08YearlessDates(t *testing.T) {
	unix := func(text string) float64 {
		v, err := time.Parse(time.DateTime, text)
		if err != nil {
			t.Fatal(err)
		}
		return float64(v.Unix())
	}
	for _, test := range []struct {
		line, want string
	}{
		{"Aug 15 10:00:00", "2005-08-15 10:00:00"},
		{"Aug 15 10:00:01", "2004-08-15 10:00:01"},
		{"10:00:01", "2005-08-13 10:00:01"},
	} {
		if got, why := reading(t, detector(t), test.line); got != unix(test.want) {
			t.Errorf("%q is %f %s, want %s", test.line, got, why, test.want)
		}
	}
	if _, why := reading(t, detector(t), "Feb 29 10:00:00"); why != "unreadable" {
		t.Errorf("29 Feb of 2005: %q", why)
	}
}

func TestTrap09LastTemplateWinsAScan(t *testing.T) {
	const line = "abc 09:00:00 later 2005-08-14 x 1.2.3.4"
	if got := cutOf(t, detector(t, "%H:%M:%S", "%Y-%m-%d"), line); got != "2005-08-14" {
		t.Errorf("with two templates %q", got)
	}
	if got, _ := reading(t, detector(t, "%H:%M:%S", "%Y-%m-%d"), line); got != 1123977600 {
		t.Errorf("time %f", got)
	}
	if got := cutOf(t, detector(t, "%H:%M:%S", "%Y-%m-%d", "%Y/%m/%d"), line); got != "09:00:00" {
		t.Errorf("with a third template %q", got)
	}
}

func TestTrap10TextAroundDateIsCutToo(t *testing.T) {
	const line = "x ts=2005-08-14 10:00:00 y"
	if got := rest(t, detector(t, "ts={DATE}"), line); got != "x  y" {
		t.Errorf("without a group %q", got)
	}
	if got := rest(t, detector(t, "ts=({DATE})"), line); got != "x ts= y" {
		t.Errorf("with a group %q", got)
	}
	if got := rest(t, detector(t, "ts={DATE}"), "x ts=1124013600 y"); got != "no date" {
		t.Errorf("an epoch time %q", got)
	}
}

func TestTrap31DigitsOfAllScripts(t *testing.T) {
	if got, why := reading(t, detector(t, "%Y-%m-%d"), "٢٠٠٥-08-14"); got != 1123977600 {
		t.Errorf("%f %s", got, why)
	}
}

// Fail2ban raises an exception for an empty line with {NONE}; here it is a
// line without a date text like any other.
func TestTrap37NoneAndAnEmptyLine(t *testing.T) {
	hit, ok := match(t, detector(t, "{NONE}"), "")
	if !ok || hit.Start != 0 || hit.End != 0 {
		t.Errorf("%+v %v", hit, ok)
	}
}

func TestTrap38CompactDateWithDash(t *testing.T) {
	if got := rest(t, detector(t), "20050814-10:00:00 x"); got != " x" {
		t.Errorf("leaves %q", got)
	}
}
