package config

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"testing"

	"stockade/internal/testenv"
)

// write puts the tree into a folder.
func (g *generated) write(t testing.TB, dir string) {
	t.Helper()
	for name, text := range g.files {
		writeFile(t, dir, name, text)
	}
}

func TestRandomTreesGiveTheReferencesStream(t *testing.T) {
	ref := newReference(t)
	trees, need := 200, 10
	if testenv.Full() {
		trees, need = 2000, 100
	}
	count := map[string]int{}
	verdicts := map[verdict]int{}
	loads, lines, tests := 0, 0, 0
	for seed := range trees {
		dir := t.TempDir()
		g := generate(uint64(seed), dir)
		g.write(t, dir)
		for f := range g.used {
			count[f]++
		}
		_, a := ref.stream(dir)
		if !strings.HasPrefix(a.Out, "ERROR: ") {
			loads++
			lines += strings.Count(a.Out, "\n")
		}
		r, err := readTree(dir, Dump)
		v, why := compareAnswer(a, r, err)
		verdicts[v]++
		if v == differs {
			t.Errorf("tree %d: %s\n%s", seed, why, saveTree(t, dir, seed))
		}
		if seed%4 == 0 {
			sameTest(t, ref, dir, seed)
			tests++
		}
		_ = os.RemoveAll(dir)
	}
	t.Logf("%d of them with -t too", tests)
	t.Logf("%d trees: %d the same, %d refused by both, %d listed differences, %d differ; %d load in the reference with %d lines",
		trees, verdicts[same], verdicts[refused], verdicts[listed], verdicts[differs], loads, lines)
	if loads*100 < trees*60 {
		t.Errorf("only %d of %d trees load in the reference", loads, trees)
	}
	reportFeatures(t, count, need)
}

// sameTest compares the verdicts of -t.
func sameTest(t *testing.T, ref *referenceClient, dir string, seed int) {
	t.Helper()
	a := ref.run("-c", dir, "-t")
	r, err := readTree(dir, Test)
	if sound := err == nil && r.Sound(); sound == (a.Code == 0) {
		return
	}
	if err == nil && a.Code != 0 && slices.ContainsFunc(r.Findings, func(f Finding) bool { return listedCodes[f.Code] }) {
		return
	}
	t.Errorf("tree %d: -t gives %d; our result %+v, %v\n%s\n%s", seed, a.Code, r, err, a.Err, saveTree(t, dir, seed))
}

// reportFeatures prints how many trees hold each feature and fails for those
// that are too rare to mean anything.
func reportFeatures(t *testing.T, count map[string]int, need int) {
	var names []string
	for n := range count {
		names = append(names, n)
	}
	sort.Strings(names)
	var table strings.Builder
	for _, n := range names {
		fmt.Fprintf(&table, "%6d  %s\n", count[n], n)
		if count[n] < need {
			t.Errorf("only %d trees hold %q, %d wanted", count[n], n, need)
		}
	}
	t.Logf("%d features:\n%s", len(names), table.String())
}

// saveTree keeps a tree that differs where it can be looked at: with
// STOCKADE_KEEP set, as an archive in that folder.
func saveTree(t *testing.T, dir string, seed int) string {
	keep := os.Getenv("STOCKADE_KEEP")
	if keep == "" {
		return "set STOCKADE_KEEP to a folder to keep the tree"
	}
	path := filepath.Join(keep, fmt.Sprintf("tree-%d.txtar", seed))
	if err := os.WriteFile(path, []byte(formatTree(t, dir, fmt.Sprintf("seed %d", seed))), 0o644); err != nil {
		t.Fatal(err)
	}
	return "kept as " + path
}
