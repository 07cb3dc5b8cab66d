package pyre

// HasAnchor tells whether the pattern begins with ^ or \A, whichever way it is
// read: for a multi-line pattern that is not the same as Anchored.
func (re *Regexp) HasAnchor() bool { return anchoredHead(re.tree(), true) }

// CatchAllBefore tells whether a loop over nearly any character stands before
// the named group, so that a hostile text can choose what the group captures.
// It gives the first such loop as it stands in the pattern.
func (re *Regexp) CatchAllBefore(group string) (part string, found bool) {
	index := re.GroupIndex(group)
	if index < 0 {
		return "", false
	}
	loop, inside := catchAll(re.tree(), index)
	if !inside || loop == nil {
		return "", false
	}
	return re.part(loop), true
}

// part gives a node as it stands in the pattern.
func (re *Regexp) part(n *node) string {
	runes := []rune(re.pattern)
	return string(runes[min(n.pos, len(runes)):min(n.end, len(runes))])
}

// catchAll gives the first catch-all that can come before the group; inside
// tells that the group is in n, so that what comes after does not count.
func catchAll(n *node, group int) (loop *node, inside bool) {
	switch n.kind {
	case kindGroup:
		if n.group == group {
			return nil, true
		}
	case kindRepeat:
		if n.subs[0].kind == kindSet && n.max == unbounded && takesNearlyAll(n.subs[0].set) {
			return n, false
		}
	case kindLook:
		return nil, false
	case kindAlt, kindCond:
		return catchAllChoice(n, group)
	}
	for _, s := range n.subs {
		found, in := catchAll(s, group)
		if loop == nil {
			loop = found
		}
		if in {
			return loop, true
		}
	}
	return loop, false
}

func catchAllChoice(n *node, group int) (loop *node, inside bool) {
	for _, s := range n.subs {
		found, in := catchAll(s, group)
		if in && (found != nil || !inside) {
			loop = found
		}
		inside = inside || in
		if !inside && loop == nil {
			loop = found
		}
	}
	return loop, inside
}

// takesNearlyAll tells whether a class lets words, blanks and punctuation pass,
// and so any sentence.
func takesNearlyAll(set *charset) bool {
	for _, r := range "aZ0 .:=/" {
		if !set.has(r) {
			return false
		}
	}
	return true
}
