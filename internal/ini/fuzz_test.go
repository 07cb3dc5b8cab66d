package ini

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzParse holds for any bytes: no panic, a file or a fault that says why
// there is none, and lines that exist.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"[a]\nb = c\n", "[a]\r\nb: c\r\n d\r\n\r\n e\r\n", "[DEFAULT]\n", "x = 1\n", "[a]\nb\n", "[a]\nb = 1\nB = 2\n",
		"[a]\n[a]\n", "[a] x ; y\n b = c ;d\n  # e\n  f\n", "\xef\xbb\xbf[a]\n", "[a]\nb = \xff\n", "[a\n", "[]]\n",
		"[a]\n = 1\n", "[a]\n;\n#\nb = ;\n c ;d\n", "[Init?family=inet6]\nx = \n\n\n y\n", "[a]\nb=\x00\x85\u2028c\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		file, faults := ParseString("fuzz.conf", text)
		if file == nil {
			if !slices.ContainsFunc(faults, Fault.Whole) {
				t.Fatalf("no file, and the faults %v do not say why", faults)
			}
			return
		}
		if !utf8.ValidString(text) {
			t.Fatal("undecodable text gave a file")
		}
		// Python also ends lines at these.
		lines := 1 + strings.Count(text, "\n") + strings.Count(text, "\r")
		for _, fault := range faults {
			if fault.Error() == "" || fault.Line < 0 || fault.Line > lines {
				t.Errorf("fault %+v, with %d lines", fault, lines)
			}
		}
		for _, section := range file.Sections {
			if again, ok := file.Section(section.Name); !ok || again != section {
				t.Errorf("section %q is not found by its name", section.Name)
			}
			checkOptions(t, section, lines)
		}
	})
}

func checkOptions(t *testing.T, section *Section, lines int) {
	t.Helper()
	for i := range section.Options {
		option := &section.Options[i]
		if again, ok := section.Get(option.Name); !ok || again != option {
			t.Errorf("option %q is not found by its name", option.Name)
		}
		if option.Line < 2 || option.Line > lines {
			t.Errorf("option %q on line %d of %d", option.Name, option.Line, lines)
		}
		parts := strings.Count(option.Text, "\n") + 1
		if option.Lines != nil && len(option.Lines) != parts {
			t.Errorf("option %q: %d lines for %d parts", option.Name, len(option.Lines), parts)
		}
	}
}
