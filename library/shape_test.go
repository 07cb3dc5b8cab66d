package library_test

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"stockade/internal/config"
	"stockade/internal/filter"
	"stockade/library"
)

// TestLongTextsStayWithinBudget puts long texts into all that an attacker can
// write, and whole lines many times over: no filter may need more steps than
// the bound that a search has, which grows only with the line.
func TestLongTextsStayWithinBudget(t *testing.T) {
	const size = 6000
	for _, name := range ourFilters(t) {
		file, err := readSamples(library.Samples(), name)
		if err != nil {
			continue
		}
		filters := map[string]*filter.Filter{}
		told := 0
		for _, s := range file.samples {
			key := fmt.Sprint(s.params())
			if filters[key] == nil {
				filters[key] = openFilter(t, name, s.params())
			}
			f := filters[key]
			for _, line := range longLines(s, size) {
				before := f.BudgetHits()
				run(f, line, s.options["logtype"] == "journal")
				if f.BudgetHits() == before {
					continue
				}
				if told++; told <= 3 {
					t.Errorf("%s line %d %v: the search was given up: %.300s…", name, s.number, s.params(), line)
				}
			}
		}
	}
}

// longLines are versions of a sample that are long in one place.
func longLines(s sample, size int) []string {
	spans, err := freeSpans(s)
	if err != nil {
		return nil
	}
	out := []string{s.text + strings.Repeat(" "+s.text, size/len(s.text)), s.text + strings.Repeat(" x", size/2)}
	for _, span := range spans {
		before, field, after := s.text[:span[0]], s.text[span[0]:span[1]], s.text[span[1]:]
		pieces := []string{"x", " ", "x ", "((", "<>", `"\`, "1.1.1.1 ", "a:", field + " ", after, " " + field + after}
		for _, p := range pieces {
			if p != "" {
				out = append(out, before+strings.Repeat(p, size/len(p))+after)
			}
		}
	}
	return out
}

// TestFileFormReadsJournalLines runs the samples of the journal with filters
// that were set up for files: a jail with backend = auto is set up before it is
// known where its lines come from.
func TestFileFormReadsJournalLines(t *testing.T) {
	for _, name := range ourFilters(t) {
		file, err := readSamples(library.Samples(), name)
		if err != nil {
			continue
		}
		filters := map[string]*filter.Filter{}
		for _, s := range file.samples {
			if s.options["logtype"] != "journal" {
				continue
			}
			params := s.params()
			params["logtype"] = "file"
			key := fmt.Sprint(params)
			if filters[key] == nil {
				filters[key] = openFilter(t, name, params)
			}
			ids := run(filters[key], s.options["test.prefix-line"]+s.text, true)
			if (len(ids) == 1) != s.attack {
				t.Errorf("%s line %d: as of a file it gives %q\n    %s", name, s.number, ids, s.text)
			}
		}
	}
}

// TestFiltersHaveNoFindings asks what `stockade check` says about each filter
// with each set of options that its samples have.
func TestFiltersHaveNoFindings(t *testing.T) {
	dir := t.TempDir()
	var jails strings.Builder
	jails.WriteString("[DEFAULT]\nenabled = false\n")
	n := 0
	for _, name := range ourFilters(t) {
		file, err := readSamples(library.Samples(), name)
		if err != nil {
			continue
		}
		seen := map[string]bool{}
		for _, s := range file.samples {
			var opts []string
			for _, p := range paramList(s.params()) {
				opts = append(opts, fmt.Sprintf("%s=%q", p.Name, p.Value))
			}
			spec := name + "[" + strings.Join(opts, ", ") + "]"
			if !seen[spec] {
				seen[spec] = true
				n++
				fmt.Fprintf(&jails, "[try%d]\nenabled = true\nfilter = %s\nlogpath = /nonexistent\nskip_if_nologs = false\n", n, spec)
			}
		}
	}
	write(t, filepath.Join(dir, "jail.local"), jails.String())
	findings := config.Check(config.CheckOptions{
		Options: config.Options{Dir: dir, Library: library.Files()},
		Expand:  filter.SearchText,
	})
	looked := false
	for _, f := range findings {
		looked = looked || f.Code == "no-logs"
		if strings.Contains(f.Origin.File, "filter.d/") {
			t.Errorf("%s %v: %s\n    %s", f.Code, f.Origin, f.Text, f.Quote)
		}
	}
	if !looked {
		t.Errorf("the jails were not checked: %v", findings)
	}
}

// TestSyslogFiltersHaveSamplesOfEachForm wants attacks in the journal's form
// and in that of RFC 5424 for each filter that reads what syslog passes on, but
// for those with a prefix of their own.
func TestSyslogFiltersHaveSamplesOfEachForm(t *testing.T) {
	for _, name := range ourFilters(t) {
		text, err := fs.ReadFile(library.Files(), "filter.d/"+name+".conf")
		if err != nil {
			t.Fatal(err)
		}
		file, err := readSamples(library.Samples(), name)
		own := strings.Contains(string(text), "\n__prefix_line = ") && !strings.Contains(string(text), "known/__prefix_line")
		if err != nil || own || !strings.Contains(string(text), "\nbefore = common.conf\n") {
			continue
		}
		has := map[string]bool{}
		for _, s := range file.samples {
			has[s.options["logtype"]] = has[s.options["logtype"]] || s.attack
		}
		for _, form := range []string{"journal", "rfc5424"} {
			if !has[form] {
				t.Errorf("%s has no attack with logtype %s", name, form)
			}
		}
	}
}
