package config

import (
	"fmt"
	"slices"
	"sort"
	"strings"
)

// CheckOptions say how a tree is checked. Questions that only higher floors
// can answer are asked through functions; a nil function leaves its findings
// out.
type CheckOptions struct {
	Options
	// Native tells for an action whether it would run natively and, if not,
	// why.
	Native func(ActionSource) (bool, string)
	// Expand replaces <HOST> and the other tags of a regex.
	Expand func(regex, usedns string) string
	// DatePattern tells what is wrong with a datepattern.
	DatePattern func(pattern string) error
}

// checker collects what is wrong with a tree.
type checker struct {
	opts     CheckOptions
	tree     *Tree
	jails    []*jailReader
	findings []Finding
	// regexes remembers the verdict on each regex, which many jails share.
	regexes map[string][]Finding
}

// Check reads a whole tree and reports all that is wrong or suspicious, most
// severe first.
func Check(opts CheckOptions) []Finding {
	c := &checker{opts: opts, regexes: map[string][]Finding{}}
	tree, err := Load(opts.Options)
	if err != nil {
		return []Finding{refusal(err)}
	}
	c.tree = tree
	r, err := tree.build("", Test, func(j *jailReader) { c.jails = append(c.jails, j) })
	if err != nil {
		return []Finding{refusal(err)}
	}
	c.findings = r.Findings
	c.checkServer()
	c.checkSet(tree.general, generalOptions)
	c.checkSet(tree.jails, jailOptionNames())
	c.checkDefinitions()
	for _, j := range c.jails {
		c.checkJail(j)
	}
	c.checkDuplicates()
	return arrange(c.findings)
}

// refusal makes a finding of an error that leaves nothing of a tree.
func refusal(err error) Finding {
	if f, ok := err.(*Finding); ok {
		return *f
	}
	return Finding{Severity: Error, Code: "refused", Text: strings.TrimSpace(err.Error()), Refuses: true}
}

func (c *checker) add(f Finding) { c.findings = append(c.findings, f) }

// arrange sorts findings, most severe first and then by place, and joins those
// that several jails share.
func arrange(list []Finding) []Finding {
	type key struct {
		code, text string
		origin     Origin
	}
	seen := map[key]int{}
	var out []Finding
	for _, f := range list {
		k := key{f.Code, f.Text, f.Origin}
		if i, ok := seen[k]; ok {
			if f.Jail != "" && !slices.Contains(strings.Split(out[i].Jail, ", "), f.Jail) {
				out[i].Jail += ", " + f.Jail
			}
			out[i].Severity = max(out[i].Severity, f.Severity)
			continue
		}
		seen[k] = len(out)
		out = append(out, f)
	}
	sort.SliceStable(out, func(a, b int) bool {
		x, y := &out[a], &out[b]
		switch {
		case x.Severity != y.Severity:
			return x.Severity > y.Severity
		case x.Origin.File != y.Origin.File:
			return x.Origin.File < y.Origin.File
		default:
			return x.Origin.Line < y.Origin.Line
		}
	})
	return out
}

// ExitStatus gives the exit status of check: 0 without warnings, 1 with
// warnings, 2 with errors.
func ExitStatus(findings []Finding) int {
	status := 0
	for _, f := range findings {
		switch f.Severity {
		case Error:
			return 2
		case Warning:
			status = 1
		}
	}
	return status
}

// checkJail looks at one jail that could be read.
func (c *checker) checkJail(j *jailReader) {
	from := len(c.findings)
	c.checkTimes(j)
	c.checkSafety(j)
	c.checkIncrement(j)
	c.checkWords(j)
	c.checkIgnore(j)
	c.checkSources(j)
	c.checkActions(j)
	c.checkRegexes(j)
	for i := from; i < len(c.findings); i++ {
		c.findings[i].Jail = j.name
	}
}

// checkDuplicates finds jails that watch the same file with the same filter
// for the same ports: every failure then counts in both.
func (c *checker) checkDuplicates() {
	first := map[string]*jailReader{}
	for _, j := range c.jails {
		if j.filter == nil {
			continue
		}
		for i := range j.out {
			path, ok := logPath(&j.out[i])
			if !ok {
				continue
			}
			key := strings.Join([]string{path, j.filter.name, j.plain("port")}, "\x00")
			other, ok := first[key]
			if !ok {
				first[key] = j
				continue
			}
			if other == j {
				continue
			}
			c.add(Finding{
				Severity: Warning, Code: "duplicate-jail", Jail: j.name, Origin: j.place("logpath"),
				Text: fmt.Sprintf("jails %s and %s both watch %s with filter %s and ban the same ports", other.name, j.name, path, j.filter.name),
				Cure: "keep one of them",
			})
		}
	}
}

func logPath(c *Command) (string, bool) {
	if len(c.Words) == 5 && c.Words[2] == "addlogpath" {
		path, ok := c.Words[3].(string)
		return path, ok
	}
	return "", false
}

// plain reads any option of a jail as text, empty when it has none.
func (j *jailReader) plain(name string) string {
	if !j.scope.has(name) {
		return ""
	}
	text, err := j.scope.get(name)
	if err != nil {
		return ""
	}
	return text.text
}
