package config

import (
	"fmt"
	"path/filepath"
	"strings"

	"stockade/internal/ini"
	"stockade/internal/pyobj"
)

// actionKind describes action.d. The order of its options is the order in
// which they are sent.
var actionKind = &definitionKind{
	folder: "action.d",
	options: []optionKind{
		{"actionstart", textOption},
		{"actionstart_on_demand", boolOption},
		{"actionstop", textOption},
		{"actionflush", textOption},
		{"actionreload", textOption},
		{"actioncheck", textOption},
		{"actionrepair", textOption},
		{"actionrepair_on_unban", boolOption},
		{"actionban", textOption},
		{"actionprolong", textOption},
		{"actionreban", textOption},
		{"actionunban", textOption},
		{"norestored", boolOption},
	},
	server: map[string]bool{
		"matches": true, "ipmatches": true, "ipjailmatches": true, "timeout": true, "bantime": true,
	},
}

// actionBlock is one action of a jail: its commands, or why it has none.
type actionBlock struct {
	commands Stream
	report   bool
	err      *problem
}

// readActions makes the commands of all actions. A broken action is left out
// when another one still enforces the ban, or when it only reports; else the
// jail is lost.
func (j *jailReader) readActions() *problem {
	v, ok := j.values["action"]
	specs, offsets := splitActions(v.text.text)
	if !ok || len(specs) == 0 {
		j.note(Finding{
			Severity: Warning, Code: "no-action", Origin: j.place("action"), Text: "no action is set, nothing will be banned",
			Log: fmt.Sprintf("No actions were defined for %s", j.name), LogLevel: levelWarning,
		})
		return nil
	}
	var blocks []actionBlock
	enforcing := false
	for i, spec := range specs {
		if i > 0 && unclosed(specs[i-1]) && !strings.Contains(v.text.text[offsets[i-1]:offsets[i]], "\n") {
			specs[i] = specs[i-1] // a piece of the broken one, reported with it
			continue
		}
		b := j.readAction(spec, v.text.at(offsets[i]))
		blocks = append(blocks, b)
		enforcing = enforcing || b.err == nil && !b.report
	}
	for _, b := range blocks {
		if b.err != nil && !enforcing {
			return b.err
		}
	}
	for _, b := range blocks {
		if b.err != nil {
			j.degrade(b.err)
			continue
		}
		j.out = append(j.out, b.commands...)
	}
	return nil
}

// unclosed tells whether a spec opens a bracket and never closes it.
func unclosed(spec string) bool {
	return strings.Contains(spec, "[") && !strings.Contains(spec, "]")
}

// degrade reports an action that is left out of a jail that starts.
func (j *jailReader) degrade(err *problem) {
	j.report(err)
	if !contains(j.result.Degraded, j.name) {
		j.result.Degraded = append(j.result.Degraded, j.name)
	}
	j.result.add(Command{
		Words:    []any{"config-error", fmt.Sprintf("Jail '%s' starts without one of its actions, because of wrong configuration: %s", j.name, err.Error())},
		Origin:   err.Origin,
		Degrades: j.name,
	})
}

// readAction reads one action.
func (j *jailReader) readAction(spec string, at Origin) actionBlock {
	name, params, bad := ParseSpec(spec)
	if bad != nil {
		err := j.specProblem("action", spec, spec, bad)
		err.Origin = at
		written, _, _ := strings.Cut(spec, "[")
		return actionBlock{err: err, report: j.tree.reports(written)}
	}
	if strings.HasSuffix(name, ".py") {
		return j.pythonAction(name, params, at)
	}
	name = j.mailAction(name, at)
	d, err := j.tree.actionDefinition(request{name: name, params: j.actionParams(name, params), vars: j.vars})
	if err != nil {
		if err.Origin.IsZero() {
			err.Origin = at
		}
		return actionBlock{err: err, report: j.tree.reports(name)}
	}
	for _, f := range d.findings {
		j.note(f)
	}
	return actionBlock{commands: j.actionCommands(d, d.source().rewritten(params, at), at), report: d.isReport()}
}

// actionDefinition reads the definition of a shell action.
func (t *Tree) actionDefinition(r request) (*definition, *problem) {
	refusal := fmt.Sprintf("Unable to read action %s", pyobj.Repr(r.name))
	if len(t.definitionSet(actionKind, r.name).files) == 0 {
		return nil, t.missing(actionKind, r.name, refusal)
	}
	d, err := t.define(actionKind, r)
	if err != nil && !err.Refuses && err.Log == "" {
		err.Log = refusal
	}
	return d, err
}

// isReport tells an action that tells somebody about a ban from one that
// enforces it.
func (d *definition) isReport() bool {
	e, ok := d.index["norestored"]
	return ok && e.value == true
}

// reports is isReport for an action that could not be read with its
// parameters.
func (t *Tree) reports(name string) bool {
	if strings.HasSuffix(name, ".py") || strings.Contains(name, "mail") || strings.Contains(name, "-whois") {
		return true
	}
	set := t.definitionSet(actionKind, name)
	section, ok := set.section("Definition")
	if !ok {
		return false
	}
	v := set.lookup(section, "norestored")
	return v != nil && truth(v.text)
}

// actionParams adds the two parameters every shell action has: the name, which
// is the jail's unless passed, and the name the server knows the action by.
func (j *jailReader) actionParams(file string, params []Param) []Param {
	name, ok := param(params, "name")
	if !ok {
		name = j.name
	}
	actname := file
	if name != j.name {
		if suffix, ok := strings.CutPrefix(name, j.name); ok {
			actname += suffix
		} else {
			actname += "-" + name
		}
	}
	if !ok {
		params = append(params[:len(params):len(params)], Param{"name", name})
	}
	if !hasParam(params, "actname") {
		params = append(params[:len(params):len(params)], Param{"actname", actname})
	}
	return params
}

// mailAction finds the mail action that is meant where a mail transfer agent
// has none of its own: they all send through the same sendmail command.
func (j *jailReader) mailAction(name string, at Origin) string {
	raw := j.scope.raw("mta")
	if raw == nil || len(j.tree.definitionSet(actionKind, name).files) > 0 {
		return name
	}
	mta, err := j.scope.get("mta")
	if err != nil {
		return name
	}
	rest, ok := strings.CutPrefix(name, ini.TrimSpace(mta.text))
	if !ok || !strings.HasPrefix(rest, "-") {
		return name
	}
	instead := "sendmail" + rest
	if len(j.tree.definitionSet(actionKind, instead).files) == 0 {
		return name
	}
	j.note(Finding{
		Severity: Notice, Code: "mta", Origin: raw.origin(), Quote: mta.text,
		Text: fmt.Sprintf("there is no action %s; %s is used, which works with any mail server", name, instead),
		Log:  fmt.Sprintf("Jail '%s': action '%s' is taken as '%s'", j.name, name, instead), LogLevel: levelNotice,
	})
	return instead
}

// actionCommands makes the commands of a shell action: its options in order,
// then everything else as written.
func (j *jailReader) actionCommands(d *definition, source *ActionSource, at Origin) Stream {
	actname := d.index["actname"].raw.text
	var properties []any
	for _, e := range d.elements {
		if e.recognised {
			properties = append(properties, []any{e.name, e.value})
		}
	}
	for _, e := range d.elements {
		if !e.recognised {
			properties = append(properties, []any{e.name, e.raw.text})
		}
	}
	out := Stream{{Words: []any{"set", j.name, "addaction", actname}, Origin: at, Action: source}}
	switch len(properties) {
	case 0:
	case 1:
		words := append([]any{"set", j.name, "action", actname}, properties[0].([]any)...)
		out = append(out, Command{Words: words, Origin: d.origin()})
	default:
		out = append(out, Command{Words: []any{"multi-set", j.name, "action", actname, properties}, Origin: d.origin()})
	}
	return out
}

// pythonAction makes the command of an action that is a Python program.
func (j *jailReader) pythonAction(name string, params []Param, at Origin) actionBlock {
	actname := strings.TrimSuffix(name, ".py")
	dict := &strings.Builder{}
	dict.WriteByte('{')
	for _, p := range params {
		if p.Name == "actname" {
			actname = p.Value
			continue
		}
		if dict.Len() > 1 {
			dict.WriteString(", ")
		}
		writeJSONString(dict, p.Name)
		dict.WriteString(": ")
		writeJSONString(dict, p.Value)
	}
	dict.WriteByte('}')
	path := filepath.Join(j.tree.overlay.dir, actionKind.folder, name)
	source := &ActionSource{Name: name, Files: []string{path}, Digest: FileDigest(path)}
	if _, ok := j.tree.overlay.libraryName(path); ok {
		source.Library = !onDisk(path)
	}
	return actionBlock{report: true, commands: Stream{{
		Words:  []any{"set", j.name, "addaction", actname, path, dict.String()},
		Origin: at, Action: source,
	}}}
}
