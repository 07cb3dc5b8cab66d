// Package pyobj is Python's values as plain data: what travels over the
// control socket, stands in a dumped configuration and is printed by the
// client. It promises the texts of Python 3.11, repr, str and pprint, to the
// letter, and it never calls anything.
//
// A value is one of: nil (None), bool, int, *big.Int (beyond 64 bits),
// float64, string, []byte (bytes), []any (list), Tuple, *Dict, Set and
// *Exception. For convenience []string is read as a list and int64 as an int.
//
// A Go string that is not valid UTF-8 stands for a Python string with
// surrogate escapes: its stray byte ff is Python's '\udcff'.
package pyobj

import (
	"math"
	"math/big"
)

// Tuple is a Python tuple.
type Tuple []any

// Set is a Python set; the order is that of construction.
type Set []any

// Dict is a Python dict: it keeps the order in which keys were first set.
// The zero value is an empty dict.
type Dict struct {
	keys   []any
	values []any
	index  map[any]int
}

// NewDict makes a dict of alternating keys and values.
func NewDict(pairs ...any) *Dict {
	d := &Dict{}
	for i := 0; i+1 < len(pairs); i += 2 {
		d.Set(pairs[i], pairs[i+1])
	}
	return d
}

// Len is the number of entries.
func (d *Dict) Len() int { return len(d.keys) }

// Keys lists the keys in order. The caller must not change the slice.
func (d *Dict) Keys() []any { return d.keys }

// At gives the i-th entry.
func (d *Dict) At(i int) (key, value any) { return d.keys[i], d.values[i] }

// Get returns the value of a key, and whether it is there.
func (d *Dict) Get(key any) (any, bool) {
	h, ok := hashKey(key)
	if !ok {
		return nil, false
	}
	i, ok := d.index[h]
	if !ok {
		return nil, false
	}
	return d.values[i], true
}

// Set puts a value under a key and reports whether the key can be one: lists,
// dicts and sets cannot.
func (d *Dict) Set(key, value any) bool {
	h, ok := hashKey(key)
	if !ok {
		return false
	}
	if i, ok := d.index[h]; ok {
		d.values[i] = value
		return true
	}
	if d.index == nil {
		d.index = map[any]int{}
	}
	d.index[h] = len(d.keys)
	d.keys = append(d.keys, key)
	d.values = append(d.values, value)
	return true
}

// textKey and numberKey keep keys of different types apart in one Go map.
type (
	bytesKey  string
	tupleKey  string
	bigKey    string
	objectKey struct{ p *Exception }
)

// hashKey maps a key to a Go value that is equal exactly when Python's keys
// are: True, 1 and 1.0 are one key.
func hashKey(key any) (any, bool) {
	switch k := key.(type) {
	case nil:
		return nil, true
	case bool:
		if k {
			return 1, true
		}
		return 0, true
	case int:
		return k, true
	case int64:
		return int(k), true
	case float64:
		if k == math.Trunc(k) && math.Abs(k) < 1<<53 {
			return int(k), true
		}
		return k, true
	case *big.Int:
		return bigKey(k.String()), true
	case string:
		return k, true
	case []byte:
		return bytesKey(k), true
	case *Exception:
		return objectKey{k}, true
	case Tuple:
		for _, e := range k {
			if _, ok := hashKey(e); !ok {
				return nil, false
			}
		}
		return tupleKey(Repr(k)), true
	}
	return nil, false
}
