package pyre

import (
	"strconv"
	"strings"
	"unicode"
)

// flagLetters are the letters of inline flags; L is refused, t does nothing.
const flagLetters = "iLmsxatu"

// maxGroupNumber is one more than Python lets a conditional name.
const maxGroupNumber = 1073741823

// group reads what an opening parenthesis at pos begins.
func (q *sequence) group(pos int) {
	if !q.match("?") {
		q.capture("", pos)
		return
	}
	char := q.get()
	switch {
	case char == "":
		q.fail("unexpected end of pattern", 0)
	case char == "P":
		q.pythonGroup(pos)
	case char == ":":
		q.plain(pos, q.flags, q.verbose)
	case char == "#":
		q.comment(pos)
	case char == "=" || char == "!":
		q.look(char, false, pos)
	case char == "<":
		q.lookBehind(pos)
	case char == "(":
		q.conditional(pos)
	case char == ">":
		sub := q.alternatives(q.verbose, q.depth+1)
		q.closing(pos)
		q.add(&node{kind: kindAtomic, subs: []*node{sub}, pos: pos})
	case strings.Contains(flagLetters, char) || char == "-":
		q.flagGroup(char, pos)
	default:
		q.fail("unknown extension ?"+char, runeLen(char)+1)
	}
}

// closing expects the parenthesis that ends the group begun at pos.
func (q *sequence) closing(pos int) {
	if !q.match(")") {
		q.fail("missing ), unterminated subpattern", q.tell()-pos)
	}
}

func (q *sequence) comment(pos int) {
	for {
		if q.next == "" {
			q.fail("missing ), unterminated comment", q.tell()-pos)
		}
		if q.get() == ")" {
			return
		}
	}
}

// plain reads a group that captures nothing, under flags of its own.
func (q *sequence) plain(pos int, flags Flags, verbose bool) {
	outer := q.flags
	q.flags = flags
	sub := q.alternatives(verbose, q.depth+1)
	q.flags = outer
	q.closing(pos)
	q.add(&node{kind: kindGroup, subs: []*node{sub}, pos: pos})
}

// capture reads a capturing group.
func (q *sequence) capture(name string, pos int) {
	index := len(q.closed)
	q.closed = append(q.closed, false)
	q.widths.groups = append(q.widths.groups, width{})
	if name != "" {
		if old, taken := q.names[name]; taken {
			q.fail("redefinition of group name "+quoted(name)+" as group "+strconv.Itoa(index)+
				"; was group "+strconv.Itoa(old), runeLen(name)+1)
		}
		q.names[name] = index
	}
	sub := q.alternatives(q.verbose, q.depth+1)
	q.closing(pos)
	q.closed[index] = true
	q.widths.groups[index] = q.widths.of(sub)
	q.add(&node{kind: kindGroup, group: index, subs: []*node{sub}, pos: pos})
}

// pythonGroup reads (?P<name>…) and (?P=name).
func (q *sequence) pythonGroup(pos int) {
	switch {
	case q.match("<"):
		name := q.getUntil(">", "group name")
		q.checkName(name)
		q.capture(name, pos)
	case q.match("="):
		name := q.getUntil(")", "group name")
		q.checkName(name)
		index, known := q.names[name]
		if !known {
			q.fail("unknown group name "+quoted(name), runeLen(name)+1)
		}
		if !q.closed[index] {
			q.fail("cannot refer to an open group", runeLen(name)+1)
		}
		q.checkBehind(index)
		n := q.backref(index)
		n.pos = pos
		q.add(n)
	default:
		char := q.get()
		if char == "" {
			q.fail("unexpected end of pattern", 0)
		}
		q.fail("unknown extension ?P"+char, runeLen(char)+2)
	}
}

func (q *sequence) checkName(name string) {
	if !isIdentifier(name) {
		q.fail("bad character in group name "+quoted(name), runeLen(name)+1)
	}
}

func isIdentifier(name string) bool {
	for i, r := range name {
		switch {
		case r == '_' || unicode.IsLetter(r) || unicode.In(r, unicode.Nl, unicode.Other_ID_Start):
		case i > 0 && unicode.In(r, unicode.Mn, unicode.Mc, unicode.Nd, unicode.Pc, unicode.Other_ID_Continue):
		default:
			return false
		}
	}
	return name != ""
}

func (q *sequence) lookBehind(pos int) {
	char := q.get()
	if char == "" {
		q.fail("unexpected end of pattern", 0)
	}
	if char != "=" && char != "!" {
		q.fail("unknown extension ?<"+char, runeLen(char)+2)
	}
	outer := q.behind
	if outer < 0 {
		q.behind = len(q.closed)
	}
	q.look(char, true, pos)
	q.behind = outer
}

func (q *sequence) look(char string, behind bool, pos int) {
	sub := q.alternatives(q.verbose, q.depth+1)
	q.closing(pos)
	n := &node{kind: kindLook, subs: []*node{sub}, negate: char == "!", behind: behind, pos: pos}
	if behind {
		q.behinds = append(q.behinds, n)
	}
	q.add(n)
}

// conditional reads (?(group)yes|no).
func (q *sequence) conditional(pos int) {
	name := q.getUntil(")", "group name")
	var group int
	if isIdentifier(name) {
		var known bool
		if group, known = q.names[name]; !known {
			q.fail("unknown group name "+quoted(name), runeLen(name)+1)
		}
	} else {
		group = q.conditionNumber(name)
	}
	q.checkBehind(group)
	yes := q.parser.sequence(q.verbose, q.depth+1, false)
	no := emptyNode(q.tell())
	if q.match("|") {
		no = q.parser.sequence(q.verbose, q.depth+1, false)
		if q.next == "|" {
			q.fail("conditional backref with more than two branches", 0)
		}
	}
	q.closing(pos)
	q.add(&node{kind: kindCond, group: group, subs: []*node{yes, no}, pos: pos})
}

func (q *sequence) conditionNumber(name string) int {
	group, ok := pythonInt(name)
	switch {
	case !ok:
		q.fail("bad character in group name "+quoted(name), runeLen(name)+1)
	case group == 0:
		q.fail("bad group number", runeLen(name)+1)
	case group >= maxGroupNumber:
		q.fail("invalid group reference "+strings.TrimLeft(strings.TrimSpace(name), "+0"), runeLen(name)+1)
	}
	q.condRefs = append(q.condRefs, condRef{group, q.tell() - runeLen(name) - 1})
	return group
}

// pythonInt reads a number as Python's int does: blanks round it, a sign and
// single underscores between digits are welcome. Negative ones are not ok.
func pythonInt(text string) (int, bool) {
	text = strings.TrimFunc(text, func(r rune) bool { return setSpace.has(r) })
	negative := strings.HasPrefix(text, "-")
	if negative || strings.HasPrefix(text, "+") {
		text = text[1:]
	}
	n, digit := 0, false
	for _, r := range text {
		if r == '_' && digit {
			digit = false
			continue
		}
		value, ok := digitValue(r)
		if !ok {
			return 0, false
		}
		n, digit = min(n*10+value, maxGroupNumber), true
	}
	return n, digit && (!negative || n == 0)
}

// digitValue gives the value of a decimal digit of any script: they come in
// runs of ten.
func digitValue(r rune) (int, bool) {
	if '0' <= r && r <= '9' {
		return int(r - '0'), true
	}
	for _, sp := range digitSpans {
		if sp.lo <= r && r <= sp.hi {
			return int(r-sp.lo) % 10, true
		}
	}
	return 0, false
}

// flagGroup reads (?flags), (?flags:…) and (?flags-flags:…).
func (q *sequence) flagGroup(char string, pos int) {
	add, del, global := q.readFlags(char)
	if global {
		if !q.first || len(q.nodes) > 0 {
			q.fail("global flags not at the start of the expression", q.tell()-pos)
		}
		q.verbose = q.flags&Verbose != 0
		return
	}
	flags := q.flags
	if add&(ASCII|Unicode) != 0 {
		flags &^= ASCII | Unicode
	}
	verbose := (q.verbose || add&Verbose != 0) && del&Verbose == 0
	q.plain(pos, (flags|add)&^del, verbose)
}

var flagValues = map[string]Flags{
	"i": IgnoreCase, "m": Multiline, "s": DotAll, "x": Verbose, "a": ASCII, "u": Unicode, "t": template,
}

// template is Python's old flag t: accepted for a whole pattern, without effect.
const template Flags = 1 << 30

// readFlags reads the letters; global tells that they are for the whole
// pattern and have been set there.
func (q *sequence) readFlags(char string) (add, del Flags, global bool) {
	if char != "-" {
		add, char = q.flagsOn(char)
	}
	if char == ")" {
		q.flags |= add
		return 0, 0, true
	}
	if add&template != 0 {
		q.fail("bad inline flags: cannot turn on global flag", 1)
	}
	if char == "-" {
		del = q.flagsOff()
	}
	if del&template != 0 {
		q.fail("bad inline flags: cannot turn off global flag", 1)
	}
	if add&del != 0 {
		q.fail("bad inline flags: flag turned on and off", 1)
	}
	return add, del, false
}

func (q *sequence) flagsOn(char string) (add Flags, end string) {
	for {
		if char == "L" {
			q.fail("bad inline flags: cannot use 'L' flag with a str pattern", 0)
		}
		add |= flagValues[char]
		if add&ASCII != 0 && add&Unicode != 0 {
			q.fail("bad inline flags: flags 'a', 'u' and 'L' are incompatible", 0)
		}
		char = q.get()
		if char == "" {
			q.fail("missing -, : or )", 0)
		}
		if strings.Contains(")-:", char) {
			return add, char
		}
		q.checkFlag(char, "missing -, : or )")
	}
}

func (q *sequence) flagsOff() (del Flags) {
	char := q.get()
	if char == "" {
		q.fail("missing flag", 0)
	}
	q.checkFlag(char, "missing flag")
	for {
		if strings.Contains("aLu", char) {
			q.fail("bad inline flags: cannot turn off flags 'a', 'u' and 'L'", 0)
		}
		del |= flagValues[char]
		char = q.get()
		if char == "" {
			q.fail("missing :", 0)
		}
		if char == ":" {
			return del
		}
		q.checkFlag(char, "missing :")
	}
}

// checkFlag refuses what is no flag letter.
func (q *sequence) checkFlag(char, otherwise string) {
	if strings.Contains(flagLetters, char) {
		return
	}
	msg := otherwise
	if r := []rune(char); len(r) == 1 && unicode.IsLetter(r[0]) {
		msg = "unknown flag"
	}
	q.fail(msg, runeLen(char))
}
