package ignore

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"stockade/internal/guard"
	"stockade/internal/ipaddr"
)

// Never says whom no log line may have banned, so that nobody locks the owner
// out. The zero value spares nobody. Unlike Rules it does not keep failures
// from being counted: it speaks last, when somebody is to be banned.
type Never struct {
	// Self, Admins, Gateways and Resolvers spare what guard finds.
	Self, Admins, Gateways, Resolvers bool
	// Widest4 and Widest6 are the shortest prefixes that may be banned.
	Widest4, Widest6 int

	list []ipaddr.ID
}

// Widest prefixes where nothing else is said: no provider has more of IPv4, and
// none has more of IPv6.
const (
	defaultWidest4 = 8
	defaultWidest6 = 16
)

// DefaultNever is what a jail has unless it says otherwise.
func DefaultNever() Never {
	return Never{Self: true, Admins: true, Widest4: defaultWidest4, Widest6: defaultWidest6}
}

// List gives the addresses and networks that were named.
func (n *Never) List() []string {
	all := make([]string, len(n.list))
	for i, id := range n.list {
		all[i] = id.String()
	}
	return all
}

// SetList names the addresses and networks, separated by blanks or commas.
func (n *Never) SetList(text string) error {
	var list []ipaddr.ID
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' || r == '\n' || r == '\r' }) {
		id := ipaddr.Parse(word)
		if !id.IsAddr() && !id.IsNet() {
			return fmt.Errorf("never: %q is neither an address nor a network", word)
		}
		list = append(list, id)
	}
	n.list = list
	return nil
}

// WidestText is the option as it is written.
func (n *Never) WidestText() string { return fmt.Sprintf("%d %d", n.Widest4, n.Widest6) }

// SetWidest reads the lengths of the widest prefixes, for IPv4 and then IPv6;
// "no" allows all.
func (n *Never) SetWidest(text string) error {
	words := strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' || r == '\n' })
	if len(words) == 1 && (strings.EqualFold(words[0], "no") || words[0] == "0") {
		n.Widest4, n.Widest6 = 0, 0
		return nil
	}
	if len(words) == 2 {
		four, err4 := strconv.Atoi(strings.TrimPrefix(words[0], "/"))
		six, err6 := strconv.Atoi(strings.TrimPrefix(words[1], "/"))
		if err4 == nil && err6 == nil && four >= 0 && four <= 32 && six >= 0 && six <= 128 {
			n.Widest4, n.Widest6 = four, six
			return nil
		}
	}
	return fmt.Errorf("never_wider: %q is not two lengths of prefixes, as in \"8 16\", or no", text)
}

// On tells whether anybody may be spared.
func (n *Never) On() bool {
	return n.Self || n.Admins || n.Gateways || n.Resolvers || n.Widest4 > 0 || n.Widest6 > 0 || len(n.list) > 0
}

// Spares tells why an ID must not be banned, "" if nothing speaks against it.
// look gives the addresses to look after; it is asked only if one of them can
// matter.
func (n *Never) Spares(id ipaddr.ID, look func() guard.Addresses) string {
	if !id.IsAddr() && !id.IsNet() {
		return ""
	}
	if why := n.tooWide(id); why != "" {
		return why
	}
	for _, never := range n.list {
		if never.Contains(id) || id.Contains(never) {
			return never.String() + " is on the list never"
		}
	}
	if look == nil || !n.Self && !n.Admins && !n.Gateways && !n.Resolvers {
		return ""
	}
	found := look()
	for _, kind := range []struct {
		on    bool
		addrs []netip.Addr
		what  string
	}{
		{n.Self, found.Self, "is an address of this machine (never_self)"},
		{n.Admins, found.Admins, "has an SSH session that was let in (never_admins)"},
		{n.Gateways, found.Gateways, "is the default gateway (never_gateway)"},
		{n.Resolvers, found.Resolvers, "is a resolver of this machine (never_resolvers)"},
	} {
		for _, a := range kind.addrs {
			if one := ipaddr.FromAddr(a); kind.on && (one == id || id.Contains(one)) {
				return one.String() + " " + kind.what
			}
		}
	}
	return ""
}

func (n *Never) tooWide(id ipaddr.ID) string {
	widest := n.Widest4
	if id.Family() == ipaddr.Inet6 {
		widest = n.Widest6
	}
	if !id.IsNet() || id.PrefixLen() >= widest {
		return ""
	}
	return fmt.Sprintf("a network wider than /%d is not banned (never_wider)", widest)
}
