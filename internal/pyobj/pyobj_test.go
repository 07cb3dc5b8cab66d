package pyobj

import (
	"math"
	"testing"
)

func TestFloatsAreWrittenAsByPython(t *testing.T) {
	for f, want := range map[float64]string{
		0: "0.0", 1: "1.0", -2.5: "-2.5", 5400: "5400.0", 1e15: "1000000000000000.0", 1e16: "1e+16",
		1.5e300: "1.5e+300", 0.0001: "0.0001", 0.00001: "1e-05", math.Inf(1): "inf", math.Inf(-1): "-inf",
	} {
		if got := Float(f); got != want {
			t.Errorf("Float(%g) = %s, want %s", f, got, want)
		}
	}
	if Float(math.NaN()) != "nan" || Float(math.Copysign(0, -1)) != "-0.0" {
		t.Error("nan or -0.0")
	}
}

func TestStrayBytesAreSurrogateEscapes(t *testing.T) {
	if got := Repr("a\xff"); got != `'a\udcff'` {
		t.Error(got)
	}
}

func TestDictKeepsFirstOrderAndJoinsEqualNumbers(t *testing.T) {
	d := NewDict("b", 1, "a", 2, 1, "int", true, "bool", 1.0, "float")
	d.Set("b", 3)
	if got := Repr(d); got != `{'b': 3, 'a': 2, 1: 'float'}` {
		t.Error(got)
	}
	if d.Set([]any{}, 1) || d.Set(Tuple{[]any{}}, 1) {
		t.Error("a list is no key")
	}
	if v, ok := d.Get(1); !ok || v != "float" {
		t.Error("1 not found")
	}
	if d.Set(Tuple{1, "x"}, 1); d.Len() != 4 {
		t.Error("a tuple is a key")
	}
}

func TestNumbersAreReadAsByPython(t *testing.T) {
	for _, tt := range []struct {
		in   any
		want string
	}{
		{" 7 ", "7"},
		{"1_000", "1000"},
		{"-5", "-5"},
		{true, "1"},
		{2.9, "2"},
		{"x", "invalid literal for int() with base 10: 'x'"},
		{"1.5", "invalid literal for int() with base 10: '1.5'"},
		{"_1", "invalid literal for int() with base 10: '_1'"},
		{nil, "int() argument must be a string, a bytes-like object or a real number, not 'NoneType'"},
		{[]any{}, "int() argument must be a string, a bytes-like object or a real number, not 'list'"},
	} {
		n, err := Int(tt.in)
		got := Repr(n)
		if err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("Int(%v) = %s, want %s", tt.in, got, tt.want)
		}
	}
	if _, err := AsFloat("x"); err == nil || err.Error() != "could not convert string to float: 'x'" {
		t.Error(err)
	}
	if f, err := AsFloat(" 0.5"); err != nil || f != 0.5 {
		t.Error(f, err)
	}
}
