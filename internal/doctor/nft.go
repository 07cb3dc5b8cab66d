package doctor

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// nftObject is one object of what `nft -j list ruleset` prints.
type nftObject struct {
	Chain *struct {
		Family, Table, Name, Hook string
	}
	Rule *struct {
		Family, Table, Chain string
		Handle               int
		Expr                 []map[string]json.RawMessage
	}
}

// ParseNFT reads what `nft -j list ruleset` prints. Tables that belong to
// iptables are left to ParseIPTables, which knows more of their rules.
func (r *Ruleset) ParseNFT(text []byte) error {
	var list struct {
		Nftables []nftObject `json:"nftables"`
	}
	if err := json.Unmarshal(text, &list); err != nil {
		return fmt.Errorf("read the ruleset of nftables: %w", err)
	}
	chains := map[[2]string]int{}
	for _, o := range list.Nftables {
		switch {
		case o.Chain != nil:
			table := o.Chain.Family + " " + o.Chain.Table
			chains[[2]string{table, o.Chain.Name}] = len(r.Chains)
			r.Chains = append(r.Chains, Chain{By: "nftables", Table: table, Name: o.Chain.Name, Hook: o.Chain.Hook})
		case o.Rule != nil:
			i, ok := chains[[2]string{o.Rule.Family + " " + o.Rule.Table, o.Rule.Chain}]
			if !ok {
				continue
			}
			c := &r.Chains[i]
			rule := nftRule{Rule: Rule{Text: fmt.Sprintf("rule with handle %d", o.Rule.Handle)}}
			for _, expression := range o.Rule.Expr {
				for kind, value := range expression {
					rule.read(kind, value)
				}
			}
			rule.Text = describe(&rule)
			c.Rules = append(c.Rules, rule.Rule)
			if rule.rewrites {
				r.forward(rule.Rule, rule.proto, "table "+c.Table)
			}
		}
	}
	return nil
}

// forward notes the ports that a rule hands on.
func (r *Ruleset) forward(rule Rule, proto, where string) {
	if proto == "" {
		proto = "tcp"
	}
	for _, p := range rule.Ports {
		// A range of many ports is that of another machine behind this one.
		for port := int(p.from); port <= int(p.to) && port-int(p.from) < 64; port++ {
			f := Forward{proto, uint16(port), where}
			if !slices.Contains(r.Forwards, f) {
				r.Forwards = append(r.Forwards, f)
			}
		}
	}
}

// nftRule is a rule while it is read.
type nftRule struct {
	Rule
	proto    string
	rewrites bool
}

func describe(r *nftRule) string {
	var words []string
	for _, p := range r.Ports {
		words = append(words, strings.TrimSuffix(fmt.Sprintf("%d-%d", p.from, p.to), fmt.Sprintf("-%d", p.from)))
	}
	text := r.Text
	if len(words) > 0 {
		text = "port " + strings.Join(words, ",") + ", " + text
	}
	switch {
	case r.Accepts:
		return "accept (" + text + ")"
	case r.To != "":
		return "jump " + r.To + " (" + text + ")"
	}
	return text
}

// read takes in one expression.
func (r *nftRule) read(kind string, value json.RawMessage) {
	switch kind {
	case "accept":
		r.Accepts = true
	case "jump", "goto":
		var to struct{ Target string }
		_ = json.Unmarshal(value, &to)
		r.To = to.Target
	case "dnat", "redirect":
		r.rewrites = true
	case "match":
		r.match(value)
	case "counter", "log", "comment", "drop", "reject", "return", "queue", "masquerade", "snat":
	default:
		// Whatever else there is makes the rule one for some packets only.
		r.Narrow = true
	}
}

// match takes in a comparison.
func (r *nftRule) match(value json.RawMessage) {
	var m struct {
		Op    string
		Left  map[string]json.RawMessage
		Right any
	}
	if json.Unmarshal(value, &m) != nil {
		r.Narrow = true
		return
	}
	if name, ok := m.Right.(string); ok && strings.HasPrefix(name, "@") {
		r.Sets = append(r.Sets, name[1:])
		r.Narrow = true
		return
	}
	var left struct{ Protocol, Field, Key string }
	for kind, what := range m.Left {
		_ = json.Unmarshal(what, &left)
		switch {
		case kind == "payload" && left.Field == "dport" && m.Op == "==":
			r.proto = left.Protocol
			if ports := nftPorts(m.Right); ports != nil {
				r.Ports = append(r.Ports, ports...)
				continue
			}
			r.Narrow = true
		case kind == "meta" && (left.Key == "l4proto" || left.Key == "nfproto"), kind == "payload" && (left.Field == "protocol" || left.Field == "nexthdr"):
			if proto, ok := m.Right.(string); ok && left.Key != "nfproto" {
				r.proto = proto
				r.Narrow = r.Narrow || proto != "tcp"
			}
		case kind == "ct" && left.Key == "state":
			r.Narrow = r.Narrow || !strings.Contains(fmt.Sprint(m.Right), "new")
		case kind == "fib", kind == "meta" && strings.HasPrefix(left.Key, "iif") && m.Right != "lo":
			// Where packets come in, or that they are for this machine, says
			// nothing against them.
		default:
			r.Narrow = true
		}
	}
}

// nftPorts reads a port, a range or a set of both; nil for anything else.
func nftPorts(v any) []portRange {
	switch v := v.(type) {
	case float64:
		return []portRange{{uint16(v), uint16(v)}}
	case map[string]any:
		if list, ok := v["set"].([]any); ok {
			var out []portRange
			for _, e := range list {
				out = append(out, nftPorts(e)...)
			}
			return out
		}
		if ends, ok := v["range"].([]any); ok && len(ends) == 2 {
			from, okA := ends[0].(float64)
			to, okB := ends[1].(float64)
			if okA && okB {
				return []portRange{{uint16(from), uint16(to)}}
			}
		}
	}
	return nil
}
