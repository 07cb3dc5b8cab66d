package ini

import "fmt"

// Kind says what is wrong with a line.
type Kind int

// The kinds of faults.
const (
	// BadSyntax is a line that is neither option, section nor comment.
	BadSyntax Kind = iota
	// NoSection is an option that stands before the first section.
	NoSection
	// DuplicateOption is an option given twice in one section of one file.
	DuplicateOption
	// DuplicateSection is a section opened twice in one file.
	DuplicateSection
	// Undecodable is a file that is not UTF-8.
	Undecodable
	// TooLarge is a file larger than the limit.
	TooLarge
	// Unreadable is a file that gave a read error.
	Unreadable
)

// Fault is one thing wrong with a file.
type Fault struct {
	Kind Kind
	File string
	Line int
	// Section is the section the fault belongs to, empty before the first.
	Section string
	// Option is the option concerned, if any.
	Option string
	// Quote is the offending text.
	Quote string
	// First is the line of the first occurrence of a duplicate.
	First int
	// Err is the cause of an Unreadable file.
	Err error
}

// Error gives the fault as "file:line: what is wrong".
func (f Fault) Error() string {
	return fmt.Sprintf("%s:%d: %s", f.File, f.Line, f.Text())
}

// Text says what is wrong, without the place.
func (f Fault) Text() string {
	return ""
}
