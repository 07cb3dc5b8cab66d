package datepattern

import "encoding/binary"

const (
	// missRows is the number of beginnings of lines without a date that are
	// remembered; log lines that begin with an address differ there.
	missRows = 1024
	// missBytes is how much of such a beginning is remembered.
	missBytes = 16
)

// misses remembers beginnings of lines in which no template finds a date. Most
// templates are bound to the line's beginning and give up after a few bytes.
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

// dateless tells whether the line is known to have no date. That is known only
// while the last winner, if any, is searched in the whole line as all others.
func (d *Detector) dateless(line []byte) bool {
	if d.memo.misses == nil || d.state.last != none && !d.order[d.state.last].anchored {
		return false
	}
	row, ok := rowOf(line)
	if !ok {
		return false
	}
	m := &d.memo.misses[row]
	mask := &masks[m.size]
	return m.size > 0 &&
		(binary.LittleEndian.Uint64(line)^m.word[0])&mask[0] == 0 &&
		(binary.LittleEndian.Uint64(line[8:])^m.word[1])&mask[1] == 0
}

// noteMiss remembers a line in which no template found a date after looking at
// its first bytes up to far.
func (d *Detector) noteMiss(line []byte, far int) {
	if far > missBytes || d.state.last != none && !d.order[d.state.last].anchored {
		return
	}
	row, ok := rowOf(line)
	if !ok {
		return
	}
	if d.memo.misses == nil {
		d.memo.misses = new(misses)
	}
	d.memo.misses[row] = miss{
		size: max(far, 1),
		word: [2]uint64{binary.LittleEndian.Uint64(line), binary.LittleEndian.Uint64(line[8:])},
	}
}
