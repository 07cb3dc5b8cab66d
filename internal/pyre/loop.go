package pyre

import (
	"bytes"
	"unicode/utf8"
)

// extent gives the range of places where a greedy loop from p can end; hi is
// also how far it looked. Without ok there are too few characters.
func (x *extra) extent(text []byte, p int) (lo, hi int, ok bool) {
	if x.plain && p < len(text) && text[p] < utf8.RuneSelf {
		lo, hi = p, x.class.run(text, p)
		if x.min > 0 {
			lo++
		}
		return min(lo, hi), hi, lo <= hi
	}
	lo, ok = x.least(text, p)
	if !ok {
		return lo, lo, false
	}
	if x.max == unbounded {
		hi = x.class.run(text, lo)
	} else {
		hi = lo
		for n := x.min; n < x.max && hi < len(text); n++ {
			e := x.class.step(text, hi)
			if e < 0 {
				break
			}
			hi = e
		}
	}
	if x.guard != nil {
		return x.guarded(text, p, lo, hi)
	}
	return lo, hi, true
}

// least gives the place after the characters that must be; without ok, the
// place where one is missing.
func (x *extra) least(text []byte, p int) (int, bool) {
	for range x.min {
		if p >= len(text) {
			return p, false
		}
		e := x.class.step(text, p)
		if e < 0 {
			return p, false
		}
		p = e
	}
	return p, true
}

// guarded cuts a range where the guard text begins.
func (x *extra) guarded(text []byte, p, lo, hi int) (int, int, bool) {
	i := bytes.Index(text[p:min(hi-1+len(x.guard), len(text))], x.guard)
	if i < 0 {
		return lo, hi, true
	}
	return lo, min(hi, p+i), p+i >= lo
}

// lazyExtent gives where a lazy loop from p ends first, and how far it may go
// at most; -1 says as far as its class goes.
func (x *extra) lazyExtent(text []byte, p int) (lo, hi int, ok bool) {
	if x.guard == nil && x.max == unbounded {
		lo, ok = x.least(text, p)
		if !ok {
			return lo, lo, false
		}
		return lo, -1, true
	}
	return x.extent(text, p)
}

// back gives the last place from hi down to lo where the loop can end, or -1.
func (x *extra) back(text []byte, lo, hi int) int {
	next := x.after.next
	if next == nil {
		return x.backSlowly(text, lo, hi)
	}
	if hi == len(text) {
		if x.after.end && x.endsWell(text, hi) {
			return hi
		}
		hi--
	}
	// Bytes inside of characters are not in the table.
	for ; hi >= lo; hi-- {
		if next[text[hi]] != 0 && x.after.literalAt(text, hi) && x.endsWell(text, hi) {
			return hi
		}
	}
	return -1
}

// backSlowly is back where anything can follow.
func (x *extra) backSlowly(text []byte, lo, hi int) int {
	for hi >= lo {
		if x.after.fits(text, hi) && x.endsWell(text, hi) {
			return hi
		}
		hi = previous(text, lo, hi)
	}
	return -1
}

// endsWell tells whether the last character before p may be the last one.
func (x *extra) endsWell(text []byte, p int) bool { return x.last == nil || x.last.endsAt(text, p) }

// previous gives the place one character before p, or -1 below lo.
func previous(text []byte, lo, p int) int {
	p--
	for p > lo && text[p]&0xc0 == 0x80 {
		p--
	}
	if p < lo {
		return -1
	}
	return p
}

// forward gives the first place from q on where what follows can begin; a
// result below 0 is the complement of the place where the loop could not go on.
func (x *extra) forward(text []byte, q, hi int) int {
	if x.after.next != nil {
		if q = x.forwardFast(text, q, hi); q < 0 {
			return q
		}
	}
	for !x.after.fits(text, q) {
		e := x.once(text, q, hi)
		if e < 0 {
			return ^q
		}
		q = e
	}
	return q
}

// forwardFast is forward up to where a character beyond ASCII or the end of the
// loop or the text has to be looked at, which it leaves to others.
func (x *extra) forwardFast(text []byte, q, hi int) int {
	end := len(text)
	if hi >= 0 {
		end = min(end, hi)
	}
	next, tab := x.after.next, &x.class.tab
	if len(x.after.literal) > 1 && x.class.but != noneBut {
		return x.forwardTo(text, q, end)
	}
	for q < end {
		b := text[q]
		if b >= utf8.RuneSelf || next[b] != 0 && x.after.literalAt(text, q) {
			return q
		}
		if tab[b] == classNo {
			return ^q
		}
		q++
	}
	return q
}

// forwardTo goes to the literal that follows a loop over all bytes, or all but
// one.
func (x *extra) forwardTo(text []byte, q, end int) int {
	if q >= end {
		return q
	}
	to := end
	if i := bytes.Index(text[q:], []byte(x.after.literal)); i >= 0 {
		to = min(end, q+i)
	}
	if x.class.but >= 0 {
		if i := bytes.IndexByte(text[q:to], byte(x.class.but)); i >= 0 {
			return ^(q + i)
		}
	}
	return to
}

// onward takes one character at q and then does as forward.
func (x *extra) onward(text []byte, q, hi int) int {
	e := x.once(text, q, hi)
	if e < 0 {
		return ^q
	}
	return x.forward(text, e, hi)
}

func (x *extra) once(text []byte, q, hi int) int {
	if q == len(text) || q == hi {
		return -1
	}
	if b := text[q]; b < utf8.RuneSelf {
		if x.class.tab[b] == classNo {
			return -1
		}
		return q + 1
	}
	return x.class.step(text, q)
}
