package netfilter

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"stockade/internal/ipaddr"
	"stockade/internal/testenv"
)

func TestFormerSetsGoWhenTheyHoldNothing(t *testing.T) {
	ns := testenv.NewNetns(t)
	earlier, now := open(t, ns), open(t, ns)
	old := earlier.NewFence(mustSpec(t, "multiport", "name", "old"))
	until := time.Now().Add(time.Hour)
	apply(t, old, bans(until, "192.0.2.1", "2001:db8::1", "198.51.100.0/24"))
	other := now.NewFence(mustSpec(t, "multiport", "name", "other"))
	if err := other.Start(ipaddr.Inet4, ipaddr.Inet6); err != nil {
		t.Fatal(err)
	}
	ns.Run(t, "nft", "add set inet f2b-table addr-set-theirs { type ipv4_addr; flags interval; }")

	remove := func(c *Conn, name string, want ...string) time.Duration {
		t.Helper()
		gone, left, err := c.RemoveFormer(name)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, gone); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", name, diff)
		}
		return left
	}
	if left := remove(now, "old"); left < 50*time.Minute || left > 62*time.Minute {
		t.Errorf("the last element is said to expire in %v", left)
	}
	if rules := ruleset(t, ns); !strings.Contains(rules, "192.0.2.1") || !strings.Contains(rules, "198.51.100.0/24") {
		t.Errorf("bans that ran are gone:\n%s", rules)
	}

	apply(t, old, lifts("192.0.2.1", "198.51.100.0/24"))
	if left := remove(now, "old", "addr-set-old", "net-set-old"); left < 50*time.Minute {
		t.Errorf("the last element is said to expire in %v", left)
	}
	apply(t, old, lifts("2001:db8::1"))
	remove(now, "old", "addr6-set-old")
	remove(now, "old")
	// Empty, but in use, not ours, and not there.
	remove(now, "other")
	remove(now, "theirs")
	remove(now, "unknown")
	rules := ruleset(t, ns)
	for _, want := range []string{"set addr-set-other", "set addr6-set-other", "@addr-set-other", "set addr-set-theirs"} {
		if !strings.Contains(rules, want) {
			t.Errorf("there is no %s any more:\n%s", want, rules)
		}
	}
	if strings.Contains(rules, "-set-old") {
		t.Errorf("something is left:\n%s", rules)
	}
}
