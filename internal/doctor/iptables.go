package doctor

import "strings"

// ParseIPTables reads what iptables-save or ip6tables-save prints; family is
// "ip" or "ip6".
func (r *Ruleset) ParseIPTables(family, text string) {
	table := ""
	at := map[string]int{}
	chain := func(name, hook string) *Chain {
		key := table + "\x00" + name
		if i, ok := at[key]; ok {
			return &r.Chains[i]
		}
		at[key] = len(r.Chains)
		r.Chains = append(r.Chains, Chain{By: "iptables", Table: family + " " + table, Name: name, Hook: hook})
		return &r.Chains[len(r.Chains)-1]
	}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "*"):
			table = line[1:]
		case strings.HasPrefix(line, ":"):
			name, policy, _ := strings.Cut(line[1:], " ")
			hook := ""
			if !strings.HasPrefix(policy, "-") {
				hook = strings.ToLower(name)
			}
			chain(name, hook)
		case strings.HasPrefix(line, "-A "):
			words := strings.Fields(line)
			rule, proto, rewrites := iptablesRule(words[2:])
			rule.Text = line
			c := chain(words[1], "")
			c.Rules = append(c.Rules, rule)
			if rewrites && table == "nat" {
				r.forward(rule, proto, "chain "+words[1])
			}
		}
	}
}

// iptablesRule reads the words of a rule behind its chain.
func iptablesRule(words []string) (rule Rule, proto string, rewrites bool) {
	for i := 0; i < len(words); i++ {
		word := words[i]
		next := ""
		if i+1 < len(words) {
			next = words[i+1]
		}
		switch word {
		case "-p", "--protocol":
			proto = next
			rule.Narrow = rule.Narrow || proto != "tcp" && proto != "udp" && proto != "all"
			i++
		case "-m", "--match":
			i++
		case "--comment":
			i = endOfText(words, i+1)
		case "--dport", "--dports":
			ports, known := parsePorts(next, nil)
			rule.Ports, rule.Narrow = append(rule.Ports, ports...), rule.Narrow || !known
			i++
		case "--ctstate", "--state":
			rule.Narrow = rule.Narrow || !strings.Contains(next, "NEW")
			i++
		case "-i":
			rule.Narrow = rule.Narrow || next == "lo"
			i++
		case "--match-set":
			rule.Sets, rule.Narrow = append(rule.Sets, next), true
			i++
		case "-j", "-g":
			rule.Accepts, rewrites = next == "ACCEPT", next == "DNAT" || next == "REDIRECT"
			if !builtinTarget[next] {
				rule.To = next
			}
			return rule, proto, rewrites
		case "!":
			// Of interfaces (Docker's rules have one) that says little.
			if next != "-i" {
				rule.Narrow = true
			}
		default:
			rule.Narrow = true
		}
	}
	return rule, proto, rewrites
}

// endOfText is the place of the last word of a text that may be in quotes.
func endOfText(words []string, i int) int {
	if i < len(words) && strings.HasPrefix(words[i], `"`) {
		for i < len(words)-1 && (words[i] == `"` || !strings.HasSuffix(words[i], `"`)) {
			i++
		}
	}
	return i
}

// builtinTarget are targets that are no chains.
var builtinTarget = map[string]bool{
	"ACCEPT": true, "DROP": true, "REJECT": true, "RETURN": true, "LOG": true, "NFLOG": true, "DNAT": true,
	"SNAT": true, "MASQUERADE": true, "REDIRECT": true, "MARK": true, "CONNMARK": true, "TCPMSS": true,
	"QUEUE": true, "NFQUEUE": true, "SET": true, "CT": true, "NOTRACK": true, "TPROXY": true, "AUDIT": true,
}
