package doctor

import (
	"slices"
	"strings"

	"stockade/internal/api"
)

// Ruleset is what is known of the machine's firewall: the chains of nftables
// and of iptables, and the ports that are handed on.
type Ruleset struct {
	Chains   []Chain
	Forwards []Forward
}

// Chain is a chain of rules. Hook is "" for one that others jump to.
type Chain struct {
	// By is "nftables" or "iptables", Table as "inet filter".
	By, Table, Name, Hook string
	Rules                 []Rule
}

// Rule is what matters of a rule here.
type Rule struct {
	// Accepts says that it lets packets through for good, To which chain it
	// leads to instead.
	Accepts bool
	To      string
	// Ports are those that it is for; nil for all.
	Ports []portRange
	// Narrow says that it is for some packets only, by more than port and
	// protocol: known connections, some addresses, the loopback.
	Narrow bool
	// Sets are the sets that it looks up.
	Sets []string
	Text string
}

// Forward is a port whose connections are handed on.
type Forward struct {
	Proto string
	Port  uint16
	Where string
}

// shadow is a rule that stands in front of bans.
type shadow struct {
	chain, rule string
	// show is the command that lists the chain.
	show string
}

// deepest bounds how far jumps are followed.
const deepest = 8

// shadows finds rules that let packets to one of the ports through before they
// come to the bans of an action.
func (r *Ruleset) shadows(e *api.Enforcement, ports []portRange) []shadow {
	var out []shadow
	for i := range r.Chains {
		c := &r.Chains[i]
		if c.By != e.By || !slices.Contains(e.Chains, c.Name) || e.By == "nftables" && c.Table != e.Table {
			continue
		}
		at := slices.IndexFunc(c.Rules, func(rule Rule) bool { return rule.To == e.Holder || slices.Contains(rule.Sets, e.Holder) })
		if at < 0 {
			continue // one of the families, or told of as missing
		}
		for _, rule := range c.Rules[:at] {
			if text, ok := r.letsThrough(c, &rule, ports, deepest); ok {
				out = append(out, shadow{"the chain " + c.Name + " (" + c.Table + ")", text, c.show()})
			}
		}
	}
	return out
}

// letsThrough tells whether a rule of a chain accepts new connections to one of
// the ports, by itself or by where it leads.
func (r *Ruleset) letsThrough(c *Chain, rule *Rule, ports []portRange, depth int) (text string, ok bool) {
	if rule.Narrow || rule.Ports != nil && !meet(rule.Ports, ports) || depth == 0 {
		return "", false
	}
	if rule.Accepts {
		return rule.Text, true
	}
	if rule.To == "" {
		return "", false
	}
	for i := range r.Chains {
		to := &r.Chains[i]
		if to.By != c.By || to.Table != c.Table || to.Name != rule.To {
			continue
		}
		for j := range to.Rules {
			if text, ok := r.letsThrough(to, &to.Rules[j], ports, depth-1); ok {
				return rule.Text + ": " + text, true
			}
		}
	}
	return "", false
}

func (c *Chain) show() string {
	if c.By == "nftables" {
		return "nft -a list chain " + c.Table + " " + c.Name
	}
	program := "iptables"
	if strings.HasPrefix(c.Table, "ip6 ") {
		program = "ip6tables"
	}
	return program + " -S " + c.Name
}
