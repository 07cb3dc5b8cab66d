package pyexpr

import (
	"fmt"
	"math"
	"math/big"
)

// arithmetic computes x op y.
func arithmetic(op string, x, y Value) (Value, error) {
	bitwise := op == "<<" || op == ">>" || op == "&" || op == "|" || op == "^"
	if !x.IsNumber() || !y.IsNumber() || bitwise && !(x.IsInt() && y.IsInt()) {
		return Value{}, operandError(op, x, y)
	}
	if x.IsInt() && y.IsInt() {
		return integers(op, x, y)
	}
	a, okA := x.Float64()
	b, okB := y.Float64()
	if !okA || !okB {
		return Value{}, errToFloat
	}
	return floats(op, a, b)
}

// operandError is Python's text for operands that an operator cannot take.
func operandError(op string, x, y Value) error {
	if op == "**" {
		op = "** or pow()"
	}
	return fmt.Errorf("unsupported operand type(s) for %s: '%s' and '%s'", op, x.typeName(), y.typeName())
}

func (v Value) typeName() string {
	return [...]string{intKind: "int", boolKind: "bool", floatKind: "float", tupleKind: "tuple"}[v.kind]
}

// integers computes on two integers; only "/" and negative powers leave them.
func integers(op string, x, y Value) (Value, error) {
	a, b := x.asBig(), y.asBig()
	switch op {
	case "+":
		return bounded(new(big.Int).Add(a, b))
	case "-":
		return bounded(new(big.Int).Sub(a, b))
	case "*":
		return bounded(new(big.Int).Mul(a, b))
	case "/":
		return divide(a, b)
	case "//", "%":
		return floorDivide(op, a, b)
	case "**":
		return power(a, b)
	case "<<", ">>":
		return shift(op, a, b)
	}
	n := new(big.Int)
	switch op {
	case "&":
		n.And(a, b)
	case "|":
		n.Or(a, b)
	default:
		n.Xor(a, b)
	}
	if x.kind == boolKind && y.kind == boolKind {
		return boolean(n.Sign() != 0), nil
	}
	return bigInt(n), nil
}

func bounded(n *big.Int) (Value, error) {
	if n.BitLen() > maxBits {
		return Value{}, errTooLarge
	}
	return bigInt(n), nil
}

// divide is true division, rounded once.
func divide(a, b *big.Int) (Value, error) {
	if b.Sign() == 0 {
		return Value{}, errDivision
	}
	f, _ := new(big.Rat).SetFrac(a, b).Float64()
	if math.IsInf(f, 0) {
		return Value{}, errTooLarge
	}
	return Float(f), nil
}

// floorDivide rounds towards minus infinity; the remainder has b's sign.
func floorDivide(op string, a, b *big.Int) (Value, error) {
	if b.Sign() == 0 && op == "%" {
		return Value{}, errModulo
	}
	if b.Sign() == 0 {
		return Value{}, errIntDiv
	}
	q, r := new(big.Int).QuoRem(a, b, new(big.Int))
	if r.Sign() != 0 && r.Sign() != b.Sign() {
		q.Sub(q, big.NewInt(1))
		r.Add(r, b)
	}
	if op == "%" {
		return bigInt(r), nil
	}
	return bigInt(q), nil
}

func power(a, b *big.Int) (Value, error) {
	if b.Sign() < 0 {
		x, okX := bigInt(a).Float64()
		y, okY := bigInt(b).Float64()
		if !okX || !okY {
			return Value{}, errToFloat
		}
		return floats("**", x, y)
	}
	if a.BitLen() > 1 && (!b.IsInt64() || b.Int64() > maxBits || int64(a.BitLen()-1)*b.Int64() > maxBits) {
		return Value{}, errTooLarge
	}
	if a.BitLen() <= 1 { // 0, 1 or -1 to any power
		n := new(big.Int).Set(a)
		if b.Sign() == 0 || a.Sign() < 0 && b.Bit(0) == 0 {
			n.SetInt64(1)
		}
		return bigInt(n), nil
	}
	return bounded(new(big.Int).Exp(a, b, nil))
}

func shift(op string, a, b *big.Int) (Value, error) {
	if b.Sign() < 0 {
		return Value{}, errShift
	}
	if op == ">>" {
		if !b.IsInt64() || b.Int64() > maxBits {
			if a.Sign() < 0 {
				return Int(-1), nil
			}
			return Int(0), nil
		}
		return bigInt(new(big.Int).Rsh(a, uint(b.Int64()))), nil
	}
	if a.Sign() == 0 {
		return Int(0), nil
	}
	if !b.IsInt64() || b.Int64() > maxBits {
		return Value{}, errTooLarge
	}
	return bounded(new(big.Int).Lsh(a, uint(b.Int64())))
}

// floats computes on two floats.
func floats(op string, a, b float64) (Value, error) {
	switch op {
	case "+":
		return Float(a + b), nil
	case "-":
		return Float(a - b), nil
	case "*":
		return Float(a * b), nil
	case "/":
		if b == 0 {
			return Value{}, errFloatDiv
		}
		return Float(a / b), nil
	case "//":
		if b == 0 {
			return Value{}, errFloorDiv
		}
		q, _ := floorMod(a, b)
		return Float(q), nil
	case "%":
		if b == 0 {
			return Value{}, errFloatMod
		}
		_, r := floorMod(a, b)
		return Float(r), nil
	case "**":
		return floatPower(a, b)
	default:
		return Value{}, errType
	}
}

// floorMod divides floats as Python does: the remainder has b's sign and the
// quotient is a whole number.
func floorMod(a, b float64) (q, r float64) {
	r = math.Mod(a, b)
	q = (a - r) / b
	if r != 0 {
		if (b < 0) != (r < 0) {
			r += b
			q--
		}
	} else {
		r = math.Copysign(0, b)
	}
	if q == 0 {
		return math.Copysign(0, a/b), r
	}
	floor := math.Floor(q)
	if q-floor > 0.5 {
		floor++
	}
	return floor, r
}

func floatPower(a, b float64) (Value, error) {
	switch {
	case a == 0 && b < 0:
		return Value{}, errZeroPower
	case a < 0 && b != math.Trunc(b) && !math.IsInf(a, 0) && !math.IsInf(b, 0):
		return Value{}, errComplex
	}
	f := exactPow(a, b)
	if math.IsInf(f, 0) && !math.IsInf(a, 0) && !math.IsInf(b, 0) {
		return Value{}, errOverflow
	}
	return Float(f), nil
}

// holds tells whether x op y. Integers and floats are compared exactly.
func holds(op string, x, y Value) (bool, error) {
	if !x.IsNumber() || !y.IsNumber() {
		return false, errType
	}
	if nan(x) || nan(y) {
		return op == "!=", nil
	}
	c := order(x, y)
	switch op {
	case "<":
		return c < 0, nil
	case ">":
		return c > 0, nil
	case "<=":
		return c <= 0, nil
	case ">=":
		return c >= 0, nil
	case "==":
		return c == 0, nil
	default:
		return c != 0, nil
	}
}

func nan(v Value) bool { return v.kind == floatKind && math.IsNaN(v.float) }

// order compares two numbers, neither of them NaN.
func order(x, y Value) int {
	if x.IsInt() && y.IsInt() {
		return x.asBig().Cmp(y.asBig())
	}
	if x.kind == floatKind && y.kind == floatKind {
		switch {
		case x.float < y.float:
			return -1
		case x.float > y.float:
			return 1
		}
		return 0
	}
	return exactFloat(x).Cmp(exactFloat(y))
}

// exactFloat holds any number without rounding.
func exactFloat(v Value) *big.Float {
	if v.kind == floatKind {
		return big.NewFloat(v.float)
	}
	return new(big.Float).SetPrec(maxBits + 64).SetInt(v.asBig())
}
