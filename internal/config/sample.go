package config

import (
	"regexp"
	"strings"

	"stockade/internal/pyre"
)

// victim is the address that examples have banned: one that is set aside for
// documentation.
const victim = "192.0.2.66"

// plainer are the rewrites that make a text of an expression, in order. It is
// a guess, which is why sample tries the text out.
var plainer = []struct {
	from *regexp.Regexp
	to   string
}{
	{regexp.MustCompile(`<(?:HOST|ADDR|IP4|SUBNET|CIDR|F-ID)(?:/)?>(?:[^<]*</F-ID>)?`), victim},
	{regexp.MustCompile(`</?F-[A-Z0-9_-]+/?>`), ``},
	{regexp.MustCompile(`\(\?[=!<][^()]*\)`), ``},
	{regexp.MustCompile(`\((?:\?:|\?P<\w+>)?([^()|]*)(?:\|[^()]*)?\)(?:[?*]\??|\{0?,\d*\})`), ``},
	{regexp.MustCompile(`\((?:\?:|\?P<\w+>)?([^()|]*)(?:\|[^()]*)?\)(?:[+]\??|\{\d+,?\d*\})?`), `$1`},
	{regexp.MustCompile(`\\S[*+]\??|\\w[*+]\??|\\S|\\w`), `x`},
	{regexp.MustCompile(`\\d(?:[*+]\??|\{\d+(?:,\d*)?\})?`), `1`},
	{regexp.MustCompile(`\\s[*]\??`), ``},
	{regexp.MustCompile(`\\s\+?`), ` `},
	{regexp.MustCompile(`\\b|\\B|\\A|\\Z`), ``},
	{regexp.MustCompile(`\.\*\??`), ``},
	{regexp.MustCompile(`\.\+\??`), `x`},
	{regexp.MustCompile(`\[\^[^\]]+\][*+]?`), `x`},
	{regexp.MustCompile(`\[([^\]\\^])[^\]]*\]`), `$1`},
	{regexp.MustCompile(`[^\\]\?`), ``},
	{regexp.MustCompile(`\\(.)`), `$1`},
}

// sample makes a text that an expression takes and in which it finds the
// victim's address, empty when it finds none.
func sample(re *pyre.Regexp, text string) string {
	line := strings.TrimSuffix(strings.TrimPrefix(text, "^"), "$")
	for _, p := range plainer {
		for range 4 {
			next := p.from.ReplaceAllString(line, p.to)
			if next == line {
				break
			}
			line = next
		}
	}
	if !strings.Contains(line, victim) || len(line) > 300 {
		return ""
	}
	m := pyre.NewMachine()
	budget := pyre.LineBudget(len(line))
	if ok, err := m.Search(re, []byte(line), 0, len(line), &budget); !ok || err != nil {
		return ""
	}
	for _, name := range hostGroups {
		if i := re.GroupIndex(name); i >= 0 {
			if start, end := m.Span(i); start >= 0 && line[start:end] == victim {
				return line
			}
		}
	}
	return ""
}
