package filter

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestExplodingRegexHidesNothing(t *testing.T) {
	f := newFilter(t, func(f *Filter) { f.SetName("web") })
	rules := []Rule{
		{Text: `^(?P<x>a*)*(?P=x)b <HOST>$`, Origin: "filter.d/bad.conf:7"},
		{Text: `! <HOST>$`},
	}
	for _, r := range rules {
		if err := f.AddFailregex(r); err != nil {
			t.Fatal(err)
		}
	}
	line := []byte(strings.Repeat("a", 1000) + "! 1.2.3.4")
	begin := time.Now()
	fails, info := f.Process(noon, Line{Text: line, InOperation: true})
	if len(fails) != 1 || fails[0].Index != 1 {
		t.Fatalf("%+v", fails)
	}
	t.Logf("%v for 1 KiB", time.Since(begin))
	text := texts2(info)
	for _, want := range []string{"[web] failregex 1 (filter.d/bad.conf:7)", "aaaa"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in %q", want, text)
		}
	}
	if f.BudgetHits() != 1 {
		t.Errorf("%d searches counted", f.BudgetHits())
	}
	if _, info = f.Process(noon, Line{Text: line, InOperation: true}); strings.Contains(texts2(info), "too many steps") {
		t.Error("reported again at once")
	}
	if _, info = f.Process(noon.Add(budgetInterval), Line{Text: line, InOperation: true}); !strings.Contains(texts2(info), "3 so far") {
		t.Errorf("not reported after a while: %v", info.Records)
	}
}

func TestOldLinesAreLeftOutWhileCatchingUp(t *testing.T) {
	f := newFilter(t, func(f *Filter) {
		f.SetAgeChecks(true)
		f.SetFindTime(10 * time.Minute)
	}, `^ x <HOST>`)
	for at, want := range map[string]Outcome{"09:50:00": Matched, "09:49:59": TooOld, "12:00:00": Matched} {
		_, info := f.Process(noon, Line{Text: []byte("2005-08-14 " + at + " x 1.2.3.4")})
		if info.Outcome != want {
			t.Errorf("%s: %v", at, info.Outcome)
		}
	}
	_, info := f.Process(noon, Line{Text: []byte("2005-08-14 01:00:00 x 1.2.3.4")})
	if len(info.Records) != 0 {
		t.Errorf("warned twice: %v", info.Records)
	}
}

func TestWarningsOfOddTimesComeOnceADay(t *testing.T) {
	f := newFilter(t, func(f *Filter) { f.SetAgeChecks(true) }, `^ x <HOST>`)
	count := func(now time.Time, text string) int {
		_, info := f.Process(now, Line{Text: []byte(text), InOperation: true})
		return strings.Count(texts2(info), "dated") + strings.Count(texts2(info), "odd time")
	}
	if n := count(noon, "2005-08-14 09:00:00 x 1.2.3.4"); n != 2 {
		t.Errorf("%d records at first", n)
	}
	if n := count(noon, "2005-08-14 09:00:00 x 1.2.3.4"); n != 0 {
		t.Errorf("%d records at once again", n)
	}
	if n := count(noon.Add(25*time.Hour), "2005-08-14 09:00:00 x 1.2.3.4"); n != 2 {
		t.Errorf("%d records a day later", n)
	}
}

func TestCauseNamesRuleAndSpans(t *testing.T) {
	f := newFilter(t, nil)
	if err := f.SetPrefregex(Rule{Text: `^\[\] (?P<p>\w+): <F-CONTENT>.+</F-CONTENT>$`}); err != nil {
		t.Fatal(err)
	}
	if err := f.AddFailregex(Rule{Text: `^bad <F-USER>\w+</F-USER> <HOST>`, Origin: "a.conf:3"}); err != nil {
		t.Fatal(err)
	}
	const line = "[2005-08-14 10:00:00] app: bad joe 1.2.3.4"
	fails := run(t, f, line)
	if len(fails) != 1 {
		t.Fatal("no failure")
	}
	c := fails[0].Cause
	if c.Line != line || c.Rule.Origin != "a.conf:3" || c.Rule.Kind != "failregex" || c.Who.Kind != "log" {
		t.Errorf("%+v", c)
	}
	got := map[string]string{}
	for s := range c.Spans.All() {
		got[s.Name] = c.Line[s.Start:s.End]
	}
	if want := "map[content:bad joe 1.2.3.4 ip4:1.2.3.4 p:app user:joe]"; fmt.Sprint(got) != want {
		t.Errorf("got %v, want %s", got, want)
	}
}
