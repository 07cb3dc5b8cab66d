package pyobj

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Repr is Python's repr().
func Repr(v any) string {
	var b strings.Builder
	writeRepr(&b, v)
	return b.String()
}

// Str is Python's str(): the text itself for a string, the message for an
// exception, repr for all else.
func Str(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case *Exception:
		return v.Error()
	}
	return Repr(v)
}

// Float is Python's repr() of a float.
func Float(f float64) string {
	switch {
	case math.IsNaN(f):
		return "nan"
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	}
	s := strconv.FormatFloat(f, 'e', -1, 64)
	exp, _ := strconv.Atoi(s[strings.IndexByte(s, 'e')+1:])
	if exp < -4 || exp >= 16 {
		return s
	}
	s = strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.ContainsRune(s, '.') {
		s += ".0"
	}
	return s
}

func writeRepr(b *strings.Builder, v any) {
	switch v := v.(type) {
	case nil:
		b.WriteString("None")
	case bool:
		if v {
			b.WriteString("True")
		} else {
			b.WriteString("False")
		}
	case int:
		b.WriteString(strconv.Itoa(v))
	case int64:
		b.WriteString(strconv.FormatInt(v, 10))
	case *big.Int:
		b.WriteString(v.String())
	case float64:
		b.WriteString(Float(v))
	case string:
		writeText(b, v)
	case []byte:
		writeBytes(b, v)
	case []any:
		writeSeq(b, "[", v, "]")
	case []string:
		writeSeq(b, "[", listOf(v), "]")
	case Tuple:
		end := ")"
		if len(v) == 1 {
			end = ",)"
		}
		writeSeq(b, "(", v, end)
	case Set:
		if len(v) == 0 {
			b.WriteString("set()")
			return
		}
		writeSeq(b, "{", v, "}")
	case *Dict:
		writeDict(b, v)
	case *Exception:
		v.repr(b)
	default:
		fmt.Fprintf(b, "<%T>", v)
	}
}

func listOf(texts []string) []any {
	list := make([]any, len(texts))
	for i, s := range texts {
		list[i] = s
	}
	return list
}

func writeSeq(b *strings.Builder, open string, items []any, end string) {
	b.WriteString(open)
	for i, e := range items {
		if i > 0 {
			b.WriteString(", ")
		}
		writeRepr(b, e)
	}
	b.WriteString(end)
}

func writeDict(b *strings.Builder, d *Dict) {
	b.WriteByte('{')
	for i := range d.keys {
		if i > 0 {
			b.WriteString(", ")
		}
		writeRepr(b, d.keys[i])
		b.WriteString(": ")
		writeRepr(b, d.values[i])
	}
	b.WriteByte('}')
}

// quoteFor is the quote that Python chooses: single ones, unless the text has
// single and no double ones.
func quoteFor(s string) byte {
	if strings.IndexByte(s, '\'') >= 0 && strings.IndexByte(s, '"') < 0 {
		return '"'
	}
	return '\''
}

const hexDigits = "0123456789abcdef"

func writeText(b *strings.Builder, s string) {
	quote := quoteFor(s)
	b.WriteByte(quote)
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			writeASCII(b, c, quote)
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(b, `\udc%02x`, c)
		case printable(r):
			b.WriteString(s[i : i+size])
		case r < 0x100:
			fmt.Fprintf(b, `\x%02x`, r)
		case r < 0x10000:
			fmt.Fprintf(b, `\u%04x`, r)
		default:
			fmt.Fprintf(b, `\U%08x`, r)
		}
		i += size
	}
	b.WriteByte(quote)
}

// writeASCII writes one ASCII character of a quoted text.
func writeASCII(b *strings.Builder, c, quote byte) {
	switch {
	case c == quote || c == '\\':
		b.WriteByte('\\')
		b.WriteByte(c)
	case c == '\n':
		b.WriteString(`\n`)
	case c == '\r':
		b.WriteString(`\r`)
	case c == '\t':
		b.WriteString(`\t`)
	case c < ' ' || c >= 0x7f:
		b.WriteString(`\x`)
		b.WriteByte(hexDigits[c>>4])
		b.WriteByte(hexDigits[c&15])
	default:
		b.WriteByte(c)
	}
}

func writeBytes(b *strings.Builder, data []byte) {
	quote := quoteFor(string(data))
	b.WriteByte('b')
	b.WriteByte(quote)
	for _, c := range data {
		writeASCII(b, c, quote)
	}
	b.WriteByte(quote)
}

// printable is str.isprintable() of one character in Python 3.11.
func printable(r rune) bool {
	return unicode.IsPrint(r) && !unicode.Is(newerThanPython, r)
}
