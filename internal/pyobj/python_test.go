package pyobj

import (
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"

	"stockade/internal/testenv"
)

// python runs a script and gives what it printed; the test is skipped where
// there is no Python of the version whose texts we promise.
func python(t *testing.T, script, stdin string) string {
	t.Helper()
	return testenv.Output(t, testenv.PythonCommand(t, "-c", script), stdin)
}

func TestEveryCharacterIsPrintableWhenPythonSaysSo(t *testing.T) {
	out := python(t, `print(''.join('1' if chr(r).isprintable() else '0' for r in range(0x110000)))`, "")
	wrong := 0
	for r := range rune(0x110000) {
		if printable(r) != (out[r] == '1') {
			if wrong++; wrong < 10 {
				t.Errorf("%U: printable is %v here, %c in Python", r, printable(r), out[r])
			}
		}
	}
	if wrong > 0 {
		t.Errorf("%d characters differ: is this Go's Unicode newer than the table?", wrong)
	}
}

// randomValue makes a nested value and the Python expression for it.
func randomValue(rnd *rand.Rand, depth int) (any, string) {
	kinds := 10
	if depth == 0 {
		kinds = 6
	}
	switch rnd.IntN(kinds) {
	case 0:
		n := rnd.IntN(2000) - 1000
		return n, fmt.Sprint(n)
	case 1:
		f := math.Float64frombits(rnd.Uint64())
		if math.IsNaN(f) || math.IsInf(f, 0) {
			f = 0.5
		}
		return f, fmt.Sprintf("float.fromhex('%x')", f)
	case 2:
		return []any{nil, true, false}[rnd.IntN(3)], ""
	case 3, 4, 5:
		s := randomText(rnd)
		j, _ := json.Marshal(s)
		return s, "json.loads(" + asciiLiteral(string(j)) + ")"
	case 6, 7:
		items, src := randomItems(rnd, depth)
		return items, "[" + src + "]"
	case 8:
		items, src := randomItems(rnd, depth)
		return Tuple(items), "(" + src + ")"
	}
	d, src := &Dict{}, ""
	for range rnd.IntN(5) {
		k := randomText(rnd)
		v, s := randomValue(rnd, depth-1)
		d.Set(k, v)
		j, _ := json.Marshal(k)
		src += "json.loads(" + asciiLiteral(string(j)) + "): " + expression(v, s) + ", "
	}
	return d, "{" + src + "}"
}

func randomItems(rnd *rand.Rand, depth int) ([]any, string) {
	items, src := []any{}, ""
	for range rnd.IntN(6) {
		v, s := randomValue(rnd, depth-1)
		items = append(items, v)
		src += expression(v, s) + ", "
	}
	return items, src
}

func expression(v any, src string) string {
	switch v {
	case nil:
		return "None"
	case true:
		return "True"
	case false:
		return "False"
	}
	return src
}

// asciiLiteral is a Python string literal.
func asciiLiteral(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		fmt.Fprintf(&b, `\U%08x`, r)
	}
	b.WriteByte('"')
	return b.String()
}

func randomText(rnd *rand.Rand) string {
	alphabet := []string{"a", "b", " ", "  ", "'", `"`, "\\", "\n", "\r\n", "\t", "\x00", "\x7f", "é", "\u0085", "\u2028", "\u00a0", "日", "😀", "\U0001fae8", "\ufeff", "word ", "another-word "}
	var b strings.Builder
	for range rnd.IntN(30) {
		b.WriteString(alphabet[rnd.IntN(len(alphabet))])
	}
	return b.String()
}

func TestRandomValuesAreWrittenAsByPython(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	var script strings.Builder
	script.WriteString("import json, pprint\ndef show(v):\n  print(json.dumps([repr(v), str(v), pprint.pformat(v, 2, 40), pprint.pformat(v, 1, 80), pprint.pformat(v, 2, 10)]))\n")
	var values []any
	for range 600 {
		v, src := randomValue(rnd, 3)
		values = append(values, v)
		script.WriteString("show(" + expression(v, src) + ")\n")
	}
	out := strings.Split(strings.TrimSpace(python(t, "import sys; exec(sys.stdin.read())", script.String())), "\n")
	for i, v := range values {
		var want []string
		if err := json.Unmarshal([]byte(out[i]), &want); err != nil {
			t.Fatal(err)
		}
		got := []string{Repr(v), Str(v), PrettyPrint(v, 2, 40), PrettyPrint(v, 1, 80), PrettyPrint(v, 2, 10)}
		for k := range want {
			if got[k] != want[k] {
				at := 0
				for at < min(len(got[k]), len(want[k])) && got[k][at] == want[k][at] {
					at++
				}
				t.Errorf("value %d, form %d, after %q\n got %.80q\nwant %.80q", i, k, got[k][max(0, at-80):at], got[k][at:], want[k][at:])
				break
			}
		}
	}
}

func TestExceptionsAreShownAsByPython(t *testing.T) {
	big1, _ := new(big.Int).SetString("123456789012345678901234567890", 10)
	tests := []struct {
		exception *Exception
		source    string
	}{
		{Builtin("Exception", "Invalid command"), `Exception('Invalid command')`},
		{Builtin("Exception"), `Exception()`},
		{Builtin("ValueError", "a", 2), `ValueError('a', 2)`},
		{Builtin("KeyError", "Invalid Action name: x"), `KeyError('Invalid Action name: x')`},
		{NotFound("/p"), `FileNotFoundError(2, 'No such file or directory', '/p')`},
		{Builtin("OSError", 2, "x"), `OSError(5, 'x') if 0 else OSError(2, 'x')`},
		{Builtin("OSError", "only"), `OSError('only')`},
		{Builtin("NameError", "name 'abc' is not defined"), `NameError("name 'abc' is not defined")`},
		{Builtin("SyntaxError", "invalid syntax", Tuple{"<string>", 1, 2, "x y", 1, 3}), `SyntaxError('invalid syntax', ('<string>', 1, 2, 'x y', 1, 3))`},
		{&Exception{Module: "json.decoder", Class: "JSONDecodeError", Args: Tuple{"Expecting value", "a\nbé x", 4}}, `json.JSONDecodeError('Expecting value', 'a\nb\u00e9 x', 4)`},
		{Builtin("ValueError", []any{"a", Tuple{1.5, big1}, Set{"z"}, Set{}, []byte("a'\xff")}), `ValueError(['a', (1.5, 123456789012345678901234567890), {'z'}, set(), b"a'\xff"])`},
	}
	var script strings.Builder
	script.WriteString("import json\n")
	for _, tt := range tests {
		fmt.Fprintf(&script, "e = %s\nprint(json.dumps([repr(e), str(e), repr(e.args)]))\n", tt.source)
	}
	out := strings.Split(strings.TrimSpace(python(t, "import sys; exec(sys.stdin.read())", script.String())), "\n")
	for i, tt := range tests {
		var want []string
		if err := json.Unmarshal([]byte(out[i]), &want); err != nil {
			t.Fatal(err)
		}
		if want[0][:3] == "Fil" || want[0][:3] == "OSE" {
			want[0] = tt.exception.Class + want[0][strings.IndexByte(want[0], '('):]
		}
		for k, got := range []string{Repr(tt.exception), Str(tt.exception), Repr(tt.exception.ShownArgs())} {
			if got != want[k] {
				t.Errorf("%s form %d: got %s want %s", tt.source, k, got, want[k])
			}
		}
	}
}
