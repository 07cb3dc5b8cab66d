package config

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
	"strings"

	"stockade/internal/pyobj"
)

// filterKind describes filter.d. The order of its options is the order of the
// commands, but for what filterRank says.
var filterKind = &definitionKind{
	folder: "filter.d",
	options: []optionKind{
		{"usedns", textOption},
		{"prefregex", textOption},
		{"ignoreregex", textOption},
		{"failregex", textOption},
		{"maxlines", intOption},
		{"datepattern", textOption},
		{"journalmatch", textOption},
	},
	traced: map[string]bool{"failregex": true, "ignoreregex": true, "journalmatch": true},
}

// filterRank puts first what must be known before a regex is added.
func filterRank(option string) int {
	switch option {
	case "usedns":
		return 0
	case "prefregex", "maxlines":
		return 1
	default:
		return 2
	}
}

// readFilter reads the filter of the jail and offers its options as known/….
func (j *jailReader) readFilter() *problem {
	spec, err := j.text("filter", "")
	if err != nil {
		return err
	}
	if spec == "" {
		j.note(Finding{
			Severity: Warning, Code: "no-filter", Origin: j.place("filter"),
			Text: "no filter is set, only the jail's own regexes count",
			Log:  fmt.Sprintf("No filter set for jail %s", j.name), LogLevel: levelWarning,
		})
		return nil
	}
	name, params, bad := ParseSpec(spec)
	if bad != nil {
		return j.specProblem("filter", spec, "", bad)
	}
	for _, p := range j.trial.params {
		params = slices.DeleteFunc(params, func(old Param) bool { return old.Name == p.Name })
		params = append(params, p)
	}
	d, err := j.tree.filterDefinition(request{
		name: name, params: params, overridden: j.scope.has,
		vars: map[string]string{
			"enabled": j.vars["enabled"], "backend": cmp.Or(j.trial.backend, j.vars["backend"]), "filter": spec,
		},
	})
	if err != nil {
		if err.Origin.IsZero() {
			err.Origin = j.values["filter"].text.origin()
		}
		return err
	}
	for _, f := range d.findings {
		j.note(f)
	}
	j.filter = d
	j.scope.known = d.offered
	return nil
}

// place is where an option of the jail is written, or else the jail itself.
func (j *jailReader) place(option string) Origin {
	if v := j.scope.raw(option); v != nil {
		return v.origin()
	}
	if len(j.section.places) > 0 {
		return j.section.places[len(j.section.places)-1]
	}
	return Origin{}
}

// filterDefinition reads a filter, which gets to know what kind of log it is
// for.
func (t *Tree) filterDefinition(r request) (*definition, *problem) {
	refusal := fmt.Sprintf("Unable to read the filter %s", pyobj.Repr(r.name))
	set := t.definitionSet(filterKind, r.name)
	if len(set.files) == 0 {
		return nil, t.missing(filterKind, r.name, refusal)
	}
	if !hasParam(r.params, "logtype") && !set.defines("Definition", "logtype") {
		logtype := "file"
		if strings.HasPrefix(r.vars["backend"], "systemd") {
			logtype = "journal"
		}
		r.params = append(r.params[:len(r.params):len(r.params)], Param{"logtype", logtype})
	}
	r.all = true
	key := r.key(filterKind)
	if d, ok := t.filters[key]; ok {
		return d, nil
	}
	d, err := t.define(filterKind, r)
	if err == nil {
		t.filters[key] = d
	}
	if err != nil && !err.Refuses && err.Log == "" {
		err.Log = refusal
	}
	return d, err
}

// defines tells whether a section of the set itself has an option.
func (s *fileSet) defines(section, option string) bool {
	l, ok := s.sections[section]
	return ok && l.opts[option] != nil
}

// emitFilter sends the options of the filter that the jail does not override.
func (j *jailReader) emitFilter() *problem {
	if j.filter == nil {
		return nil
	}
	for _, e := range j.filter.sent() {
		if err := emitSetting(&j.out, j.name, e.name, e.value, e.text); err != nil {
			return err
		}
	}
	return nil
}

// sent lists the recognised options in the order of their commands.
func (d *definition) sent() []*element {
	var list []*element
	for _, e := range d.elements {
		if e.recognised && !e.none {
			list = append(list, e)
		}
	}
	sort.SliceStable(list, func(a, b int) bool { return filterRank(list[a].name) < filterRank(list[b].name) })
	return list
}
