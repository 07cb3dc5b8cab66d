package pyre

// simplify rewrites the tree into an equal one that runs faster: groups that
// capture nothing vanish, alternatives of single characters become one set,
// alternatives share their common head, a look-behind that is always true is
// dropped, possessive loops become atomic ones.
func simplify(root *node) *node {
	root = flatten(root)
	root, _ = dropBehind(root, nil)
	return flatten(root)
}

// flatten works from the leaves up.
func flatten(n *node) *node {
	for i, s := range n.subs {
		n.subs[i] = flatten(s)
	}
	switch n.kind {
	case kindSeq:
		return flattenSeq(n)
	case kindAlt:
		return flattenAlt(n)
	case kindRepeat:
		return flattenRepeat(n)
	case kindGroup:
		if n.group == 0 {
			return n.subs[0]
		}
	case kindAtomic:
		if k := n.subs[0].kind; k == kindSet || k == kindEmpty || k == kindAssert {
			return n.subs[0]
		}
	}
	return n
}

func flattenSeq(n *node) *node {
	var out []*node
	for _, s := range n.subs {
		switch s.kind {
		case kindEmpty:
		case kindSeq:
			out = append(out, s.subs...)
		default:
			out = append(out, s)
		}
	}
	return seqOf(out, n.pos, n.end)
}

func flattenAlt(n *node) *node {
	var out []*node
	for _, s := range n.subs {
		last := len(out) - 1
		switch {
		case s.kind == kindAlt:
			out = append(out, s.subs...)
		case last >= 0 && s.kind == kindSet && out[last].kind == kindSet:
			set := out[last].set.union(s.set)
			out[last] = setNode(&set, out[last].pos, s.end)
		default:
			out = append(out, s)
		}
	}
	out = shareHeads(out)
	if len(out) == 1 {
		return out[0]
	}
	n.subs = out
	return n
}

// shareHeads joins neighbours that begin with the same single character.
func shareHeads(alts []*node) []*node {
	var out []*node
	for i := 0; i < len(alts); {
		head := headSet(alts[i])
		j := i + 1
		for head != nil && j < len(alts) {
			next := headSet(alts[j])
			if next == nil || !next.set.equal(head.set) {
				break
			}
			j++
		}
		if j == i+1 {
			out = append(out, alts[i])
			i = j
			continue
		}
		rests := make([]*node, 0, j-i)
		for _, a := range alts[i:j] {
			rests = append(rests, withoutHead(a))
		}
		rest := flattenAlt(&node{kind: kindAlt, subs: rests, pos: rests[0].pos, end: alts[j-1].end})
		joined := &node{kind: kindSeq, subs: []*node{head, rest}, pos: head.pos, end: alts[j-1].end}
		out = append(out, flattenSeq(joined))
		i = j
	}
	return out
}

func headSet(n *node) *node {
	switch {
	case n.kind == kindSet:
		return n
	case n.kind == kindSeq && n.subs[0].kind == kindSet:
		return n.subs[0]
	}
	return nil
}

func withoutHead(n *node) *node {
	if n.kind == kindSet {
		return emptyNode(n.end)
	}
	return seqOf(n.subs[1:], n.subs[1].pos, n.end)
}

func flattenRepeat(n *node) *node {
	sub := n.subs[0]
	switch {
	case n.max == 0 || sub.kind == kindEmpty:
		return emptyNode(n.pos)
	case n.greed == possessive && sub.kind != kindSet:
		return possessiveLoop(n)
	case n.min == 1 && n.max == 1:
		return sub
	}
	return n
}

// possessiveLoop writes a possessive loop as Python runs it: every single
// round is atomic, the first ones too.
func possessiveLoop(n *node) *node {
	round := flatten(&node{kind: kindAtomic, subs: n.subs, pos: n.pos, end: n.end})
	loop := func(lo, hi int) *node {
		return flattenRepeat(&node{kind: kindRepeat, subs: []*node{round}, min: lo, max: hi, pos: n.pos, end: n.end})
	}
	most := n.max
	if most != unbounded {
		most -= n.min
	}
	both := flattenSeq(&node{kind: kindSeq, subs: []*node{loop(n.min, n.min), loop(0, most)}, pos: n.pos, end: n.end})
	return flatten(&node{kind: kindAtomic, subs: []*node{both}, pos: n.pos, end: n.end})
}

// dropBehind removes look-behinds for one character that the text before them
// has always shown already. before is what the last character is known to be
// out of, nil when nothing is known; after is the same at the end of n.
func dropBehind(n *node, before *charset) (out *node, after *charset) {
	switch n.kind {
	case kindSet:
		return n, n.set
	case kindEmpty, kindAssert:
		return n, before
	case kindSeq:
		for i := range n.subs {
			n.subs[i], before = dropBehind(n.subs[i], before)
		}
		return n, before
	case kindAlt, kindCond:
		return dropBehindChoice(n, before)
	case kindRepeat:
		return dropBehindRepeat(n, before)
	case kindGroup, kindAtomic:
		n.subs[0], after = dropBehind(n.subs[0], before)
		return n, after
	case kindLook:
		if n.behind && !n.negate && n.subs[0].kind == kindSet && isSubset(before, n.subs[0].set) {
			return emptyNode(n.pos), before
		}
		return n, before
	}
	return n, nil
}

func dropBehindChoice(n *node, before *charset) (*node, *charset) {
	var after *charset
	for i := range n.subs {
		var a *charset
		n.subs[i], a = dropBehind(n.subs[i], before)
		if i == 0 {
			after = a
		} else {
			after = unionOrNil(after, a)
		}
	}
	return n, after
}

func dropBehindRepeat(n *node, before *charset) (*node, *charset) {
	// What a round ends with is found first, with nothing known before it and
	// without changing the tree.
	end := lastSet(n.subs[0])
	n.subs[0], _ = dropBehind(n.subs[0], unionOrNil(before, end))
	if n.min == 0 {
		end = unionOrNil(before, end)
	}
	return n, end
}

// lastSet gives what the last character of n is always out of, or nil.
func lastSet(n *node) *charset {
	switch n.kind {
	case kindSet:
		return n.set
	case kindGroup, kindAtomic:
		return lastSet(n.subs[0])
	case kindRepeat:
		if n.min > 0 {
			return lastSet(n.subs[0])
		}
	case kindAlt:
		set := lastSet(n.subs[0])
		for _, s := range n.subs[1:] {
			set = unionOrNil(set, lastSet(s))
		}
		return set
	case kindSeq:
		return lastOfSeq(n.subs)
	}
	return nil
}

// lastOfSeq goes back over optional single characters to one that must stand.
func lastOfSeq(subs []*node) *charset {
	last := subs[len(subs)-1]
	if last.kind != kindRepeat || last.min > 0 || len(subs) == 1 {
		return lastSet(last)
	}
	return unionOrNil(lastSet(last.subs[0]), lastOfSeq(subs[:len(subs)-1]))
}

func unionOrNil(a, b *charset) *charset {
	if a == nil || b == nil {
		return nil
	}
	u := a.union(b)
	return &u
}

func isSubset(a, b *charset) bool {
	if a == nil {
		return false
	}
	outside := b.negated()
	return a.disjoint(&outside)
}
