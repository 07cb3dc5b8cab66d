package filter

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"stockade/internal/datepattern"
	"stockade/internal/filter/filtertest"
)

// recallPrefixes are prefregexes: the whole line is remembered of the first ones,
// the content of the last.
var recallPrefixes = []string{
	`^ (?P<mlfid>\d+) <F-CONTENT>.+</F-CONTENT>$`,
	`^ (?P<mlfid>\d+) (?!seen)<F-CONTENT>\w+ .+\d</F-CONTENT>`,
	`^ (?P<mlfid>\d+)(?: 7)? <F-CONTENT>.+</F-CONTENT>$`,
}

// recallFilter has rules that fill a group in several ways, hold sessions, and
// stop at the first match or not.
func recallFilter(t *testing.T, prefregex string, all bool) *Filter {
	t.Helper()
	f := New(datepattern.Env{Now: func() time.Time { return noon }, Zone: time.UTC})
	f.SetCheckAll(all)
	if err := f.SetPrefregex(Rule{Text: prefregex}); err != nil {
		t.Fatal(err)
	}
	for _, r := range []string{
		`^bad (?:user <F-USER>\w+</F-USER>|name <F-ALT_USER>\w+</F-ALT_USER>) from <HOST>`, `from <HOST>$`,
		`^<F-NOFAIL>seen</F-NOFAIL> <HOST>`, `^3: no <HOST>`, `^left <HOST> port \d+ v2$`, `^lost <HOST> port 22$`, `<F-MLFFORGET>gone</F-MLFFORGET> <HOST> for ever`,
	} {
		if err := f.AddFailregex(Rule{Text: r}); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.AddIgnoreregex(Rule{Text: `from 192\.0\.2\.3$`}); err != nil {
		t.Fatal(err)
	}
	return f
}

// TestRecalledTextsGiveWhatSearchesGive compares a filter that remembers texts
// with one that is made to search each time.
func TestRecalledTextsGiveWhatSearchesGive(t *testing.T) {
	for round := range 2 * len(recallPrefixes) {
		all, prefregex := round%2 == 1, recallPrefixes[round/2]
		rnd := rand.New(rand.NewPCG(9, 9))
		recalls, searches := recallFilter(t, prefregex, all), recallFilter(t, prefregex, all)
		hits := 0
		for i := range 20_000 {
			ip := 1 + rnd.IntN(6)
			text := []string{
				"bad user joe from 192.0.2.%d", "bad name ann from 192.0.2.%d", "seen 192.0.2.%d", "gone 192.0.2.%d for ever",
				"seen from 192.0.2.%d", "nothing %d", "%d: no 192.0.2.7", "left 192.0.2.4 port 1%d v2", "left 192.0.2.4 port 80 v%d",
				"lost 192.0.2.9 port 2%d",
			}[rnd.IntN(10)]
			line := Line{Text: fmt.Appendf(nil, "2005-08-14 10:00:00 %d "+text, rnd.IntN(4), ip), InOperation: true}
			now := noon.Add(time.Duration(i) * time.Second)
			searches.seen.forget()
			want := outcomeText(searches.Process(now, line))
			before := recalls.seen.hits
			if got := outcomeText(recalls.Process(now, line)); got != want {
				t.Fatalf("%s, all %v, line %d %q:\n got %s\nwant %s", prefregex, all, i, line.Text, got, want)
			}
			if recalls.seen.hits > before {
				hits++
			}
		}
		if hits < 10_000 {
			t.Errorf("only %d of 20000 texts were recalled", hits)
		}
	}
}

// TestRecallRestsWhereNothingComesAgain stops looking up texts in vain, for a
// while.
func TestRecallRestsWhereNothingComesAgain(t *testing.T) {
	f := recallFilter(t, recallPrefixes[0], false)
	for i := range 2 * recallTrial {
		f.Process(noon, Line{Text: fmt.Appendf(nil, "2005-08-14 10:00:00 1 nothing %s", strings.Repeat("ab", i%100)+strings.Repeat("b", i/100)), InOperation: true})
	}
	if f.seen.rest == 0 {
		t.Error("it still looks each text up")
	}
}

// TestChangedRulesForgetWhatWasRecalled finds by the rules as they are.
func TestChangedRulesForgetWhatWasRecalled(t *testing.T) {
	f := recallFilter(t, recallPrefixes[0], false)
	line := Line{Text: []byte("2005-08-14 10:00:00 1 new thing by 192.0.2.9"), InOperation: true}
	for range 3 {
		if fails, _ := f.Process(noon, line); len(fails) != 0 {
			t.Fatal("matched")
		}
	}
	if err := f.AddFailregex(Rule{Text: `new thing by <HOST>`}); err != nil {
		t.Fatal(err)
	}
	if fails, _ := f.Process(noon, line); len(fails) != 1 {
		t.Errorf("%d failures by the new rule", len(fails))
	}
}

// TestGateClosesForRulesThatFailLate spares runs that cannot match, and none
// that can.
func TestGateClosesForRulesThatFailLate(t *testing.T) {
	f := newFilter(t, nil, `^ Received disconnect from <HOST>: \d+: Auth fail \d`)
	miss := []byte("2005-08-14 10:00:00 Received disconnect from 192.0.2.1: 11: Bye Bye")
	for i := range 2 * gateSample {
		f.Process(noon, Line{Text: fmt.Appendf(miss, " %s", strings.Repeat("ab", i%100)+strings.Repeat("b", i/100)), InOperation: true})
	}
	if !f.fail[0].gate.shut {
		t.Error("the gate is still open")
	}
	fails, _ := f.Process(noon, Line{Text: []byte("2005-08-14 10:00:00 Received disconnect from 192.0.2.1: 3: Auth fail 1"), InOperation: true})
	if len(fails) != 1 {
		t.Errorf("%d failures behind the gate", len(fails))
	}
}

// TestStockFiltersRecallWhatTheyWouldFind gives the sample lines of all stock
// filters several times, each time with other digits.
func TestStockFiltersRecallWhatTheyWouldFind(t *testing.T) {
	d := filtertest.Start(t, "UTC")
	rnd := rand.New(rand.NewPCG(1, 12))
	lines, hits := 0, 0
	for _, tg := range targets(t, d, filepath.Join(d.Dir, "etc/fail2ban")) {
		recalls, err := build(tg.spec, time.UTC)
		if err != nil {
			t.Fatal(err)
		}
		searches, err := build(tg.spec, time.UTC)
		if err != nil {
			t.Fatal(err)
		}
		for _, sample := range tg.sampleLines(t, d.Dir) {
			for range 4 {
				line := Line{Text: otherDigits(rnd, sample), InOperation: true}
				searches.seen.forget()
				searches.seen.rest = 1
				want := outcomeText(searches.Process(noon, line))
				before := recalls.seen.hits
				recalls.seen.tried = 0
				if got := outcomeText(recalls.Process(noon, line)); got != want {
					t.Fatalf("%s%v line %q:\n got %s\nwant %s", tg.name, tg.opts, line.Text, got, want)
				}
				lines++
				if recalls.seen.hits > before {
					hits++
				}
			}
		}
	}
	t.Logf("%d of %d lines were recalled", hits, lines)
	if hits < lines/3 {
		t.Errorf("only %d of %d lines were recalled", hits, lines)
	}
}

// otherDigits exchanges digits of a line for others, behind where dates stand.
func otherDigits(rnd *rand.Rand, line string) []byte {
	const date = 32
	text := []byte(line)
	for i := min(date, len(text)); i < len(text); i++ {
		if isDigit := text[i] >= '0' && text[i] <= '9'; isDigit && rnd.IntN(3) > 0 {
			text[i] = '0' + byte(rnd.IntN(10))
		}
	}
	return text
}
