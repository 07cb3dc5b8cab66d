package action

import (
	"strings"
	"testing"
	"time"

	"stockade/internal/netfilter"
	"stockade/internal/testenv"
	"stockade/internal/ticket"
)

var library = &Source{Name: "nftables", Library: true}

func newNativeBench(t *testing.T) (*bench, *testenv.Netns) {
	ns := testenv.NewNetns(t)
	testenv.Need(t, "nft")
	conn, err := netfilter.Open(netfilter.Options{NetNS: ns.FD()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	b := newBench(t)
	b.env.Netfilter = func() (*netfilter.Conn, error) { return conn, nil }
	b.set = NewSet(b.env)
	t.Cleanup(b.set.Quit)
	return b, ns
}

func (b *bench) native(name string, props ...string) {
	b.t.Helper()
	if err := b.set.Add(name, library); err != nil {
		b.t.Fatal(err)
	}
	b.props(name, append([]string{"name", "j", "addr_set", "addr-set-<name>", "addr_set?family=inet6", "addr6-set-<name>"}, props...)...)
}

func fresh(id string) *ticket.Ticket {
	t := tick(id)
	t.Time = time.Now()
	return t
}

func TestNativeActionBansInTheKernel(t *testing.T) {
	b, ns := newNativeBench(t)
	b.native("nftables", "port", "22,80:90", "protocol", "tcp,udp")
	b.start()
	if got := ns.Run(t, "nft", "list", "ruleset"); got != "" {
		t.Errorf("there are rules before the first ban:\n%s", got)
	}
	one, two := fresh("192.0.2.1"), fresh("2001:db8::1")
	for _, r := range b.job(Ban, one, two, fresh("some-user"), fresh("192.0.2.9")) {
		if r.Err != nil && !strings.Contains(r.Err.Error(), `nftables cannot hold "some-user"`) {
			t.Error(r.Err)
		}
	}
	rules := ns.Run(t, "nft", "list", "ruleset")
	for _, want := range []string{
		"tcp dport { 22, 80-90 } ip saddr @addr-set-j reject with icmp port-unreachable",
		"udp dport { 22, 80-90 } ip6 saddr @addr6-set-j reject with icmpv6 port-unreachable", "192.0.2.1 timeout", "2001:db8::1 timeout",
	} {
		if !strings.Contains(rules, want) {
			t.Errorf("no %q in\n%s", want, rules)
		}
	}
	b.job(Unban, one)
	if rules := ns.Run(t, "nft", "list", "ruleset"); strings.Contains(rules, "192.0.2.1 ") {
		t.Errorf("still banned:\n%s", rules)
	}
	b.stop(Lift, two)
	if got := ns.Run(t, "nft", "list", "ruleset"); got != "" {
		t.Errorf("there are rules after the stop:\n%s", got)
	}
	b.wantLog("Flush ticket(s) with nftables")
}
