package pyexpr

import (
	"math/big"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds of an expression. Real ones have a few dozen characters.
const (
	// maxText is the longest expression read, in bytes.
	maxText = 8 << 10
	// maxNesting is how deep brackets, calls and operators may nest.
	maxNesting = 100
	// maxBits is the size of the largest integer: somewhat above Python's own
	// limit of 4300 digits for printing one.
	maxBits = 16 << 10
)

type tokenKind int

const (
	endToken tokenKind = iota
	numberToken
	nameToken
	operatorToken
	newlineToken
)

// token is a piece of an expression; at is its byte offset.
type token struct {
	kind  tokenKind
	text  string
	at    int
	value Value
}

// lexer cuts an expression into tokens.
type lexer struct {
	text string
	pos  int
	// open counts the brackets that are open; newlines in them are blanks.
	open int
}

func (l *lexer) fail(at int, msg string) *Error {
	return fault(l.text, at, msg)
}

// fault makes an error at a byte offset.
func fault(text string, at int, msg string) *Error {
	at = min(at, len(text))
	return &Error{Msg: msg, Text: text, Col: utf8.RuneCountInString(text[:at])}
}

// operators are all operators, longer ones first.
var operators = []string{
	"**", "//", "<<", ">>", "<=", ">=", "==", "!=",
	"+", "-", "*", "/", "%", "<", ">", "(", ")", ",", ".", "&", "|", "^", "~",
}

// next gives the next token.
func (l *lexer) next() (token, *Error) {
	l.skip()
	at := l.pos
	if at >= len(l.text) {
		return token{kind: endToken, at: at}, nil
	}
	c := l.text[at]
	if c == '\n' || c == '\r' {
		l.pos++
		return token{kind: newlineToken, text: "\n", at: at}, nil
	}
	if isDigit(c) || c == '.' && at+1 < len(l.text) && isDigit(l.text[at+1]) {
		return l.number()
	}
	r, _ := utf8.DecodeRuneInString(l.text[at:])
	if r == '_' || unicode.IsLetter(r) {
		return l.name(), nil
	}
	for _, op := range operators {
		if strings.HasPrefix(l.text[at:], op) {
			l.pos += len(op)
			switch op {
			case "(":
				l.open++
			case ")":
				l.open--
			}
			return token{kind: operatorToken, text: op, at: at}, nil
		}
	}
	return token{}, l.fail(at, "invalid syntax (<string>, line 1)")
}

// skip passes over blanks and comments.
func (l *lexer) skip() {
	for l.pos < len(l.text) {
		switch c := l.text[l.pos]; {
		case c == ' ' || c == '\t' || c == '\f':
			l.pos++
		case (c == '\n' || c == '\r') && l.open > 0:
			l.pos++
		case c == '#':
			for l.pos < len(l.text) && l.text[l.pos] != '\n' {
				l.pos++
			}
		default:
			return
		}
	}
}

func (l *lexer) name() token {
	at := l.pos
	for l.pos < len(l.text) {
		r, n := utf8.DecodeRuneInString(l.text[l.pos:])
		if r != '_' && !unicode.IsLetter(r) && !unicode.IsNumber(r) && !unicode.Is(unicode.Mn, r) {
			break
		}
		l.pos += n
	}
	return token{kind: nameToken, text: l.text[at:l.pos], at: at}
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// number reads an integer or a float.
func (l *lexer) number() (token, *Error) {
	at := l.pos
	if l.text[at] == '0' && at+1 < len(l.text) {
		switch l.text[at+1] {
		case 'x', 'X':
			return l.based(16, "hexadecimal")
		case 'o', 'O':
			return l.based(8, "octal")
		case 'b', 'B':
			return l.based(2, "binary")
		}
	}
	whole, ok := l.digits()
	isFloat := false
	if ok && l.pos < len(l.text) && l.text[l.pos] == '.' {
		isFloat = true
		l.pos++
		if l.pos < len(l.text) && isDigit(l.text[l.pos]) {
			_, ok = l.digits()
		}
	}
	if ok && l.exponent() {
		isFloat = true
	}
	if whole = strings.ReplaceAll(whole, "_", ""); ok && !isFloat && whole[0] == '0' && strings.Trim(whole, "0") != "" {
		return token{}, l.fail(at, "leading zeros in decimal integer literals are not permitted; use an 0o prefix for octal integers (<string>, line 1)")
	}
	if err := l.numberEnd(at, ok, "decimal"); err != nil {
		return token{}, err
	}
	text := strings.ReplaceAll(l.text[at:l.pos], "_", "")
	if isFloat {
		f, _ := strconv.ParseFloat(text, 64)
		return token{kind: numberToken, text: text, at: at, value: Float(f)}, nil
	}
	return l.integer(at, text, 10)
}

func (l *lexer) integer(at int, text string, base int) (token, *Error) {
	n, ok := new(big.Int).SetString(text, base)
	if !ok {
		return token{}, l.fail(at, "invalid decimal literal (<string>, line 1)")
	}
	if n.BitLen() > maxBits {
		return token{}, l.fail(at, "the number is too large")
	}
	return token{kind: numberToken, text: text, at: at, value: bigInt(n)}, nil
}

// digits reads digits with single underscores between them.
func (l *lexer) digits() (string, bool) {
	at := l.pos
	ok := true
	for l.pos < len(l.text) {
		c := l.text[l.pos]
		if c == '_' {
			ok = l.pos+1 < len(l.text) && isDigit(l.text[l.pos+1])
			if !ok {
				break
			}
		} else if !isDigit(c) {
			break
		}
		l.pos++
	}
	return l.text[at:l.pos], ok
}

// exponent reads "e" with a number, if one follows.
func (l *lexer) exponent() bool {
	if l.pos >= len(l.text) || l.text[l.pos]|0x20 != 'e' {
		return false
	}
	at := l.pos
	l.pos++
	if l.pos < len(l.text) && (l.text[l.pos] == '+' || l.text[l.pos] == '-') {
		l.pos++
	}
	if l.pos < len(l.text) && isDigit(l.text[l.pos]) {
		l.digits()
		return true
	}
	l.pos = at
	return false
}

// based reads an integer after its prefix.
func (l *lexer) based(base int, word string) (token, *Error) {
	at := l.pos
	l.pos += 2
	var digits strings.Builder
	gap := false
	for l.pos < len(l.text) {
		c := l.text[l.pos]
		if c == '_' && !gap {
			gap = true
			l.pos++
			continue
		}
		if d := digitOf(c); d >= base {
			break
		}
		gap = false
		digits.WriteByte(c)
		l.pos++
	}
	if err := l.numberEnd(at, digits.Len() > 0 && !gap, word); err != nil {
		return token{}, err
	}
	return l.integer(at, digits.String(), base)
}

func digitOf(c byte) int {
	switch {
	case isDigit(c):
		return int(c - '0')
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return 99
}

// keywords may follow a number without a blank.
var keywords = map[string]bool{"if": true, "else": true, "and": true, "or": true, "not": true, "in": true, "is": true}

// numberEnd refuses a letter or digit that sticks to a number.
func (l *lexer) numberEnd(at int, ok bool, word string) *Error {
	bad := l.fail(max(at, l.pos-1), "invalid "+word+" literal (<string>, line 1)")
	if !ok {
		return bad
	}
	r, _ := utf8.DecodeRuneInString(l.text[l.pos:])
	if l.pos >= len(l.text) || r != '_' && !unicode.IsLetter(r) && !unicode.IsNumber(r) {
		return nil
	}
	save := l.pos
	name := l.name().text
	l.pos = save
	if keywords[name] {
		return nil
	}
	return bad
}
