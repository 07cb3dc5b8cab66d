package library_test

import (
	"fmt"
	"strings"
	"testing"

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
