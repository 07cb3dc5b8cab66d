package trial

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"regexp"
	"strings"
)

// header is a line of a sample file that tells about the lines that follow.
var header = regexp.MustCompile(`^#+ ?(failJSON|(?:file|filter)Options|addFILE): ?(.+)$`)

// optionSet is one set of options that lines are run with.
type optionSet map[string]string

// params are the options for the filter itself.
func (o optionSet) params() map[string]string {
	out := map[string]string{}
	for k, v := range o {
		if !strings.HasPrefix(k, "test.") {
			out[k] = v
		}
	}
	return out
}

// key tells option sets with the same parameters.
func (o optionSet) key() string {
	b, err := json.Marshal(o.params())
	if err != nil {
		return ""
	}
	return string(b)
}

// over lays o over the base.
func (o optionSet) over(base optionSet) optionSet {
	out := optionSet{}
	for k, v := range base {
		out[k] = v
	}
	for k, v := range o {
		out[k] = v
	}
	return out
}

// expectation is what a line must lead to.
type expectation map[string]any

// sample is a line with what is expected of it.
type sample struct {
	file   string
	number int
	text   []byte
	expect expectation
	sets   []optionSet
}

// sampleFile reads samples from a folder.
type sampleFile struct {
	folder fs.FS
	// base are the file options, sets the option sets in force.
	base optionSet
	sets []optionSet
	// more are files that addFILE named.
	more []string
}

// each calls f for every log line of a file. An error names the line that
// cannot be understood.
func (s *sampleFile) each(name string, f func(sample) error) error {
	content, err := fs.ReadFile(s.folder, name)
	if err != nil {
		return fmt.Errorf("read samples: %w", err)
	}
	var expect expectation
	number := 0
	for line := range bytes.Lines(content) {
		number++
		line = bytes.TrimRight(line, "\r\n")
		m := header.FindSubmatch(line)
		if m != nil {
			if expect, err = s.header(string(m[1]), m[2], expect); err != nil {
				return fmt.Errorf("%s:%d: %w", name, number, err)
			}
			continue
		}
		if expect == nil && (len(line) == 0 || line[0] == '#') {
			continue
		}
		if err := f(sample{name, number, line, expect, s.sets}); err != nil {
			return err
		}
		expect = nil
	}
	return nil
}

// header takes a header line in and returns what is expected of the next line.
func (s *sampleFile) header(kind string, text []byte, expect expectation) (expectation, error) {
	switch kind {
	case "failJSON":
		expect = expectation{}
		if err := json.Unmarshal(text, &expect); err != nil {
			return nil, fmt.Errorf("failJSON: %w", err)
		}
	case "fileOptions":
		s.base = optionSet{}
		if err := json.Unmarshal(text, &s.base); err != nil {
			return nil, fmt.Errorf("fileOptions: %w", err)
		}
	case "filterOptions":
		var sets []optionSet
		if err := json.Unmarshal(text, &sets); err != nil {
			var one optionSet
			if err := json.Unmarshal(text, &one); err != nil {
				return nil, fmt.Errorf("filterOptions: %w", err)
			}
			sets = []optionSet{one}
		}
		s.sets = s.sets[:0:0]
		for _, o := range sets {
			s.sets = append(s.sets, o.over(s.base))
		}
	case "addFILE":
		var name string
		if err := json.Unmarshal(text, &name); err != nil {
			return nil, fmt.Errorf("addFILE: %w", err)
		}
		s.more = append(s.more, name)
	}
	return expect, nil
}
