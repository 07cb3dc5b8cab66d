package pickle

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/big"
	"unicode/utf8"

	"stockade/internal/pyobj"
)

// Loads decodes the first object of b; what follows it is ignored. Errors are
// an *Error with Python's text.
func Loads(b []byte, lim Limits) (any, error) {
	d := &decoder{in: b, lim: lim.withDefaults()}
	v, err := d.run()
	if err != nil {
		return nil, err
	}
	return d.finish(v)
}

// decoder is Python's unpickling machine: a stack with marks, and a memo.
type decoder struct {
	in    []byte
	at    int
	lim   Limits
	stack []any
	marks []int
	memo  map[uint64]any
	count int
	walk  int
}

// list, tuple and set stand for containers while they are being built: the
// memo must see what is added later.
type (
	list  struct{ node }
	tuple struct{ node }
	set   struct{ node }
	dict  struct {
		node
		keys []any
	}
	// class is a global by name; call is one applied to its arguments.
	class struct{ module, name string }
	call  struct {
		node
		class *class
	}
)

// run executes opcodes until STOP.
func (d *decoder) run() (any, error) {
	for {
		if d.at >= len(d.in) {
			return nil, errEmpty
		}
		op := d.in[d.at]
		d.at++
		if op == opStop {
			return d.pop()
		}
		if err := d.step(op); err != nil {
			return nil, err
		}
	}
}

// step executes one opcode.
func (d *decoder) step(op byte) error {
	switch {
	case isConstant(op):
		return d.constant(op)
	case isText(op):
		return d.text(op)
	}
	switch op {
	case opInt, opBinInt, opBinInt1, opBinInt2, opLong, opLong1, opLong4, opFloat, opBinFloat:
		return d.number(op)
	case opMark:
		if len(d.marks) >= d.lim.Objects {
			return errTooLarge
		}
		d.marks = append(d.marks, len(d.stack))
		return nil
	case opPop, opPopMark, opDup:
		return d.shuffle(op)
	case opList, opTuple, opTuple1, opTuple2, opTuple3, opDict, opFrozenSet:
		return d.build(op)
	case opAppend, opAppends, opSetItem, opSetItems, opAddItems:
		return d.add(op)
	case opPut, opBinPut, opLongBinPut, opMemoize, opGet, opBinGet, opLongBinGet:
		return d.remember(op)
	case opProto, opFrame:
		return d.header(op)
	case opGlobal, opStackGlobal, opInst, opObj, opReduce, opBuild, opNewObj, opNewObjEx, opExt1, opExt2, opExt4:
		return d.call(op)
	case opPersID, opBinPersID:
		return errPersID
	case opNextBuffer:
		return errBuffers
	case opReadonlyBuffer:
		return d.readonly()
	}
	return &Error{"invalid load key, '" + keyText(op) + "'."}
}

// keyText shows an opcode that is none.
func keyText(op byte) string {
	if op < ' ' || op >= 0x7f || op == '\'' || op == '\\' {
		return fmt.Sprintf(`\x%02x`, op)
	}
	return string(rune(op))
}

func isConstant(op byte) bool {
	switch op {
	case opNone, opNewTrue, opNewFalse, opEmptyList, opEmptyTuple, opEmptyDict, opEmptySet:
		return true
	}
	return false
}

func (d *decoder) constant(op byte) error {
	var v any
	switch op {
	case opNewTrue:
		v = true
	case opNewFalse:
		v = false
	case opEmptyList:
		v = &list{}
	case opEmptyTuple:
		v = &tuple{}
	case opEmptyDict:
		v = &dict{}
	case opEmptySet:
		v = &set{}
	}
	return d.push(v)
}

// push puts a value on the stack.
func (d *decoder) push(v any) error {
	if d.count++; d.count > d.lim.Objects {
		return errTooLarge
	}
	d.stack = append(d.stack, v)
	return nil
}

// fence is the place below which nothing may be popped before the mark is.
func (d *decoder) fence() int {
	if n := len(d.marks); n > 0 {
		return d.marks[n-1]
	}
	return 0
}

func (d *decoder) underflow() error {
	if len(d.marks) > 0 {
		return errMark
	}
	return errUnderflow
}

func (d *decoder) pop() (any, error) {
	if len(d.stack) <= d.fence() {
		return nil, d.underflow()
	}
	v := d.stack[len(d.stack)-1]
	d.stack = d.stack[:len(d.stack)-1]
	return v, nil
}

// popMark takes everything above the last mark. The slice is a copy.
func (d *decoder) popMark() ([]any, error) {
	if len(d.marks) == 0 {
		return nil, errNoMark
	}
	at := d.fence()
	d.marks = d.marks[:len(d.marks)-1]
	items := append([]any(nil), d.stack[at:]...)
	d.stack = d.stack[:at]
	return items, nil
}

func (d *decoder) shuffle(op byte) error {
	switch op {
	case opPopMark:
		_, err := d.popMark()
		return err
	case opDup:
		if len(d.stack) <= d.fence() {
			return d.underflow()
		}
		return d.push(d.stack[len(d.stack)-1])
	}
	// POP also takes a mark away when nothing stands above it.
	if n := len(d.marks); n > 0 && d.marks[n-1] == len(d.stack) {
		d.marks = d.marks[:n-1]
		return nil
	}
	_, err := d.pop()
	return err
}

// readonly would make the buffer on top unchangeable, which ours are.
func (d *decoder) readonly() error {
	if len(d.stack) <= d.fence() {
		return d.underflow()
	}
	if _, ok := d.stack[len(d.stack)-1].([]byte); !ok {
		return &Error{"memoryview: a bytes-like object is required, not '" + typeName(d.stack[len(d.stack)-1]) + "'"}
	}
	return nil
}

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

// build makes a container of what stands on the stack.
func (d *decoder) build(op byte) error {
	switch op {
	case opTuple1, opTuple2, opTuple3:
		n := int(op-opTuple1) + 1
		if len(d.stack)-d.fence() < n {
			return d.underflow()
		}
		at := len(d.stack) - n
		t := &tuple{node{items: append([]any(nil), d.stack[at:]...)}}
		d.stack = d.stack[:at]
		return d.push(t)
	}
	items, err := d.popMark()
	if err != nil {
		return err
	}
	switch op {
	case opList:
		return d.push(&list{node{items: items}})
	case opFrozenSet:
		return d.push(&set{node{items: items}})
	case opDict:
		if len(items)%2 != 0 {
			return &Error{"odd number of items for DICT"}
		}
		t := &dict{}
		if err := d.put(t, items); err != nil {
			return err
		}
		return d.push(t)
	}
	return d.push(&tuple{node{items: items}})
}

// add puts one value, or all above a mark, into the container below.
func (d *decoder) add(op byte) error {
	var items []any
	if op == opAppend || op == opSetItem {
		n := 1
		if op == opSetItem {
			n = 2
		}
		if len(d.stack)-d.fence() <= n {
			return d.underflow()
		}
		items = append(items, d.stack[len(d.stack)-n:]...)
		d.stack = d.stack[:len(d.stack)-n]
	} else {
		var err error
		if items, err = d.popMark(); err != nil {
			return err
		}
		if len(d.stack) <= d.fence() {
			return d.underflow()
		}
	}
	if len(items) == 0 {
		return nil
	}
	return d.addTo(d.stack[len(d.stack)-1], op, items)
}

func (d *decoder) addTo(target any, op byte, items []any) error {
	switch op {
	case opAppend, opAppends:
		if t, ok := target.(*list); ok {
			t.items = append(t.items, items...)
			return nil
		}
		return &Error{"'" + typeName(target) + "' object has no attribute 'append'"}
	case opAddItems:
		if t, ok := target.(*set); ok {
			t.items = append(t.items, items...)
			return nil
		}
		return &Error{"'" + typeName(target) + "' object has no attribute 'add'"}
	}
	if len(items)%2 != 0 {
		return &Error{"odd number of items for SETITEMS"}
	}
	if t, ok := target.(*dict); ok {
		return d.put(t, items)
	}
	return &Error{"'" + typeName(target) + "' object does not support item assignment"}
}

// put adds pairs to a dict, whose keys must be complete by now.
func (d *decoder) put(t *dict, items []any) error {
	for i := 0; i < len(items); i += 2 {
		switch items[i].(type) {
		case *list, *dict, *set:
			return &Error{"unhashable type: '" + typeName(items[i]) + "'"}
		}
		key, err := d.finish(items[i])
		if err != nil {
			return err
		}
		if !new(pyobj.Dict).Set(key, nil) {
			return &Error{"unhashable type: 'list'"}
		}
		t.keys = append(t.keys, key)
		t.items = append(t.items, items[i+1])
	}
	return nil
}

// remember puts the top of the stack into the memo, or fetches from it.
func (d *decoder) remember(op byte) error {
	var index uint64
	var err error
	switch op {
	case opPut, opGet:
		index, err = d.textIndex(op)
	case opBinPut, opBinGet:
		index, err = d.size(1)
	case opLongBinPut, opLongBinGet:
		index, err = d.size(4)
	case opMemoize:
		index = uint64(len(d.memo))
	}
	if err != nil {
		return err
	}
	if op == opGet || op == opBinGet || op == opLongBinGet {
		v, ok := d.memo[index]
		if !ok {
			return &Error{fmt.Sprintf("Memo value not found at index %d", index)}
		}
		return d.push(v)
	}
	if len(d.stack) <= d.fence() {
		return d.underflow()
	}
	if d.count++; d.count > d.lim.Objects {
		return errTooLarge
	}
	if d.memo == nil {
		d.memo = map[uint64]any{}
	}
	d.memo[index] = d.stack[len(d.stack)-1]
	return nil
}

// typeName is Python's name for the type of a value on the stack.
func typeName(v any) string {
	switch v := v.(type) {
	case nil:
		return "NoneType"
	case bool:
		return "bool"
	case int, *big.Int:
		return "int"
	case float64:
		return "float"
	case string:
		return "str"
	case []byte:
		return "bytes"
	case *list:
		return "list"
	case *tuple:
		return "tuple"
	case *dict:
		return "dict"
	case *set:
		return "set"
	case *call:
		return v.class.name
	case *pyobj.Exception:
		return v.Class
	}
	return "type"
}
