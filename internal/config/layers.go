package config

import (
	"path/filepath"
	"regexp"
	"strings"

	"stockade/internal/ini"
)

// value is one definition of an option: what a file says.
type value struct {
	text  string
	file  *sourceFile
	line  int
	lines []int
	// prev is the definition in the same section that this one replaced.
	prev *value
}

func (v *value) origin() Origin {
	if v == nil || v.file == nil {
		return Origin{}
	}
	return v.file.origin(v.line)
}

// lineOf gives the place of the n-th line of the text.
func (v *value) lineOf(n int) int {
	if n < len(v.lines) {
		return v.lines[n]
	}
	return v.line
}

// layered is a section put together from all files of a set.
type layered struct {
	name  string
	order []string
	opts  map[string]*value
	// places are the headers in the files, in read order.
	places []Origin
	// broken are the faults that make the section unreliable.
	broken []ini.Fault
	// spelled maps names to the spelling of the file, where it differs.
	spelled map[string]string
}

func newLayered(name string) *layered {
	return &layered{name: name, opts: map[string]*value{}}
}

func (s *layered) set(name string, v *value) {
	old, ok := s.opts[name]
	if !ok {
		s.order = append(s.order, name)
	}
	v.prev = old
	s.opts[name] = v
}

// shadow is the section of the values that were replaced: all that <known/name>
// sees.
func (s *layered) shadow() *layered {
	shadow := newLayered(s.name)
	for _, name := range s.order {
		if v := s.opts[name].prev; v != nil {
			shadow.order = append(shadow.order, name)
			shadow.opts[name] = v
		}
	}
	return shadow
}

// fileSet is what a logical name ("jail", "filter.d/sshd") came to.
type fileSet struct {
	name     string
	files    []*sourceFile
	defaults *layered
	sections map[string]*layered
	order    []string
	// whole are faults that make the set unusable; partial those of a section.
	whole []ini.Fault
	// includes are the faults found while following [INCLUDES].
	includes []*problem
	// sum, library and changed remember digest.
	sum     string
	library bool
	changed Origin
}

func newFileSet(name string) *fileSet {
	return &fileSet{name: name, defaults: newLayered(ini.DefaultSection), sections: map[string]*layered{}}
}

// section returns a section other than DEFAULT.
func (s *fileSet) section(name string) (*layered, bool) {
	l, ok := s.sections[name]
	return l, ok
}

// lookup finds the raw definition of an option in a section, falling back to
// DEFAULT.
func (s *fileSet) lookup(sec *layered, name string) *value {
	if sec != nil {
		if v, ok := sec.opts[name]; ok {
			return v
		}
	}
	return s.defaults.opts[name]
}

// conditional is the form of a section whose options hold under a condition.
var conditional = regexp.MustCompile(`^(\w+)(\?.+)$`)

// merge lays a file over what was read before.
func (s *fileSet) merge(f *sourceFile) {
	s.files = append(s.files, f)
	for _, fault := range f.faults {
		if fault.Whole() {
			s.whole = append(s.whole, fault)
		}
	}
	if f.ini == nil {
		return
	}
	for _, sec := range f.ini.Sections {
		if sec.Name == ini.DefaultSection {
			s.lay(s.defaults, f, sec, "")
			continue
		}
		name, suffix := sec.Name, ""
		if m := conditional.FindStringSubmatch(sec.Name); m != nil {
			name, suffix = m[1], m[2]
		}
		l, ok := s.sections[name]
		if !ok {
			l = newLayered(name)
			s.sections[name] = l
			s.order = append(s.order, name)
		}
		s.lay(l, f, sec, suffix)
	}
}

func (s *fileSet) lay(l *layered, f *sourceFile, sec *ini.Section, suffix string) {
	l.places = append(l.places, f.origin(sec.Line))
	for i := range sec.Options {
		o := &sec.Options[i]
		l.set(o.Name+suffix, &value{text: o.Text, file: f, line: o.Line, lines: o.Lines})
		if o.Written != o.Name {
			if l.spelled == nil {
				l.spelled = map[string]string{}
			}
			l.spelled[o.Name] = o.Written
		}
	}
	for _, fault := range f.faults {
		if !fault.Whole() && fault.Section == sec.Name {
			l.broken = append(l.broken, fault)
		}
	}
}

// load reads all files of a logical name with their includes.
func (o *overlay) load(name string) *fileSet {
	set := newFileSet(name)
	for _, path := range o.group(filepath.Join(o.dir, name)) {
		o.include(set, path, nil)
	}
	return set
}

// include merges a file with all that it includes, depth first.
func (o *overlay) include(set *fileSet, path string, chain []string) {
	f := o.read(path)
	chain = append(chain[:len(chain):len(chain)], path)
	before := o.includeList(set, f, path, "before", chain)
	after := o.includeList(set, f, path, "after", chain)
	for _, p := range before {
		o.include(set, p, chain)
	}
	set.merge(f)
	for _, p := range after {
		o.include(set, p, chain)
	}
}

// includeList resolves one list of [INCLUDES]: relative to the file's folder,
// each followed by its .local sibling, without what is missing or already
// being read.
func (o *overlay) includeList(set *fileSet, f *sourceFile, path, option string, chain []string) []string {
	if f.ini == nil {
		return nil
	}
	sec, ok := f.ini.Section("INCLUDES")
	if !ok {
		return nil
	}
	if _, ok := sec.Get(option); !ok {
		return nil
	}
	one := newFileSet(set.name)
	one.merge(f)
	text, err := (&scope{set: one, section: one.sections["INCLUDES"], base: o.dir}).get(option)
	if err != nil {
		set.includes = append(set.includes, err)
		return nil
	}
	var names []string
	for _, line := range strings.Split(text.text, "\n") {
		line = ini.TrimSpace(line)
		if line == "" {
			continue
		}
		if !filepath.IsAbs(line) {
			line = filepath.Join(filepath.Dir(path), line)
		}
		names = append(names, filepath.Clean(line))
	}
	return o.withLocals(names, chain)
}

func (o *overlay) withLocals(names, chain []string) []string {
	var out []string
	for _, name := range names {
		if contains(chain, name) {
			continue
		}
		if o.includable(name) {
			out = append(out, name)
		}
		local := strings.TrimSuffix(name, filepath.Ext(name)) + ".local"
		if !contains(names, local) && !contains(chain, local) && o.includable(local) {
			out = append(out, local)
		}
	}
	return out
}

func contains(list []string, s string) bool {
	for _, e := range list {
		if e == s {
			return true
		}
	}
	return false
}
