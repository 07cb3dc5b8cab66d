package config

import (
	"os"
	"path/filepath"
	"testing"
)

// Every tree that ever gave another stream than the reference stays here.
func TestTreesThatOnceDiffered(t *testing.T) {
	files, err := filepath.Glob("testdata/regression/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no trees: %v", err)
	}
	ref := newReference(t)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			archive, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			unpackTree(t, string(archive), dir)
			_, a := ref.stream(dir)
			r, err := readTree(dir, Dump)
			if v, why := compareAnswer(a, r, err); v == differs {
				t.Error(why)
			}
		})
	}
}
