package store

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"stockade/internal/pyobj"
)

func TestJSONOfOtherProgramsIsRead(t *testing.T) {
	for in, want := range map[string]string{
		`{"a":1,"b":[true,false,null],"c":{"d":-1.5e3}}`: `{"a": 1, "b": [true, false, null], "c": {"d": -1500.0}}`,
		` [ NaN , Infinity , -Infinity ] `:               `[NaN, Infinity, -Infinity]`,
		`"\u00e9\ud83d\ude00\ud83d x\/\b\f"`:             "\"é😀\uFFFD x/\\b\\f\"",
		`123456789012345678901234567890`:                 `123456789012345678901234567890`,
		`[]`:                                             `[]`,
		`{}`:                                             `{}`,
	} {
		v, err := parseJSON([]byte(in))
		if err != nil {
			t.Errorf("%s: %v", in, err)
			continue
		}
		if got := string(appendValue(nil, v)); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
	for _, in := range []string{``, `{`, `[1,`, `{"a"}`, `{a:1}`, `"x`, `"\x"`, `1 2`, `nul`, `-`, `"\u12"`, `[1 2]`, strings.Repeat("[", 1000)} {
		if v, err := parseJSON([]byte(in)); err == nil {
			t.Errorf("%.20s was read as %v", in, v)
		}
	}
}

func FuzzJSON(f *testing.F) {
	for _, seed := range []string{`{"matches": [["", "d", "x"], "y"], "failures": 3, "ip4": "192.0.2.1"}`, `[1, 2.5, -3e7, "\ud83d\ude00\u0001"]`, `{"a": null}`, `NaN`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		v, err := parseJSON(in)
		if err != nil {
			if json.Valid(in) && strings.Count(string(in), "[")+strings.Count(string(in), "{") < maxDepth {
				t.Fatalf("valid JSON is refused: %v", err)
			}
			return
		}
		text := appendValue(nil, v)
		again, err := parseJSON(text)
		if err != nil {
			t.Fatalf("what was written is refused: %s: %v", text, err)
		}
		if utf8.Valid(in) && pyobj.Repr(again) != pyobj.Repr(v) {
			t.Fatalf("%s became %s", pyobj.Repr(v), pyobj.Repr(again))
		}
	})
}
