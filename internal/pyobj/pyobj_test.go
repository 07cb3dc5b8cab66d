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
