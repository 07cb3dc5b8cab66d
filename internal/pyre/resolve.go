package pyre

// maxResolved bounds the nodes of a tree whose conditionals are resolved.
const maxResolved = 700

// resolve rewrites conditionals whose outcome the path decides.
func resolve(root *node) *node {
	if !has(root, kindCond) {
		return root
	}
	return flatten(resolveConds(root))
}

// resolveConds turns conditionals whose outcome the path decides into plain
// alternatives: in (?:(g)a|b)c(?(g)d|e) the text is read as (g)acd or bce. What
// follows a place is then known exactly, and much less is tried in vain. It
// must not be used inside of loops, where an earlier round may have set g.
func resolveConds(n *node) *node {
	switch n.kind {
	case kindAlt:
		for i, s := range n.subs {
			n.subs[i] = resolveConds(s)
		}
	case kindSeq:
		for i, s := range n.subs {
			if out := resolveAt(n, i, s); out != nil {
				return out
			}
		}
	}
	return n
}

// resolveAt splits the sequence at its i-th node, if a conditional further on
// depends on which way is taken there.
func resolveAt(seq *node, i int, choice *node) *node {
	ways := waysOf(choice)
	if len(ways) < 2 {
		return nil
	}
	rest := seq.subs[i+1:]
	group := decidedCond(ways, rest)
	if group == 0 || count(seq)*len(ways) > maxResolved {
		return nil
	}
	out := &node{kind: kindAlt, pos: seq.pos, end: seq.end}
	for _, way := range ways {
		set := participation(way, group) == always
		subs := append([]*node{}, seq.subs[:i]...)
		subs = append(subs, way)
		for _, s := range rest {
			subs = append(subs, withCond(s, group, set))
		}
		copied := &node{kind: kindSeq, pos: seq.pos, end: seq.end}
		for _, s := range subs {
			copied.subs = append(copied.subs, clone(s))
		}
		out.subs = append(out.subs, copied)
	}
	// What stands before the choice is tried once, not once for each way.
	head := seq.subs[:i]
	for k, s := range out.subs {
		s.subs = s.subs[i:]
		out.subs[k] = resolveConds(s)
	}
	if len(head) == 0 {
		return out
	}
	return &node{kind: kindSeq, subs: append(append([]*node{}, head...), out), pos: seq.pos, end: seq.end}
}

// waysOf gives the alternatives of a choice in the order of trial.
func waysOf(n *node) []*node {
	switch {
	case n.kind == kindAlt:
		return n.subs
	case n.kind == kindRepeat && n.min == 0 && n.max == 1 && n.subs[0].kind != kindSet:
		if n.greed == lazy {
			return []*node{emptyNode(n.pos), n.subs[0]}
		}
		return []*node{n.subs[0], emptyNode(n.pos)}
	case n.kind == kindGroup:
		var out []*node
		for _, way := range waysOf(n.subs[0]) {
			group := *n
			group.subs = []*node{way}
			out = append(out, &group)
		}
		return out
	}
	return nil
}

// decidedCond gives a group that a conditional in rest asks for and that each
// way either always or never sets; 0 if there is none.
func decidedCond(ways, rest []*node) int {
	for _, r := range rest {
		group := 0
		r.walk(func(n *node) bool {
			if n.kind == kindCond && group == 0 && decides(ways, n.group) {
				group = n.group
			}
			return true
		})
		if group != 0 {
			return group
		}
	}
	return 0
}

func decides(ways []*node, group int) bool {
	seen := map[part]bool{}
	for _, w := range ways {
		seen[participation(w, group)] = true
	}
	return seen[always] && seen[never] && !seen[sometimes]
}

// part says whether a group takes part.
type part int

const (
	never part = iota
	sometimes
	always
)

// participation tells whether the group has taken part once n has matched.
func participation(n *node, group int) part {
	switch n.kind {
	case kindGroup:
		if n.group == group {
			return always
		}
		return participation(n.subs[0], group)
	case kindAtomic:
		return participation(n.subs[0], group)
	case kindSeq:
		most := never
		for _, s := range n.subs {
			most = max(most, participation(s, group))
		}
		return most
	case kindAlt, kindCond:
		first := participation(n.subs[0], group)
		for _, s := range n.subs[1:] {
			if participation(s, group) != first {
				return sometimes
			}
		}
		return first
	case kindRepeat, kindLook:
		p := participation(n.subs[0], group)
		if p == always && (n.kind == kindLook || n.min == 0) {
			return sometimes
		}
		return p
	}
	return never
}

// withCond replaces the conditionals on the group by the branch taken.
func withCond(n *node, group int, set bool) *node {
	if n.kind == kindCond && n.group == group {
		if set {
			return withCond(n.subs[0], group, set)
		}
		return withCond(n.subs[1], group, set)
	}
	out := *n
	out.subs = make([]*node, len(n.subs))
	for i, s := range n.subs {
		out.subs[i] = withCond(s, group, set)
	}
	return &out
}

func clone(n *node) *node {
	out := *n
	out.subs = make([]*node, len(n.subs))
	for i, s := range n.subs {
		out.subs[i] = clone(s)
	}
	return &out
}

// count gives the number of nodes.
func count(n *node) int {
	total := 0
	n.walk(func(*node) bool { total++; return true })
	return total
}

// has tells whether a node of the kind is in the tree.
func has(n *node, kind nodeKind) bool {
	found := false
	n.walk(func(c *node) bool {
		found = found || c.kind == kind
		return !found
	})
	return found
}
