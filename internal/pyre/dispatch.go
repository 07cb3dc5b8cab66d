package pyre

// Dispatch tells for a text which of many regexes can match it at all.
type Dispatch struct {
	all []uint64
}

// NewDispatch builds the table; bit i%64 of word i/64 stands for res[i].
func NewDispatch(res []*Regexp) *Dispatch {
	d := &Dispatch{all: make([]uint64, (len(res)+63)/64)}
	for i := range res {
		d.all[i/64] |= 1 << (i % 64)
	}
	return d
}

// Candidates gives the mask of regexes worth running; it must not be changed.
func (d *Dispatch) Candidates(text []byte) []uint64 { return d.all }
