package filter

import (
	"fmt"
	"time"

	"stockade/internal/logbook"
	"stockade/internal/pyre"
)

const (
	// budgetInterval is the time in which one regex that runs out of its budget
	// is reported once, since an attacker chooses how often that happens.
	budgetInterval = 10 * time.Minute
	// quotedLine is how much of such a line is shown.
	quotedLine = 120
)

// budgetTally counts searches that were given up.
type budgetTally struct {
	total int
	rules map[budgetRule]*budgetCount
}

type budgetRule struct {
	kind  string
	index int
}

type budgetCount struct {
	hits int
	next time.Time
}

// BudgetHits is the number of searches that were given up so far.
func (f *Filter) BudgetHits() int { return f.tally.total }

// search runs one rule with at most a quarter of the line's budget, so that a
// regex that a hostile line makes explode does not use up the others' share. A
// search that is given up counts as no match.
func (f *Filter) search(m *pyre.Machine, r *rule, index int, text []byte) bool {
	l := &f.line
	share := min(l.quarter, l.budget)
	l.share = pyre.Budget{Left: share}
	ok, err := m.Search(r.re, text, 0, len(text), &l.share)
	l.budget -= share - l.share.Left
	if err != nil {
		f.overBudget(r.kind, index, r.origin, text)
		return false
	}
	return ok
}

// overBudget counts a search that was given up and reports it now and then.
func (f *Filter) overBudget(kind string, index int, origin string, text []byte) {
	t := &f.tally
	t.total++
	if t.rules == nil {
		t.rules = map[budgetRule]*budgetCount{}
	}
	key := budgetRule{kind, index}
	c := t.rules[key]
	if c == nil {
		c = &budgetCount{}
		t.rules[key] = c
	}
	c.hits++
	if f.now.Before(c.next) {
		return
	}
	c.next = f.now.Add(budgetInterval)
	if origin != "" {
		origin = " (" + origin + ")"
	}
	prefix := text[:min(len(text), quotedLine)]
	f.log(logbook.Error, fmt.Sprintf("[%s] %s %d%s takes too many steps on a line, %d so far, and is taken as not matching: %q",
		f.name, kind, index+1, origin, c.hits, prefix))
}
