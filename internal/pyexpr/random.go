package pyexpr

import "math"

// randomInt is random.randint: both ends may come.
func randomInt(m *machine, args []Value) (Value, error) {
	return m.between(args[0], args[1], 1, 1)
}

// randomRange is random.randrange.
func randomRange(m *machine, args []Value) (Value, error) {
	lo, hi, step := Int(0), args[0], int64(1)
	if len(args) > 1 {
		lo, hi = args[0], args[1]
	}
	if len(args) > 2 {
		n, ok := args[2].Int64()
		if !ok || !args[2].IsInt() || n <= 0 {
			return Value{}, errType
		}
		step = n
	}
	return m.between(lo, hi, 0, step)
}

// between gives lo + k*step below hi+more.
func (m *machine) between(lo, hi Value, more, step int64) (Value, error) {
	a, okA := lo.Int64()
	b, okB := hi.Int64()
	if !lo.IsInt() || !hi.IsInt() {
		return Value{}, errType
	}
	const limit = 1 << 52
	if !okA || !okB || a < -limit || b > limit || a > limit || b < -limit {
		return Value{}, errTooLarge
	}
	width := b + more - a
	if width <= 0 {
		return Value{}, errDomain
	}
	steps := (width + step - 1) / step
	return Int(a + step*int64(m.uniform()*float64(steps))), nil
}

// triangular is random.triangular(low=0, high=1, mode=middle).
func triangular(m *machine, args []Value) (Value, error) {
	lo, hi, c := 0.0, 1.0, 0.5
	for i, into := range []*float64{&lo, &hi} {
		if i < len(args) {
			f, err := asFloat(args[i])
			if err != nil {
				return Value{}, err
			}
			*into = f
		}
	}
	if lo == hi {
		return Float(lo), nil
	}
	if len(args) == 3 {
		mode, err := asFloat(args[2])
		if err != nil {
			return Value{}, err
		}
		c = (mode - lo) / (hi - lo)
	}
	u := m.uniform()
	if u > c {
		u, c = 1-u, 1-c
		lo, hi = hi, lo
	}
	return Float(lo + (hi-lo)*math.Sqrt(u*c)), nil
}

// gauss is a normal deviate around mu=0 with sigma=1.
func gauss(m *machine, args []Value) (Value, error) {
	mu, sigma := 0.0, 1.0
	for i, into := range []*float64{&mu, &sigma} {
		if i < len(args) {
			f, err := asFloat(args[i])
			if err != nil {
				return Value{}, err
			}
			*into = f
		}
	}
	z := math.Cos(2*math.Pi*m.uniform()) * math.Sqrt(-2*math.Log(1-m.uniform()))
	return Float(mu + z*sigma), nil
}

// exponential is random.expovariate.
func exponential(m *machine, args []Value) (Value, error) {
	lambda := 1.0
	if len(args) == 1 {
		f, err := asFloat(args[0])
		if err != nil {
			return Value{}, err
		}
		lambda = f
	}
	if lambda == 0 {
		return Value{}, errFloatDiv
	}
	return Float(-math.Log(1-m.uniform()) / lambda), nil
}
