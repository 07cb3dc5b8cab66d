package datepattern

import (
	"encoding/binary"
	"slices"
)

const (
	// missRows by missWays is the number of beginnings of lines that are
	// remembered; lines that begin with an address differ there.
	missRows = 1 << missBits
	missBits = 8
	missWays = 4
	// missBytes is how much of such a beginning is remembered.
	missBytes = 16
)

// misses remembers beginnings of lines in which no anchored template finds a
// date. Most of them give up after a few bytes, and most templates are anchored.
type misses struct {
	rows [missRows]missRow
	// sizes are the lengths of the beginnings, those that are met often first.
	sizes []uint8
}

// miss is a beginning: so many bytes of two words, and none behind them.
type miss struct {
	size uint8
	word [2]uint64
}

// missRow is a row, the newest beginning first.
type missRow [missWays]miss

// has tells whether a beginning is in the row.
func (r *missRow) has(b miss) bool {
	for i := range r {
		if k := &r[i]; k.word[0] == b.word[0] && k.word[1] == b.word[1] && k.size == b.size {
			return true
		}
	}
	return false
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

// beginning makes the miss of so many first bytes of a line of two words.
func beginning(line []byte, size uint8) miss {
	mask := &masks[size]
	return miss{size, [2]uint64{
		binary.LittleEndian.Uint64(line) & mask[0],
		binary.LittleEndian.Uint64(line[8:]) & mask[1],
	}}
}

// row is the place of a beginning among the rows.
func (b *miss) row() int {
	h := (b.word[0] ^ b.word[1]*0xff51afd7ed558ccd ^ uint64(b.size)) * 0x9e3779b97f4a7c15
	return int(h >> (64 - missBits))
}

// headless tells whether no anchored template is known to find a date in the
// line.
func (m *memo) headless(line []byte) bool {
	if m.misses == nil || len(line) < missBytes {
		return false
	}
	sizes := m.misses.sizes
	for i, size := range sizes {
		b := beginning(line, size)
		if m.misses.rows[b.row()].has(b) {
			if i > 0 {
				sizes[i], sizes[i-1] = sizes[i-1], sizes[i]
			}
			return true
		}
	}
	return false
}

// noteMiss remembers a line in which no anchored template found a date after
// looking at its first bytes up to far. Shorter lines are not worth it.
func (m *memo) noteMiss(line []byte, far int) {
	if len(line) < missBytes || far > missBytes {
		return
	}
	if m.misses == nil {
		m.misses = new(misses)
	}
	b := beginning(line, uint8(max(far, 1)))
	row := &m.misses.rows[b.row()]
	copy(row[1:], row[:])
	row[0] = b
	if !slices.Contains(m.misses.sizes, b.size) {
		m.misses.sizes = append(m.misses.sizes, b.size)
	}
}
