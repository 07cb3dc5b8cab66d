package trial

import (
	"fmt"
	"strings"
)

// condition is an expression of a sample file, as name == 'sshd' or
// opts.get('mode') != 'aggressive', joined by and, or and not.
type condition struct {
	tokens []string
	name   string
	opts   map[string]string
}

// holds evaluates a condition for a filter and its options.
func holds(expr, name string, opts map[string]string) (bool, error) {
	c := &condition{name: name, opts: opts}
	if err := c.split(expr); err != nil {
		return false, err
	}
	v, err := c.or()
	if err == nil && len(c.tokens) > 0 {
		err = fmt.Errorf("%q stands behind the end", c.tokens[0])
	}
	if err != nil {
		return false, fmt.Errorf("condition %q: %w", expr, err)
	}
	return v, nil
}

// split cuts the expression into words, strings and signs.
func (c *condition) split(s string) error {
	for s = strings.TrimSpace(s); s != ""; s = strings.TrimSpace(s) {
		n := 1
		switch ch := s[0]; {
		case ch == '\'' || ch == '"':
			end := strings.IndexByte(s[1:], ch)
			if end < 0 {
				return fmt.Errorf("condition %q: a string has no end", s)
			}
			n = end + 2
		case isWord(ch):
			for n < len(s) && (isWord(s[n]) || s[n] == '.') {
				n++
			}
		case strings.HasPrefix(s, "==") || strings.HasPrefix(s, "!="):
			n = 2
		}
		c.tokens = append(c.tokens, s[:n])
		s = s[n:]
	}
	return nil
}

func isWord(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

func (c *condition) next() string {
	if len(c.tokens) == 0 {
		return ""
	}
	t := c.tokens[0]
	c.tokens = c.tokens[1:]
	return t
}

func (c *condition) accept(token string) bool {
	if len(c.tokens) > 0 && c.tokens[0] == token {
		c.tokens = c.tokens[1:]
		return true
	}
	return false
}

func (c *condition) or() (bool, error) {
	v, err := c.and()
	for err == nil && c.accept("or") {
		var w bool
		w, err = c.and()
		v = v || w
	}
	return v, err
}

func (c *condition) and() (bool, error) {
	v, err := c.not()
	for err == nil && c.accept("and") {
		var w bool
		w, err = c.not()
		v = v && w
	}
	return v, err
}

func (c *condition) not() (bool, error) {
	if c.accept("not") {
		v, err := c.not()
		return !v, err
	}
	if c.accept("(") {
		v, err := c.or()
		if err == nil && !c.accept(")") {
			err = fmt.Errorf("a bracket is not closed")
		}
		return v, err
	}
	return c.compare()
}

func (c *condition) compare() (bool, error) {
	left, err := c.value()
	if err != nil {
		return false, err
	}
	switch {
	case c.accept("=="):
		right, err := c.value()
		return left == right, err
	case c.accept("!="):
		right, err := c.value()
		return left != right, err
	}
	return left != "", nil
}

// none is the value of an option that is not set; no string equals it.
const none = "\x00none"

func (c *condition) value() (string, error) {
	switch t := c.next(); {
	case t == "":
		return "", fmt.Errorf("it ends too early")
	case t[0] == '\'' || t[0] == '"':
		return t[1 : len(t)-1], nil
	case t == "name":
		return c.name, nil
	case t == "None":
		return none, nil
	case t == "opts.get":
		return c.option()
	default:
		return "", fmt.Errorf("%q is not understood", t)
	}
}

func (c *condition) option() (string, error) {
	if !c.accept("(") {
		return "", fmt.Errorf("opts.get needs the name of an option")
	}
	key, err := c.value()
	if err != nil {
		return "", err
	}
	v, ok := c.opts[key]
	if !ok {
		v = none
	}
	if c.accept(",") {
		other, err := c.value()
		if err != nil {
			return "", err
		}
		if !ok {
			v = other
		}
	}
	if !c.accept(")") {
		return "", fmt.Errorf("a bracket is not closed")
	}
	return v, nil
}
