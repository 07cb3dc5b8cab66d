package pyre

import "slices"

// Ambiguity is a part of a pattern that can match the same text in a number of
// ways that doubles with its length.
type Ambiguity struct {
	Found   bool
	Part    string // the loop, as it stands in the pattern
	Example string // a text that, repeated, makes the search explode
	Explain string // one sentence for people
}

// Ambiguity looks for a loop that can explode on a text made for it. The
// budget stops such a search; this tells before it runs.
func (re *Regexp) Ambiguity() Ambiguity {
	loop, word := ambiguousLoop(re.tree, false)
	if loop == nil {
		return Ambiguity{}
	}
	part := re.part(loop)
	return Ambiguity{
		Found:   true,
		Part:    part,
		Example: word,
		Explain: "the loop " + part + " can read " + quoted(word) + ", repeated, in a number of ways that doubles each time",
	}
}

// ambiguousLoop gives the innermost ambiguous loop below n and a text that it
// reads in two ways. Without anything behind it that can fail, the first way is
// always taken.
func ambiguousLoop(n *node, canFail bool) (loop *node, word string) {
	for i, s := range n.subs {
		fails := canFail
		switch n.kind {
		case kindSeq:
			for _, later := range n.subs[i+1:] {
				fails = fails || restricts(later)
			}
		case kindLook:
			fails = n.negate
		case kindRepeat:
			fails = fails || n.min > 1
		}
		if loop, word = ambiguousLoop(s, fails); loop != nil {
			return loop, word
		}
	}
	if n.kind != kindRepeat || n.max < manyRounds || n.greed == possessive || !canFail {
		return nil, ""
	}
	a := &automaton{}
	a.loop(n)
	if a.tooLarge() {
		return nil, ""
	}
	if word, ok := a.doubled(); ok {
		return n, word
	}
	return nil, ""
}

// restricts tells whether n can fail where any text stands.
func restricts(n *node) bool {
	if !nullable(n) {
		return true
	}
	found := false
	n.walk(func(c *node) bool {
		found = found || c.kind == kindAssert || c.kind == kindLook || c.kind == kindBackref
		return !found
	})
	return found
}

// pair is two states reached by the same text.
type pair struct{ p, q int }

// doubled gives a text that leads from a state back to it in two ways.
func (a *automaton) doubled() (string, bool) {
	pairs := a.product()
	for _, group := range components(pairs) {
		if word, ok := a.wordOf(pairs, group); ok {
			return word, true
		}
	}
	return "", false
}

// step is one step of two ways at once; twice says that even one way has two.
type step struct {
	to    pair
	twice bool
}

// product gives for each reachable pair of states the pairs that the same
// character leads to.
func (a *automaton) product() map[pair][]step {
	out := map[pair][]step{}
	var queue []pair
	for s := range a.sets {
		queue = append(queue, pair{s, s})
		out[pair{s, s}] = nil
	}
	meet := a.overlaps()
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		for _, e := range a.edges[at.p] {
			for _, f := range a.edges[at.q] {
				if !meet[e.to][f.to] {
					continue
				}
				to := pair{e.to, f.to}
				if _, known := out[to]; !known {
					out[to] = nil
					queue = append(queue, to)
				}
				out[at] = append(out[at], step{to, at.p == at.q && e.to == f.to && e.ways > 1})
			}
		}
	}
	return out
}

// overlaps tells which states have a character in common.
func (a *automaton) overlaps() [][]bool {
	out := make([][]bool, len(a.sets))
	for i, s := range a.sets {
		out[i] = make([]bool, len(a.sets))
		for j, t := range a.sets {
			out[i][j] = !s.disjoint(t)
		}
	}
	return out
}

// wordOf looks, in a group of pairs that all lead to each other, for a way
// from a state to itself over two different states or a doubled step.
func (a *automaton) wordOf(pairs map[pair][]step, group map[pair]bool) (string, bool) {
	for _, at := range sortedPairs(group) {
		if at.p != at.q {
			continue
		}
		for _, other := range sortedPairs(group) {
			for _, s := range pairs[other] {
				if !group[s.to] || !s.twice && s.to.p == s.to.q {
					continue
				}
				word := a.path(pairs, group, at, other) + a.char(s.to) + a.path(pairs, group, s.to, at)
				return word, true
			}
		}
	}
	return "", false
}

func sortedPairs(group map[pair]bool) []pair {
	out := make([]pair, 0, len(group))
	for p := range group {
		out = append(out, p)
	}
	slices.SortFunc(out, func(a, b pair) int {
		if a.p != b.p {
			return a.p - b.p
		}
		return a.q - b.q
	})
	return out
}

// path gives the shortest text that leads from one pair to another.
func (a *automaton) path(pairs map[pair][]step, group map[pair]bool, from, to pair) string {
	words := map[pair]string{from: ""}
	for queue := []pair{from}; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		if at == to {
			break
		}
		for _, s := range pairs[at] {
			if _, known := words[s.to]; !known && group[s.to] {
				words[s.to] = words[at] + a.char(s.to)
				queue = append(queue, s.to)
			}
		}
	}
	return words[to]
}

// char gives a character that both states read, a plain one if there is one.
func (a *automaton) char(at pair) string {
	both := a.sets[at.p].intersect(a.sets[at.q])
	for _, r := range "a0 -.:/_" {
		if both.has(r) {
			return string(r)
		}
	}
	for r := rune(1); r < 0x80; r++ {
		if both.has(r) && r >= ' ' {
			return string(r)
		}
	}
	if len(both.high) > 0 {
		return string(both.high[0].lo)
	}
	return "\n"
}

// components groups the pairs that lead to each other (Tarjan's algorithm with
// a stack of its own).
func components(pairs map[pair][]step) []map[pair]bool {
	c := &connected{pairs: pairs, index: map[pair]int{}, low: map[pair]int{}, on: map[pair]bool{}}
	all := map[pair]bool{}
	for p := range pairs {
		all[p] = true
	}
	for _, p := range sortedPairs(all) {
		if _, seen := c.index[p]; !seen {
			c.visit(p)
		}
	}
	return c.groups
}

type connected struct {
	pairs  map[pair][]step
	index  map[pair]int
	low    map[pair]int
	on     map[pair]bool
	stack  []pair
	groups []map[pair]bool
}

type visit struct {
	at   pair
	next int
}

func (c *connected) visit(start pair) {
	calls := []visit{{at: start}}
	for len(calls) > 0 {
		v := &calls[len(calls)-1]
		if v.next == 0 {
			c.index[v.at] = len(c.index)
			c.low[v.at] = c.index[v.at]
			c.stack = append(c.stack, v.at)
			c.on[v.at] = true
		}
		if v.next < len(c.pairs[v.at]) {
			to := c.pairs[v.at][v.next].to
			v.next++
			if _, seen := c.index[to]; !seen {
				calls = append(calls, visit{at: to})
			} else if c.on[to] {
				c.low[v.at] = min(c.low[v.at], c.index[to])
			}
			continue
		}
		done := v.at
		calls = calls[:len(calls)-1]
		if len(calls) > 0 {
			parent := calls[len(calls)-1].at
			c.low[parent] = min(c.low[parent], c.low[done])
		}
		if c.low[done] == c.index[done] {
			c.pop(done)
		}
	}
}

// pop takes a finished group from the stack.
func (c *connected) pop(root pair) {
	group := map[pair]bool{}
	for {
		p := c.stack[len(c.stack)-1]
		c.stack = c.stack[:len(c.stack)-1]
		c.on[p] = false
		group[p] = true
		if p == root {
			c.groups = append(c.groups, group)
			return
		}
	}
}
