package library_test

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"stockade/internal/testenv"
	"stockade/library"
)

// TestReferenceAcceptsLibrary keeps the way back open: the reference must read
// the exported library without a complaint.
func TestReferenceAcceptsLibrary(t *testing.T) {
	reference := testenv.Reference(t)
	dir := t.TempDir()
	if err := os.CopyFS(dir, library.Files()); err != nil {
		t.Fatal(err)
	}
	log := filepath.Join(dir, "some.log")
	write(t, log, "")
	jails := "[DEFAULT]\nenabled = true\n"
	for _, name := range jailNames(t) {
		jails += fmt.Sprintf("[%s]\nlogpath = %s\n", name, log)
	}
	write(t, filepath.Join(dir, "jail.local"), jails)
	out, err := testenv.Program(reference, "client", "-c", dir, "-t").CombinedOutput()
	if err != nil || !strings.HasSuffix(string(out), "OK: configuration test is successful\n") {
		t.Errorf("%v\n%s", err, out)
	}
}

// jailNames are the jails that the library preconfigures.
func jailNames(t *testing.T) []string {
	t.Helper()
	text, err := fs.ReadFile(library.Files(), "jail.conf")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, m := range regexp.MustCompile(`(?m)^\[([\w-]+)\]`).FindAllStringSubmatch(string(text), -1) {
		if m[1] != "DEFAULT" && m[1] != "INCLUDES" {
			names = append(names, m[1])
		}
	}
	return names
}

// TestReferenceRunsSamples runs our filters over our samples with the
// reference's own sample test.
func TestReferenceRunsSamples(t *testing.T) {
	run := sampleRun(t)
	if err := os.CopyFS(run.logs, library.Samples()); err != nil {
		t.Fatal(err)
	}
	for _, failure := range run.failures(t) {
		t.Error(failure)
	}
}

// TestFiltersMatchReferenceSamples runs our filters over the samples that the
// reference ships, again with its own test.
func TestFiltersMatchReferenceSamples(t *testing.T) {
	run := sampleRun(t)
	if err := os.CopyFS(run.logs, os.DirFS(filepath.Join(run.reference, samplesPath))); err != nil {
		t.Fatal(err)
	}
	dropListed(t, run.logs)
	for _, name := range ourFilters(t) {
		if _, err := os.Stat(filepath.Join(run.logs, name)); os.IsNotExist(err) {
			if err := os.Remove(filepath.Join(run.dir, "config/filter.d", name+".conf")); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, failure := range run.failures(t) {
		// Lines that only we know have no sample there.
		if strings.Contains(failure, "Regex has no samples") {
			continue
		}
		t.Error(failure)
	}
}

const samplesPath = "usr/lib/python3/dist-packages/fail2ban/tests/files/logs"

// runner is a copy of the reference's test suite over our configuration and
// a folder of samples that is still empty.
type runner struct{ reference, dir, logs string }

func sampleRun(t *testing.T) runner {
	t.Helper()
	r := runner{reference: testenv.Reference(t), dir: t.TempDir()}
	program := filepath.Join(r.reference, "usr/bin/fail2ban-testcases")
	if _, err := os.Stat(program); err != nil {
		testenv.Skip(t, "this reference comes without its sample test")
	}
	source := filepath.Join(r.reference, "usr/lib/python3/dist-packages/fail2ban")
	if err := os.CopyFS(filepath.Join(r.dir, "fail2ban"), os.DirFS(source)); err != nil {
		t.Fatalf("copy the reference: %v", err)
	}
	script, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(r.dir, "bin/fail2ban-testcases"), string(script))
	if err := os.CopyFS(filepath.Join(r.dir, "config"), library.Files()); err != nil {
		t.Fatal(err)
	}
	// Its own example filters have no samples in our folder.
	examples, err := filepath.Glob(filepath.Join(r.dir, "fail2ban/tests/config/filter.d/zzz-*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range examples {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
	r.logs = filepath.Join(r.dir, "fail2ban/tests/files/logs")
	if err := os.RemoveAll(r.logs); err != nil {
		t.Fatal(err)
	}
	return r
}

// failures runs the suite and returns the report of each failed test. One
// test only counts filters, and is left out.
func (r runner) failures(t *testing.T) []string {
	t.Helper()
	cmd := exec.Command("/usr/bin/python3", "bin/fail2ban-testcases", "--no-network", "-n", "samplestestcase")
	cmd.Dir = r.dir
	cmd.Env = append(os.Environ(), "PYTHONPATH="+r.dir)
	out, _ := cmd.CombinedOutput()
	text := string(out)
	if !strings.Contains(text, "\nRan ") {
		t.Fatalf("the reference's sample test did not run:\n%s", text)
	}
	parts := strings.Split(text, strings.Repeat("=", 70)+"\n")
	var failures []string
	for _, part := range parts[1:] {
		if !strings.HasPrefix(part, "FAIL: testFiltersPresent") {
			failures = append(failures, part)
		}
	}
	return failures
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
