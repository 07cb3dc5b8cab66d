// Package pyre is Python 3.11's regular expression dialect as an engine of our
// own: a pattern is parsed, simplified, turned into a program, and run by a
// byte-code backtracking machine over UTF-8 text.
//
// It owns everything between the text of a pattern and the spans of a match.
// It promises the answers of Python's re module (same groups, same spans, same
// error texts), no allocation for a search, and that no search ever costs more
// steps than the budget it was given.
package pyre

import "slices"

// Flags are the options of Python's re module.
type Flags uint

// The flags; their letters inside a pattern are i, m, s, x, a and u.
const (
	IgnoreCase Flags = 1 << iota
	Multiline
	DotAll
	Verbose
	ASCII
	Unicode
)

// Regexp is a compiled pattern. It never changes and may be shared.
type Regexp struct {
	pattern string
	flags   Flags
	names   []string
	prog    *program
}

// Compile parses the pattern. The error is an *Error with Python's text.
func Compile(pattern string, flags Flags) (*Regexp, error) {
	root, p, err := parse(pattern, flags)
	if err != nil {
		return nil, err
	}
	re := &Regexp{pattern: pattern, flags: flags, names: make([]string, len(p.closed))}
	for name, index := range p.names {
		re.names[index] = name
	}
	root = resolve(simplify(root))
	re.prog = emitProgram(root, len(re.names)-1)
	re.prog.survey(root)
	return re, nil
}

// tree gives the simplified tree again: only diagnoses want it, and it is
// larger than the program.
func (re *Regexp) tree() *node {
	root, _, err := parse(re.pattern, re.flags)
	if err != nil {
		return emptyNode(0)
	}
	return simplify(root)
}

// String returns the pattern as it was given.
func (re *Regexp) String() string { return re.pattern }

// NumGroups counts the capturing groups, group 0 not among them.
func (re *Regexp) NumGroups() int { return len(re.names) - 1 }

// GroupIndex gives the number of a named group, or -1.
func (re *Regexp) GroupIndex(name string) int {
	if name == "" {
		return -1
	}
	return slices.Index(re.names, name)
}

// GroupNames gives the name of each group by number, "" for an unnamed one.
func (re *Regexp) GroupNames() []string { return slices.Clone(re.names) }

// FirstBytes gives the bytes a match can begin with; ok is false when it may
// be empty or begin with anything.
func (re *Regexp) FirstBytes() (set [256]bool, ok bool) {
	return re.prog.table, re.prog.useTable
}

// RequiredLiteral gives a text that every match contains, or nil.
func (re *Regexp) RequiredLiteral() []byte { return re.prog.literal }

// LateLiteral gives a text that every match contains behind the literal that it
// begins with, or nil.
func (re *Regexp) LateLiteral() []byte { return re.prog.late }

// BroadHead tells whether the pattern begins with something that matches
// nearly every text, so that RequiredLiteral is worth a look beforehand.
func (re *Regexp) BroadHead() bool { return re.prog.broad }

// Anchored tells whether a match can begin only at the start of the text.
func (re *Regexp) Anchored() bool { return re.prog.anchored }

// KnowsEnd tells whether EndFits can ever say no.
func (re *Regexp) KnowsEnd() bool { return re.prog.tail != nil }

// EndFits tells by its last bytes whether a match may be in the text at all.
func (re *Regexp) EndFits(text []byte) bool {
	t := re.prog.tail
	return t == nil || t.fits(text)
}
