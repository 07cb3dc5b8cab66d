package filter

import (
	"strings"
	"testing"

	"stockade/internal/filter/filtertest"
)

// tagTexts are expressions whose tags are expanded on both sides.
var tagTexts = []string{
	"<HOST>", "<IP4>", "<IP6>", "<DNS>", "<ADDR>", "<ADDR> <CIDR>", "<SUBNET>", "<F-ID/>", "<F-ID/> <F-PORT/>", "<F-IP4/>", "<F-IP6/>", "<F-DNS/>",
	"<F-ADDR/>", "<F-ID/><F-CIDR/>", "<F-SUBNET/>", "<HOST><F-HOST/>", "<HOST/><HOST>", "</HOST><HOST>", "<F-ID>x</F-ID>", "<F-PORT>x</F-PORT> <HOST>",
	"<F-USER>x</F-USER><HOST>", "<F-USER/><HOST>", "</F-USER><HOST>", "<F-A><F-B>x</F-A></F-B><HOST>", "<F-A>x</F-A></F-A><HOST>", "<F-A>x</F-A><F-A>y</F-A><HOST>",
	"<SKIPLINES>a<SKIPLINES><HOST>", "<f-user><HOST>", "<F-><HOST>", "<F-1>x</F-1><HOST>", "<F-A-B>x<HOST>", "<F-MLFID>x</F-MLFID>", "<F-a>x</F-a><HOST>",
	"<F-ALT_ID_1>x</F-ALT_ID_1><HOST>", "</F-A/><HOST>", "<F-É>x</F-É><HOST>", "<F-_>x</F-_><HOST>", `\<HOST>`, "<HOST><HOST>", "<<HOST>>", "<HOST", "<F-ID",
	"((?i)a) <F-ID/>", "(?:(?i)a) <F-ID/>", `\((?i)a) <F-ID/>`, `\\((?i)a) <F-ID/>`, "(?i)((?s)a) <F-ID/>", "(?P<x>(?i)a) <F-ID/>", "((?im)a)(?:(?x)b) <F-ID/>",
	"((?i:a)b) <F-ID/>", "(?:((?i)a)) <F-ID/>", "[((?i)a)] <F-ID/>", "((?i)(?s)a) <F-ID/>", "((?L)a) <F-ID/>", "((?-i)a) <F-ID/>", "((?i)((?s)a)) <F-ID/>",
	"", "  ", "abc", "x (?P<host>a)", "(<HOST>", "<HOST> foo(?i)", "a** <HOST>", "<HOST>[", `\`, "<HOST>\n(", "(?P<fid>x)", "(?P<mlfid>x)", "(?P<ip4>x)(?P<ip4>y)",
	"(?P<tuple_id>x)", "(?P<alt_fid>x)", "<HOST>{3,2}", "(?P=x)<HOST>", "(?(1)a|b|c)<HOST>", "(?<=a+)<HOST>", "[z-a]<HOST>", `<HOST>\8`,
}

// TestExpressionsAreTakenAsByTheReference compares expanded expressions and the
// reasons for which one is refused.
func TestExpressionsAreTakenAsByTheReference(t *testing.T) {
	d := filtertest.Start(t, "UTC")
	for _, text := range tagTexts {
		for _, usedns := range []string{"warn", "no"} {
			want, refused := d.Expand(text, usedns)
			f := newFilter(t, func(f *Filter) {
				if err := f.SetUseDNS(usedns); err != nil {
					t.Fatal(err)
				}
			})
			err := f.AddFailregex(Rule{Text: text})
			switch {
			case err != nil && err.Error() != refused:
				t.Errorf("%q: %q, want %q", text, err, refused)
			case err == nil && (refused != "" || f.Failregex()[0] != want):
				t.Errorf("%q: %q, want %q %q", text, f.Failregex()[0], want, refused)
			}
		}
	}
}

func TestPrefixRegexMayHoldTheID(t *testing.T) {
	f := newFilter(t, func(f *Filter) {
		if err := f.SetPrefregex(Rule{Text: `^(?P<fid>\w)`}); err != nil {
			t.Fatal(err)
		}
	})
	if err := f.AddFailregex(Rule{Text: `^x`}); err != nil {
		t.Errorf("%v", err)
	}
	if got := ids(t, f, "x y"); got != "x" {
		t.Errorf("got %q", got)
	}
}

func TestDeletingRules(t *testing.T) {
	f := newFilter(t, nil, `a <HOST>`, `b <HOST>`, `c <HOST>`)
	f.DelFailregex(-1)
	f.DelFailregex(0)
	if got := f.Rules(); len(got) != 1 || got[0].Text != `b <HOST>` {
		t.Fatalf("%v", got)
	}
	f.TakeRecords()
	f.DelFailregex(7)
	if r := f.TakeRecords(); len(r) != 1 || r[0].Text != "Cannot remove regular expression. Index 7 is not valid" {
		t.Errorf("%v", r)
	}
	if got := ids(t, f, "b 1.2.3.4"); got != "1.2.3.4" {
		t.Errorf("got %q", got)
	}
}

func TestSettingsAnswerAsTheReferenceDoes(t *testing.T) {
	f := newFilter(t, nil)
	for _, tt := range []struct {
		value any
		want  string
		err   string
	}{
		{"yes", "yes", ""},
		{"YES", "yes", ""},
		{true, "yes", ""},
		{false, "no", ""},
		{"raw", "raw", ""},
		{"on", "no", ""},
		{nil, "no", "'NoneType' object has no attribute 'lower'"},
		{1, "no", "'int' object has no attribute 'lower'"},
	} {
		err := f.SetUseDNS(tt.value)
		if f.UseDNS() != tt.want || (err == nil) != (tt.err == "") || err != nil && err.Error() != tt.err {
			t.Errorf("usedns %v: %s, %v", tt.value, f.UseDNS(), err)
		}
	}
	for _, tt := range []struct {
		value any
		err   string
	}{
		{"5", ""},
		{2, ""},
		{"0", "maxlines must be integer greater than zero"},
		{-1, "maxlines must be integer greater than zero"},
		{"x", "invalid literal for int() with base 10: 'x'"},
		{"2.5", "invalid literal for int() with base 10: '2.5'"},
		{nil, "int() argument must be a string, a bytes-like object or a real number, not 'NoneType'"},
	} {
		err := f.SetMaxLines(tt.value)
		if (err == nil) != (tt.err == "") || err != nil && err.Error() != tt.err {
			t.Errorf("maxlines %v: %v", tt.value, err)
		}
	}
	if err := f.SetLogEncoding("nope"); err == nil || err.Error() != "unknown encoding: nope" {
		t.Errorf("encoding: %v", err)
	}
	if err := f.SetLogTimezone("Europe/Berlin"); err == nil || err.Error() != "Unknown or unsupported time zone: 'Europe/Berlin'" {
		t.Errorf("zone: %v", err)
	}
	if tz, ok := f.LogTimezone(); ok {
		t.Errorf("a refused zone is set: %q", tz)
	}
}

func FuzzExpandTags(f *testing.F) {
	for _, s := range tagTexts {
		f.Add(s, "warn")
	}
	f.Fuzz(func(t *testing.T, text, usedns string) {
		out := ExpandTags(text, usedns)
		if !strings.Contains(text, "<") && out != text {
			t.Fatalf("%q became %q", text, out)
		}
		scopeFlags(out)
	})
}

// FuzzProcess runs any bytes through a filter with all kinds of rules.
func FuzzProcess(f *testing.F) {
	f.Add([]byte("2005-08-14 10:00:00 x 1.2.3.4"), true)
	f.Add([]byte("Aug 14 10:00:00 srv sshd[1]: s1 c connect 1.2.3.4"), false)
	f.Add([]byte("\xff\xfe s1 f joe \r\n"), true)
	single := newFilter(f, func(x *Filter) {
		x.SetAgeChecks(true)
		if err := x.AddIgnoreregex(Rule{Text: `never|\bno\b`}); err != nil {
			f.Fatal(err)
		}
	}, append([]string{`x <HOST>$`, `^\W*(?P<tuple_id>\w+)(?P<tuple_id_1>\d)? <F-ALT_USER>\S*</F-ALT_USER>(?P<fid>z)?`}, sessionRules...)...)
	several := newFilter(f, func(x *Filter) {
		if err := x.SetMaxLines(4); err != nil {
			f.Fatal(err)
		}
	}, `^A <HOST>$<SKIPLINES>^B$`, `x (?P<dns>\S*)\n`)
	f.Fuzz(func(t *testing.T, line []byte, operation bool) {
		for _, x := range []*Filter{single, several} {
			fails, info := x.Process(noon, Line{Text: line, InOperation: operation})
			for i := range fails {
				c := fails[i].Cause
				for s := range c.Spans.All() {
					if s.Start < 0 || s.End < s.Start || s.End > len(c.Line) {
						t.Fatalf("span %v lies outside of %q", s, c.Line)
					}
				}
			}
			if info.Outcome == Broken && info.Err == nil {
				t.Fatal("broken without a reason")
			}
		}
	})
}
