package cli

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"stockade/internal/config"
	"stockade/internal/testenv"
)

func TestManualPagesRenderWithoutAWarning(t *testing.T) {
	testenv.Need(t, "groff", "mandoc")
	dir := t.TempDir()
	if err := writeManual(dir); err != nil {
		t.Fatal(err)
	}
	pages, err := os.ReadDir(dir)
	if err != nil || len(pages) != 6 {
		t.Fatalf("%d pages, %v", len(pages), err)
	}
	for _, page := range pages {
		path := filepath.Join(dir, page.Name())
		out, err := exec.Command("groff", "-man", "-Tutf8", "-ww", "-z", path).CombinedOutput()
		if err != nil || len(out) > 0 {
			t.Errorf("%s: %v\n%s", page.Name(), err, out)
		}
		out, err = exec.Command("mandoc", "-T", "lint", "-W", "warning", path).CombinedOutput()
		// It has a word to say about each page without a date.
		text := strings.Join(slices.DeleteFunc(strings.SplitAfter(string(out), "\n"), func(l string) bool {
			return strings.Contains(l, "missing date")
		}), "")
		if text != "" {
			t.Errorf("%s: %v\n%s", page.Name(), err, text)
		}
	}
}

func TestEveryOptionOfAJailIsInTheManual(t *testing.T) {
	var have []string
	for _, l := range jailHelp {
		have = append(have, l.command)
	}
	want := config.JailOptions()
	slices.Sort(have)
	slices.Sort(want)
	if !slices.Equal(have, want) {
		t.Errorf("in the manual: %q\nwhat there is: %q", have, want)
	}
}
