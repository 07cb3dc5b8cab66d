package config

import (
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"stockade/internal/ini"
)

// jailOptions are the options of a jail that the reader knows. The groups keep
// the order in which they are sent: those before the filter's own, those after
// it, and the settings.
var jailOptions = struct {
	read, lead, regex, settings []optionKind
}{
	// read are only needed by the reader.
	read: []optionKind{
		{"enabled", boolOption},
		{"backend", textOption},
		{"filter", textOption},
		{"action", textOption},
		{"logpath", textOption},
		{"skip_if_nologs", boolOption},
		{"systemd_if_nologs", boolOption},
	},
	lead: []optionKind{{"usedns", textOption}, {"prefregex", textOption}, {"maxlines", intOption}},
	regex: []optionKind{
		{"ignoreregex", textOption},
		{"failregex", textOption},
		{"datepattern", textOption},
		{"journalmatch", textOption},
	},
	settings: []optionKind{
		{"maxretry", intOption},
		{"maxmatches", intOption},
		{"findtime", textOption},
		{"bantime", textOption},
		{"bantime.increment", boolOption},
		{"bantime.factor", textOption},
		{"bantime.formula", textOption},
		{"bantime.multipliers", textOption},
		{"bantime.maxtime", textOption},
		{"bantime.rndtime", textOption},
		{"bantime.overalljails", boolOption},
		{"ignorecommand", textOption},
		{"ignoreself", boolOption},
		{"ignoreip", textOption},
		{"ignorecache", textOption},
		{"never", textOption},
		{"never_self", boolOption},
		{"never_admins", boolOption},
		{"never_gateway", boolOption},
		{"never_resolvers", boolOption},
		{"never_wider", textOption},
		{"alarm_bans_per_minute", intOption},
		{"max_bans_per_minute", intOption},
		{"logtimezone", textOption},
		{"logencoding", textOption},
	},
}

// jailReader makes the commands of one jail.
type jailReader struct {
	tree    *Tree
	name    string
	section *layered
	scope   scope
	purpose Purpose
	result  *Result
	// out are the commands made so far; they count only if no error comes.
	out    Stream
	values map[string]jailValue
	// vars are the options as filters and actions see them.
	vars    map[string]string
	backend string
	filter  *definition
	// trial is what the filter of a jail is given that is only tried.
	trial struct {
		backend string
		params  []Param
	}
}

// jailValue is an option that was read.
type jailValue struct {
	text  traced
	value any
}

// newJailReader prepares the reading of a section of jail.*.
func (t *Tree) newJailReader(name string, purpose Purpose, result *Result) *jailReader {
	section := t.jails.sections[name]
	return &jailReader{
		tree: t, name: name, section: section, purpose: purpose, result: result,
		scope: scope{
			set: t.jails, section: section, base: t.overlay.dir, chain: &chain{},
			builtin: map[string]string{"fail2ban_version": Version, "fail2ban_confpath": t.overlay.dir},
		},
		values: map[string]jailValue{},
		vars: map[string]string{
			"enabled": "False", "backend": "auto", "filter": "", "action": "",
			"skip_if_nologs": "False", "systemd_if_nologs": "True",
		},
	}
}

// note keeps a finding about this jail.
func (j *jailReader) note(f Finding) {
	f.Jail = j.name
	j.result.Findings = append(j.result.Findings, f)
}

// option reads one option once. Only those that are defined have a value.
func (j *jailReader) option(o optionKind) (jailValue, bool, *problem) {
	if v, ok := j.values[o.name]; ok {
		return v, true, nil
	}
	if !j.scope.has(o.name) {
		return jailValue{}, false, nil
	}
	text, err := j.scope.get(o.name)
	if err != nil {
		return jailValue{}, false, err
	}
	for _, f := range j.scope.chain.findings() {
		j.note(f)
	}
	v := jailValue{text: text, value: j.result.typed(text, o.name, j.name, o.kind)}
	j.values[o.name] = v
	switch x := v.value.(type) {
	case string:
		j.vars[o.name] = x
	case bool:
		j.vars[o.name] = pythonBool(x)
	case int:
		j.vars[o.name] = strconv.Itoa(x)
	case *big.Int:
		j.vars[o.name] = x.String()
	}
	return v, true, nil
}

func pythonBool(b bool) string {
	if b {
		return "True"
	}
	return "False"
}

// text reads an option as text, fallback when it is not defined.
func (j *jailReader) text(name, fallback string) (string, *problem) {
	v, ok, err := j.option(optionKind{name, textOption})
	if !ok || err != nil {
		return fallback, err
	}
	return v.text.text, nil
}

// flag reads an option as a truth value.
func (j *jailReader) flag(name string, fallback bool) (bool, *problem) {
	v, ok, err := j.option(optionKind{name, boolOption})
	if !ok || err != nil {
		return fallback, err
	}
	return truth(v.text.text), nil
}

// enabled reads what is read of every jail, enabled or not.
func (j *jailReader) enabled() (bool, *problem) {
	on, err := j.flag("enabled", false)
	if err != nil {
		return false, err
	}
	if _, err := j.text("backend", ""); err != nil {
		return on, err
	}
	_, err = j.text("filter", "")
	return on || slices.Contains(j.tree.opts.Enable, j.name), err
}

// read makes the whole block of an enabled jail.
func (j *jailReader) read() *problem {
	if len(j.section.broken) > 0 {
		return faultProblem(j.section.broken[0])
	}
	backend, err := j.text("backend", "auto")
	if err != nil {
		return err
	}
	j.setBackend(backend)
	if err := j.readFilter(); err != nil {
		return err
	}
	if err := j.readAll(); err != nil {
		return err
	}
	logs, err := j.logFiles()
	if err != nil {
		return err
	}
	j.emit(Command{Words: []any{"add", j.name, j.backend}, Origin: j.values["backend"].text.origin()})
	for _, o := range jailOptions.lead {
		j.emitOption(o)
	}
	if err := j.emitFilter(); err != nil {
		return err
	}
	for _, o := range append(append([]optionKind(nil), jailOptions.regex...), jailOptions.settings...) {
		if err := j.emitOption(o); err != nil {
			return err
		}
	}
	j.out = append(j.out, logs...)
	return j.readActions()
}

// setBackend keeps the backend as written. The library that Fail2ban called
// gamin is gone from it; what people wanted with it is what auto does.
func (j *jailReader) setBackend(backend string) {
	j.backend = backend
	if name, _, _ := strings.Cut(backend, "["); strings.EqualFold(ini.TrimSpace(name), "gamin") {
		j.backend = "auto"
		j.note(Finding{
			Severity: Notice, Code: "gamin", Origin: j.values["backend"].text.origin(), Quote: backend,
			Text: "the backend gamin no longer exists; auto is used, which needs no extra program",
			Cure: "write backend = auto",
			Log:  fmt.Sprintf("Jail '%s': backend 'gamin' is taken as 'auto'", j.name), LogLevel: levelNotice,
		})
	}
}

// readAll reads every option of the jail, so that actions can see them.
func (j *jailReader) readAll() *problem {
	for _, group := range [][]optionKind{jailOptions.read, jailOptions.lead, jailOptions.regex, jailOptions.settings} {
		for _, o := range group {
			if _, _, err := j.option(o); err != nil {
				return err
			}
		}
	}
	return nil
}

func (j *jailReader) emit(c Command) { j.out = append(j.out, c) }

// emitOption sends one option of the jail itself.
func (j *jailReader) emitOption(o optionKind) *problem {
	v, ok := j.values[o.name]
	if !ok || v.value == nil && o.name == "maxlines" {
		return nil
	}
	return emitSetting(&j.out, j.name, o.name, v.value, v.text)
}

// emitSetting makes the command, or commands, of one option.
func emitSetting(out *Stream, jail, option string, v any, text traced) *problem {
	switch option {
	case "failregex", "ignoreregex":
		emitRegexes(out, jail, "add"+option, text)
		return nil
	case "journalmatch":
		return emitJournal(out, jail, text)
	case "ignoreip":
		words := []any{"set", jail, "addignoreip"}
		for _, w := range strings.FieldsFunc(text.text, func(r rune) bool { return r == ',' || ini.IsSpace(r) }) {
			words = append(words, w)
		}
		*out = append(*out, Command{Words: words, Origin: text.origin()})
		return nil
	}
	*out = append(*out, Command{Words: []any{"set", jail, option, v}, Origin: text.origin()})
	return nil
}

func emitRegexes(out *Stream, jail, command string, text traced) {
	rules := text.lines()
	if len(rules) == 0 {
		return
	}
	c := Command{Words: []any{"set", jail, command, rules[0].Text}, Origin: text.origin()}
	for _, r := range rules {
		c.Rules = append(c.Rules, r.Origin)
	}
	if len(rules) > 1 {
		list := make([]any, len(rules))
		for i, r := range rules {
			list[i] = r.Text
		}
		c.Words = []any{"multi-set", jail, command, list}
	}
	*out = append(*out, c)
}

// emitJournal sends each line of a journalmatch, split as a shell would.
func emitJournal(out *Stream, jail string, text traced) *problem {
	for _, line := range text.lines() {
		fields, err := shellSplit(line.Text)
		if err != nil {
			return &problem{
				Severity: Error, Code: "journalmatch", Origin: line.Origin, Quote: line.Text, Refuses: true,
				Text: "journalmatch: " + err.Error(), Cure: "close the quote",
			}
		}
		words := []any{"set", jail, "addjournalmatch"}
		for _, f := range fields {
			words = append(words, f)
		}
		*out = append(*out, Command{Words: words, Origin: line.Origin})
	}
	return nil
}
