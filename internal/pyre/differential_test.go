package pyre

import (
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"stockade/internal/testenv"
)

// TestRandomPatternsMatchPython compares groups and spans with Python's re on
// random patterns and texts, and shows that every construct was really tried.
func TestRandomPatternsMatchPython(t *testing.T) {
	patterns, least := 5_000, 50
	if testenv.Full() {
		patterns, least = 50_000, 500
	}
	c := &comparison{t: t, oracle: newOracle(t), machine: NewMachine(), counts: map[string]int{}}
	g := &generator{Rand: rand.New(rand.NewPCG(1, uint64(patterns)))}
	// Another seed for those who look for more.
	if seed := os.Getenv("PYRE_SEED"); seed != "" {
		var n uint64
		fmt.Sscan(seed, &n)
		g.Rand = rand.New(rand.NewPCG(n, 7))
	}
	for range patterns {
		pattern, flags := g.pattern()
		q := question{Pattern: pattern, Flags: pythonFlags(flags)}
		for range 8 {
			q.Texts = append(q.Texts, g.text())
		}
		if g.IntN(10) == 0 {
			g.used["pos and endpos"] = true
			end := 1 + g.IntN(8)
			q.From, q.To = g.IntN(4), &end
		}
		c.compare(q, flags, g.used)
		if c.different > 10 {
			t.Fatal("too many differences")
		}
	}
	c.report(least)
}

// comparison counts what was compared.
type comparison struct {
	t                                        *testing.T
	oracle                                   *oracle
	machine                                  *Machine
	counts                                   map[string]int
	searches, matches, slow, broken, refused int
	budget, different, known                 int
}

func (c *comparison) compare(q question, flags Flags, used map[string]bool) {
	r := c.oracle.ask(q)
	re, err := Compile(q.Pattern, flags)
	if r.Err != nil || err != nil {
		c.refused++
		if fmt.Sprint(err) != fmt.Sprint(lastOf(r.Err)) {
			c.different++
			c.t.Errorf("%q: we say %v, Python %v", q.Pattern, err, r.Err)
		}
		return
	}
	for name := range used {
		c.counts[name]++
	}
	for i, text := range q.Texts {
		c.search(q, r, re, i, text)
	}
}

func lastOf(list []any) any {
	if len(list) == 0 {
		return nil
	}
	return list[len(list)-1]
}

func (c *comparison) search(q question, r reply, re *Regexp, i int, text string) {
	want, word := r.spans(i)
	switch word {
	case "slow":
		c.slow++
		return
	case "broken":
		c.broken++
		return
	}
	c.searches++
	c.run(q, re, want, text)
}

// run searches twice: as always, and with the table of visited places from the
// first step on.
func (c *comparison) run(q question, re *Regexp, want []int, text string) {
	from, to := byteRange(q, text)
	for _, patience := range []int{memoAfter, 0} {
		c.machine.patience = patience
		b := LineBudget(len(text))
		found, err := c.machine.Search(re, []byte(text), from, to, &b)
		if err != nil {
			c.budget++
			return
		}
		var got []int
		if found {
			got = charSpans(c.machine, re, text)
		}
		switch {
		case slices.Equal(got, want):
		case scopedASCIIHead.MatchString(q.Pattern):
			c.known++
		default:
			c.different++
			c.t.Errorf("%q flags %d in %q [%d:%v] patience %d: we find %v, Python %v",
				q.Pattern, q.Flags, text, q.From, q.To, patience, got, want)
		}
	}
	if want != nil {
		c.matches++
	}
}

// scopedASCIIHead finds patterns that begin with (?a:…) or (?u:…). Python picks
// the places to begin at by the classes of the global flags there, which hides
// matches; ours are the documented ones.
var scopedASCIIHead = regexp.MustCompile(`^(?:\(\?[a-z]+\))?(?:\((?:\?:|\?P<\w+>|\?[a-z-]+:)?)*\(\?[au]:`)

// byteRange turns Python's pos and endpos into byte offsets.
func byteRange(q question, text string) (from, to int) {
	runes := []rune(text)
	from = len(string(runes[:min(q.From, len(runes))]))
	to = len(text)
	if q.To != nil {
		to = len(string(runes[:min(*q.To, len(runes))]))
	}
	return from, to
}

// report prints the table and fails where too little was compared.
func (c *comparison) report(least int) {
	var out strings.Builder
	for i, name := range constructs {
		fmt.Fprintf(&out, "%-22s %6d  ", name, c.counts[name])
		if i%4 == 3 {
			out.WriteString("\n")
		}
		if c.counts[name] < least {
			c.t.Errorf("construct %q was tried %d times, less than %d", name, c.counts[name], least)
		}
	}
	c.t.Logf("\n%s\n%d searches, %d matches; refused %d, over budget %d, slow in Python %d, broken in Python %d, known differences %d",
		out.String(), c.searches, c.matches, c.refused, c.budget, c.slow, c.broken, c.known)
	if c.matches*100 < c.searches*40 {
		c.t.Errorf("only %d of %d searches matched: too few to mean much", c.matches, c.searches)
	}
	if c.budget*1000 > c.searches {
		c.t.Errorf("%d of %d searches ran out of budget", c.budget, c.searches)
	}
}
