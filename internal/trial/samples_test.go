package trial

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"stockade/internal/testenv"
	"stockade/library"
)

// referenceTests is the folder of the reference's own tests.
func referenceTests(dir string) string {
	return filepath.Join(dir, "usr/lib/python3/dist-packages/fail2ban/tests")
}

// sampleTree makes a configuration of the reference's filters and the two of
// its test suite, which include a file by a path that the package lacks.
func sampleTree(t *testing.T, dir string) string {
	t.Helper()
	tree := t.TempDir()
	if err := os.CopyFS(filepath.Join(tree, "filter.d"), os.DirFS(filepath.Join(dir, "etc/fail2ban/filter.d"))); err != nil {
		t.Fatal(err)
	}
	before := regexp.MustCompile(`(?m)^before *=.*$`)
	files, err := filepath.Glob(filepath.Join(referenceTests(dir), "config/filter.d/zzz-*.conf"))
	if err != nil || len(files) == 0 {
		t.Fatalf("the reference's test filters: %v", err)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		text = before.ReplaceAll(text, []byte("before = common.conf"))
		if err := os.WriteFile(filepath.Join(tree, "filter.d", filepath.Base(f)), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return tree
}

// sampleFiles are the sample logs that have a filter.
func sampleFiles(t *testing.T, dir, tree string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(referenceTests(dir), "files/logs/*"))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, f := range files {
		if _, err := os.Stat(filepath.Join(tree, "filter.d", filepath.Base(f)+".conf")); err == nil {
			out = append(out, f)
		}
	}
	return out
}

// filterTest runs the program and returns what it printed.
func filterTest(t *testing.T, args ...string) (string, int) {
	t.Helper()
	var out, errs bytes.Buffer
	status := FilterTest(args, Env{Program: "stockade", Stdout: &out, Stderr: &errs, Library: library.Files(), Samples: library.Samples()})
	if errs.Len() > 0 {
		t.Fatalf("%s", errs.String())
	}
	return out.String(), status
}

// countScript runs the reference's own sample tests and counts the lines that
// they process.
const countScript = `
import os, sys, unittest
from fail2ban.tests import utils, samplestestcase
from fail2ban.server.filter import Filter
sys.stdout = open(os.devnull, "w")
options = utils.DefaultTestOptions()
utils.initProcess(options)
utils.initTests(options)
count = 0
plain = Filter.processLine
def counted(self, *args, **kwargs):
    global count
    count += 1
    return plain(self, *args, **kwargs)
Filter.processLine = counted
tests = unittest.TestSuite(t for t in unittest.defaultTestLoader.loadTestsFromTestCase(samplestestcase.FilterSamplesRegex) if "ZZZ" not in t.id())
result = unittest.TextTestRunner(stream=open(os.devnull, "w")).run(tests)
sys.__stdout__.write("%d %d" % (count, len(result.failures) + len(result.errors)))
`

// TestSampleCountIsTheReferences counts the evaluations of the reference's own
// runner. (The filters of its test suite are left out: as packaged it cannot
// read them.)
func TestSampleCountIsTheReferences(t *testing.T) {
	dir := testenv.Reference(t)
	config := filepath.Join(dir, "etc/fail2ban")
	cmd := testenv.ReferenceCommand(t, "-W", "ignore", "-c", countScript)
	cmd.Env = append(cmd.Env, "FAIL2BAN_CONFIG_DIR="+config)
	text, err := cmd.Output()
	if err != nil {
		testenv.Skip(t, "the reference's own sample tests do not run here: "+err.Error())
	}
	var theirs, bad int
	if _, err := fmt.Sscan(string(text), &theirs, &bad); err != nil || bad > 0 {
		t.Fatalf("the reference's own tests: %q %v", text, err)
	}
	out, _ := filterTest(t, append([]string{"-c", config, "--library", "none"}, sampleFiles(t, dir, config)...)...)
	if want := fmt.Sprintf("%d passed, 0 failed\n", theirs); !strings.HasSuffix(out, want) {
		t.Errorf("got %s, the reference counts %s", out, want)
	}
}

// TestReferenceSamplesAgree runs every sample log of the reference through its
// own filters.
func TestReferenceSamplesAgree(t *testing.T) {
	dir := testenv.Reference(t)
	tree := sampleTree(t, dir)
	out, status := filterTest(t, append([]string{"-c", tree, "--library", "none"}, sampleFiles(t, dir, tree)...)...)
	last := out[strings.LastIndexByte(strings.TrimSpace(out), '\n')+1:]
	t.Logf("reference %s: %s", testenv.Version(dir), strings.TrimSpace(last))
	if status != 0 || !strings.HasSuffix(last, " 0 failed\n") {
		t.Errorf("status %d\n%s", status, out)
	}
}

// TestFlippedSamplesFail turns the expectation of some samples around.
func TestFlippedSamplesFail(t *testing.T) {
	dir := testenv.Reference(t)
	tree := sampleTree(t, dir)
	files := sampleFiles(t, dir, tree)
	logs := t.TempDir()
	rnd := rand.New(rand.NewPCG(1, 50))
	label := regexp.MustCompile(`(?m)^(# failJSON: .*"match": )(true|false)(.*)$`)
	const want = 50
	flipped := map[string]bool{}
	for len(flipped) < want {
		f := files[rnd.IntN(len(files))]
		name := filepath.Base(f)
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		// A sample under a constraint or in several modes would fail any number
		// of times.
		if bytes.Contains(text, []byte("Options:")) || bytes.Contains(text, []byte("constraint")) || bytes.Contains(text, []byte("addFILE")) {
			continue
		}
		at := label.FindAllSubmatchIndex(text, -1)
		if len(at) == 0 {
			continue
		}
		m := at[rnd.IntN(len(at))]
		key := fmt.Sprintf("%s %d", name, m[0])
		if flipped[key] {
			continue
		}
		flipped[key] = true
		word := "true"
		if string(text[m[4]:m[5]]) == word {
			word = "false"
		}
		text = append(append(text[:m[4]:m[4]], word...), text[m[5]:]...)
		file := filepath.Join(logs, fmt.Sprint(len(flipped)), name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		out, status := filterTest(t, "-c", tree, "--library", "none", file)
		if status != 1 || !strings.HasSuffix(out, " 1 failed\n") {
			t.Errorf("%s: status %d\n%s", key, status, out)
		}
	}
}

func TestLibrarySamplesPass(t *testing.T) {
	out, status := filterTest(t)
	if status != 0 || !strings.HasSuffix(out, " 0 failed\n") || strings.HasPrefix(out, "0 passed") {
		t.Errorf("status %d\n%s", status, out)
	}
}
