package config

import (
	"fmt"
	"strings"

	"stockade/internal/ini"
)

// maxDepth is how deep %()s references may nest: the option's own text is
// level 1.
const maxDepth = 10

// maxReferences bounds the references followed for one option: without it ten
// levels of references to nothing could keep a reader busy for hours.
const maxReferences = 100_000

// maxExpansion bounds the text one option may grow to. Ten levels of doubling
// references could otherwise fill any memory.
const maxExpansion = 16 << 20

// scope is the namespace in which an option is read: the supplied variables,
// then the section, then DEFAULT.
type scope struct {
	set     *fileSet
	section *layered
	// vars are supplied by the caller and come first.
	vars map[string]string
	// known are the options of the jail's filter, as known/name.
	known map[string]traced
	// builtin are the names the program supplies; files cannot change them.
	builtin map[string]string
	// chain remembers known/ references that Fail2ban takes for endless.
	chain *chain
	base  string
	// rough says that nobody asks for the origins of parts.
	rough bool
}

// chain collects the definitions whose known/ reference leads to one that has
// such a reference itself: Fail2ban remembers one level only and takes this for
// an endless recursion.
type chain struct{ values []*value }

func (c *chain) add(v *value) {
	if c != nil {
		c.values = append(c.values, v)
	}
}

// findings tells about the chains met so far, and forgets them.
func (c *chain) findings() []Finding {
	var list []Finding
	for _, v := range c.values {
		list = append(list, Finding{
			Severity: Notice, Code: "known-chain", Origin: v.origin(), Quote: firstLine(v.text),
			Text: "%(known/…)s builds on a value that itself does; Fail2ban refuses this as endless",
		})
	}
	c.values = nil
	return list
}

// has tells whether the section or DEFAULT defines an option.
func (sc *scope) has(option string) bool {
	return sc.set.lookup(sc.section, option) != nil
}

// raw gives the definition of an option, nil when there is none.
func (sc *scope) raw(option string) *value { return sc.set.lookup(sc.section, option) }

// get reads an option and resolves all references in it.
func (sc *scope) get(option string) (traced, *problem) {
	v := sc.raw(option)
	if v == nil {
		return traced{}, sc.noOption(option)
	}
	return sc.expand(option, v)
}

// expand resolves the references in a definition.
func (sc *scope) expand(option string, v *value) (traced, *problem) {
	if strings.IndexByte(v.text, '%') < 0 {
		return traced{text: v.text, whole: v}, nil
	}
	x := expansion{scope: sc, option: option, root: v}
	x.out.rough = sc.rough
	if err := x.run(v.text, v, option, 1); err != nil {
		return traced{}, err
	}
	return x.out.done(v), nil
}

func (sc *scope) noOption(option string) *problem {
	return &problem{
		Severity: Error, Code: "no-option",
		Text: fmt.Sprintf("no option %q in section [%s]", option, sc.section.name),
	}
}

// expansion is the state of reading one option.
type expansion struct {
	scope  *scope
	option string
	root   *value
	out    weaver
	steps  int
}

// run appends text with its references resolved. owner is the definition the
// text belongs to and name its option; nil for texts without definition.
func (x *expansion) run(text string, owner *value, name string, depth int) *problem {
	if depth > maxDepth {
		return x.fail(owner, text, 0, "interpolation-depth",
			fmt.Sprintf("the references in %q nest deeper than %d levels or refer to themselves", x.option, maxDepth), "")
	}
	pos := 0
	for {
		i := strings.IndexByte(text[pos:], '%')
		if i < 0 {
			x.out.add(text, pos, len(text), owner, depth)
			return nil
		}
		x.out.add(text, pos, pos+i, owner, depth)
		pos += i
		if strings.HasPrefix(text[pos:], "%%") {
			x.out.add(text, pos, pos+1, owner, depth)
			pos += 2
			continue
		}
		key, end := reference(text, pos)
		if end < 0 {
			return x.syntax(text, pos, owner)
		}
		if err := x.reference(key, text, pos, owner, name, depth); err != nil {
			return err
		}
		if x.steps++; x.steps > maxReferences || len(x.out.buf) > maxExpansion {
			return x.fail(owner, text, pos, "interpolation-size",
				fmt.Sprintf("the references in %q grow without end", x.option), "")
		}
		pos = end
	}
}

// reference splits "%(key)s" at pos; end is -1 when it is none.
func reference(text string, pos int) (key string, end int) {
	if !strings.HasPrefix(text[pos:], "%(") {
		return "", -1
	}
	closing := strings.IndexByte(text[pos:], ')')
	if closing <= 2 || !strings.HasPrefix(text[pos+closing:], ")s") {
		return "", -1
	}
	return text[pos+2 : pos+closing], pos + closing + 2
}

func (x *expansion) syntax(text string, pos int, owner *value) *problem {
	what, cure := "a % must be followed by % or (name)s", "write %% for a percent sign"
	if strings.HasPrefix(text[pos:], "%(") {
		what, cure = "a reference that is not closed by )s", "write %(name)s"
	}
	return x.fail(owner, text, pos, "interpolation-syntax", what, cure)
}

// reference resolves one %(key)s.
func (x *expansion) reference(written, text string, pos int, owner *value, name string, depth int) *problem {
	key := ini.Lower(written)
	found, v, ok := x.scope.resolve(key, owner, name)
	if !ok {
		err := x.fail(owner, text, pos, "interpolation-name",
			fmt.Sprintf("%%(%s)s refers to an option that does not exist", written), x.scope.missingCure(key, written))
		return err
	}
	if strings.IndexByte(found.text, '%') < 0 {
		x.out.addTraced(found, depth)
		return nil
	}
	if _, base, slash := strings.Cut(key, "/"); slash {
		key = base
	}
	return x.run(found.text, v, key, depth+1)
}

// fail makes the error for a place in a definition. Fail2ban refuses the whole
// configuration for any of these.
func (x *expansion) fail(owner *value, text string, pos int, code, what, cure string) *problem {
	at := owner
	if at == nil {
		at, pos = x.root, 0
	}
	p := &problem{Severity: Error, Code: code, Text: what, Cure: cure, Refuses: true, Origin: at.origin()}
	if at == owner && at.file != nil {
		p.Origin = at.file.origin(at.lineOf(strings.Count(text[:pos], "\n")))
	}
	p.Quote = lineAround(text, pos)
	return p
}

// lineAround cuts the line of a text around a position, shortened.
func lineAround(text string, pos int) string {
	start := strings.LastIndexByte(text[:pos], '\n') + 1
	if pos-start > 60 {
		start = pos - 20
	}
	rest := text[start:]
	if i := strings.IndexByte(rest, '\n'); i >= 0 {
		rest = rest[:i]
	}
	if len(rest) > 120 {
		rest = strings.ToValidUTF8(rest[:120], "") + "…"
	}
	return strings.ToValidUTF8(rest, "")
}

// resolve finds what %(key)s stands for.
func (sc *scope) resolve(key string, owner *value, name string) (traced, *value, bool) {
	if t, ok := sc.vars[key]; ok {
		return traced{text: t}, nil, true
	}
	if t, ok := sc.builtin[key]; ok {
		return traced{text: t}, nil, true
	}
	if key == "__name__" {
		return traced{text: sc.section.name}, nil, true
	}
	if v := sc.set.lookup(sc.section, key); v != nil {
		return traced{text: v.text, whole: v}, v, true
	}
	if sect, opt, ok := strings.Cut(key, "/"); ok {
		return sc.resolveIn(sect, opt, owner, name)
	}
	return traced{}, nil, false
}

// resolveIn finds section/option.
func (sc *scope) resolveIn(sect, opt string, owner *value, name string) (traced, *value, bool) {
	var v *value
	switch sect {
	case "known":
		if t, ok := sc.known[opt]; ok {
			return t, nil, true
		}
		v = sc.resolveKnown(opt, owner, name)
	case "default":
		v = sc.set.defaults.opts[opt]
	default:
		l, ok := sc.set.sections[sect]
		if !ok {
			return traced{}, nil, false
		}
		v = sc.set.lookup(l, opt)
	}
	if v == nil {
		return traced{}, nil, false
	}
	return traced{text: v.text, whole: v}, v, true
}

// resolveKnown finds the definition that came before. Fail2ban remembers one
// level only and none in DEFAULT, and then takes a second reference for an
// endless one; we follow the chain of files (a listed difference).
func (sc *scope) resolveKnown(opt string, owner *value, name string) *value {
	top, fallback := sc.section.opts[opt], sc.set.defaults.opts[opt]
	again := owner != nil && name == opt
	switch {
	case again && owner != top && isIn(owner, top):
		sc.chain.add(owner)
		if owner.prev != nil {
			return owner.prev
		}
	case top != nil && top.prev != nil:
		return top.prev
	case again && isIn(owner, fallback) && owner.prev != nil:
		sc.chain.add(owner)
		return owner.prev
	}
	return fallback
}

// isIn tells whether a definition is head or one of its predecessors.
func isIn(v, head *value) bool {
	for ; head != nil; head = head.prev {
		if head == v {
			return true
		}
	}
	return false
}

// missingCure suggests what a reference to nothing was meant to be.
func (sc *scope) missingCure(key, written string) string {
	if sect, _, ok := strings.Cut(written, "/"); ok {
		if sect == "known" {
			return "known/ gives what an earlier file says, and none does"
		}
		if _, ok := sc.set.sections[sect]; ok && sect != ini.Lower(sect) {
			return "a section can be referred to only when its name is in lower case"
		}
	}
	if near := nearest(key, sc.names()); near != "" {
		return fmt.Sprintf("did you mean %%(%s)s?", near)
	}
	return ""
}

// names lists all that a plain reference may name.
func (sc *scope) names() []string {
	names := append(append([]string(nil), sc.section.order...), sc.set.defaults.order...)
	for n := range sc.vars {
		names = append(names, n)
	}
	for n := range sc.builtin {
		names = append(names, n)
	}
	return names
}
