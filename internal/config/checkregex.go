package config

import (
	"errors"
	"fmt"
	"strings"

	"stockade/internal/pyre"
)

// hostGroups are the groups that name whom to ban; sessionGroup joins lines one
// of which does.
var hostGroups = []string{"fid", "ip4", "ip6", "cidr", "dns"}

const sessionGroup = "mlfid"

// checkRegexes looks at the expressions of a jail.
func (c *checker) checkRegexes(j *jailReader) {
	if c.opts.Expand == nil {
		return
	}
	def := newFilterDef(j.filter, j.out)
	if len(def.Failregex) == 0 {
		c.add(Finding{
			Severity: Warning, Code: "no-failregex", Origin: j.place("filter"),
			Text: "the jail has no failregex and finds nothing",
		})
	}
	pre := c.checkPrefregex(def)
	for _, r := range def.Failregex {
		c.findings = append(c.findings, c.regex("failregex", r, def, pre)...)
	}
	for _, r := range def.Ignoreregex {
		c.findings = append(c.findings, c.regex("ignoreregex", r, def, prefix{})...)
	}
	if def.DatePattern != "" && c.opts.DatePattern != nil {
		if err := c.opts.DatePattern(def.DatePattern); err != nil {
			c.add(Finding{
				Severity: Error, Code: "bad-datepattern", Quote: def.DatePattern, Origin: j.place("datepattern"),
				Text: "datepattern: " + err.Error(),
			})
		}
	}
}

// prefix is what a prefregex does for the failregexes behind it.
type prefix struct {
	// anchored says that it takes the beginning of a line, so that what
	// comes later in it cannot pass for it; named, that it names somebody.
	anchored, named bool
}

// compile compiles an expression as a filter would.
func (c *checker) compile(text string, def *FilterDef) (*pyre.Regexp, string, error) {
	var flags pyre.Flags
	if def.MaxLines > 1 {
		flags = pyre.Multiline
	}
	expanded := c.opts.Expand(text, def.UseDNS)
	re, err := pyre.Compile(expanded, flags)
	return re, expanded, err
}

// checkPrefregex looks at the prefix.
func (c *checker) checkPrefregex(def *FilterDef) prefix {
	if def.Prefregex.Text == "" {
		return prefix{}
	}
	c.findings = append(c.findings, c.regex("prefregex", def.Prefregex, def, prefix{})...)
	re, _, err := c.compile(def.Prefregex.Text, def)
	if err != nil {
		return prefix{}
	}
	return prefix{anchored: re.Anchored(), named: hostGroup(re) != "" || re.GroupIndex(sessionGroup) >= 0}
}

// regex gives the findings on one expression; they are computed once.
func (c *checker) regex(option string, r Rule, def *FilterDef, pre prefix) []Finding {
	key := fmt.Sprint(option, "\x00", r.Text, "\x00", r.Origin, "\x00", pre, def.MaxLines)
	list, ok := c.regexes[key]
	if !ok {
		list = c.lint(option, r, def, pre)
		for i := range list {
			list[i].Origin = r.Origin
			if list[i].Quote == "" {
				list[i].Quote = lineAround(r.Text, 0)
			}
		}
		c.regexes[key] = list
	}
	return list
}

// lint looks at one expression.
func (c *checker) lint(option string, r Rule, def *FilterDef, pre prefix) []Finding {
	re, expanded, err := c.compile(r.Text, def)
	if err != nil {
		return []Finding{badRegex(option, r.Text, expanded, err)}
	}
	var list []Finding
	if a := re.Ambiguity(); a.Found {
		list = append(list, Finding{
			Severity: Warning, Code: "ambiguous-regex",
			Text: fmt.Sprintf("%s: a line made for it can cost much time: %s", option, a.Explain),
			Cure: "a match that takes too many steps is given up; write the loop so that it can be read in one way only",
		})
	}
	if option != "failregex" {
		return list
	}
	host := hostGroup(re)
	switch {
	case host != "":
		return append(list, injectable(re, r.Text, host, pre.anchored || strings.HasPrefix(expanded, "^"))...)
	case !pre.named && re.GroupIndex(sessionGroup) < 0:
		return append(list, Finding{
			Severity: Error, Code: "no-host", Text: "failregex: it names nobody: <HOST>, <ADDR> or <F-ID> is missing",
		})
	}
	return list
}

// badRegex makes a finding of an expression that does not compile.
func badRegex(option, text, expanded string, err error) Finding {
	f := Finding{Severity: Error, Code: "bad-regex", Text: fmt.Sprintf("%s: %v", option, err), Quote: lineAround(text, 0)}
	var bad *pyre.Error
	if errors.As(err, &bad) {
		f.Text = fmt.Sprintf("%s: %s", option, bad.Msg)
		if text == expanded && bad.Pos >= 0 {
			f.Column = bad.Pos + 1
		}
		switch {
		case strings.HasSuffix(text, `\`):
			f.Cure = `the line ends in a lone backslash: is it cut off?`
		case strings.HasPrefix(bad.Msg, "missing )"):
			f.Cure = "close the group with )"
		case strings.HasPrefix(bad.Msg, "unbalanced"):
			f.Cure = `write \) for a literal bracket`
		}
	}
	return f
}

// hostGroup names the group of an expression that says whom to ban.
func hostGroup(re *pyre.Regexp) string {
	for _, name := range hostGroups {
		if re.GroupIndex(name) >= 0 {
			return name
		}
	}
	return ""
}

// injectable tells whether somebody who can put text into the log can have
// others banned.
func injectable(re *pyre.Regexp, text, host string, anchored bool) []Finding {
	if !anchored && !re.Anchored() {
		f := Finding{
			Severity: Warning, Code: "unanchored",
			Text: "failregex: nothing ties it to the start of the line, so whoever can write into the log can have any address banned",
			Cure: "begin it with ^, and let it reach from there to <HOST>",
		}
		if line := sample(re, text); line != "" {
			f.Text += "; by this line for instance: user \"" + line + "\" logged in"
		}
		return []Finding{f}
	}
	part, found := re.CatchAllBefore(host)
	if !found {
		return nil
	}
	line := injection(re, text, part)
	if line == "" && closed(text) {
		return nil
	}
	f := Finding{
		Severity: Warning, Code: "catch-all",
		Text: fmt.Sprintf("failregex: %s before the address takes any text, so that text can bring an address of its own", part),
		Cure: `let it take only what can stand there, such as \S+, and end the expression with $`,
	}
	if line != "" {
		f.Text += fmt.Sprintf("; in this line, which is about %s, it finds %s: %s", culprit, victim, line)
	}
	return []Finding{f}
}
