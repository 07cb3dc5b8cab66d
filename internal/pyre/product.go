package pyre

// pair is two states reached by the same text: p*states+q.
type pair int

// step is one step of two ways at once; twice says that even one way has two.
type step struct {
	to    pair
	twice bool
}

// maxSteps bounds the product of an automaton with itself.
const maxSteps = 1_000_000

// product holds, for each pair of states that a text can lead to in two ways,
// the pairs that the next character leads to.
type product struct {
	*automaton
	steps [][]step
}

func (a *automaton) pair(p, q int) pair { return pair(p*len(a.sets) + q) }

func (a *automaton) states(at pair) (p, q int) { return int(at) / len(a.sets), int(at) % len(a.sets) }

// doubled gives a text that leads from a state back to it in two ways.
func (a *automaton) doubled() (string, bool) {
	pairs, ok := a.product()
	if !ok {
		return "", false
	}
	group := make([]int, len(pairs.steps))
	groups := components(pairs.steps)
	for i, members := range groups {
		for _, at := range members {
			group[at] = i + 1
		}
	}
	for i, members := range groups {
		if word, ok := pairs.wordOf(group, i+1, members); ok {
			return word, true
		}
	}
	return "", false
}

// product builds it; ok is false when it would be too large.
func (a *automaton) product() (out *product, ok bool) {
	n := len(a.sets)
	out = &product{automaton: a, steps: make([][]step, n*n)}
	known := make([]bool, n*n)
	var queue []pair
	for s := range n {
		queue = append(queue, a.pair(s, s))
		known[a.pair(s, s)] = true
	}
	meet := a.overlaps()
	total := 0
	for ; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		p, q := a.states(at)
		for _, e := range a.edges[p] {
			for _, f := range a.edges[q] {
				if !meet[e.to][f.to] {
					continue
				}
				to := a.pair(e.to, f.to)
				if !known[to] {
					known[to] = true
					queue = append(queue, to)
				}
				out.steps[at] = append(out.steps[at], step{to, p == q && e.to == f.to && e.ways > 1})
			}
		}
		if total += len(out.steps[at]); total > maxSteps {
			return nil, false
		}
	}
	return out, true
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
func (pr *product) wordOf(group []int, number int, members []pair) (string, bool) {
	for _, at := range members {
		if p, q := pr.states(at); p != q {
			continue
		}
		for _, other := range members {
			for _, s := range pr.steps[other] {
				p, q := pr.states(s.to)
				if group[s.to] != number || !s.twice && p == q {
					continue
				}
				return pr.path(group, at, other) + pr.char(s.to) + pr.path(group, s.to, at), true
			}
		}
	}
	return "", false
}

// path gives the shortest text that leads from one pair to another of the same
// group.
func (pr *product) path(group []int, from, to pair) string {
	words := map[pair]string{from: ""}
	for queue := []pair{from}; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		if at == to {
			break
		}
		for _, s := range pr.steps[at] {
			if _, known := words[s.to]; !known && group[s.to] == group[from] {
				words[s.to] = words[at] + pr.char(s.to)
				queue = append(queue, s.to)
			}
		}
	}
	return words[to]
}

// char gives a character that both states read, a plain one if there is one.
func (pr *product) char(at pair) string {
	p, q := pr.states(at)
	both := pr.sets[p].intersect(pr.sets[q])
	for _, r := range "a0 -.:/_" {
		if both.has(r) {
			return string(r)
		}
	}
	for r := ' '; r < 0x80; r++ {
		if both.has(r) {
			return string(r)
		}
	}
	if len(both.high) > 0 {
		return string(both.high[0].lo)
	}
	return "\n"
}
