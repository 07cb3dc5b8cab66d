package config

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"stockade/internal/testenv"
)

// referenceClient is the reference's client, kept running so that its start is paid
// once for thousands of trees.
type referenceClient struct {
	*testenv.Dialogue
	tb   testing.TB
	dir  string
	runs int
}

// answer is what one run of the client gave.
type answer struct {
	Out, Err string
	Code     int
}

// newReference starts the client of an unpacked reference.
func newReference(tb testing.TB) *referenceClient {
	tb.Helper()
	dir := testenv.Reference(tb)
	cmd := testenv.ReferenceCommand(tb, "testdata/reference.py", filepath.Join(dir, "usr/bin/fail2ban-client"))
	return &referenceClient{Dialogue: testenv.Talk(tb, cmd), tb: tb, dir: dir}
}

// run runs the client once.
func (r *referenceClient) run(args ...string) answer {
	r.tb.Helper()
	line, err := json.Marshal(map[string][]string{"argv": args})
	if err != nil {
		r.tb.Fatal(err)
	}
	if _, err := r.In.Write(append(line, '\n')); err != nil {
		r.tb.Fatal(err)
	}
	reply, err := r.Out.ReadBytes('\n')
	if err != nil {
		r.tb.Fatalf("the reference's driver: %v", err)
	}
	var a answer
	if err := json.Unmarshal(reply, &a); err != nil {
		r.tb.Fatal(err)
	}
	r.runs++
	return a
}

// stream gives the lines of -d for a tree.
func (r *referenceClient) stream(dir string) ([]string, answer) {
	a := r.run("-c", dir, "-d")
	return strings.Split(strings.TrimSuffix(a.Out, "\n"), "\n"), a
}

// diffLines shows the first lines in which two streams differ, cut around the
// place.
func diffLines(want, got []string) string {
	var b strings.Builder
	shown := 0
	for i := 0; i < max(len(want), len(got)) && shown < 3; i++ {
		w, g := "(nothing)", "(nothing)"
		if i < len(want) {
			w = want[i]
		}
		if i < len(got) {
			g = got[i]
		}
		if w == g {
			continue
		}
		at := 0
		for at < len(w) && at < len(g) && w[at] == g[at] {
			at++
		}
		fmt.Fprintf(&b, "line %d, from byte %d:\n  reference %s\n  stockade  %s\n", i+1, at, around(w, at), around(g, at))
		shown++
	}
	return b.String()
}

func around(s string, at int) string {
	lo, hi := max(0, at-100), min(len(s), at+160)
	return strings.ToValidUTF8(s[lo:hi], "?")
}
