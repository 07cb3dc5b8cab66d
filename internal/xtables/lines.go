package xtables

import (
	"net/netip"
	"strconv"
	"strings"

	"stockade/internal/ipaddr"
)

// rule is the ban of an address after the chain's name.
func (f *FamilySpec) rule(id ipaddr.ID) string {
	to := f.Block
	if f.Log != "" {
		to = []string{f.Log}
	}
	return "-s " + id.String() + " -j " + shown(to)
}

// addLine is the line that makes a ban, in the input of a restore.
func (f *FamilySpec) addLine(b Ban) string {
	if f.Set == nil {
		return "-I " + f.Chain + " 1 " + f.rule(b.ID)
	}
	line := "add " + f.Set.Name + " " + b.ID.String()
	if f.Set.NoTimeout {
		return line
	}
	seconds := f.Set.Timeout
	if seconds < 0 {
		seconds = b.Seconds
		if seconds > maxTimeout || seconds < 0 {
			seconds = 0
		}
	}
	return line + " timeout " + strconv.FormatInt(seconds, 10)
}

// removeLine is the line that lifts a ban.
func (f *FamilySpec) removeLine(e *entry) string {
	switch {
	case f.Set != nil:
		return "del " + f.Set.Name + " " + e.ban.ID.String()
	case e.rest != "":
		return "-D " + f.Chain + " -s " + e.ban.ID.String() + " " + e.rest
	}
	return "-D " + f.Chain + " " + f.rule(e.ban.ID)
}

// flushLines lift all bans at once.
func (f *FamilySpec) flushLines() []string {
	if f.Set != nil {
		return []string{"flush " + f.Set.Name}
	}
	return []string{"-F " + f.Chain}
}

// restore gives lines to the program that takes many at once.
func (w *Wall) restore(f *FamilySpec, lines []string) error {
	if f.Set != nil {
		_, err := w.exec(strings.Join(lines, "\n")+"\n", "ipset", "-exist", "restore")
		return err
	}
	return w.restoreRules(f, lines)
}

func (w *Wall) restoreRules(f *FamilySpec, lines []string) error {
	if len(lines) == 0 {
		return nil
	}
	argv := append([]string{restoreProgram(f.Program[0]), "--noflush"}, f.Program[1:]...)
	_, err := w.exec("*filter\n"+strings.Join(lines, "\n")+"\nCOMMIT\n", argv...)
	return err
}

// restoreProgram is the program beside iptables that reads many rules.
func restoreProgram(iptables string) string { return iptables + "-restore" }

// rules runs iptables on one rule, or lists a chain.
func (w *Wall) rules(f *FamilySpec, args ...string) (string, error) {
	return w.exec("", append(append([]string{}, f.Program...), args...)...)
}

// isMissing tells a refusal that says that the thing is gone anyway.
func (f *FamilySpec) isMissing(err error) bool {
	text := err.Error()
	for _, sign := range []string{
		"does a matching rule exist in that chain", "No chain/target/match by that name", "does not exist",
		"Bad rule", "No such file or directory", "it's not added",
	} {
		if strings.Contains(text, sign) {
			return true
		}
	}
	return false
}

// parseRules finds the bans in a chain as iptables lists it, the newest first,
// each with the rule after its address.
func parseRules(f *FamilySpec, listing string) []*entry {
	var out []*entry
	for line := range strings.Lines(listing) {
		rule, ok := strings.CutPrefix(strings.TrimSpace(line), "-A "+f.Chain+" -s ")
		if !ok {
			continue
		}
		source, rest, _ := strings.Cut(rule, " ")
		if id, ok := parseSource(source); ok && strings.HasPrefix(rest, "-j ") {
			out = append(out, &entry{ban: Ban{ID: id}, rest: rest, leftover: true})
		}
	}
	return out
}

// parseMembers finds the bans in a set as ipset saves it.
func parseMembers(f *FamilySpec, listing string) []*entry {
	var out []*entry
	for line := range strings.Lines(listing) {
		words := strings.Fields(line)
		if len(words) < 3 || words[0] != "add" || words[1] != f.Set.Name {
			continue
		}
		if id, ok := parseSource(words[2]); ok {
			out = append(out, &entry{ban: Ban{ID: id, Seconds: -2}, leftover: true})
		}
	}
	return out
}

// parseSource reads an address or network as the programs print it: a full
// prefix stands for the address.
func parseSource(text string) (ipaddr.ID, bool) {
	if p, err := netip.ParsePrefix(text); err == nil {
		if p.IsSingleIP() {
			return ipaddr.FromAddr(p.Addr()), true
		}
		return ipaddr.FromPrefix(p.Masked()), true
	}
	a, err := netip.ParseAddr(text)
	return ipaddr.FromAddr(a), err == nil
}
