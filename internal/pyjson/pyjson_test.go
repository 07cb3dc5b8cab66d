package pyjson

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"stockade/internal/pyobj"
	"stockade/internal/testenv"
)

func TestWhatIsReadIsWrittenAsPythonDoes(t *testing.T) {
	for in, want := range map[string]string{
		`{"a":1,"b":[true,false,null],"c":{"d":-1.5e3}}`: `{"a": 1, "b": [true, false, null], "c": {"d": -1500.0}}`,
		` [ NaN , Infinity , -Infinity ] `:               `[NaN, Infinity, -Infinity]`,
		`"\u00e9\ud83d\ude00\ud83d x\/\b\f"`:             "\"é😀\uFFFD x/\\b\\f\"",
		`123456789012345678901234567890`:                 `123456789012345678901234567890`,
		`[]`:                                             `[]`,
		`{}`:                                             `{}`,
	} {
		v, err := Parse(in)
		if err != nil {
			t.Errorf("%s: %v", in, err)
			continue
		}
		if got := string(Append(nil, v)); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}

// mistakes are texts that are no JSON, and some that are.
var mistakes = []string{
	``, ` `, "\n x", `{`, `{ `, `{}`, `{} x`, `{a:1}`, `{'a':1}`, `{"a"`, `{"a" 1}`, `{"a":`, `{"a": }`, `{"a":1`,
	`{"a":1,`, `{"a":1,}`, `{"a":1 "b":2}`, `[`, `[ `, `[1`, `[1,`, `[1, ]`, `[1 2]`, `[,]`, `[]]`, `"x`, `"x\`, `"\x"`,
	`"\u12"`, `"\u12zz"`, `"\u`, `"é\q"`, "\"a\x01b\"", "\"\\n\x01b\"", `no json`, `nul`, `nullx`, `true false`, `-`, `-x`, `+1`, `01`,
	`1.`, `1.5.`, `1e`, `1e+`, `1.5e`, `.5`, `1 2`, `-Infinit`, `-0`, `0.0`, "[1,\n 2,\n x]", "\uFEFF{}", `"é" ü`, `[[[`, `{"a":{"b":[}}`, `'x'`,
}

const pythonScript = `
import json, sys
for text in json.load(sys.stdin):
    try:
        out = repr(json.loads(text))
    except json.JSONDecodeError as e:
        out = '%s|%s|%d' % (e, e.msg, e.pos)
    print(json.dumps(out))
`

func TestMistakesHavePythonsWords(t *testing.T) {
	texts, err := json.Marshal(mistakes)
	if err != nil {
		t.Fatal(err)
	}
	out := testenv.Output(t, testenv.PythonCommand(t, "-c", pythonScript), string(texts))
	answers := json.NewDecoder(strings.NewReader(out))
	for _, text := range mistakes {
		var want string
		if err := answers.Decode(&want); err != nil {
			t.Fatal(err)
		}
		v, err := Parse(text)
		got := pyobj.Repr(v)
		var wrong *Error
		if errors.As(err, &wrong) {
			args := wrong.Exception().Args
			got = wrong.Error() + "|" + pyobj.Str(args[0]) + "|" + pyobj.Str(args[2])
		}
		if got != want {
			t.Errorf("%q:\n got %s\nwant %s", text, got, want)
		}
	}
}

func TestBoundsHold(t *testing.T) {
	for _, text := range []string{strings.Repeat("[", 1000), strings.Repeat("9", 5000)} {
		if v, err := Parse(text); err == nil {
			t.Errorf("%.20s was read as %v", text, v)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range mistakes {
		f.Add(seed)
	}
	for _, seed := range []string{`{"matches": [["", "d", "x"], "y"], "failures": 3, "ip4": "192.0.2.1"}`, `[1, 2.5, -3e7, "\ud83d\ude00\u0001"]`, `{"a": null}`, `NaN`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		v, err := Parse(in)
		if err != nil {
			_ = err.Error()
			deep := strings.Count(in, "[")+strings.Count(in, "{") >= MaxDepth
			if json.Valid([]byte(in)) && !deep && len(in) < maxDigits {
				t.Fatalf("valid JSON is refused: %v", err)
			}
			return
		}
		text := string(Append(nil, v))
		again, err := Parse(text)
		if err != nil {
			t.Fatalf("what was written is refused: %s: %v", text, err)
		}
		if utf8.ValidString(in) && pyobj.Repr(again) != pyobj.Repr(v) {
			t.Fatalf("%s became %s", pyobj.Repr(v), pyobj.Repr(again))
		}
	})
}
