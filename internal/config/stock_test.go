package config

import (
	"path/filepath"
	"testing"

	"stockade/internal/testenv"
)

func TestQuickStock(t *testing.T) {
	r := newReference(t)
	dir := filepath.Join(testenv.Reference(t), "etc/fail2ban")
	want, _ := r.stream(dir)
	tree, err := Load(Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	res, err := tree.Stream("", Dump)
	if err != nil {
		t.Fatal(err)
	}
	if d := diffLines(want, Lines(res.Stream)); d != "" {
		t.Fatal(d)
	}
}
