package xtables

import (
	"errors"
	"fmt"
	"path"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"stockade/internal/ipaddr"
)

// ErrNotExpressible says that parameters ask for something that only the
// commands of the stock action can do.
var ErrNotExpressible = errors.New("not built natively")

// Spec is what a wall looks like in the kernel, as the parameters of a stock
// action describe it.
type Spec struct{ Families []FamilySpec }

func (s *Spec) equal(other *Spec) bool { return reflect.DeepEqual(s, other) }

// FamilySpec is the part of a Spec for one address family.
type FamilySpec struct {
	Family ipaddr.Family
	// Program is iptables or ip6tables, with its locking options.
	Program []string
	// Jumps are the rules that lead packets to the bans, in order of insertion,
	// each at the head of its chain.
	Jumps []Jump
	// Chain holds the bans as rules that end in Block, and Return as its last
	// rule; "" where a set holds them.
	Chain         string
	Return, Block []string
	// Log, where there is one, is a chain with the rules LogRules to which bans
	// lead.
	Log      string
	LogRules [][]string
	// Set is the set that holds the bans, nil where a chain does.
	Set *SetSpec
}

// Jump is a rule in a chain of the system.
type Jump struct {
	Chain string
	Rule  []string
}

// SetSpec is a set of ipset.
type SetSpec struct {
	Name string
	// Create are the words after the name.
	Create []string
	// Timeout are the seconds of each element: a number, or negative where the
	// ban's own time is meant. NoTimeout is for sets without time-outs.
	Timeout   int64
	NoTimeout bool
}

// Params asks for a parameter in one address family; ok is false where there
// is none.
type Params func(name string, family ipaddr.Family) (value string, ok bool)

// form is how a stock action lays out its bans.
type form struct {
	// ports is the type where the parameters name none.
	ports string
	// pre are words in front of each jump rule.
	pre string
	log bool
	set bool
	// old is a set of the old kind, without time-outs and for IPv4 only.
	old bool
}

var forms = map[string]form{
	"iptables":                       {ports: "oneport"},
	"iptables-multiport":             {ports: "multiport"},
	"iptables-allports":              {ports: "allports"},
	"iptables-new":                   {ports: "oneport", pre: "-m state --state NEW"},
	"iptables-multiport-log":         {ports: "multiport", log: true},
	"iptables-ipset":                 {ports: "oneport", set: true},
	"iptables-ipset-proto4":          {ports: "oneport", set: true, old: true},
	"iptables-ipset-proto6":          {ports: "multiport", set: true},
	"iptables-ipset-proto6-allports": {ports: "allports", set: true},
}

// Known are the parameters that ParseSpec understands, besides the commands.
var Known = map[string]bool{
	"name": true, "actname": true, "type": true, "chain": true, "port": true, "protocol": true, "blocktype": true,
	"returntype": true, "lockingopt": true, "iptables": true, "pre-rule": true, "rule-jump": true, "ipsettype": true,
	"maxelem": true, "default-ipsettime": true, "ipsettime": true, "timeout-bantime": true, "ipmset": true, "familyopt": true,
}

// ParseSpec reads the parameters of the stock action kind. An error wraps
// ErrNotExpressible and names the parameter that only its commands can do.
func ParseSpec(kind string, param Params) (Spec, error) {
	p := reader{param: param, form: forms[kind]}
	var s Spec
	for _, fam := range []ipaddr.Family{ipaddr.Inet4, ipaddr.Inet6} {
		p.fam = fam
		s.Families = append(s.Families, p.family())
	}
	return s, p.err
}

// reader reads parameters and keeps the first error.
type reader struct {
	param Params
	form  form
	fam   ipaddr.Family
	err   error
}

func (p *reader) refuse(name, value string) {
	if p.err == nil {
		p.err = fmt.Errorf("%w: %s = %s", ErrNotExpressible, name, value)
	}
}

func (p *reader) get(name, missing string) string {
	if v, ok := p.param(name, p.fam); ok {
		return strings.TrimSpace(v)
	}
	return missing
}

// pick is for what differs between IPv4 and IPv6.
func (p *reader) pick(v4, v6 string) string {
	if p.fam == ipaddr.Inet6 {
		return v6
	}
	return v4
}

// plainWord is what a shell and iptables-restore take as it stands.
var plainWord = regexp.MustCompile(`^[A-Za-z0-9_.,:/=+@%!-]+$`)

// words splits a value; it has no quotes, variables or commands in it.
func (p *reader) words(name, missing string) []string {
	v := p.get(name, missing)
	list := strings.Fields(v)
	for _, word := range list {
		if !plainWord.MatchString(word) {
			p.refuse(name, v)
		}
	}
	return list
}

// word is a value of a single word.
func (p *reader) word(name, missing string) string {
	list := p.words(name, missing)
	if len(list) != 1 {
		p.refuse(name, shown(list))
		return missing
	}
	return list[0]
}

// list is a value of words between blanks or commas.
func (p *reader) list(name, missing string) []string {
	var out []string
	for _, word := range p.words(name, missing) {
		for part := range strings.SplitSeq(word, ",") {
			if part != "" {
				out = append(out, part)
			}
		}
	}
	if len(out) == 0 {
		p.refuse(name, p.get(name, missing))
	}
	return out
}

func (p *reader) family() FamilySpec {
	name := p.word("name", "default")
	f := FamilySpec{Family: p.fam, Program: p.program()}
	f.Block = p.words("blocktype", p.pick("REJECT --reject-with icmp-port-unreachable", "REJECT --reject-with icmp6-port-unreachable"))
	if len(f.Block) == 0 {
		p.refuse("blocktype", "")
	}
	var jump []string
	if p.form.set {
		f.Set = p.set(name)
		jump = append([]string{"-m", "set", "--match-set", f.Set.Name, "src", "-j"}, f.Block...)
	} else {
		f.Chain, f.Return = "f2b-"+name, p.words("returntype", "RETURN")
		jump = []string{"-j", f.Chain}
	}
	if own, ok := p.param("rule-jump", p.fam); ok && shown(strings.Fields(own)) != shown(jump) {
		p.refuse("rule-jump", own)
	}
	if p.form.log {
		f.Log = f.Chain + "-log"
		prefix := f.Chain[:min(len(f.Chain), 23)] + ":DROP "
		f.LogRules = [][]string{
			{"-m", "limit", "--limit", "6/min", "--limit-burst", "2", "-j", "LOG", "--log-prefix", `"` + prefix + `"`, "--log-level", "warning"},
			append([]string{"-j"}, f.Block...),
		}
	}
	f.Jumps = p.jumps(jump)
	return f
}

// program is the command of the family, whose companion for batches lies beside
// it.
func (p *reader) program() []string {
	list := p.words("iptables", p.pick("iptables", "ip6tables")+" "+p.get("lockingopt", "-w"))
	if len(list) == 0 {
		p.refuse("iptables", "")
		return []string{"iptables"}
	}
	switch base := path.Base(list[0]); {
	case !regexp.MustCompile(`^ip6?tables(-nft|-legacy)?$`).MatchString(base):
		p.refuse("iptables", shown(list))
	case strings.HasPrefix(base, "ip6") != (p.fam == ipaddr.Inet6):
		p.refuse("iptables", shown(list))
	}
	for i, word := range list[1:] {
		_, err := strconv.ParseFloat(word, 64)
		isNumber := err == nil && i > 0
		if word != "-w" && word != "--wait" && !strings.HasPrefix(word, "--wait=") && !isNumber {
			p.refuse("iptables", shown(list))
		}
	}
	return list
}

// jumps are the rules for each chain and protocol.
func (p *reader) jumps(jump []string) []Jump {
	var match []string
	switch kind := p.get("type", p.form.ports); kind {
	case "oneport":
		match = []string{"--dport", p.word("port", "ssh")}
	case "multiport":
		match = []string{"-m", "multiport", "--dports", p.word("port", "ssh")}
	case "allports":
	default:
		p.refuse("type", kind)
	}
	pre := p.words("pre-rule", p.form.pre)
	var out []Jump
	for _, chain := range p.list("chain", "INPUT") {
		for _, protocol := range p.list("protocol", "tcp") {
			rule := append(append([]string{}, pre...), "-p", protocol)
			out = append(out, Jump{chain, append(append(rule, match...), jump...)})
		}
	}
	return out
}

// set reads the parameters of the ipset actions.
func (p *reader) set(name string) *SetSpec {
	if p.form.old {
		return &SetSpec{Name: "f2b-" + name, Create: append([]string{"hash:ip"}, p.maxelem()...), NoTimeout: true}
	}
	s := &SetSpec{Name: p.word("ipmset", p.pick("f2b-"+name, "f2b-"+name+"6"))}
	s.Create = []string{p.word("ipsettype", "hash:ip"), "timeout", p.word("default-ipsettime", "0")}
	s.Create = append(s.Create, p.maxelem()...)
	s.Create = append(s.Create, p.words("familyopt", p.pick("", "family inet6"))...)
	text := "0"
	if raw, ok := p.param("ipsettime", p.fam); ok {
		text = strings.TrimSpace(raw)
	}
	if text == TimeoutOfBan {
		s.Timeout = -1
		return s
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil || seconds < 0 {
		p.refuse("ipsettime", text)
	}
	s.Timeout = seconds
	return s
}

func (p *reader) maxelem() []string {
	if _, ok := p.param("maxelem", p.fam); !ok {
		return nil
	}
	return []string{"maxelem", p.word("maxelem", "65536")}
}

// TimeoutOfBan is the value of ipsettime that stands for the ban's own time.
const TimeoutOfBan = "<timeout-bantime>"

// maxTimeout is the longest time-out that a set takes; bans that last longer
// have none.
const maxTimeout = 2147483
