package pyobj

import "unicode"

// newerThanPython are the characters that Go's Unicode tables know and those
// of Python 3.11, which are Unicode 14's, do not: repr escapes them. The test
// over all characters says when this table has to change.
var newerThanPython = &unicode.RangeTable{}
