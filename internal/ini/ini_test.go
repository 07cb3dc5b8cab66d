package ini

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// show writes a file as one line per option.
func show(f *File) string {
	var b strings.Builder
	for _, s := range f.Sections {
		fmt.Fprintf(&b, "[%s]%d", s.Name, s.Line)
		for _, o := range s.Options {
			fmt.Fprintf(&b, " %s=%q@%d", o.Name, o.Text, o.Line)
		}
		b.WriteString("\n")
	}
	return b.String()
}

func TestLineRules(t *testing.T) {
	for name, tc := range map[string]struct{ text, want string }{
		"semicolon after a blank is a comment": {"[a]\nx = 3 ; y\n", "[a]1 x=\"3\"@2\n"},
		"semicolon in a word is none":          {"[a]\nx = 10m;y\n", "[a]1 x=\"10m;y\"@2\n"},
		"hash is none":                         {"[a]\nx = 1 # y\n", "[a]1 x=\"1 # y\"@2\n"},
		"full lines are comments":              {"# a\n  ; b\n[a]\n#x = 1\n", "[a]3\n"},
		"comment within a value":               {"[a]\nx = 1\n# c\n  2\n", "[a]1 x=\"1\\n2\"@2\n"},
		"blank line within a value":            {"[a]\nx = 1\n\n  2\n\n\n", "[a]1 x=\"1\\n\\n2\"@2\n"},
		"continuation must be deeper":          {"[a]\n x = 1\n y = 2\n", "[a]1 x=\"1\"@2 y=\"2\"@3\n"},
		"deeper header is swallowed":           {"[a]\nx = 1\n [b]\n y=2\n", "[a]1 x=\"1\\n[b]\\ny=2\"@2\n"},
		"indented header after a header":       {"[a]\n  [b]\nx=1\n", "[a]1\n[b]2 x=\"1\"@3\n"},
		"header to the last bracket":           {"[a]b] c\n[ e ]\n", "[a]b]1\n[ e ]2\n"},
		"colon delimits too":                   {"[a]\nx: 1=2\ny = a:b\n", "[a]1 x=\"1=2\"@2 y=\"a:b\"@3\n"},
		"names are lower-cased":                {"[A]\nThe X = 1\n", "[A]1 the x=\"1\"@2\n"},
		"empty value":                          {"[a]\nx =\ny = \n", "[a]1 x=\"\"@2 y=\"\"@3\n"},
		"value on the next line":               {"[a]\nx =\n  1\n", "[a]1 x=\"\\n1\"@2\n"},
		"CRLF and CR":                          {"[a]\r\nx = 1\r\n  2\ry = 3", "[a]1 x=\"1\\n2\"@2 y=\"3\"@4\n"},
		"other scripts' blanks":                {"[a]\n\u00a0x = 1\u2003\n", "[a]1 x=\"1\"@2\n"},
		"DEFAULT may come twice":               {"[DEFAULT]\nx=1\n[a]\n[DEFAULT]\ny=2\n", "[DEFAULT]1 x=\"1\"@2 y=\"2\"@5\n[a]3\n"},
		"nothing":                              {"", ""},
	} {
		t.Run(name, func(t *testing.T) {
			f, faults := ParseString("f", tc.text)
			if len(faults) > 0 || show(f) != tc.want {
				t.Errorf("got %q with %v; want %q", show(f), faults, tc.want)
			}
		})
	}
}

func TestEveryLineOfAValueKnowsItsPlace(t *testing.T) {
	f, _ := ParseString("f", "[a]\nx = 1\n# c\n\n   2\n  3\n")
	s, _ := f.Section("a")
	o, ok := s.Get("x")
	if !ok || o.Text != "1\n\n2\n3" {
		t.Fatalf("%+v", o)
	}
	for i, want := range []int{2, 4, 5, 6, 2} {
		if got := o.LineOf(i); i < 4 && got != want || i == 4 && got != 2 {
			t.Errorf("line %d stands on %d, want %d", i, got, want)
		}
	}
}

func TestFaults(t *testing.T) {
	for text, want := range map[string]string{
		"[a]\nx=1\nx=2\n":             `f:3: option "x" stands twice in section [a] (first on line 2)`,
		"[a]\nx=1\n[a]\nx=2\n":        "f:3: section [a] stands twice in this file (first on line 1)",
		"x=1\n":                       "f:1: text before the first [section]",
		"\ufeff[a]\nx=1\n":            "f:1: the file begins with a byte order mark, which hides its first section",
		"[a]\nno assignment\n":        "f:2: neither an option (name = value) nor a [section] nor a comment",
		"[a]\n= 1\n":                  "f:2: neither an option (name = value) nor a [section] nor a comment",
		"[]\n":                        "f:1: text before the first [section]",
		"[a]\n\nx = \xff\n":           "f:3: not UTF-8 text",
		"[DEFAULT]\nx=1\nX=2\n":       `f:3: option "x" stands twice in section [DEFAULT] (first on line 2)`,
		strings.Repeat("x\n", 100000): "f:1: text before the first [section]",
	} {
		_, faults := ParseString("f", text)
		if len(faults) != 1 || faults[0].Error() != want {
			t.Errorf("%.20q: %v; want %s", text, faults, want)
			continue
		}
		if faults[0].Cure() == "" {
			t.Errorf("%.20q: no cure", text)
		}
	}
}

func TestTheLaterOfTwoIsKeptAndOtherSectionsStay(t *testing.T) {
	f, faults := ParseString("f", "[a]\nx=1\nx=2\nbroken\n[b]\ny=1\n")
	if len(faults) != 2 || show(f) != "[a]1 x=\"2\"@3\n[b]5 y=\"1\"@6\n" {
		t.Errorf("%s %v", show(f), faults)
	}
	for _, fault := range faults {
		if fault.Section != "a" || fault.Whole() {
			t.Errorf("%+v", fault)
		}
	}
}

func TestFaultsOfOneFileAreFew(t *testing.T) {
	_, faults := ParseString("f", "[a]\n"+strings.Repeat("x\n", 100000))
	if len(faults) != maxFaults {
		t.Errorf("%d faults", len(faults))
	}
	_, faults = ParseString("f", "[a]\n"+strings.Repeat("é", 1000))
	if len(faults) != 1 || len(faults[0].Quote) > maxQuote+4 {
		t.Errorf("%+v", faults)
	}
}

func TestSizeIsLimited(t *testing.T) {
	big := strings.Repeat("# x\n", 1000)
	for _, r := range []io.Reader{strings.NewReader(big), iotest.OneByteReader(strings.NewReader(big))} {
		f, faults := Parse("f", r, Limits{Bytes: 3000})
		if f != nil || len(faults) != 1 || faults[0].Kind != TooLarge || !faults[0].Whole() {
			t.Errorf("%v %v", f, faults)
		}
	}
	if f, faults := Parse("f", strings.NewReader(big), Limits{}); f == nil || len(faults) > 0 {
		t.Error(faults)
	}
}

func TestReadErrorIsAFault(t *testing.T) {
	broken := errors.New("broken")
	_, faults := Parse("f", iotest.ErrReader(fmt.Errorf("read f: %w", broken)), Limits{})
	if len(faults) != 1 || !errors.Is(faults[0], broken) || faults[0].Error() != "f: cannot be read: broken" {
		t.Error(faults)
	}
}

func BenchmarkParse(b *testing.B) {
	text := "[DEFAULT]\nx = 1\n" + strings.Repeat("[jail]\nenabled = true ; yes\nfailregex = ^a <HOST>$\n            ^b <HOST>$\n# note\n\n", 1)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		ParseString("f", text)
	}
}
