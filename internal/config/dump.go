package config

import (
	"stockade/internal/pyobj"
)

// prettyWidth is the width up to which --dp keeps a list on one line.
const prettyWidth = 1000

// Lines prints a stream as -d does, one command a line.
func Lines(s Stream) []string {
	out := make([]string, len(s))
	for i := range s {
		out[i] = pyobj.Repr(s[i].Words)
	}
	return out
}

// PrettyLines prints a stream as --dp does.
func PrettyLines(s Stream) []string {
	out := make([]string, len(s))
	for i := range s {
		out[i] = pyobj.PrettyPrint(s[i].Words, 2, prettyWidth)
	}
	return out
}
