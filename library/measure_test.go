package library_test

import (
	"bufio"
	"bytes"
	_ "embed"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"stockade/internal/testenv"
	"stockade/internal/trial"
	"stockade/library"
)

// differences lists the lines of the reference's samples for which our filters
// give something else, each with its reason:
//
//	FILTER LINE[,LINE…]: REASON
//
//go:embed testdata/differences.txt
var differences string

// difference is a sample line of the reference, by file and number.
type difference struct {
	filter string
	line   int
}

func listedDifferences(t *testing.T) map[difference]string {
	t.Helper()
	out := map[difference]string{}
	for line := range strings.Lines(differences) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		where, why, ok := strings.Cut(line, ": ")
		name, numbers, both := strings.Cut(where, " ")
		if !ok || !both || why == "" {
			t.Fatalf("differences.txt: %q has no filter, line or reason", line)
		}
		for _, n := range strings.Split(numbers, ",") {
			number, err := strconv.Atoi(n)
			if err != nil {
				t.Fatalf("differences.txt: %q: %v", line, err)
			}
			out[difference{name, number}] = why
		}
	}
	return out
}

// referenceSamples is the folder of the sample files that the reference ships.
func referenceSamples(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(testenv.Reference(t), samplesPath)
	if _, err := os.Stat(dir); err != nil {
		testenv.Skip(t, "this reference comes without its samples")
	}
	return dir
}

// only names the filters that are looked at, all if it is empty.
var only = flag.String("filter", "", "names of filters with commas between them: test these alone")

// ourFilters are the names of the library's filters.
func ourFilters(t *testing.T) []string {
	t.Helper()
	paths, err := fs.Glob(library.Files(), "filter.d/*.conf")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, p := range paths {
		name := strings.TrimSuffix(filepath.Base(p), ".conf")
		wanted := *only == "" || slices.Contains(strings.Split(*only, ","), name)
		if wanted && !strings.HasSuffix(name, "common") {
			names = append(names, name)
		}
	}
	return names
}

var wrongLine = regexp.MustCompile(`^(.+):(\d+): (.*)$`)

// TestReferenceSamples runs our filters over the labelled lines that the
// reference ships for its own, and counts what we find of them.
func TestReferenceSamples(t *testing.T) {
	folder := referenceSamples(t)
	listed := listedDifferences(t)
	seen := map[difference]bool{}
	var attacks, found, others, quiet int
	for _, name := range ourFilters(t) {
		file, err := readSamples(os.DirFS(folder), name)
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		m := measure{t: t, name: name, file: file, listed: listed, seen: seen}
		m.run(filepath.Join(folder, name))
		t.Logf("%-20s attacks %d of %d, others quiet %d of %d", name, m.attacks-m.missed, m.attacks, m.others-m.loud, m.others)
		attacks, found = attacks+m.attacks, found+m.attacks-m.missed
		others, quiet = others+m.others, quiet+m.others-m.loud
	}
	t.Logf("all: %d of %d attack lines found, %d of %d others left alone", found, attacks, quiet, others)
	for d := range listed {
		if !seen[d] && slices.Contains(ourFilters(t), d.filter) {
			t.Errorf("differences.txt lists %s line %d, which is as in the reference", d.filter, d.line)
		}
	}
	if found*100 < attacks*99 && *only == "" {
		t.Errorf("%d of %d attack lines are less than 99 of 100", found, attacks)
	}
}

// measure is the run of one filter over one file.
type measure struct {
	t                             *testing.T
	name                          string
	file                          *sampleFile
	listed                        map[difference]string
	seen                          map[difference]bool
	attacks, missed, others, loud int
}

func (m *measure) run(path string) {
	for _, s := range m.file.samples {
		if s.attack {
			m.attacks++
		} else {
			m.others++
		}
	}
	var out, errs bytes.Buffer
	trial.FilterTest([]string{path}, trial.Env{Program: "stockade", Stdout: &out, Stderr: &errs, Library: library.Files(), Samples: library.Samples()})
	if errs.Len() > 0 {
		m.t.Errorf("%s: %s", m.name, errs.String())
		return
	}
	lines := bufio.NewScanner(&out)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		w := wrongLine.FindStringSubmatch(lines.Text())
		if w == nil || strings.HasPrefix(lines.Text(), "    ") {
			continue
		}
		lines.Scan()
		number, _ := strconv.Atoi(w[2])
		m.wrong(filepath.Base(w[1]), number, w[3], strings.TrimSpace(lines.Text()))
	}
}

func (m *measure) wrong(file string, number int, why, line string) {
	if strings.Contains(why, "but nothing is expected") {
		m.loud++
	} else {
		m.missed++
	}
	d := difference{file, number}
	m.seen[d] = true
	if m.listed[d] == "" {
		m.t.Errorf("%s %d: %s\n    %s", file, number, why, line)
	}
}

// dropListed removes the lines of the listed differences, with what is said
// about them, from copies of the reference's samples.
func dropListed(t *testing.T, folder string) {
	t.Helper()
	byFile := map[string][]int{}
	for d := range listedDifferences(t) {
		byFile[d.filter] = append(byFile[d.filter], d.line)
	}
	for name, numbers := range byFile {
		path := filepath.Join(folder, name)
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(fmt.Errorf("differences.txt: %w", err))
		}
		lines := strings.SplitAfter(string(text), "\n")
		for _, n := range numbers {
			// Comments and blank lines keep the numbers as they are.
			lines[n-1] = "\n"
			if n > 1 && strings.Contains(lines[n-2], "failJSON") {
				lines[n-2] = "\n"
			}
		}
		write(t, path, strings.Join(lines, ""))
	}
}

func fileExists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// TestEveryStockFilterIsThere compares names: users enable filters by them.
func TestEveryStockFilterIsThere(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join(testenv.Reference(t), "etc/fail2ban/filter.d/*.conf"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("the reference's filters: %v", err)
	}
	for _, p := range paths {
		name := "filter.d/" + filepath.Base(p)
		if _, err := fs.Stat(library.Files(), name); err != nil {
			t.Errorf("%s is missing", name)
		}
	}
}
