package config

import (
	"path/filepath"
	"strings"
)

// Rule is a regex with the line it was written on.
type Rule struct {
	Text   string
	Origin Origin
}

// FilterDef is a filter as a jail would get it.
type FilterDef struct {
	// Name is the filter's name, Files the files read for it, in order.
	Name  string
	Files []string
	// Prefregex is empty when the filter has none.
	Prefregex              Rule
	Failregex, Ignoreregex []Rule
	// MaxLines is 0, and DatePattern and UseDNS empty, when not set.
	MaxLines     int
	DatePattern  string
	UseDNS       string
	JournalMatch [][]string
	// Raw holds every option of the definition after substitution, in order.
	Raw []Param
	// Commands is the filter's part of a jail's stream.
	Commands Stream
}

// ReadFilter reads one filter, by name below filter.d or by the path of its
// file, with parameters, as a jail of that name would ("" for none). The
// parameter "backend", when given, decides between file and journal formats.
func ReadFilter(opts Options, nameOrPath string, params []Param, jail string) (*FilterDef, []Finding, error) {
	name := nameOrPath
	if strings.Contains(name, "/") {
		dir := filepath.Dir(filepath.Clean(name))
		name = filepath.Base(name)
		if filepath.Base(dir) == filterKind.folder {
			dir = filepath.Dir(dir)
		} else {
			name = filepath.Join("..", filepath.Base(dir), name)
			dir = filepath.Dir(dir)
		}
		opts.Dir = dir
	}
	name = strings.TrimSuffix(strings.TrimSuffix(name, ".conf"), ".local")
	t, err := open(opts)
	if err != nil {
		return nil, nil, err
	}
	backend, ok := param(params, "backend")
	if !ok {
		backend = "auto"
	}
	d, bad := t.filterDefinition(request{
		name: name, params: params,
		vars: map[string]string{"enabled": "True", "backend": backend, "filter": nameOrPath},
	})
	if bad != nil {
		return nil, []Finding{*bad}, bad
	}
	var stream Stream
	for _, e := range d.sent() {
		if bad := emitSetting(&stream, jail, e.name, e.value, e.text); bad != nil {
			return nil, []Finding{*bad}, bad
		}
	}
	return newFilterDef(d, stream), d.findings, nil
}

// JailFilter reads the filter of a jail of the tree together with the jail's
// own regexes and options, as it would be sent to the server. The filter is
// told of this backend and given these parameters, beside those that the jail
// names.
func (t *Tree) JailFilter(jail, backend string, params []Param) (*FilterDef, []Finding, error) {
	r := &Result{}
	if _, ok := t.jails.section(jail); !ok {
		return nil, nil, &problem{
			Severity: Error, Code: "no-jail", Text: "there is no jail " + jail,
			Cure: "did you mean " + nearest(jail, t.Jails()) + "?",
		}
	}
	j := t.newJailReader(jail, Dump, r)
	j.trial.backend, j.trial.params = backend, params
	if _, err := j.enabled(); err != nil {
		return nil, r.Findings, err
	}
	if err := j.read(); err != nil && err != errSkipped {
		return nil, r.Findings, err
	}
	return newFilterDef(j.filter, j.out), r.Findings, nil
}

// newFilterDef collects what a stream says about a filter. d may be nil.
func newFilterDef(d *definition, stream Stream) *FilterDef {
	def := &FilterDef{Commands: stream}
	if d != nil {
		def.Name = d.name
		for _, f := range d.set.files {
			def.Files = append(def.Files, f.shown())
		}
		for _, e := range d.elements {
			def.Raw = append(def.Raw, Param{e.name, e.text.text})
		}
	}
	for i := range stream {
		def.take(&stream[i])
	}
	return def
}

// take applies one command, as a server would.
func (f *FilterDef) take(c *Command) {
	if len(c.Words) < 3 {
		return
	}
	option, _ := c.Words[2].(string)
	args := c.Words[3:]
	if c.Words[0] == "multi-set" && len(args) == 1 {
		args = items(args[0])
	}
	switch option {
	case "addfailregex":
		f.Failregex = append(f.Failregex, rules(c, args)...)
	case "addignoreregex":
		f.Ignoreregex = append(f.Ignoreregex, rules(c, args)...)
	case "addjournalmatch":
		f.JournalMatch = append(f.JournalMatch, stringsOf(args))
	}
	if len(args) != 1 || c.Words[0] != "set" {
		return
	}
	text, _ := args[0].(string)
	switch option {
	case "prefregex":
		f.Prefregex = Rule{text, c.Origin}
	case "usedns":
		f.UseDNS = text
	case "datepattern":
		f.DatePattern = text
	case "maxlines":
		f.MaxLines, _ = args[0].(int)
	}
}

func rules(c *Command, args []any) []Rule {
	out := make([]Rule, 0, len(args))
	for i, a := range args {
		text, _ := a.(string)
		r := Rule{Text: text}
		if i < len(c.Rules) {
			r.Origin = c.Rules[i]
		}
		out = append(out, r)
	}
	return out
}

func stringsOf(list []any) []string {
	out := make([]string, 0, len(list))
	for _, v := range list {
		s, _ := v.(string)
		out = append(out, s)
	}
	return out
}
