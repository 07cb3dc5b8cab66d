// Package pyexpr evaluates the two places where Fail2ban lets users write
// Python: time values such as "1d 12h", and the formula and factor of growing
// ban times.
//
// It owns a small, closed subset of Python's expressions and promises that
// nothing outside it can be reached, that results are Python's to the last
// digit, and that time and memory are bounded whatever is written. Errors know
// their column.
package pyexpr

import "fmt"

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
