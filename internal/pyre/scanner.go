package pyre

import "strings"

// scanner hands out a pattern piece by piece: single characters, and a
// backslash together with what follows it. A wrong pattern ends in a panic
// with an *Error, which parse turns into its result.
type scanner struct {
	text  []rune
	index int
	next  string // "" at the end
}

// advance reads the next piece. Python complains about a backslash at the very
// end as soon as it is one piece away, and so do we.
func (s *scanner) advance() {
	s.next = ""
	if s.index >= len(s.text) {
		return
	}
	c := s.text[s.index]
	if c != '\\' {
		s.index++
		s.next = string(c)
		return
	}
	if s.index+1 >= len(s.text) {
		s.failAt("bad escape (end of pattern)", len(s.text)-1)
	}
	s.next = string(s.text[s.index : s.index+2])
	s.index += 2
}

func (s *scanner) match(piece string) bool {
	if s.next != piece {
		return false
	}
	s.advance()
	return true
}

// get takes the next piece, "" at the end.
func (s *scanner) get() string {
	this := s.next
	s.advance()
	return this
}

// getWhile takes up to n pieces that are single characters out of chars.
func (s *scanner) getWhile(n int, chars string) string {
	var out strings.Builder
	for range n {
		if s.next == "" || !strings.Contains(chars, s.next) {
			break
		}
		out.WriteString(s.get())
	}
	return out.String()
}

// getUntil takes everything up to the terminator; name is for the complaint.
func (s *scanner) getUntil(terminator, name string) string {
	var out strings.Builder
	for {
		c := s.get()
		switch {
		case c == "" && out.Len() == 0:
			s.fail("missing "+name, 0)
		case c == "":
			s.fail("missing "+terminator+", unterminated name", runeLen(out.String()))
		case c == terminator && out.Len() == 0:
			s.fail("missing "+name, 1)
		case c == terminator:
			return out.String()
		}
		out.WriteString(c)
	}
}

// tell gives the place of the next piece.
func (s *scanner) tell() int { return s.index - runeLen(s.next) }

func (s *scanner) seek(index int) {
	s.index = index
	s.advance()
}

// fail complains about the place offset characters before the next piece.
func (s *scanner) fail(msg string, offset int) { s.failAt(msg, s.tell()-offset) }

func (s *scanner) failAt(msg string, pos int) { panic(newError(s.text, msg, pos)) }

func runeLen(s string) int {
	n := 0
	for range s {
		n++
	}
	return n
}
