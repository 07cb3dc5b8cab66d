package filter

import (
	"strings"
	"testing"
	"time"

	"stockade/internal/datepattern"
)

// noon is the present of the tests: 2005-08-14 10:00:00 UTC.
var noon = time.Unix(1124013600, 0)

func newFilter(t testing.TB, set func(f *Filter), rules ...string) *Filter {
	t.Helper()
	f := New(datepattern.Env{Now: func() time.Time { return noon }, Zone: time.UTC})
	f.SetAgeChecks(false)
	if set != nil {
		set(f)
	}
	for _, r := range rules {
		if err := f.AddFailregex(Rule{Text: r}); err != nil {
			t.Fatal(err)
		}
	}
	return f
}

// run returns the failures of a line, copied.
func run(t testing.TB, f *Filter, line string) []Failure {
	t.Helper()
	fails, info := f.Process(noon, Line{Text: []byte(line), InOperation: true})
	if info.Err != nil {
		t.Fatalf("%q: %v", line, info.Err)
	}
	return append([]Failure(nil), fails...)
}

// ids are the IDs that a line leads to, joined by blanks.
func ids(t testing.TB, f *Filter, line string) string {
	t.Helper()
	var out []string
	for _, x := range run(t, f, line) {
		id := x.ID.String()
		if x.DNS != "" {
			id = "dns:" + x.DNS
		}
		out = append(out, id)
	}
	return strings.Join(out, " ")
}

// one runs a single line through a single regex.
func one(t testing.TB, rule, line string) string {
	t.Helper()
	return ids(t, newFilter(t, nil, rule), line)
}

func expect(t *testing.T, rule, line, want string) {
	t.Helper()
	if got := one(t, rule, line); got != want {
		t.Errorf("%q on %q: %q, want %q", rule, line, got, want)
	}
}

func TestTrap01OnlyTheDateIsCut(t *testing.T) {
	expect(t, `^\[\] x <HOST>$`, "[2005-08-14 10:00:00] x 1.2.3.4", "1.2.3.4")
	expect(t, `^x <HOST>`, "2005-08-14 10:00:00 x 1.2.3.4", "")
	expect(t, `^ x <HOST>`, "2005-08-14 10:00:00 x 1.2.3.4", "1.2.3.4")
}

func TestTrap02ANewlineEndsTheText(t *testing.T) {
	expect(t, `^x <HOST>$`, "x 1.2.3.4", "1.2.3.4")
	expect(t, `^x <HOST>\Z`, "x 1.2.3.4", "")
}

func TestTrap03SingleLetterZoneIsSwallowed(t *testing.T) {
	expect(t, `^ x <HOST>$`, "2005-08-14 10:00:06 Z x 1.2.3.4", "1.2.3.4")
	expect(t, `^ x <HOST>$`, "2005-08-14 10:00:06 Zulu x 1.2.3.4", "")
	fails := run(t, newFilter(t, nil, `^ x <HOST>$`), "2005-08-14 10:00:06 Z x 1.2.3.4")
	if len(fails) != 1 || fails[0].Time.Unix() != 1124013606 {
		t.Errorf("%+v", fails)
	}
}

func TestTrap04ShortWordBeforeASyslogDateIsAZone(t *testing.T) {
	f := newFilter(t, nil, `^ x <HOST>$`)
	fails := run(t, f, "srv Aug 14 09:00:00 x 1.2.3.4")
	if len(fails) != 1 || fails[0].HasTime {
		t.Errorf("lower case: %+v", fails)
	}
	if _, info := newFilter(t, nil, `x <HOST>$`).Process(noon, Line{Text: []byte("XYZ Aug 14 09:00:00 x 1.2.3.4")}); info.Outcome != Broken || info.Err == nil {
		t.Errorf("unknown zone: %+v", info)
	}
	expect(t, `^server1  x <HOST>$`, "server1 Aug 14 09:00:00 x 1.2.3.4", "1.2.3.4")
}

func TestTrap07ImpossibleDateIsStillCut(t *testing.T) {
	fails := run(t, newFilter(t, nil, `^ x <HOST>$`), "2005-02-30 10:00:00 x 1.2.3.4")
	if len(fails) != 1 || fails[0].HasTime {
		t.Errorf("%+v", fails)
	}
}

func TestTrap11OddTimeInOperationIsThePresent(t *testing.T) {
	f := newFilter(t, func(f *Filter) { f.SetAgeChecks(true) }, `^ x <HOST>$`)
	for offset, want := range map[string]int64{"09:59:00": -60, "09:58:59": 0, "10:01:00": 60, "10:01:01": 0} {
		fails := run(t, f, "2005-08-14 "+offset+" x 1.2.3.4")
		if len(fails) != 1 || fails[0].Time.Unix()-noon.Unix() != want {
			t.Errorf("%s: %+v", offset, fails)
		}
	}
}

func TestTrap12UndatedLineInheritsTheDate(t *testing.T) {
	f := newFilter(t, nil, `^x <HOST>`)
	run(t, f, "2005-08-14 09:59:50 y")
	fails := run(t, f, "x 1.1.1.1")
	if len(fails) != 1 || fails[0].Matches[0].Text() != "2005-08-14 09:59:50x 1.1.1.1" || fails[0].Time.Unix() != noon.Unix()-10 {
		t.Errorf("%+v", fails)
	}
}

func TestTrap13EmptyContentFallsBackToTheLine(t *testing.T) {
	f := newFilter(t, func(f *Filter) {
		if err := f.SetPrefregex(Rule{Text: `^ foo (?:<F-CONTENT>.*</F-CONTENT>)1\.2\.3\.4$`}); err != nil {
			t.Fatal(err)
		}
	}, `^ foo <HOST>`)
	if got := ids(t, f, " foo 1.2.3.4"); got != "1.2.3.4" {
		t.Errorf("got %q", got)
	}
}

func TestTrap14IgnoreregexSeesTheContentUnlessItIsEarly(t *testing.T) {
	for n, want := range map[int]string{3: "1.2.3.4", 4: ""} {
		f := newFilter(t, func(f *Filter) {
			if err := f.SetPrefregex(Rule{Text: `^ foo <F-CONTENT>.*</F-CONTENT>$`}); err != nil {
				t.Fatal(err)
			}
			if err := f.AddIgnoreregex(Rule{Text: `^ foo`}); err != nil {
				t.Fatal(err)
			}
		}, `^bar <HOST>`)
		for range n - 1 {
			if err := f.AddFailregex(Rule{Text: `zz <HOST>`}); err != nil {
				t.Fatal(err)
			}
		}
		if got := ids(t, f, " foo bar 1.2.3.4"); got != want {
			t.Errorf("%d failregexes: %q, want %q", n, got, want)
		}
	}
}

func TestTrap15GroupThatTookNoPartKeepsThePrefixValue(t *testing.T) {
	f := newFilter(t, func(f *Filter) {
		if err := f.SetPrefregex(Rule{Text: `^ <F-USER>\w+</F-USER>: <F-CONTENT>.*</F-CONTENT>$`}); err != nil {
			t.Fatal(err)
		}
	}, `^x(?: <F-USER>u</F-USER>)? <HOST>`)
	fails := run(t, f, " joe: x 1.2.3.4")
	if len(fails) != 1 || fails[0].Data.Text("user") != "joe" {
		t.Errorf("%+v", fails)
	}
}

func TestTrap16NofailNeedsASession(t *testing.T) {
	expect(t, `^ <F-NOFAIL>x</F-NOFAIL> <HOST>`, " x 1.2.3.4", "1.2.3.4")
	expect(t, `^ <F-MLFID>y</F-MLFID> <F-NOFAIL>x</F-NOFAIL> <HOST>`, " y x 1.2.3.4", "")
}

func TestTrap19InvalidAddressesAreIDs(t *testing.T) {
	expect(t, `^x <HOST>$`, "x 300.1.2.3", "300.1.2.3")
	expect(t, `^x <ADDR>$`, "x ab:cd", "ab:cd")
	expect(t, `^x <ADDR>$`, "x ::", "::")
}

func TestTrap20MappedIPv6IsIPv4(t *testing.T) {
	expect(t, `^x <HOST>$`, "x ::ffff:1.2.3.4", "1.2.3.4")
	expect(t, `^x <HOST>$`, "x ::ffff:102:304", "1.2.3.4")
}

func TestTrap21IDIsDroppedBesideAHostName(t *testing.T) {
	const rule = `^x <F-ID>\S+</F-ID> <HOST>$`
	expect(t, rule, "x joe localhost", "dns:localhost")
	raw := newFilter(t, func(f *Filter) { f.SetRawHosts(true) }, rule)
	if got := ids(t, raw, "x joe localhost"); got != "joe" {
		t.Errorf("raw: %q", got)
	}
	fails := run(t, newFilter(t, nil, rule), "x joe 1.2.3.4")
	if len(fails) != 1 || fails[0].ID.String() != "joe" || fails[0].Data.Text("ip") != "1.2.3.4" {
		t.Errorf("%+v", fails)
	}
}

func TestTrap22UsednsNoChangesTheRegex(t *testing.T) {
	f := newFilter(t, func(f *Filter) {
		if err := f.SetUseDNS("no"); err != nil {
			t.Fatal(err)
		}
	}, `^x <HOST>$`)
	if got := ids(t, f, "x localhost"); got != "" {
		t.Errorf("got %q", got)
	}
	fails := run(t, newFilter(t, nil, `^x <HOST>$`), "x localhost")
	if len(fails) != 1 {
		t.Fatalf("%+v", fails)
	}
	two := fails[0].Resolved(parseAll("127.0.0.1", "::1"))
	if len(two) != 2 || two[0].ID.String() != "127.0.0.1" || two[1].ID.String() != "::1" || two[1].DNS != "" {
		t.Errorf("%+v", two)
	}
}

func TestTrap31DigitClassIsUnicode(t *testing.T) {
	expect(t, `^x <HOST>$`, "x ١.2.3.4", "١.2.3.4")
	expect(t, `^\w <HOST>$`, "é 1.2.3.4", "1.2.3.4")
}

func TestTrap32JournalTextHasNoDateAndNoBlank(t *testing.T) {
	f := newFilter(t, nil, `^h sshd\[12\]: bad <HOST>$`)
	fails, _ := f.Process(noon, Line{
		Text:  []byte("h sshd[12]: bad 1.2.3.4"),
		Given: &Given{Date: "2005-08-14T10:00:00+00:00 ", Time: noon},
	})
	if len(fails) != 1 || fails[0].Matches[0].Text() != "2005-08-14T10:00:00+00:00 h sshd[12]: bad 1.2.3.4" {
		t.Errorf("%+v", fails)
	}
}

func TestTrap35AltUserWithoutUnderscoreFillsAnotherField(t *testing.T) {
	tests := []struct{ rule, line, field, want string }{
		{`^x <F-ALT_USER1>\w+</F-ALT_USER1> <HOST>`, "x bob 1.2.3.4", "user1", "bob"},
		{`^x <F-ALT_USER_1>\w+</F-ALT_USER_1> <HOST>`, "x bob 1.2.3.4", "user", "bob"},
		{`^x <F-USER></F-USER><F-ALT_USER>\w+</F-ALT_USER> <HOST>`, "x ann 1.2.3.4", "user", "ann"},
	}
	for _, tt := range tests {
		fails := run(t, newFilter(t, nil, tt.rule), tt.line)
		if len(fails) != 1 || fails[0].Data.Text(tt.field) != tt.want {
			t.Errorf("%s: %+v", tt.rule, fails)
		}
	}
}

func TestTrap36InlineFlags(t *testing.T) {
	expect(t, `^(?:(?i)foo) <HOST>`, "FOO 1.2.3.4", "1.2.3.4")
	f := newFilter(t, nil)
	err := f.AddFailregex(Rule{Text: `^<HOST> foo(?i)`})
	if err == nil || !strings.Contains(err.Error(), "global flags not at the start of the expression at position") {
		t.Errorf("got %v", err)
	}
}

func TestTrap37EmptyLineWithoutDatesDoesNotBreak(t *testing.T) {
	f := newFilter(t, func(f *Filter) {
		if err := f.SetDatePattern("{NONE}"); err != nil {
			t.Fatal(err)
		}
	}, `^x <HOST>`)
	if got := ids(t, f, ""); got != "" {
		t.Errorf("got %q", got)
	}
	if got := ids(t, f, "x 1.2.3.4"); got != "1.2.3.4" {
		t.Errorf("got %q", got)
	}
}
