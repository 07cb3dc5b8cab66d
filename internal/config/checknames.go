package config

import (
	"fmt"
	"regexp"
	"strings"

	"stockade/internal/ini"
)

// generalOptions are the options of fail2ban.conf.
var generalOptions = []string{
	"loglevel", "logtarget", "syslogsocket", "socket", "pidfile", "allowipv6", "dbfile", "dbmaxmatches", "dbpurgeage",
	"stacksize", "metrics",
}

// jailOptionNames are the options a jail knows.
func jailOptionNames() []string {
	var names []string
	for _, group := range [][]optionKind{jailOptions.read, jailOptions.lead, jailOptions.regex, jailOptions.settings} {
		for _, o := range group {
			names = append(names, o.name)
		}
	}
	return names
}

// checkSet looks at the options of a set of files as they are written.
func (c *checker) checkSet(set *fileSet, known []string) {
	used := references(set)
	c.checkSection(set, set.defaults, known, used)
	for _, name := range set.order {
		if name != "INCLUDES" {
			c.checkSection(set, set.sections[name], known, used)
		}
	}
}

func (c *checker) checkSection(set *fileSet, s *layered, known []string, used map[string]bool) {
	for _, name := range s.order {
		v := s.opts[name]
		c.checkName(name, v, known, used)
		c.checkSwallowed(name, v, known)
		c.checkOverridden(s, name, v)
		if set == c.tree.jails {
			c.checkComment(name, v)
		}
	}
}

// reference finds %(name)s and <name>.
var referencePattern = regexp.MustCompile(`%\(([^)]+)\)s|<([^ <>]+)>`)

// references collects all names that the values of a set refer to. Section and
// known/ are cut off.
func references(set *fileSet) map[string]bool {
	used := map[string]bool{}
	collect := func(s *layered) {
		for _, v := range s.opts {
			for ; v != nil; v = v.prev {
				for _, m := range referencePattern.FindAllStringSubmatch(v.text, -1) {
					name := ini.Lower(m[1] + m[2])
					used[name[strings.LastIndexByte(name, '/')+1:]] = true
				}
			}
		}
	}
	collect(set.defaults)
	for _, s := range set.sections {
		collect(s)
	}
	return used
}

// checkName reports an option that nobody knows or refers to and that is spelt
// nearly like one that is known.
func (c *checker) checkName(name string, v *value, known []string, used map[string]bool) {
	plain, _, _ := strings.Cut(name, "?")
	if v.file.library || contains(known, plain) || used[plain] || strings.HasPrefix(plain, "action_") {
		return
	}
	near := nearest(plain, known)
	if near == "" {
		return
	}
	c.add(Finding{
		Severity: Warning, Code: "unknown-option", Origin: v.origin(), Quote: name + " = " + firstLine(v.text),
		Text: fmt.Sprintf("there is no option %q, it has no effect", name), Cure: fmt.Sprintf("did you mean %s?", near),
	})
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return lineAround(line, 0)
}

// headerLine is a line that looks like a section header, optionLine like an
// option.
var (
	headerLine = regexp.MustCompile(`^\[[^\]=]+\]$`)
	optionLine = regexp.MustCompile(`^([A-Za-z][A-Za-z_.]*)\s*=`)
)

// checkSwallowed reports continuation lines that were meant to be more.
func (c *checker) checkSwallowed(name string, v *value, known []string) {
	if v.file.library || v.lines == nil {
		return
	}
	for i, line := range strings.Split(v.text, "\n") {
		if i == 0 || line == "" {
			continue
		}
		at := v.file.origin(v.lineOf(i))
		if headerLine.MatchString(line) {
			c.add(Finding{
				Severity: Warning, Code: "swallowed-section", Origin: at, Quote: line,
				Text: fmt.Sprintf("the indented %s continues the value of %q and opens no section", line, name),
				Cure: "remove the blanks before the bracket",
			})
		}
		if m := optionLine.FindStringSubmatch(line); m != nil && contains(known, ini.Lower(m[1])) {
			c.add(Finding{
				Severity: Warning, Code: "swallowed-option", Origin: at, Quote: line,
				Text: fmt.Sprintf("the indented line continues the value of %q and sets no option", name),
				Cure: "remove the blanks before the name",
			})
		}
	}
}

// checkOverridden reports a setting of the user's that another file of the
// user's replaces. Replacing what the main .conf says is what .local is for.
func (c *checker) checkOverridden(s *layered, name string, v *value) {
	old := v.prev
	if old == nil || old.text == v.text || contains(truths, ini.Lower(v.text)) && truth(old.text) == truth(v.text) || !old.isLocal() || !v.isLocal() || old.file == v.file {
		return
	}
	if strings.Contains(ini.Lower(v.text), "%(known/"+name+")s") {
		return
	}
	c.add(Finding{
		Severity: Warning, Code: "overridden", Origin: old.origin(), Quote: name + " = " + firstLine(old.text),
		Text: fmt.Sprintf("%s in [%s] has no effect: %s sets it to %q later", name, s.name, v.origin(), firstLine(v.text)),
		Cure: "remove one of the two",
	})
}

// isLocal tells a file of the user's own making from one that is installed.
func (v *value) isLocal() bool {
	path := v.file.path
	return !v.file.library && (strings.HasSuffix(path, ".local") || strings.Contains(path, ".d/") && !strings.Contains(path, "/filter.d/") && !strings.Contains(path, "/action.d/"))
}

// freeText are the options in which a # is nothing special.
var freeText = map[string]bool{
	"failregex": true, "ignoreregex": true, "prefregex": true, "datepattern": true, "ignorecommand": true,
	"action": true, "journalmatch": true, "ignorecache": true,
}

// commentText is a # after a blank, as people write comments elsewhere.
var commentText = regexp.MustCompile(`(^|\s)#(\s|\w|$)`)

// checkComment reports a value with what looks like a comment in it.
func (c *checker) checkComment(name string, v *value) {
	if v.file.library || freeText[name] || strings.HasPrefix(name, "action_") || !commentText.MatchString(v.text) {
		return
	}
	c.add(Finding{
		Severity: Warning, Code: "comment-in-value", Origin: v.origin(), Quote: name + " = " + firstLine(v.text),
		Text: fmt.Sprintf("what follows # is part of the value of %q", name),
		Cure: "put the comment on its own line, or write ; after a blank",
	})
}

// checkDefinitions looks at the filters and actions that were read.
func (c *checker) checkDefinitions() {
	for key, set := range c.tree.definitions {
		known := []string{"before", "after", "logtype", "mode"}
		kind := actionKind
		if strings.HasPrefix(key, filterKind.folder) {
			kind = filterKind
		}
		for _, o := range kind.options {
			known = append(known, o.name)
		}
		c.checkSet(set, known)
	}
}
