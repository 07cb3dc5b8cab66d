package pyjson

import (
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"stockade/internal/pyobj"
)

const (
	// MaxDepth bounds nesting, so that a text of somebody else cannot use up
	// the stack.
	MaxDepth = 200
	// maxDigits is Python's bound for the digits of an integer, whose reading
	// takes more time than their number.
	maxDigits = 4300
)

// parser reads from in, which it takes for UTF-8.
type parser struct {
	in    string
	pos   int
	depth int
}

// Parse reads one value that fills the text. The error is an *Error.
func Parse(text string) (any, error) {
	p := parser{in: text}
	if strings.HasPrefix(text, "\uFEFF") {
		return nil, p.fail("Unexpected UTF-8 BOM (decode using utf-8-sig)", 0)
	}
	p.space()
	v, err := p.value()
	if err != nil {
		return nil, err
	}
	if p.space(); p.pos != len(text) {
		return nil, p.fail("Extra data", p.pos)
	}
	return v, nil
}

// fail makes an error at a byte.
func (p *parser) fail(msg string, at int) error {
	return &Error{Msg: msg, Doc: p.in, Pos: utf8.RuneCountInString(p.in[:at])}
}

func (p *parser) space() {
	for p.pos < len(p.in) && strings.IndexByte(" \t\n\r", p.in[p.pos]) >= 0 {
		p.pos++
	}
}

// next skips blanks and tells whether the byte there is c.
func (p *parser) next(c byte) bool {
	p.space()
	return p.pos < len(p.in) && p.in[p.pos] == c
}

// words are the values that are written as words.
var words = []struct {
	text  string
	value any
}{
	{"null", nil},
	{"true", true},
	{"false", false},
	{"NaN", math.NaN()},
	{"Infinity", math.Inf(1)},
	{"-Infinity", math.Inf(-1)},
}

// value reads what stands right here.
func (p *parser) value() (any, error) {
	if p.depth++; p.depth > MaxDepth {
		return nil, p.fail("nested too deeply", p.pos)
	}
	defer func() { p.depth-- }()
	if p.pos >= len(p.in) {
		return nil, p.fail("Expecting value", p.pos)
	}
	switch p.in[p.pos] {
	case '"':
		return p.text()
	case '{':
		return p.object()
	case '[':
		return p.list()
	}
	for _, w := range words {
		if strings.HasPrefix(p.in[p.pos:], w.text) {
			p.pos += len(w.text)
			return w.value, nil
		}
	}
	return p.number()
}

func (p *parser) object() (any, error) {
	d := pyobj.NewDict()
	p.pos++
	if p.next('}') {
		p.pos++
		return d, nil
	}
	for {
		if !p.next('"') {
			return nil, p.fail("Expecting property name enclosed in double quotes", p.pos)
		}
		key, err := p.text()
		if err != nil {
			return nil, err
		}
		if !p.next(':') {
			return nil, p.fail("Expecting ':' delimiter", p.pos)
		}
		p.pos++
		p.space()
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
	if p.next(']') {
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
	switch {
	case p.next(','):
		p.pos++
		p.space()
		return true, nil
	case p.next(end):
		p.pos++
		return false, nil
	}
	return false, p.fail("Expecting ',' delimiter", p.pos)
}

// digits skips digits and tells how many there were.
func (p *parser) digits() int {
	start := p.pos
	for p.pos < len(p.in) && p.in[p.pos] >= '0' && p.in[p.pos] <= '9' {
		p.pos++
	}
	return p.pos - start
}

func (p *parser) number() (any, error) {
	start := p.pos
	if p.in[p.pos] == '-' {
		p.pos++
	}
	if p.pos < len(p.in) && p.in[p.pos] == '0' {
		p.pos++
	} else if p.digits() == 0 {
		return nil, p.fail("Expecting value", start)
	}
	whole := p.pos
	if p.pos < len(p.in) && p.in[p.pos] == '.' {
		if p.pos++; p.digits() == 0 {
			p.pos = whole
			return p.integer(start)
		}
	}
	fraction := p.pos
	if p.pos < len(p.in) && (p.in[p.pos] == 'e' || p.in[p.pos] == 'E') {
		p.pos++
		if p.pos < len(p.in) && (p.in[p.pos] == '-' || p.in[p.pos] == '+') {
			p.pos++
		}
		if p.digits() == 0 {
			p.pos = fraction
		}
	}
	if p.pos == whole {
		return p.integer(start)
	}
	// Out of range it is an infinity or 0, as in Python.
	f, _ := strconv.ParseFloat(p.in[start:p.pos], 64)
	return f, nil
}

// integer is the number from start to here.
func (p *parser) integer(start int) (any, error) {
	text := p.in[start:p.pos]
	if n, err := strconv.Atoi(text); err == nil {
		return n, nil
	}
	if len(text) > maxDigits {
		return nil, p.fail("Exceeds the limit (4300 digits) for integer string conversion", start)
	}
	n, _ := new(big.Int).SetString(text, 10)
	return n, nil
}

// text reads a string, at whose quote it stands.
func (p *parser) text() (string, error) {
	begin := p.pos
	p.pos++
	start := p.pos
	for i := start; i < len(p.in); i++ {
		switch c := p.in[i]; {
		case c == '"':
			p.pos = i + 1
			return p.in[start:i], nil
		case c == '\\':
			return p.escapedText(begin, i)
		case c < ' ':
			return "", p.fail("Invalid control character at", i)
		}
	}
	return "", p.fail("Unterminated string starting at", begin)
}

var escapes = map[byte]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// escapedText goes on with a string whose quote is at begin and whose first
// backslash is at i.
func (p *parser) escapedText(begin, i int) (string, error) {
	out := []byte(p.in[begin+1 : i])
	p.pos = i
	for p.pos < len(p.in) {
		c := p.in[p.pos]
		p.pos++
		switch {
		case c == '"':
			return string(out), nil
		case c < ' ':
			return "", p.fail("Invalid control character at", p.pos-1)
		case c != '\\':
			out = append(out, c)
			continue
		case p.pos >= len(p.in):
			return "", p.fail("Unterminated string starting at", begin)
		}
		c = p.in[p.pos]
		p.pos++
		if c != 'u' {
			e, ok := escapes[c]
			if !ok {
				return "", p.fail(`Invalid \escape`, p.pos-2)
			}
			out = append(out, e)
			continue
		}
		r, ok := p.unicode()
		if !ok {
			return "", p.fail(`Invalid \uXXXX escape`, p.pos-1)
		}
		out = utf8.AppendRune(out, r)
	}
	return "", p.fail("Unterminated string starting at", begin)
}

// unicode reads the four digits after \u, and the second half of a pair. Half
// a pair becomes U+FFFD, for it is no character.
func (p *parser) unicode() (rune, bool) {
	r, ok := p.hex4(p.pos)
	if !ok {
		return 0, false
	}
	p.pos += 4
	if !utf16.IsSurrogate(r) {
		return r, true
	}
	if strings.HasPrefix(p.in[p.pos:], `\u`) {
		if low, ok := p.hex4(p.pos + 2); ok {
			if whole := utf16.DecodeRune(r, low); whole != utf8.RuneError {
				p.pos += 6
				return whole, true
			}
		}
	}
	return utf8.RuneError, true
}

func (p *parser) hex4(at int) (rune, bool) {
	if at+4 > len(p.in) {
		return 0, false
	}
	n, err := strconv.ParseUint(p.in[at:at+4], 16, 32)
	return rune(n), err == nil
}
