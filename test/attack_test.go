package acceptance

import (
	"regexp"
	"strings"
	"testing"

	"stockade/internal/testenv"
)

// TestAttackIsDropped is the whole way: a real client fails at a real sshd,
// and the kernel no longer lets its packets through.
func TestAttackIsDropped(t *testing.T) {
	subjects := []func(testing.TB) subject{stockade}
	if testenv.Full() {
		// The rig itself must hold with the program whose ways we claim.
		subjects = append(subjects, reference)
	}
	for _, get := range subjects {
		s := get(t)
		t.Run(s.name, func(t *testing.T) { attack(t, s) })
	}
}

func attack(t *testing.T, s subject) {
	testenv.Need(t, "nft")
	server, client := testenv.Pair(t)
	client.AddAddr(t, "10.77.0.3/24")
	client.AddAddr(t, "fd77::3/64")
	host := startSSH(t, server)
	in := place(t, s, server, `[DEFAULT]
maxretry = 3
bantime = 1h
ignoreself = false
[sshd]
enabled = true
logpath = `+host.path("auth.log")+`
`)
	in.start(t)

	for _, family := range []struct{ to, bad, good string }{
		{server.Addr4, client.Addr4, "10.77.0.3"},
		{server.Addr6, client.Addr6, "fd77::3"},
	} {
		if got := reach(t, client, family.bad, family.to); got != "SSH-" {
			t.Fatalf("before the attack %s gets %q from sshd", family.bad, got)
		}
		for range 3 {
			if said := login(client, family.bad, family.to); !strings.Contains(said, "Permission denied") {
				t.Fatalf("ssh said %q", said)
			}
		}
		eventually(t, family.bad+" is refused", func() bool {
			return reach(t, client, family.bad, family.to) == "refused"
		})
		if got := reach(t, client, family.good, family.to); got != "SSH-" {
			t.Errorf("the untouched %s gets %q from sshd", family.good, got)
		}
		if out := in.ask(t, "get", "sshd", "banip"); !strings.Contains(out, family.bad) {
			t.Errorf("%s is not among the banned: %q", family.bad, out)
		}
	}

	compareRuleset(t, server.Run(t, "nft", "list", "ruleset"), client.Addr4, client.Addr6)

	for _, family := range []struct{ to, bad string }{{server.Addr4, client.Addr4}, {server.Addr6, client.Addr6}} {
		if out := in.ask(t, "set", "sshd", "unbanip", family.bad); out != "1\n" {
			t.Errorf("unbanip printed %q", out)
		}
		if got := reach(t, client, family.bad, family.to); got != "SSH-" {
			t.Errorf("after unban %s gets %q from sshd", family.bad, got)
		}
	}

	in.ask(t, "stop")
	in.gone(t)
	if rules := server.Run(t, "nft", "list", "ruleset"); strings.TrimSpace(rules) != "" {
		t.Errorf("after stop the kernel still holds\n%s", rules)
	}
}

// TestBanEndsByItself bans for three seconds.
func TestBanEndsByItself(t *testing.T) {
	testenv.Need(t, "nft")
	server, client := testenv.Pair(t)
	host := startSSH(t, server)
	in := place(t, stockade(t), server, `[sshd]
enabled = true
maxretry = 2
bantime = 3
blocktype = drop
action = nftables[port="ssh", blocktype="drop"]
logpath = `+host.path("auth.log")+`
`)
	in.start(t)
	for range 2 {
		login(client, client.Addr4, server.Addr4)
	}
	eventually(t, "no answer", func() bool { return reach(t, client, client.Addr4, server.Addr4) == "nothing" })
	eventually(t, "an answer again", func() bool { return reach(t, client, client.Addr4, server.Addr4) == "SSH-" })
	if !strings.Contains(in.log(), "[sshd] Unban "+client.Addr4) {
		t.Errorf("the log does not tell of the unban:\n%s", in.log())
	}
}

// wantRuleset is the stock action's result with two bans, as the
// specification has it for one tcp port.
const wantRuleset = `table inet f2b-table {
set addr-set-sshd {
type ipv4_addr
elements = { V4 }
}
set addr6-set-sshd {
type ipv6_addr
elements = { V6 }
}
chain f2b-chain {
type filter hook input priority filter - 1; policy accept;
tcp dport 22 ip saddr @addr-set-sshd reject with icmp port-unreachable
tcp dport 22 ip6 saddr @addr6-set-sshd reject with icmpv6 port-unreachable
}
}`

// listedDifferences are the ways in which our sets differ from the stock
// ones: the flag, and a time-out at each element.
var listedDifferences = regexp.MustCompile(`(?m)^flags (?:interval|timeout)$\n|(?: timeout \w+)?(?: expires \w+)?`)

func compareRuleset(t *testing.T, rules, v4, v6 string) {
	t.Helper()
	var lines []string
	for _, line := range strings.Split(rules, "\n") {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	got := listedDifferences.ReplaceAllString(strings.Join(lines, "\n"), "")
	// A single port is written as a set of one by the stock action.
	got = strings.ReplaceAll(got, "dport { 22 }", "dport 22")
	want := strings.NewReplacer("V4", v4, "V6", v6).Replace(wantRuleset)
	if got != want {
		t.Errorf("ruleset is\n%s\nwant\n%s", got, want)
	}
}
