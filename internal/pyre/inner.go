package pyre

// inner runs the search within the search that begins after pc: a look-around
// or an atomic group. It gives the place to go on at, which for a look-around
// is p itself, or failed or stopped; m.sp is the new height of the stack.
func (m *Machine) inner(pr *program, pc, p, sp int) int {
	in := &pr.code[pc]
	m.left--
	m.sp = sp
	start := p
	if in.op == opLook && in.ext.behind {
		m.left -= in.ext.width >> 3
		start = stepBack(m.text, p, in.ext.width)
	}
	end := failed
	if start >= 0 {
		mark := m.memo.enter()
		end = m.run(pr, pc+1, start, true)
		m.memo.leave(mark, end >= 0)
	}
	if end == stopped {
		return stopped
	}
	m.far = max(m.far, end)
	switch {
	case in.op == opLook && in.negate && end >= 0:
		m.restore(sp)
		return failed
	case in.op == opLook && in.negate:
		return p
	case end < 0:
		return failed
	}
	m.commit(sp)
	if in.op == opLook {
		return p
	}
	return end
}

// restore undoes all that lies above base on the stack.
func (m *Machine) restore(base int) {
	for m.sp > base {
		m.sp--
		if f := &m.stack[m.sp]; f.kind == frameUndo {
			m.regs[f.pc] = f.pos
		}
	}
}

// commit drops the choices above base, which will not be taken any more, and
// keeps what restores registers.
func (m *Machine) commit(base int) {
	top := base
	for _, f := range m.stack[base:m.sp] {
		if f.kind == frameUndo {
			m.stack[top] = f
			top++
		}
	}
	m.sp = top
}

// round executes the instructions of loops whose rounds are not alike: it gives
// the next place in the program, or failed. m.sp is the new height of the stack.
func (m *Machine) round(in *inst, pc, p, sp int) int {
	m.sp = sp
	switch in.op {
	case opReset:
		m.set(in.x, int(in.y))
		return pc + 1
	case opOnce:
		switch {
		case int(m.regs[in.x]) != p:
			m.set(in.x, p)
			return pc + 1
		case in.y < 0:
			return failed
		}
		return int(in.y)
	case opCount:
		return m.count(in, pc, p)
	}
	if m.lastRound(in, p) {
		return failed
	}
	m.nextRound(in, p)
	return pc + 1
}

// count begins a round of a counted loop or ends the loop.
func (m *Machine) count(in *inst, pc, p int) int {
	body := pc + 1
	if in.ext.greed == lazy {
		body++ // the instruction between is opCountAgain
	}
	n := int(m.regs[in.x])
	switch {
	case n < in.ext.min:
		m.set(in.x, n+1)
		return body
	case in.ext.greed == lazy:
		m.push(frame{kind: frameGo, pc: int32(pc + 1), pos: int32(p)})
		return int(in.y)
	case m.lastRound(in, p):
		return int(in.y)
	}
	m.push(frame{kind: frameGo, pc: in.y, pos: int32(p)})
	m.nextRound(in, p)
	return body
}

// lastRound tells whether no further round may begin: there were enough, or
// the last one has read nothing.
func (m *Machine) lastRound(in *inst, p int) bool {
	x := in.ext
	return int(m.regs[in.x]) >= x.max || x.place >= 0 && int(m.regs[x.place]) == p
}

func (m *Machine) nextRound(in *inst, p int) {
	if in.ext.place >= 0 {
		m.set(in.ext.place, p)
	}
	m.set(in.x, int(m.regs[in.x])+1)
}

// set changes a register so that it can be restored.
func (m *Machine) set(reg int32, value int) {
	m.push(frame{kind: frameUndo, pc: reg, pos: m.regs[reg]})
	m.regs[reg] = int32(value)
}

func (m *Machine) push(f frame) {
	if m.sp == len(m.stack) {
		m.grow()
	}
	m.stack[m.sp] = f
	m.sp++
}

// grow makes the stack larger.
func (m *Machine) grow() {
	m.stack = append(m.stack, make([]frame, len(m.stack))...)
}
