package pickle

import (
	"fmt"
	"math/big"

	"stockade/internal/pyobj"
)

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
