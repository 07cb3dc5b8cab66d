package pyre

import (
	"math/rand/v2"
	"testing"
)

// TestDigitsThatAreAlikeChangeNothing searches texts that differ in digits: an
// expression that says that they are alike to it finds the same places.
func TestDigitsThatAreAlikeChangeNothing(t *testing.T) {
	g := &generator{Rand: rand.New(rand.NewPCG(8, 8))}
	m := NewMachine()
	checked, matched := 0, 0
	for range 30_000 {
		pattern, flags := g.pattern()
		re, err := Compile(pattern, flags)
		if err != nil || !re.DigitsAlike() {
			continue
		}
		for range 3 {
			text := []byte(g.text() + g.text())
			b := LineBudget(len(text))
			found, err := m.Search(re, text, 0, len(text), &b)
			if err != nil {
				continue
			}
			want := charSpansOrNil(m, re, found)
			for i := 1; i < len(text); i++ {
				if isDigit(text[i]) && !KeepsDigit(text[i-1]) {
					text[i] = '0' + byte(g.IntN(10))
				}
			}
			b = LineBudget(len(text))
			found, err = m.Search(re, text, 0, len(text), &b)
			if err != nil {
				t.Fatal(err)
			}
			if got := charSpansOrNil(m, re, found); !equalSpans(got, want) {
				t.Fatalf("%q flags %d: %v in %q, %v with other digits", pattern, flags, got, text, want)
			}
			checked++
			if found {
				matched++
			}
		}
	}
	if checked < 10_000 || matched < 4_000 {
		t.Errorf("only %d texts, %d of them matched", checked, matched)
	}
}

func TestWhichExpressionsTakeDigitsAlike(t *testing.T) {
	for pattern, want := range map[string]bool{
		`^Failed \S+ for (?P<user>.*) from (?P<ip4>(?:\d{1,3}\.){3}\d{1,3}) port \d+ ssh2$`: true,
		`^Failed (?!.* ssh1: )\w+`: true,
		`disconnect from \S+: 11:`: false,
		`^[1-9]\d*`:                false,
		`^(\d) \1`:                 false,
		`"1`:                       false,
	} {
		if got := mustCompile(t, pattern, 0).DigitsAlike(); got != want {
			t.Errorf("%s: %v", pattern, got)
		}
	}
}
