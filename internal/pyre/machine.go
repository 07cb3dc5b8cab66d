package pyre

import "errors"

// ErrBudget says that a search was given up because its budget ran out.
var ErrBudget = errors.New("regular expression ran out of its step budget")

// Budget is what searches may still cost, shared by all that get the same one.
type Budget struct{ Left int }

// LineBudget is the budget of one line of n bytes.
func LineBudget(n int) Budget { return Budget{Left: 200_000 + 64*n} }

// Machine is the memory of searches. One goroutine at a time may use it.
type Machine struct {
	caps []int32
	far  int
}

// NewMachine makes a machine.
func NewMachine() *Machine { return &Machine{} }

// Search looks for the first match of re in text[from:to], as Python's
// Pattern.search(text, from, to) does; offsets count bytes. The text must be
// valid UTF-8.
func (m *Machine) Search(re *Regexp, text []byte, from, to int, b *Budget) (bool, error) {
	return false, nil
}

// Span gives the place of a group in the last match, -1, -1 when it took no
// part. It is valid until the next Search.
func (m *Machine) Span(group int) (start, end int) { return -1, -1 }

// Far gives how many bytes of the text decided the last Search: any text with
// the same first Far bytes gives the same answer. It is one more than the text
// is long when the end of the text itself was looked at.
func (m *Machine) Far() int { return m.far }
