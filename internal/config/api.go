package config

import "io"

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
