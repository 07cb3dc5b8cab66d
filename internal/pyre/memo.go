package pyre

// memo is the table of places a search has been at and come back from without
// a match: program place, text place, and what else can change the outcome
// there (which groups took part that conditionals ask for, and which loops
// have read something in this round). Coming there again is of no use, which
// makes a search linear that would double with each character.
type memo struct {
	on    bool
	width int // text places
	bits  int
	conds []int
	onces []int
	seen  []uint64
	// trail holds the marks made inside look-arounds and atomic groups: when
	// those succeed, their marks say nothing about failure.
	trail []int
	depth int
}

// begin switches the table on, if it is not too large, and gives its cost in
// steps.
func (t *memo) begin(pr *program, textLen int) int {
	t.width = textLen + 1
	t.conds, t.onces = pr.conds, pr.onces
	t.bits = len(pr.conds) + len(pr.onces)
	size := ((pr.memos + 1) * t.width) << t.bits
	if size > maxMemoTable {
		return 0
	}
	words := size/64 + 1
	if len(t.seen) < words {
		t.seen = make([]uint64, words)
	} else {
		clear(t.seen[:words])
	}
	t.on = true
	t.depth = 0
	t.trail = t.trail[:0]
	return words / 64
}

// visited notes a place and tells whether it was noted before.
func (t *memo) visited(place int32, p int, regs []int32) bool {
	key := int(place)*t.width + p
	for _, g := range t.conds {
		key <<= 1
		if tookPart(regs, g) {
			key |= 1
		}
	}
	for _, r := range t.onces {
		key <<= 1
		if int(regs[r]) != p {
			key |= 1
		}
	}
	word, bit := key>>6, uint64(1)<<(key&63)
	if t.seen[word]&bit != 0 {
		return true
	}
	t.seen[word] |= bit
	if t.depth > 0 {
		t.trail = append(t.trail, key)
	}
	return false
}

// enter begins a search within the search and gives its mark.
func (t *memo) enter() int {
	t.depth++
	return len(t.trail)
}

// leave ends one; after a success what it noted is taken back.
func (t *memo) leave(mark int, success bool) {
	t.depth--
	if success {
		for _, key := range t.trail[mark:] {
			t.seen[key>>6] &^= 1 << (key & 63)
		}
		t.trail = t.trail[:mark]
	}
	if t.depth == 0 {
		t.trail = t.trail[:0]
	}
}

func tookPart(regs []int32, group int) bool {
	start, end := regs[2*group], regs[2*group+1]
	return start >= 0 && end >= start
}

// newBack gives the last place from q down to lo where a greedy loop can end
// and has not ended in vain before, or -1, and what it cost to find.
func (m *Machine) newBack(in *inst, lo, q int) (place, cost int) {
	for in.op == opLoop && q >= 0 && m.memo.visited(in.memo+1, q, m.regs) {
		cost++
		q = previous(m.text, lo, q)
		if q >= 0 {
			q = in.ext.back(m.text, lo, q)
		}
	}
	return q, cost
}

// newForward does the same for a lazy loop, which goes on at most to hi.
func (m *Machine) newForward(in *inst, q, hi int) (place, cost int) {
	for q >= 0 && m.memo.visited(in.memo+1, q, m.regs) {
		cost++
		q = in.ext.onward(m.text, q, hi)
	}
	return q, cost
}
