package pyre

import (
	"math/rand/v2"
	"testing"
)

// wrongPatterns has one for each complaint that Python knows.
var wrongPatterns = []string{
	`a\`, `[a\`, `[`, `[a`, `[a-`, `[]`, `[^]`, `[b-a]`, `[\d-z]`, `[a-\w]`, `[\x41-\x40]`, `(`, `)`, `a)`, `(a`, `(?:a`, `(?=a`, `(?<=a`, `(?>a`,
	`(?`, `(?P`, `(?P<`, `(?P<>a)`, `(?P<a`, `(?P<1a>x)`, `(?P<a b>x)`, `(?P<a>x)(?P<a>y)`, `(?P=`, `(?P=)`, `(?P=a`, `(?P=a)`, `(?P=1)`, `(?Px)`,
	`(?P<a>(?P=a))`, `(\1)`, `\1`, `(a)\2`, `\8`, `\18`, `\400`, `\477`, `[\400]`, `[\8]`, `\x`, `\x1`, `\xg1`, `[\x1]`, `\u12`, `\U1234567`, `\U00110000`,
	`\Uffffffff`, `\q`, `\y`, `[\q]`, `\Q`, `[\A]`, `[\Z]`, `[\B]`, `\N`, `\N{`, `\N{}`, `\N{x`, `\N{no such name}`, `[\N{no such name}]`,
	`*`, `+a`, `?`, `a**`, `a+*`, `a{2}{3}`, `a{3,2}`, `^*`, `$+`, `\b*`, `\A?`, `(*)`, `|*`, `a|*`, `{2}`, `{,2}`, `a{2}*`, `a*??`, `a*+?`, `a*++`, `x{99999999999}`,
	`(?<a)`, `(?<`, `(?<=`, `(?<=a*)`, `(?<!a|bc)`, `(?<=(a)\1)`, `(?<=(?(1)a|b))`, `(a)(?<=\1{1,2})`, `(?<=(?P<x>a)(?P=x))`, `(?<=a(?(1)b|c))(a)`,
	`(?(`, `(?()a)`, `(?(x)a)`, `(?(1)a)`, `(?(0)a)`, `(?(-1)a)`, `(?(1x)a)`, `(a)(?(1)b|c|d)`, `(a)(?(1`, `(a)(?(1)b`, `(a)(?(2)b)`, `(?(99999999999)a)`, `(?(é!)a)`,
	`(?x`, `(?i`, `(?-`, `(?-i`, `(?-)`, `(?-:`, `(?i-`, `(?i-:a)`, `(?i-i:a)`, `(?q)`, `(?iq)`, `(?i1)`, `(?-q:a)`, `(?-i1:a)`, `(?-a:b)`, `(?L)`, `(?L:a)`, `(?au)`, `(?au:x)`, `(?a)(?u)`,
	`a(?i)`, `a|(?i)b`, `(a(?i)b)`, `(?:(?i)b)`, `(?i:(?s)b)`, `(?t:a)`, `(?-t:a)`, `(?it:a)`, `(?#`, `(?#a`, `(?'a')`, `(?&a)`, `(?!a`, `(?<!a`, "a\n(", "a\nb\n\\q", "\n\n(?P<é!>x)", `(?P<é>`,
	`(?P<'>a)`, `(?P<">a)`, `(?P<'">a)`, "(?P<\t>a)", `(?P<\>a)`, `(?P=é)`, `(?i)(?-i)a`, `((?P<a>b)`, `(?P<a>b`, `(?ix-m`, `(?i:`, `(?i-s:`, `a{1`, `a{1,`, `a{,`, `a{`, `x{4294967295}`,
}

func TestWrongPatternsAreRefusedAsByPython(t *testing.T) {
	o := newOracle(t)
	for _, pattern := range wrongPatterns {
		compareRefusal(t, o, pattern, 0)
	}
	compareRefusal(t, o, "(?u)x", ASCII)
	compareRefusal(t, o, "(?#", ASCII|Unicode)
	compareRefusal(t, o, "x", ASCII|Unicode)
	compareRefusal(t, o, "a # ( \n (", Verbose)
}

// TestDamagedPatternsAreRefusedAsByPython cuts and stirs random patterns.
func TestDamagedPatternsAreRefusedAsByPython(t *testing.T) {
	o := newOracle(t)
	g := &generator{Rand: rand.New(rand.NewPCG(2, 2))}
	refused := 0
	for range 3000 {
		pattern, flags := g.pattern()
		if compareRefusal(t, o, damage(g.Rand, pattern), flags) {
			refused++
		}
	}
	if refused < 1000 {
		t.Errorf("only %d of 3000 damaged patterns were refused", refused)
	}
}

func damage(r *rand.Rand, pattern string) string {
	runes := []rune(pattern)
	for range 1 + r.IntN(3) {
		at := r.IntN(len(runes) + 1)
		switch r.IntN(3) {
		case 0:
			runes = append(runes[:at:at], runes[min(at+1, len(runes)):]...)
		case 1:
			runes = runes[:at]
		default:
			insert := []rune(wrongBits[r.IntN(len(wrongBits))])
			runes = append(runes[:at:at], append(insert, runes[at:]...)...)
		}
	}
	return string(runes)
}

var wrongBits = []string{
	`\`, `[`, `]`, `(`, `)`, `*`, `+`, `?`, `{`, `}`, `{2,1}`, `(?`, `(?P<`, `(?P=n1)`, `\1`, `\9`, `(?(1)`, `(?(n1)`, `(?i)`, `(?i:`, `(?-`, `|`, `^*`,
	`\x`, `\u`, `\q`, `[z-a]`, `(?<=`, `(?<!a+)`, `(?#`, "\n", `-`, `^`, `(?a-i:`, `(?P<n1>`, `{,`, `>`, `:`, `)`, `)`,
}

// compareRefusal tells whether the pattern was refused, which both must agree
// on: text, place, line and column.
func compareRefusal(t *testing.T, o *oracle, pattern string, flags Flags) bool {
	t.Helper()
	want := o.ask(question{Pattern: pattern, Flags: pythonFlags(flags)}).Err
	_, err := Compile(pattern, flags)
	if err == nil && want == nil {
		return false
	}
	if err == nil || want == nil {
		t.Errorf("%q flags %d: we say %v, Python %v", pattern, flags, err, want)
		return true
	}
	e := err.(*Error)
	got := []any{e.Msg, float64(e.Pos), float64(e.Line), float64(e.Col), e.Error()}
	for i := range got {
		if got[i] != want[i+1] {
			t.Errorf("%q flags %d: we say %v, Python %v", pattern, flags, got, want)
			break
		}
	}
	return true
}
