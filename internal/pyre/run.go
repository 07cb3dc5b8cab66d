package pyre

// What run gives instead of a place.
const (
	failed  = -1
	stopped = -2 // the steps are used up
)

// run executes the program from pc at text place p until it matches (the end of
// the match is the result), fails or stops. It is the one long function of the
// package: each case either continues, or breaks out of the switch to go back
// to the last choice. A search within the search (sub) has its own part of the
// stack and must be able to restore every register.
func (m *Machine) run(pr *program, pc, p int, sub bool) int {
	code, text, regs := pr.code, m.text, m.regs
	base, sp := m.sp, m.sp
	for {
		in := &code[pc]
		switch in.op {
		case opByte:
			if p < len(text) && text[p] == in.b {
				p++
				pc++
				continue
			}
		case opString:
			if n := len(in.str); len(text)-p >= n && string(text[p:p+n]) == in.str {
				p += n
				pc++
				continue
			}
			// How far they agree is how far the text was looked at.
			for i := 0; i < len(in.str) && p < len(text) && text[p] == in.str[i]; i++ {
				p++
			}
		case opSet:
			if p < len(text) {
				switch in.tab[text[p]] {
				case classYes:
					if text[p] < 0x80 {
						p++
						pc++
						continue
					}
					fallthrough
				case classLook, classLead:
					if e := in.ext.class.step(text, p); e > 0 {
						p = e
						pc++
						continue
					}
				}
			}
		case opRun:
			q := p
			if in.ext.class.but != noneBut {
				q = in.ext.class.run(text, q)
			}
			for q < len(text) && in.tab[text[q]] == classYes {
				q++
			}
			if q < len(text) && in.tab[text[q]] != classNo {
				q = in.ext.class.run(text, q)
			}
			if q >= m.far {
				m.far = q + 1
			}
			m.left -= (q - p) >> 3
			if q > p || in.b == 0 {
				p = q
				pc++
				continue
			}
		case opLoop:
			m.left--
			if m.memo.on && m.memo.visited(in.memo, p, regs) {
				break
			}
			x := in.ext
			if x.guard != nil {
				// The guard may have been looked for beyond where the loop ends.
				m.far = len(text) + 1
			}
			if x.greed == lazy {
				lo, hi, ok := x.lazyExtent(text, p)
				if !ok {
					m.far = max(m.far, min(hi, len(text))+1)
					break
				}
				q := x.forward(text, lo, hi)
				if m.memo.on && q >= 0 {
					var cost int
					q, cost = m.newForward(in, q, hi)
					m.left -= cost
				}
				m.left -= (max(q, ^q) - p) >> 3
				if q < 0 {
					m.far = max(m.far, ^q+1)
					break
				}
				m.far = max(m.far, x.after.reach(text, q))
				if sp == len(m.stack) {
					m.grow()
				}
				m.stack[sp] = frame{frameLazy, int32(pc), int32(q), int32(hi)}
				sp++
				p = q
				pc++
				continue
			}
			lo, hi, ok := x.extent(text, p)
			m.left -= (hi - p) >> 3
			if e := x.after.reach(text, hi); e > m.far {
				m.far = e
			}
			if !ok {
				break
			}
			if x.greed == possessive {
				p = hi
				pc++
				continue
			}
			q := x.back(text, lo, hi)
			if m.memo.on && q >= 0 {
				var cost int
				q, cost = m.newBack(in, lo, q)
				m.left -= cost
			}
			if q >= 0 {
				if q > lo {
					if sp == len(m.stack) {
						m.grow()
					}
					m.stack[sp] = frame{frameGreedy, int32(pc), int32(q), int32(lo)}
					sp++
				}
				p = q
				pc++
				continue
			}
		case opJoin:
			if int(regs[in.x]) != p {
				regs[in.x] = int32(p)
				pc++
				continue
			}
		case opOption:
			q := p
			if q < len(text) && in.tab[text[q]] != classNo {
				q = in.ext.class.step(text, q)
			}
			if e := in.ext.after.reach(text, p); e > m.far {
				m.far = e
			}
			if q > p {
				if in.ext.greed == greedy && in.ext.after.fits(text, p) {
					if m.memo.on && m.memo.visited(in.memo, p, regs) {
						break
					}
					if sp == len(m.stack) {
						m.grow()
					}
					m.stack[sp] = frame{kind: frameGo, pc: int32(pc + 1), pos: int32(p)}
					sp++
				}
				p = q
			}
			pc++
			continue
		case opQuad:
			lo, hi := in.ext.quad(text, p)
			if e := in.ext.after.reach(text, max(lo, hi)); e > m.far {
				m.far = e
			}
			if hi < 0 {
				break
			}
			if q := in.ext.back(text, lo, hi); q >= 0 {
				if q > lo {
					if sp == len(m.stack) {
						m.grow()
					}
					m.stack[sp] = frame{frameGreedy, int32(pc), int32(q), int32(lo)}
					sp++
				}
				p = q
				pc++
				if t := in.ext.tail; t != nil && t.ends(text, p, regs) {
					if p >= m.far {
						m.far = p + 1
					}
					if sp == len(m.stack) {
						m.grow()
					}
					m.stack[sp] = frame{kind: frameUndo, pc: t.save, pos: regs[t.save]}
					sp++
					regs[t.save] = int32(p)
					for _, r := range t.joins {
						regs[r] = int32(p)
					}
					pc = int(t.pc)
				}
				continue
			}
		case opJump:
			m.left--
			pc = int(in.x)
			if m.left < 0 {
				return stopped
			}
			continue
		case opSplit:
			if p >= m.far {
				m.far = p + 1
			}
			if in.short != nil && !m.memo.on {
				if m.left < 0 {
					return stopped
				}
				if pc, sp = m.take(in.short, p, sp); pc >= 0 {
					continue
				}
				break
			}
			v := in.b
			if p < len(text) {
				v = in.tab[text[p]]
			}
			switch v {
			case splitX:
				pc = int(in.x)
				continue
			case splitY:
				pc = int(in.y)
				continue
			case splitBoth:
				if m.memo.on && m.memo.visited(in.memo, p, regs) {
					break
				}
				if sp == len(m.stack) {
					m.grow()
				}
				m.stack[sp] = frame{kind: frameGo, pc: in.y, pos: int32(p)}
				sp++
				pc = int(in.x)
				continue
			}
		case opChoose:
			if p >= m.far {
				m.far = p + 1
			}
			if in.short != nil && !m.memo.on {
				if m.left < 0 {
					return stopped
				}
				if pc, sp = m.take(in.short, p, sp); pc >= 0 {
					continue
				}
				break
			}
			n := in.ext.endList
			if p < len(text) {
				n = int32(in.tab[text[p]])
			}
			list := in.ext.lists[n]
			if len(list) == 0 {
				break
			}
			if len(list) > 1 {
				if m.memo.on && m.memo.visited(in.memo, p, regs) {
					break
				}
				if sp == len(m.stack) {
					m.grow()
				}
				m.stack[sp] = frame{frameChoose, int32(pc), int32(p), n<<16 | 1}
				sp++
			}
			pc = int(list[0])
			continue
		case opSave:
			if sp > 0 || sub {
				if sp == len(m.stack) {
					m.grow()
				}
				m.stack[sp] = frame{kind: frameUndo, pc: in.x, pos: regs[in.x]}
				sp++
			}
			regs[in.x] = int32(p)
			pc++
			continue
		case opReset, opOnce, opCount, opCountAgain:
			if next := m.round(in, pc, p, sp); next >= 0 {
				pc, sp = next, m.sp
				continue
			}
		case opAssert:
			if in.assert == atEnd && p == len(text)-1 && text[p] == '\n' {
				m.far = max(m.far, p+2)
				pc++
				continue
			}
			if e := assertFar(in.assert, text, p); e > m.far {
				m.far = e
			}
			if holds(in.assert, text, p) {
				pc++
				continue
			}
		case opPeek:
			if p >= m.far {
				m.far = p + 1
			}
			if (p < len(text) && in.ext.class.step(text, p) > 0) != in.negate {
				pc++
				continue
			}
		case opPeekAny:
			holding, e := anyHolds(in.ext.peeks, text, p)
			m.far = max(m.far, e)
			if holding != in.negate {
				pc++
				continue
			}
		case opPeekString:
			n := len(in.str)
			if e := min(p+n, len(text)+1); e > m.far {
				m.far = e
			}
			if (len(text)-p >= n && string(text[p:p+n]) == in.str) != in.negate {
				pc++
				continue
			}
		case opPeekBehind:
			if in.ext.class.endsAt(text, p) != in.negate {
				pc++
				continue
			}
		case opLook, opAtomic:
			end := m.inner(pr, pc, p, sp)
			if end == stopped {
				return stopped
			}
			if end >= 0 {
				pc, p, sp = int(in.y), end, m.sp
				continue
			}
		case opSubEnd, opMatch:
			m.sp = sp
			return p
		case opBackref:
			// What leads here and back is dearer than elsewhere: no table of
			// visited places cuts it short.
			m.left -= 3 + max(int(regs[2*in.x+1]-regs[2*in.x]), 0)>>3
			if e := matchAgain(text, p, regs, int(in.x), in.ext.fold); e >= 0 {
				p = e
				pc++
				continue
			}
			m.far = max(m.far, min(p+int(regs[2*in.x+1]-regs[2*in.x]), len(text))+1)
		case opCond:
			if tookPart(regs, in.ext.min) {
				pc = int(in.x)
			} else {
				pc = int(in.y)
			}
			continue
		}
		// Nothing more works here: back to the last choice.
		if p >= m.far {
			m.far = p + 1
		}
		for back := true; back; {
			if sp == base || m.left < 0 {
				m.sp = base
				if m.left < 0 {
					return stopped
				}
				return failed
			}
			f := &m.stack[sp-1]
			switch f.kind {
			case frameUndo:
				regs[f.pc] = f.pos
				sp--
			case frameGo:
				m.left--
				pc, p = int(f.pc), int(f.pos)
				sp--
				back = false
			case frameChoose:
				m.left--
				list := code[f.pc].ext.lists[f.x>>16]
				i := f.x & 0xffff
				pc, p = int(list[i]), int(f.pos)
				if int(i)+1 < len(list) {
					f.x++
				} else {
					sp--
				}
				back = false
			case frameGreedy:
				m.left--
				q := previous(text, int(f.x), int(f.pos))
				if q >= 0 {
					q = code[f.pc].ext.back(text, int(f.x), q)
				}
				if m.memo.on && q >= 0 {
					var cost int
					q, cost = m.newBack(&code[f.pc], int(f.x), q)
					m.left -= cost
				}
				if q < 0 {
					m.left -= int(f.pos-f.x) >> 3
					sp--
					continue
				}
				m.left -= (int(f.pos) - q) >> 3
				pc, p = int(f.pc)+1, q
				if q > int(f.x) {
					f.pos = int32(q)
				} else {
					sp--
				}
				back = false
			case frameLazy:
				m.left--
				x := code[f.pc].ext
				q := x.onward(text, int(f.pos), int(f.x))
				if m.memo.on && q >= 0 {
					var cost int
					q, cost = m.newForward(&code[f.pc], q, int(f.x))
					m.left -= cost
				}
				if q < 0 {
					if ^q >= m.far {
						m.far = ^q + 1
					}
					m.left -= (^q - int(f.pos)) >> 3
					sp--
					continue
				}
				if e := x.after.reach(text, q); e > m.far {
					m.far = e
				}
				m.left -= (q - int(f.pos)) >> 3
				pc, p = int(f.pc)+1, q
				f.pos = int32(q)
				back = false
			}
		}
	}
}
