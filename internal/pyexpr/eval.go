package pyexpr

import (
	"errors"
	"fmt"
	"math/big"
)

// machine computes an expression.
type machine struct {
	text   string
	vars   Vars
	random func() float64
}

// Python's texts of what can go wrong while computing.
var (
	errDivision  = errors.New("division by zero")
	errFloatDiv  = errors.New("float division by zero")
	errFloorDiv  = errors.New("float floor division by zero")
	errModulo    = errors.New("integer modulo by zero")
	errFloatMod  = errors.New("float modulo")
	errIntDiv    = errors.New("integer division or modulo by zero")
	errZeroPower = errors.New("0.0 cannot be raised to a negative power")
	errTooLarge  = errors.New("the number is too large")
	errToFloat   = errors.New("int too large to convert to float")
	errShift     = errors.New("negative shift count")
	errRange     = errors.New("math range error")
	errDomain    = errors.New("math domain error")
	errOverflow  = errors.New("(34, 'Numerical result out of range')")
	errComplex   = errors.New("the result is not a real number")
	errType      = errors.New("wrong kind of operand")
	errInfinity  = errors.New("cannot convert float infinity to integer")
	errNaN       = errors.New("cannot convert float NaN to integer")
)

func (m *machine) wrap(at int, err error) *Error { return fault(m.text, at, err.Error()) }

func (m *machine) eval(n node) (Value, *Error) {
	switch n := n.(type) {
	case literal:
		return n.value, nil
	case variable:
		v, ok := m.vars[n.name]
		if !ok {
			return v, fault(m.text, n.at, "no value for "+n.name)
		}
		return v, nil
	case tuple:
		return m.tuple(n)
	case unary:
		return m.unary(n)
	case binary:
		return m.binary(n)
	case compare:
		return m.compare(n)
	case logical:
		x, err := m.eval(n.x)
		if err != nil || x.truth() == (n.op == "or") {
			return x, err
		}
		return m.eval(n.y)
	case choice:
		cond, err := m.eval(n.cond)
		if err != nil {
			return cond, err
		}
		if cond.truth() {
			return m.eval(n.yes)
		}
		return m.eval(n.no)
	default:
		return m.call(n.(call))
	}
}

func (m *machine) tuple(n tuple) (Value, *Error) {
	t := Value{kind: tupleKind}
	for _, item := range n.items {
		v, err := m.eval(item)
		if err != nil {
			return v, err
		}
		t.tuple = append(t.tuple, v)
	}
	return t, nil
}

func (m *machine) unary(n unary) (Value, *Error) {
	x, fail := m.eval(n.x)
	if fail != nil {
		return x, fail
	}
	if n.op == "not" {
		return boolean(!x.truth()), nil
	}
	switch {
	case x.kind == tupleKind || n.op == "~" && x.kind == floatKind:
		return x, fault(m.text, n.at, fmt.Sprintf("bad operand type for unary %s: '%s'", n.op, x.typeName()))
	case x.kind == floatKind && n.op == "-":
		return Float(-x.float), nil
	case x.kind == floatKind:
		return x, nil
	case n.op == "-":
		return bigInt(new(big.Int).Neg(x.asBig())), nil
	case n.op == "~":
		return bigInt(new(big.Int).Not(x.asBig())), nil
	default:
		return bigInt(x.asBig()), nil
	}
}

func (m *machine) binary(n binary) (Value, *Error) {
	x, fail := m.eval(n.x)
	if fail != nil {
		return x, fail
	}
	y, fail := m.eval(n.y)
	if fail != nil {
		return y, fail
	}
	v, err := arithmetic(n.op, x, y)
	if err != nil {
		return v, m.wrap(n.at, err)
	}
	return v, nil
}

func (m *machine) compare(n compare) (Value, *Error) {
	x, fail := m.eval(n.first)
	if fail != nil {
		return x, fail
	}
	for i, op := range n.ops {
		y, fail := m.eval(n.rest[i])
		if fail != nil {
			return y, fail
		}
		ok, err := holds(op, x, y)
		if err != nil {
			return y, m.wrap(n.at, err)
		}
		if !ok {
			return boolean(false), nil
		}
		x = y
	}
	return boolean(true), nil
}

func (m *machine) call(n call) (Value, *Error) {
	args := make([]Value, len(n.args))
	for i, a := range n.args {
		v, fail := m.eval(a)
		if fail != nil {
			return v, fail
		}
		args[i] = v
	}
	v, err := n.fn.run(m, args)
	if err != nil {
		return v, m.wrap(n.at, err)
	}
	return v, nil
}
