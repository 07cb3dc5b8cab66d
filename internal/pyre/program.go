package pyre

import (
	"bytes"
	"unicode/utf8"
)

// opcode is what one instruction does.
type opcode uint8

const (
	opMatch      opcode = iota
	opByte              // the byte b
	opString            // the bytes str
	opSet               // one character of tab
	opJump              // to x
	opSplit             // x, y or both, as tab says about the next byte
	opChoose            // one of many, as tab says about the next byte
	opRun               // a possessive loop over one class, any number
	opLoop              // loops over one class, see loop
	opSave              // the place into register x
	opReset             // register x becomes y
	opOnce              // to y if nothing was read since register x, else note the place
	opCount             // counted loop, see counter
	opCountAgain        // a lazy counted loop goes round once more
	opAssert            // a place
	opPeek              // the next character is (not) of tab
	opPeekAny           // one of several such things is (not) here
	opPeekString        // the next bytes are (not) str
	opPeekBehind        // the last character is (not) of tab
	opLook              // run x+… as a search of its own, go on at y
	opAtomic            // the same, and go on where it ended
	opSubEnd            // such a search has succeeded
	opBackref           // the text of group x again
	opCond              // to x if group took part, else to y
	opOption            // one character of a class, or none
	opJoin              // fail where register x says that this place has failed before
	opQuad              // four numbers with dots between, see quad.go
)

// inst is one instruction. Which fields count depends on op.
type inst struct {
	op     opcode
	b      byte
	negate bool
	assert assertKind
	memo   int32 // number in the table of visited places, -1 for none
	x, y   int32
	tab    *[256]uint8
	str    string
	ext    *extra
	short  *shortcut // opSplit, opChoose: nil for none
}

// extra holds what only the larger instructions need.
type extra struct {
	class   *class
	lists   [][]int32 // opChoose
	endList int32     // opChoose: the list at the end of the text
	after   after     // opLoop, opOption, opQuad: what follows
	last    *class    // opLoop: the last character is out of it; nil for any
	peeks   []*node   // opPeekAny: assertions and single characters
	guard   []byte    // opLoop: the loop stops where this begins
	greed   greed     // opLoop, opCount
	min     int       // opLoop, opCount; opCond: the group
	max     int       // opLoop, opCount
	place   int32     // opCount: register of the place of the last round, -1
	width   int       // opLook
	behind  bool      // opLook
	fold    foldMode  // opBackref
	tail    *quadTail // opQuad: nil for none
	plain   bool      // opLoop: any number, or at least one, and no guard
}

// after rules out places where what follows a loop cannot begin.
type after struct {
	next    *[256]uint8 // 1 for the bytes it can begin with, nil for any
	end     bool        // it can begin at the end of the text
	literal string      // it begins with this
}

// reach gives how many bytes fits may have looked at when asked about q.
func (a *after) reach(text []byte, q int) int {
	return min(q+max(len(a.literal), 1), len(text)+1)
}

// fits tells whether what follows can begin at q.
func (a *after) fits(text []byte, q int) bool {
	if q == len(text) {
		return a.end
	}
	return (a.next == nil || a.next[text[q]] != 0) && a.literalAt(text, q)
}

// literalAt tells whether the literal is at q, whose first byte is known.
func (a *after) literalAt(text []byte, q int) bool {
	n := len(a.literal)
	return n < 2 || len(text)-q >= n && string(text[q:q+n]) == a.literal
}

// The values of a class's table.
const (
	classNo   = 0 // no character that begins so
	classYes  = 1 // this byte, whatever comes before and after
	classLook = 2 // decode the character and look it up
	classLead = 3 // every character that begins so
)

// class is a charset made ready for running.
type class struct {
	set charset
	tab [256]uint8
	// whole says that all characters beyond ASCII are in, so that their bytes
	// can be taken one by one.
	whole bool
	// but is the only byte that is out of the class, none where there are more.
	but int16
}

// Values of class.but.
const (
	noneBut = -1 // many bytes are out
	allBut  = -2 // none is
)

func newClass(set *charset) *class {
	c := &class{set: *set}
	for r := rune(0); r < 0x80; r++ {
		if set.has(r) {
			c.tab[r] = classYes
		}
	}
	c.whole = len(set.high) == 1 && set.high[0] == highAll[0]
	lead := set.leadBytes()
	for b := 0x80; b < 0x100; b++ {
		switch {
		case c.whole:
			c.tab[b] = classYes
		case !lead[b]:
		case b >= 0xc2 && b <= 0xf4 && c.holdsLead(b):
			c.tab[b] = classLead
		default:
			c.tab[b] = classLook
		}
	}
	c.but = c.onlyOut()
	return c
}

// onlyOut finds the one byte that is out of the class.
func (c *class) onlyOut() int16 {
	if !c.whole {
		return noneBut
	}
	out := int16(allBut)
	for b := range int16(0x80) {
		if c.tab[b] != classNo {
			continue
		}
		if out != allBut {
			return noneBut
		}
		out = b
	}
	return out
}

// holdsLead tells whether every character that begins with b is in the set.
func (c *class) holdsLead(b int) bool {
	var lo, hi rune
	switch {
	case b < 0xe0:
		lo = rune(b&0x1f) << 6
		hi = lo | 0x3f
	case b < 0xf0:
		lo = max(rune(b&0x0f)<<12, 0x800)
		hi = rune(b&0x0f)<<12 | 0xfff
	default:
		lo = max(rune(b&0x07)<<18, 0x10000)
		hi = min(rune(b&0x07)<<18|0x3ffff, maxRune)
	}
	for _, sp := range c.set.high {
		if sp.lo <= lo && hi <= sp.hi {
			return true
		}
	}
	return false
}

// step gives the end of the character at p, or -1 when it is not of the class.
func (c *class) step(text []byte, p int) int {
	b := text[p]
	if b < utf8.RuneSelf {
		if c.tab[b] == classNo {
			return -1
		}
		return p + 1
	}
	if c.tab[b] == classNo {
		return -1
	}
	r, size := utf8.DecodeRune(text[p:])
	if !c.whole && !inSpans(c.set.high, r) {
		return -1
	}
	return p + size
}

// run gives the end of the characters of the class from p on.
func (c *class) run(text []byte, p int) int {
	switch {
	case c.but >= 0:
		if i := bytes.IndexByte(text[p:], byte(c.but)); i >= 0 {
			return p + i
		}
		return len(text)
	case c.but == allBut:
		return len(text)
	}
	for p < len(text) {
		switch c.tab[text[p]] {
		case classYes:
			p++
		case classNo:
			return p
		default:
			e := c.step(text, p)
			if e < 0 {
				return p
			}
			p = e
		}
	}
	return p
}

// program is what a pattern becomes.
type program struct {
	code     []inst
	regs     int   // registers: two a group, then those of loops
	memos    int   // places with a number in the table of visited ones
	memoOK   bool  // the table does not change the answer
	conds    []int // groups that conditionals ask for
	onces    []int // registers of loops that may read nothing
	entry    int   // where to begin, behind a ^ that is true at the only place to begin
	anchored bool
	startEnd bool      // a match can begin at the end of the text
	table    [256]bool // bytes a match can begin with
	useTable bool
	prefix   []byte // every match begins with it
	literal  []byte // every match contains it
	late     []byte // the same, behind what a match begins with
	broad    bool
	tail     *tail // nil where it says nothing
}
