package pyre

import (
	"fmt"
	"strings"
	"unicode"
)

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

func newError(pattern []rune, msg string, pos int) *Error {
	e := &Error{Msg: msg, Pos: pos}
	if pos < 0 {
		return e
	}
	e.Line, e.Col = 1, pos+1
	for i, r := range pattern {
		if r != '\n' {
			continue
		}
		e.multiline = true
		if i < pos {
			e.Line++
			e.Col = pos - i
		}
	}
	return e
}

// quoted gives a text as Python's repr shows it.
func quoted(text string) string {
	quote := '\''
	if strings.Contains(text, "'") && !strings.Contains(text, `"`) {
		quote = '"'
	}
	var out strings.Builder
	out.WriteRune(quote)
	for _, r := range text {
		quoteRune(&out, r, quote)
	}
	out.WriteRune(quote)
	return out.String()
}

func quoteRune(out *strings.Builder, r, quote rune) {
	switch {
	case r == '\n':
		out.WriteString(`\n`)
	case r == '\r':
		out.WriteString(`\r`)
	case r == '\t':
		out.WriteString(`\t`)
	case r == '\\' || r == quote:
		out.WriteRune('\\')
		out.WriteRune(r)
	case r == ' ' || unicode.IsPrint(r):
		out.WriteRune(r)
	case r < 0x100:
		fmt.Fprintf(out, `\x%02x`, r)
	case r < 0x10000:
		fmt.Fprintf(out, `\u%04x`, r)
	default:
		fmt.Fprintf(out, `\U%08x`, r)
	}
}
