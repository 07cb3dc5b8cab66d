// Package ini reads the INI dialect of Fail2ban: the line rules of Python's
// ConfigParser with ';' as inline comment, continuation by indentation and
// lower-cased option names.
//
// It owns the way from bytes to sections and promises that every value knows
// the line it stands on, that no input makes it use more memory than Limits
// allows, and that a fault in one section leaves the other sections readable.
// It knows nothing of interpolation, includes or layers; those are config's.
package ini

// DefaultSection is the name of the section that all others fall back to.
const DefaultSection = "DEFAULT"

// Value is the raw text of an option with the lines it came from.
type Value struct {
	// Text is the value, continuation lines joined by "\n".
	Text string
	// Line is the 1-based line that holds the option's name.
	Line int
	// Lines holds for each line of Text the line of the file, nil when the
	// value has one line.
	Lines []int
}

// LineOf gives the line of the file on which the n-th line of Text stands.
func (v Value) LineOf(n int) int {
	if n < 0 || n >= len(v.Lines) {
		return v.Line
	}
	return v.Lines[n]
}

// Option is a name with its value.
type Option struct {
	Name string
	// Written is the name as the file spells it, before lower-casing.
	Written string
	Value
}

// Section is a named list of options in the order of the file.
type Section struct {
	Name    string
	Line    int
	Options []Option
	index   map[string]int
}

// Get returns the option of that (lower-case) name.
func (s *Section) Get(name string) (*Option, bool) {
	i, ok := s.index[name]
	if !ok {
		return nil, false
	}
	return &s.Options[i], true
}

// File is a parsed file. A [DEFAULT] section, if present, stands among the
// Sections like any other.
type File struct {
	Name     string
	Sections []*Section
	index    map[string]*Section
}

// Section returns the section of that name.
func (f *File) Section(name string) (*Section, bool) {
	s, ok := f.index[name]
	return s, ok
}
