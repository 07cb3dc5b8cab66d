package pyre

const (
	// manyRounds is the maximum from which a counted loop counts as endless.
	manyRounds = 10
	// fewRounds is how often shorter loops are written out.
	fewRounds = 3
	// maxStates bounds the states of an automaton; larger ones are not looked at.
	maxStates = 160
)

// automaton has a state for each character a loop can read, and how many ways
// lead from one to the next: 1, or 2 for several.
type automaton struct {
	sets  []*charset
	edges [][]edge
}

type edge struct{ to, ways int }

// fragment is a part of an automaton: the states it can begin and end with, and
// the ways to read nothing.
type fragment struct {
	first, last []edge
	empty       int
}

func (a *automaton) state(set *charset) int {
	a.sets = append(a.sets, set)
	a.edges = append(a.edges, nil)
	return len(a.sets) - 1
}

func (a *automaton) tooLarge() bool { return len(a.sets) > maxStates }

// build adds the states of n.
func (a *automaton) build(n *node) fragment {
	if a.tooLarge() {
		return fragment{}
	}
	switch n.kind {
	case kindSet:
		return a.single(n.set)
	case kindSeq:
		out := fragment{empty: 1}
		for _, s := range n.subs {
			out = a.join(out, a.build(s))
		}
		return out
	case kindAlt, kindCond:
		var out fragment
		for _, s := range n.subs {
			f := a.build(s)
			out.first = append(out.first, f.first...)
			out.last = append(out.last, f.last...)
			out.empty = min(out.empty+f.empty, 2)
		}
		return out
	case kindRepeat:
		return a.loop(n)
	case kindGroup:
		return a.build(n.subs[0])
	case kindAtomic:
		// Nothing in it is tried a second time: it counts as one character.
		f := firstOf(n.subs[0], first{})
		return a.single(&f.set)
	}
	return fragment{empty: 1}
}

func (a *automaton) single(set *charset) fragment {
	s := a.state(set)
	return fragment{first: []edge{{s, 1}}, last: []edge{{s, 1}}}
}

// join writes one fragment after the other.
func (a *automaton) join(f, g fragment) fragment {
	a.connect(f.last, g.first)
	return fragment{
		first: append(f.first[:len(f.first):len(f.first)], scaled(g.first, f.empty)...),
		last:  append(scaled(f.last, g.empty), g.last...),
		empty: min(f.empty*g.empty, 2),
	}
}

// scaled multiplies the ways, where there are any.
func scaled(list []edge, ways int) []edge {
	if ways == 0 {
		return nil
	}
	out := make([]edge, len(list))
	for i, e := range list {
		out[i] = edge{e.to, min(e.ways*ways, 2)}
	}
	return out
}

func (a *automaton) connect(from, to []edge) {
	for _, f := range from {
		for _, t := range to {
			a.addEdge(f.to, t.to, f.ways*t.ways)
		}
	}
}

func (a *automaton) addEdge(from, to, ways int) {
	for i := range a.edges[from] {
		if e := &a.edges[from][i]; e.to == to {
			e.ways = min(e.ways+ways, 2)
			return
		}
	}
	a.edges[from] = append(a.edges[from], edge{to, min(ways, 2)})
}

func (a *automaton) loop(n *node) fragment {
	if n.greed == possessive {
		return a.single(n.subs[0].set)
	}
	if n.max >= manyRounds {
		return a.manyTimes(n)
	}
	return a.fewTimes(n)
}

// manyTimes leads from the end of the body back to its beginning.
func (a *automaton) manyTimes(n *node) fragment {
	f := a.build(n.subs[0])
	ways := 1
	if f.empty > 0 && n.max != unbounded {
		// Any of the rounds may be the one that reads nothing.
		ways = 2
	}
	a.connect(f.last, scaled(f.first, ways))
	if n.min == 0 {
		f.empty = min(f.empty+1, 2)
	}
	return f
}

// fewTimes writes the rounds out; each needs the one before it.
func (a *automaton) fewTimes(n *node) fragment {
	out := fragment{empty: 1}
	var before []edge
	for i := range min(n.max, fewRounds) {
		f := a.build(n.subs[0])
		if i < n.min {
			out = a.join(out, f)
			before = out.last
			continue
		}
		a.connect(before, f.first)
		if i == 0 {
			out.first = f.first
			out.empty = min(f.empty+1, 2)
		}
		before = append(scaled(before, f.empty), f.last...)
		out.last = append(out.last[:len(out.last):len(out.last)], f.last...)
	}
	return out
}
