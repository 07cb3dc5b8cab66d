package pyexpr

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
)

// function is a function of the subset.
type function struct {
	min, max int
	run      func(m *machine, args []Value) (Value, error)
}

func (f *function) arity() string {
	switch {
	case f.min == f.max && f.min == 1:
		return "exactly one argument"
	case f.min == f.max:
		return fmt.Sprintf("exactly %d arguments", f.min)
	case f.max >= maxArgs:
		return fmt.Sprintf("at least %d argument(s)", f.min)
	default:
		return fmt.Sprintf("%d to %d arguments", f.min, f.max)
	}
}

// maxArgs stands for any number of arguments; the text's length bounds them.
const maxArgs = 1 << 20

// constants are the names that stand for a number.
var constants = map[string]Value{
	"True": boolean(true), "False": boolean(false),
	"math.pi": Float(math.Pi), "math.e": Float(math.E), "math.tau": Float(2 * math.Pi),
	"math.inf": Float(math.Inf(1)), "math.nan": Float(math.NaN()),
}

// functions are all that can be called. There is no way to add to them.
var functions map[string]*function

func init() {
	functions = map[string]*function{
		"float": {0, 1, toFloat},
		"int":   {0, 1, toInt},
		"bool":  {0, 1, func(_ *machine, a []Value) (Value, error) { return boolean(len(a) > 0 && a[0].truth()), nil }},
		"min":   {1, maxArgs, func(_ *machine, a []Value) (Value, error) { return extreme("<", a) }},
		"max":   {1, maxArgs, func(_ *machine, a []Value) (Value, error) { return extreme(">", a) }},
		"abs":   {1, 1, absolute},
		"round": {1, 2, rounded},
		"pow":   {2, 3, toPower},

		"math.floor":     {1, 1, whole(math.Floor)},
		"math.ceil":      {1, 1, whole(math.Ceil)},
		"math.trunc":     {1, 1, toInt},
		"math.log":       {1, 2, logarithm},
		"math.fmod":      {2, 2, two(fmod)},
		"math.pow":       {2, 2, two(mathPow)},
		"math.atan2":     {2, 2, two(plain2(math.Atan2))},
		"math.hypot":     {0, maxArgs, hypotenuse},
		"math.copysign":  {2, 2, two(plain2(math.Copysign))},
		"math.factorial": {1, 1, factorial},
		"math.gcd":       {0, maxArgs, divisor},
		"math.isqrt":     {1, 1, integerRoot},
		"math.isnan":     {1, 1, test(math.IsNaN)},
		"math.isinf":     {1, 1, test(func(f float64) bool { return math.IsInf(f, 0) })},
		"math.isfinite":  {1, 1, test(func(f float64) bool { return !math.IsInf(f, 0) && !math.IsNaN(f) })},

		"random.random":        {0, 0, func(m *machine, _ []Value) (Value, error) { return Float(m.uniform()), nil }},
		"random.uniform":       {2, 2, two(nil)},
		"random.randint":       {2, 2, randomInt},
		"random.randrange":     {1, 3, randomRange},
		"random.triangular":    {0, 3, triangular},
		"random.gauss":         {0, 2, gauss},
		"random.normalvariate": {0, 2, gauss},
		"random.expovariate":   {0, 1, exponential},
	}
	functions["random.uniform"].run = func(m *machine, a []Value) (Value, error) {
		return two(func(lo, hi float64) (float64, error) { return lo + (hi-lo)*m.uniform(), nil })(m, a)
	}
	for name, f := range map[string]func(float64) float64{
		"sqrt": math.Sqrt, "exp": exactExp, "expm1": math.Expm1, "exp2": func(x float64) float64 { return exactPow(2, x) },
		"log2": math.Log2, "log10": math.Log10, "log1p": math.Log1p, "fabs": math.Abs, "cbrt": math.Cbrt,
		"sin": math.Sin, "cos": math.Cos, "tan": math.Tan, "asin": math.Asin, "acos": math.Acos, "atan": math.Atan,
		"sinh": math.Sinh, "cosh": math.Cosh, "tanh": math.Tanh, "asinh": math.Asinh, "acosh": math.Acosh, "atanh": math.Atanh,
		"erf": math.Erf, "erfc": math.Erfc, "gamma": math.Gamma, "lgamma": logGamma,
		"degrees": func(x float64) float64 { return x * (180 / math.Pi) }, "radians": func(x float64) float64 { return x * (math.Pi / 180) },
	} {
		functions["math."+name] = &function{1, 1, one(f)}
	}
}

// uniform gives a random number in [0, 1).
func (m *machine) uniform() float64 {
	if m.random != nil {
		return m.random()
	}
	return rand.Float64()
}

// asFloat gives an argument as a float.
func asFloat(v Value) (float64, error) {
	f, ok := v.Float64()
	switch {
	case v.kind == tupleKind:
		return 0, errType
	case !ok:
		return 0, errToFloat
	}
	return f, nil
}

// one makes a function of a float; what overflows or has no value is an error,
// as in Python.
func one(f func(float64) float64) func(*machine, []Value) (Value, error) {
	return func(_ *machine, args []Value) (Value, error) {
		x, err := asFloat(args[0])
		if err != nil {
			return Value{}, err
		}
		y := f(x)
		switch {
		case math.IsNaN(y) && !math.IsNaN(x):
			return Value{}, errDomain
		case math.IsInf(y, 0) && !math.IsInf(x, 0):
			return Value{}, errRange
		}
		return Float(y), nil
	}
}

func two(f func(x, y float64) (float64, error)) func(*machine, []Value) (Value, error) {
	return func(_ *machine, args []Value) (Value, error) {
		x, err := asFloat(args[0])
		if err != nil {
			return Value{}, err
		}
		y, err := asFloat(args[1])
		if err != nil {
			return Value{}, err
		}
		z, err := f(x, y)
		return Float(z), err
	}
}

func plain2(f func(x, y float64) float64) func(x, y float64) (float64, error) {
	return func(x, y float64) (float64, error) { return f(x, y), nil }
}

func test(f func(float64) bool) func(*machine, []Value) (Value, error) {
	return func(_ *machine, args []Value) (Value, error) {
		x, err := asFloat(args[0])
		return boolean(f(x)), err
	}
}

func fmod(x, y float64) (float64, error) {
	z := math.Mod(x, y)
	if math.IsNaN(z) && !math.IsNaN(x) && !math.IsNaN(y) {
		return 0, errDomain
	}
	return z, nil
}

func mathPow(x, y float64) (float64, error) {
	z := exactPow(x, y)
	finite := !math.IsInf(x, 0) && !math.IsInf(y, 0)
	switch {
	case math.IsNaN(z) && !math.IsNaN(x) && !math.IsNaN(y), x == 0 && y < 0 && finite:
		return 0, errDomain
	case math.IsInf(z, 0) && finite:
		return 0, errRange
	}
	return z, nil
}

func toFloat(_ *machine, args []Value) (Value, error) {
	if len(args) == 0 {
		return Float(0), nil
	}
	f, err := asFloat(args[0])
	return Float(f), err
}

func toInt(_ *machine, args []Value) (Value, error) {
	if len(args) == 0 {
		return Int(0), nil
	}
	switch v := args[0]; {
	case v.kind == tupleKind:
		return v, errType
	case v.kind == floatKind:
		return floatToInt(math.Trunc(v.float))
	default:
		return bigInt(v.asBig()), nil
	}
}

// floatToInt makes an integer of a whole float.
func floatToInt(f float64) (Value, error) {
	switch {
	case math.IsNaN(f):
		return Value{}, errNaN
	case math.IsInf(f, 0):
		return Value{}, errInfinity
	}
	n, _ := new(big.Float).SetFloat64(f).Int(nil)
	return bigInt(n), nil
}

func whole(f func(float64) float64) func(*machine, []Value) (Value, error) {
	return func(m *machine, args []Value) (Value, error) {
		if args[0].kind != floatKind {
			return toInt(m, args)
		}
		return floatToInt(f(args[0].float))
	}
}

// extreme finds the least or greatest of the arguments, or of a tuple.
func extreme(op string, args []Value) (Value, error) {
	if len(args) == 1 {
		if args = args[0].tuple; len(args) == 0 {
			return Value{}, errType
		}
	}
	best := args[0]
	for _, v := range args[1:] {
		better, err := holds(op, v, best)
		if err != nil {
			return v, err
		}
		if better {
			best = v
		}
	}
	if !best.IsNumber() {
		return best, errType
	}
	return best, nil
}

func absolute(_ *machine, args []Value) (Value, error) {
	switch v := args[0]; {
	case v.kind == tupleKind:
		return v, errType
	case v.kind == floatKind:
		return Float(math.Abs(v.float)), nil
	default:
		return bigInt(new(big.Int).Abs(v.asBig())), nil
	}
}

func toPower(_ *machine, args []Value) (Value, error) {
	if len(args) == 2 {
		return arithmetic("**", args[0], args[1])
	}
	for _, a := range args {
		if !a.IsInt() {
			return a, errType
		}
	}
	base, exp, mod := args[0].asBig(), args[1].asBig(), args[2].asBig()
	if mod.Sign() == 0 {
		return Value{}, errIntDiv
	}
	if exp.Sign() < 0 || mod.BitLen() > 512 || exp.BitLen() > 512 {
		return Value{}, errTooLarge
	}
	r := new(big.Int).Exp(base, exp, new(big.Int).Abs(mod))
	if mod.Sign() < 0 && r.Sign() != 0 {
		r.Add(r, mod)
	}
	return bigInt(r), nil
}

func logarithm(_ *machine, args []Value) (Value, error) {
	var logs [2]float64
	for i, a := range args {
		l, err := naturalLog(a)
		if err != nil {
			return Value{}, err
		}
		logs[i] = l
	}
	if len(args) == 1 {
		return Float(logs[0]), nil
	}
	if logs[1] == 0 {
		return Value{}, errFloatDiv
	}
	return Float(logs[0] / logs[1]), nil
}

// naturalLog takes integers beyond the floats too.
func naturalLog(v Value) (float64, error) {
	f, ok := v.Float64()
	switch {
	case v.kind == tupleKind:
		return 0, errType
	case !ok && v.big.Sign() > 0:
		shift := v.big.BitLen() - 64
		top, _ := new(big.Float).SetInt(new(big.Int).Rsh(v.big, uint(shift))).Float64()
		return exactLog(top) + exactLog(2)*float64(shift), nil
	case f <= 0 || !ok:
		return 0, errDomain
	}
	return exactLog(f), nil
}

func logGamma(x float64) float64 {
	l, _ := math.Lgamma(x)
	return l
}

func hypotenuse(_ *machine, args []Value) (Value, error) {
	sum := 0.0
	for _, a := range args {
		f, err := asFloat(a)
		if err != nil {
			return Value{}, err
		}
		sum = math.Hypot(sum, f)
	}
	return Float(sum), nil
}

func factorial(_ *machine, args []Value) (Value, error) {
	n, ok := args[0].Int64()
	switch {
	case !args[0].IsInt():
		return Value{}, errType
	case !ok || n > 1500:
		return Value{}, errTooLarge
	case n < 0:
		return Value{}, errDomain
	}
	return bounded(new(big.Int).MulRange(1, n))
}

func divisor(_ *machine, args []Value) (Value, error) {
	g := new(big.Int)
	for _, a := range args {
		if !a.IsInt() {
			return a, errType
		}
		g.GCD(nil, nil, g, new(big.Int).Abs(a.asBig()))
	}
	return bigInt(g), nil
}

func integerRoot(_ *machine, args []Value) (Value, error) {
	if !args[0].IsInt() {
		return Value{}, errType
	}
	if args[0].asBig().Sign() < 0 {
		return Value{}, errDomain
	}
	return bigInt(new(big.Int).Sqrt(args[0].asBig())), nil
}
