package pyexpr

import (
	"math"
	"math/big"
	"strconv"
)

// rounded rounds half to even on the exact decimal value.
func rounded(_ *machine, args []Value) (Value, error) {
	v := args[0]
	digits := 0
	if len(args) == 2 {
		n, ok := args[1].Int64()
		if !ok || !args[1].IsInt() {
			return v, errType
		}
		digits = int(max(-400, min(n, 400)))
	}
	switch {
	case v.kind == tupleKind:
		return v, errType
	case v.IsInt() && digits >= 0:
		return bigInt(v.asBig()), nil
	case v.IsInt():
		return roundInt(v.asBig(), -digits), nil
	case len(args) == 1:
		return floatToInt(math.RoundToEven(v.float))
	case math.IsNaN(v.float) || math.IsInf(v.float, 0) || digits > 323:
		return v, nil
	case digits < -308:
		return Float(math.Copysign(0, v.float)), nil
	}
	return roundFloat(v.float, digits)
}

func roundFloat(f float64, digits int) (Value, error) {
	if digits >= 0 {
		r, err := strconv.ParseFloat(strconv.FormatFloat(f, 'f', digits, 64), 64)
		return Float(r), err
	}
	exact, _ := new(big.Float).SetFloat64(f).Rat(nil)
	unit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(-digits)), nil)
	q := new(big.Rat).Quo(exact, new(big.Rat).SetInt(unit))
	r, _ := new(big.Rat).SetInt(new(big.Int).Mul(nearestInt(q), unit)).Float64()
	if math.IsInf(r, 0) {
		return Value{}, errTooLarge
	}
	if r == 0 {
		r = math.Copysign(0, f)
	}
	return Float(r), nil
}

func roundInt(n *big.Int, digits int) Value {
	unit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(digits)), nil)
	q := new(big.Rat).SetFrac(n, unit)
	return bigInt(new(big.Int).Mul(nearestInt(q), unit))
}

// nearestInt rounds half to even.
func nearestInt(q *big.Rat) *big.Int {
	twice := new(big.Int).Lsh(q.Num(), 1)
	n, r := new(big.Int).DivMod(new(big.Int).Add(twice, q.Denom()), new(big.Int).Lsh(q.Denom(), 1), new(big.Int))
	if r.Sign() == 0 && n.Bit(0) == 1 {
		n.Sub(n, big.NewInt(1))
	}
	return n
}
