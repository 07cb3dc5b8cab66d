package pyre

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
	loop, word := ambiguousLoop(re.tree(), false)
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
