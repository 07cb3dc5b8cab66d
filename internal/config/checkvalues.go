package config

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"stockade/internal/ini"
	"stockade/internal/pyexpr"
)

// checkTime reports a text that is no time.
func (c *checker) checkTime(option string, text traced) {
	v, err := pyexpr.Seconds(text.text)
	f := Finding{Severity: Error, Code: "bad-time", Origin: text.origin(), Quote: option + " = " + text.text}
	switch {
	case err != nil:
		f.Text = fmt.Sprintf("%s is no time: %v", option, err)
		if bad, ok := err.(*pyexpr.Error); ok {
			f.Cure, f.Column = bad.Hint, bad.Col+1
		}
		c.add(f)
	case !v.IsNumber():
		f.Text = fmt.Sprintf("%s is no time: a comma does not add", option)
		f.Cure = "separate the parts by blanks: 1d 12h"
		c.add(f)
	}
}

// checkServer looks at the options of fail2ban.conf.
func (c *checker) checkServer() {
	sc := c.tree.generalScope()
	if sc.has("dbpurgeage") {
		if text, err := sc.get("dbpurgeage"); err == nil {
			c.checkTime("dbpurgeage", text)
		}
	}
}

// checkTimes looks at the times of a jail.
func (c *checker) checkTimes(j *jailReader) {
	for _, name := range []string{"bantime", "findtime", "bantime.maxtime", "bantime.rndtime"} {
		v, ok := j.values[name]
		if !ok || v.text.text == "" && strings.Contains(name, ".") {
			continue
		}
		c.checkTime(name, v.text)
	}
}

// formulaNames are what bantime.formula may refer to.
var formulaNames = []string{"ban.Time", "ban.Count", "banFactor"}

// checkIncrement looks at what makes ban times grow.
func (c *checker) checkIncrement(j *jailReader) {
	for name, names := range map[string][]string{"bantime.factor": nil, "bantime.formula": formulaNames} {
		v, ok := j.values[name]
		if !ok || v.text.text == "" {
			continue
		}
		if _, err := pyexpr.Compile(v.text.text, names...); err != nil {
			f := Finding{
				Severity: Error, Code: "bad-formula", Origin: v.text.origin(), Quote: name + " = " + v.text.text,
				Text: fmt.Sprintf("%s: %v", name, err),
			}
			if bad, ok := err.(*pyexpr.Error); ok {
				f.Column, f.Cure = bad.Col+1, bad.Hint
				f.Text = fmt.Sprintf("%s, %s", name, bad.Located())
			}
			c.add(f)
		}
	}
	v, ok := j.values["bantime.multipliers"]
	if !ok || v.text.text == "" {
		return
	}
	for _, m := range strings.Split(v.text.text, " ") {
		if _, ok := pythonInt(m); !ok {
			c.add(Finding{
				Severity: Error, Code: "bad-multipliers", Origin: v.text.origin(), Quote: v.text.text,
				Text: "bantime.multipliers must be whole numbers", Cure: "put exactly one blank between two numbers",
			})
			return
		}
	}
}

// words are the options that take one of a few words.
var words = map[string][]string{
	"usedns": {"yes", "warn", "no", "raw"},
}

// truths are the words a truth option is written with.
var truths = []string{"1", "on", "true", "yes", "0", "off", "false", "no", ""}

// checkWords looks at options that know only certain words.
func (c *checker) checkWords(j *jailReader) {
	for name, allowed := range words {
		v, ok := j.values[name]
		if ok && !contains(allowed, strings.ToLower(v.text.text)) {
			c.add(Finding{
				Severity: Error, Code: "bad-word", Origin: v.text.origin(), Quote: name + " = " + v.text.text,
				Text: fmt.Sprintf("%s must be one of %s", name, strings.Join(allowed, ", ")),
			})
		}
	}
	for _, group := range [][]optionKind{jailOptions.read, jailOptions.settings} {
		for _, o := range group {
			v, ok := j.values[o.name]
			if ok && o.kind == boolOption && !contains(truths, strings.ToLower(v.text.text)) {
				c.add(Finding{
					Severity: Warning, Code: "bad-truth", Origin: v.text.origin(), Quote: o.name + " = " + v.text.text,
					Text: fmt.Sprintf("%s is taken as false", o.name), Cure: "write true or false",
				})
			}
		}
	}
	c.checkBackend(j)
}

// backends are those a jail may name.
var backends = []string{"auto", "pyinotify", "polling", "systemd", "gamin"}

func (c *checker) checkBackend(j *jailReader) {
	v, ok := j.values["backend"]
	if !ok {
		return
	}
	f := Finding{Severity: Error, Code: "bad-backend", Origin: v.text.origin(), Quote: "backend = " + v.text.text}
	name, _, err := ParseSpec(v.text.text)
	if err != nil {
		f.Text = "backend: " + err.Error()
		c.add(f)
		return
	}
	if name = strings.ToLower(ini.TrimSpace(name)); !contains(backends, name) {
		f.Text = fmt.Sprintf("there is no backend %q", name)
		f.Cure = "write auto, polling, pyinotify or systemd"
		if near := nearest(name, backends); near != "" {
			f.Cure = fmt.Sprintf("did you mean %s?", near)
		}
		c.add(f)
	}
}

// checkIgnore looks for entries of ignoreip that were meant as addresses.
func (c *checker) checkIgnore(j *jailReader) {
	v, ok := j.values["ignoreip"]
	if !ok {
		return
	}
	for _, line := range v.text.lines() {
		for _, entry := range strings.FieldsFunc(line.Text, func(r rune) bool { return r == ',' || ini.IsSpace(r) }) {
			if why := badAddress(entry); why != "" {
				c.add(Finding{
					Severity: Warning, Code: "bad-ignoreip", Origin: line.Origin, Quote: entry,
					Text: fmt.Sprintf("ignoreip: %s %s", entry, why), Cure: "it ignores nothing as it stands",
				})
			}
		}
	}
}

// badAddress tells what is wrong with an entry that looks like an address,
// empty when it is one or looks like a name.
func badAddress(entry string) string {
	host, mask, network := strings.Cut(entry, "/")
	numeric := strings.Trim(host, "0123456789.") == "" && strings.Contains(host, ".")
	if !numeric && strings.Count(host, ":") < 2 || strings.HasPrefix(entry, "file:") {
		return ""
	}
	addr, err := netip.ParseAddr(strings.Trim(host, "[]"))
	if err != nil {
		return "is not an address"
	}
	if !network {
		return ""
	}
	if n, err := strconv.Atoi(mask); err == nil {
		if n < 0 || n > addr.BitLen() {
			return "has a prefix that is too long"
		}
		return ""
	}
	if _, err := netip.ParseAddr(mask); err != nil {
		return "has a mask that is none"
	}
	return ""
}

// checkSources looks at what a jail reads.
func (c *checker) checkSources(j *jailReader) {
	if strings.HasPrefix(j.backend, "systemd") {
		return
	}
	logs, journal := 0, false
	for i := range j.out {
		if _, ok := logPath(&j.out[i]); ok {
			logs++
			if mode := j.out[i].Words[4]; mode != "head" && mode != "tail" {
				c.add(Finding{
					Severity: Error, Code: "bad-log-mode", Origin: j.out[i].Origin,
					Quote: fmt.Sprintf("%v %v", j.out[i].Words[3], mode),
					Text:  fmt.Sprintf("logpath: what follows the last blank must be head or tail, not %v", mode),
					Cure:  "a path must not contain a blank; write ? in its place",
				})
			}
		}
		if len(j.out[i].Words) > 2 && j.out[i].Words[2] == "addjournalmatch" {
			journal = true
		}
	}
	if _, ok := j.values["logpath"]; logs == 0 && !ok {
		f := Finding{
			Severity: Warning, Code: "nothing-to-read", Origin: j.place("enabled"),
			Text: "the jail is enabled, but has no log file to read", Cure: "set logpath, or backend = systemd",
		}
		if journal && strings.HasPrefix(j.backend, "auto") {
			f.Severity, f.Text = Notice, "the jail has no log file and reads the journal only where it is the server's choice"
		}
		c.add(f)
	}
}

// checkActions looks for actions of one name, and says which will run as
// commands although a native way exists.
func (c *checker) checkActions(j *jailReader) {
	seen := map[string]Origin{}
	for i := range j.out {
		cmd := &j.out[i]
		if cmd.Action == nil {
			continue
		}
		name, _ := cmd.Words[3].(string)
		if first, ok := seen[name]; ok {
			c.add(Finding{
				Severity: Error, Code: "duplicate-action", Origin: cmd.Origin, Quote: name,
				Text: fmt.Sprintf("the jail has two actions called %s (first at %s)", name, first),
				Cure: "give one of them another name with [actname=…]",
			})
		}
		seen[name] = cmd.Origin
		if c.opts.Native == nil {
			continue
		}
		if native, why := c.opts.Native(*cmd.Action); !native && why != "" {
			at := cmd.Action.Changed
			if at.IsZero() {
				at = cmd.Origin
			}
			c.add(Finding{
				Severity: Notice, Code: "runs-as-command", Origin: at, Quote: name,
				Text: fmt.Sprintf("action %s: %s", cmd.Action.Name, why),
			})
		}
	}
}
