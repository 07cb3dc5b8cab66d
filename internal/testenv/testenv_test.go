package testenv

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReferenceRuns(t *testing.T) {
	dir := Reference(t)
	out, err := Program(dir, "client", "--version").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "Fail2Ban v") {
		t.Fatalf("%v: %s", err, out)
	}
}

func TestSkipIsListed(t *testing.T) {
	list := filepath.Join(t.TempDir(), "skips")
	t.Setenv("STOCKADE_SKIPS", list)
	t.Run("inner", func(t *testing.T) { Need(t, "no-such-program") })
	text, err := os.ReadFile(list)
	if err != nil {
		t.Fatal(err)
	}
	want := "Debian's package no-such-program is not installed\tTestSkipIsListed/inner\n"
	if string(text) != want {
		t.Errorf("got %q, want %q", text, want)
	}
}
