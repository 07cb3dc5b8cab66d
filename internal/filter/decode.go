package filter

import (
	"bytes"
	"fmt"
	"unicode/utf8"

	"stockade/internal/pyobj"
)

// decode gives the line as valid UTF-8 without its end. It copies nothing where
// the line already is.
func (f *Filter) decode(ln *Line) []byte {
	text := ln.Text
	if ln.Given == nil && !f.settings.encoding.isUTF8() {
		var ok bool
		f.decoded, ok = f.settings.encoding.Decode(f.decoded[:0], text)
		if !ok {
			f.warnDecode(ln)
		}
		return withoutEnd(f.decoded)
	}
	if !ln.Valid && !utf8.Valid(text) {
		if ln.Given == nil {
			f.warnDecode(ln)
		}
		f.decoded = appendValid(f.decoded[:0], text)
		text = f.decoded
	}
	return withoutEnd(text)
}

// withoutEnd takes the line end off, all of CR and LF there is.
func withoutEnd(text []byte) []byte {
	n := len(text)
	for n > 0 && (text[n-1] == '\n' || text[n-1] == '\r') {
		n--
	}
	return text[:n]
}

// warnDecode reports bytes that are no text, once a day and file.
func (f *Filter) warnDecode(ln *Line) {
	if !f.onceADay("decode " + ln.Place.Path) {
		return
	}
	f.warn(fmt.Sprintf("A line of '%s' is not valid %s: %s", ln.Place.Path, f.settings.encoding.name, pyobj.Repr(bytes.Clone(ln.Text))))
	f.warn("The invalid bytes are left out of account; a logencoding that fits this log would help.")
}

// appendValid appends text with each invalid sequence replaced by U+FFFD, where
// a sequence is as long as it could have been the beginning of a character, as
// Python has it.
func appendValid(to, text []byte) []byte {
	for len(text) > 0 {
		r, n := utf8.DecodeRune(text)
		if r == utf8.RuneError && n == 1 {
			to = utf8.AppendRune(to, utf8.RuneError)
			text = text[brokenLen(text):]
			continue
		}
		to = append(to, text[:n]...)
		text = text[n:]
	}
	return to
}

// brokenLen is the length of the longest beginning of a character that the
// invalid text starts with, at least 1.
func brokenLen(text []byte) int {
	low, high, size := byte(0x80), byte(0xBF), 0
	switch c := text[0]; {
	case c >= 0xC2 && c <= 0xDF:
		size = 2
	case c >= 0xE0 && c <= 0xEF:
		size = 3
		if c == 0xE0 {
			low = 0xA0
		} else if c == 0xED {
			high = 0x9F
		}
	case c >= 0xF0 && c <= 0xF4:
		size = 4
		if c == 0xF0 {
			low = 0x90
		} else if c == 0xF4 {
			high = 0x8F
		}
	}
	n := 1
	for n < size && n < len(text) && text[n] >= low && text[n] <= high {
		n++
		low, high = 0x80, 0xBF
	}
	return n
}
