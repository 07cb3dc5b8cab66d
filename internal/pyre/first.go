package pyre

import "unicode/utf8"

// first says what the text must look like where something begins: its next
// character is out of set, or the text ends there and end is true. It begins
// with literal, which may be empty.
type first struct {
	set     charset
	end     bool
	literal string
}

// maxFirstLiteral bounds the literal of a first: longer ones rule out no more.
const maxFirstLiteral = 16

func firstAny() first { return first{set: *setAny, end: true} }

func (f first) or(g first) first {
	return first{set: f.set.union(&g.set), end: f.end || g.end, literal: commonHead(f.literal, g.literal)}
}

func (f first) and(g first) first {
	return first{set: f.set.intersect(&g.set), end: f.end && g.end, literal: f.literal}
}

// commonHead gives what both texts begin with, in whole characters.
func commonHead(a, b string) string {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	for n > 0 && n < len(a) && a[n]&0xc0 == 0x80 {
		n--
	}
	return a[:n]
}

// firstOf gives what n followed by something that begins with follow begins
// with. It may name too much, never too little.
func firstOf(n *node, follow first) first {
	switch n.kind {
	case kindSet:
		return firstOfSet(n.set, follow)
	case kindSeq:
		for i := len(n.subs) - 1; i >= 0; i-- {
			follow = firstOf(n.subs[i], follow)
		}
		return follow
	case kindAlt, kindCond:
		f := firstOf(n.subs[0], follow)
		for _, s := range n.subs[1:] {
			f = f.or(firstOf(s, follow))
		}
		return f
	case kindRepeat:
		// What follows a round is another round or what follows the loop.
		again := follow
		again.literal = ""
		f := firstOf(n.subs[0], again)
		if n.min == 0 {
			f = f.or(follow)
		}
		return f
	case kindGroup, kindAtomic:
		return firstOf(n.subs[0], follow)
	case kindLook:
		return firstOfLook(n, follow)
	case kindAssert:
		return firstOfAssert(n.assert, follow)
	case kindEmpty:
		return follow
	}
	return firstAny()
}

func firstOfSet(set *charset, follow first) first {
	f := first{set: *set}
	r, ok := set.single()
	if !ok || !utf8.ValidRune(r) {
		return f
	}
	f.literal = string(r)
	if len(follow.literal) < maxFirstLiteral {
		f.literal += follow.literal
	}
	return f
}

func firstOfLook(n *node, follow first) first {
	switch {
	case n.behind:
		return follow
	case !n.negate:
		return follow.and(firstOf(n.subs[0], firstAny()))
	case n.subs[0].kind == kindSet:
		without := n.subs[0].set.negated()
		return first{set: follow.set.intersect(&without), end: follow.end, literal: follow.literal}
	}
	return follow
}

var setNewline = newSet(nil, span{'\n', '\n'})

func firstOfAssert(kind assertKind, follow first) first {
	switch kind {
	case atEnd, atLineEnd:
		return follow.and(first{set: *setNewline, end: true})
	case atTextEnd:
		return follow.and(first{end: true})
	}
	return follow
}

// leadBytes gives the bytes that characters of the set begin with.
func (s *charset) leadBytes() (table [256]bool) {
	for r := rune(0); r < 0x80; r++ {
		table[r] = s.has(r)
	}
	for _, sp := range s.high {
		for b := leadByte(sp.lo); b <= leadByte(sp.hi); b++ {
			table[b] = true
		}
	}
	if s.has(0xfffd) {
		// What is no UTF-8 reads as the replacement character.
		for b := 0x80; b < 0x100; b++ {
			table[b] = true
		}
	}
	return table
}

// leadByte gives the first byte of a character beyond ASCII.
func leadByte(r rune) int {
	switch {
	case r < 0x800:
		return 0xc0 | int(r>>6)
	case r < 0x10000:
		return 0xe0 | int(r>>12)
	}
	return 0xf0 | int(r>>18)
}

// nullable tells whether n can match nothing.
func nullable(n *node) bool {
	switch n.kind {
	case kindSet:
		return false
	case kindSeq:
		for _, s := range n.subs {
			if !nullable(s) {
				return false
			}
		}
	case kindAlt, kindCond:
		for _, s := range n.subs {
			if nullable(s) {
				return true
			}
		}
		return false
	case kindRepeat:
		return n.min == 0 || nullable(n.subs[0])
	case kindGroup, kindAtomic:
		return nullable(n.subs[0])
	}
	return true
}
