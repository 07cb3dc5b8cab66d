package pyre

// quad recognises (?:\d{1,3}\.){3}\d{1,3}, the heart of the address that every
// stock filter captures, as the first two nodes of a sequence. Its digits come
// back.
func quad(subs []*node) (digit *charset, ok bool) {
	if len(subs) < 2 {
		return nil, false
	}
	three, last := subs[0], subs[1]
	if three.kind != kindRepeat || three.min != 3 || three.max != 3 || three.subs[0].kind != kindSeq {
		return nil, false
	}
	part := three.subs[0].subs
	if len(part) != 2 || !isNumber(part[0]) || !isNumber(last) || part[1].kind != kindSet {
		return nil, false
	}
	digit = last.subs[0].set
	dot, single := part[1].set.single()
	return digit, single && dot == '.' && digit.equal(part[0].subs[0].set)
}

// isNumber tells whether n is \d{1,3}.
func isNumber(n *node) bool {
	if n.kind != kindRepeat || n.greed != greedy || n.min != 1 || n.max != 3 || n.subs[0].kind != kindSet {
		return false
	}
	return n.subs[0].set.equal(setDigit) || n.subs[0].set.equal(setDigitASCII)
}

// quad reads four numbers with dots between and gives the range of places
// where the last one can end. Without a match hi is -1, and lo is the place
// that was wrong.
func (x *extra) quad(text []byte, p int) (lo, hi int) {
	for range 3 {
		_, end := x.number(text, p)
		if end < 0 || end == len(text) || text[end] != '.' {
			return max(end, p), -1
		}
		p = end + 1
	}
	lo, hi = x.number(text, p)
	if hi < 0 {
		return p, -1
	}
	return lo, hi
}

// number gives the places after one and after up to three digits; hi is -1
// where there is none.
func (x *extra) number(text []byte, p int) (lo, hi int) {
	hi = -1
	for n := 0; n < 3 && p < len(text); n++ {
		b := text[p]
		switch {
		case '0' <= b && b <= '9':
			p++
		case b < 0x80 || x.class.step(text, p) < 0:
			return lo, hi
		default:
			p = x.class.step(text, p)
		}
		if n == 0 {
			lo = p
		}
		hi = p
	}
	return lo, hi
}
