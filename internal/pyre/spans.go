package pyre

// Spans are the places of the groups of a match, kept to be recalled.
type Spans struct{ regs []int32 }

// Keep takes down the groups of the last match.
func (m *Machine) Keep(s *Spans) { s.regs = append(s.regs[:0], m.regs[:m.groups]...) }

// Recall gives the machine the groups of an earlier match, as if it had found
// them just now.
func (m *Machine) Recall(s *Spans) {
	m.found, m.groups = true, len(s.regs)
	if len(m.regs) < len(s.regs) {
		m.regs = make([]int32, len(s.regs))
	}
	copy(m.regs, s.regs)
}
