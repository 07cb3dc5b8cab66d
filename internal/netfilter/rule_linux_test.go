package netfilter

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"stockade/internal/ipaddr"
	"stockade/internal/testenv"
)

// ruleTexts are rules as people's parameters make them, with the set @s of
// IPv4 and @s6 of IPv6 addresses.
var ruleTexts = []string{
	"ip saddr @s reject",
	"ip saddr @s drop",
	"ip6 saddr @s6 reject",
	"tcp dport { 22, 80-90 } ip saddr @s reject",
	"tcp dport { ssh } ip saddr @s drop",
	"tcp dport { http,https,8000-8010 } ip saddr @s reject",
	"tcp dport { 0-65535 } ip saddr @s drop",
	"tcp dport { 1-21, 22, 65000-65535 } ip saddr @s drop",
	"udp dport { domain, ssh } ip6 saddr @s6 drop",
	"tcp dport { 22, 23, 80-90, 91 } ip saddr @s drop",
	"tcp dport { 22, 23 } ip saddr @s drop",
	"tcp dport { 22-23, 24-25 } ip saddr @s drop",
	"sctp dport { 22, 80 } ip saddr @s drop",
	"udplite sport 5000 ip saddr @s drop",
	"tcp dport != 22 ip saddr @s drop",
	"tcp dport != { 22, 80 } ip saddr @s drop",
	"tcp dport 22-25 ip saddr @s drop",
	"th dport { 22 } ip6 saddr @s6 reject with tcp reset",
	"th dport { 22, 53 } ip saddr @s reject",
	"meta l4proto { tcp, udp } ip saddr @s reject with icmp admin-prohibited",
	"meta l4proto { tcp } ip saddr @s reject with icmpx admin-prohibited",
	"meta l4proto { tcp, udp, icmp, ipv6-icmp, 47 } ip saddr @s drop",
	"meta l4proto tcp ip saddr @s reject with tcp reset",
	"tcp dport 22 ip saddr @s reject with tcp reset",
	"ip saddr @s reject with icmp type host-unreachable",
	"ip6 saddr @s6 reject with icmpv6 addr-unreachable",
	"ct state new ip saddr @s counter drop",
	"ct state new,established,related ip saddr @s counter drop",
	`iifname "lo" ip saddr @s drop`,
	`iifname != "eth0" ip saddr @s accept`,
	`iifname "eth*" ip saddr @s return`,
	`oifname lo ip6 saddr @s6 continue`,
	"ip daddr 10.0.0.1 ip saddr @s goto d",
	"ip daddr 10.0.0.0/8 ip saddr @s jump d",
	"ip daddr != 10.0.0.0/9 ip saddr @s drop",
	"ip6 daddr fd00::/8 ip6 saddr @s6 return",
	"ip6 daddr fd00::/63 ip6 saddr @s6 drop",
	"ip saddr != @s accept",
	`ip saddr @s log prefix "f2b " level info counter drop`,
	"ip saddr @s log group 2",
	"ip saddr @s log drop",
	"ip saddr @s limit rate 10/minute burst 5 packets accept",
	"ip saddr @s limit rate over 100/second drop",
}

// normal takes out of a listing with programs what differs from table to table.
func normal(listing string) string {
	listing = regexp.MustCompile(`__set\d+`).ReplaceAllString(listing, "__set")
	listing = regexp.MustCompile(`(?m)^inet [ab]\b`).ReplaceAllString(listing, "inet")
	lines := strings.Split(strings.NewReplacer("table inet a", "table inet", "table inet b", "table inet").Replace(listing), "\n")
	// A hash set lists its elements in a random order.
	for i := 0; i < len(lines); i++ {
		j := i
		for j < len(lines) && strings.HasPrefix(lines[j], "\telement ") {
			j++
		}
		slices.Sort(lines[i:j])
		i = max(i, j-1)
	}
	return strings.Join(lines, "\n")
}

func TestRulesAreThoseThatNftMakes(t *testing.T) {
	ns := testenv.NewNetns(t)
	k := open(t, ns).kernel.(*nftKernel)
	script := ""
	for _, table := range []string{"a", "b"} {
		script += "add table inet " + table + "\nadd chain inet " + table + " d\n" +
			"add set inet " + table + " s { type ipv4_addr; flags timeout; }\n" +
			"add set inet " + table + " s6 { type ipv6_addr; flags timeout; }\n" +
			"add chain inet " + table + " c { type filter hook input priority -1; }\n"
	}
	for _, rule := range ruleTexts {
		script += "add rule inet a c " + rule + "\n"
	}
	cmd := ns.Command("nft", "-f", "-")
	cmd.Stdin = strings.NewReader(script)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("nft: %v\n%s", err, out)
	}
	spec := &Spec{TableFamily: "inet", Table: "b", Chain: "c"}
	for _, rule := range ruleTexts {
		p, err := compileRule(rule, "inet")
		if err != nil {
			t.Error(err)
			continue
		}
		err = k.transaction(func(m *message) { k.addRule(m, tableFamilies["inet"], spec, p) })
		if err != nil {
			t.Errorf("%s: %v", rule, err)
		}
	}
	for _, args := range [][]string{{"list", "table", "inet"}, {"--debug=netlink", "list", "table", "inet"}} {
		theirs := normal(ns.Run(t, "nft", append(args, "a")...))
		ours := normal(ns.Run(t, "nft", append(args, "b")...))
		if ours != theirs {
			t.Errorf("nft %v: ours against theirs:\n%s", args, cmp.Diff(ours, theirs))
		}
	}
}

func TestRulesThatOnlyNftUnderstandsAreRefused(t *testing.T) {
	for _, rule := range []string{
		"", "ip saddr @s", "ip saddr @other drop", "ip saddr @s queue num 3", "tcp flags syn ip saddr @s drop",
		"ip saddr @s drop drop", "meta mark 5 ip saddr @s drop", "tcp dport { 22 ip saddr @s drop",
		"tcp dport { } ip saddr @s drop", "tcp dport { 20-30, 25 } ip saddr @s drop", "tcp dport { nosuchservice } ip saddr @s drop",
		"tcp dport 99999 ip saddr @s drop", "udp dport 5 ip saddr @s reject with tcp reset", "ip saddr @s reject with icmpv6 no-route",
		`ip saddr @s log prefix "$x" drop`, "ip saddr @s; drop", "ip saddr @s drop # no", "ip6 saddr ::1 ip saddr @s drop",
		"tcp dport 22 udp dport 53 ip saddr @s drop", "ct state { new } ip saddr @s drop", "iifname lo",
	} {
		err := checkRule(rule, &Spec{TableFamily: "inet"}, &FamilySpec{Set: "s"})
		if rule == "ip saddr @s" {
			if err != nil {
				t.Errorf("%q: %v", rule, err)
			}
			continue
		}
		if !errors.Is(err, ErrNotExpressible) {
			t.Errorf("%q: error %v", rule, err)
		}
	}
}

func TestParseSpec(t *testing.T) {
	all := map[string]string{"name": "myj"}
	with := func(pairs ...string) map[string]string {
		m := map[string]string{"name": "myj"}
		for i := 0; i < len(pairs); i += 2 {
			m[pairs[i]] = pairs[i+1]
		}
		return m
	}
	for _, c := range []struct {
		what, kind string
		params     map[string]string
		rules      string
	}{
		{"defaults", "multiport", all, "tcp dport { ssh } ip saddr @addr-set-myj reject"},
		{"ranges", "multiport", with("port", "22,80:90"), "tcp dport { 22,80-90 } ip saddr @addr-set-myj reject"},
		{"two protocols", "multiport", with("protocol", "tcp,udp", "port", "53"), "tcp dport { 53 } ip saddr @addr-set-myj reject|udp dport { 53 } ip saddr @addr-set-myj reject"},
		{"blanks between protocols", "multiport", with("protocol", "tcp udp", "port", "53"), "tcp dport { 53 } ip saddr @addr-set-myj reject|udp dport { 53 } ip saddr @addr-set-myj reject"},
		{"any protocol", "multiport", with("protocol", "all"), "th dport { ssh } ip saddr @addr-set-myj reject"},
		{"all ports", "allports", with("protocol", "tcp,udp"), "meta l4proto { tcp, udp } ip saddr @addr-set-myj reject"},
		{"all ports of all protocols", "allports", with("protocol", "all"), "ip saddr @addr-set-myj reject"},
		{"the type as a parameter", "multiport", with("type", "allports"), "meta l4proto { tcp } ip saddr @addr-set-myj reject"},
		{"custom", "multiport", with("type", "custom", "rule_match-custom", "ct state new", "blocktype", "drop"), "ct state new ip saddr @addr-set-myj drop"},
		{"custom without a match", "custom", with("blocktype", "counter drop"), "ip saddr @addr-set-myj counter drop"},
		{"a whole rule", "multiport", with("rule_stat", "tcp dport 22 ip saddr @addr-set-myj drop", "rule_stat?inet6", "ip6 saddr @addr6-set-myj drop"), "tcp dport 22 ip saddr @addr-set-myj drop"},
		{"set options", "multiport", with("addr_options", ` flags interval\;`), "tcp dport { ssh } ip saddr @addr-set-myj reject"},
		{"chain", "custom", with("chain", "my-chain", "chain_hook", "prerouting", "chain_priority", "dstnat - 10"), "ip saddr @addr-set-myj reject"},
	} {
		spec, err := ParseSpec(c.kind, params(c.params))
		if err != nil {
			t.Errorf("%s: %v", c.what, err)
			continue
		}
		if got := strings.Join(spec.family(ipaddr.Inet4).Rules, "|"); got != c.rules {
			t.Errorf("%s: %s", c.what, got)
		}
		if c.what == "chain" && (spec.Priority != -110 || spec.Hook != "prerouting" || spec.Chain != "my-chain") {
			t.Errorf("%s: %+v", c.what, spec)
		}
	}
	for _, bad := range []map[string]string{
		with("chain_hook", "ingress"), with("chain_priority", "first"), with("table_family", "netdev"), with("type", "nosuch"),
		with("nftables", "ip netns exec x nft"), with("nftables", "nft -a"), with("addr_options", "flags interval; size 5;"), with("addr_type", "ifname"),
		with("blocktype", "reject; drop"), with("port", "22;reboot"), with("table", "a b"), with("addr_set", "$(id)"),
		with("rule_stat", "ip saddr @elsewhere drop"), with("name", "a b"),
	} {
		if _, err := ParseSpec("multiport", params(bad)); !errors.Is(err, ErrNotExpressible) {
			t.Errorf("%v: error %v", bad, err)
		}
	}
	spec, err := ParseSpec("multiport", params(with("table_family", "ip")))
	if err != nil || len(spec.Families) != 1 {
		t.Errorf("a table for IPv4 only: %+v, %v", spec, err)
	}
}

func FuzzCompileRule(f *testing.F) {
	for _, rule := range ruleTexts {
		f.Add(rule)
	}
	f.Fuzz(func(t *testing.T, rule string) {
		p, err := compileRule(rule, "inet")
		if err != nil {
			if !errors.Is(err, ErrNotExpressible) {
				t.Fatal(err)
			}
			return
		}
		for _, set := range p.sets {
			if len(set.keys) < 2 {
				t.Fatalf("a set of %d keys", len(set.keys))
			}
		}
		k := &nftKernel{}
		k.addRule(&k.m, tableFamilies["inet"], &Spec{Table: "t", Chain: "c"}, p)
	})
}
