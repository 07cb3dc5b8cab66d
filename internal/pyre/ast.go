package pyre

// nodeKind says what a node of the tree is.
type nodeKind uint8

const (
	kindEmpty   nodeKind = iota
	kindSet              // one character out of set
	kindSeq              // subs one after the other
	kindAlt              // the first of subs that works
	kindRepeat           // subs[0], min to max times
	kindGroup            // subs[0], captured as group; 0 captures nothing
	kindAtomic           // subs[0], never taken back
	kindLook             // subs[0] must (not) match here
	kindBackref          // the text of group again
	kindCond             // subs[0] if group took part, else subs[1]
	kindAssert           // a place
)

// assertKind says which place an assertion asks for.
type assertKind uint8

const (
	atStart     assertKind = iota // \A, and ^ without m
	atLineStart                   // ^ with m
	atEnd                         // $ without m: the end, or before a last newline
	atLineEnd                     // $ with m
	atTextEnd                     // \Z
	atWordEdge
	atNoWordEdge
	atWordEdgeASCII
	atNoWordEdgeASCII
)

// greed says how a repetition chooses how often.
type greed uint8

const (
	greedy greed = iota
	lazy
	possessive
)

// unbounded is the maximum of a repetition without one.
const unbounded = 1<<32 - 1

// node is one node of the tree. Which fields count depends on the kind.
type node struct {
	kind   nodeKind
	subs   []*node
	set    *charset
	min    int // kindRepeat
	max    int
	greed  greed
	group  int  // kindGroup, kindBackref, kindCond
	behind bool // kindLook
	negate bool // kindLook
	width  int  // kindLook behind: characters to step back
	assert assertKind
	fold   foldMode // kindBackref
	pos    int      // where it stands in the pattern, in characters
	end    int
}

// foldMode says how a backreference compares.
type foldMode uint8

const (
	foldNone foldMode = iota
	foldASCII
	foldUnicode
)

func emptyNode(pos int) *node { return &node{kind: kindEmpty, pos: pos, end: pos} }

func setNode(s *charset, pos, end int) *node {
	return &node{kind: kindSet, set: s, pos: pos, end: end}
}

// seqOf makes one node of many.
func seqOf(subs []*node, pos, end int) *node {
	switch len(subs) {
	case 0:
		return emptyNode(pos)
	case 1:
		return subs[0]
	}
	return &node{kind: kindSeq, subs: subs, pos: pos, end: end}
}

// width gives the least and the greatest number of characters, as Python
// computes it; both saturate.
type width struct{ lo, hi uint64 }

const maxWidth = 1 << 62

func (w width) plus(v width) width {
	return width{min(w.lo+v.lo, maxWidth), min(w.hi+v.hi, maxWidth)}
}

func times(w uint64, n int) uint64 {
	if w == 0 || n == 0 {
		return 0
	}
	if w >= maxWidth/uint64(n) {
		return maxWidth
	}
	return w * uint64(n)
}

// widths computes the width of each node; groups holds those of the groups.
type widths struct {
	groups []width
}

func (ws *widths) of(n *node) width {
	switch n.kind {
	case kindSet:
		return width{1, 1}
	case kindSeq:
		var w width
		for _, s := range n.subs {
			w = w.plus(ws.of(s))
		}
		return w
	case kindAlt, kindCond:
		return ws.ofChoice(n.subs)
	case kindRepeat:
		w := ws.of(n.subs[0])
		hi := times(w.hi, n.max)
		if n.max == unbounded && w.hi > 0 {
			hi = maxWidth
		}
		return width{times(w.lo, n.min), hi}
	case kindGroup, kindAtomic:
		return ws.of(n.subs[0])
	case kindBackref:
		return ws.groups[n.group]
	}
	return width{}
}

func (ws *widths) ofChoice(subs []*node) width {
	w := ws.of(subs[0])
	for _, s := range subs[1:] {
		v := ws.of(s)
		w = width{min(w.lo, v.lo), max(w.hi, v.hi)}
	}
	return w
}

// walk calls f for n and, where f says so, for all below it.
func (n *node) walk(f func(*node) bool) {
	if !f(n) {
		return
	}
	for _, s := range n.subs {
		s.walk(f)
	}
}
