package pyre

import (
	"slices"
	"unicode/utf8"
)

const (
	// tailSize is how many bytes of a text's end are looked at.
	tailSize = 8
	// minTail is the least number that says enough.
	minTail = 2
	// maxTails bounds the ends that are written out.
	maxTails = 1024
	// maxTailChars bounds a set whose characters are written out one by one.
	maxTailChars = 4
	// tailBits is the size of the filter of ends, as a power of two.
	tailBits = 13
)

// tail knows how the texts end that a pattern with a $ at its end can match.
// The ends stand in a hashed filter: it may let a text through that cannot
// match, and never holds one back that can.
type tail struct {
	sizes   []int // of the ends, in bytes
	newline bool  // a newline may follow
	ends    [1 << tailBits / 64]uint64
}

// fits tells whether a match can end where the text does.
func (t *tail) fits(text []byte) bool {
	n := len(text) - 1
	return t.newline && n >= 0 && text[n] == '\n' && t.has(text[:n]) || t.has(text)
}

func (t *tail) has(text []byte) bool {
	for _, n := range t.sizes {
		if len(text) < n {
			continue
		}
		h := tailHash(text[len(text)-n:])
		if t.ends[h/64]>>(h%64)&1 != 0 {
			return true
		}
	}
	return false
}

func tailHash(end []byte) uint64 {
	h := uint64(0)
	for _, b := range end {
		h = h<<8 | uint64(b)
	}
	return h * 0x9e3779b97f4a7c15 >> (64 - tailBits)
}

// tailOf finds out how the matches of a tree end; nil where that is not known.
func tailOf(root *node) *tail {
	if root.kind != kindSeq {
		return nil
	}
	last := root.subs[len(root.subs)-1]
	if last.kind != kindAssert || last.assert != atEnd && last.assert != atTextEnd {
		return nil
	}
	list := endings{{}}.before(root)
	if len(list) > maxTails {
		return nil
	}
	t := &tail{newline: last.assert == atEnd}
	for _, e := range list {
		n := len(e.text)
		if n < minTail {
			return nil
		}
		if !slices.Contains(t.sizes, n) {
			t.sizes = append(t.sizes, n)
		}
		h := tailHash([]byte(e.text))
		t.ends[h/64] |= 1 << (h % 64)
	}
	return t
}

// ending is what a match ends with. What stands before it is not known when it
// is closed.
type ending struct {
	text   string
	closed bool
}

type endings []ending

// before gives the endings once n is put in front of them: all there are, and
// perhaps some that there are not.
func (list endings) before(n *node) endings {
	if len(list) > maxTails || list.done() {
		return list
	}
	switch n.kind {
	case kindEmpty, kindAssert, kindLook:
		return list
	case kindSet:
		return list.beforeSet(n.set)
	case kindSeq:
		for _, s := range slices.Backward(n.subs) {
			list = list.before(s)
		}
		return list
	case kindAlt, kindCond:
		var out endings
		for _, s := range n.subs {
			out = append(out, list.before(s)...)
		}
		return out
	case kindGroup, kindAtomic:
		return list.before(n.subs[0])
	case kindRepeat:
		out := list.before(n.subs[0])
		if n.max > 1 {
			out = out.close()
		}
		if n.min == 0 {
			out = append(slices.Clip(out), list...)
		}
		return out
	}
	return list.close()
}

// done tells whether nothing more can be put in front.
func (list endings) done() bool {
	return !slices.ContainsFunc(list, func(e ending) bool { return !e.closed })
}

func (list endings) close() endings {
	out := slices.Clone(list)
	for i := range out {
		out[i].closed = true
	}
	return out
}

func (list endings) beforeSet(set *charset) endings {
	if set.size() > maxTailChars {
		return list.close()
	}
	var out endings
	for _, e := range list {
		if e.closed {
			out = append(out, e)
			continue
		}
		for r := range set.all() {
			if !utf8.ValidRune(r) {
				return list.close()
			}
			text := string(r) + e.text
			text = text[max(0, len(text)-tailSize):]
			out = append(out, ending{text, len(text) == tailSize})
		}
	}
	return out
}
