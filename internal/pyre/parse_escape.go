package pyre

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// plainEscapes are the escapes that stand for one character.
var plainEscapes = map[string]rune{
	`\a`: '\a', `\b`: '\b', `\f`: '\f', `\n`: '\n', `\r`: '\r', `\t`: '\t', `\v`: '\v', `\\`: '\\',
}

// escape reads what a backslash outside a class begins.
func (p *parser) escape(this string) *node {
	switch this {
	case `\A`:
		return &node{kind: kindAssert, assert: atStart}
	case `\Z`:
		return &node{kind: kindAssert, assert: atTextEnd}
	case `\b`:
		return p.wordEdge(atWordEdge, atWordEdgeASCII)
	case `\B`:
		return p.wordEdge(atNoWordEdge, atNoWordEdgeASCII)
	}
	c := rune(this[1])
	switch {
	case strings.ContainsRune("dDsSwW", c):
		return setNode(p.categorySet(c), 0, 0)
	case '0' < c && c <= '9':
		return p.numberEscape(this)
	case c == '0':
		text := this + p.getWhile(2, octalDigits)
		return setNode(p.literal(parseRune(text[1:], 8)), 0, 0)
	}
	return setNode(p.literal(p.charEscape(this)), 0, 0)
}

func (p *parser) wordEdge(unicode, ascii assertKind) *node {
	if p.ascii() {
		unicode = ascii
	}
	return &node{kind: kindAssert, assert: unicode}
}

// categorySet gives a category; ignoring case, Python asks it about the lower
// case of the text, which no category can tell apart.
func (p *parser) categorySet(letter rune) *charset { return category(letter, p.ascii()) }

// numberEscape reads \1 to \99, and the octal \123.
func (p *parser) numberEscape(this string) *node {
	text := this
	if p.next != "" && strings.Contains(digits, p.next) {
		text += p.get()
		if isOctal(text[1]) && isOctal(text[2]) && p.next != "" && strings.Contains(octalDigits, p.next) {
			text += p.get()
			return setNode(p.literal(p.octal(text)), 0, 0)
		}
	}
	group, _ := strconv.Atoi(text[1:])
	if group >= len(p.closed) {
		p.fail("invalid group reference "+strconv.Itoa(group), len(text)-1)
	}
	if !p.closed[group] {
		p.fail("cannot refer to an open group", len(text))
	}
	p.checkBehind(group)
	return p.backref(group)
}

func (p *parser) backref(group int) *node {
	n := &node{kind: kindBackref, group: group}
	if p.flags&IgnoreCase != 0 {
		n.fold = foldUnicode
		if p.ascii() {
			n.fold = foldASCII
		}
	}
	return n
}

// checkBehind refuses references from a look-behind into itself.
func (p *parser) checkBehind(group int) {
	if p.behind < 0 {
		return
	}
	if group >= len(p.closed) || !p.closed[group] {
		p.fail("cannot refer to an open group", 0)
	}
	if group >= p.behind {
		p.fail("cannot refer to group defined in the same lookbehind subpattern", 0)
	}
}

func isOctal(c byte) bool { return '0' <= c && c <= '7' }

// octal gives the character of a backslash and three octal digits.
func (p *parser) octal(text string) rune {
	r := parseRune(text[1:], 8)
	if r > 0o377 {
		p.fail("octal escape value "+text+" outside of range 0-0o377", runeLen(text))
	}
	return r
}

// charEscape reads an escape that stands for one character anywhere.
func (p *parser) charEscape(this string) rune {
	if r, ok := plainEscapes[this]; ok {
		return r
	}
	c, _ := utf8.DecodeRuneInString(this[1:])
	switch c {
	case 'x':
		return p.hexEscape(this, 2)
	case 'u':
		return p.hexEscape(this, 4)
	case 'U':
		return p.hexEscape(this, 8)
	case 'N':
		return p.namedEscape()
	}
	if c < 0x80 && (isLetter(byte(c)) || '0' <= c && c <= '9') {
		p.fail("bad escape "+this, runeLen(this))
	}
	return c
}

func isLetter(c byte) bool { c |= 0x20; return 'a' <= c && c <= 'z' }

func (p *parser) hexEscape(this string, n int) rune {
	text := this + p.getWhile(n, hexDigits)
	if len(text) != n+2 {
		p.fail("incomplete escape "+text, len(text))
	}
	value, err := strconv.ParseInt(text[2:], 16, 64)
	if err != nil || value > 1<<31-1 {
		p.failAt("Python int too large to convert to C int", -1)
	}
	if value > maxRune {
		p.fail("bad escape "+text, len(text))
	}
	return rune(value)
}

func (p *parser) namedEscape() rune {
	if !p.match("{") {
		p.fail("missing {", 0)
	}
	name := p.getUntil("}", "character name")
	r, ok := runeByName(name)
	if !ok {
		p.fail("undefined character name "+quoted(name), runeLen(name)+len(`\N{}`))
	}
	return r
}

// parseRune reads digits that the scanner has already checked.
func parseRune(text string, base int) rune {
	value, _ := strconv.ParseInt(text, base, 32)
	return rune(value)
}
