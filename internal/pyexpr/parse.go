package pyexpr

import (
	"fmt"
	"strings"
)

// parser reads an expression by precedence.
type parser struct {
	lex   lexer
	tok   token
	prev  token
	names map[string]bool
	depth int
	err   *Error
}

func newParser(text string, names []string) *parser {
	p := &parser{lex: lexer{text: text}, names: map[string]bool{}}
	for _, n := range names {
		p.names[n] = true
	}
	return p
}

// parse reads the whole text.
func (p *parser) parse() (node, error) {
	if len(p.lex.text) > maxText {
		return nil, fault(p.lex.text, maxText, "the expression is too long")
	}
	if err := badLiteral(p.lex.text); err != nil {
		return nil, err
	}
	p.advance()
	n := p.tuple()
	for p.err == nil && p.tok.kind == newlineToken {
		p.advance()
	}
	if p.err == nil && p.tok.kind != endToken {
		p.unexpected()
	}
	if p.err != nil {
		return nil, p.err
	}
	return n, nil
}

// badLiteral finds a malformed number anywhere: Python reports it before any
// other fault.
func badLiteral(text string) error {
	lex := lexer{text: text}
	for {
		tok, err := lex.next()
		switch {
		case err != nil && strings.Contains(err.Msg, "literal"):
			return err
		case err != nil || tok.kind == endToken:
			return nil
		}
	}
}

func (p *parser) advance() {
	if p.err != nil {
		return
	}
	p.prev = p.tok
	p.tok, p.err = p.lex.next()
}

func (p *parser) fail(at int, msg, hint string) {
	if p.err == nil {
		p.err = fault(p.lex.text, at, msg)
		p.err.Hint = hint
	}
}

// unexpected reports a token that cannot stand where it is.
func (p *parser) unexpected() {
	if p.err != nil {
		return
	}
	if p.tok.kind == operatorToken && p.tok.text == ")" {
		p.fail(p.tok.at, "unmatched ')' (<string>, line 1)", "remove it, or open the bracket it closes")
		return
	}
	hint := ""
	switch {
	case p.prev.kind == nameToken && (p.tok.kind == nameToken || p.tok.kind == numberToken) && functions[p.prev.text] != nil:
		arg, _, _ := strings.Cut(p.lex.text[p.tok.at:], ")")
		hint = fmt.Sprintf("what a function is given stands in brackets: %s(%s)", p.prev.text, arg)
	case p.tok.kind == endToken:
		hint = "the expression ends too early"
	}
	p.fail(p.tok.at, "invalid syntax (<string>, line 1)", hint)
}

// enter guards the depth of recursion.
func (p *parser) enter() bool {
	if p.depth++; p.depth > maxNesting {
		p.fail(p.tok.at, "too many nested parentheses (<string>, line 1)", "")
	}
	return p.err == nil
}

func (p *parser) leave() { p.depth-- }

func (p *parser) isOp(op string) bool   { return p.tok.kind == operatorToken && p.tok.text == op }
func (p *parser) isWord(w string) bool  { return p.tok.kind == nameToken && p.tok.text == w }
func (p *parser) takeOp(op string) bool { return p.take(p.isOp(op)) }
func (p *parser) take(ok bool) bool {
	if ok {
		p.advance()
	}
	return ok
}

// tuple reads expressions separated by commas; one without comma stays itself.
func (p *parser) tuple() node {
	first := p.choice()
	if p.err != nil || !p.isOp(",") {
		return first
	}
	t := tuple{items: []node{first}}
	for p.err == nil && p.takeOp(",") {
		if p.tok.kind == endToken || p.tok.kind == newlineToken || p.isOp(")") {
			break
		}
		t.items = append(t.items, p.choice())
	}
	return t
}

// choice reads "x if c else y".
func (p *parser) choice() node {
	if !p.enter() {
		return literal{}
	}
	defer p.leave()
	yes := p.or()
	if p.err != nil || !p.take(p.isWord("if")) {
		return yes
	}
	cond := p.or()
	if p.err == nil && !p.isWord("else") {
		p.fail(p.tok.at, "expected 'else' after 'if' expression (<string>, line 1)", "write x if condition else y")
	}
	if p.err != nil {
		return yes
	}
	p.advance()
	return choice{cond: cond, yes: yes, no: p.choice()}
}

func (p *parser) or() node {
	x := p.and()
	for p.err == nil && p.take(p.isWord("or")) {
		x = logical{"or", x, p.and()}
	}
	return x
}

func (p *parser) and() node {
	x := p.not()
	for p.err == nil && p.take(p.isWord("and")) {
		x = logical{"and", x, p.not()}
	}
	return x
}

func (p *parser) not() node {
	if !p.isWord("not") {
		return p.comparison()
	}
	if !p.enter() {
		return literal{}
	}
	defer p.leave()
	at := p.tok.at
	p.advance()
	return unary{at, "not", p.not()}
}

func (p *parser) comparison() node {
	x := p.binary(0)
	c := compare{at: p.tok.at, first: x}
	for p.err == nil && p.tok.kind == operatorToken && strings.Contains(" < > <= >= == != ", " "+p.tok.text+" ") {
		c.ops = append(c.ops, p.tok.text)
		p.advance()
		c.rest = append(c.rest, p.binary(0))
	}
	if len(c.ops) == 0 {
		return x
	}
	return c
}

// levels are the binary operators, loosest first.
var levels = []string{" | ", " ^ ", " & ", " << >> ", " + - ", " * / // % "}

func (p *parser) binary(level int) node {
	if level == len(levels) {
		return p.unary()
	}
	x := p.binary(level + 1)
	for p.err == nil && p.tok.kind == operatorToken && strings.Contains(levels[level], " "+p.tok.text+" ") {
		op := p.tok
		p.advance()
		x = binary{op.at, op.text, x, p.binary(level + 1)}
	}
	return x
}

func (p *parser) unary() node {
	if !p.isOp("-") && !p.isOp("+") && !p.isOp("~") {
		return p.power()
	}
	if !p.enter() {
		return literal{}
	}
	defer p.leave()
	op := p.tok
	p.advance()
	return unary{op.at, op.text, p.unary()}
}

// power reads "x ** y", which binds tighter than a sign before x and looser
// than one before y.
func (p *parser) power() node {
	x := p.atom()
	if p.err != nil || !p.isOp("**") {
		return x
	}
	if !p.enter() {
		return literal{}
	}
	defer p.leave()
	at := p.tok.at
	p.advance()
	return binary{at, "**", x, p.unary()}
}

func (p *parser) atom() node {
	if p.err != nil {
		return literal{}
	}
	switch {
	case p.tok.kind == numberToken:
		n := literal{p.tok.value}
		p.advance()
		return n
	case p.tok.kind == nameToken && !keywords[p.tok.text]:
		return p.reference()
	case p.isOp("("):
		return p.parens()
	}
	p.unexpected()
	return literal{}
}

func (p *parser) parens() node {
	at := p.tok.at
	if !p.enter() {
		return literal{}
	}
	defer p.leave()
	p.advance()
	if p.takeOp(")") {
		return tuple{}
	}
	n := p.tuple()
	p.closeParen(at)
	return n
}

// closeParen wants the bracket that was opened at a place to be closed.
func (p *parser) closeParen(at int) {
	if p.err != nil || p.takeOp(")") {
		return
	}
	if p.tok.kind == endToken {
		p.fail(at, "'(' was never closed (<string>, line 1)", "add the closing bracket")
		return
	}
	p.unexpected()
}

// reference reads a name, with its dotted part and its call.
func (p *parser) reference() node {
	at, name := p.tok.at, p.tok.text
	p.advance()
	for p.err == nil && p.isOp(".") {
		p.advance()
		if p.tok.kind != nameToken {
			p.unexpected()
			return literal{}
		}
		name += "." + p.tok.text
		p.tok.text = name // what an error calls the word before it
		p.advance()
	}
	if p.err == nil && p.isOp("(") {
		return p.call(at, name)
	}
	switch value, ok := constants[name]; {
	case ok:
		return literal{value}
	case p.names[name]:
		return variable{at, name}
	}
	if functions[name] != nil {
		if p.tok.kind == nameToken || p.tok.kind == numberToken {
			p.unexpected()
		} else {
			p.fail(at, fmt.Sprintf("%s is a function and stands without its brackets", name), "write "+name+"(…)")
		}
		return literal{}
	}
	p.unknown(at, name)
	return literal{}
}

// unknown reports a name that is not part of the subset.
func (p *parser) unknown(at int, name string) {
	if p.err != nil {
		return
	}
	head, _, dotted := strings.Cut(name, ".")
	msg := fmt.Sprintf("name '%s' is not defined", head)
	hint := ""
	if dotted {
		for known := range p.names {
			if strings.HasPrefix(known, head+".") {
				msg = fmt.Sprintf("there is no %s", name)
			}
		}
		if head == "math" || head == "random" {
			msg = fmt.Sprintf("there is no %s", name)
		}
	}
	for _, known := range p.known() {
		if strings.EqualFold(known, name) {
			hint = "did you mean " + known + "?"
		}
	}
	p.fail(at, msg, hint)
}

// known lists all names that may stand in the expression.
func (p *parser) known() []string {
	var names []string
	for n := range p.names {
		names = append(names, n)
	}
	for n := range functions {
		names = append(names, n)
	}
	for n := range constants {
		names = append(names, n)
	}
	return names
}

func (p *parser) call(at int, name string) node {
	open := p.tok.at
	if !p.enter() {
		return literal{}
	}
	defer p.leave()
	fn := functions[name]
	if fn == nil {
		p.unknown(at, name)
		return literal{}
	}
	p.advance()
	c := call{at: at, name: name, fn: *fn}
	for p.err == nil && !p.isOp(")") {
		c.args = append(c.args, p.choice())
		if p.err != nil || !p.takeOp(",") {
			break
		}
	}
	p.closeParen(open)
	if p.err == nil && (len(c.args) < fn.min || len(c.args) > fn.max) {
		p.fail(at, fmt.Sprintf("%s() takes %s", name, fn.arity()), "")
	}
	return c
}
