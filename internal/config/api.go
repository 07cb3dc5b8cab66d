package config

import "io"

// Rule is a regex with the line it was written on.
type Rule struct {
	Text   string
	Origin Origin
}

// FilterDef is a filter as a jail would get it.
type FilterDef struct {
	// Name is the filter's name, Files the files read for it, in order.
	Name  string
	Files []string
	// Prefregex is empty when the filter has none.
	Prefregex              Rule
	Failregex, Ignoreregex []Rule
	// MaxLines is 0, and DatePattern and UseDNS empty, when not set.
	MaxLines     int
	DatePattern  string
	UseDNS       string
	JournalMatch [][]string
	// Raw holds every option of the definition after substitution, in order.
	Raw []Param
	// Commands is the filter's part of a jail's stream.
	Commands Stream
}

// ReadFilter reads one filter, by name below filter.d or by the path of its
// file, with parameters, as the given jail would ("" for none).
func ReadFilter(opts Options, nameOrPath string, params []Param, jail string) (*FilterDef, []Finding, error) {
	return nil, nil, nil
}

// JailFilter reads the filter of a jail of the tree, including the jail's own
// regexes and options, as it would be sent to the server.
func (t *Tree) JailFilter(jail string) (*FilterDef, []Finding, error) { return nil, nil, nil }

// EncodeSidecar packs what a stream knows beyond its words (origins, action
// sources, pending marks) into one value that travels as an extra word of
// server-stream and reload; the reference ignores extra words.
func EncodeSidecar(s Stream) any { return nil }

// ApplySidecar gives bare commands their origins back. A value that does not
// fit is ignored.
func ApplySidecar(commands []any, sidecar any) Stream { return nil }

// CheckOptions say how a tree is checked.
type CheckOptions struct {
	Options
	// Native tells for an action whether it would run natively and, if not,
	// why; nil leaves such findings out.
	Native func(ActionSource) (bool, string)
}

// Check reads a whole tree and reports all that is wrong or suspicious, most
// severe first.
func Check(opts CheckOptions) []Finding { return nil }

// WriteText prints findings for people and WriteJSON for programs.
func WriteText(w io.Writer, findings []Finding) error { return nil }

// WriteJSON prints findings as a JSON array.
func WriteJSON(w io.Writer, findings []Finding) error { return nil }

// ExitStatus gives the exit status of check: 0 without warnings, 1 with
// warnings, 2 with errors.
func ExitStatus(findings []Finding) int { return 0 }
