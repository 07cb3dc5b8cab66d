package filter

import "encoding/binary"

const (
	low7     = 0x7f7f7f7f7f7f7f7f
	highBits = 0x8080808080808080
	ones     = 0x0101010101010101
)

// blur gives a text with all its digits taken for 0, but for the first byte and
// those that pyre.KeepsDigit speaks of: what tells the lines of an attack apart
// are port and process numbers. The result is in the memory of to.
func blur(to, text []byte) []byte {
	n := len(text)
	if cap(to) < n+8 {
		to = make([]byte, n+64)
	}
	to = to[:n+8] // eight more to write whole words
	before := uint64(0x80)
	i := 0
	for ; i+8 <= n; i += 8 {
		y, after := blurWord(binary.LittleEndian.Uint64(text[i:]), before)
		binary.LittleEndian.PutUint64(to[i:], y)
		before = after
	}
	var tail [8]byte
	copy(tail[:], text[i:])
	y, _ := blurWord(binary.LittleEndian.Uint64(tail[:]), before)
	binary.LittleEndian.PutUint64(to[i:], y)
	return to[:n]
}

// blurWord does that for eight bytes. before is 0x80 where what stands in front
// of them keeps a digit, and comes back for those behind.
func blurWord(x, before uint64) (y, after uint64) {
	t := x ^ '0'*ones
	digits := ^(t&low7 + (0x80-10)*ones | t) & highBits
	keep := (x<<1 | x) & highBits
	mask := digits &^ (keep<<8 | before) >> 7 * 0xff
	return x&^mask | '0'*ones&mask, keep >> 56
}
