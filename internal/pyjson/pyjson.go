// Package pyjson is JSON as Python's json reads and writes it: objects keep
// their order, integers stay integers, NaN and the infinities are numbers, and
// a mistake has Python's words and place. encoding/json gives none of the four.
//
// Values are those of pyobj. It writes with ensure_ascii off and the default
// separators.
package pyjson

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"stockade/internal/pyobj"
)

// Error is a text that is no JSON.
type Error struct {
	Msg string
	// Doc is the text, Pos the place in it, counted in characters.
	Doc string
	Pos int
}

func (e *Error) Error() string {
	before := string([]rune(e.Doc)[:e.Pos])
	line := strings.Count(before, "\n") + 1
	column := utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:]) + 1
	return fmt.Sprintf("%s: line %d column %d (char %d)", e.Msg, line, column, e.Pos)
}

// Exception is what Python raises.
func (e *Error) Exception() *pyobj.Exception {
	return &pyobj.Exception{Module: "json.decoder", Class: "JSONDecodeError", Args: pyobj.Tuple{e.Msg, e.Doc, e.Pos}}
}
