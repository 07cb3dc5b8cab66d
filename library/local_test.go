package library_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"stockade/internal/config"
	"stockade/internal/filter/filtertest"
	"stockade/library"
)

// fragment is a piece of configuration as users write it, laid over a tree,
// with lines of log and the address that each must give.
//
// The file is an archive in the txtar format. Its comment ends with the line
// "filter: NAME[option=value,…]"; its files are those of the fragment, but for
// "lines": one line of log each behind its address, or "-" for none.
type fragment struct {
	name   string
	filter string
	params map[string]string
	files  []txtar.File
	lines  []fragmentLine
}

type fragmentLine struct{ want, text string }

func fragments(t *testing.T) []fragment {
	t.Helper()
	paths, err := filepath.Glob("testdata/local/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	var out []fragment
	for _, path := range paths {
		archive, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		f, err := newFragment(strings.TrimSuffix(filepath.Base(path), ".txtar"), archive)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		out = append(out, f)
	}
	return out
}

func newFragment(name string, archive *txtar.Archive) (fragment, error) {
	f := fragment{name: name, params: map[string]string{}}
	_, spec, ok := strings.Cut(string(archive.Comment), "filter: ")
	if !ok {
		return f, fmt.Errorf("no filter is named")
	}
	options := ""
	f.filter, options, _ = strings.Cut(strings.TrimSpace(spec), "[")
	for option := range strings.SplitSeq(strings.TrimSuffix(options, "]"), ",") {
		if key, value, ok := strings.Cut(option, "="); ok {
			f.params[key] = value
		}
	}
	for _, file := range archive.Files {
		if file.Name != "lines" {
			f.files = append(f.files, file)
			continue
		}
		for line := range strings.Lines(string(file.Data)) {
			want, text, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
			if !ok {
				return f, fmt.Errorf("line %q has no address", line)
			}
			f.lines = append(f.lines, fragmentLine{want, text})
		}
	}
	if len(f.files) == 0 || len(f.lines) == 0 {
		return f, fmt.Errorf("files or lines are missing")
	}
	return f, nil
}

// lay writes the fragment's files into a configuration until the test ends.
func (f fragment) lay(t *testing.T, dir string) {
	t.Helper()
	for _, file := range f.files {
		path := filepath.Join(dir, file.Name)
		write(t, path, string(file.Data))
		t.Cleanup(func() {
			if err := os.Remove(path); err != nil {
				t.Error(err)
			}
		})
	}
}

// check compares what was found with what the lines want.
func (f fragment) check(t *testing.T, where string, found [][]string) {
	t.Helper()
	for i, line := range f.lines {
		got := strings.Join(found[i], " ")
		if got == "" {
			got = "-"
		}
		if got != line.want {
			t.Errorf("%s finds %s, not %s, in\n    %s", where, got, line.want, line.text)
		}
	}
}

// TestLocalFilesHitTheSameLinesOverBothTrees lays what users write over the
// library and over the reference's own configuration: their helper variables,
// modes and own expressions must find the same addresses in both.
func TestLocalFilesHitTheSameLinesOverBothTrees(t *testing.T) {
	d := filtertest.Start(t, sampleZone)
	all := fragments(t)
	if len(all) < 30 {
		t.Errorf("%d fragments are fewer than 30", len(all))
	}
	theirs, exported := t.TempDir(), t.TempDir()
	if err := os.CopyFS(theirs, os.DirFS(d.Dir+"/etc/fail2ban")); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(exported, library.Files()); err != nil {
		t.Fatal(err)
	}
	for _, f := range all {
		t.Run(f.name, func(t *testing.T) {
			ours := t.TempDir()
			for _, dir := range []string{ours, theirs, exported} {
				f.lay(t, dir)
			}
			f.check(t, "our library", f.overLibrary(t, ours))
			f.check(t, "the reference", f.byReference(t, d, theirs))
			// The way back: the reference over what we export.
			f.check(t, "the reference over our library", f.byReference(t, d, exported))
		})
	}
}

// overLibrary runs the lines with our library under the fragment in dir.
func (f fragment) overLibrary(t *testing.T, dir string) [][]string {
	t.Helper()
	def, _, err := config.ReadFilter(config.Options{Dir: dir, Library: library.Files()}, f.filter, paramList(f.params), f.filter)
	if err != nil {
		t.Fatal(err)
	}
	filter := buildFilter(t, f.filter, def)
	var found [][]string
	for _, line := range f.lines {
		found = append(found, slices.Compact(run(filter, line.text, f.params["logtype"] == "journal")))
	}
	return found
}

// byReference runs the lines with the reference over the configuration in dir.
func (f fragment) byReference(t *testing.T, d *filtertest.Driver, dir string) [][]string {
	t.Helper()
	options := map[string]string{"logtype": "file"}
	for key, value := range f.params {
		options[key] = value
	}
	spec := d.Read(dir, f.filter, options)
	spec.All, spec.Raw = true, true
	id := d.Make(spec)
	defer d.Drop(id)
	var lines []filtertest.Line
	for _, line := range f.lines {
		l := filtertest.Line{Text: []byte(line.text), Now: sampleNow}
		if f.params["logtype"] == "journal" {
			l.Date, l.Time = journalDate, sampleNow
		}
		lines = append(lines, l)
	}
	var found [][]string
	for _, result := range d.Run(id, lines) {
		var ids []string
		for _, row := range result.Rows {
			if row.ID != nil && !row.Pending && !nofail(row) {
				ids = append(ids, *row.ID)
			}
		}
		found = append(found, slices.Compact(ids))
	}
	return found
}
