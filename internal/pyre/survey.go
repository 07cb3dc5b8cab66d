package pyre

import "bytes"

// survey finds out what helps to rule a text out before the program runs.
func (pr *program) survey(root *node) {
	pr.anchored = anchoredHead(root, false)
	if in := &pr.code[0]; pr.anchored && in.op == opAssert && in.assert == atStart {
		pr.entry = 1
	}
	start := firstOf(root, firstAny())
	pr.table = start.set.leadBytes()
	pr.startEnd = start.end
	for b := 0x80; b < 0xc0; b++ {
		pr.table[b] = false // no character begins so
	}
	if !pr.startEnd {
		for _, in := range pr.table {
			pr.useTable = pr.useTable || !in
		}
	}
	pr.prefix = headText(root)
	pr.literal, pr.late = longestLiterals(root)
	pr.broad = broadHead(root)
	pr.tail = tailOf(root)
}

// anchoredHead tells whether every match begins at the start of the text, or,
// with lines, at the start of a line.
func anchoredHead(n *node, lines bool) bool {
	switch n.kind {
	case kindAssert:
		return n.assert == atStart || lines && n.assert == atLineStart
	case kindSeq:
		for _, s := range n.subs {
			if anchoredHead(s, lines) {
				return true
			}
			if s.kind != kindLook && s.kind != kindAssert {
				return false
			}
		}
	case kindAlt, kindCond:
		for _, s := range n.subs {
			if !anchoredHead(s, lines) {
				return false
			}
		}
		return true
	case kindGroup, kindAtomic:
		return anchoredHead(n.subs[0], lines)
	case kindRepeat:
		return n.min > 0 && anchoredHead(n.subs[0], lines)
	}
	return false
}

// headText gives the literal text that a match begins with.
func headText(n *node) []byte {
	switch n.kind {
	case kindSet:
		literal, _ := literalRun([]*node{n})
		return literal
	case kindGroup:
		return headText(n.subs[0])
	case kindSeq:
		subs := n.subs
		for len(subs) > 1 && (subs[0].kind == kindAssert || subs[0].kind == kindLook) {
			subs = subs[1:]
		}
		if subs[0].kind != kindSet {
			return headText(subs[0])
		}
		literal, _ := literalRun(subs)
		return literal
	}
	return nil
}

// longestLiterals gives the longest text that every match contains, and the
// longest behind what a match begins with.
func longestLiterals(root *node) (longest, late []byte) {
	f := literalFinder{}
	f.visit(root)
	f.cut()
	if len(f.head) > len(f.late) {
		return f.head, f.late
	}
	return f.late, f.late
}

// literalFinder collects runs of single characters that must stand one after
// the other.
type literalFinder struct {
	run, head, late []byte
	begun           bool
}

func (f *literalFinder) cut() {
	switch {
	case !f.begun:
		f.head = bytes.Clone(f.run)
	case len(f.run) > len(f.late):
		f.late = bytes.Clone(f.run)
	}
	f.begun = true
	f.run = f.run[:0]
}

func (f *literalFinder) visit(n *node) {
	switch n.kind {
	case kindSet:
		literal, count := literalRun([]*node{n})
		if count == 0 {
			f.cut()
		}
		f.run = append(f.run, literal...)
	case kindSeq:
		for _, s := range n.subs {
			f.visit(s)
		}
	case kindGroup:
		f.visit(n.subs[0])
	case kindAtomic:
		f.cut()
		f.visit(n.subs[0])
		f.cut()
	case kindRepeat:
		f.cut()
		if n.min > 0 {
			f.visit(n.subs[0])
			f.cut()
		}
	case kindEmpty, kindAssert, kindLook:
	default:
		f.cut()
	}
}

// broadHead tells whether something that takes nearly any text comes before
// the first literal.
func broadHead(n *node) bool {
	broad := false
	var visit func(n *node) (done bool)
	visit = func(n *node) bool {
		switch n.kind {
		case kindSet:
			return n.set.size() <= narrowSet
		case kindRepeat:
			if n.subs[0].kind == kindSet && n.subs[0].set.size() > narrowSet && n.max > narrowLoop {
				broad = true
				return true
			}
			return visit(n.subs[0]) && n.min > 0
		case kindSeq, kindAlt:
			for _, s := range n.subs {
				if visit(s) && (n.kind == kindSeq || broad) {
					return true
				}
			}
		case kindGroup, kindAtomic:
			return visit(n.subs[0])
		}
		return false
	}
	visit(n)
	return broad
}

const (
	narrowSet  = 64 // a class with more characters than this is broad
	narrowLoop = 8  // a loop with more rounds than this is long
)

// nextStart gives the next place from p on where a match can begin, or -1.
func (pr *program) nextStart(text []byte, p int) int {
	switch {
	case pr.anchored:
		return p
	case len(pr.prefix) > 1:
		if p > len(text) {
			return -1
		}
		i := bytes.Index(text[p:], pr.prefix)
		if i < 0 {
			return -1
		}
		return p + i
	case pr.useTable:
		for p < len(text) && !pr.table[text[p]] {
			p++
		}
		if p >= len(text) {
			return -1
		}
		return p
	}
	for p > 0 && p < len(text) && text[p]&0xc0 == 0x80 {
		p++
	}
	if p > len(text) {
		return -1
	}
	return p
}
