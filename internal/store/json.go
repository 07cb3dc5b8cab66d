package store

import (
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"stockade/internal/pyobj"
)

// The JSON of this file is Python's: separators ", " and ": ", characters
// outside ASCII as they are, keys in their order. encoding/json gives none of
// the three.

const hexDigits = "0123456789abcdef"

// appendString writes a string as Python's json does with ensure_ascii off.
// Bytes that are no UTF-8 become U+FFFD.
func appendString(b []byte, s string) []byte {
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

// appendValue writes any value of pyobj. A set becomes the string of a Python
// list, as Fail2ban has it for the users of a session.
func appendValue(b []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(b, "null"...)
	case string:
		return appendString(b, v)
	case bool:
		return strconv.AppendBool(b, v)
	case int:
		return strconv.AppendInt(b, int64(v), 10)
	case int64:
		return strconv.AppendInt(b, v, 10)
	case *big.Int:
		return v.Append(b, 10)
	case float64:
		return append(b, jsonFloat(v)...)
	case []string:
		list := make([]any, len(v))
		for i, s := range v {
			list[i] = s
		}
		return appendString(b, pyobj.Repr(list))
	case pyobj.Set:
		return appendString(b, pyobj.Repr([]any(v)))
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
			b = append(appendString(b, pyobj.Str(key)), ": "...)
			b = appendValue(b, value)
		}
		return append(b, '}')
	case fmt.Stringer:
		return appendString(b, v.String())
	}
	return appendString(b, pyobj.Str(v))
}

func appendList(b []byte, list []any) []byte {
	b = append(b, '[')
	for i, v := range list {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = appendValue(b, v)
	}
	return append(b, ']')
}

// jsonFloat is Python's float text, where json differs from repr only for the
// values that JSON does not have.
func jsonFloat(f float64) string {
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

var errJSON = errors.New("no JSON")

// maxDepth bounds nesting, so that a file made by somebody else cannot use up
// the stack.
const maxDepth = 200

// parser reads JSON as Python's json does: objects keep their order, NaN and
// the infinities are numbers.
type parser struct {
	in    []byte
	pos   int
	depth int
}

// parseJSON reads one value that fills its input.
func parseJSON(in []byte) (any, error) {
	p := parser{in: in}
	v, err := p.value()
	if err != nil {
		return nil, err
	}
	if p.space(); p.pos != len(in) {
		return nil, fmt.Errorf("%w: extra data at byte %d", errJSON, p.pos)
	}
	return v, nil
}

func (p *parser) fail() error { return fmt.Errorf("%w: at byte %d", errJSON, p.pos) }

func (p *parser) space() {
	for p.pos < len(p.in) {
		switch p.in[p.pos] {
		case ' ', '\t', '\n', '\r':
			p.pos++
		default:
			return
		}
	}
}

// next skips blanks and returns the byte there, 0 at the end.
func (p *parser) next() byte {
	if p.space(); p.pos < len(p.in) {
		return p.in[p.pos]
	}
	return 0
}

func (p *parser) value() (any, error) {
	if p.depth++; p.depth > maxDepth {
		return nil, fmt.Errorf("%w: nested too deeply", errJSON)
	}
	defer func() { p.depth-- }()
	switch c := p.next(); {
	case c == '"':
		return p.text()
	case c == '{':
		return p.object()
	case c == '[':
		return p.list()
	case c == '-' || c >= '0' && c <= '9':
		return p.number()
	}
	for word, v := range words {
		if len(p.in)-p.pos >= len(word) && string(p.in[p.pos:p.pos+len(word)]) == word {
			p.pos += len(word)
			return v, nil
		}
	}
	return nil, p.fail()
}

func (p *parser) object() (any, error) {
	d := pyobj.NewDict()
	p.pos++
	if p.next() == '}' {
		p.pos++
		return d, nil
	}
	for {
		if p.next() != '"' {
			return nil, p.fail()
		}
		key, err := p.text()
		if err != nil {
			return nil, err
		}
		if p.next() != ':' {
			return nil, p.fail()
		}
		p.pos++
		v, err := p.value()
		if err != nil {
			return nil, err
		}
		d.Set(key, v)
		if more, err := p.more('}'); err != nil || !more {
			return d, err
		}
	}
}

func (p *parser) list() (any, error) {
	list := []any{}
	p.pos++
	if p.next() == ']' {
		p.pos++
		return list, nil
	}
	for {
		v, err := p.value()
		if err != nil {
			return nil, err
		}
		list = append(list, v)
		if more, err := p.more(']'); err != nil || !more {
			return list, err
		}
	}
}

// more reads what follows an element: a comma or the end.
func (p *parser) more(end byte) (bool, error) {
	c := p.next()
	p.pos++
	switch c {
	case ',':
		return true, nil
	case end:
		return false, nil
	}
	return false, p.fail()
}

func (p *parser) number() (any, error) {
	start := p.pos
	if len(p.in)-p.pos >= 9 && string(p.in[p.pos:p.pos+9]) == "-Infinity" {
		p.pos += 9
		return negativeInfinity, nil
	}
	float := false
	for ; p.pos < len(p.in); p.pos++ {
		switch c := p.in[p.pos]; {
		case c >= '0' && c <= '9', c == '-', c == '+':
		case c == '.', c == 'e', c == 'E':
			float = true
		default:
			goto done
		}
	}
done:
	text := string(p.in[start:p.pos])
	if !float {
		if n, err := strconv.Atoi(text); err == nil {
			return n, nil
		}
		if n, ok := new(big.Int).SetString(text, 10); ok {
			return n, nil
		}
		return nil, p.fail()
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return nil, p.fail()
	}
	return f, nil
}

func (p *parser) text() (string, error) {
	p.pos++
	start := p.pos
	for i := start; i < len(p.in); i++ {
		switch p.in[i] {
		case '"':
			p.pos = i + 1
			return string(p.in[start:i]), nil
		case '\\':
			return p.escapedText(start, i)
		}
	}
	p.pos = len(p.in)
	return "", p.fail()
}

var escapes = map[byte]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// escapedText goes on with a string whose first backslash is at i.
func (p *parser) escapedText(start, i int) (string, error) {
	out := append([]byte(nil), p.in[start:i]...)
	p.pos = i
	for p.pos < len(p.in) {
		c := p.in[p.pos]
		p.pos++
		switch {
		case c == '"':
			return string(out), nil
		case c != '\\':
			out = append(out, c)
			continue
		case p.pos >= len(p.in):
			return "", p.fail()
		}
		c = p.in[p.pos]
		p.pos++
		if c != 'u' {
			e, ok := escapes[c]
			if !ok {
				return "", p.fail()
			}
			out = append(out, e)
			continue
		}
		r, err := p.unicode()
		if err != nil {
			return "", err
		}
		out = utf8.AppendRune(out, r)
	}
	return "", p.fail()
}

// unicode reads the four digits after \u, and the second half of a pair.
func (p *parser) unicode() (rune, error) {
	r, ok := p.hex4(p.pos)
	if !ok {
		return 0, p.fail()
	}
	p.pos += 4
	if !utf16.IsSurrogate(r) {
		return r, nil
	}
	if p.pos+6 <= len(p.in) && p.in[p.pos] == '\\' && p.in[p.pos+1] == 'u' {
		if low, ok := p.hex4(p.pos + 2); ok {
			if whole := utf16.DecodeRune(r, low); whole != utf8.RuneError {
				p.pos += 6
				return whole, nil
			}
		}
	}
	return utf8.RuneError, nil
}

func (p *parser) hex4(at int) (rune, bool) {
	if at+4 > len(p.in) {
		return 0, false
	}
	n, err := strconv.ParseUint(string(p.in[at:at+4]), 16, 32)
	return rune(n), err == nil
}
