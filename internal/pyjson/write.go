package pyjson

import (
	"fmt"
	"math/big"
	"strconv"
	"unicode/utf8"

	"stockade/internal/pyobj"
)

const hexDigits = "0123456789abcdef"

// AppendString writes a string as Python's json does with ensure_ascii off.
// Bytes that are no UTF-8 become U+FFFD.
func AppendString(b []byte, s string) []byte {
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && n == 1 {
				b = append(append(b, s[start:i]...), "\uFFFD"...)
				start = i + 1
			}
			i += n
			continue
		}
		if c >= 0x20 && c != '"' && c != '\\' {
			i++
			continue
		}
		b = append(b, s[start:i]...)
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, '\\', 'n')
		case '\r':
			b = append(b, '\\', 'r')
		case '\t':
			b = append(b, '\\', 't')
		case '\b':
			b = append(b, '\\', 'b')
		case '\f':
			b = append(b, '\\', 'f')
		default:
			b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
		i++
		start = i
	}
	return append(append(b, s[start:]...), '"')
}

// Append writes any value of pyobj. A set becomes the string of a Python
// list, as Fail2ban has it for the users of a session.
func Append(b []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(b, "null"...)
	case string:
		return AppendString(b, v)
	case bool:
		return strconv.AppendBool(b, v)
	case int:
		return strconv.AppendInt(b, int64(v), 10)
	case int64:
		return strconv.AppendInt(b, v, 10)
	case *big.Int:
		return v.Append(b, 10)
	case float64:
		return append(b, floatText(v)...)
	case []string:
		list := make([]any, len(v))
		for i, s := range v {
			list[i] = s
		}
		return AppendString(b, pyobj.Repr(list))
	case pyobj.Set:
		return AppendString(b, pyobj.Repr([]any(v)))
	case pyobj.Tuple:
		return appendList(b, v)
	case []any:
		return appendList(b, v)
	case *pyobj.Dict:
		b = append(b, '{')
		for i := range v.Len() {
			if i > 0 {
				b = append(b, ", "...)
			}
			key, value := v.At(i)
			b = append(AppendString(b, pyobj.Str(key)), ": "...)
			b = Append(b, value)
		}
		return append(b, '}')
	case fmt.Stringer:
		return AppendString(b, v.String())
	}
	return AppendString(b, pyobj.Str(v))
}

func appendList(b []byte, list []any) []byte {
	b = append(b, '[')
	for i, v := range list {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = Append(b, v)
	}
	return append(b, ']')
}

// floatText is Python's float text, where json differs from repr only for the
// values that JSON does not have.
func floatText(f float64) string {
	switch text := pyobj.Float(f); text {
	case "nan":
		return "NaN"
	case "inf":
		return "Infinity"
	case "-inf":
		return "-Infinity"
	default:
		return text
	}
}
