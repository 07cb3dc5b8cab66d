package netfilter

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"stockade/internal/testenv"
)

func TestSetsOfTheReferenceAreReplacedWithTheirElements(t *testing.T) {
	for _, flags := range []string{"", " flags interval;"} {
		ns := testenv.NewNetns(t)
		script := `add table inet f2b-table
add chain inet f2b-table f2b-chain { type filter hook input priority -1; }
add set inet f2b-table addr-set-myj { type ipv4_addr;` + flags + ` }
add element inet f2b-table addr-set-myj { 192.0.2.1, 192.0.2.7 }
add rule inet f2b-table f2b-chain tcp dport { 22 } ip saddr @addr-set-myj reject
add rule inet f2b-table f2b-chain tcp dport { 25 } drop
`
		want := "192.0.2.1 192.0.2.7"
		if flags != "" {
			script += "add element inet f2b-table addr-set-myj { 10.0.0.0/8, 198.51.100.16-198.51.100.25 }\n"
			want = "10.0.0.0/8 192.0.2.1 192.0.2.7 198.51.100.16/29 198.51.100.24/31"
		}
		cmd := ns.Command("nft", "-f", "-")
		cmd.Stdin = strings.NewReader(script)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("nft: %v\n%s", err, out)
		}
		f := open(t, ns).NewFence(mustSpec(t, "multiport", "port", "80"))
		found, err := f.Adopt()
		if err != nil || fmt.Sprint(found) != "[inet4]" {
			t.Errorf("adopted %v, %v", found, err)
		}
		wantHolds(t, f, want)
		rules := ruleset(t, ns)
		for _, line := range []string{"flags timeout\n", "tcp dport 80 ip saddr @addr-set-myj reject", "tcp dport 25 drop"} {
			if !strings.Contains(rules, line) {
				t.Errorf("no %q in\n%s", line, rules)
			}
		}
		if strings.Contains(rules, "tcp dport 22 ") {
			t.Errorf("the old rule is still there:\n%s", rules)
		}
		apply(t, f, bans(soon(), "192.0.2.7"))
		if n, err := f.Settle(); err != nil || n == 0 {
			t.Errorf("settled %d, %v", n, err)
		}
		wantHolds(t, f, "192.0.2.7")
	}
}

func TestRestartTakesOverWhatTheKernelHolds(t *testing.T) {
	ns := testenv.NewNetns(t)
	c := open(t, ns)
	before := c.NewFence(mustSpec(t, "multiport"))
	apply(t, before, bans(soon(), "192.0.2.1", "192.0.2.2", "10.0.0.0/8", "2001:db8::1"), bans(time.Time{}, "192.0.2.9"))
	if err := before.ReArm(time.Minute); err != nil {
		t.Fatal(err)
	}
	wantHolds(t, before, "10.0.0.0/8 192.0.2.1 192.0.2.2 192.0.2.9 2001:db8::1")
	for _, id := range []string{"192.0.2.1", "192.0.2.9", "10.0.0.0/8"} {
		if got := expiry(t, before, id); got != "1m0s" {
			t.Errorf("%s is kept for %s after an orderly end", id, got)
		}
	}
	after := c.NewFence(mustSpec(t, "multiport"))
	if _, err := after.Adopt(); err != nil {
		t.Fatal(err)
	}
	apply(t, after, bans(soon(), "192.0.2.2", "192.0.2.3"))
	wantHolds(t, after, "10.0.0.0/8 192.0.2.1 192.0.2.2 192.0.2.3 192.0.2.9 2001:db8::1")
	if n, err := after.Settle(); n != 4 || err != nil {
		t.Errorf("settled %d, %v", n, err)
	}
	wantHolds(t, after, "192.0.2.2 192.0.2.3")
	if got := expiry(t, after, "192.0.2.2"); got != "11m0s" {
		t.Errorf("kept for %s", got)
	}
	if rules := ruleset(t, ns); strings.Count(rules, "ip saddr @addr-set-myj") != 1 {
		t.Errorf("rules twice:\n%s", rules)
	}
}

func TestChangedParametersChangeTheRulesAndKeepTheBans(t *testing.T) {
	ns := testenv.NewNetns(t)
	f := open(t, ns).NewFence(mustSpec(t, "multiport"))
	apply(t, f, bans(soon(), "192.0.2.1", "10.0.0.0/8"))
	if err := f.Respec(mustSpec(t, "multiport", "port", "80,443", "blocktype", "drop")); err != nil {
		t.Fatal(err)
	}
	wantHolds(t, f, "10.0.0.0/8 192.0.2.1")
	rules := ruleset(t, ns)
	if strings.Contains(rules, "dport 22") || strings.Count(rules, "tcp dport { 80, 443 } ip saddr") != 2 {
		t.Errorf("rules:\n%s", rules)
	}
	if err := f.Respec(mustSpec(t, "multiport", "table", "mine", "name", "new")); err != nil {
		t.Fatal(err)
	}
	wantHolds(t, f, "10.0.0.0/8 192.0.2.1")
	if rules := ruleset(t, ns); strings.Contains(rules, "f2b-table") || !strings.Contains(rules, "set addr-set-new") {
		t.Errorf("rules:\n%s", rules)
	}
}

func TestRefusalsNameTheAddressAndWhatTheKernelSaid(t *testing.T) {
	ns := testenv.NewNetns(t)
	f := open(t, ns).NewFence(mustSpec(t, "multiport"))
	apply(t, f, bans(soon(), "192.0.2.1"))
	ns.Run(t, "nft", "flush", "ruleset")
	verdicts := f.Apply(append(bans(soon(), "192.0.2.2", "192.0.2.3"), lifts("192.0.2.1")...))
	if verdicts[0] == nil || !strings.Contains(verdicts[0].Error(), "set addr-set-myj is missing in table f2b-table") || verdicts[2] != nil {
		t.Errorf("verdicts: %v", verdicts)
	}
	if err := f.Check(); err == nil {
		t.Error("Check finds nothing missing")
	}
	if n, err := f.Heal(); err != nil || n != 0 {
		t.Errorf("healed %d, %v", n, err)
	}
	apply(t, f, bans(soon(), "192.0.2.2"))
	wantHolds(t, f, "192.0.2.2")
}

func TestRemovalsByOthersAreNoticedAndHealed(t *testing.T) {
	ns := testenv.NewNetns(t)
	c := open(t, ns)
	f := c.NewFence(mustSpec(t, "multiport"))
	other := c.NewFence(mustSpec(t, "multiport", "name", "other"))
	losses := make(chan Loss, 10)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	err := f.Watch(ctx, func(l Loss) {
		if _, err := f.Heal(); err != nil {
			t.Error(err)
		}
		losses <- l
	})
	if err != nil {
		t.Fatal(err)
	}
	apply(t, f, bans(soon(), "192.0.2.1", "10.0.0.0/8", "2001:db8::1"))
	apply(t, other, bans(soon(), "192.0.2.1"))
	before := ruleset(t, ns)
	for _, c := range []struct{ command, what string }{
		{"flush ruleset", "table"},
		{"delete table inet f2b-table", "table"},
		{"flush chain inet f2b-table f2b-chain", "rule"},
		{"flush chain inet f2b-table f2b-chain; delete chain inet f2b-table f2b-chain", "chain"},
		{"flush chain inet f2b-table f2b-chain; delete set inet f2b-table addr6-set-myj", "set"},
	} {
		ns.Run(t, "nft", c.command)
		if l := <-losses; l.What != c.what || l.Program != "nft" {
			t.Errorf("%s: %+v", c.command, l)
		}
		wantHolds(t, f, "10.0.0.0/8 192.0.2.1 2001:db8::1")
		if err := f.Check(); err != nil {
			t.Error(err)
		}
		if _, err := other.Heal(); err != nil {
			t.Fatal(err)
		}
	}
	// The last round touched the rules of all, so only their order may differ.
	if after := ruleset(t, ns); len(strings.Split(after, "\n")) != len(strings.Split(before, "\n")) {
		t.Errorf("before\n%s\nafter\n%s", before, after)
	}
	select {
	case l := <-losses:
		t.Errorf("one loss too many: %+v", l)
	default:
	}
}

func TestChainAtAnotherPlaceIsReplacedForAll(t *testing.T) {
	ns := testenv.NewNetns(t)
	c := open(t, ns)
	one := c.NewFence(mustSpec(t, "multiport", "name", "one"))
	two := c.NewFence(mustSpec(t, "multiport", "name", "two"))
	apply(t, one, bans(soon(), "192.0.2.1"))
	apply(t, two, bans(soon(), "192.0.2.2"))
	healed := make(chan error, 1)
	place := []string{"chain_hook", "prerouting", "chain_priority", "-110"}
	err := two.Watch(t.Context(), func(Loss) {
		_, err := two.Heal()
		healed <- err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := one.Respec(mustSpec(t, "multiport", append(place, "name", "one")...)); err != nil {
		t.Fatal(err)
	}
	if err := <-healed; err != nil {
		t.Error(err)
	}
	rules := ruleset(t, ns)
	if !strings.Contains(rules, "hook prerouting") || strings.Count(rules, " reject ") != 2 {
		t.Errorf("rules:\n%s", rules)
	}
	wantHolds(t, one, "192.0.2.1")
	wantHolds(t, two, "192.0.2.2")
	ns.Run(t, "nft", "add rule inet f2b-table f2b-chain tcp dport 1 drop")
	if err := one.Respec(mustSpec(t, "multiport", "name", "one")); err == nil || !strings.Contains(err.Error(), "with rules of others") {
		t.Errorf("error %v", err)
	}
}
