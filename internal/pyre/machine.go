package pyre

import "errors"

// ErrBudget says that a search was given up because its budget ran out.
var ErrBudget = errors.New("regular expression ran out of its step budget")

const (
	// memoAfter is the number of steps after which a search starts again with
	// the table of visited places: far more than an honest search takes.
	memoAfter = 20_000
	// maxMemoBits bounds what the table knows besides program and text place.
	maxMemoBits = 6
	// maxMemoTable bounds the table: 16 MiB.
	maxMemoTable = 1 << 27
	// keepStack and keepMemo bound what a machine keeps between searches.
	keepStack = 1 << 15
	keepMemo  = 1 << 15
)

// Budget is what searches may still cost, shared by all that get the same one.
type Budget struct{ Left int }

// LineBudget is the budget of one line of n bytes.
func LineBudget(n int) Budget { return Budget{Left: 200_000 + 64*n} }

// frame is one way back: a choice not yet taken, or a register to restore.
type frame struct {
	kind frameKind
	pc   int32
	pos  int32
	x    int32
}

type frameKind int32

const (
	frameGo     frameKind = iota // go on at pc, pos
	frameUndo                    // register pc was pos
	frameChoose                  // opChoose at pc: list x>>16, alternative x&0xffff
	frameGreedy                  // opLoop at pc: ended at pos, may go back to x
	frameLazy                    // opLoop at pc: ended at pos, may go on to x
)

// Machine is the memory of searches. One goroutine at a time may use it.
type Machine struct {
	text  []byte
	stack []frame
	sp    int
	regs  []int32
	// groups counts the registers of the groups of the last match.
	groups int
	left   int // steps until the search stops or starts again
	far    int
	stop   Stop
	found  bool
	memo   memo
	// borrowed is what left was when it was taken from the budget.
	borrowed int
	// patience is the number of steps before the table of visited places.
	patience int
}

// NewMachine makes a machine.
func NewMachine() *Machine {
	return &Machine{stack: make([]frame, 256), regs: make([]int32, 64), patience: memoAfter}
}

// Search looks for the first match of re in text[from:to], as Python's
// Pattern.search(text, from, to) does; offsets count bytes. The text must be
// valid UTF-8.
func (m *Machine) Search(re *Regexp, text []byte, from, to int, b *Budget) (bool, error) {
	to = max(min(to, len(text)), 0)
	from = max(from, 0)
	m.far = from
	m.found = false
	m.stop = Stop{}
	pr := re.prog
	if from > to || pr.anchored && (from > 0 || !m.headFits(pr, text[:to])) {
		return false, nil
	}
	m.prepare(pr, text[:to])
	m.groups = 2 * len(re.names)
	var err error
	m.found, err = m.attempt(pr, from, b)
	m.tidy()
	return m.found, err
}

// headFits tells whether an anchored program can match at all, by the first
// bytes of the text.
func (m *Machine) headFits(pr *program, text []byte) bool {
	for i, c := range pr.prefix {
		if i == len(text) || text[i] != c {
			m.far = i + 1
			m.stop.At = m.far
			return false
		}
	}
	if pr.useTable && (len(text) == 0 || !pr.table[text[0]]) {
		m.far = 1
		m.stop.At = m.far
		return false
	}
	return true
}

// prepare makes room for the program's registers.
func (m *Machine) prepare(pr *program, text []byte) {
	m.text = text
	m.memo.on = false
	if len(m.regs) < pr.regs {
		m.regs = make([]int32, pr.regs)
	}
}

// tidy gives back what only a hostile line needed.
func (m *Machine) tidy() {
	m.text = nil
	m.sp = 0
	if len(m.stack) > keepStack {
		m.stack = make([]frame, 256)
	}
	if len(m.memo.seen) > keepMemo {
		m.memo.seen = nil
	}
}

// attempt runs the program from each place where a match can begin. It charges
// the budget.
func (m *Machine) attempt(pr *program, from int, b *Budget) (bool, error) {
	m.borrow(b, m.patience)
	for start := from; ; start++ {
		start = pr.nextStart(m.text, start)
		if start < 0 {
			m.far = len(m.text) + 1
			m.settle(b)
			return false, nil
		}
		far := m.far
		m.far = start + 1
		end := m.at(pr, start, b)
		if end < 0 && m.far-start > m.stop.At-m.stop.From {
			m.stop = Stop{From: start, At: m.far}
		}
		m.far = max(m.far, far, end)
		if end == stopped {
			return false, ErrBudget
		}
		m.left--
		if end >= 0 || pr.anchored {
			m.settle(b)
			m.regs[0], m.regs[1] = int32(start), int32(end)
			return end >= 0, nil
		}
	}
}

// at runs the program from one place until it matches, fails, or the budget is
// used up.
func (m *Machine) at(pr *program, start int, b *Budget) int {
	for {
		m.clear(pr)
		end := m.run(pr, pr.entry, start, false)
		if end != stopped {
			return end
		}
		m.settle(b)
		if b.Left == 0 {
			return stopped
		}
		// Much has been tried: start here again and remember what fails.
		if !m.memo.on && pr.memoOK {
			b.Left = max(b.Left-m.memo.begin(pr, len(m.text)), 0)
		}
		m.borrow(b, b.Left)
	}
}

// borrow takes up to n steps from the budget.
func (m *Machine) borrow(b *Budget, n int) {
	m.left = max(min(b.Left, n), 0)
	m.borrowed = m.left
}

// settle charges the budget for the steps that were used.
func (m *Machine) settle(b *Budget) { b.Left = max(b.Left-(m.borrowed-m.left), 0) }

// unset is what registers begin as.
var unset = func() (regs [256]int32) {
	for i := range regs {
		regs[i] = -1
	}
	return regs
}()

// clear forgets the registers of the last attempt.
func (m *Machine) clear(pr *program) {
	m.sp = 0
	for regs := m.regs[:pr.regs]; len(regs) > 0; {
		regs = regs[copy(regs, unset[:]):]
	}
}

// Span gives the place of a group in the last match, -1, -1 when it took no
// part. It is valid until the next Search.
func (m *Machine) Span(group int) (start, end int) {
	if !m.found || group < 0 || 2*group+1 >= m.groups {
		return -1, -1
	}
	start, end = int(m.regs[2*group]), int(m.regs[2*group+1])
	if start < 0 || end < 0 {
		return -1, -1
	}
	return start, end
}

// Far gives how many bytes of the text decided the last Search: any text with
// the same first Far bytes gives the same answer. It is one more than the text
// is long when the end of the text itself was looked at.
func (m *Machine) Far() int { return m.far }

// Stop says how far a search came that found nothing.
type Stop struct{ From, At int }

// Stopped gives the attempt of the last Search that came furthest without a
// match: where it began and how many bytes of the text it had looked at.
func (m *Machine) Stopped() Stop { return Stop{From: m.stop.From, At: min(m.stop.At, m.far)} }

// take goes a way that was found beforehand: the choices it puts off go on the
// stack. It gives the next place in the program, below 0 for none, and the new
// height of the stack.
func (m *Machine) take(s *shortcut, p, sp int) (pc, top int) {
	n := s.end
	if p < len(m.text) {
		n = s.tab[m.text[p]]
	}
	w := &s.ways[n]
	for _, at := range w.back {
		if sp == len(m.stack) {
			m.grow()
		}
		m.stack[sp] = frame{kind: frameGo, pc: at, pos: int32(p)}
		sp++
	}
	return int(w.pc), sp
}
