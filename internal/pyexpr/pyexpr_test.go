package pyexpr

import (
	"errors"
	"math"
	"strings"
	"testing"
)

func TestTimeValues(t *testing.T) {
	for text, want := range map[string]string{
		"600": "600", "10m": "600", "1d12h30m": "131400", "1y 6mo": "47336400.0", "1w": "604800", "-1": "-1",
		"1mon": "2629800.0", "2 hours": "7200", "1h-10m": "3000", "0.5h": "1800.0", ".5h": "1800.0",
		"1hour+30min": "5400", "1M": "60", "10 m": "600", "1h30": "3630", "1d,12h": "(86400, 43200)",
		"2*3h": "21600", "(1h+2m)*2": "7440", "1 - 5m": "-299", "1h/2": "1800.0", "7//2h": "10800",
		"5 5": "10", "10 10 10": "30", "1_000": "1000", "+5": "5", "2**10": "1024", "10m # ten": "600",
		"1d 2w": "1296000", "1d12h": "129600", "9w": "5443200", "3d": "259200", "60d": "5184000", "1,": "(1,)",
	} {
		v, err := Seconds(text)
		if err != nil || v.String() != want {
			t.Errorf("Seconds(%q) = %v, %v; want %s", text, v, err, want)
		}
	}
}

func TestBadTimeValues(t *testing.T) {
	for text, want := range map[string]string{
		"abc": "name 'abc' is not defined", "": "invalid syntax (<string>, line 0)", "5 5 5": "invalid syntax (<string>, line 1)",
		"1hr": "invalid decimal literal (<string>, line 1)", "1 yr": "invalid syntax (<string>, line 1)",
		"h": "name 'h' is not defined", "010": "leading zeros", "1e3": "invalid decimal literal", "0x10": "invalid hexadecimal literal",
		"10m;": "invalid syntax", "None": "name 'None' is not defined", "1/0": "division by zero", "'x'": "invalid syntax",
		"__import__('os')": "name '__import__' is not defined", "(1": "'(' was never closed", "1)": "unmatched ')'",
		"9**9**9": "the number is too large", "1<<99999999": "the number is too large",
	} {
		_, err := Seconds(text)
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("Seconds(%q): %v; want %s", text, err, want)
		}
	}
}

func TestErrorsOfTimeValuesPointIntoTheTextAsWritten(t *testing.T) {
	for text, want := range map[string]int{"1d12h30x": 6, "1h abc": 3, "10 minutes q": 11, "1d 1d 1d )": 9} {
		var e *Error
		if _, err := Seconds(text); !errors.As(err, &e) || e.Col != want || e.Text != text {
			t.Errorf("Seconds(%q): %+v; want column %d", text, e, want)
		}
	}
}

// banNames are what a formula may refer to.
var banNames = []string{"ban.Time", "ban.Count", "banFactor"}

func evalBan(t *testing.T, formula string, time, count int64, factor Value) (Value, error) {
	t.Helper()
	e, err := Compile(formula, banNames...)
	if err != nil {
		return Value{}, err
	}
	return e.Eval(Vars{"ban.Time": Int(time), "ban.Count": Int(count), "banFactor": factor}, func() float64 { return 0.25 })
}

const (
	stockFormula      = "ban.Time * (1<<(ban.Count if ban.Count<20 else 20)) * banFactor"
	aggressiveFormula = "ban.Time * math.exp(float(ban.Count+1)*banFactor)/math.exp(1*banFactor)"
	misprintedFormula = "ban.Time * math.exp(float ban.Count+1)*banFactor)/math.exp(1*banFactor)"
)

func TestFormulas(t *testing.T) {
	for _, tc := range []struct {
		formula string
		count   int64
		factor  Value
		want    string
	}{
		{stockFormula, 0, Int(1), "600"},
		{stockFormula, 4, Int(1), "9600"},
		{stockFormula, 30, Int(1), "629145600"},
		{stockFormula, 3, Float(0.5), "2400.0"},
		{aggressiveFormula, 0, Int(1), "600.0"},
		{"random.random() + 1", 0, Int(1), "1.25"},
		{"random.randint(1, 8)", 0, Int(1), "3"},
		{"random.uniform(0, ban.Time)", 0, Int(1), "150.0"},
		{"1 < ban.Time <= 600", 0, Int(1), "True"},
		{"not ban.Count or 7", 0, Int(1), "True"},
		{"-2**2 + ~1", 0, Int(1), "-6"},
		{"max(1, 2.5, ban.Count) + min((3, 4))", 2, Int(1), "5.5"},
		{"round(2.675, 2) + round(2.5)", 2, Int(1), "4.67"},
		{"pow(2, 10) // 3 % 7", 2, Int(1), "5"},
	} {
		v, err := evalBan(t, tc.formula, 600, tc.count, tc.factor)
		if err != nil || v.String() != tc.want {
			t.Errorf("%s: %v, %v; want %s", tc.formula, v, err, tc.want)
		}
	}
}

func TestMisprintedFormulaPointsAtTheColumn(t *testing.T) {
	_, err := evalBan(t, misprintedFormula, 600, 0, Int(1))
	var e *Error
	if !errors.As(err, &e) || e.Col != strings.Index(misprintedFormula, " ban.Count")+1 || !strings.Contains(e.Hint, "float(ban.Count") {
		t.Errorf("error %+v", e)
	}
}

func TestNothingElseCanBeReached(t *testing.T) {
	for _, text := range []string{
		"__import__('os').system('id')", "open('/etc/passwd')", "ban.__class__", "math.__loader__", "().__class__",
		"[1,2]", "{}", "lambda: 1", "ban.Time.real", "exec(1)", "eval(1)", "ban", "math", "random", "float", "x := 1",
		"f'{1}'", "\"a\"", "ban.Times", "math.exp.__self__", "yield", "await ban", "1 if 2", "print(1)", "1;2", "ban.Time = 3",
	} {
		if _, err := Compile(text, banNames...); err == nil {
			t.Errorf("%s was accepted", text)
		}
	}
}

func TestTimeAndMemoryAreBounded(t *testing.T) {
	for _, text := range []string{
		"9**9**9**9", "1<<(1<<99)", "2**99999*2**99999", "math.factorial(999999)", "pow(3, 10**40)",
		strings.Repeat("(", 5000) + "1", strings.Repeat("-", 5000) + "1", strings.Repeat("1+", 1<<20) + "1",
		strings.Repeat("2**", 2000) + "2", "math.exp(1e300)", "1 " + strings.Repeat("if 1 else 1 ", 600),
	} {
		e, err := Compile(text, banNames...)
		if err == nil {
			_, err = e.Eval(nil, nil)
		}
		if err == nil {
			t.Errorf("%.40s… gave a value", text)
		}
	}
}

func TestValueConversions(t *testing.T) {
	for _, tc := range []struct {
		v  Value
		n  int64
		ok bool
	}{
		{Int(5), 5, true},
		{Float(5.9), 5, true},
		{Float(-5.9), -5, true},
		{Float(math.NaN()), 0, false},
		{Float(1e300), 0, false},
		{boolean(true), 1, true},
		{Value{kind: tupleKind}, 0, false},
	} {
		if n, ok := tc.v.Int64(); n != tc.n || ok != tc.ok {
			t.Errorf("%v: %d %v", tc.v, n, ok)
		}
	}
}
