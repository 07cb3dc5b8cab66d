// Package ignore decides who is never counted: the addresses of ignoreip, the
// machine's own ones, and those for which ignorecommand says so.
//
// Rules is a plain value owned by its jail. What it needs from outside, a name
// resolved or a command run, it asks for through an Env and its Verdict; it
// never waits. Resolver is the one resolver of the server, which every jail
// asks for names.
package ignore

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"stockade/internal/ipaddr"
	"stockade/internal/ticket"
)

// Env is what Rules may ask. No call may block.
type Env interface {
	// Self are the machine's own addresses.
	Self() *ipaddr.Set
	// Name resolves a host name. ok is false while the answer is on its way.
	Name(host string) (ids []ipaddr.ID, ok bool)
	// File returns the entries of a list in a file, false while it is read.
	File(path string) (*List, bool)
	// Expand replaces the tags of a template by the values of a ticket.
	Expand(template string, t *ticket.Ticket) string
}

// Verdict says whether a ticket is to be ignored.
type Verdict struct {
	// By is what the log names as the reason; empty if the ticket counts, or
	// if a cached answer speaks, which is not logged again.
	By     string
	Ignore bool
	// Wait is set when a name or file that decides is not known yet: the
	// ticket has to be checked again once it is.
	Wait bool
	// Command is set when ignorecommand has to be run to know.
	Command string
}

// Rules are the ignore options of one jail.
type Rules struct {
	singles map[ipaddr.ID]struct{}
	// entries are networks, names and files in the order they were added.
	entries []entry
	self    bool
	command string
	cache   *cache
}

type entry struct {
	text string
	net  ipaddr.ID
	file string
}

// NewRules returns the rules of a fresh jail: only the machine itself is
// ignored.
func NewRules() *Rules {
	return &Rules{singles: map[ipaddr.ID]struct{}{}, self: true}
}

// Add takes an entry of ignoreip: an address, a network, a host name, or
// file: with a path. It reports whether the entry is new.
func (r *Rules) Add(text string) bool {
	if path, ok := strings.CutPrefix(text, "file:"); ok {
		return r.addEntry(entry{text: text, file: cleanPath(path)})
	}
	id := ipaddr.Parse(text)
	switch {
	case id.IsAddr():
		if _, known := r.singles[id]; known {
			return false
		}
		r.singles[id] = struct{}{}
		return true
	case id.IsNet():
		return r.addEntry(entry{text: id.String(), net: id})
	}
	return r.addEntry(entry{text: text})
}

func (r *Rules) addEntry(e entry) bool {
	if slices.ContainsFunc(r.entries, func(o entry) bool { return o.text == e.text }) {
		return false
	}
	r.entries = append(r.entries, e)
	return true
}

// cleanPath drops up to two extra slashes before an absolute path, so that
// file:///path works as people write it.
func cleanPath(path string) string {
	for i := 0; i < 2 && strings.HasPrefix(path, "//"); i++ {
		path = path[1:]
	}
	return path
}

// Remove takes an entry away and reports whether it was there.
func (r *Rules) Remove(text string) bool {
	id := ipaddr.Parse(text)
	if id.IsAddr() {
		_, known := r.singles[id]
		delete(r.singles, id)
		return known
	}
	if id.IsNet() {
		text = id.String()
	}
	n := len(r.entries)
	r.entries = slices.DeleteFunc(r.entries, func(e entry) bool { return e.text == text })
	return len(r.entries) < n
}

// Clear takes all entries away.
func (r *Rules) Clear() {
	r.singles = map[ipaddr.ID]struct{}{}
	r.entries = nil
}

// List gives the entries: networks, names and files in the order in which
// they were added, then the single addresses sorted.
func (r *Rules) List() []string {
	all := make([]string, 0, len(r.entries)+len(r.singles))
	for _, e := range r.entries {
		all = append(all, e.text)
	}
	singles := make([]string, 0, len(r.singles))
	for id := range r.singles {
		singles = append(singles, id.String())
	}
	slices.Sort(singles)
	return append(all, singles...)
}

// Self says whether the machine's own addresses are ignored.
func (r *Rules) Self() bool { return r.self }

// SetSelf switches ignoreself.
func (r *Rules) SetSelf(on bool) { r.self = on }

// Command is the text of ignorecommand, empty for none.
func (r *Rules) Command() string { return r.command }

// SetCommand sets ignorecommand.
func (r *Rules) SetCommand(text string) { r.command = text }

// Direct says that Check answers at once and by the ID alone, so that it needs
// to know nothing else of a ticket.
func (r *Rules) Direct() bool {
	return r.command == "" && r.cache == nil &&
		!slices.ContainsFunc(r.entries, func(e entry) bool { return e.net == ipaddr.ID{} })
}

// Check applies the rules in Fail2ban's order: cache, own addresses, single
// addresses, the list as configured, the command. The first hit decides.
func (r *Rules) Check(now time.Time, t *ticket.Ticket, env Env) Verdict {
	key := r.cacheKey(t, env)
	if hit, known := r.cache.get(now, key); known {
		return Verdict{Ignore: hit}
	}
	id := t.Address()
	if r.self && env.Self().Contains(id) {
		r.cache.put(now, key, true)
		return Verdict{Ignore: true, By: "ignoreself rule"}
	}
	if _, hit := r.singles[id]; hit {
		// A single address is found faster than a cached answer.
		return Verdict{Ignore: true, By: "ip"}
	}
	by, wait := r.listed(id, env)
	if by != "" {
		r.cache.put(now, key, true)
		return Verdict{Ignore: true, By: by}
	}
	if wait {
		return Verdict{Wait: true}
	}
	if r.command != "" {
		return Verdict{Command: r.command}
	}
	r.cache.put(now, key, false)
	return Verdict{}
}

// Ran takes in the outcome of the ignorecommand that a Verdict asked for.
func (r *Rules) Ran(now time.Time, t *ticket.Ticket, env Env, ignore bool) {
	r.cache.put(now, r.cacheKey(t, env), ignore)
}

// listed looks through networks, names and files. wait says that an entry
// could not be judged yet.
func (r *Rules) listed(id ipaddr.ID, env Env) (by string, wait bool) {
	for _, e := range r.entries {
		switch {
		case e.file != "":
			list, ok := env.File(e.file)
			if !ok {
				wait = true
			} else if list.Contains(id) {
				// As the reference writes it: a slash, then the path.
				return "file:/" + e.file, false
			}
		case e.net != ipaddr.ID{}:
			if e.net.Contains(id) {
				return "ip", false
			}
		case id.IsAddr():
			ids, ok := env.Name(e.text)
			if !ok {
				wait = true
			} else if slices.Contains(ids, id) {
				return "dns", false
			}
		}
	}
	return "", wait
}

// List is the content of a file of ignored IDs.
type List struct {
	set ipaddr.Set
	raw map[ipaddr.ID]struct{}
}

// MaxListEntries bounds what one file may hold.
const MaxListEntries = 1_000_000

// ParseList reads entries separated by blanks or commas. A # or ; at the
// start of a line or after a blank begins a comment.
func ParseList(text string) *List {
	l := &List{raw: map[ipaddr.ID]struct{}{}}
	n := 0
	for line := range strings.Lines(text) {
		for _, word := range listWords(line) {
			if n++; n > MaxListEntries {
				return l
			}
			id := ipaddr.Parse(word)
			if id.IsAddr() || id.IsNet() {
				l.set.Add(id)
			} else {
				l.raw[id] = struct{}{}
			}
		}
	}
	return l
}

func listWords(line string) []string {
	blank := true
	for i := 0; i < len(line); i++ {
		if blank && (line[i] == '#' || line[i] == ';') {
			line = line[:i]
			break
		}
		blank = line[i] == ' ' || line[i] == '\t'
	}
	return strings.FieldsFunc(line, func(c rune) bool {
		return c == ',' || c == ' ' || c == '\t' || c == '\n' || c == '\r'
	})
}

// Contains tells whether an ID stands in the file, alone or in a network.
func (l *List) Contains(id ipaddr.ID) bool {
	if l == nil {
		return false
	}
	if _, ok := l.raw[id]; ok {
		return true
	}
	return l.set.Contains(id)
}

// SelfSet builds the set of own addresses from what interfaces and names gave.
func SelfSet(addrs []netip.Addr) *ipaddr.Set {
	s := &ipaddr.Set{}
	for _, a := range addrs {
		s.Add(ipaddr.FromAddr(a.Unmap().WithZone("")))
	}
	return s
}
