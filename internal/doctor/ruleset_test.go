package doctor

import (
	"reflect"
	"testing"

	"stockade/internal/api"
)

// nftChain is a ruleset with our chain and these rules in it, as nft prints it.
func nftChain(rules string) string {
	return `{"nftables":[{"metainfo":{"version":"1.0.6"}},{"table":{"family":"inet","name":"f2b-table"}},
{"chain":{"family":"inet","table":"f2b-table","name":"f2b-chain","handle":1,"type":"filter","hook":"input","prio":-1,"policy":"accept"}},` + rules +
		`{"rule":{"family":"inet","table":"f2b-table","chain":"f2b-chain","handle":9,"expr":[
{"match":{"op":"==","left":{"payload":{"protocol":"tcp","field":"dport"}},"right":22}},
{"match":{"op":"==","left":{"payload":{"protocol":"ip","field":"saddr"}},"right":"@addr-set-sshd"}},{"reject":null}]}}]}`
}

func nftRuleText(expressions string) string {
	return `{"rule":{"family":"inet","table":"f2b-table","chain":"f2b-chain","handle":3,"expr":[` + expressions + `]}},`
}

func TestEarlierAcceptOfNftablesShadows(t *testing.T) {
	const accept = `{"counter":{"packets":0,"bytes":0}},{"accept":null}`
	dport := func(right string) string {
		return `{"match":{"op":"==","left":{"payload":{"protocol":"tcp","field":"dport"}},"right":` + right + `}},`
	}
	for _, test := range []struct {
		rule    string
		shadows bool
	}{
		{"", false},
		{nftRuleText(accept), true},
		{nftRuleText(dport("22") + accept), true},
		{nftRuleText(dport(`{"set":[80,{"range":[20,30]}]}`) + accept), true},
		{nftRuleText(dport("80") + accept), false},
		{nftRuleText(dport(`"@ports"`) + accept), false},
		{nftRuleText(`{"match":{"op":"in","left":{"ct":{"key":"state"}},"right":["established","related"]}},` + accept), false},
		{nftRuleText(`{"match":{"op":"in","left":{"ct":{"key":"state"}},"right":["new","established"]}},` + accept), true},
		{nftRuleText(`{"match":{"op":"==","left":{"meta":{"key":"iifname"}},"right":"lo"}},` + accept), false},
		{nftRuleText(`{"match":{"op":"==","left":{"meta":{"key":"iifname"}},"right":"eth0"}},` + accept), true},
		{nftRuleText(`{"match":{"op":"==","left":{"payload":{"protocol":"ip","field":"saddr"}},"right":"192.0.2.1"}},` + accept), false},
		{nftRuleText(`{"match":{"op":"==","left":{"meta":{"key":"l4proto"}},"right":"icmp"}},` + accept), false},
		{nftRuleText(`{"limit":{"rate":5,"per":"second"}},` + accept), false},
		{nftRuleText(dport("22") + `{"drop":null}`), false},
	} {
		var r Ruleset
		if err := r.ParseNFT([]byte(nftChain(test.rule))); err != nil {
			t.Fatal(err)
		}
		e := &api.Enforcement{By: "nftables", Table: "inet f2b-table", Chains: []string{"f2b-chain"}, Holder: "addr-set-sshd"}
		if got := r.shadows(e, []portRange{{22, 22}}); (len(got) > 0) != test.shadows {
			t.Errorf("%s: %+v", test.rule, got)
		}
	}
}

func TestEarlierAcceptOfIPTablesShadows(t *testing.T) {
	for rule, shadows := range map[string]bool{
		"":                   false,
		"-A INPUT -j ACCEPT": true,
		"-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT":                                                       true,
		"-A INPUT -p tcp -m multiport --dports 80,20:30 -m comment --comment \"let it in\" -j ACCEPT":       true,
		"-A INPUT -i eth0 -p tcp -m conntrack --ctstate NEW -m tcp --dport 22 -j ACCEPT":                    true,
		"-A INPUT -p tcp -m tcp --dport 80 -j ACCEPT":                                                       false,
		"-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT":                                     false,
		"-A INPUT -i lo -j ACCEPT":                                                                          false,
		"-A INPUT -s 192.0.2.0/24 -j ACCEPT":                                                                false,
		"-A INPUT -p icmp -j ACCEPT":                                                                        false,
		"-A INPUT -p tcp -j DROP":                                                                           false,
		":own - [0:0]\n-A INPUT -j own\n-A own -p tcp -m tcp --dport 22 -j ACCEPT":                          true,
		":own - [0:0]\n-A INPUT -p udp -m udp --dport 53 -j own\n-A own -p tcp -m tcp --dport 22 -j ACCEPT": false,
		":own - [0:0]\n-A INPUT -j own\n-A own -j own":                                                      false,
	} {
		var r Ruleset
		r.ParseIPTables("ip", "*filter\n:INPUT ACCEPT [0:0]\n:f2b-sshd - [0:0]\n"+rule+
			"\n-A INPUT -p tcp -m multiport --dports 22 -j f2b-sshd\n-A INPUT -j ACCEPT\n-A f2b-sshd -s 192.0.2.7/32 -j REJECT\nCOMMIT\n")
		e := &api.Enforcement{By: "iptables", Table: "filter", Chains: []string{"INPUT"}, Holder: "f2b-sshd"}
		if got := r.shadows(e, []portRange{{22, 22}}); (len(got) > 0) != shadows {
			t.Errorf("%s: %+v", rule, got)
		}
	}
}

func TestPortsThatAreHandedOnAreFound(t *testing.T) {
	var r Ruleset
	r.ParseIPTables("ip", "*nat\n:PREROUTING ACCEPT [0:0]\n:DOCKER - [0:0]\n-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER\n"+
		"-A DOCKER -i docker0 -j RETURN\n-A DOCKER ! -i docker0 -p tcp -m tcp --dport 8443 -j DNAT --to-destination 172.17.0.2:443\n"+
		"-A DOCKER ! -i docker0 -p udp -m udp --dport 53 -j DNAT --to-destination 172.17.0.3:53\nCOMMIT\n")
	if err := r.ParseNFT([]byte(`{"nftables":[{"chain":{"family":"ip","table":"nat","name":"pre","hook":"prerouting"}},
{"rule":{"family":"ip","table":"nat","chain":"pre","handle":2,"expr":[{"match":{"op":"==","left":{"payload":{"protocol":"tcp","field":"dport"}},"right":{"set":[22,80]}}},{"dnat":{"addr":"172.17.0.2"}}]}}]}`)); err != nil {
		t.Fatal(err)
	}
	want := []Forward{{"tcp", 8443, "chain DOCKER"}, {"udp", 53, "chain DOCKER"}, {"tcp", 22, "table ip nat"}, {"tcp", 80, "table ip nat"}}
	if !reflect.DeepEqual(r.Forwards, want) {
		t.Errorf("got %v, want %v", r.Forwards, want)
	}
}

func TestPortsAreReadAsJailsHaveThem(t *testing.T) {
	lookup := func(name string) (uint16, bool) { return 22, name == "ssh" }
	for text, want := range map[string]struct {
		list  []portRange
		known bool
	}{
		"ssh":             {[]portRange{{22, 22}}, true},
		"0:65535":         {anyPort, true},
		"ssh,2222, 30-40": {[]portRange{{22, 22}, {2222, 2222}, {30, 40}}, true},
		"nosuch,80":       {[]portRange{{80, 80}}, false},
		"70000":           {nil, false},
		"":                {nil, true},
	} {
		if list, known := parsePorts(text, lookup); !reflect.DeepEqual(list, want.list) || known != want.known {
			t.Errorf("%q: %v %v", text, list, known)
		}
	}
}

func FuzzParseNFT(f *testing.F) {
	f.Add(nftChain(nftRuleText(`{"accept":null}`)))
	f.Add(`{"nftables":[{"rule":{"expr":[{"match":{"left":{"payload":{"field":"dport"}},"op":"==","right":{"range":[1,2]}}}]}}]}`)
	f.Fuzz(func(_ *testing.T, text string) {
		var r Ruleset
		// Only that it ends, and without a panic.
		_ = r.ParseNFT([]byte(text))
		r.shadows(&api.Enforcement{By: "nftables", Chains: []string{"f2b-chain"}, Holder: "x"}, anyPort)
	})
}

func FuzzParseIPTables(f *testing.F) {
	f.Add("*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -p tcp --dport 22 -m comment --comment \"a b\" -j ACCEPT\n")
	f.Fuzz(func(_ *testing.T, text string) {
		var r Ruleset
		r.ParseIPTables("ip", text)
		r.shadows(&api.Enforcement{By: "iptables", Chains: []string{"INPUT"}, Holder: "f2b"}, anyPort)
	})
}
