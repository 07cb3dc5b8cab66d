package pickle

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/big"
	"unicode/utf8"

	"stockade/internal/pyobj"
)

// The sizes by which Python cuts a pickle into frames and containers into
// batches.
const (
	frameTarget = 64 << 10
	frameMin    = 4
	frameHeader = 9
	batchSize   = 1000
)

// Dumps encodes v in protocol 5, byte for byte as Python does for a value in
// which equal texts are one object. A value that is none of pyobj's is sent as
// its text.
func Dumps(v any) []byte {
	e := &encoder{frame: -1, texts: map[string]int{}}
	e.out = append(e.out, opProto, highestProtocol)
	e.save(v)
	e.write(opStop)
	e.closeFrame()
	return e.out
}

type encoder struct {
	out []byte
	// frame is where the header of the open frame is to stand, -1 for none.
	frame int
	// memo counts what was memoized; texts says where texts are, classes where
	// classes are.
	memo    int
	texts   map[string]int
	classes map[class]int
}

// write appends to the open frame, opening one if need be.
func (e *encoder) write(b ...byte) {
	if e.frame < 0 {
		e.frame = len(e.out)
		e.out = append(e.out, make([]byte, frameHeader)...)
	}
	e.out = append(e.out, b...)
}

// boundary ends a frame that is large enough, between two values.
func (e *encoder) boundary() {
	if e.frame >= 0 && len(e.out)-e.frame-frameHeader >= frameTarget {
		e.closeFrame()
	}
}

func (e *encoder) closeFrame() {
	if e.frame < 0 {
		return
	}
	size := len(e.out) - e.frame - frameHeader
	if size >= frameMin {
		e.out[e.frame] = opFrame
		binary.LittleEndian.PutUint64(e.out[e.frame+1:], uint64(size))
	} else {
		e.out = append(e.out[:e.frame], e.out[e.frame+frameHeader:]...)
	}
	e.frame = -1
}

// writeSized writes a header and what it announces; large data stands outside
// any frame.
func (e *encoder) writeSized(header, data []byte) {
	if len(data) >= frameTarget {
		e.closeFrame()
		e.out = append(append(e.out, header...), data...)
		return
	}
	e.write(header...)
	e.write(data...)
}

func (e *encoder) memoize() int {
	e.write(opMemoize)
	e.memo++
	return e.memo - 1
}

func (e *encoder) save(v any) {
	e.boundary()
	switch v := v.(type) {
	case nil:
		e.write(opNone)
	case bool:
		if v {
			e.write(opNewTrue)
		} else {
			e.write(opNewFalse)
		}
	case int:
		e.saveInt(int64(v))
	case int64:
		e.saveInt(v)
	case *big.Int:
		e.saveLong(v)
	case float64:
		e.write(binary.BigEndian.AppendUint64([]byte{opBinFloat}, math.Float64bits(v))...)
	case string:
		e.saveText(v)
	case []byte:
		e.writeSized(sizeHeader(len(v), opShortBinBytes, opBinBytes, opBinBytes8), v)
		e.memoize()
	case []any:
		e.saveList(len(v), func(i int) any { return v[i] })
	case []string:
		e.saveList(len(v), func(i int) any { return v[i] })
	case pyobj.Tuple:
		e.saveTuple(v)
	case pyobj.Set:
		e.saveSet(v)
	case *pyobj.Dict:
		e.saveDict(v)
	case *pyobj.Exception:
		e.saveException(v)
	default:
		e.saveText(fmt.Sprint(v))
	}
}

func (e *encoder) saveInt(n int64) {
	switch {
	case n >= 0 && n < 1<<8:
		e.write(opBinInt1, byte(n))
	case n >= 0 && n < 1<<16:
		e.write(opBinInt2, byte(n), byte(n>>8))
	case n >= math.MinInt32 && n <= math.MaxInt32:
		e.write(binary.LittleEndian.AppendUint32([]byte{opBinInt}, uint32(n))...)
	default:
		e.saveLong(big.NewInt(n))
	}
}

// saveLong writes little-endian two's complement, as short as it goes.
func (e *encoder) saveLong(n *big.Int) {
	size := n.BitLen()/8 + 1
	if n.Sign() < 0 {
		// -2^(8k-1) fits k bytes.
		size = new(big.Int).Add(n, big.NewInt(1)).BitLen()/8 + 1
		n = new(big.Int).Add(n, new(big.Int).Lsh(big.NewInt(1), uint(8*size)))
	}
	b := n.FillBytes(make([]byte, size))
	for i, j := 0, len(b)-1; i < j; i, j = i+1, j-1 {
		b[i], b[j] = b[j], b[i]
	}
	if size < 256 {
		e.write(opLong1, byte(size))
	} else {
		e.write(binary.LittleEndian.AppendUint32([]byte{opLong4}, uint32(size))...)
	}
	e.write(b...)
}

// sizeHeader is the opcode for data of this size, with the size.
func sizeHeader(size int, short, medium, long byte) []byte {
	switch {
	case size < 1<<8:
		return []byte{short, byte(size)}
	case size <= math.MaxUint32:
		return binary.LittleEndian.AppendUint32([]byte{medium}, uint32(size))
	}
	return binary.LittleEndian.AppendUint64([]byte{long}, uint64(size))
}

func (e *encoder) saveText(s string) {
	if at, ok := e.texts[s]; ok {
		e.get(at)
		return
	}
	data := []byte(s)
	if !utf8.ValidString(s) {
		data = escapeSurrogates(s)
	}
	e.writeSized(sizeHeader(len(data), opShortBinUnicode, opBinUnicode, opBinUnicode8), data)
	e.texts[s] = e.memoize()
}

// escapeSurrogates writes stray bytes as the lone surrogates that Python has
// for them.
func escapeSurrogates(s string) []byte {
	var out []byte
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 {
			c := s[i]
			out = append(out, 0xed, 0xb0|c>>6, 0x80|c&0x3f)
		} else {
			out = append(out, s[i:i+size]...)
		}
		i += size
	}
	return out
}

func (e *encoder) get(at int) {
	if at < 1<<8 {
		e.write(opBinGet, byte(at))
		return
	}
	e.write(binary.LittleEndian.AppendUint32([]byte{opLongBinGet}, uint32(at))...)
}

// batches writes n values in batches between a mark and an opcode; a single
// one has an opcode of its own, where there is one.
func (e *encoder) batches(n int, single, many byte, save func(i int)) {
	if n == 1 && single != 0 {
		save(0)
		e.write(single)
		return
	}
	for i := 0; i < n; {
		e.write(opMark)
		for stop := min(n, i+batchSize); i < stop; i++ {
			save(i)
		}
		e.write(many)
	}
}

func (e *encoder) saveList(n int, item func(i int) any) {
	e.write(opEmptyList)
	e.memoize()
	e.batches(n, opAppend, opAppends, func(i int) { e.save(item(i)) })
}

func (e *encoder) saveSet(s pyobj.Set) {
	e.write(opEmptySet)
	e.memoize()
	e.batches(len(s), 0, opAddItems, func(i int) { e.save(s[i]) })
}

func (e *encoder) saveDict(d *pyobj.Dict) {
	e.write(opEmptyDict)
	e.memoize()
	e.batches(d.Len(), opSetItem, opSetItems, func(i int) {
		k, v := d.At(i)
		e.save(k)
		e.save(v)
	})
}

func (e *encoder) saveTuple(t pyobj.Tuple) {
	switch {
	case len(t) == 0:
		e.write(opEmptyTuple)
		return
	case len(t) > 3:
		e.write(opMark)
	}
	for _, v := range t {
		e.save(v)
	}
	if len(t) > 3 {
		e.write(opTuple)
	} else {
		e.write(opTuple1 + byte(len(t)-1))
	}
	e.memoize()
}

// saveException writes the call of the class with its arguments.
func (e *encoder) saveException(x *pyobj.Exception) {
	c := class{x.Module, x.Class}
	if at, ok := e.classes[c]; ok {
		e.get(at)
	} else {
		e.save(c.module)
		e.save(c.name)
		e.write(opStackGlobal)
		if e.classes == nil {
			e.classes = map[class]int{}
		}
		e.classes[c] = e.memoize()
	}
	e.save(x.Args)
	e.write(opReduce)
	e.memoize()
}
