package config

import (
	"math/big"
	"strings"
	"unicode"

	"stockade/internal/ini"
)

// maxIntDigits bounds the digits of an integer, as Python does.
const maxIntDigits = 4300

// pythonInt reads an integer as Python's int() does: blanks around it, a sign,
// single underscores between digits, and the digits of any script.
func pythonInt(text string) (any, bool) {
	text = ini.TrimSpace(text)
	negative := strings.HasPrefix(text, "-")
	if negative || strings.HasPrefix(text, "+") {
		text = text[1:]
	}
	var digits []byte
	gap := true
	for _, r := range text {
		if r == '_' {
			if gap {
				return nil, false
			}
			gap = true
			continue
		}
		d, ok := digitValue(r)
		if !ok || len(digits) >= maxIntDigits {
			return nil, false
		}
		digits = append(digits, '0'+d)
		gap = false
	}
	if gap {
		return nil, false
	}
	n, ok := new(big.Int).SetString(string(digits), 10)
	if !ok {
		return nil, false
	}
	if negative {
		n.Neg(n)
	}
	if n.IsInt64() {
		return int(n.Int64()), true
	}
	return n, true
}

// digitValue gives the value of a decimal digit of any script: Unicode lays
// each script's ten digits out in a row.
func digitValue(r rune) (byte, bool) {
	if r >= '0' && r <= '9' {
		return byte(r - '0'), true
	}
	if r < 0x80 || !unicode.Is(unicode.Nd, r) {
		return 0, false
	}
	for _, run := range unicode.Nd.R16 {
		if rune(run.Lo) <= r && r <= rune(run.Hi) {
			return byte((r - rune(run.Lo)) % 10), true
		}
	}
	for _, run := range unicode.Nd.R32 {
		if rune(run.Lo) <= r && r <= rune(run.Hi) {
			return byte((r - rune(run.Lo)) % 10), true
		}
	}
	return 0, false
}
