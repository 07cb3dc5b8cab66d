package filter

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unique"

	"stockade/internal/logbook"
	"stockade/internal/pyobj"
	"stockade/internal/pyre"
)

// Rule is one expression of the configuration.
type Rule struct {
	Text string
	// Origin is file:line of its definition, or empty.
	Origin string
}

// rule is a compiled expression.
type rule struct {
	kind   string
	origin string
	text   string // as it was given
	re     *pyre.Regexp
	groups []group
	// names are those of the groups of the prefregex and of these.
	names *[]string
	// content is the place of the group of that name among them, -1 for none.
	content int
	roles   roles
	// extras are the alt_ and tuple_ groups in the order of their names.
	extras []extra
	// stands is set where the extras are alternatives for one and the same group.
	stands *standIn
	gate   gate
	// alike says that digits are all the same to the expression.
	alike bool
}

// standIn are groups that stand in for another one, in their order. The numbers
// are those of the expression, -1 for a group that it does not have.
type standIn struct {
	name Name
	to   int
	from []int
}

// group is one named group.
type group struct {
	name  Name
	index int
	// over is the place of the group of this name among those of the
	// prefregex, -1 for none.
	over int
}

// extra is a group that gives a value to another one.
type extra struct {
	from, to Name
	tuple    bool
}

// idGroups are the groups one of which a failregex (or its prefregex) needs.
var idGroups = []string{"fid", "ip4", "ip6", "dns", "mlfid"}

// compile expands and compiles one expression. The error is what the client
// sees.
func compile(kind string, r Rule, usedns string, multiline bool) (*rule, error) {
	if strings.TrimSpace(r.Text) == "" {
		return nil, pyobj.RegexError("Cannot add empty regex")
	}
	text := SearchText(r.Text, usedns)
	var flags pyre.Flags
	if multiline {
		flags = pyre.Multiline
	}
	re, err := pyre.Compile(text, flags)
	if err != nil {
		return nil, pyobj.RegexError(fmt.Sprintf("Unable to compile regular expression '%s':\n%s", text, err))
	}
	c := &rule{kind: kind, origin: r.Origin, text: r.Text, re: re, gate: newGate(re), alike: re.DigitsAlike(), content: -1}
	for i, name := range re.GroupNames() {
		if name != "" {
			if name == "content" {
				c.content = len(c.groups)
			}
			c.groups = append(c.groups, group{unique.Make(name), i, -1})
		}
	}
	c.extras = extrasOf(c.groups)
	c.stands = standInOf(c.extras, re)
	for _, g := range c.groups {
		c.roles |= roleOf[g.name.Value()]
	}
	for _, x := range c.extras {
		c.roles |= roleOf[x.to.Value()]
	}
	return c, nil
}

// roles are the groups with a meaning of their own that a rule has, so that
// nobody looks for what cannot be there.
type roles uint16

const (
	roleFID roles = 1 << iota
	roleIP4
	roleIP6
	roleDNS
	roleCIDR
	roleUser
	roleMLFID
	roleNofail
	roleForget
	roleGained
	roleContent
)

var roleOf = map[string]roles{
	"fid": roleFID, "ip4": roleIP4, "ip6": roleIP6, "dns": roleDNS, "cidr": roleCIDR, "user": roleUser,
	"mlfid": roleMLFID, "nofail": roleNofail, "mlfforget": roleForget, "mlfgained": roleGained, "content": roleContent,
}

// has tells whether the rule has a group of one of the names.
func (r *rule) has(names ...string) bool {
	return r != nil && slices.ContainsFunc(r.groups, func(g group) bool { return slices.Contains(names, g.name.Value()) })
}

// extrasOf finds the groups alt_X, alt_X_1, tuple_X, tuple_X_1.
func extrasOf(groups []group) []extra {
	var out []extra
	for _, g := range groups {
		rest, tuple := strings.CutPrefix(g.name.Value(), "tuple_")
		if !tuple {
			var alt bool
			if rest, alt = strings.CutPrefix(g.name.Value(), "alt_"); !alt {
				continue
			}
		}
		if rest == "" {
			continue
		}
		if i := strings.LastIndexByte(rest, '_'); i > 0 && i+1 < len(rest) && strings.Trim(rest[i+1:], "0123456789") == "" {
			rest = rest[:i]
		}
		if n, ok := groupNames[rest]; ok {
			rest = n
		}
		out = append(out, extra{g.name, unique.Make(rest), tuple})
	}
	slices.SortFunc(out, func(a, b extra) int { return strings.Compare(a.from.Value(), b.from.Value()) })
	return out
}

// standInOf gives the extras as one stand-in, nil where they are more.
func standInOf(extras []extra, re *pyre.Regexp) *standIn {
	if len(extras) == 0 {
		return nil
	}
	s := &standIn{name: extras[0].to, to: re.GroupIndex(extras[0].to.Value())}
	for _, x := range extras {
		if x.tuple || x.to != s.name {
			return nil
		}
		s.from = append(s.from, re.GroupIndex(x.from.Value()))
	}
	return s
}

// AddFailregex adds an expression to the end of the list.
func (f *Filter) AddFailregex(r Rule) error {
	f.Alone()
	c, err := compile("failregex", r, f.settings.useDNS, f.settings.maxLines > 1)
	if err == nil && !c.has(idGroups...) && !f.pref.has(idGroups...) {
		err = pyobj.RegexError(fmt.Sprintf("No failure-id group in '%s'", c.re))
	}
	if err != nil {
		return f.refused(err)
	}
	f.fail = append(f.fail, c)
	f.rebuild()
	return nil
}

// AddIgnoreregex adds an expression to the end of the list.
func (f *Filter) AddIgnoreregex(r Rule) error {
	f.Alone()
	c, err := compile("ignoreregex", r, f.settings.useDNS, false)
	if err != nil {
		return f.refused(err)
	}
	f.ignore = append(f.ignore, c)
	return nil
}

// SetPrefregex sets the expression every line has to match first; an empty one
// removes it.
func (f *Filter) SetPrefregex(r Rule) error {
	f.Alone()
	if r.Text == "" {
		f.pref = nil
		f.rebuild()
		return nil
	}
	c, err := compile("prefregex", r, f.settings.useDNS, false)
	if err != nil {
		return err
	}
	f.pref = c
	f.rebuild()
	return nil
}

// refused logs the reason for which an expression was not taken.
func (f *Filter) refused(err error) error {
	var e *pyobj.Exception
	if errors.As(err, &e) {
		f.log(logbook.Error, e.Error())
	}
	return err
}

// DelFailregex removes an expression. A wrong index is only logged; negative
// ones count from the end.
func (f *Filter) DelFailregex(index int) {
	f.Alone()
	f.fail = f.remove(f.fail, index)
	f.rebuild()
}

// DelIgnoreregex removes an expression, as DelFailregex does.
func (f *Filter) DelIgnoreregex(index int) {
	f.Alone()
	f.ignore = f.remove(f.ignore, index)
}

func (f *Filter) remove(list []*rule, index int) []*rule {
	i := index
	if i < 0 {
		i += len(list)
	}
	if i < 0 || i >= len(list) {
		f.log(logbook.Error, fmt.Sprintf("Cannot remove regular expression. Index %d is not valid", index))
		return list
	}
	return slices.Delete(list, i, i+1)
}

// Failregex lists the expressions as they are searched, tags expanded.
func (f *Filter) Failregex() []string { return texts(f.fail) }

// Ignoreregex lists the expressions as they are searched, tags expanded.
func (f *Filter) Ignoreregex() []string { return texts(f.ignore) }

// Prefregex is the expression as it is searched, empty for none.
func (f *Filter) Prefregex() string {
	if f.pref == nil {
		return ""
	}
	return f.pref.re.String()
}

// Rules lists the failregexes as they were given.
func (f *Filter) Rules() []Rule { return given(f.fail) }

// IgnoreRules lists the ignoreregexes as they were given.
func (f *Filter) IgnoreRules() []Rule { return given(f.ignore) }

func given(list []*rule) []Rule {
	out := make([]Rule, len(list))
	for i, r := range list {
		out[i] = Rule{Text: r.text, Origin: r.origin}
	}
	return out
}

func texts(list []*rule) []string {
	out := make([]string, len(list))
	for i, r := range list {
		out[i] = r.re.String()
	}
	return out
}

// place is where a group stands in what the prefregex gives, -1 for nowhere.
func (r *rule) place(name Name) int {
	if r == nil {
		return -1
	}
	at := 0
	for _, g := range r.groups {
		switch g.name {
		case name:
			if name == groupContent {
				return -1
			}
			return at
		case groupContent:
		default:
			at++
		}
	}
	return -1
}

func (r *rule) groupNames() (names []string) {
	if r == nil {
		return nil
	}
	for _, g := range r.groups {
		names = append(names, g.name.Value())
	}
	return names
}

// rebuild makes the table that tells which failregexes are worth running.
func (f *Filter) rebuild() {
	res := make([]*pyre.Regexp, len(f.fail))
	for i, r := range f.fail {
		res[i] = r.re
		names := append(f.pref.groupNames(), r.groupNames()...)
		r.names = &names
		for k := range r.groups {
			r.groups[k].over = f.pref.place(r.groups[k].name)
		}
	}
	f.dispatch = pyre.NewDispatch(res)
	f.seen.forget()
}
