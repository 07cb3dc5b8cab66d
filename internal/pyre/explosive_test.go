package pyre

import (
	"strings"
	"testing"
)

// explosive are patterns that backtracking without a bound spends its life on,
// each with a text that it does not match.
var explosive = []struct {
	pattern     string
	exponential bool // by a loop; the others are polynomial or need a reference
	head        string
	pump        string
	tail        string
}{
	{`^(a+)+$`, true, "", "a", "!"},
	{`^(a*)*$`, true, "", "a", "!"},
	{`^(a*)+$`, true, "", "a", "!"},
	{`^(a+)*$`, true, "", "a", "!"},
	{`^(a|a)*$`, false, "", "a", "!"},
	{`^(a|a)+$`, false, "", "a", "!"},
	{`^(a|aa)+$`, true, "", "a", "!"},
	{`^(a|a?)+$`, true, "", "a", "!"},
	{`^(a?a?)*$`, true, "", "a", "!"},
	{`^(?:a?)*?$`, false, "", "a", "!"},
	{`^(?:a??)+?$`, false, "", "a", "!"},
	{`^((a+)+)+$`, true, "", "a", "!"},
	{`^(([a-z])+.)+[A-Z]([a-z])+$`, true, "", "a", ""},
	{`^(?:\S+\s*)*x (?P<ip>\d+)$`, true, "", "word ", ""},
	{`^(?:\w+\s?)+$`, true, "", "a", "!"},
	{`^(?:\w+\s*)*:$`, true, "", "a", "!"},
	{`^(?:[a-z]+-?)+$`, true, "", "a", "!"},
	{`^(?:[0-9]+[.]?)+$`, true, "", "1", "!"},
	{`^(?:\d+)*\.$`, true, "", "1", "!"},
	{`^(?:.*a){12}$`, true, "", "a", "!"},
	{`^(?:.*,){11}P`, true, "", "1,", ""},
	{`(?:x+x+)+y`, true, "", "x", ""},
	{`(?:x+x+)+?y`, true, "", "x", ""},
	{`^(?:ab|abab)+$`, true, "", "ab", "!"},
	{`^(?:a|ab|b)+$`, true, "", "ab", "!"},
	{`^(?:a|b|ab)*c$`, true, "", "ab", ""},
	{`^(?:aa|aaa|a)*$`, true, "", "a", "!"},
	{`^(?:(?:a|b)*)*c$`, true, "", "ab", ""},
	{`^(?:(?:a*b*)*)c$`, true, "", "ab", ""},
	{`^(?:a*b?)*c$`, true, "", "a", ""},
	{`^(?:a+b?)+c$`, true, "", "a", ""},
	{`^(?:(?:"[^"]*"|[^ ]+) ?)*$`, true, "", `"x"`, "  !"},
	{`^"(?:\\.|[^"])*"$`, true, `"`, `\a`, ""},
	{`^(?:\\?.)*$`, true, "", `\`, "\n\n"},
	{`^(?:[^=]+=?[^ ]* ?)+!$`, true, "", "a=b ", ""},
	{`^(?:[\w.]+@?)+#$`, true, "", "a.b@", ""},
	{`^([a-zA-Z0-9])(([\-.]|[_]+)?([a-zA-Z0-9]+))*(@){1}[a-z0-9]+[.]{1}$`, true, "", "a", "!"},
	{`^(?:(?:\d{1,3})?\.?)+$`, true, "", "1", "!"},
	{`^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.?){4,}$`, true, "", "1", "!"},
	{`^(?:\[[^\]]*\]|.)+$`, true, "", "[]", "\n\n!"},
	{`^(?:<[^>]*>?)*$`, true, "", "<", ">x"},
	{`^(?:\s*\S*)*;$`, true, "", "a ", ""},
	{`\s*(?:\s+\S+)*\s*;$`, false, "", " ", "a"},
	{`^(?:(?=a+)a)+$`, false, "", "a", "!"},
	{`^(?!(?:a+)+$)a*!$`, true, "", "a", "!!"},
	{`(?=(?:a+)+b)a`, true, "", "a", ""},
	{`^(?P<x>a*)*(?P=x)b$`, true, "", "a", ""},
	{`^(a+)+\1b$`, true, "", "a", ""},
	{`^(?:(a)|b|ab)*\1c$`, true, "", "ab", ""},
	{`a*a*a*a*a*a*b`, false, "", "a", ""},
	{`^\w*\w*\w*\w*\w*!$`, false, "", "a", ""},
	{`.*.*.*.*x$`, false, "", "a", ""},
	{`^.*?from.*?from.*?from.*?x$`, false, "", "from ", ""},
	{`(?:.|\n)*(?:.|\n)*#$`, false, "", "a\n", ""},
	{`^(?:a?){64}a{64}$`, true, "", "a", "!"},
	{`^(?:(?:a{1,500}){1,500})*$`, true, "", "a", "!"},
	{`(?i)^(?:k+K?)+$`, true, "", "k", "!"},
	{`^(?:é+É?ſ*)+$`, true, "", "é", "!"},
	{`^(?:[é-ÿ]+é?)+$`, true, "", "é", "!"},
	{`^(?:a(?(1)b|c)?|(x))*$`, false, "", "a", "!"},
}

// TestNoPatternCostsMoreThanItsBudget counts steps, not time: a line of any
// length costs at most its budget and a little, and says so with an error.
func TestNoPatternCostsMoreThanItsBudget(t *testing.T) {
	m := NewMachine()
	for _, p := range explosive {
		re, err := Compile(p.pattern, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, size := range []int{28, 1 << 10, 64 << 10} {
			text := p.head + strings.Repeat(p.pump, size/len(p.pump)) + p.tail
			b := LineBudget(len(text))
			whole := b.Left
			found, err := m.Search(re, []byte(text), 0, len(text), &b)
			if found {
				t.Errorf("%s matched %d bytes", p.pattern, len(text))
			}
			if err != nil && err != ErrBudget {
				t.Errorf("%s: %v", p.pattern, err)
			}
			if b.Left < 0 {
				t.Errorf("%s in %d bytes: %d of %d steps left", p.pattern, len(text), b.Left, whole)
			}
		}
	}
}

// TestTheTableOfVisitedPlacesMakesLoopsLinear shows that what explodes in other
// engines gets its answer here, on lines of the usual length.
func TestTheTableOfVisitedPlacesMakesLoopsLinear(t *testing.T) {
	m := NewMachine()
	for _, p := range explosive {
		if !p.exponential || strings.Contains(p.pattern, `\1`) || strings.Contains(p.pattern, "(?P=") || strings.Contains(p.pattern, "500") {
			continue
		}
		re, err := Compile(p.pattern, 0)
		if err != nil {
			t.Fatal(err)
		}
		text := p.head + strings.Repeat(p.pump, 100/len(p.pump)) + p.tail
		b := LineBudget(len(text))
		if _, err := m.Search(re, []byte(text), 0, len(text), &b); err != nil {
			t.Errorf("%s in %d bytes: %v", p.pattern, len(text), err)
		}
	}
}
