package pyre

import (
	"slices"
	"unicode/utf8"
)

// maxUnrolled bounds the instructions that a counted loop may become before it
// is run with a counter instead.
const maxUnrolled = 400

// emitter writes a program.
type emitter struct {
	program
	classes []*class
	tables  map[[256]uint8]*[256]uint8
	joins   bool // places may be remembered by opJoin
	inner   int  // depth of loops and of searches within the search
}

// emitProgram turns a simplified tree into a program.
func emitProgram(root *node, groups int) *program {
	e := &emitter{
		program: program{regs: 2 * (groups + 1), memoOK: true},
		tables:  map[[256]uint8]*[256]uint8{},
	}
	e.joins = !has(root, kindBackref) && !has(root, kindCond)
	e.node(root, firstAny())
	e.add(inst{op: opMatch})
	if len(e.conds)+len(e.onces) > maxMemoBits {
		e.memoOK = false
	}
	e.code = slices.Clip(e.code)
	e.shorten()
	out := e.program
	return &out
}

// table gives a shared copy of a table: many are alike.
func (e *emitter) table(t *[256]uint8) *[256]uint8 {
	if t == nil {
		return nil
	}
	if known, ok := e.tables[*t]; ok {
		return known
	}
	e.tables[*t] = t
	return t
}

func (e *emitter) add(in inst) int {
	if in.memo == 0 {
		in.memo = -1
	}
	e.code = append(e.code, in)
	return len(e.code) - 1
}

func (e *emitter) here() int32 { return int32(len(e.code)) }

// memoNumber gives the next number in the table of visited places.
func (e *emitter) memoNumber() int32 {
	e.memos++
	return int32(e.memos)
}

func (e *emitter) register() int32 {
	e.regs++
	return int32(e.regs - 1)
}

func (e *emitter) class(set *charset) *class {
	for _, c := range e.classes {
		if c.set.equal(set) {
			return c
		}
	}
	c := newClass(set)
	e.classes = append(e.classes, c)
	return c
}

// node writes n; follow is what comes after it begins with.
func (e *emitter) node(n *node, follow first) {
	switch n.kind {
	case kindSet:
		e.sequence([]*node{n}, follow)
	case kindSeq:
		e.sequence(n.subs, follow)
	case kindAlt:
		e.choose(n.subs, follow)
	case kindRepeat:
		e.repeat(n, follow)
	case kindGroup:
		e.add(inst{op: opSave, x: int32(2 * n.group)})
		e.node(n.subs[0], follow)
		e.add(inst{op: opSave, x: int32(2*n.group + 1)})
	case kindAtomic:
		at := e.add(inst{op: opAtomic})
		e.within(n.subs[0])
		e.code[at].y = e.here()
	case kindLook:
		e.look(n, follow)
	case kindBackref:
		e.memoOK = false
		e.add(inst{op: opBackref, x: int32(n.group), ext: &extra{fold: n.fold}})
	case kindCond:
		e.cond(n, follow)
	case kindAssert:
		e.add(inst{op: opAssert, assert: n.assert})
	}
}

// sequence writes nodes one after the other, literal runs as one instruction.
func (e *emitter) sequence(subs []*node, follow first) {
	follows := make([]first, len(subs))
	for i := len(subs) - 1; i >= 0; i-- {
		follows[i] = follow
		follow = firstOf(subs[i], follow)
	}
	for i := 0; i < len(subs); {
		if n := e.idiom(subs[i:], follows[i:]); n > 0 {
			i += n
			continue
		}
		literal, n := literalRun(subs[i:])
		if n == 0 {
			if subs[i].kind == kindSet {
				c := e.class(subs[i].set)
				e.add(inst{op: opSet, tab: &c.tab, ext: &extra{class: c}})
			} else {
				e.node(subs[i], follows[i])
				e.join(subs[i], i == len(subs)-1)
			}
			i++
			continue
		}
		if len(literal) == 1 {
			e.add(inst{op: opByte, b: literal[0]})
		} else {
			e.add(inst{op: opString, str: string(literal)})
		}
		i += n
	}
}

// join writes the end of a choice that can come to the same place in several
// ways, as an address does that is also a name: if what follows has failed
// there once, it will again.
func (e *emitter) join(n *node, last bool) {
	for n.kind == kindGroup {
		n = n.subs[0]
	}
	if !e.joins || e.inner > 0 || last || n.kind != kindAlt {
		return
	}
	loops := 0
	for _, s := range n.subs {
		if has(s, kindRepeat) {
			loops++
		}
	}
	if loops > 1 {
		e.add(inst{op: opJoin, x: e.register()})
	}
}

// idiom writes what several nodes are together, if there is an instruction for
// that, and gives their number.
func (e *emitter) idiom(subs []*node, follows []first) int {
	if digit, ok := quad(subs); ok {
		c := e.class(digit)
		e.add(inst{op: opQuad, ext: &extra{class: c, after: e.after(&follows[1])}})
		return 2
	}
	if len(subs) < 2 {
		return 0
	}
	loop, last := subs[0], subs[1]
	if loop.kind == kindRepeat && loop.greed == greedy && loop.min == 0 && loop.max == unbounded &&
		loop.subs[0].kind == kindSet && last.kind == kindSet && isSubset(last.set, loop.subs[0].set) {
		e.loopWithLast(loop.subs[0].set, last.set, follows[1])
		return 2
	}
	return 0
}

// literalRun gives the text of the single characters that subs begins with.
func literalRun(subs []*node) (literal []byte, n int) {
	for _, s := range subs {
		if s.kind != kindSet {
			break
		}
		r, ok := s.set.single()
		if !ok || !utf8.ValidRune(r) {
			break
		}
		literal = utf8.AppendRune(literal, r)
		n++
	}
	return literal, n
}

// choose writes an alternation: the next byte tells which alternatives can
// work at all.
func (e *emitter) choose(alts []*node, follow first) {
	firsts := make([]first, len(alts))
	for i, a := range alts {
		firsts[i] = firstOf(a, follow)
	}
	if len(alts) == 2 {
		e.chooseOfTwo(alts, firsts, follow)
		return
	}
	ext := &extra{}
	at := e.add(inst{op: opChoose, memo: e.memoNumber(), ext: ext})
	targets := make([]int32, len(alts))
	var jumps []int
	for i, a := range alts {
		targets[i] = e.here()
		e.node(a, follow)
		if i < len(alts)-1 {
			jumps = append(jumps, e.add(inst{op: opJump}))
		}
	}
	for _, j := range jumps {
		e.code[j].x = e.here()
	}
	tab, ok := ext.fill(firsts, targets)
	if !ok {
		// More different first bytes than a table counts: try them all.
		tab = &[256]uint8{}
		ext.lists = [][]int32{targets}
		ext.endList = 0
	}
	e.code[at].tab = e.table(tab)
}

// fill makes the table from next byte to list of targets.
func (x *extra) fill(firsts []first, targets []int32) (*[256]uint8, bool) {
	tables := make([][256]bool, len(firsts))
	for i := range firsts {
		tables[i] = firsts[i].set.leadBytes()
	}
	numbers := map[string]int{}
	number := func(can func(i int) bool) int {
		var list []int32
		var key []byte
		for i := range firsts {
			if can(i) {
				list = append(list, targets[i])
				key = append(key, byte(i), byte(i>>8))
			}
		}
		n, known := numbers[string(key)]
		if !known {
			n = len(x.lists)
			numbers[string(key)] = n
			x.lists = append(x.lists, list)
		}
		return n
	}
	tab := &[256]uint8{}
	for b := range tab {
		n := number(func(i int) bool { return tables[i][b] })
		if n > 255 {
			return nil, false
		}
		tab[b] = uint8(n)
	}
	x.endList = int32(number(func(i int) bool { return firsts[i].end }))
	return tab, true
}

// The values of opSplit's table.
const (
	splitNone = 0
	splitX    = 1
	splitY    = 2
	splitBoth = 3
)

func (e *emitter) chooseOfTwo(alts []*node, firsts []first, follow first) {
	at := e.split(firsts[0], firsts[1])
	e.code[at].x = e.here()
	e.node(alts[0], follow)
	if alts[1].kind == kindEmpty {
		e.code[at].y = e.here()
		return
	}
	jump := e.add(inst{op: opJump})
	e.code[at].y = e.here()
	e.node(alts[1], follow)
	e.code[jump].x = e.here()
}

// split writes a choice of two; the caller fills in the targets.
func (e *emitter) split(x, y first) int {
	tab := &[256]uint8{}
	xs, ys := x.set.leadBytes(), y.set.leadBytes()
	for b := range tab {
		tab[b] = splitValue(xs[b], ys[b])
	}
	return e.add(inst{op: opSplit, memo: e.memoNumber(), tab: e.table(tab), b: splitValue(x.end, y.end)})
}

func splitValue(x, y bool) uint8 {
	var v uint8
	if x {
		v |= splitX
	}
	if y {
		v |= splitY
	}
	return v
}

// look writes a look-around; one over a single class or text needs no search
// of its own.
func (e *emitter) look(n *node, follow first) {
	sub := n.subs[0]
	if sub.kind == kindSet {
		c := e.class(sub.set)
		op := opPeek
		if n.behind {
			op = opPeekBehind
		}
		e.add(inst{op: op, negate: n.negate, tab: &c.tab, ext: &extra{class: c}})
		return
	}
	if text, ok := plainText(sub); ok && !n.behind {
		e.add(inst{op: opPeekString, negate: n.negate, str: text})
		return
	}
	if list, ok := peeks(sub); ok && !n.behind {
		if !n.negate {
			list = possible(list, follow)
		}
		e.add(inst{op: opPeekAny, negate: n.negate, ext: &extra{peeks: list}})
		return
	}
	at := e.add(inst{op: opLook, negate: n.negate, ext: &extra{behind: n.behind, width: n.width}})
	e.within(sub)
	e.code[at].y = e.here()
}

// peeks gives the alternatives of a node that are assertions and single
// characters, such as those round a date: they need no search of their own.
func peeks(n *node) ([]*node, bool) {
	alts := []*node{n}
	if n.kind == kindAlt {
		alts = n.subs
	}
	for _, a := range alts {
		if a.kind != kindAssert && a.kind != kindSet {
			return nil, false
		}
	}
	return alts, true
}

// possible leaves out the characters that nothing that follows begins with.
func possible(list []*node, follow first) []*node {
	var out []*node
	for _, n := range list {
		if n.kind == kindAssert || !n.set.disjoint(&follow.set) {
			out = append(out, n)
		}
	}
	return out
}

// within writes a search within the search.
func (e *emitter) within(n *node) {
	e.inner++
	e.node(n, firstAny())
	e.inner--
	e.add(inst{op: opSubEnd})
}

// plainText gives the text of a node that matches just that.
func plainText(n *node) (string, bool) {
	if n.kind != kindSeq {
		return "", false
	}
	literal, count := literalRun(n.subs)
	return string(literal), count == len(n.subs)
}

func (e *emitter) cond(n *node, follow first) {
	e.conds = append(e.conds, n.group)
	at := e.add(inst{op: opCond, b: 0, ext: &extra{min: n.group}})
	e.code[at].x = e.here()
	e.node(n.subs[0], follow)
	if n.subs[1].kind == kindEmpty {
		e.code[at].y = e.here()
		return
	}
	jump := e.add(inst{op: opJump})
	e.code[at].y = e.here()
	e.node(n.subs[1], follow)
	e.code[jump].x = e.here()
}
