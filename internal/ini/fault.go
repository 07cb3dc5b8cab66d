package ini

import "fmt"

// Kind says what is wrong with a line.
type Kind int

// The kinds of faults.
const (
	// BadSyntax is a line that is neither option, section nor comment.
	BadSyntax Kind = iota
	// NoSection is a line that stands before the first section.
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
	// Quote is the offending text, shortened.
	Quote string
	// First is the line of the first occurrence of a duplicate.
	First int
	// Limit is the limit that was exceeded.
	Limit int64
	// Err is the cause of an Unreadable file.
	Err error
}

// Whole tells whether the fault makes the whole file unusable rather than one
// section of it.
func (f Fault) Whole() bool {
	switch f.Kind {
	case NoSection, Undecodable, TooLarge, Unreadable:
		return true
	default:
		return false
	}
}

// Error gives the fault as "file:line: what is wrong".
func (f Fault) Error() string {
	if f.Line == 0 {
		return f.File + ": " + f.Text()
	}
	return fmt.Sprintf("%s:%d: %s", f.File, f.Line, f.Text())
}

// Unwrap gives the cause of an Unreadable file.
func (f Fault) Unwrap() error { return f.Err }

// Text says what is wrong, without the place.
func (f Fault) Text() string {
	switch f.Kind {
	case BadSyntax:
		return "neither an option (name = value) nor a [section] nor a comment"
	case NoSection:
		if f.Quote != "" && []rune(f.Quote)[0] == '\ufeff' {
			return "the file begins with a byte order mark, which hides its first section"
		}
		return "text before the first [section]"
	case DuplicateOption:
		return fmt.Sprintf("option %q stands twice in section [%s] (first on line %d)", f.Option, f.Section, f.First)
	case DuplicateSection:
		return fmt.Sprintf("section [%s] stands twice in this file (first on line %d)", f.Section, f.First)
	case Undecodable:
		return "not UTF-8 text"
	case TooLarge:
		return fmt.Sprintf("larger than the %d MiB a configuration file may have", f.Limit>>20)
	default:
		return fmt.Sprintf("cannot be read: %v", f.Err)
	}
}

// Cure says what to do about the fault, empty where there is no general
// advice.
func (f Fault) Cure() string {
	switch f.Kind {
	case BadSyntax:
		return "write name = value, or indent the line if it continues the option above"
	case NoSection:
		if f.Quote != "" && []rune(f.Quote)[0] == '\ufeff' {
			return "save the file as UTF-8 without byte order mark"
		}
		return "put a section such as [DEFAULT] above it"
	case DuplicateOption:
		return "remove one of the two lines"
	case DuplicateSection:
		return "merge the two sections"
	case Undecodable:
		return "save the file as UTF-8"
	default:
		return ""
	}
}
