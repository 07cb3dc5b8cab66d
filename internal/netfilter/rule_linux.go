package netfilter

import (
	"fmt"
	"strings"

	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// program is a rule as the kernel runs it.
type program struct {
	exprs []expr.Any
	// sets are the anonymous sets of the rule, each looked up by one of exprs.
	sets []anonymous
}

// anonymous is a constant set that belongs to one rule.
type anonymous struct {
	lookup   *expr.Lookup
	typ      uint32
	interval bool
	keys     []anonymousKey
}

type anonymousKey struct {
	value []byte
	// end marks the value behind a range; a range that is open has none.
	end, open bool
}

// checkRule tells whether a rule can be built here and looks up the family's
// set; an error wraps ErrNotExpressible.
func checkRule(text string, s *Spec, f *FamilySpec) error {
	p, err := compileRule(text, s.TableFamily)
	if err != nil {
		return err
	}
	for _, e := range p.exprs {
		if l, ok := e.(*expr.Lookup); ok && l.SetName == f.Set {
			return nil
		}
	}
	return fmt.Errorf("%w: the rule %q looks nothing up in %s", ErrNotExpressible, text, f.Set)
}

// compileRule builds a rule from the text that nft would take. It knows the
// conditions and statements that people put into blocking rules and refuses
// all others with ErrNotExpressible.
func compileRule(text, tableFamily string) (*program, error) {
	c := &compiler{text: text, words: splitRule(text), table: tableFamily}
	switch tableFamily {
	case "ip":
		c.network = unix.NFPROTO_IPV4
	case "ip6":
		c.network = unix.NFPROTO_IPV6
	}
	for len(c.words) > 0 && c.err == nil {
		c.step()
	}
	if c.err != nil {
		return nil, c.err
	}
	return &c.program, nil
}

// splitRule cuts a rule into words; braces and commas stand alone and quotes
// hold a word together.
func splitRule(text string) []string {
	var words []string
	for text = strings.TrimSpace(text); text != ""; text = strings.TrimLeft(text, " \t\r\n") {
		switch text[0] {
		case '{', '}', ',':
			words, text = append(words, text[:1]), text[1:]
		case '"':
			end := strings.IndexByte(text[1:], '"')
			if end < 0 {
				return append(words, text)
			}
			words, text = append(words, text[:end+2]), text[end+2:]
		default:
			end := strings.IndexAny(text, "{}, \t\r\n\"")
			if end < 0 {
				end = len(text)
			}
			words, text = append(words, text[:end]), text[end:]
		}
	}
	return words
}

type compiler struct {
	program
	text  string
	words []string
	table string
	// network and transport are the protocols that the rule has matched so far.
	network, transport uint8
	ended              bool
	err                error
}

func (c *compiler) fail(what string) {
	if c.err == nil {
		c.err = fmt.Errorf("%w: %s in the rule %q", ErrNotExpressible, what, c.text)
	}
}

func (c *compiler) next() string {
	if len(c.words) == 0 {
		c.fail("an end too early")
		return ""
	}
	w := c.words[0]
	c.words = c.words[1:]
	return w
}

func (c *compiler) peek() string {
	if len(c.words) == 0 {
		return ""
	}
	return c.words[0]
}

// accept takes the next word if it is this one.
func (c *compiler) accept(word string) bool {
	if c.peek() != word {
		return false
	}
	c.words = c.words[1:]
	return true
}

func (c *compiler) add(e ...expr.Any) { c.exprs = append(c.exprs, e...) }

// register is the one that all our rules work with.
const register = 1

func compare(data ...byte) *expr.Cmp {
	return &expr.Cmp{Op: expr.CmpOpEq, Register: register, Data: data}
}

// step compiles one condition or statement.
func (c *compiler) step() {
	word := c.next()
	if c.ended {
		c.fail(word + " behind the verdict")
	}
	switch word {
	case "tcp", "udp", "sctp", "dccp", "udplite", "th":
		c.ports(word)
	case "meta":
		c.meta()
	case "ct":
		c.conntrack()
	case "iifname", "oifname":
		c.interfaceName(word)
	case "ip", "ip6":
		c.address(word)
	default:
		c.statement(word)
	}
}
