package pyre

import "fmt"

// Error is a refused pattern, with Python's reason and place.
type Error struct {
	Msg       string // Python's text, without the place
	Pos       int    // character offset into the pattern, -1 where Python gives none
	Line, Col int    // both from 1; 0 when Pos is -1
	multiline bool
}

// Error gives the text as Python prints it.
func (e *Error) Error() string {
	switch {
	case e.Pos < 0:
		return e.Msg
	case e.multiline:
		return fmt.Sprintf("%s at position %d (line %d, column %d)", e.Msg, e.Pos, e.Line, e.Col)
	}
	return fmt.Sprintf("%s at position %d", e.Msg, e.Pos)
}
