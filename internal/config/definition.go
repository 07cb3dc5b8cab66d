package config

import (
	"fmt"
	"strings"

	"stockade/internal/ini"
)

// optionType is how the text of an option becomes a value.
type optionType int

const (
	textOption optionType = iota
	boolOption
	intOption
)

// optionKind names an option that the reader knows.
type optionKind struct {
	name string
	kind optionType
}

// definitionKind is what tells filters and actions apart.
type definitionKind struct {
	folder string
	// options are the recognised ones in the order they are sent.
	options []optionKind
	// server are the tags that are left for the server.
	server map[string]bool
	// traced are the options in which each line has an origin of its own.
	traced map[string]bool
}

func (k *definitionKind) option(name string) (optionType, bool) {
	for _, o := range k.options {
		if o.name == name {
			return o.kind, true
		}
	}
	return 0, false
}

// element is one option of a definition with its raw text.
type element struct {
	name string
	raw  traced
	// none marks an option that could not be read, which is sent as None.
	none bool
	kind optionType
	// recognised says that the option is one that is sent under its own name.
	recognised bool
	// leaned says that its text took something from beyond the options.
	leaned bool
	// text is raw with all tags replaced; value is it converted.
	text  traced
	value any
}

// definition is a filter or an action, read with parameters.
type definition struct {
	kind     *definitionKind
	name     string
	set      *fileSet
	section  *layered
	scope    scope
	elements []*element
	index    map[string]*element
	// known are the file's own [Init] values, as <known/name>.
	known map[string]traced
	// conditional are the names that have a variant name?family=….
	conditional map[string]bool
	// looked remembers what tags stand for.
	looked map[string]lookedUp
	// offered are the options as a jail may refer to them by known/name.
	offered map[string]traced
	// leaning is set when a tag is answered from beyond the options.
	leaning  bool
	findings []Finding
}

// lookedUp is the answer of lookup.
type lookedUp struct {
	text traced
	ok   bool
}

// definitionSet reads the files of a filter or action once.
func (t *Tree) definitionSet(kind *definitionKind, name string) *fileSet {
	key := kind.folder + "/" + name
	set, ok := t.definitions[key]
	if !ok {
		set = t.overlay.load(key)
		t.definitions[key] = set
	}
	return set
}

// request says which definition is wanted and by whom.
type request struct {
	name string
	// params are what the jail passes, in order; vars the jail's own options.
	params []Param
	vars   map[string]string
	// overridden tells which options the jail sets itself.
	overridden func(option string) bool
	// all says to read every option of [Definition], as filters need it.
	all bool
}

// define reads a definition, whose files must exist.
func (t *Tree) define(kind *definitionKind, r request) (*definition, *problem) {
	d := &definition{
		kind: kind, name: r.name, set: t.definitionSet(kind, r.name),
		index: map[string]*element{}, known: map[string]traced{}, conditional: map[string]bool{},
		looked: map[string]lookedUp{},
	}
	if err := d.usable(); err != nil {
		return nil, err
	}
	vars := make(map[string]string, len(r.vars)+len(r.params))
	for k, v := range r.vars {
		vars[k] = v
	}
	for _, p := range r.params {
		vars[ini.Lower(p.Name)] = p.Value
	}
	section, ok := d.set.section("Definition")
	if !ok {
		section = newLayered("Definition")
	}
	d.section = section
	d.scope = scope{set: d.set, section: section, vars: vars, base: t.overlay.dir, chain: &chain{}, rough: !r.all}
	if err := d.readOptions(ok, r); err != nil {
		return nil, err
	}
	for _, p := range r.params {
		d.put(p.Name, traced{text: p.Value})
	}
	if err := d.readInit(r); err != nil {
		return nil, err
	}
	if err := d.substitute(); err != nil {
		return nil, err
	}
	if r.all {
		if err := d.offer(); err != nil {
			return nil, err
		}
	}
	d.findings = append(d.findings, d.scope.chain.findings()...)
	return d, nil
}

// key identifies a request among those of one tree.
func (r request) key(kind *definitionKind) string {
	var b strings.Builder
	b.WriteString(r.name)
	for _, p := range r.params {
		b.WriteString("\x00" + p.Name + "\x01" + p.Value)
	}
	for _, name := range []string{"enabled", "backend", "filter"} {
		b.WriteString("\x02" + r.vars[name])
	}
	for _, o := range kind.options {
		if r.overridden != nil && r.overridden(o.name) {
			b.WriteString("\x03" + o.name)
		}
	}
	return b.String()
}

// usable reports what makes the files of a definition unusable.
func (d *definition) usable() *problem {
	if len(d.set.whole) > 0 {
		return faultProblem(d.set.whole[0])
	}
	for _, name := range d.set.order {
		if broken := d.set.sections[name].broken; len(broken) > 0 {
			return faultProblem(broken[0])
		}
	}
	if broken := d.set.defaults.broken; len(broken) > 0 {
		return faultProblem(broken[0])
	}
	if len(d.set.includes) > 0 {
		return d.set.includes[0]
	}
	return nil
}

// put adds an option or replaces the text of one that is there.
func (d *definition) put(name string, text traced) *element {
	if e, ok := d.index[name]; ok {
		e.raw, e.none = text, false
		return e
	}
	e := &element{name: name, raw: text}
	e.kind, e.recognised = d.kind.option(name)
	d.elements = append(d.elements, e)
	d.index[name] = e
	if plain, _, ok := strings.Cut(name, "?"); ok {
		d.conditional[plain] = true
	}
	return e
}

// remove takes an option out again.
func (d *definition) remove(name string) {
	e, ok := d.index[name]
	if !ok {
		return
	}
	delete(d.index, name)
	for i := range d.elements {
		if d.elements[i] == e {
			d.elements = append(d.elements[:i], d.elements[i+1:]...)
			return
		}
	}
}

// readOptions reads the recognised options of [Definition] that are neither
// passed nor set by the jail.
func (d *definition) readOptions(exists bool, r request) *problem {
	for _, o := range d.kind.options {
		if hasParam(r.params, o.name) || r.overridden != nil && r.overridden(o.name) {
			continue
		}
		if !exists {
			d.put(o.name, traced{}).none = true
			d.findings = append(d.findings, Finding{
				Severity: Error, Code: "no-definition", Text: "no [Definition] section",
				Origin: d.origin(), Log: "No section: 'Definition'", LogLevel: levelError,
			})
			continue
		}
		if !d.scope.has(o.name) {
			continue
		}
		text, err := d.scope.get(o.name)
		if err != nil {
			return err
		}
		d.put(o.name, text)
	}
	return nil
}

// origin is the first file of the definition.
func (d *definition) origin() Origin {
	if len(d.set.files) == 0 {
		return Origin{}
	}
	return d.set.files[0].origin(0)
}

// readInit adds the options of [Init] that are not passed. A plain parameter
// overrides the conditional variants too. An option of [Definition] that stands
// in [Init] too keeps its place in an action and loses it in a filter. What the
// jail passes is not visible here.
func (d *definition) readInit(r request) *problem {
	params := r.params
	section, ok := d.set.section("Init")
	if !ok {
		return nil
	}
	sc := scope{set: d.set, section: section, base: d.scope.base, chain: d.scope.chain, rough: d.scope.rough}
	for _, name := range section.order {
		plain, _, isConditional := strings.Cut(name, "?")
		given := hasParam(params, name)
		if !given && isConditional {
			if passed, ok := param(params, plain); ok {
				d.put(name, traced{text: passed})
				continue
			}
		}
		text, err := sc.expand(name, section.opts[name])
		if err != nil {
			return err
		}
		d.known[name] = text
		if given {
			continue
		}
		if r.all {
			d.remove(name)
		}
		d.put(name, text)
	}
	return nil
}

// substitute replaces the tags in all options and converts them.
func (d *definition) substitute() *problem {
	t := d.tags(d.lookup)
	for _, e := range d.elements {
		e.text = e.raw
		if !t.keep(e.name) && strings.IndexByte(e.raw.text, '<') >= 0 {
			d.leaning = false
			text, err := t.replace(e.name, e.raw)
			if err != nil {
				return err
			}
			e.text, e.leaned = text, d.leaning
		}
		d.convert(e)
	}
	return nil
}

// tags replaces tags by what a lookup says.
func (d *definition) tags(lookup func(string) (traced, bool, *problem)) tags {
	return tags{
		lookup: lookup, trace: func(option string) bool { return d.kind.traced[option] },
		keep: func(tag string) bool { return d.conditional[tag] || d.kind.server[tag] },
	}
}

// convert gives an option its type.
func (d *definition) convert(e *element) {
	switch {
	case e.none:
		e.value = nil
	case !e.recognised || e.kind == textOption:
		e.value = e.text.text
	case e.kind == boolOption:
		e.value = truth(e.text.text)
	default:
		n, ok := pythonInt(e.text.text)
		if ok {
			e.value = n
			return
		}
		e.none, e.recognised = true, false
		d.findings = append(d.findings, Finding{
			Severity: Warning, Code: "bad-int", Origin: e.text.origin(), Quote: e.text.text,
			Text:     fmt.Sprintf("%s must be a whole number", e.name),
			Cure:     "the option is ignored until it is one",
			Log:      fmt.Sprintf("Wrong int value '%s' for '%s'. Using default one: None", e.text.text, e.name),
			LogLevel: levelWarning,
		})
	}
}

func hasParam(params []Param, name string) bool {
	_, ok := param(params, name)
	return ok
}

func param(params []Param, name string) (string, bool) {
	for _, p := range params {
		if p.Name == name {
			return p.Value, true
		}
	}
	return "", false
}

// truth is what Fail2ban takes for yes.
func truth(text string) bool {
	switch strings.ToLower(text) {
	case "1", "on", "true", "yes":
		return true
	}
	return false
}
