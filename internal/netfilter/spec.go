package netfilter

import (
	"fmt"
	"path"
	"regexp"
	"strconv"
	"strings"

	"stockade/internal/ipaddr"
)

// Spec is what a fence looks like in the kernel, as the parameters of the
// stock nftables action describe it.
type Spec struct {
	// TableFamily is inet, ip or ip6.
	TableFamily, Table, Chain string
	// ChainType, Hook and Priority place the chain in the packets' way.
	ChainType, Hook string
	Priority        int32
	// Families are the sets and rules for IPv4 and IPv6.
	Families []FamilySpec
}

// FamilySpec is the part of a Spec that differs by address family.
type FamilySpec struct {
	Family ipaddr.Family
	// Set holds single addresses, NetSet networks.
	Set, NetSet string
	// Rules are the rules' texts as nft would take them, with a lookup in Set.
	Rules []string
}

// netRules are the rules for the set of networks.
func (f *FamilySpec) netRules() []string {
	out := make([]string, len(f.Rules))
	for i, rule := range f.Rules {
		out[i] = strings.Replace(rule, "@"+f.Set, "@"+f.NetSet, 1)
	}
	return out
}

// family returns the part for one address family, nil if there is none.
func (s *Spec) family(fam ipaddr.Family) *FamilySpec {
	for i := range s.Families {
		if s.Families[i].Family == fam {
			return &s.Families[i]
		}
	}
	return nil
}

// Params asks for a parameter of the stock action in one address family; ok
// is false where it has none.
type Params func(name string, family ipaddr.Family) (value string, ok bool)

// ParseSpec reads the parameters of the stock nftables action; kind is its
// type where the parameters name none (multiport, allports or custom). An error
// wraps ErrNotExpressible and names the parameter that only nft understands.
func ParseSpec(kind string, param Params) (Spec, error) {
	p := reader{param: param}
	s := Spec{
		TableFamily: p.word("table_family", "inet"),
		Table:       p.word("table", "f2b-table"),
		Chain:       p.word("chain", "f2b-chain"),
		ChainType:   p.word("chain_type", "filter"),
		Hook:        p.word("chain_hook", "input"),
	}
	s.Priority = p.chainPriority(s.Hook)
	p.only("table_family", s.TableFamily, "inet", "ip", "ip6")
	p.only("chain_hook", s.Hook, "prerouting", "input", "forward", "output", "postrouting")
	p.only("chain_type", s.ChainType, "filter", "route", "nat")
	if program := p.get("nftables", ipaddr.None, "nft"); path.Base(program) != "nft" {
		p.refuse("nftables", program)
	}
	for _, fam := range []ipaddr.Family{ipaddr.Inet4, ipaddr.Inet6} {
		if s.TableFamily == "ip" && fam == ipaddr.Inet6 || s.TableFamily == "ip6" && fam == ipaddr.Inet4 {
			continue
		}
		s.Families = append(s.Families, p.family(kind, fam))
	}
	for i := range s.Families {
		for _, rule := range s.Families[i].Rules {
			if err := checkRule(rule, &s, &s.Families[i]); err != nil && p.err == nil {
				p.err = err
			}
		}
	}
	return s, p.err
}

// reader reads parameters and keeps the first error.
type reader struct {
	param Params
	err   error
}

func (p *reader) refuse(name, value string) {
	if p.err == nil {
		p.err = fmt.Errorf("%w: %s = %s", ErrNotExpressible, name, value)
	}
}

func (p *reader) get(name string, fam ipaddr.Family, missing string) string {
	v, ok := p.param(name, fam)
	if !ok {
		return missing
	}
	return strings.TrimSpace(v)
}

// nftName is what nft takes for a name without quotes.
var nftName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_./\\-]*$`)

func (p *reader) word(name, missing string) string {
	return p.wordOf(name, ipaddr.None, missing)
}

func (p *reader) wordOf(name string, fam ipaddr.Family, missing string) string {
	v := p.get(name, fam, missing)
	if !nftName.MatchString(v) {
		p.refuse(name, v)
	}
	return v
}

func (p *reader) only(name, value string, allowed ...string) {
	for _, a := range allowed {
		if value == a {
			return
		}
	}
	p.refuse(name, value)
}

// priorities are the names that nft has for places in the packets' way.
var priorities = map[string]int{
	"raw": -300, "mangle": -150, "dstnat": -100, "filter": 0, "security": 50, "srcnat": 100,
}

func (p *reader) priority(name, missing string) int32 {
	text := p.get(name, ipaddr.None, missing)
	compact := strings.ReplaceAll(text, " ", "")
	base := 0
	word := strings.TrimRight(compact, "+-0123456789")
	if word != "" {
		b, ok := priorities[word]
		if !ok {
			p.refuse(name, text)
		}
		base, compact = b, strings.TrimPrefix(compact, word)
	}
	if word != "" && compact == "" {
		return int32(base)
	}
	n, err := strconv.ParseInt(compact, 10, 32)
	if err != nil {
		p.refuse(name, text)
	}
	return int32(base + int(n))
}

// stockPriority is the one that the stock action presets for any hook.
const stockPriority = "-1"

// chainPriority places the chain. Where packets come in, that is ahead of the
// rewriting of their destination: the rules name the ports under which services
// are known outside, and what is forwarded to containers has lost them later.
// The stock priority there can only be the one that nobody chose.
func (p *reader) chainPriority(hook string) int32 {
	missing := stockPriority
	if hook == "prerouting" {
		missing = "dstnat - 10"
		if p.get("chain_priority", ipaddr.None, stockPriority) == stockPriority {
			return p.priority("", missing)
		}
	}
	return p.priority("chain_priority", missing)
}

// family reads what differs between IPv4 and IPv6.
func (p *reader) family(kind string, fam ipaddr.Family) FamilySpec {
	six := fam == ipaddr.Inet6
	pick := func(v4, v6 string) string {
		if six {
			return v6
		}
		return v4
	}
	name := p.get("name", fam, "default")
	f := FamilySpec{Family: fam}
	f.Set = p.wordOf("addr_set", fam, pick("addr-set-", "addr6-set-")+name)
	f.NetSet = pick("net-set-", "net6-set-") + name
	if !nftName.MatchString(f.NetSet) {
		p.refuse("name", name)
	}
	p.only("addr_type", p.get("addr_type", fam, pick("ipv4_addr", "ipv6_addr")), pick("ipv4_addr", "ipv6_addr"))
	p.only("addr_family", p.get("addr_family", fam, pick("ip", "ip6")), pick("ip", "ip6"))
	p.setOptions(p.get("addr_options", fam, ""))
	f.Rules = p.rules(kind, fam, pick("ip", "ip6")+" saddr @"+f.Set)
	return f
}

// setOptions accepts what only says how the set is built, because we build it
// in our own way.
func (p *reader) setOptions(text string) {
	for _, part := range strings.Split(strings.ReplaceAll(text, `\;`, ";"), ";") {
		words := strings.FieldsFunc(part, func(r rune) bool { return r == ' ' || r == ',' || r == '\t' })
		if len(words) == 0 || len(words) == 1 && words[0] == "auto-merge" {
			continue
		}
		if words[0] != "flags" {
			p.refuse("addr_options", text)
			continue
		}
		for _, flag := range words[1:] {
			p.only("addr_options", flag, "interval", "timeout")
		}
	}
}

// rules writes the rules' texts as the stock action does.
func (p *reader) rules(kind string, fam ipaddr.Family, lookup string) []string {
	if whole, ok := p.param("rule_stat", fam); ok {
		return []string{strings.TrimSpace(whole)}
	}
	do := lookup + " " + p.get("blocktype", fam, "reject")
	protocols := strings.FieldsFunc(p.get("protocol", fam, "tcp"), func(r rune) bool { return r == ',' || r == ' ' })
	all := len(protocols) == 1 && protocols[0] == "all"
	switch kind = p.get("type", fam, kind); kind {
	case "multiport":
		ports := strings.ReplaceAll(p.get("port", fam, "ssh"), ":", "-")
		if all {
			return []string{"th dport { " + ports + " } " + do}
		}
		out := make([]string, len(protocols))
		for i, protocol := range protocols {
			out[i] = protocol + " dport { " + ports + " } " + do
		}
		return out
	case "allports":
		if all {
			return []string{do}
		}
		return []string{"meta l4proto { " + strings.Join(protocols, ", ") + " } " + do}
	case "custom":
		return []string{strings.TrimSpace(p.get("rule_match-custom", fam, "") + " " + do)}
	}
	p.refuse("type", kind)
	return nil
}
