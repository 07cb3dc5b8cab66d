package pyre

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
)

func mustCompile(t testing.TB, pattern string, flags Flags) *Regexp {
	t.Helper()
	re, err := Compile(pattern, flags)
	if err != nil {
		t.Fatalf("%s: %v", pattern, err)
	}
	return re
}

func TestSearchGivesSpansInBytes(t *testing.T) {
	for _, c := range []struct {
		pattern, text string
		want          []int
	}{
		{`é(?P<x>.)ü`, "aaé€ü", []int{2, 9, 4, 7}},
		{`(a)|(b)`, "b", []int{0, 1, -1, -1, 0, 1}},
		{`\B`, "", nil},
		{`$`, "a\n", []int{1, 1}},
		{`\Z`, "a\n", []int{2, 2}},
		{`a{,2}b`, "aaab", []int{1, 4}},
		{`x{,}`, "xxx", []int{0, 3}},
		{`[[a]`, "[", []int{0, 1}},
		{`\d+`, "a٣٤", []int{1, 5}},
		{`\s`, "\x1c", []int{0, 1}},
		{`(?a:\s)`, "\u00a0 ", []int{2, 3}},
		{`(?i)straße`, "STRAßE", []int{0, 7}},
		{`(?<=é)b`, "éb", []int{2, 3}},
		{`(?P<q>['"]).*?(?P=q)`, `x"a'b"y`, []int{1, 6, 1, 2}},
		{`^(?P<a>x)?(?(a)y|z)$`, "xy", []int{0, 2, 0, 1}},
		{`^(?P<a>x)?(?(a)y|z)$`, "z", []int{0, 1, -1, -1}},
		{`(?>a+)ab`, "aaab", nil},
		{`a++b`, "aaab", []int{0, 4}},
	} {
		re := mustCompile(t, c.pattern, 0)
		m := NewMachine()
		b := LineBudget(len(c.text))
		found, err := m.Search(re, []byte(c.text), 0, len(c.text), &b)
		if err != nil || found != (c.want != nil) {
			t.Errorf("%s in %q: found %v, %v", c.pattern, c.text, found, err)
			continue
		}
		for g := 0; 2*g < len(c.want); g++ {
			if s, e := m.Span(g); s != c.want[2*g] || e != c.want[2*g+1] {
				t.Errorf("%s in %q: group %d at %d,%d, want %d,%d", c.pattern, c.text, g, s, e, c.want[2*g], c.want[2*g+1])
			}
		}
	}
}

func TestSpanOutsideOfAMatch(t *testing.T) {
	re, m := mustCompile(t, "(a)", 0), NewMachine()
	b := LineBudget(1)
	m.Search(re, []byte("b"), 0, 1, &b)
	for _, g := range []int{-1, 0, 1, 2, 99} {
		if s, e := m.Span(g); s != -1 || e != -1 {
			t.Errorf("group %d of no match is at %d,%d", g, s, e)
		}
	}
}

func TestSearchBounds(t *testing.T) {
	re, m := mustCompile(t, "^a|b", 0), NewMachine()
	text := []byte("ab")
	for _, c := range []struct {
		from, to int
		want     bool
	}{{0, 2, true}, {-5, 99, true}, {1, 2, true}, {1, 1, false}, {2, 1, false}, {0, 0, false}, {9, 9, false}} {
		b := LineBudget(2)
		if found, err := m.Search(re, text, c.from, c.to, &b); found != c.want || err != nil {
			t.Errorf("search in [%d:%d]: %v, %v", c.from, c.to, found, err)
		}
	}
}

func TestTheBudgetIsShared(t *testing.T) {
	re, m := mustCompile(t, `^(a+)+\1!`, 0), NewMachine()
	text := bytes.Repeat([]byte("a"), 200)
	b := LineBudget(len(text))
	if _, err := m.Search(re, text, 0, len(text), &b); err != ErrBudget {
		t.Fatalf("got %v, want the budget's end", err)
	}
	if b.Left != 0 {
		t.Errorf("%d steps left", b.Left)
	}
	if _, err := m.Search(re, text, 0, len(text), &b); err != ErrBudget {
		t.Errorf("a search without budget gives %v", err)
	}
}

// TestFarDecidesTheAnswer changes and cuts what lies beyond Far: the answer
// must stay the same.
func TestFarDecidesTheAnswer(t *testing.T) {
	g := &generator{Rand: rand.New(rand.NewPCG(3, 3))}
	m := NewMachine()
	checked, early := 0, 0
	for range 4000 {
		pattern, flags := g.pattern()
		re, err := Compile(pattern, flags)
		if err != nil {
			continue
		}
		for range 6 {
			text := []byte(g.text() + g.text())
			b := LineBudget(len(text))
			found, err := m.Search(re, text, 0, len(text), &b)
			far := m.Far()
			if err != nil || far > len(text) {
				continue
			}
			want := charSpansOrNil(m, re, found)
			if found {
				early++
			}
			for range 3 {
				other := append(bytes.Clone(text[:far]), g.text()...)
				other = bytes.ToValidUTF8(other, []byte("?"))
				if len(other) < far || !bytes.Equal(other[:far], text[:far]) {
					continue
				}
				b := LineBudget(len(other))
				again, err := m.Search(re, other, 0, len(other), &b)
				if err != nil {
					continue
				}
				checked++
				if got := charSpansOrNil(m, re, again); !equalSpans(got, want) {
					t.Fatalf("%q flags %d: far %d of %q gives %v, but %q gives %v", pattern, flags, far, text, want, other, got)
				}
			}
		}
	}
	if checked < 5000 || early < 500 {
		t.Errorf("only %d checks of %d matches", checked, early)
	}
}

// TestFarSeesWhereALoopIsForbidden has a loop stop where a text begins that goes
// on beyond the loop's class.
func TestFarSeesWhereALoopIsForbidden(t *testing.T) {
	m := NewMachine()
	re := mustCompile(t, `^(?:(?!b--)[a-z])*`, 0)
	b := LineBudget(100)
	if _, err := m.Search(re, []byte("ab--xx"), 0, 6, &b); err != nil {
		t.Fatal(err)
	}
	if far := m.Far(); far < 4 {
		t.Errorf("%d bytes decide, but \"ab-x\" is another case", far)
	}
}

func charSpansOrNil(m *Machine, re *Regexp, found bool) []int {
	if !found {
		return nil
	}
	var out []int
	for g := 0; g <= re.NumGroups(); g++ {
		s, e := m.Span(g)
		out = append(out, s, e)
	}
	return out
}

func equalSpans(a, b []int) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// TestPrefiltersNeverHideAMatch compares what rules texts out with the matches
// of random patterns.
func TestPrefiltersNeverHideAMatch(t *testing.T) {
	g := &generator{Rand: rand.New(rand.NewPCG(4, 4))}
	m := NewMachine()
	matches := 0
	for range 300 {
		var res []*Regexp
		for len(res) < 70 {
			pattern, flags := g.pattern()
			if re, err := Compile(pattern, flags); err == nil {
				res = append(res, re)
			}
		}
		d := NewDispatch(res)
		for range 6 {
			text := []byte(g.text())
			mask := d.Candidates(text)
			for i, re := range res {
				b := LineBudget(len(text))
				found, _ := m.Search(re, text, 0, len(text), &b)
				if !found {
					continue
				}
				matches++
				start, end := m.Span(0)
				checkPrefilters(t, re, text, start, end, mask[i/64]>>(i%64)&1 != 0)
			}
		}
	}
	if matches < 10_000 {
		t.Errorf("only %d matches", matches)
	}
}

func checkPrefilters(t *testing.T, re *Regexp, text []byte, start, end int, candidate bool) {
	t.Helper()
	if !candidate {
		t.Errorf("%q in %q: not a candidate", re, text)
	}
	if first, ok := re.FirstBytes(); ok && (start == len(text) || !first[text[start]]) {
		t.Errorf("%q in %q: first bytes do not hold", re, text)
	}
	if re.Anchored() && start != 0 {
		t.Errorf("%q in %q: anchored, but found at %d", re, text, start)
	}
	if literal := re.RequiredLiteral(); !bytes.Contains(text, literal) {
		t.Errorf("%q in %q: %q is not there", re, text, literal)
	}
	if !re.EndFits(text) {
		t.Errorf("%q in %q: the end of the text does not fit", re, text)
	}
	if literal := re.LateLiteral(); !bytes.Contains(text, literal) {
		t.Errorf("%q in %q: %q is not there", re, text, literal)
	}
}

func TestSurvey(t *testing.T) {
	for _, c := range []struct {
		pattern, literal, prefix string
		anchored, broad          bool
	}{
		{`^Failed (?:a|b) for user`, " for user", "Failed ", true, false},
		{`^\s*(?:\S+\s+)?sshd: x`, "sshd: x", "", true, true},
		{`.*error`, "error", "", false, true},
		{`(?P<x>abc)def`, "abcdef", "abc", false, false},
		{`(?i)abc`, "", "", false, false},
		{`^a|^b`, "", "", true, false},
		{`^a|b`, "", "", false, false},
		{`\Ax*y`, "y", "", true, false},
		{`(?:^a)+`, "a", "", true, false},
		{`(?:ab)?c`, "c", "", false, false},
	} {
		re := mustCompile(t, c.pattern, 0)
		if got := string(re.RequiredLiteral()); got != c.literal {
			t.Errorf("%s: required literal %q, want %q", c.pattern, got, c.literal)
		}
		if got := string(re.prog.prefix); got != c.prefix {
			t.Errorf("%s: prefix %q, want %q", c.pattern, got, c.prefix)
		}
		if re.Anchored() != c.anchored || re.BroadHead() != c.broad {
			t.Errorf("%s: anchored %v, broad %v", c.pattern, re.Anchored(), re.BroadHead())
		}
	}
}

func TestNamesAndNumbersOfGroups(t *testing.T) {
	re := mustCompile(t, `(a)(?P<ip4>b)(?:c)(?P<user>(d))`, 0)
	if re.NumGroups() != 4 || re.GroupIndex("ip4") != 2 || re.GroupIndex("user") != 3 || re.GroupIndex("x") != -1 || re.GroupIndex("") != -1 {
		t.Errorf("groups %d, ip4 %d, user %d", re.NumGroups(), re.GroupIndex("ip4"), re.GroupIndex("user"))
	}
	if names := re.GroupNames(); len(names) != 5 || names[2] != "ip4" || names[4] != "" {
		t.Errorf("names %q", names)
	}
}

func FuzzCompileSearch(f *testing.F) {
	for _, p := range explosive {
		f.Add(p.pattern, p.head+p.pump+p.pump+p.tail, uint8(0))
	}
	for _, p := range wrongPatterns {
		f.Add(p, "abc", uint8(1))
	}
	f.Fuzz(func(t *testing.T, pattern, text string, flags uint8) {
		if len(pattern) > 200 || len(text) > 2000 {
			return
		}
		re, err := Compile(pattern, Flags(flags)&(IgnoreCase|Multiline|DotAll|Verbose|ASCII))
		if err != nil {
			return
		}
		re.Ambiguity()
		m := NewMachine()
		b := LineBudget(len(text))
		found, err := m.Search(re, []byte(text), 0, len(text), &b)
		if b.Left < 0 {
			t.Fatalf("%q: %d steps left, error %v", pattern, b.Left, err)
		}
		for g := 0; found && g <= re.NumGroups(); g++ {
			if s, e := m.Span(g); s > len(text) || e > len(text) || s > e && e >= 0 && g == 0 {
				t.Fatalf("%q in %q: group %d at %d,%d", pattern, text, g, s, e)
			}
		}
	})
}

// TestCapturesInPossessiveLoops asserts our own result: Python 3.11 leaves a
// span there that no round ever had.
func TestCapturesInPossessiveLoops(t *testing.T) {
	re, m := mustCompile(t, `(?:(a)|b)*+c`, 0), NewMachine()
	b := LineBudget(3)
	if found, err := m.Search(re, []byte("abc"), 0, 3, &b); !found || err != nil {
		t.Fatal(found, err)
	}
	if s, e := m.Span(1); s != 0 || e != 1 {
		t.Errorf("group 1 at %d,%d, want 0,1", s, e)
	}
}

func TestDeepNesting(t *testing.T) {
	for _, c := range []struct {
		depth int
		ok    bool
	}{{300, true}, {900, true}, {1100, false}, {100_000, false}} {
		pattern := strings.Repeat("(?:", c.depth) + "a" + strings.Repeat(")*", c.depth)
		_, err := Compile(pattern, 0)
		if (err == nil) != c.ok {
			t.Errorf("depth %d: %v", c.depth, err)
		}
	}
}

func TestStoppedShowsTheFurthestAttempt(t *testing.T) {
	for _, c := range []struct {
		pattern, text string
		want          Stop
	}{
		{`^Failed \S+ for`, "Failed password by x", Stop{0, 17}},
		{`^Failed \S+ for`, "Faked password", Stop{0, 3}},
		{`user=\w+ from=\d`, "x user=al user=bob from=x", Stop{10, 25}},
		{`^[ab]c`, "c", Stop{0, 1}},
	} {
		re, m := mustCompile(t, c.pattern, 0), NewMachine()
		b := LineBudget(len(c.text))
		if found, _ := m.Search(re, []byte(c.text), 0, len(c.text), &b); found {
			t.Fatalf("%s matched %q", c.pattern, c.text)
		}
		if got := m.Stopped(); got != c.want {
			t.Errorf("%s in %q: stopped %+v, want %+v", c.pattern, c.text, got, c.want)
		}
	}
}
