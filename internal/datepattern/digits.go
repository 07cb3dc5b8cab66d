package datepattern

import (
	"strings"
	"unicode"
)

// digitValue gives the value of a decimal digit of any script. Unicode lists
// the digits of a script as a run from zero to nine.
func digitValue(r rune) (int, bool) {
	for _, run := range unicode.Nd.R16 {
		if r < rune(run.Lo) {
			return 0, false
		}
		if r <= rune(run.Hi) {
			return int(r-rune(run.Lo)) % 10, true
		}
	}
	for _, run := range unicode.Nd.R32 {
		if r < rune(run.Lo) {
			return 0, false
		}
		if r <= rune(run.Hi) {
			return int(r-rune(run.Lo)) % 10, true
		}
	}
	return 0, false
}

// huge is beyond all that Python's calendar takes for a number at all.
const huge = 1 << 40

// integer reads a number as Python's int() does: digits of any script, blanks
// around, a sign, single underscores between digits. Huge numbers stay huge.
func integer(text []byte) (int, bool) {
	if len(text) == 2 && isDigit(text[0]) && isDigit(text[1]) {
		return tens(text, 0), true
	}
	digits := text
	if len(digits) > 1 && digits[0] == ' ' {
		digits = digits[1:]
	}
	value := 0
	for _, c := range digits {
		if !isDigit(c) || len(digits) > 9 {
			return anyInteger(string(text))
		}
		value = value*10 + int(c-'0')
	}
	return value, len(digits) > 0
}

// anyInteger reads a number that is not just a few plain digits.
func anyInteger(text string) (int, bool) {
	text = strings.TrimSpace(text)
	sign := 1
	if text != "" && (text[0] == '+' || text[0] == '-') {
		if text[0] == '-' {
			sign = -1
		}
		text = text[1:]
	}
	value, count := 0, 0
	for text != "" {
		if text[0] == '_' && count > 0 {
			text = text[1:]
		}
		v, n := digitAt(text)
		if n == 0 {
			return 0, false
		}
		value = min(value*10+v, huge)
		count++
		text = text[n:]
	}
	return sign * value, count > 0
}

// ascii gives the text with the digits of all scripts turned into plain ones.
func ascii(text string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x80 {
			return r
		}
		if v, ok := digitValue(r); ok {
			return rune('0' + v)
		}
		return r
	}, text)
}
