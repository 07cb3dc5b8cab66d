package pyexpr

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// units are the spellings of the units of time and the factors that take their
// place.
var units = func() map[string]string {
	m := map[string]string{}
	for _, u := range []struct {
		factor    string
		spellings string
	}{
		{"*1", "s ss se sec second seconds"},
		{"*60", "m mm mi min minute minutes"},
		{"*3600", "h hh ho hou hour hours"},
		{"*86400", "d dd da day days"},
		{"*604800", "w ww we wee week weeks"},
		{"*2629800.0", "mo mon month months"},
		{"*31557600.0", "y yy ye yea year years"},
	} {
		for _, s := range strings.Fields(u.spellings) {
			m[s] = u.factor
		}
	}
	return m
}()

// Seconds evaluates a time value as Fail2ban does: unit words are factors,
// neighbouring numbers are added, the rest is arithmetic. An error is an
// *Error whose column points into text.
func Seconds(text string) (Value, error) {
	if len(text) > maxText {
		return Value{}, fault(text, maxText, "the expression is too long")
	}
	r := newRewriting(text)
	r.separate()
	r.factors()
	r.sums()
	blanks := len(r.text) - len(strings.TrimLeft(r.text, " \t"))
	expr := r.text[blanks:]
	if expr == "" {
		return Value{}, &Error{
			Msg: "invalid syntax (<string>, line 0)", Text: text,
			Hint: "write a number of seconds, or a number with a unit such as 10m",
		}
	}
	v, err := Arithmetic(expr)
	if bad, ok := err.(*Error); ok {
		return Value{}, r.blame(text, expr, blanks, bad)
	}
	return v, err
}

// rewriting is a time value on its way to an expression. from holds, for each
// byte of the expression and its end, the place in the value it stems from.
type rewriting struct {
	text string
	from []int
}

func newRewriting(text string) *rewriting {
	r := &rewriting{text: text, from: make([]int, len(text)+1)}
	for i := range r.from {
		r.from[i] = i
	}
	return r
}

// edit is one replacement of text[lo:hi].
type edit struct {
	lo, hi int
	with   string
}

// apply makes replacements that are in order and do not overlap.
func (r *rewriting) apply(edits []edit) {
	if len(edits) == 0 {
		return
	}
	var out strings.Builder
	from := make([]int, 0, len(r.from)+8)
	pos := 0
	for _, e := range edits {
		out.WriteString(r.text[pos:e.lo])
		from = append(from, r.from[pos:e.lo]...)
		out.WriteString(e.with)
		for range len(e.with) {
			from = append(from, r.from[e.lo])
		}
		pos = e.hi
	}
	out.WriteString(r.text[pos:])
	r.text, r.from = out.String(), append(from, r.from[pos:]...)
}

// separate puts a blank between a letter and a digit: "1d12h" is "1d 12h".
func (r *rewriting) separate() {
	var edits []edit
	for i := 1; i < len(r.text); i++ {
		if isDigit(r.text[i]) && isLetter(r.text[i-1]) {
			edits = append(edits, edit{i, i, " "})
		}
	}
	r.apply(edits)
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// factors replaces every unit that follows a digit or a blank, with or without
// more blanks between.
func (r *rewriting) factors() {
	var edits []edit
	for i := 0; i < len(r.text); {
		if !isLetter(r.text[i]) {
			i++
			continue
		}
		end := i
		for end < len(r.text) && isLetter(r.text[end]) {
			end++
		}
		factor, ok := units[strings.ToLower(r.text[i:end])]
		before, _ := utf8.DecodeLastRuneInString(r.text[:i])
		after, _ := utf8.DecodeRuneInString(r.text[end:])
		if ok && i > 0 && (isDigit(r.text[i-1]) || unicode.IsSpace(before)) && (end == len(r.text) || !isWord(after)) {
			edits = append(edits, edit{i, end, factor})
		}
		i = end
	}
	r.apply(edits)
}

func isWord(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsNumber(r) }

// sums puts a plus between two numbers that only blanks separate. A digit
// serves once, so of "5 5 5" the second blank stays: Fail2ban refuses it too.
func (r *rewriting) sums() {
	var edits []edit
	for i := 0; i < len(r.text); i++ {
		if !isDigit(r.text[i]) {
			continue
		}
		next := i + 1
		for next < len(r.text) {
			c, n := utf8.DecodeRuneInString(r.text[next:])
			if !unicode.IsSpace(c) {
				break
			}
			next += n
		}
		if next > i+1 && next < len(r.text) && isDigit(r.text[next]) {
			edits = append(edits, edit{i + 1, next, "+"})
			i = next
		}
	}
	r.apply(edits)
}

// blame moves an error to its place in the value as written.
func (r *rewriting) blame(text, expr string, blanks int, bad *Error) *Error {
	at := blanks
	for n := bad.Col; n > 0 && at-blanks < len(expr); n-- {
		_, width := utf8.DecodeRuneInString(r.text[at:])
		at += width
	}
	e := fault(text, r.from[at], bad.Msg)
	e.Hint = bad.Hint
	if e.Hint == "" {
		e.Hint = "write a number with a unit of y, mo, w, d, h, m or s, such as 1d 12h"
	}
	return e
}
