package pyexpr

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"stockade/internal/testenv"
)

// python evaluates expressions with the reference's interpreter and modules.
type python struct{ *testenv.Dialogue }

func newPython(t *testing.T) *python {
	t.Helper()
	return &python{testenv.Talk(t, testenv.ReferenceCommand(t, "testdata/formula.py"))}
}

// ask gives repr of the value; ok is false for an error.
func (p *python) ask(t *testing.T, question map[string]any) (text string, ok bool) {
	t.Helper()
	line, err := json.Marshal(question)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.In.Write(append(line, '\n')); err != nil {
		t.Fatal(err)
	}
	reply, err := p.Out.ReadBytes('\n')
	if err != nil {
		t.Fatal(err)
	}
	var s *string
	if err := json.Unmarshal(reply, &s); err != nil {
		t.Fatal(err)
	}
	if s == nil {
		return "", false
	}
	return *s, true
}

func pick(rnd *rand.Rand, words string) string {
	list := strings.Split(words, "|")
	return list[rnd.IntN(len(list))]
}

// randomTime writes something like a time value.
func randomTime(rnd *rand.Rand, depth int) string {
	var b strings.Builder
	b.WriteString(pick(rnd, "|||||-|+| |~"))
	for n := rnd.IntN(4); ; n-- {
		if depth < 3 && rnd.IntN(8) == 0 {
			b.WriteString("(" + randomTime(rnd, depth+1) + ")")
		} else {
			b.WriteString(pick(rnd, "0|1|2|3|5|7|10|12|30|60|365|1.5|.5|0.1|2.|100000|1_000|010|1e3|0x10"))
		}
		if rnd.IntN(3) > 0 {
			b.WriteString(pick(rnd, "||| |  ") + pick(rnd, "s|sec|second|m|mm|min|minutes|h|hour|hours|d|day|days|w|ww|weeks|mo|mon|month|y|yea|years|yr|ms|x|M|MO|H"))
		}
		if n <= 0 {
			return b.String()
		}
		b.WriteString(pick(rnd, "| | | | + |-|*|/|//|%|*|,| |\n"))
	}
}

func TestRandomTimeValuesAreTheReferences(t *testing.T) {
	py := newPython(t)
	rnd := rand.New(rand.NewPCG(3, 1))
	n, good := 3000, 0
	if testenv.Full() {
		n = 20_000
	}
	for range n {
		text := randomTime(rnd, 0)
		want, ok := py.ask(t, map[string]any{"seconds": text})
		got, err := Seconds(text)
		if ok && (len(want) > 3000 || want[0] == '(' && err != nil) {
			continue // beyond our bound, or arithmetic on tuples
		}
		if ok != (err == nil) || ok && want != got.String() {
			t.Errorf("%q: reference %q, %v; stockade %v, %v", text, want, ok, got, err)
		}
		if ok {
			good++
		}
	}
	t.Logf("%d time values, %d of them valid", n, good)
}

// randomFormula writes something like a formula.
func randomFormula(rnd *rand.Rand, depth int) string {
	sub := func() string { return randomFormula(rnd, depth+1) }
	if depth > 4 || rnd.IntN(4) == 0 {
		return pick(rnd, "ban.Time|ban.Count|banFactor|1|2|20|0.5|1.5|60|3600|math.pi|0|7")
	}
	switch rnd.IntN(10) {
	case 0, 1:
		return "(" + sub() + ")"
	case 2:
		return sub() + " if " + sub() + pick(rnd, "<|>|<=|==|!=") + sub() + " else " + sub()
	case 3:
		return pick(rnd, "float|int|abs|round|math.exp|math.log|math.sqrt|math.floor|math.ceil|math.fabs") + "(" + sub() + ")"
	case 4:
		return pick(rnd, "min|max|math.pow|math.fmod|max") + "(" + sub() + ", " + sub() + ")"
	case 5:
		return "round(" + sub() + ", " + pick(rnd, "0|1|2|-1|-3") + ")"
	case 6:
		return pick(rnd, "-|+|not ") + sub()
	case 7: // bounded here, because Python has no bound
		return sub() + pick(rnd, "**2|**0.5|**-1| << 3| >> 2|**ban.Count|<<ban.Count")
	default:
		return sub() + pick(rnd, "+|-|*|/|//|%|&| and | or |*") + sub()
	}
}

func TestRandomFormulasArePythons(t *testing.T) {
	py := newPython(t)
	rnd := rand.New(rand.NewPCG(5, 1))
	n, good, off := 5000, 0, 0
	if testenv.Full() {
		n = 20_000
	}
	for range n {
		text := randomFormula(rnd, 0)
		time, count := rnd.Int64N(100000), rnd.Int64N(30)
		got, err := evalBan(t, text, time, count, Float(1.5))
		if err != nil && strings.Contains(err.Error(), "too large") {
			continue // Python would compute on for hours
		}
		want, ok := py.ask(t, map[string]any{"formula": "(" + text + ")", "time": time, "count": count, "factor": 1.5})
		switch {
		case ok == (err == nil) && (!ok || want == got.String()):
			if ok {
				good++
			}
		case ok && (len(want) > 3000 || strings.Contains(want, "j)")):
			// beyond our bound, or a complex number
		case ok && err == nil && lastBit(want, got):
			off++
		default:
			t.Errorf("%s with %d, %d: Python %q, %v; stockade %v, %v", text, time, count, want, ok, got, err)
		}
	}
	if off > n/500 {
		t.Errorf("%d of %d results differ in the last place", off, n)
	}
	t.Logf("%d formulas, %d with a value, %d off in the last place", n, good, off)
}

// lastBit tells whether a float is right but for its last place or two.
func lastBit(want string, got Value) bool {
	var f float64
	if _, err := fmt.Sscan(want, &f); err != nil || got.kind != floatKind {
		return false
	}
	return f == got.float || abs(f-got.float) <= 4e-16*abs(f)
}

func abs(f float64) float64 {
	if f < 0 {
		return -f
	}
	return f
}

func TestSeedFormulasGiveTheReferencesNumbers(t *testing.T) {
	py := newPython(t)
	n := 0
	for _, formula := range []string{stockFormula, aggressiveFormula} {
		for _, factor := range []float64{1, 2, 0.5, 2.0 / 2.885385, 1.0 / 24} {
			for _, time := range []int{1, 60, 600, 3600, 10800, 86400, 604800} {
				for count := range 40 {
					q := map[string]any{"formula": formula, "time": time, "count": count, "factor": factor}
					want, ok := py.ask(t, q)
					got, err := evalBan(t, formula, int64(time), int64(count), Float(factor))
					if ok != (err == nil) || ok && fixedInt(want) != got.String() {
						t.Errorf("%v: Python %q, stockade %v, %v", q, want, got, err)
					}
					n++
				}
			}
		}
	}
	t.Logf("%d values", n)
}

// fixedInt undoes that JSON sends 1.0 as 1.
func fixedInt(s string) string {
	if !strings.ContainsAny(s, ".e") {
		return s + ".0"
	}
	return s
}
