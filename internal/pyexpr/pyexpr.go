// Package pyexpr evaluates the two places where Fail2ban lets users write
// Python: time values such as "1d 12h", and the formula and factor of growing
// ban times.
//
// It owns a small, closed subset of Python's expressions (numbers, arithmetic,
// shifts, comparisons, and/or/not, x if c else y, a list of functions) and
// promises that nothing outside it can be reached, that results are Python's
// to the last digit, and that time and memory are bounded whatever is written.
// Errors know their column.
package pyexpr

import (
	"fmt"
)

// Error is a fault in an expression.
type Error struct {
	// Msg is Python's text for the fault where Python has one.
	Msg string
	// Col is the place in Text, counted in characters from 0.
	Col int
	// Text is the expression as written.
	Text string
	// Hint says how to cure it, where that is clear.
	Hint string
}

// Error gives Python's message.
func (e *Error) Error() string { return e.Msg }

// Located gives the message with its column, counted from 1.
func (e *Error) Located() string {
	return fmt.Sprintf("column %d: %s", e.Col+1, e.Msg)
}

// Expr is a checked formula.
type Expr struct {
	text string
	root node
}

// String gives the formula as written.
func (e *Expr) String() string { return e.text }

// Vars gives values to the names a formula may use: "ban.Time", "ban.Count",
// "banFactor".
type Vars map[string]Value

// Compile checks a formula; names lists what it may refer to besides the
// functions of the subset. An error is an *Error.
func Compile(text string, names ...string) (*Expr, error) {
	p := newParser(text, names)
	root, err := p.parse()
	if err != nil {
		return nil, err
	}
	return &Expr{text: text, root: root}, nil
}

// Eval computes the formula. random gives numbers in [0, 1) for random.*; nil
// means the process's own source.
func (e *Expr) Eval(vars Vars, random func() float64) (Value, error) {
	m := machine{text: e.text, vars: vars, random: random}
	v, err := m.eval(e.root)
	if err != nil {
		return Value{}, err
	}
	return v, nil
}

// Arithmetic checks and computes an expression without names, as
// bantime.factor is one.
func Arithmetic(text string) (Value, error) {
	e, err := Compile(text)
	if err != nil {
		return Value{}, err
	}
	return e.Eval(nil, nil)
}
