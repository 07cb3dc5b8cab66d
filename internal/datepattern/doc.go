// Package datepattern finds the time in a log line and reads it as Fail2ban
// 1.1.1 does: its pattern language, its list of default templates, the order
// in which templates are tried and re-ranked from line to line, and the rules
// that fill in a missing year, day or zone.
//
// It owns the patterns and the state of one jail's detector. It does no I/O
// and reads no clock of its own: the present and the process zone come in by
// Env. A Detector belongs to one goroutine. For one line the answer, position
// and time, is the one Fail2ban's detector gives after the same lines; lines
// that repeat the beginning of an earlier one, or have another date of the same
// shape in its place, are answered without a search. That is exact because a
// search is a function of the bytes it looked at, and because the patterns for
// which it is done take every date of the shape in the same way; the tests
// compare both with searches.
package datepattern
