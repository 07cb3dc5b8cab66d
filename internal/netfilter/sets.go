package netfilter

import (
	"fmt"

	"stockade/internal/ipaddr"
)

// SetState is a set in the kernel, for people.
type SetState struct {
	Name string
	// Elements is how many addresses or networks it holds.
	Elements int
	// Packets and Bytes are what its rules met, where Counted says that they
	// count: with "counter" in the blocktype.
	Packets, Bytes uint64
	Counted        bool
}

// counts are what the rules of a set met.
type counts struct{ packets, bytes uint64 }

// Sets describes the sets of the fence that are in the kernel.
func (f *Fence) Sets() ([]SetState, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	met, err := f.kernel.counters(&f.spec)
	if err != nil {
		err = fmt.Errorf("read the counters of table %s: %w", f.spec.Table, err)
	}
	var out []SetState
	add := func(name string, elements int) {
		c, counted := met[name]
		out = append(out, SetState{Name: name, Elements: elements, Packets: c.packets, Bytes: c.bytes, Counted: counted})
	}
	for _, s := range f.sides {
		if !s.started {
			continue
		}
		add(s.spec.Set, s.singles())
		if s.hasNets {
			add(s.spec.NetSet, len(s.cover.held))
		}
	}
	return out, err
}

// singles is the number of banned single addresses.
func (s *side) singles() int {
	n := 0
	s.each(func(id ipaddr.ID, _ int64) {
		if id.IsAddr() {
			n++
		}
	})
	return n
}
