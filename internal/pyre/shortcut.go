package pyre

// shortcut is a choice made beforehand: where each next byte leads to, through
// all the choices, jumps and failures that it decides.
type shortcut struct {
	tab  *[256]uint8 // the number of the way
	end  uint8       // the same at the end of the text
	ways []way
}

// way is where to go on, failed for nowhere, and where to try then, the last one
// first.
type way struct {
	pc   int32
	back []int32
}

const (
	// maxFollowed bounds the instructions that are followed for one byte.
	maxFollowed = 128
	// maxBack bounds the choices that are put off at once.
	maxBack = 8
	// atTheEnd stands for the next byte at the end of the text.
	atTheEnd = -1
)

// shorten gives the choices of a program their shortcuts.
func (e *emitter) shorten() {
	for pc := range e.code {
		switch e.code[pc].op {
		case opSplit, opChoose:
			e.code[pc].short = e.shortcut(pc)
		case opQuad:
			e.code[pc].ext.tail = e.quadTail(pc)
		}
	}
}

// shortcut follows a choice for every next byte. It is nil where that would
// gain nothing.
func (e *emitter) shortcut(pc int) *shortcut {
	s := &shortcut{}
	numbers := map[string]uint8{}
	gain := e.code[pc].op == opChoose
	number := func(next int) (uint8, bool) {
		w := e.follow(pc, next)
		gain = gain || w.pc != e.code[pc].x && w.pc != e.code[pc].y
		key := make([]byte, 0, 4*maxBack)
		for _, at := range append([]int32{w.pc}, w.back...) {
			key = append(key, byte(at), byte(at>>8), byte(at>>16))
		}
		n, known := numbers[string(key)]
		if !known {
			if len(s.ways) == 256 {
				return 0, false
			}
			n = uint8(len(s.ways))
			numbers[string(key)] = n
			s.ways = append(s.ways, w)
		}
		return n, true
	}
	tab := &[256]uint8{}
	ok := true
	for b := range tab {
		if tab[b], ok = number(b); !ok {
			return nil
		}
	}
	if s.end, ok = number(atTheEnd); !ok || !gain {
		return nil
	}
	s.tab = e.table(tab)
	return s
}

// follow goes through the program from pc as far as the next byte decides.
func (e *emitter) follow(pc, next int) way {
	var back []int32
	cur := int32(pc)
	for range maxFollowed {
		in := &e.code[cur]
		to := int32(failed)
		switch in.op {
		case opSplit:
			v := in.b
			if next >= 0 {
				v = in.tab[next]
			}
			switch v {
			case splitX:
				to = in.x
			case splitY:
				to = in.y
			case splitBoth:
				if len(back) == maxBack {
					return way{cur, back}
				}
				back, to = append(back, in.y), in.x
			}
		case opChoose:
			list := in.ext.lists[in.ext.endList]
			if next >= 0 {
				list = in.ext.lists[in.tab[next]]
			}
			if len(back)+len(list) > maxBack+1 {
				return way{cur, back}
			}
			for i := len(list) - 1; i > 0; i-- {
				back = append(back, list[i])
			}
			if len(list) > 0 {
				to = list[0]
			}
		case opJump:
			to = in.x
		default:
			switch in.outcome(next) {
			case passed:
				to = cur + 1
			case open:
				return way{cur, back}
			}
		}
		if to == failed {
			if len(back) == 0 {
				return way{pc: failed}
			}
			to, back = back[len(back)-1], back[:len(back)-1]
		}
		cur = to
	}
	return way{cur, back}
}

// outcome is what a next byte says of an instruction.
type outcome uint8

const (
	open     outcome = iota // it has to be run
	passed                  // it reads nothing
	hopeless                // it fails
)

// outcome tells what is known of an instruction by the next byte alone.
func (in *inst) outcome(next int) outcome {
	out := next == atTheEnd || in.tab != nil && in.tab[next] == classNo
	switch in.op {
	case opByte:
		if next != int(in.b) {
			return hopeless
		}
	case opString:
		if next != int(in.str[0]) {
			return hopeless
		}
	case opSet:
		if out {
			return hopeless
		}
	case opOption:
		if out {
			return passed
		}
	case opRun:
		switch {
		case out && in.b == 0:
			return passed
		case out:
			return hopeless
		}
	case opLoop:
		if out && in.ext.min > 0 {
			return hopeless
		}
	case opQuad:
		if next < 0x80 && (next < '0' || next > '9') {
			return hopeless
		}
	}
	return open
}

// quadTail is what stands behind four numbers with dots where they are an
// address: the end of its group, and optional characters and joins up to where
// all forms of an address come together.
type quadTail struct {
	save  int32
	joins []int32
	not   []*[256]uint8 // classes of which no character may follow
	pc    int32
}

// quadTail looks for it behind the instruction at pc; nil where it is another.
func (e *emitter) quadTail(pc int) *quadTail {
	if e.code[pc+1].op != opSave {
		return nil
	}
	t := &quadTail{save: e.code[pc+1].x, pc: int32(pc + 2)}
	for {
		in := &e.code[t.pc]
		switch in.op {
		case opJump:
			if in.x < t.pc {
				return t
			}
			t.pc = in.x
			continue
		case opJoin:
			t.joins = append(t.joins, in.x)
		case opOption:
			t.not = append(t.not, in.tab)
		default:
			return t
		}
		t.pc++
	}
}

// ends tells whether the text at p is what the tail takes without a choice.
func (t *quadTail) ends(text []byte, p int, regs []int32) bool {
	for _, tab := range t.not {
		if p < len(text) && tab[text[p]] != classNo {
			return false
		}
	}
	for _, r := range t.joins {
		if int(regs[r]) == p {
			return false
		}
	}
	return true
}
