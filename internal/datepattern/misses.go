package datepattern

import "encoding/binary"

const (
	// missRows is the number of beginnings of lines that are remembered; lines
	// that begin with an address differ there.
	missRows = 1024
	// missBytes is how much of such a beginning is remembered.
	missBytes = 16
)

// misses remembers beginnings of lines in which no anchored template finds a
// date. Most of them give up after a few bytes, and most templates are anchored.
type misses [missRows]miss

// miss is a beginning: so many bytes of two words.
type miss struct {
	size int
	word [2]uint64
}

// masks keep the first bytes of two words.
var masks = func() (list [missBytes + 1][2]uint64) {
	for size := range list {
		for i := range size {
			list[size][i/8] |= 0xff << (i % 8 * 8)
		}
	}
	return list
}()

// rowOf finds the row of a line; lines shorter than a word have none.
func rowOf(line []byte) (row int, ok bool) {
	if len(line) < missBytes {
		return 0, false
	}
	// The first four bytes choose the row: an address differs within them.
	h := binary.LittleEndian.Uint32(line) * 2654435761
	return int(h >> (32 - 10)), true
}

// headless tells whether no anchored template is known to find a date in the
// line.
func (m *memo) headless(line []byte) bool {
	if m.misses == nil {
		return false
	}
	row, ok := rowOf(line)
	if !ok {
		return false
	}
	known := &m.misses[row]
	mask := &masks[known.size]
	return known.size > 0 &&
		(binary.LittleEndian.Uint64(line)^known.word[0])&mask[0] == 0 &&
		(binary.LittleEndian.Uint64(line[8:])^known.word[1])&mask[1] == 0
}

// noteMiss remembers a line in which no anchored template found a date after
// looking at its first bytes up to far.
func (m *memo) noteMiss(line []byte, far int) {
	row, ok := rowOf(line)
	if !ok || far > missBytes {
		return
	}
	if m.misses == nil {
		m.misses = new(misses)
	}
	m.misses[row] = miss{
		size: max(far, 1),
		word: [2]uint64{binary.LittleEndian.Uint64(line), binary.LittleEndian.Uint64(line[8:])},
	}
}
