package pickle

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/big"
	"unicode/utf8"
)

// bytes takes n bytes of the input.
func (d *decoder) bytes(n int) ([]byte, error) {
	if n < 0 || n > len(d.in)-d.at {
		return nil, errTruncated
	}
	b := d.in[d.at : d.at+n]
	d.at += n
	return b, nil
}

// size reads a little-endian length of n bytes.
func (d *decoder) size(n int) (uint64, error) {
	b, err := d.bytes(n)
	if err != nil {
		return 0, err
	}
	var wide [8]byte
	copy(wide[:], b)
	return binary.LittleEndian.Uint64(wide[:]), nil
}

// sized reads a length of n bytes and what it counts.
func (d *decoder) sized(n int) ([]byte, error) {
	size, err := d.size(n)
	if err != nil {
		return nil, err
	}
	if size > uint64(len(d.in)) {
		return nil, errTruncated
	}
	return d.bytes(int(size))
}

// line reads up to a newline, which is dropped.
func (d *decoder) line() ([]byte, error) {
	for i := d.at; i < len(d.in); i++ {
		if d.in[i] == '\n' {
			b := d.in[d.at:i]
			d.at = i + 1
			return b, nil
		}
	}
	return nil, errTruncated
}

func (d *decoder) header(op byte) error {
	if op == opProto {
		b, err := d.bytes(1)
		if err != nil {
			return err
		}
		if b[0] > highestProtocol {
			return &Error{fmt.Sprintf("unsupported pickle protocol: %d", b[0])}
		}
		return nil
	}
	size, err := d.size(8)
	if err != nil {
		return err
	}
	if size > uint64(len(d.in)-d.at) {
		return errTruncated
	}
	return nil
}

func (d *decoder) number(op byte) error {
	var v any
	switch op {
	case opInt, opLong, opFloat:
		line, err := d.line()
		if err != nil {
			return err
		}
		if v, err = textNumber(op, string(line)); err != nil {
			return err
		}
	case opBinFloat:
		b, err := d.bytes(8)
		if err != nil {
			return err
		}
		v = math.Float64frombits(binary.BigEndian.Uint64(b))
	case opLong1, opLong4:
		n := 1
		if op == opLong4 {
			n = 4
		}
		b, err := d.sized(n)
		if err != nil {
			return err
		}
		if len(b) > maxLongBytes {
			return errTooLarge
		}
		v = longOf(b)
	default:
		n := map[byte]int{opBinInt1: 1, opBinInt2: 2, opBinInt: 4}[op]
		size, err := d.size(n)
		if err != nil {
			return err
		}
		v = int(size)
		if op == opBinInt {
			v = int(int32(size))
		}
	}
	return d.push(v)
}

// longOf reads little-endian two's complement.
func longOf(b []byte) any {
	reversed := make([]byte, len(b))
	for i, c := range b {
		reversed[len(b)-1-i] = c
	}
	n := new(big.Int).SetBytes(reversed)
	if len(b) > 0 && b[len(b)-1] >= 0x80 {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(b))))
	}
	return intOf(n)
}

// intOf is an int where it fits.
func intOf(n *big.Int) any {
	if n.IsInt64() {
		return int(n.Int64())
	}
	return n
}

func isText(op byte) bool {
	switch op {
	case opString, opBinString, opShortBinString, opUnicode, opBinUnicode, opShortBinUnicode, opBinUnicode8,
		opBinBytes, opShortBinBytes, opBinBytes8, opByteArray8:
		return true
	}
	return false
}

// lengthBytes is how wide the length of a text or bytes is.
var lengthBytes = map[byte]int{
	opBinString: 4, opShortBinString: 1, opBinUnicode: 4, opShortBinUnicode: 1, opBinUnicode8: 8,
	opBinBytes: 4, opShortBinBytes: 1, opBinBytes8: 8, opByteArray8: 8,
}

func (d *decoder) text(op byte) error {
	if op == opString || op == opUnicode {
		line, err := d.line()
		if err != nil {
			return err
		}
		s, err := escapedText(op, line)
		if err != nil {
			return err
		}
		return d.push(s)
	}
	b, err := d.sized(lengthBytes[op])
	if err != nil {
		return err
	}
	switch op {
	case opBinBytes, opShortBinBytes, opBinBytes8, opByteArray8:
		return d.push(append([]byte(nil), b...))
	case opBinString, opShortBinString:
		return d.push(string(b))
	}
	if utf8.Valid(b) {
		return d.push(string(b))
	}
	s, err := surrogateText(b)
	if err != nil {
		return err
	}
	return d.push(s)
}
