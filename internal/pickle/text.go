package pickle

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"unicode/utf8"

	"stockade/internal/pyobj"
)

// textNumber reads the number of one of the opcodes of protocol 0.
func textNumber(op byte, line string) (any, error) {
	line = strings.TrimSpace(line)
	if op == opFloat {
		f, err := strconv.ParseFloat(line, 64)
		if err != nil || strings.ContainsAny(line, "xX_") {
			return nil, &Error{"could not convert string to float"}
		}
		return f, nil
	}
	if op == opInt {
		switch line {
		case "00":
			return false, nil
		case "01":
			return true, nil
		}
	} else {
		line = strings.TrimSuffix(line, "L")
	}
	if len(line) > 2*maxLongBytes {
		return nil, errTooLarge
	}
	n, ok := new(big.Int).SetString(line, 0)
	if !ok {
		return nil, &Error{"invalid literal for int() with base 0: " + pyobj.Repr(line)}
	}
	return intOf(n), nil
}

// textIndex reads the memo index of PUT and GET.
func (d *decoder) textIndex(op byte) (uint64, error) {
	line, err := d.line()
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(line)), 10, 64)
	if err != nil {
		return 0, &Error{"invalid literal for int() with base 10: " + pyobj.Repr(string(line))}
	}
	if n < 0 && op == opPut {
		return 0, &Error{"negative PUT argument"}
	}
	return uint64(n), nil
}

// escapedText reads the texts of protocol 0.
func escapedText(op byte, line []byte) (string, error) {
	if op == opUnicode {
		return rawUnicode(string(line))
	}
	s := strings.TrimRight(string(line), " \t\r")
	if len(s) < 2 || s[0] != s[len(s)-1] || s[0] != '\'' && s[0] != '"' {
		return "", &Error{"the STRING opcode argument must be quoted"}
	}
	return unescape(s[1 : len(s)-1])
}

// simpleEscapes are those of one letter.
var simpleEscapes = map[byte]byte{
	'\\': '\\', '\'': '\'', '"': '"', 'n': '\n', 't': '\t', 'r': '\r', 'a': '\a', 'b': '\b', 'f': '\f', 'v': '\v',
}

// unescape resolves the escapes of a quoted byte string.
func unescape(s string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			b.WriteByte(s[i])
			continue
		}
		i++
		if i == len(s) {
			return "", &Error{"Trailing \\ in string"}
		}
		c, simple := simpleEscapes[s[i]]
		switch {
		case simple:
			b.WriteByte(c)
		case s[i] == 'x':
			n, ok := digits(s, i+1, 2, 16)
			if !ok {
				return "", &Error{fmt.Sprintf("invalid \\x escape at position %d", i-1)}
			}
			b.WriteByte(byte(n))
			i += 2
		case s[i] >= '0' && s[i] <= '7':
			n, width := 0, 0
			for width < 3 && i+width < len(s) && s[i+width] >= '0' && s[i+width] <= '7' {
				n = n*8 + int(s[i+width]-'0')
				width++
			}
			b.WriteByte(byte(n))
			i += width - 1
		case s[i] != '\n':
			b.WriteByte('\\')
			b.WriteByte(s[i])
		}
	}
	return b.String(), nil
}

// digits reads exactly n digits.
func digits(s string, at, n, base int) (int, bool) {
	if at+n > len(s) {
		return 0, false
	}
	v, err := strconv.ParseUint(s[at:at+n], base, 32)
	return int(v), err == nil
}

// rawUnicode decodes Python's raw-unicode-escape: Latin-1 with \u and \U.
func rawUnicode(s string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		width := 0
		if s[i] == '\\' && i+1 < len(s) {
			switch s[i+1] {
			case 'u':
				width = 4
			case 'U':
				width = 8
			default:
				// A backslash that starts no escape keeps its partner.
				b.WriteByte('\\')
				b.WriteRune(rune(s[i+1]))
				i++
				continue
			}
		}
		if width == 0 {
			b.WriteRune(rune(s[i]))
			continue
		}
		n, ok := digits(s, i+2, width, 16)
		if !ok || n > utf8.MaxRune {
			return "", &Error{"'rawunicodeescape' codec can't decode a truncated or illegal escape"}
		}
		writeRune(&b, rune(n))
		i += width + 1
	}
	return b.String(), nil
}

// writeRune writes a character; an escaped stray byte becomes that byte again.
func writeRune(b *strings.Builder, r rune) {
	if r >= 0xdc80 && r <= 0xdcff {
		b.WriteByte(byte(r - 0xdc00))
		return
	}
	if r >= 0xd800 && r <= 0xdfff {
		b.Write([]byte{0xed, 0x80 | byte(r>>6)&0x3f, 0x80 | byte(r)&0x3f})
		return
	}
	b.WriteRune(r)
}

// surrogateText decodes UTF-8 that may hold lone surrogates, as Python writes
// them: those that stand for a stray byte become that byte.
func surrogateText(b []byte) (string, error) {
	var out strings.Builder
	for i := 0; i < len(b); {
		r, size := utf8.DecodeRune(b[i:])
		switch {
		case r != utf8.RuneError || size > 1:
			out.Write(b[i : i+size])
			i += size
		case i+3 <= len(b) && b[i] == 0xed && b[i+1]&0xe0 == 0xa0 && b[i+2]&0xc0 == 0x80:
			writeRune(&out, 0xd000|rune(b[i+1]&0x3f)<<6|rune(b[i+2]&0x3f))
			i += 3
		default:
			return "", badUTF8(b, i)
		}
	}
	return out.String(), nil
}

// badUTF8 says what is wrong with the bytes at i, in Python's words.
func badUTF8(b []byte, i int) error {
	first := b[i]
	need := 0
	switch {
	case first >= 0xc2 && first <= 0xdf:
		need = 1
	case first >= 0xe0 && first <= 0xef:
		need = 2
	case first >= 0xf0 && first <= 0xf4:
		need = 3
	default:
		return decodeError(b, i, i, "invalid start byte")
	}
	for k := 1; k <= need; k++ {
		if i+k >= len(b) {
			return decodeError(b, i, len(b)-1, "unexpected end of data")
		}
		if !continues(first, b[i+k], k) {
			return decodeError(b, i, i+k-1, "invalid continuation byte")
		}
	}
	return decodeError(b, i, i, "invalid start byte")
}

// continues says whether c may be the k-th byte behind first.
func continues(first, c byte, k int) bool {
	low, high := byte(0x80), byte(0xbf)
	if k == 1 {
		switch first {
		case 0xe0:
			low = 0xa0
		case 0xed:
			high = 0x9f
		case 0xf0:
			low = 0x90
		case 0xf4:
			high = 0x8f
		}
	}
	return c >= low && c <= high
}

func decodeError(b []byte, from, to int, reason string) error {
	if from == to {
		return &Error{fmt.Sprintf("'utf-8' codec can't decode byte 0x%02x in position %d: %s", b[from], from, reason)}
	}
	return &Error{fmt.Sprintf("'utf-8' codec can't decode bytes in position %d-%d: %s", from, to, reason)}
}
