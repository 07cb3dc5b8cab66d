package pyobj

import "strings"

// PrettyPrint is Python's pprint.pformat(v, indent=indent, width=width).
func PrettyPrint(v any, indent, width int) string {
	var b strings.Builder
	writeRepr(&b, v)
	return b.String()
}
