package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzTree reads a tree whose files all come from one text: whatever stands in
// them, reading ends with a stream or an error that names its place.
func FuzzTree(f *testing.F) {
	files, _ := filepath.Glob("testdata/regression/*.txt")
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Add("-- jail.conf --\n[DEFAULT]\nx = %(x)s\n[j]\nenabled = 1\nfilter = f[a=\"%(known/x)s\"]\naction = %(x)s\n-- filter.d/f.conf --\n[Definition]\nfailregex = <a> <b/c> <known/a>\n")
	f.Fuzz(func(t *testing.T, archive string) {
		// The files stand in a library, so that nothing is written to disk.
		lib := memoryTree(archive)
		tree, err := Load(Options{Dir: "/nonexistent-stockade", Library: lib})
		if err != nil {
			return
		}
		r, err := tree.Stream("", Dump)
		if err != nil {
			return
		}
		Lines(r.Stream)
		PrettyLines(r.Stream)
		ApplySidecar(r.Stream.Words(), EncodeSidecar(r.Stream))
		for _, bad := range r.Findings {
			if bad.Text == "" || bad.Code == "" {
				t.Errorf("finding without words: %+v", bad)
			}
		}
	})
}

// FuzzInterpolation resolves one text in a small namespace.
func FuzzInterpolation(f *testing.F) {
	for _, s := range []string{"%(a)s", "%(A)s%%", "%(other/a)s", "%(known/a)s %(default/b)s", "%(b", "%", "%()s", "%(__name__)s", "%(a)s%(b)s%(c)s"} {
		f.Add(s, "x %(b)s", "%(c)s%(c)s")
	}
	f.Fuzz(func(t *testing.T, text, a, b string) {
		set := newFileSet("jail")
		file := &sourceFile{path: "f"}
		section := newLayered("s")
		set.sections["s"], set.sections["other"] = section, section
		for i, v := range []string{a, b, text, "%(a)s", text} {
			name := []string{"a", "b", "c", "a", "c"}[i]
			section.set(name, &value{text: v, file: file, line: i + 1, lines: lineNumbers(v)})
		}
		set.defaults.set("b", &value{text: b, file: file, line: 9})
		sc := &scope{set: set, section: section, chain: &chain{}}
		got, err := sc.get("c")
		if err != nil {
			if err.Origin.IsZero() || err.Text == "" {
				t.Errorf("error %+v", err)
			}
			return
		}
		end := 0
		for _, s := range got.spans {
			if s.end < end || s.end > len(got.text) {
				t.Fatalf("spans %v of %q", got.spans, got.text)
			}
			end = s.end
		}
		if got.spans != nil && end != len(got.text) {
			t.Errorf("spans end at %d of %d", end, len(got.text))
		}
		got.lines()
	})
}

func lineNumbers(text string) []int {
	n := strings.Count(text, "\n")
	if n == 0 {
		return nil
	}
	lines := make([]int, n+1)
	for i := range lines {
		lines[i] = i + 1
	}
	return lines
}

// FuzzSpec parses name[key=value] and lists of them.
func FuzzSpec(f *testing.F) {
	for _, s := range []string{"a", "a[b=c]", `a[b="c,d",e='f'][g=h]`, "a [p=1]", "a[p=1] b[q=2]\nc", `a[p="x ] y" z] b`, "a[", "a]", "[p=1]", `a[p="1"` + "\n]", "a[x?family=inet6=1]", "é[é=é]"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		name, params, err := ParseSpec(text)
		if err == nil && strings.Contains(name, "[") {
			t.Errorf("name %q", name)
		}
		if bad, ok := err.(*SpecError); ok && (bad.Msg == "" || bad.Offset < 0 || bad.Offset > len(text)) {
			t.Errorf("error %+v", bad)
		}
		for _, p := range params {
			if p.Name == "" {
				t.Errorf("parameters %v", params)
			}
		}
		specs, offsets := splitActions(text)
		for i, s := range specs {
			if s == "" || text[offsets[i]:offsets[i]+len(s)] != s {
				t.Errorf("spec %q at %d", s, offsets[i])
			}
		}
		_, _ = ParseParams(text)
		_, _ = shellSplit(text)
	})
}
