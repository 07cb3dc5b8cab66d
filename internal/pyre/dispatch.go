package pyre

// Dispatch tells for a text which of many regexes can match it at all: by its
// first byte for those that match only at the start, by the bytes that can
// begin a match for the others.
type Dispatch struct {
	words int
	masks []uint64 // words for each first byte, then words for the empty text
}

// NewDispatch builds the table; bit i%64 of word i/64 stands for res[i].
func NewDispatch(res []*Regexp) *Dispatch {
	words := (len(res) + 63) / 64
	d := &Dispatch{words: words, masks: make([]uint64, 257*words)}
	for i, re := range res {
		pr := re.prog
		for b := range 256 {
			if !pr.anchored || pr.table[b] {
				d.masks[b*words+i/64] |= 1 << (i % 64)
			}
		}
		if pr.startEnd {
			d.masks[256*words+i/64] |= 1 << (i % 64)
		}
	}
	return d
}

// Candidates gives the mask of regexes worth running; it must not be changed.
func (d *Dispatch) Candidates(text []byte) []uint64 {
	row := 256
	if len(text) > 0 {
		row = int(text[0])
	}
	return d.masks[row*d.words : (row+1)*d.words]
}
