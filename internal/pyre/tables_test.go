package pyre

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"stockade/internal/testenv"
)

// TestUnicodeTablesMatchPython asks Python about every character.
func TestUnicodeTablesMatchPython(t *testing.T) {
	o := newOracle(t)
	m := NewMachine()
	var all []string
	for from := rune(0); from <= maxRune; from += 4096 {
		var text strings.Builder
		for r := from; r < from+4096; r++ {
			if r < 0xd800 || r > 0xdfff {
				text.WriteRune(r)
			}
		}
		all = append(all, text.String())
	}
	for _, pattern := range []string{`(\w)`, `(\d)`, `(\s)`, `(\W)`, `(\D)`, `(\S)`, `.\b.`} {
		re, err := Compile(pattern+`+`, DotAll)
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range all {
			compareEverywhere(t, o, m, re, text)
		}
	}
}

// compareEverywhere compares all matches one after the other.
func compareEverywhere(t *testing.T, o *oracle, m *Machine, re *Regexp, text string) {
	t.Helper()
	want := o.ask(question{Pattern: re.String(), Flags: 16, Texts: []string{text}, All: true})
	if text == "" {
		return
	}
	spans, _ := want.spans(0)
	at := make([]int, len(text)+1)
	for i := 1; i <= len(text); i++ {
		at[i] = at[i-1]
		if i == len(text) || utf8.RuneStart(text[i]) {
			at[i]++
		}
	}
	var got []int
	for from := 0; from <= len(text); {
		b := Budget{Left: 1 << 30}
		found, err := m.Search(re, []byte(text), from, len(text), &b)
		if err != nil {
			t.Fatal(err)
		}
		if !found {
			break
		}
		s, e := m.Span(0)
		got = append(got, at[s], at[e])
		from = e
	}
	if fmt.Sprint(got) != fmt.Sprint(spans) {
		t.Errorf("%s in %+q…: we find %d places, Python %d", re, []rune(text)[0], len(got)/2, len(spans)/2)
	}
}

func TestIgnoringCaseMatchesPython(t *testing.T) {
	o := newOracle(t)
	m := NewMachine()
	chars := []rune("aAkKsSiI09_\u00df\u1e9e\u0130\u0131")
	for r := range extraCases {
		chars = append(chars, r)
	}
	for _, c := range lowerSpans {
		for r := c.lo; r <= c.hi; r += c.step {
			chars = append(chars, r, r+c.delta)
		}
	}
	slices.Sort(chars)
	text := string(chars)
	step := 150
	if testenv.Full() {
		step = 3
	}
	for i := 0; i < len(chars); i += step {
		for _, pattern := range []string{"(?i)%c", "(?i)[%c-]", "(?i)[^%c]", "(?ia)%c", "(?i)[%c-\U0010ffff]", "(?i)[!-%c]"} {
			if strings.Contains(pattern, "[!") && i%(8*step) != 0 {
				continue // Python takes long over large ranges
			}
			re, err := Compile(fmt.Sprintf(pattern, chars[i]), DotAll)
			if err != nil {
				t.Fatal(err)
			}
			compareEverywhere(t, o, m, re, text)
		}
	}
}

func TestNamedCharacters(t *testing.T) {
	o := newOracle(t)
	for _, name := range []string{
		"EM DASH", "em dash", "LATIN SMALL LETTER A", "LF", "NULL", "BEL", "NBSP", "BOM", "CJK UNIFIED IDEOGRAPH-4E00",
		"HANGUL SYLLABLE GAG", "HANGUL SYLLABLE A", "HANGUL SYLLABLE HIH", "CJK UNIFIED IDEOGRAPH-0041", "<control>", "GRINNING FACE",
	} {
		pattern := `\N{` + name + `}`
		compareRefusal(t, o, pattern, 0)
		re, err := Compile(pattern, 0)
		if err != nil {
			continue
		}
		r, _ := runeByName(name)
		q := question{Pattern: pattern, Texts: []string{string(r)}}
		if spans, _ := o.ask(q).spans(0); len(spans) != 2 {
			t.Errorf("%s is not %U for Python", re, r)
		}
	}
}
