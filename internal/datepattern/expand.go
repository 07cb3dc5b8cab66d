package datepattern

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"stockade/internal/pyobj"
)

// expand replaces the tokens of a pattern, once by what they accept and once
// by the words that make the name of the template. An error is the reason that
// Python gives for a wrong one.
func expand(pattern string, year int) (regex, name string, err error) {
	var re, words strings.Builder
	// Fail2ban has Python format the pattern; its texts count positions in a
	// pattern in which each token has grown by the three characters of (_)s.
	var e expansion
	for i := 0; i < len(pattern); {
		c := pattern[i]
		if c != '%' {
			re.WriteByte(c)
			words.WriteByte(c)
			if utf8.RuneStart(c) {
				e.at++
			}
			i++
			continue
		}
		letters, n := tokenAt(pattern[i+1:], year)
		if n == 0 {
			return "", "", e.reject(pattern[i+1:])
		}
		t, _ := lookToken(letters, year)
		re.WriteString(t.regex)
		words.WriteString(t.word)
		e.at += 1 + len(letters) + 3
		e.used = true
		i += 1 + n
	}
	return re.String(), words.String(), nil
}

// tokenAt reads the token at the start of text, which follows a percent sign,
// and tells how many bytes it takes. The longest token wins. Python's own
// spelling %(Y)s is a token too.
func tokenAt(text string, year int) (letters string, n int) {
	if len(text) >= 3 && text[:2] == "Ex" {
		if _, ok := lookToken(text[:3], year); ok {
			return text[:3], 3
		}
	}
	if text == "" {
		return "", 0
	}
	if _, ok := lookToken(text[:1], year); ok {
		return text[:1], 1
	}
	if text[0] == '(' {
		if end := strings.Index(text, ")s"); end > 0 {
			if _, ok := lookToken(text[1:end], year); ok {
				return text[1:end], end + 2
			}
		}
	}
	return "", 0
}

// expansion follows what Python's formatting would say of a wrong pattern.
type expansion struct {
	// at is the number of characters before the percent sign.
	at int
	// used tells that a token came before, which leaves no value for a plain
	// conversion.
	used bool
}

// reject gives the reason for which Python refuses the conversion in text,
// which follows a percent sign and is no token.
func (e *expansion) reject(text string) error {
	runes := []rune(text)
	i := 0
	skip := func(set string) {
		for i < len(runes) && strings.ContainsRune(set, runes[i]) {
			i++
		}
	}
	if i < len(runes) && runes[i] == '(' {
		end := strings.IndexByte(text, ')')
		if end < 0 {
			return errors.New("incomplete format key")
		}
		return errors.New(pyobj.Repr(text[1:end]))
	}
	skip("-+ #0")
	for range 2 {
		if i < len(runes) && runes[i] == '*' {
			if e.used {
				return errors.New("not enough arguments for format string")
			}
			return errors.New("* wants int")
		}
		skip("0123456789")
		if i >= len(runes) || runes[i] != '.' {
			break
		}
		i++
	}
	if i < len(runes) && strings.ContainsRune("hlL", runes[i]) {
		i++
	}
	if i >= len(runes) {
		return errors.New("incomplete format")
	}
	if e.used {
		return errors.New("not enough arguments for format string")
	}
	return conversionError(runes[i], e.at+1+i)
}

// conversionError says what Python says of a conversion that gets no number.
func conversionError(c rune, at int) error {
	switch c {
	case 'd', 'i', 'u':
		return fmt.Errorf("%%%c format: a real number is required, not dict", c)
	case 'o', 'x', 'X':
		return fmt.Errorf("%%%c format: an integer is required, not dict", c)
	case 'e', 'E', 'f', 'F', 'g', 'G':
		return errors.New("must be real number, not dict")
	case 'c':
		return errors.New("%c requires int or char")
	}
	shown := c
	if c < 31 || c > 126 {
		shown = '?'
	}
	return fmt.Errorf("unsupported format character '%c' (0x%x) at index %d", shown, c, at)
}
