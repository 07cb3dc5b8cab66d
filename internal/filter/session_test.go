package filter

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"stockade/internal/filter/filtertest"
)

// sessionRules are a small protocol: c connects with an address, f fails, x
// fails and ends, d disconnects, a logs in.
var sessionRules = []string{
	`^s(?P<mlfid>\d+) c <F-NOFAIL>connect</F-NOFAIL> <HOST>$`,
	`^s(?P<mlfid>\d+) f <F-USER>\w+</F-USER>$`,
	`^s(?P<mlfid>\d+) f$`,
	`^s(?P<mlfid>\d+) <F-NOFAIL><F-MLFFORGET>d</F-MLFFORGET></F-NOFAIL>$`,
	`^s(?P<mlfid>\d+) <F-MLFGAINED>a</F-MLFGAINED> <F-USER>\w+</F-USER>$`,
	`^s(?P<mlfid>\d+) <F-MLFFORGET>x</F-MLFFORGET>$`,
}

// sessionLines are the short words of the tests.
func sessionLine(word string) string {
	switch word {
	case "c":
		return "s1 c connect 1.2.3.4"
	case "c2":
		return "s1 c connect 5.6.7.8"
	}
	return "s1 " + word
}

func TestSessions(t *testing.T) {
	tests := []struct{ lines, want string }{
		{"c, f, f, d", "f:1.2.3.4(2) f:1.2.3.4(1)"},
		{"f, c, d", "c:1.2.3.4(2)"},
		{"f joe, f ann, c, d", "c:1.2.3.4(3) d:1.2.3.4(1)"},
		{"c, f joe, a joe, d", "f joe:1.2.3.4(2)"},
		{"c, f joe, a ann", "f joe:1.2.3.4(2) a ann:1.2.3.4(1)"},
		{"f, a joe, c", ""},
		{"x", ""},
		{"c, x", "x:1.2.3.4(2)"},
		{"c, c2, f", "f:5.6.7.8(3)"},
		{"f, f", ""},
		{"d, c", ""},
		{"c, d, f", ""},
	}
	for _, tt := range tests {
		f := newFilter(t, nil, sessionRules...)
		var got []string
		for word := range strings.SplitSeq(tt.lines, ", ") {
			for _, x := range run(t, f, sessionLine(word)) {
				got = append(got, fmt.Sprintf("%s:%s(%d)", word, x.ID, len(x.Matches)))
			}
		}
		if s := strings.Join(got, " "); s != tt.want {
			t.Errorf("%s: %q, want %q", tt.lines, s, tt.want)
		}
	}
}

func TestTrap17SessionEndsFiveMinutesAfterItsBeginning(t *testing.T) {
	for after, want := range map[int]int{299: 1, 300: 1, 301: 0} {
		f := newFilter(t, nil, sessionRules...)
		f.Process(noon, Line{Text: []byte("s1 c connect 1.2.3.4")})
		f.Process(noon.Add(200*time.Second), Line{Text: []byte("s1 c connect 1.2.3.4")})
		fails, _ := f.Process(noon.Add(time.Duration(after)*time.Second), Line{Text: []byte("s1 f")})
		if len(fails) != want {
			t.Errorf("after %d s: %d failures, want %d", after, len(fails), want)
		}
	}
}

func TestTrap18SecondUserTurnsNofailIntoFailure(t *testing.T) {
	f := newFilter(t, nil, sessionRules...)
	var got []string
	for _, word := range []string{"f joe", "f ann", "c", "d"} {
		if len(run(t, f, sessionLine(word))) > 0 {
			got = append(got, word)
		}
	}
	if fmt.Sprint(got) != "[c d]" {
		t.Errorf("failures at %v", got)
	}
}

func TestSessionsAreBounded(t *testing.T) {
	f := newFilter(t, nil, sessionRules...)
	for i := range 1000 {
		f.Process(noon, Line{Text: fmt.Appendf(nil, "s%d c connect 1.2.3.4", i)})
	}
	if n := len(slices.Collect(f.sess.all())); n != maxSessions || len(f.sess.byKey) != n {
		t.Errorf("%d sessions", n)
	}
	if got := ids(t, f, "s900 f"); got != "1.2.3.4" {
		t.Errorf("a young session is gone: %q", got)
	}
	if got := ids(t, f, "s899 f"); got != "" {
		t.Errorf("an old session is still known: %q", got)
	}
}

// TestSessionsAgree runs random sequences of a few sessions on both sides.
func TestSessionsAgree(t *testing.T) {
	d := filtertest.Start(t, "UTC")
	h := &hostile{t: t, d: d, zone: time.UTC, rnd: newRand(7), flags: map[string]int{}, dates: map[string]int{}}
	words := []string{"c", "c2", "f", "f joe", "f ann", "a joe", "a ann", "d", "x"}
	for round := range scale(40, 400) {
		s := newSide(t, d, filtertest.Spec{Failregex: sessionRules, All: round%2 == 0, Raw: true}, time.UTC)
		var lines []filtertest.Line
		for i := range 150 {
			text := sessionLine(h.pick(words))
			text = strings.Replace(text, "s1", fmt.Sprintf("s%d", h.rnd.IntN(4)), 1)
			lines = append(lines, filtertest.Line{Text: []byte(text), Now: float64(noon.Unix() + int64(i)), Date: "D ", Time: float64(noon.Unix() + int64(i))})
		}
		h.run(s, "sessions", nil, lines)
		d.Drop(s.id)
	}
	if h.differences > 0 {
		t.Errorf("%d differences", h.differences)
	}
}

// TestMultilineAgrees runs random sequences through rules over several lines.
func TestMultilineAgrees(t *testing.T) {
	d := filtertest.Start(t, "UTC")
	h := &hostile{t: t, d: d, zone: time.UTC, rnd: newRand(8), flags: map[string]int{}, dates: map[string]int{}}
	specs := []filtertest.Spec{
		{Failregex: []string{`^A(?P<n>\d) <HOST>$<SKIPLINES>^B(?P=n)$`}},
		{Failregex: []string{`^A(?P<n>\d) <HOST>$<SKIPLINES>^B(?P=n)$<SKIPLINES>^C`, `^C$\n^A\d <HOST>$`}, Ignoreregex: []string{`A0`}},
		{Failregex: []string{`\nA\d <HOST>\n`, `^X$\nX <HOST>?`}},
		{Failregex: []string{`^A\d <HOST>\nX\n`, `(?P<fid>)^B1$`, `^X(?P<fid>)(?=\nB)`, `(?P<fid>)$(?<=C)`}, Ignoreregex: []string{`^B`}},
		{Failregex: []string{`^A(?P<mlfid>\d) <F-NOFAIL>(?P<ip4>[\d.]+)</F-NOFAIL>$`, `^B(?P<mlfid>\d)$<SKIPLINES>^C`}},
		{Prefregex: `^(?P<p>\w)<F-CONTENT>.*</F-CONTENT>$`, Failregex: []string{`^\d <HOST>$`}},
	}
	words := []string{"A1 1.1.1.1", "A2 2.2.2.2", "A0 3.3.3.3", "B1", "B2", "X", "X", "", "C", "X\u2028Y", "A1 1.1.1.1"}
	for round := range scale(60, 600) {
		spec := specs[round%len(specs)]
		spec.MaxLines, spec.Raw, spec.All = 2+h.rnd.IntN(6), true, h.rnd.IntN(2) == 0
		s := newSide(t, d, spec, time.UTC)
		var lines []filtertest.Line
		for i := range 100 {
			lines = append(lines, filtertest.Line{Text: []byte(h.pick(words)), Now: float64(noon.Unix()), Date: fmt.Sprintf("D%d ", i), Time: float64(noon.Unix())})
		}
		h.run(s, fmt.Sprintf("multiline %d", round%len(specs)), nil, lines)
		d.Drop(s.id)
	}
	if h.differences > 0 {
		t.Errorf("%d differences", h.differences)
	}
}
