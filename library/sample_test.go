package library_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"regexp"
	"strings"
)

// sample is one line of a sample file with one set of options.
type sample struct {
	number int
	text   string
	// attack says that a failure is expected.
	attack bool
	host   string
	// free are the parts of the line that an attacker wrote.
	free    []string
	options map[string]string
}

// sampleFile is what one sample file holds.
type sampleFile struct {
	name    string
	samples []sample
	// noFree is the reason why nothing in the lines is free.
	noFree string
	// anyFree tells whether some line has a free part.
	anyFree bool
}

var (
	sampleHeader = regexp.MustCompile(`^#+ ?(failJSON|filterOptions|fileOptions|addFILE|free): ?(.+)$`)
	modeEquals   = regexp.MustCompile(`^opts\.get\(['"](\w+)['"]\) *(==|!=) *['"](.*)['"]$`)
	nameEquals   = regexp.MustCompile(`^name *(==|!=) *['"](.*)['"]$`)
)

// readSamples reads a sample file of ours or of the reference and the files
// that it adds; each line comes once for each set of options it is run with.
func readSamples(folder fs.FS, name string) (*sampleFile, error) {
	f := &sampleFile{name: name}
	r := &sampleReader{file: f, sets: []map[string]string{{}}, queue: []string{name}}
	for len(r.queue) > 0 {
		next := r.queue[0]
		r.queue = r.queue[1:]
		content, err := fs.ReadFile(folder, next)
		if err != nil {
			return nil, err
		}
		number := 0
		for line := range bytes.Lines(content) {
			number++
			if err := r.line(number, bytes.TrimRight(line, "\r\n")); err != nil {
				return nil, fmt.Errorf("%s:%d: %w", next, number, err)
			}
		}
	}
	return f, nil
}

// sampleReader is where the reading of a sample file stands.
type sampleReader struct {
	file   *sampleFile
	base   map[string]string
	sets   []map[string]string
	expect map[string]any
	free   []string
	queue  []string
}

func (r *sampleReader) line(number int, line []byte) (err error) {
	m := sampleHeader.FindSubmatch(line)
	if m == nil {
		if r.expect != nil || (len(line) > 0 && line[0] != '#') {
			r.file.add(sample{number: number, text: string(line), free: r.free}, r.expect, r.sets)
			r.expect, r.free = nil, nil
		}
		return nil
	}
	switch string(m[1]) {
	case "failJSON":
		r.expect = map[string]any{}
		return json.Unmarshal(m[2], &r.expect)
	case "fileOptions":
		r.base = map[string]string{}
		return json.Unmarshal(m[2], &r.base)
	case "filterOptions":
		r.sets, err = optionSets(m[2], r.base)
		return err
	case "addFILE":
		var name string
		err = json.Unmarshal(m[2], &name)
		r.queue = append(r.queue, name)
		return err
	}
	if why, none := strings.CutPrefix(string(m[2]), "none, because "); none {
		r.file.noFree = why
		return nil
	}
	r.free = nil
	return json.Unmarshal(m[2], &r.free)
}

func optionSets(text []byte, base map[string]string) ([]map[string]string, error) {
	var sets []map[string]string
	if err := json.Unmarshal(text, &sets); err != nil {
		sets = make([]map[string]string, 1)
		if err := json.Unmarshal(text, &sets[0]); err != nil {
			return nil, err
		}
	}
	for i, set := range sets {
		sets[i] = map[string]string{}
		maps.Copy(sets[i], base)
		maps.Copy(sets[i], set)
	}
	return sets, nil
}

func (f *sampleFile) add(s sample, expect map[string]any, sets []map[string]string) {
	s.attack, _ = expect["match"].(bool)
	s.host, _ = expect["host"].(string)
	f.anyFree = f.anyFree || len(s.free) > 0
	for _, set := range sets {
		s.options = set
		condition, _ := expect["constraint"].(string)
		if holds(set["test.condition"], f.name, set) && holds(condition, f.name, set) {
			f.samples = append(f.samples, s)
		}
	}
}

// holds judges the few forms of conditions that sample files have.
func holds(condition, name string, set map[string]string) bool {
	if m := nameEquals.FindStringSubmatch(condition); m != nil {
		return (name == m[2]) == (m[1] == "==")
	}
	if m := modeEquals.FindStringSubmatch(condition); m != nil {
		return (set[m[1]] == m[3]) == (m[2] == "==")
	}
	return true
}

// params are the options that are the filter's.
func (s sample) params() map[string]string {
	out := map[string]string{}
	for k, v := range s.options {
		if !strings.HasPrefix(k, "test.") {
			out[k] = v
		}
	}
	return out
}
