// Package internal holds no code: its test keeps the house in order.
package internal

import (
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// floors says how high each package stands. A package imports only packages
// of lower floors, so that every one can be understood from below.
var floors = map[string]int{
	"ipaddr": 0, "pyobj": 0, "clock": 0, "pyre": 0, "pyexpr": 0, "ini": 0, "host": 0, "manual": 0,
	"pickle": 1, "pyjson": 1, "event": 1, "logbook": 1, "whois": 1, "mail": 1, "python": 1, "web": 1, "guard": 1,
	"ticket": 2,
	"config": 3, "datepattern": 3, "source": 3, "store": 3, "netfilter": 3, "xtables": 3,
	"filter": 4, "ignore": 4, "tally": 4, "action": 4,
	"jail":   5,
	"server": 6, "trial": 6,
	"control": 7,
	"api":     8, "replay": 8,
	"doctor": 9,
	"cli":    10,
	// Test support: it imports nothing of ours, any test may import it.
	"testenv": 0,
}

func TestPackagesImportOnlyLowerFloors(t *testing.T) {
	for _, dir := range packageDirs(t) {
		floor, ok := floors[root(dir)]
		if !ok {
			t.Errorf("internal/%s has no floor: give it one here", dir)
			continue
		}
		for _, name := range sources(t, dir) {
			for _, imported := range imports(t, name) {
				other, ours := strings.CutPrefix(imported, "stockade/internal/")
				if !ours {
					continue
				}
				if other == "testenv" && !testSupport(dir) {
					t.Errorf("%s imports testenv, which is for tests", name)
					continue
				}
				if root(other) != root(dir) && floors[root(other)] >= floor {
					t.Errorf("%s (floor %d) imports %s (floor %d)", name, floor, other, floors[root(other)])
				}
			}
		}
	}
}

func TestEveryPackageSaysWhatItIs(t *testing.T) {
	for _, dir := range packageDirs(t) {
		said := ""
		for _, name := range sources(t, dir) {
			file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments|parser.PackageClauseOnly)
			if err != nil {
				t.Fatal(err)
			}
			if file.Doc == nil {
				continue
			}
			if said != "" {
				t.Errorf("internal/%s has a package comment in %s and in %s", dir, said, name)
			}
			said = name
			if !strings.HasPrefix(file.Doc.Text(), "Package "+file.Name.Name+" ") {
				t.Errorf("%s: the package comment does not begin with its name", name)
			}
		}
		if said == "" {
			t.Errorf("internal/%s has no package comment", dir)
		}
	}
}

// TestSkipsAreListed keeps every reason for leaving a test out in the list at
// the end of `make test`.
func TestSkipsAreListed(t *testing.T) {
	err := filepath.WalkDir("..", func(name string, entry os.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(name, "_test.go") || name == "floors_test.go" {
			return err
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		for number, line := range strings.Split(string(text), "\n") {
			for _, call := range []string{"t.Skip(", "t.Skipf(", "t.SkipNow(", "b.Skip(", "b.Skipf(", "tb.Skip("} {
				if strings.Contains(line, "\t"+call) {
					t.Errorf("%s:%d skips without testenv.Skip", name, number+1)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// packageDirs are the folders below internal that hold Go files.
func packageDirs(t *testing.T) []string {
	t.Helper()
	var dirs []string
	err := filepath.WalkDir(".", func(name string, entry os.DirEntry, err error) error {
		if err == nil && entry.IsDir() && name != "." && len(sources(t, name)) > 0 {
			dirs = append(dirs, filepath.ToSlash(name))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return dirs
}

// testSupport tells whether a package is only there for tests.
func testSupport(dir string) bool { return strings.HasSuffix(dir, "test") }

// root is the first folder of a path: a package below another stands on the
// same floor.
func root(path string) string {
	first, _, _ := strings.Cut(filepath.ToSlash(path), "/")
	return first
}

// sources are the Go files of a folder that are no tests.
func sources(t *testing.T, dir string) []string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, name := range all {
		if !strings.HasSuffix(name, "_test.go") {
			files = append(files, name)
		}
	}
	return files
}

func imports(t *testing.T, name string) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, spec := range file.Imports {
		paths = append(paths, strings.Trim(spec.Path.Value, `"`))
	}
	return paths
}
