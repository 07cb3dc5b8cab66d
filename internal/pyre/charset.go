package pyre

import (
	"iter"
	"math/bits"
	"slices"
)

const maxRune = 0x10ffff

// span is a closed range of characters.
type span struct{ lo, hi rune }

// charset is a set of characters: a bitmap for ASCII and sorted ranges that do
// not touch for the rest.
type charset struct {
	ascii [2]uint64
	high  []span
}

var highAll = []span{{0x80, maxRune}}

func (s *charset) has(r rune) bool {
	if r < 0x80 {
		return r >= 0 && s.ascii[r>>6]>>(uint(r)&63)&1 != 0
	}
	return inSpans(s.high, r)
}

// inSpans looks r up in sorted ranges.
func inSpans(list []span, r rune) bool {
	lo, hi := 0, len(list)
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		switch {
		case r < list[mid].lo:
			hi = mid
		case r > list[mid].hi:
			lo = mid + 1
		default:
			return true
		}
	}
	return false
}

func (s *charset) equal(t *charset) bool {
	return s.ascii == t.ascii && (sameSpans(s.high, t.high) || slices.Equal(s.high, t.high))
}

// addRange adds lo to hi; normalize must follow before the set is used.
func (s *charset) addRange(lo, hi rune) {
	for r := lo; r <= hi && r < 0x80; r++ {
		s.ascii[r>>6] |= 1 << (uint(r) & 63)
	}
	if hi >= 0x80 {
		s.high = append(s.high, span{max(lo, 0x80), hi})
	}
}

// normalize sorts and joins the ranges.
func (s *charset) normalize() {
	if slices.IsSortedFunc(s.high, compareSpans) && !touching(s.high) {
		return
	}
	slices.SortFunc(s.high, compareSpans)
	out := s.high[:0]
	for _, sp := range s.high {
		if n := len(out); n > 0 && sp.lo <= out[n-1].hi+1 {
			out[n-1].hi = max(out[n-1].hi, sp.hi)
			continue
		}
		out = append(out, sp)
	}
	s.high = out
}

func compareSpans(a, b span) int { return int(a.lo - b.lo) }

func touching(list []span) bool {
	for i := 1; i < len(list); i++ {
		if list[i].lo <= list[i-1].hi+1 {
			return true
		}
	}
	return false
}

// negated gives all characters that are not in s.
func (s *charset) negated() charset {
	out := charset{ascii: [2]uint64{^s.ascii[0], ^s.ascii[1]}}
	next := rune(0x80)
	for _, sp := range s.high {
		if sp.lo > next {
			out.high = append(out.high, span{next, sp.lo - 1})
		}
		next = sp.hi + 1
	}
	if next <= maxRune {
		out.high = append(out.high, span{next, maxRune})
	}
	return out
}

// union gives the characters of either set.
func (s *charset) union(t *charset) charset {
	return charset{
		ascii: [2]uint64{s.ascii[0] | t.ascii[0], s.ascii[1] | t.ascii[1]},
		high:  uniteSpans(s.high, t.high),
	}
}

// uniteSpans joins two sorted lists. The sets of the categories are large and
// met again and again, so that equal and complete lists are handed through.
func uniteSpans(a, b []span) []span {
	switch {
	case len(b) == 0 || sameSpans(a, b) || sameSpans(a, highAll):
		return a
	case len(a) == 0 || sameSpans(b, highAll):
		return b
	}
	out := make([]span, 0, len(a)+len(b))
	for len(a) > 0 || len(b) > 0 {
		var next span
		if len(b) == 0 || len(a) > 0 && a[0].lo <= b[0].lo {
			next, a = a[0], a[1:]
		} else {
			next, b = b[0], b[1:]
		}
		if n := len(out); n > 0 && next.lo <= out[n-1].hi+1 {
			out[n-1].hi = max(out[n-1].hi, next.hi)
			continue
		}
		out = append(out, next)
	}
	return out
}

// sameSpans tells whether both are the very same list, or both complete.
func sameSpans(a, b []span) bool {
	if len(a) != len(b) || len(a) == 0 {
		return len(a) == len(b)
	}
	return &a[0] == &b[0] || len(a) == 1 && a[0] == b[0]
}

// intersect gives the characters of both sets.
func (s *charset) intersect(t *charset) charset {
	return charset{
		ascii: [2]uint64{s.ascii[0] & t.ascii[0], s.ascii[1] & t.ascii[1]},
		high:  intersectSpans(s.high, t.high),
	}
}

func intersectSpans(a, b []span) []span {
	switch {
	case sameSpans(a, b) || sameSpans(b, highAll):
		return a
	case sameSpans(a, highAll):
		return b
	}
	var out []span
	for len(a) > 0 && len(b) > 0 {
		if lo, hi := max(a[0].lo, b[0].lo), min(a[0].hi, b[0].hi); lo <= hi {
			out = append(out, span{lo, hi})
		}
		if a[0].hi < b[0].hi {
			a = a[1:]
		} else {
			b = b[1:]
		}
	}
	return out
}

// disjoint tells whether no character is in both sets.
func (s *charset) disjoint(t *charset) bool {
	if s.ascii[0]&t.ascii[0]|s.ascii[1]&t.ascii[1] != 0 {
		return false
	}
	a, b := s.high, t.high
	if len(a) > 0 && sameSpans(a, b) {
		return false
	}
	for len(a) > 0 && len(b) > 0 {
		switch {
		case a[0].hi < b[0].lo:
			a = a[1:]
		case b[0].hi < a[0].lo:
			b = b[1:]
		default:
			return false
		}
	}
	return true
}

// single gives the only character of a set that holds just one.
func (s *charset) single() (rune, bool) {
	if len(s.high) == 1 && s.ascii == [2]uint64{} && s.high[0].lo == s.high[0].hi {
		return s.high[0].lo, true
	}
	if len(s.high) > 0 || bits.OnesCount64(s.ascii[0])+bits.OnesCount64(s.ascii[1]) != 1 {
		return 0, false
	}
	if s.ascii[0] != 0 {
		return rune(bits.TrailingZeros64(s.ascii[0])), true
	}
	return rune(64 + bits.TrailingZeros64(s.ascii[1])), true
}

// size counts the characters.
func (s *charset) size() int {
	n := bits.OnesCount64(s.ascii[0]) + bits.OnesCount64(s.ascii[1])
	for _, sp := range s.high {
		n += int(sp.hi-sp.lo) + 1
	}
	return n
}

// all gives the characters in their order.
func (s *charset) all() iter.Seq[rune] {
	return func(yield func(rune) bool) {
		for i, word := range s.ascii {
			for ; word != 0; word &= word - 1 {
				if !yield(rune(64*i + bits.TrailingZeros64(word))) {
					return
				}
			}
		}
		for _, sp := range s.high {
			for r := sp.lo; r <= sp.hi; r++ {
				if !yield(r) {
					return
				}
			}
		}
	}
}

func oneChar(r rune) *charset {
	s := &charset{}
	s.addRange(r, r)
	return s
}

// The sets behind the category escapes and the dot.
var (
	setDigit      = newSet(digitSpans, span{'0', '9'})
	setWord       = newSet(wordSpans, span{'0', '9'}, span{'A', 'Z'}, span{'a', 'z'}, span{'_', '_'})
	setSpace      = newSet(spaceSpans, span{'\t', '\r'}, span{0x1c, ' '})
	setDigitASCII = newSet(nil, span{'0', '9'})
	setWordASCII  = newSet(nil, span{'0', '9'}, span{'A', 'Z'}, span{'a', 'z'}, span{'_', '_'})
	setSpaceASCII = newSet(nil, span{'\t', '\r'}, span{' ', ' '})
	setAny        = newSet(highAll, span{0, 0x7f})
	setNotNewline = newSet(highAll, span{0, '\n' - 1}, span{'\n' + 1, 0x7f})
	negatedSets   = map[*charset]*charset{}
)

func init() {
	for _, s := range []*charset{setDigit, setWord, setSpace, setDigitASCII, setWordASCII, setSpaceASCII} {
		n := s.negated()
		negatedSets[s] = &n
	}
}

func newSet(high []span, ascii ...span) *charset {
	s := &charset{high: high}
	for _, sp := range ascii {
		s.addRange(sp.lo, sp.hi)
	}
	return s
}

// category gives the set of a category letter: d, D, s, S, w or W.
func category(letter rune, ascii bool) *charset {
	var s *charset
	switch letter | 0x20 {
	case 'd':
		s = pick(ascii, setDigitASCII, setDigit)
	case 's':
		s = pick(ascii, setSpaceASCII, setSpace)
	default:
		s = pick(ascii, setWordASCII, setWord)
	}
	if letter < 'a' {
		return negatedSets[s]
	}
	return s
}

func pick(cond bool, yes, no *charset) *charset {
	if cond {
		return yes
	}
	return no
}
