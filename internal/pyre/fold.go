package pyre

import (
	"slices"
	"sync"
)

// caseSpan says that each step-th character from lo to hi has its lower case
// delta further.
type caseSpan struct {
	lo, hi rune
	step   rune
	delta  rune
}

// toLower is Python's lower case of one character.
func toLower(r rune) rune {
	if r < 0x80 {
		return toLowerASCII(r)
	}
	lo, hi := 0, len(lowerSpans)
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		c := &lowerSpans[mid]
		switch {
		case r < c.lo:
			hi = mid
		case r > c.hi:
			lo = mid + 1
		case (r-c.lo)%c.step == 0:
			return r + c.delta
		default:
			return r
		}
	}
	return r
}

func toLowerASCII(r rune) rune {
	if 'A' <= r && r <= 'Z' {
		return r + 0x20
	}
	return r
}

// isCased tells whether r differs from its lower or its upper case.
func isCased(r rune, ascii bool) bool {
	if r < 0x80 {
		l := r | 0x20
		return 'a' <= l && l <= 'z'
	}
	return !ascii && inSpans(casedSpans, r)
}

// foldTable is lowerSpans turned around.
type foldTable struct {
	uppers map[rune][]rune // lower case → the characters beyond ASCII that have it
	rest   []span          // the characters beyond ASCII that are their own lower case
}

var foldTables = sync.OnceValue(func() foldTable {
	t := foldTable{uppers: map[rune][]rune{}}
	var upper charset
	for _, c := range lowerSpans {
		for r := c.lo; r <= c.hi; r += c.step {
			upper.high = append(upper.high, span{r, r})
			t.uppers[r+c.delta] = append(t.uppers[r+c.delta], r)
		}
	}
	upper.normalize()
	rest := upper.negated()
	t.rest = rest.high
	return t
})

// lowered gives the characters whose lower case is in s: what a set matches
// when Python compares the lower case of the text with it.
func lowered(s *charset, ascii bool) *charset {
	out := charset{ascii: s.ascii}
	for r := 'A'; r <= 'Z'; r++ {
		out.ascii[r>>6] &^= 1 << (uint(r) & 63)
		if s.has(r + 0x20) {
			out.ascii[r>>6] |= 1 << (uint(r) & 63)
		}
	}
	if ascii {
		out.high = s.high
		return &out
	}
	t := foldTables()
	var add []span
	for lower, uppers := range t.uppers {
		if s.has(lower) {
			for _, u := range uppers {
				add = append(add, span{u, u})
			}
		}
	}
	out.high = append(intersectSpans(s.high, t.rest), add...)
	out.normalize()
	return &out
}

// foldChar gives what one literal character matches when case is ignored.
func foldChar(r rune, ascii bool) *charset {
	if !isCased(r, ascii) {
		return oneChar(r)
	}
	lower := foldLower(r, ascii)
	out := oneChar(lower)
	if 'a' <= lower && lower <= 'z' {
		out.addRange(lower-0x20, lower-0x20)
	}
	if !ascii {
		for _, l := range append([]rune{lower}, extraCases[lower]...) {
			out.addRange(l, l)
			for _, u := range foldTables().uppers[l] {
				out.addRange(u, u)
			}
			if l != lower && 'a' <= l && l <= 'z' {
				out.addRange(l-0x20, l-0x20)
			}
		}
		out.normalize()
	}
	return out
}

func foldLower(r rune, ascii bool) rune {
	if ascii {
		return toLowerASCII(r)
	}
	return toLower(r)
}

// foldItems gives what the members of a class match when case is ignored,
// before a leading ^ turns it around.
func foldItems(items []classItem, ascii bool) *charset {
	f := folder{ascii: ascii}
	for _, it := range items {
		switch {
		case it.category != 0:
			f.want.addSet(category(it.category, ascii))
		case it.lo == it.hi:
			f.literal(it.lo)
		default:
			f.span(it.lo, it.hi)
		}
	}
	f.want.normalize()
	if !f.cased {
		return &f.want
	}
	return lowered(&f.want, ascii)
}

func (s *charset) addSet(t *charset) {
	s.ascii[0] |= t.ascii[0]
	s.ascii[1] |= t.ascii[1]
	s.high = slices.Concat(s.high, t.high)
}

// folder collects the lower-case characters that a class wants to see.
type folder struct {
	ascii bool
	cased bool
	want  charset
}

// literal adds one character. Beyond the basic plane Python keeps the
// character as written, so that an upper-case one there matches nothing.
func (f *folder) literal(r rune) {
	lo := foldLower(r, f.ascii)
	if lo > 0xffff {
		f.cased = true
		f.want.addRange(r, r)
		return
	}
	f.lower(lo)
	f.cased = f.cased || isCased(r, f.ascii)
}

// span adds a range. Beyond the basic plane Python asks whether the character
// or its upper case is within.
func (f *folder) span(lo, hi rune) {
	for r := lo; r <= min(hi, 0xffff); r++ {
		f.lower(foldLower(r, f.ascii))
		f.cased = f.cased || isCased(r, f.ascii)
	}
	if hi <= 0xffff {
		return
	}
	f.cased = true
	f.want.addRange(lo, hi)
	for lower, uppers := range foldTables().uppers {
		for _, u := range uppers {
			if lo <= u && u <= hi && u > 0xffff {
				f.want.addRange(lower, lower)
			}
		}
	}
}

// lower adds one lower-case character and its equals.
func (f *folder) lower(r rune) {
	f.want.addRange(r, r)
	if !f.ascii {
		for _, k := range extraCases[r] {
			f.want.addRange(k, k)
		}
	}
}
