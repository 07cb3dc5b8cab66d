package pyre

import (
	"bytes"
	"unicode/utf8"
)

// holds tells whether an assertion is true at p.
func holds(kind assertKind, text []byte, p int) bool {
	switch kind {
	case atStart:
		return p == 0
	case atLineStart:
		return p == 0 || text[p-1] == '\n'
	case atEnd:
		return p == len(text) || p == len(text)-1 && text[p] == '\n'
	case atLineEnd:
		return p == len(text) || text[p] == '\n'
	case atTextEnd:
		return p == len(text)
	case atWordEdge:
		return wordEdge(text, p, setWord)
	case atWordEdgeASCII:
		return wordEdge(text, p, setWordASCII)
	case atNoWordEdge:
		return noWordEdge(text, p, setWord)
	}
	return noWordEdge(text, p, setWordASCII)
}

// anyHolds tells whether one of the assertions and single characters is at p,
// and how many bytes decide that.
func anyHolds(list []*node, text []byte, p int) (holding bool, far int) {
	far = p
	for _, n := range list {
		if n.kind == kindAssert {
			far = max(far, assertFar(n.assert, text, p))
			holding = holds(n.assert, text, p)
		} else {
			far = max(far, p+1)
			holding = n.set.at(text, p)
		}
		if holding {
			break
		}
	}
	return holding, far
}

// at tells whether the character at p is in the set.
func (s *charset) at(text []byte, p int) bool {
	if p >= len(text) {
		return false
	}
	if b := text[p]; b < utf8.RuneSelf {
		return s.ascii[b>>6]>>(b&63)&1 != 0
	}
	r, _ := utf8.DecodeRune(text[p:])
	return inSpans(s.high, r)
}

func wordEdge(text []byte, p int, word *charset) bool {
	return wordBefore(text, p, word) != wordAfter(text, p, word)
}

// noWordEdge is \B, which Python never finds in an empty text.
func noWordEdge(text []byte, p int, word *charset) bool {
	return len(text) > 0 && !wordEdge(text, p, word)
}

func wordBefore(text []byte, p int, word *charset) bool {
	if p == 0 {
		return false
	}
	if b := text[p-1]; b < utf8.RuneSelf {
		return word.ascii[b>>6]>>(b&63)&1 != 0
	}
	r, _ := utf8.DecodeLastRune(text[:p])
	return word.has(r)
}

func wordAfter(text []byte, p int, word *charset) bool {
	return word.at(text, p)
}

// assertFar gives how many bytes of the text decide an assertion at p.
func assertFar(kind assertKind, text []byte, p int) int {
	switch kind {
	case atStart, atLineStart:
		return p
	case atEnd:
		if p < len(text) && text[p] == '\n' {
			return p + 2
		}
	case atWordEdge, atNoWordEdge:
		if p < len(text) && text[p] >= utf8.RuneSelf {
			_, n := utf8.DecodeRune(text[p:])
			return p + n
		}
	}
	return p + 1
}

// endsAt tells whether the character before p is of the class.
func (c *class) endsAt(text []byte, p int) bool {
	if p == 0 {
		return false
	}
	if b := text[p-1]; b < utf8.RuneSelf {
		return c.tab[b] != classNo
	}
	r, _ := utf8.DecodeLastRune(text[:p])
	return c.set.has(r)
}

// stepBack goes n characters back, or gives -1 where there are fewer.
func stepBack(text []byte, p, n int) int {
	if n > p {
		return -1
	}
	for range n {
		if p == 0 {
			return -1
		}
		_, size := utf8.DecodeLastRune(text[:p])
		p -= size
	}
	return p
}

// matchAgain compares the text at p with what a group has captured and gives
// the end, or -1.
func matchAgain(text []byte, p int, regs []int32, group int, fold foldMode) int {
	if !tookPart(regs, group) {
		return -1
	}
	want := text[regs[2*group]:regs[2*group+1]]
	if fold != foldNone {
		return matchFolded(text, p, want, fold == foldASCII)
	}
	if !bytes.HasPrefix(text[p:], want) {
		return -1
	}
	return p + len(want)
}

func matchFolded(text []byte, p int, want []byte, ascii bool) int {
	for len(want) > 0 {
		if p >= len(text) {
			return -1
		}
		a, n := utf8.DecodeRune(want)
		b, k := utf8.DecodeRune(text[p:])
		if a != b && foldLower(a, ascii) != foldLower(b, ascii) {
			return -1
		}
		want = want[n:]
		p += k
	}
	return p
}
