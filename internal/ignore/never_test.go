package ignore

import (
	"net/netip"
	"strings"
	"testing"

	"stockade/internal/guard"
	"stockade/internal/ipaddr"
)

func addrs(list ...string) []netip.Addr {
	var all []netip.Addr
	for _, a := range list {
		all = append(all, netip.MustParseAddr(a))
	}
	return all
}

func TestNeverSparesWhomItShould(t *testing.T) {
	found := guard.Addresses{
		Self: addrs("192.0.2.1", "2001:db8::1"), Admins: addrs("198.51.100.7"),
		Gateways: addrs("192.0.2.254"), Resolvers: addrs("192.0.2.53"),
	}
	all := Never{Self: true, Admins: true, Gateways: true, Resolvers: true, Widest4: 8, Widest6: 16}
	tests := []struct {
		name  string
		never func(*Never)
		id    string
		why   string
	}{
		{"own address", nil, "192.0.2.1", "never_self"},
		{"own address of IPv6", nil, "2001:db8::1", "never_self"},
		{"a network with an own address", nil, "192.0.2.0/30", "never_self"},
		{"own address, switched off", func(n *Never) { n.Self = false }, "192.0.2.1", ""},
		{"administrator", nil, "198.51.100.7", "never_admins"},
		{"a network with an administrator", nil, "198.51.100.0/24", "never_admins"},
		{"administrator, switched off", func(n *Never) { n.Admins = false }, "198.51.100.7", ""},
		{"gateway", nil, "192.0.2.254", "never_gateway"},
		{"gateway, switched off", func(n *Never) { n.Gateways = false }, "192.0.2.254", ""},
		{"resolver", nil, "192.0.2.53", "never_resolvers"},
		{"resolver, switched off", func(n *Never) { n.Resolvers = false }, "192.0.2.53", ""},
		{"somebody", nil, "203.0.113.9", ""},
		{"a network of nobody", nil, "203.0.113.0/24", ""},
		{"a name", nil, "some-user", ""},
		{"a wide network", nil, "64.0.0.0/7", "never_wider"},
		{"everybody", nil, "0.0.0.0/0", "never_wider"},
		{"a wide network of IPv6", nil, "2400::/12", "never_wider"},
		{"the widest network", nil, "203.0.0.0/8", ""},
		{"a wide network, switched off", func(n *Never) { n.Widest4 = 0 }, "64.0.0.0/7", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n := all
			if tt.never != nil {
				tt.never(&n)
			}
			why := n.Spares(ipaddr.Parse(tt.id), func() guard.Addresses { return found })
			if (tt.why == "") != (why == "") || !strings.Contains(why, tt.why) {
				t.Errorf("%q, want %q", why, tt.why)
			}
		})
	}
}

func TestNeverSparesItsList(t *testing.T) {
	var n Never
	if err := n.SetList("192.0.2.7, 2001:db8:1::/48\n198.51.100.0/24"); err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]bool{
		"192.0.2.7": true, "192.0.2.8": false, "2001:db8:1::5": true, "198.51.100.0/25": true, "198.51.0.0/16": true, "203.0.113.1": false,
	} {
		if why := n.Spares(ipaddr.Parse(id), nil); (why != "") != want {
			t.Errorf("%s: %q", id, why)
		}
	}
	if !n.On() || (&Never{}).On() {
		t.Error("On is wrong")
	}
	for _, bad := range []string{"example.org", "192.0.2.7 x"} {
		if err := n.SetList(bad); err == nil || len(n.List()) != 3 {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestNobodyLooksWhereNothingDependsOnIt(t *testing.T) {
	n := Never{Widest4: 8}
	n.Spares(ipaddr.Parse("192.0.2.1"), func() guard.Addresses { t.Error("looked"); return guard.Addresses{} })
}

func TestWidestPrefixesAreRead(t *testing.T) {
	for text, want := range map[string]string{"8 16": "8 16", "/12, /20": "12 20", "no": "0 0", "0": "0 0", "": "", "8": "", "8 129": "", "33 16": "", "a b": "", "8 16 4": ""} {
		var n Never
		err := n.SetWidest(text)
		if got := n.WidestText(); (err != nil) != (want == "") || err == nil && got != want {
			t.Errorf("%q: %s, %v", text, got, err)
		}
	}
}
