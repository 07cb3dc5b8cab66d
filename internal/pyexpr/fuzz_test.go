package pyexpr

import "testing"

func FuzzSeconds(f *testing.F) {
	for _, s := range []string{"600", "1d 12h", "1d12h30m", "1y 6mo", "5 5 5", "1d,12h", "(1h+2m)*2", "0x1_0", "1 # x", "\n1", "１ ２", "9**9**9"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		v, err := Seconds(text)
		checkOutcome(t, text, v, err)
	})
}

func FuzzFormula(f *testing.F) {
	for _, s := range []string{stockFormula, aggressiveFormula, misprintedFormula, "random.randint(1, 5) if ban.Count else -1", "max((1,2),3)", "round(1e300,-300)", "1<<2<<3", "pow(2,-1)", "math.log(1<<5000)"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		e, err := Compile(text, banNames...)
		if err != nil {
			checkOutcome(t, text, Value{}, err)
			return
		}
		v, err := e.Eval(Vars{"ban.Time": Int(600), "ban.Count": Int(3), "banFactor": Float(1)}, nil)
		checkOutcome(t, text, v, err)
	})
}

// checkOutcome wants a printable value, or an error that knows its place.
func checkOutcome(t *testing.T, text string, v Value, err error) {
	if err == nil {
		_ = v.String()
		_, _ = v.Int64()
		_, _ = v.Float64()
		return
	}
	e, ok := err.(*Error)
	if !ok || e.Msg == "" || e.Col < 0 || e.Col > len([]rune(text)) || e.Text != text {
		t.Errorf("error %#v", err)
	}
}

func BenchmarkStockFormula(b *testing.B) {
	e, err := Compile(stockFormula, banNames...)
	if err != nil {
		b.Fatal(err)
	}
	vars := Vars{"ban.Time": Int(600), "ban.Count": Int(3), "banFactor": Float(1)}
	for b.Loop() {
		if _, err := e.Eval(vars, nil); err != nil {
			b.Fatal(err)
		}
	}
}
