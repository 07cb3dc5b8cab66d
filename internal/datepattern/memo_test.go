package datepattern

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"stockade/internal/pyre"
	"stockade/internal/testenv"
)

// A detector that remembers answers as one that searches each line.
func TestRememberedAnswersAreThoseOfASearch(t *testing.T) {
	scenarios := 1500
	if testenv.Full() {
		scenarios = 100_000
	}
	g := generator{rand.New(rand.NewPCG(7, 7))}
	m := pyre.NewMachine()
	lines, remembered := 0, 0
	for i := range scenarios {
		s := g.steadyScenario(60)
		zone, err := LoadZone(s.TZ)
		if err != nil {
			t.Fatal(err)
		}
		now := s.Now
		env := Env{Now: func() time.Time { return time.Unix(now, 0) }, Zone: zone}
		quick, slow := New(env), New(env)
		if !appendAll(quick, s) || !appendAll(slow, s) {
			continue
		}
		for _, line := range s.Lines {
			now = line.Now
			text := []byte(line.Text)
			if _, known := quick.peek(text); known {
				remembered++
			}
			lines++
			slow.memo = memo{serial: slow.memo.serial}
			a, b := answer(t, quick, m, text), answer(t, slow, m, text)
			if a != b || quick.state != slow.state || !sameRanking(quick, slow) {
				t.Fatalf("scenario %d: TZ=%s patterns=%q line %q at %d:\n%+v %+v from memory,\n%+v %+v searched", i, s.TZ, s.Patterns, text, now, a, quick.state, b, slow.state)
			}
		}
	}
	t.Logf("%d of %d lines answered from memory", remembered, lines)
	if remembered*5 < lines {
		t.Errorf("only %d of %d lines were answered from memory", remembered, lines)
	}
}

// TestHourAcrossMidnightOfAnotherZoneIsNotRemembered has a date of last year
// whose hour holds a midnight of the zone that the jail set.
func TestHourAcrossMidnightOfAnotherZoneIsNotRemembered(t *testing.T) {
	now := time.Date(2005, 10, 29, 23, 54, 51, 0, time.UTC)
	d := New(Env{Now: func() time.Time { return now }, Zone: time.UTC})
	if err := d.SetDefaultZone("UTC+18:30"); err != nil {
		t.Fatal(err)
	}
	if err := d.Append("%b %d %H:%M:%S"); err != nil {
		t.Fatal(err)
	}
	m := pyre.NewMachine()
	for _, clock := range []string{"18:05:00", "18:06:00", "18:51:47", "18:05:01"} {
		line := []byte("Dec 18 " + clock)
		fresh := New(d.env)
		if err := errors.Join(fresh.SetDefaultZone("UTC+18:30"), fresh.Append("%b %d %H:%M:%S")); err != nil {
			t.Fatal(err)
		}
		if a, b := answer(t, d, m, line), answer(t, fresh, m, line); a.time != b.time {
			t.Errorf("%s: %v from memory, %v searched", line, a.time, b.time)
		}
	}
}

func appendAll(d *Detector, s scenario) bool {
	for _, p := range s.Patterns {
		if d.Append(p) != nil {
			return false
		}
	}
	return s.Zone == nil || d.SetDefaultZone(*s.Zone) == nil
}

// found is what is compared of an answer.
type found struct {
	ok, read, integer     bool
	start, end, from, to  int
	template              int
	time                  float64
	fails                 string
	hits, index, distance int
}

func answer(tb testing.TB, d *Detector, m *pyre.Machine, text []byte) found {
	tb.Helper()
	budget := pyre.LineBudget(len(text))
	hit, ok, err := d.Match(m, text, &budget)
	if err != nil {
		tb.Fatalf("%q: %v", text, err)
	}
	if !ok {
		return found{}
	}
	stamp, read, err := d.Time(text, hit)
	r := d.order[d.state.last]
	f := found{
		ok: true, read: read, integer: stamp.Integer, start: hit.Start, end: hit.End, from: hit.WholeStart, to: hit.WholeEnd,
		template: hit.Template, hits: r.hits, index: r.index, distance: r.distance,
	}
	if read {
		f.time = stamp.Seconds()
	}
	if err != nil {
		f.fails = err.Error()
	}
	return f
}

// steadyScenario is a log of one program: lines that begin alike, with digits
// exchanged at random.
func (g generator) steadyScenario(n int) scenario {
	s := g.scenario(2)
	for range n / 20 {
		base := []rune(pick(g, s.Lines).Text)
		for range 20 {
			text := make([]rune, len(base))
			copy(text, base)
			for range g.IntN(3) {
				i := g.IntN(max(1, min(len(text), 40)))
				if i < len(text) && text[i] >= '0' && text[i] <= '9' {
					text[i] = rune('0' + g.IntN(10))
				}
			}
			line := string(text)
			if g.chance(5) {
				line += "x"
			}
			if g.chance(12) {
				line = pick(g, []string{"1", "[", "é", "10.2.3.4 - - "}) + line
			}
			if g.chance(10) {
				s.Now += int64(g.IntN(4000))
			}
			s.Lines = append(s.Lines, moment{line, s.Now})
		}
	}
	return s
}

func TestRepeatedLinesCostNoMemory(t *testing.T) {
	for name, lines := range map[string][]string{
		"syslog": {
			"Aug 14 09:58:07 host sshd[1]: x", "Aug 14 09:58:09 host sshd[2]: y", "Aug 14 09:59:59 host cron[3]: z",
		},
		"two hosts and shapes": {
			"Aug 14 09:58:07 host sshd[1]: x", "Aug 14 09:58:07 other sshd[1]: x", "2005-08-14 09:58:08,123 x y z", "[14/Aug/2005:09:00:00 +0200] x",
		},
		"other dates": {
			"Aug 14 09:58:07 host sshd[1]: x", "[Sun Mar  1 09:58:07.123 2005] y", "Dec 31 23:59:59 other cron[3]: z",
			"2005-07-01 03:04:05,1 x", "[Mon Nov 21 19:58:07.456 2004] y", "2004-02-29 12:00:00,5 y",
		},
		"no date": {"no date in this line at all", "10.1.2.3 - - another of that kind", "short"},
	} {
		d := detector(t, "{^LN-BEG}")
		m := pyre.NewMachine()
		texts := make([][]byte, len(lines))
		for i, line := range lines {
			texts[i] = []byte(line)
		}
		var budget pyre.Budget
		run := func() {
			for _, text := range texts {
				budget = pyre.LineBudget(len(text))
				if hit, ok, _ := d.Match(m, text, &budget); ok {
					_, _, _ = d.Time(text, hit)
				}
			}
		}
		run()
		run()
		if n := testing.AllocsPerRun(100, run); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// What may be exchanged, and what not: the byte after the clock decides.
func TestWhichDigitsAreExchanged(t *testing.T) {
	for _, test := range []struct {
		pattern, first, second string
		want                   bool
	}{
		{"{^LN-BEG}", "Aug 14 09:58:07 host x", "Aug 14 09:12:34 host y", true},
		{"{^LN-BEG}", "Aug 14 09:58:07 host x", "Aug 14 09:62:34 host y", false},
		{"{^LN-BEG}", "Aug 14 09:58:07 host x", "Aug 14 09:12:60 host y", false},
		{"{^LN-BEG}", "Aug 14 09:58:07 host x", "Aug 14 10:58:07 host y", true},
		{"{^LN-BEG}", "Aug 14 09:58:07 host x", "Aug 14 24:58:07 host y", false},
		{"{^LN-BEG}", "Aug 14 09:58:07 host x", "dec  4 23:58:07 host y", true},
		{"{^LN-BEG}", "Aug 14 09:58:07 host x", "Dec 32 23:58:07 host y", false},
		{"{^LN-BEG}", "Aug 14 09:58:07 host x", "Dez 31 23:58:07 host y", false},
		{"{^LN-BEG}", "Aug 14 09:58:07 host x", "Aug 4  09:58:07 host y", false},
		{"{^LN-BEG}", "Sun Aug 14 09:58:07 host x", "Sun Nov 31 09:58:07 host y", true},
		{"{^LN-BEG}", "Sun Aug 14 09:58:07 host x", "Mon Aug 15 09:58:07 host y", true},
		{"{^LN-BEG}", "Sun Aug 14 09:58:07 host x", "Mom Aug 15 09:58:07 host y", false},
		{"{^LN-BEG}", "[Sun Aug 14 09:58:07.123 2005] x", "[Sun Aug 14 09:58:07.123 2005] x", true},
		{"{^LN-BEG}", "[Sun Aug 14 09:58:07.123 2005] x", "[Mon Jul 04 09:12:07.456 2009] x", true},
		{"{^LN-BEG}", "[Sun Aug 14 09:58:07.123 2005] x", "[Mon Jul 04 09:12:07.456 2019] x", false},
		{"(?:%a )?%b %d %H:%M:%S(?: %y%m| %Y)", "Aug 14 09:58:07 2000 x", "Aug 14 09:58:07 2001 x", false},
		{"{^LN-BEG}", "Aug 14 09:58:07 host x", "Aug 14 09:58:07 2005 y", false},
		{"{^LN-BEG}", "Aug 14 09:58:07 2005 x", "Jan 01 00:00:00 2005 y", true},
		{"{^LN-BEG}", "Aug 14 09:58:07 2005 x", "Jan 01 00:00:00 2006 y", true},
		{"%b %Exd %H:%M:%S", "Aug 14 09:58:07 host x", "Aug  4 09:58:07 host x", false},
		{"%b %d %H:%M:%S$", "Aug 14 09:58:07", "Aug 15 09:58:07", false},
		{"%b %d %H:%M:%S", "Aug 14 09:58:07 x", "Aug 15 09:58:07 y", true},
		{"%Y-%m-%d %H:%M:%S", "x 2005-08-14 09:58:07 x", "y 2009-12-31 23:59:59 y", true},
		{"%Y-%m-%d %H:%M:%S", "x 2005-08-14 09:58:07 x", "x;2009-12-31 23:59:59 x", false},
		{"%Y-%m-%d %H:%M:%S", "x 2005-08-14 09:58:07 x", "x 2009-12-31 23:59:59 y", true},
		{"{^LN-BEG}", "2005-08-14 09:58:07 x", "2009-12-31 20:58:07 y", true},
		{"{^LN-BEG}", "2005-08-14 09:58:07 x", "2015-12-31 20:58:07 y", false},
		{"{^LN-BEG}", "2005-08-14 09:58:07 x", "2005-08-14T09:58:07 y", false},
		{"{^LN-BEG}", "2005-08-14 09:58:07 x", "2005/08/14 09:58:07 y", false},
		{"{^LN-BEG}", "2005-08-14 09:58:07 x", "2005-08-14 09:58:07 Zoe", false},
		{"{^LN-BEG}", "2005-08-14 09:58:07 x", "2005-08-14 09:58:07 gas", false},
		{"{^LN-BEG}", "2005-08-14 09:58:07 x", "2005-08-14 09:58:07 +x", false},
		{"{^LN-BEG}", "2005-08-14 09:58:07 x", "2005-08-14 09:58:07  x", false},
		{"{^LN-BEG}", "2005-08-14 09:58:07Z x", "2005-08-14 10:58:07Z x", true},
		{"{^LN-BEG}", "2005-08-14 09:58:07 x", "2005-13-14 10:58:07 x", false},
		{"{^LN-BEG}", "Aug 14 09:58:07 host x", "Aug 14 09:58:07 Host y", true},
		{"{^LN-BEG}", "Aug 14 09:58:07 host x", "Aug 14 09:58:07 \u0280 y", false},
		{"{^LN-BEG}", "Aug 14 09:58:07 host x", "Aug 14 09:58:07 [x] y", false},
		{"{^LN-BEG}", "2005-08-14 09:58:07,123 x", "2005-08-14 09:58:09,999 x", true},
		{"{^LN-BEG}", "2005-08-14 09:58:07,123 x", "2005-08-14 09:58:09,99 x", false},
		{"{^LN-BEG}", "20050814T095807 x", "20050814T091234 x", true},
		{"{^LN-BEG}", "1124013590.125 x", "1124013999.999 x", true},
		{"{^LN-BEG}", "1124013590.125 x", "112401399.999 x", false},
		{"{^LN-BEG}", "2005-08-14 09:58:07,123 x", "2005-08-14 09:58:07,1\u0280 x", false},
		{"{^LN-BEG}", "2005-08-14 09:58:07,123 x", "2005-08-14 09:58:\u0280,123 x", false},
		{"{^LN-BEG}", "2005-08-14 09:58:07,123 x", "2005-08-14 09:58:0:,123 x", false},
		{"{^LN-BEG}", "2005-08-14 09:58:07,123 x", "2005-08-14 09:5/:07,123 x", false},
		{"%H:%M:%S", "09:58:07:01 x", "09:58:08:01 x", false},
		{"%H:%M:%S7?", "09:58:07 x", "09:58:08 x", false},
		{"(?!.*5)%H:%M:%S", "09:28:07 x", "09:58:08 x", false},
		{`^[^\[]*\[({DATE})`, "10.0.0.1 - - [14/Aug/2005:09:00:00 +0200] x", "10.0.0.123 - joe [14/Aug/2005:09:12:34 +0200] y", true},
		{`^[^\[]*\[({DATE})`, "10.0.0.1 - - [14/Aug/2005:09:00:00 +0200] x", "10.0.0.123 - [14/Aug/2005:09:12:34 +0100] y", false},
		{`^[^\[]*\[({DATE})`, "10.0.0.1 - - [14/Aug/2005:09:00:00 +0200] x", "10.0.0.123 - joe [01/jan/2004:23:12:34 +0200] y", true},
		{`^[^\[]*\[({DATE})`, "10.0.0.1 - - [14/Aug/2005:09:00:00 +0200] x", "10.0.0.123 - joe [ 1/jan/2004:23:12:34 +0200] y", false},
		{`^[^\[]*\[({DATE})`, "10.0.0.1 - - [14/Aug/2005:09:00:00 +0200] x", "10.0.0.123 - joe [01/jan-2004:23:12:34 +0200] y", false},
	} {
		d := detector(t, test.pattern)
		match(t, d, test.first)
		match(t, d, test.first)
		if _, known := d.peek([]byte(test.second)); known != test.want {
			t.Errorf("%s: after %q, %q is known: %v", test.pattern, test.first, test.second, known)
		}
	}
}

// Of all bytes only the digits below the limit fit the place of one.
func TestOnlyDigitsFit(t *testing.T) {
	for limit, add := range map[int]uint64{6: below6, 10: below10} {
		for place := range 8 {
			shift := place * 8
			k := keyWord{digit: 0xff << shift, add: add << shift}
			for c := range 256 {
				want := c >= '0' && c < '0'+limit
				for _, others := range []uint64{0, ^uint64(0) &^ (0xff << shift)} {
					if got := k.differs(others|uint64(c)<<shift) == 0; got != want {
						t.Fatalf("byte %#x at place %d below %d fits: %v", c, place, limit, got)
					}
				}
			}
		}
	}
}

// Lines that begin with addresses are known to have no date there, however many
// addresses there are in turn.
func TestBeginningsWithoutDateAreRemembered(t *testing.T) {
	d := detector(t, "{^LN-BEG}")
	known, lines := 0, 0
	for round := range 2 {
		for a := range 254 {
			line := fmt.Sprintf("%d.%d.7.9 - - [x", a+1, a*7%250)
			if round > 0 {
				lines++
				if d.memo.headless([]byte(line)) {
					known++
				}
			}
			if _, ok := match(t, d, line); ok {
				t.Fatalf("%q has a date", line)
			}
		}
	}
	if known*100 < lines*95 {
		t.Errorf("only %d of %d beginnings are known", known, lines)
	}
	for _, line := range []string{"10:11:12 a line with a clock", "12:0.7.9 - - [x and more"} {
		if d.memo.headless([]byte(line)) {
			t.Errorf("%q counts as one without a date", line)
		}
	}
}
