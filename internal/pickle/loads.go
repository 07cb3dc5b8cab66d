package pickle

import (
	"fmt"
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
