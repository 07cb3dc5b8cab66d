package netfilter

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"stockade/internal/ipaddr"
	"stockade/internal/testenv"
)

// params makes a parameter source of a map; "name?inet6" beats "name".
func params(m map[string]string) Params {
	return func(name string, fam ipaddr.Family) (string, bool) {
		if v, ok := m[name+"?"+fam.String()]; ok {
			return v, true
		}
		v, ok := m[name]
		return v, ok
	}
}

func mustSpec(tb testing.TB, kind string, pairs ...string) Spec {
	tb.Helper()
	m := map[string]string{"name": "myj"}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = pairs[i+1]
	}
	spec, err := ParseSpec(kind, params(m))
	if err != nil {
		tb.Fatal(err)
	}
	return spec
}

func open(tb testing.TB, ns *testenv.Netns) *Conn {
	tb.Helper()
	testenv.Need(tb, "nft")
	c, err := Open(Options{NetNS: ns.FD()})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = c.Close() })
	return c
}

func ruleset(tb testing.TB, ns *testenv.Netns) string {
	tb.Helper()
	return ns.Run(tb, "nft", "list", "ruleset")
}

func bans(until time.Time, texts ...string) []Op {
	var ops []Op
	for _, t := range texts {
		ops = append(ops, Op{Kind: Add, ID: ipaddr.Parse(t), Until: until})
	}
	return ops
}

func lifts(texts ...string) []Op {
	var ops []Op
	for _, t := range texts {
		ops = append(ops, Op{Kind: Delete, ID: ipaddr.Parse(t)})
	}
	return ops
}

func apply(tb testing.TB, f *Fence, ops ...[]Op) {
	tb.Helper()
	for _, some := range ops {
		for i, err := range f.Apply(some) {
			if err != nil {
				tb.Errorf("%v %s: %v", some[i].Kind, some[i].ID, err)
			}
		}
	}
}

// holds is what the kernel holds, in text order.
func holds(tb testing.TB, f *Fence) string {
	tb.Helper()
	list, err := f.Snapshot()
	if err != nil {
		tb.Fatal(err)
	}
	set := ipaddr.Set{}
	for _, e := range list {
		set.Add(e.ID)
	}
	return strings.Trim(fmt.Sprint(set.List()), "[]")
}

func wantHolds(tb testing.TB, f *Fence, want string) {
	tb.Helper()
	if got := holds(tb, f); got != want {
		tb.Errorf("the kernel holds %q, want %q", got, want)
	}
}

// expiry is how long the kernel keeps an element, in whole minutes.
func expiry(tb testing.TB, f *Fence, id string) string {
	tb.Helper()
	list, err := f.Snapshot()
	if err != nil {
		tb.Fatal(err)
	}
	for _, e := range list {
		if e.ID == ipaddr.Parse(id) && e.Expires.IsZero() {
			return "never"
		} else if e.ID == ipaddr.Parse(id) {
			return time.Until(e.Expires).Round(time.Minute).String()
		}
	}
	return "not held"
}

var soon = func() time.Time { return time.Now().Add(10 * time.Minute) }

// asStock takes out of a ruleset the listed differences to the stock action:
// set flags, time-outs and the empty line between them.
func asStock(rules string) string {
	rules = regexp.MustCompile(`(?m)^\t\tflags .*\n`).ReplaceAllString(rules, "")
	return regexp.MustCompile(` timeout \S+ expires \S+`).ReplaceAllString(rules, "")
}

func TestRulesetIsThatOfTheStockAction(t *testing.T) {
	ns := testenv.NewNetns(t)
	f := open(t, ns).NewFence(mustSpec(t, "multiport", "port", "22,80:90"))
	apply(t, f, bans(soon(), "192.0.2.1", "2001:db8::1"))
	want := `table inet f2b-table {
	set addr-set-myj {
		type ipv4_addr
		elements = { 192.0.2.1 }
	}

	set addr6-set-myj {
		type ipv6_addr
		elements = { 2001:db8::1 }
	}

	chain f2b-chain {
		type filter hook input priority filter - 1; policy accept;
		tcp dport { 22, 80-90 } ip saddr @addr-set-myj reject with icmp port-unreachable
		tcp dport { 22, 80-90 } ip6 saddr @addr6-set-myj reject with icmpv6 port-unreachable
	}
}
`
	if diff := cmp.Diff(want, asStock(ruleset(t, ns))); diff != "" {
		t.Error(diff)
	}
	if err := f.Stop(); err != nil {
		t.Fatal(err)
	}
	if rules := ruleset(t, ns); rules != "" {
		t.Errorf("left behind:\n%s", rules)
	}
}

func TestFamiliesStartWithTheirFirstBan(t *testing.T) {
	ns := testenv.NewNetns(t)
	f := open(t, ns).NewFence(mustSpec(t, "multiport"))
	if _, err := f.Adopt(); err != nil {
		t.Fatal(err)
	}
	apply(t, f, lifts("192.0.2.1", "2001:db8::1"))
	if rules := ruleset(t, ns); rules != "" {
		t.Errorf("there are rules before the first ban:\n%s", rules)
	}
	apply(t, f, bans(soon(), "2001:db8::1"))
	if rules := ruleset(t, ns); strings.Contains(rules, "ipv4_addr") || !strings.Contains(rules, "ipv6_addr") {
		t.Errorf("not only IPv6 started:\n%s", rules)
	}
	if fmt.Sprint(f.Started()) != "[inet6]" {
		t.Errorf("started: %v", f.Started())
	}
}

func TestStopLeavesWhatBelongsToOthers(t *testing.T) {
	ns := testenv.NewNetns(t)
	c := open(t, ns)
	one := c.NewFence(mustSpec(t, "multiport"))
	two := c.NewFence(mustSpec(t, "multiport", "name", "other", "port", "80"))
	apply(t, one, bans(soon(), "192.0.2.1", "10.0.0.0/8"))
	apply(t, two, bans(soon(), "192.0.2.2"))
	if err := one.Stop(); err != nil {
		t.Fatal(err)
	}
	rules := ruleset(t, ns)
	if strings.Contains(rules, "myj") || !strings.Contains(rules, "tcp dport 80 ip saddr @addr-set-other reject") {
		t.Errorf("after one of two stopped:\n%s", rules)
	}
	wantHolds(t, two, "192.0.2.2")
}

func TestBansMergeByOrigin(t *testing.T) {
	ns := testenv.NewNetns(t)
	f := open(t, ns).NewFence(mustSpec(t, "multiport"))
	id := ipaddr.Parse("192.0.2.1")
	peer := Op{ID: id, Origin: "peer", Until: time.Now().Add(20 * time.Minute)}
	apply(t, f, bans(soon(), "192.0.2.1"), []Op{peer})
	if got := expiry(t, f, "192.0.2.1"); got != "21m0s" {
		t.Errorf("the later end does not count: %s", got)
	}
	apply(t, f, lifts("192.0.2.1"))
	wantHolds(t, f, "192.0.2.1")
	peer.Kind = Delete
	apply(t, f, []Op{peer})
	wantHolds(t, f, "")
}

func TestLastOriginsEndCounts(t *testing.T) {
	ns := testenv.NewNetns(t)
	f := open(t, ns).NewFence(mustSpec(t, "multiport"))
	id := ipaddr.Parse("192.0.2.1")
	apply(t, f, []Op{
		{ID: id, Until: soon()},
		{ID: id, Origin: "peer", Until: time.Now().Add(time.Hour)},
		{ID: id, Origin: "peer", Kind: Delete},
	})
	if got := expiry(t, f, "192.0.2.1"); got != "11m0s" {
		t.Errorf("the kernel keeps it for %s", got)
	}
}

func TestProlongingReplacesTheTimeout(t *testing.T) {
	ns := testenv.NewNetns(t)
	f := open(t, ns).NewFence(mustSpec(t, "multiport"))
	apply(t, f, bans(soon(), "192.0.2.1", "10.0.0.0/8"), bans(time.Now().Add(time.Hour), "192.0.2.1", "10.0.0.0/8"))
	for _, id := range []string{"192.0.2.1", "10.0.0.0/8"} {
		if got := expiry(t, f, id); got != "1h1m0s" {
			t.Errorf("%s is kept for %s", id, got)
		}
	}
	apply(t, f, bans(time.Time{}, "192.0.2.1"))
	if got := expiry(t, f, "192.0.2.1"); got != "never" {
		t.Errorf("a ban without end is kept for %s", got)
	}
}

func TestElementsOfOthersAreTakenOver(t *testing.T) {
	ns := testenv.NewNetns(t)
	f := open(t, ns).NewFence(mustSpec(t, "multiport"))
	apply(t, f, bans(soon(), "192.0.2.1"))
	ns.Run(t, "nft", "add element inet f2b-table addr-set-myj { 192.0.2.2 timeout 5s, 192.0.2.3 }")
	ns.Run(t, "nft", "delete element inet f2b-table addr-set-myj { 192.0.2.1 }")
	apply(t, f, bans(time.Now().Add(time.Hour), "192.0.2.1", "192.0.2.2"), lifts("192.0.2.3", "192.0.2.4"))
	wantHolds(t, f, "192.0.2.1 192.0.2.2")
	if got := expiry(t, f, "192.0.2.2"); got != "1h1m0s" {
		t.Errorf("kept for %s", got)
	}
}

func TestOverlappingNetworksAreLiftedAlone(t *testing.T) {
	ns := testenv.NewNetns(t)
	f := open(t, ns).NewFence(mustSpec(t, "multiport"))
	for _, step := range []struct {
		ops  []Op
		want string
	}{
		{bans(soon(), "10.1.0.0/16"), "10.1.0.0/16"},
		{bans(soon(), "10.1.2.0/24", "10.1.2.3"), "10.1.0.0/16 10.1.2.3"},
		{bans(soon(), "10.0.0.0/8"), "10.0.0.0/8 10.1.2.3"},
		{bans(soon(), "11.0.0.0/8", "0.0.0.0/5", "240.0.0.0/4"), "0.0.0.0/5 10.0.0.0/8 10.1.2.3 11.0.0.0/8 240.0.0.0/4"},
		{lifts("11.0.0.0/8", "0.0.0.0/5", "240.0.0.0/4"), "10.0.0.0/8 10.1.2.3"},
		{lifts("10.0.0.0/8"), "10.1.0.0/16 10.1.2.3"},
		{lifts("10.1.0.0/16"), "10.1.2.0/24 10.1.2.3"},
		{lifts("10.1.2.0/24", "10.9.0.0/16"), "10.1.2.3"},
		{bans(soon(), "2001:db8::/32", "2001:db8:1::/48", "8000::/1"), "10.1.2.3 2001:db8::/32 8000::/1"},
		{lifts("8000::/1", "2001:db8::/32"), "10.1.2.3 2001:db8:1::/48"},
	} {
		apply(t, f, step.ops)
		wantHolds(t, f, step.want)
	}
	if err := f.Flush(); err != nil {
		t.Fatal(err)
	}
	wantHolds(t, f, "")
}

func TestWhatTheFenceCannotHoldIsRefused(t *testing.T) {
	ns := testenv.NewNetns(t)
	f := open(t, ns).NewFence(mustSpec(t, "multiport", "table_family", "ip"))
	verdicts := f.Apply(bans(soon(), "some user", "2001:db8::1", "192.0.2.1", "0.0.0.0/0"))
	if verdicts[0] == nil || verdicts[1] == nil || verdicts[2] != nil || verdicts[3] == nil {
		t.Errorf("verdicts: %v", verdicts)
	}
}

func TestOpenSaysWhyItCannotWork(t *testing.T) {
	_, err := Open(Options{NetNS: 1 << 20})
	if err == nil || !strings.Contains(err.Error(), "network namespace") {
		t.Errorf("error %v", err)
	}
}
