package pyexpr

import (
	"math"
	"math/big"
)

// Go's exp, log and pow may differ from the C library's in the last bit, and a
// ban time is cut to whole seconds: 599.9999 and 600 are not the same. These
// are computed with guardBits and rounded once, which gives the C library's
// result but for about one argument in a thousand, where that one is wrong.
const guardBits = 160

// exactExp is e to the x.
func exactExp(x float64) float64 {
	if math.IsNaN(x) || x > 710 || x < -746 {
		return math.Exp(x)
	}
	f, _ := bigExp(wide(x)).Float64()
	return f
}

// exactLog is the natural logarithm of x > 0.
func exactLog(x float64) float64 {
	if x == 1 || math.IsNaN(x) || math.IsInf(x, 0) || x <= 0 {
		return math.Log(x)
	}
	f, _ := bigLog(x).Float64()
	return f
}

// exactPow is x to the y.
func exactPow(x, y float64) float64 {
	rough := math.Pow(x, y)
	if x == 0 || x == 1 || y == 0 || math.IsNaN(rough) || math.IsInf(rough, 0) && math.Abs(y)*math.Abs(math.Log(math.Abs(x))) > 720 ||
		math.IsInf(x, 0) || math.IsInf(y, 0) || math.Abs(y) > 1<<53 || rough == 0 {
		return rough
	}
	f, _ := bigExp(new(big.Float).Mul(wide(y), bigLog(math.Abs(x)))).Float64()
	return math.Copysign(f, rough)
}

func wide(x float64) *big.Float { return new(big.Float).SetPrec(guardBits).SetFloat64(x) }

func wideInt(n int64) *big.Float { return new(big.Float).SetPrec(guardBits).SetInt64(n) }

// bigExp sums the series for x/2^k and squares k times.
func bigExp(x *big.Float) *big.Float {
	n, _ := new(big.Float).Quo(x, ln2).Int64()
	r := new(big.Float).SetPrec(guardBits).Sub(x, new(big.Float).Mul(wideInt(n), ln2))
	const halvings = 8
	r.SetMantExp(r, -halvings)
	sum, term := wideInt(1), wideInt(1)
	for i := int64(1); i < 40; i++ {
		term.Quo(term.Mul(term, r), wideInt(i))
		sum.Add(sum, term)
	}
	for range halvings {
		sum.Mul(sum, sum)
	}
	return sum.SetMantExp(sum, int(n))
}

// bigLog uses log(m) = 2 artanh((m-1)/(m+1)) for a mantissa near 1.
func bigLog(x float64) *big.Float {
	m, e := math.Frexp(x)
	if m < math.Sqrt2/2 {
		m, e = m*2, e-1
	}
	return new(big.Float).SetPrec(guardBits).Add(logSeries(wide(m)), new(big.Float).Mul(wideInt(int64(e)), ln2))
}

func logSeries(m *big.Float) *big.Float {
	one := wideInt(1)
	z := new(big.Float).SetPrec(guardBits).Quo(new(big.Float).Sub(m, one), new(big.Float).Add(m, one))
	square := new(big.Float).Mul(z, z)
	sum := new(big.Float).SetPrec(guardBits)
	for i := int64(1); i < 80; i += 2 {
		sum.Add(sum, new(big.Float).Quo(z, wideInt(i)))
		z.Mul(z, square)
	}
	return sum.SetMantExp(sum, 1)
}

// ln2 is the natural logarithm of 2.
var ln2 = logSeries(wideInt(2))
