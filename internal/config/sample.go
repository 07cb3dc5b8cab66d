package config

import (
	"regexp"
	"strings"

	"stockade/internal/pyre"
)

// victim is the address that examples have banned, culprit the one that does it.
// Both are set aside for documentation.
const (
	victim  = "192.0.2.66"
	culprit = "203.0.113.9"
)

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
	line := plain(text)
	if !strings.Contains(line, victim) || found(re, line) != victim {
		return ""
	}
	return line
}

// plain guesses a text that an expression takes.
func plain(text string) string {
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
	return line
}

// found gives the address that an expression finds in a line.
func found(re *pyre.Regexp, line string) string {
	m := pyre.NewMachine()
	budget := pyre.LineBudget(len(line))
	if ok, err := m.Search(re, []byte(line), 0, len(line), &budget); !ok || err != nil {
		return ""
	}
	for _, name := range hostGroups {
		if i := re.GroupIndex(name); i >= 0 {
			if start, end := m.Span(i); start >= 0 {
				return line[start:end]
			}
		}
	}
	return ""
}

// gap marks the place of the catch-all while a sample is made.
const gap = "gapgap"

// injection makes a line that the culprit causes and in which an expression
// finds the victim instead: with what the culprit writes where the catch-all
// reads, or behind what the expression looks at. It is empty when the expression withstands both.
func injection(re *pyre.Regexp, text, part string) string {
	before, after, ok := strings.Cut(plain(strings.Replace(text, part, gap, 1)), gap)
	if !ok || strings.Count(after, victim) != 1 || len(before)+len(after) > 300 {
		return ""
	}
	real := strings.Replace(after, victim, culprit, 1)
	lines := []string{before + "x" + after + real}
	if !closed(text) {
		lines = append(lines, before+"x"+real+after, before+"x"+real+" "+strings.TrimSpace(after))
	}
	for _, line := range lines {
		if found(re, line) == victim {
			return line
		}
	}
	return ""
}

// closed tells whether an expression says what stands at the end of the line.
func closed(text string) bool {
	end, ok := strings.CutSuffix(text, "$")
	return ok && !strings.HasSuffix(end, ".*") && !strings.HasSuffix(end, ".+")
}
