package pyexpr

import (
	"math"
	"math/big"
	"strconv"
	"strings"
)

// Value is a Python number or a tuple of such (which "1d,12h" evaluates to).
type Value struct {
	kind  kind
	small int64
	// big is set for integers that do not fit small.
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

func boolean(b bool) Value {
	v := Value{kind: boolKind}
	if b {
		v.small = 1
	}
	return v
}

func bigInt(n *big.Int) Value {
	if n.IsInt64() {
		return Int(n.Int64())
	}
	return Value{big: n}
}

// IsInt tells whether the value is an integer (or a bool, which counts as one).
func (v Value) IsInt() bool { return v.kind == intKind || v.kind == boolKind }

// IsNumber tells whether the value is a number and no tuple.
func (v Value) IsNumber() bool { return v.kind != tupleKind }

// asBig gives an integer as a big one; it must not be changed.
func (v Value) asBig() *big.Int {
	if v.big != nil {
		return v.big
	}
	return big.NewInt(v.small)
}

// Float64 gives the value as a float; a tuple gives 0 and false, an integer
// beyond all floats an infinity and false.
func (v Value) Float64() (float64, bool) {
	switch {
	case v.kind == tupleKind:
		return 0, false
	case v.kind == floatKind:
		return v.float, true
	case v.big != nil:
		f, _ := new(big.Float).SetInt(v.big).Float64()
		return f, !math.IsInf(f, 0)
	default:
		return float64(v.small), true
	}
}

// Int64 gives the value truncated towards zero, as Python's int() does; false
// when it is no number or does not fit.
func (v Value) Int64() (int64, bool) {
	switch {
	case v.kind == tupleKind || v.big != nil:
		return 0, false
	case v.kind == floatKind:
		t := math.Trunc(v.float)
		if t >= -(1<<63) && t < 1<<63 {
			return int64(t), true
		}
		return 0, false
	default:
		return v.small, true
	}
}

// truth is Python's truth of a value.
func (v Value) truth() bool {
	switch {
	case v.kind == tupleKind:
		return len(v.tuple) > 0
	case v.kind == floatKind:
		return v.float != 0
	default:
		return v.small != 0 || v.big != nil
	}
}

// String prints the value as Python's repr does.
func (v Value) String() string {
	switch {
	case v.kind == tupleKind:
		return v.tupleString()
	case v.kind == boolKind && v.small == 0:
		return "False"
	case v.kind == boolKind:
		return "True"
	case v.kind == floatKind:
		return floatString(v.float)
	case v.big != nil:
		return v.big.String()
	default:
		return strconv.FormatInt(v.small, 10)
	}
}

func (v Value) tupleString() string {
	parts := make([]string, len(v.tuple))
	for i, e := range v.tuple {
		parts[i] = e.String()
	}
	if len(parts) == 1 {
		return "(" + parts[0] + ",)"
	}
	return "(" + strings.Join(parts, ", ") + ")"
}

// floatString writes the shortest form that reads back, as Python does: with an
// exponent below 1e-4 and from 1e16 on.
func floatString(f float64) string {
	switch {
	case math.IsNaN(f):
		return "nan"
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	}
	s := strconv.FormatFloat(f, 'e', -1, 64)
	mantissa, exponent, _ := strings.Cut(s, "e")
	exp, _ := strconv.Atoi(exponent)
	if exp < -4 || exp >= 16 {
		sign := "+"
		if exp < 0 {
			sign, exp = "-", -exp
		}
		digits := strconv.Itoa(exp)
		if len(digits) < 2 {
			digits = "0" + digits
		}
		return mantissa + "e" + sign + digits
	}
	s = strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.ContainsRune(s, '.') {
		s += ".0"
	}
	return s
}
