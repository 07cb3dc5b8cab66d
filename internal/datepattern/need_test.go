package datepattern

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"stockade/internal/pyre"
	"stockade/internal/testenv"
)

// A line in which a template finds a date has what the template is said to need.
func TestMatchesHaveWhatTemplatesNeed(t *testing.T) {
	rounds := 20_000
	if testenv.Full() {
		rounds = 1_000_000
	}
	g := generator{rand.New(rand.NewPCG(5, 2))}
	m := pyre.NewMachine()
	templates := slices.Clone(defaultsOf(2026))
	for _, pattern := range []string{"%H:%M:%S", "%d %H:%M:%S %p", `(?:%b|x) %H:%M:%S`} {
		tmpl, err := single(pattern, 2026)
		if err != nil {
			t.Fatal(err)
		}
		templates = append(templates, tmpl)
	}
	matches, lacking := [numNeeds]int{}, [numNeeds]int{}
	for range rounds {
		text := pick(g, prefixes) + pick(g, []string{"", "x ", " ", "9"}) + g.needyDate() + pick(g, suffixes)
		for g.chance(4) {
			text = g.mutate(text)
		}
		line := []byte(strings.ToValidUTF8(text, "\uFFFD"))
		s := search{line: line}
		for _, tmpl := range templates {
			if tmpl.need == needNothing {
				continue
			}
			budget := pyre.LineBudget(len(line))
			found, err := m.Search(tmpl.compiled(), line, 0, len(line), &budget)
			if err != nil {
				t.Fatal(err)
			}
			lacks := s.lacks(tmpl)
			if found && lacks {
				t.Fatalf("%s finds a date in %q, which is said to lack it", tmpl.name, line)
			}
			if found {
				matches[tmpl.need]++
			}
			if lacks {
				lacking[tmpl.need]++
			}
		}
	}
	for n := needEpoch; n < numNeeds; n++ {
		if matches[n] < 100 || lacking[n] < 100 {
			t.Errorf("need %d: %d matches, %d lines lack it: too little is compared", n, matches[n], lacking[n])
		}
	}
}

// needyDate writes a date of a default pattern, one digit fewer here and there.
func (g generator) needyDate() string {
	switch g.IntN(20) {
	case 0:
		return g.date(1124013600+int64(g.IntN(1e8)), time.UTC, g.shape())
	case 1:
		return g.date(1124013600+int64(g.IntN(1e8)), time.UTC, pick(g, []string{"E", "F", "A"}))
	case 2:
		return g.date(1124013600+int64(g.IntN(1e8)), time.UTC, pick(g, []string{"T", "20060102T150405", "20060102 1504:05"}))
	}
	at := time.Unix(1124013600+int64(g.IntN(1e8)), 0).UTC()
	return at.Format(pick(g, []string{
		"1/2/06 15:04:05", "_2/1/2006  3:04:05", "1-2-2006 15:04:05", "01-_2-2006  5:04:05", "02-01-06 15:04:05", "02/01/2006 15:04:05",
		"1/_2/2006:15:04:05", "01/02/2006:5:04:05", "060102 15:04:05", "060102  5:4:5", "_2/Jan/200615:04:05", "02-Jan-2006:5:04:05",
		"Jan _2 2006  5:04:05", "Jan 2, 2006 3:04:05 PM", "Mon Jan 2 15:04:05 2006", "MST Jan 2  5:04:05", "2006-01-02 15:04:05",
	}))
}

func TestDefaultTemplatesAllCompile(t *testing.T) {
	for _, tmpl := range defaultTemplates(2026) {
		if _, err := tmpl.checked(); err != nil {
			t.Error(err)
		}
	}
}
