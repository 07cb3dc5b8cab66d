package pyre

import (
	"strconv"
	"strings"
)

const (
	digits      = "0123456789"
	octalDigits = "01234567"
	hexDigits   = "0123456789abcdefABCDEF"
	whitespace  = " \t\n\r\v\f"
	special     = ".\\[{()*+?^$|"

	// maxNesting bounds the depth of a pattern, which bounds our own stack.
	maxNesting = 1000
)

// parser turns the text of a pattern into a tree.
type parser struct {
	scanner
	flags    Flags
	names    map[string]int
	widths   widths
	closed   []bool // by group: its closing parenthesis was seen
	behind   int    // group count where the outermost look-behind began, -1 outside
	condRefs []condRef
	behinds  []*node
}

// condRef is a conditional that names its group by number, which may be
// defined later.
type condRef struct{ group, pos int }

// parse gives the tree and the parser's knowledge about it.
func parse(pattern string, flags Flags) (root *node, p *parser, err error) {
	p = &parser{
		scanner: scanner{text: []rune(pattern)},
		flags:   flags,
		names:   map[string]int{},
		widths:  widths{groups: make([]width, 1)},
		closed:  []bool{false},
		behind:  -1,
	}
	defer func() {
		if r := recover(); r != nil {
			refused, ours := r.(*Error)
			if !ours {
				panic(r)
			}
			root, err = nil, refused
		}
	}()
	p.advance()
	root = p.alternatives(flags&Verbose != 0, 0)
	p.finish()
	return root, p, nil
}

// finish makes the checks that Python makes when all has been read.
func (p *parser) finish() {
	if p.flags&ASCII != 0 && p.flags&Unicode != 0 {
		p.failAt("ASCII and UNICODE flags are incompatible", -1)
	}
	if p.next != "" {
		p.fail("unbalanced parenthesis", 0)
	}
	for _, ref := range p.condRefs {
		if ref.group >= len(p.closed) {
			p.failAt("invalid group reference "+strconv.Itoa(ref.group), ref.pos)
		}
	}
	for _, n := range p.behinds {
		w := p.widths.of(n.subs[0])
		if w.lo > 1<<32-1 {
			p.failAt("looks too much behind", -1)
		}
		if w.lo != w.hi {
			p.failAt("look-behind requires fixed-width pattern", -1)
		}
		n.width = int(w.lo)
	}
}

// alternatives reads a|b|c.
func (p *parser) alternatives(verbose bool, depth int) *node {
	pos := p.tell()
	var subs []*node
	for {
		subs = append(subs, p.sequence(verbose, depth, depth == 0 && len(subs) == 0))
		if !p.match("|") {
			break
		}
		if depth == 0 {
			verbose = p.flags&Verbose != 0
		}
	}
	if len(subs) == 1 {
		return subs[0]
	}
	return &node{kind: kindAlt, subs: subs, pos: pos, end: p.tell()}
}

// sequence reads one alternative. Global flags may stand only at the beginning
// of the first one.
func (p *parser) sequence(verbose bool, depth int, first bool) *node {
	if depth > maxNesting {
		p.failAt("maximum recursion depth exceeded", -1)
	}
	start := p.tell()
	q := &sequence{parser: p, verbose: verbose, depth: depth, first: first}
	for p.next != "" && p.next != "|" && p.next != ")" {
		pos := p.tell()
		this := p.get()
		if q.verbose && q.skipped(this) {
			continue
		}
		q.item(this, pos)
	}
	return seqOf(q.nodes, start, p.tell())
}

// sequence is the state of reading one alternative.
type sequence struct {
	*parser
	nodes   []*node
	verbose bool
	depth   int
	first   bool
}

// skipped passes over blanks and comments of the verbose form.
func (q *sequence) skipped(this string) bool {
	if strings.Contains(whitespace, this) {
		return true
	}
	if this != "#" {
		return false
	}
	for {
		if c := q.get(); c == "" || c == "\n" {
			return true
		}
	}
}

func (q *sequence) add(n *node) {
	n.end = q.tell()
	q.nodes = append(q.nodes, n)
}

// item reads what begins with this.
func (q *sequence) item(this string, pos int) {
	switch {
	case this[0] == '\\':
		n := q.escape(this)
		n.pos = pos
		q.add(n)
	case !strings.Contains(special, this):
		q.add(setNode(q.literal([]rune(this)[0]), pos, 0))
	case this == "[":
		q.add(setNode(q.class(pos), pos, 0))
	case strings.Contains("*+?{", this):
		q.repeat(this, pos)
	case this == ".":
		q.add(setNode(pick(q.flags&DotAll != 0, setAny, setNotNewline), pos, 0))
	case this == "(":
		q.group(pos)
	case this == "^":
		q.add(q.place(atStart, atLineStart, pos))
	case this == "$":
		q.add(q.place(atEnd, atLineEnd, pos))
	}
}

func (p *parser) place(plain, multi assertKind, pos int) *node {
	if p.flags&Multiline != 0 {
		plain = multi
	}
	return &node{kind: kindAssert, assert: plain, pos: pos}
}

func (p *parser) ascii() bool { return p.flags&ASCII != 0 }

// literal gives the set of one character under the flags in force.
func (p *parser) literal(r rune) *charset {
	if p.flags&IgnoreCase != 0 {
		return foldChar(r, p.ascii())
	}
	return oneChar(r)
}

// repeat reads a quantifier and puts it round the node before it.
func (q *sequence) repeat(this string, pos int) {
	here := pos + 1
	lo, hi := 0, unbounded
	switch this {
	case "?":
		hi = 1
	case "+":
		lo = 1
	case "{":
		var ok bool
		if lo, hi, ok = q.bounds(here); !ok {
			q.add(setNode(q.literal('{'), pos, 0))
			return
		}
	}
	offset := q.tell() - here + len(this)
	if len(q.nodes) == 0 || q.nodes[len(q.nodes)-1].kind == kindAssert {
		q.fail("nothing to repeat", offset)
	}
	item := q.nodes[len(q.nodes)-1]
	if item.kind == kindRepeat {
		q.fail("multiple repeat", offset)
	}
	n := &node{kind: kindRepeat, subs: []*node{item}, min: lo, max: hi, pos: item.pos}
	switch {
	case q.match("?"):
		n.greed = lazy
	case q.match("+"):
		n.greed = possessive
	}
	n.end = q.tell()
	q.nodes[len(q.nodes)-1] = n
}

// bounds reads the inside of {…}; without ok it was no quantifier and nothing
// has been read.
func (q *sequence) bounds(here int) (lo, hi int, ok bool) {
	if q.next == "}" {
		return 0, 0, false
	}
	least := q.getWhile(len(q.text), digits)
	most := least
	if q.match(",") {
		most = q.getWhile(len(q.text), digits)
	}
	if !q.match("}") {
		q.seek(here)
		return 0, 0, false
	}
	lo, hi = q.bound(least, 0), q.bound(most, unbounded)
	if hi < lo {
		q.fail("min repeat greater than max repeat", q.tell()-here)
	}
	return lo, hi, true
}

func (q *sequence) bound(text string, without int) int {
	if text == "" {
		return without
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil || n >= unbounded {
		q.failAt("the repetition number is too large", -1)
	}
	return int(n)
}
