package acceptance

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"stockade/internal/testenv"
)

// healer is a way to take bans away behind the server's back.
type healer struct {
	name, action string
	needs        []string
	look         func(t *testing.T, in *instance) string
	strike       []string
	gone         string
}

func healers() []healer {
	nft := func(t *testing.T, in *instance) string { return alikeSets(lookNFT(t, in)) }
	legacy := func(t *testing.T, in *instance) string { return in.netn.Run(t, "iptables-legacy", "-S") }
	return []healer{
		{"flushed ruleset", "nftables", []string{"nft"}, nft, []string{"nft", "flush", "ruleset"}, "f2b-table"},
		{"deleted element's set", "nftables", []string{"nft"}, nft, []string{"nft", "flush", "chain", "inet", "f2b-table", "f2b-chain"}, "f2b-chain"},
		{"flushed iptables", "iptables-multiport", []string{"iptables"}, lookIPTables, []string{"iptables", "-F"}, "INPUT"},
		{"flushed own chain", "iptables-allports", []string{"iptables"}, lookIPTables, []string{"iptables", "-F", "f2b-j"}, "f2b-j"},
		{"flushed iptables before a set", "iptables-ipset-proto6", []string{"iptables", "ipset"}, lookIPSet, []string{"iptables", "-F"}, "INPUT"},
		{
			"flushed iptables of the old kind", `iptables-multiport[iptables="iptables-legacy -w", iptables?family=inet6="ip6tables-legacy -w"]`,
			[]string{"iptables-legacy"},
			legacy,
			[]string{"iptables-legacy", "-F"},
			"INPUT",
		},
	}
}

func TestBansThatSomebodyFlushedAreBackAtOnce(t *testing.T) {
	t.Parallel()
	for _, h := range healers() {
		t.Run(h.name, func(t *testing.T) {
			testenv.Need(t, h.needs...)
			in := place(t, stockade(t), testenv.NewNetns(t), jailWith(h.action))
			in.write(t, "empty", "")
			if strings.Contains(h.action, "legacy") && in.netn.Command("iptables-legacy", "-S").Run() != nil {
				testenv.Skip(t, "this kernel has no tables of the old kind")
			}
			in.start(t)
			in.ask(t, "set", "j", "banip", "192.0.2.1", "192.0.2.2")
			before := h.look(t, in)
			if !strings.Contains(before, "192.0.2.2") {
				t.Fatalf("not banned:\n%s\n%s", before, in.log())
			}
			in.netn.Run(t, h.strike[0], h.strike[1:]...)
			eventually(t, "the bans are back", func() bool { return alikeChains(h.look(t, in)) == alikeChains(before) })
			eventually(t, "the log tells of it", func() bool {
				return strings.Contains(in.log(), "removed the ") && strings.Contains(in.log(), "stockade pause 10m")
			})
			in.ask(t, "stop")
		})
	}
}

func jailWith(actions string) string {
	return "[j]\nenabled = true\nfilter =\nbackend = polling\nlogpath = DIR/empty\nbantime = 600\naction = " + actions + "\n"
}

func TestBansStayAwayWhereHealingIsOff(t *testing.T) {
	t.Parallel()
	testenv.Need(t, "nft", "iptables")
	in := place(t, stockade(t), testenv.NewNetns(t), jailWith("nftables[heal=no]\n  iptables-multiport[heal=no]"))
	in.write(t, "empty", "")
	in.start(t)
	in.ask(t, "set", "j", "banip", "192.0.2.1")
	in.netn.Run(t, "nft", "flush", "ruleset")
	eventually(t, "the log tells of both", func() bool { return strings.Count(in.log(), "leaves it so (heal = no)") >= 2 })
	if state := lookNFT(t, in); strings.Contains(state, "192.0.2.1") {
		t.Errorf("put back all the same:\n%s", state)
	}
	// The next ban finds its place missing and makes it anew.
	in.ask(t, "set", "j", "banip", "192.0.2.2")
	eventually(t, "the next ban", func() bool { return strings.Count(lookNFT(t, in), "192.0.2.2") == 2 })
}

// verb runs `stockade VERB …` against an instance.
func (in *instance) verb(t *testing.T, args ...string) string {
	t.Helper()
	out, err := in.enter(exec.Command(filepath.Join(build.dir, "stockade"), append(args, "--conf", in.path("etc"))...)).CombinedOutput()
	if err != nil {
		t.Fatalf("stockade %v: %v\n%s", args, err, out)
	}
	return string(out)
}

func TestPauseLiftsAllEnforcementForAWhile(t *testing.T) {
	t.Parallel()
	testenv.Need(t, "nft", "iptables", "ipset")
	const actions = "nftables\n  iptables-multiport\n  iptables-ipset-proto6-allports[actname=set]\n  hostsdeny[file=DIR/hosts.deny]"
	in := place(t, stockade(t), testenv.NewNetns(t), jailWith(actions))
	in.write(t, "empty", "")
	in.write(t, "hosts.deny", "")
	in.start(t)
	state := func() string {
		return alikeChains(lookIPSet(t, in)) + alikeSets(in.netn.Run(t, "nft", "list", "tables")) + sortedLines(lookFile("hosts.deny")(t, in))
	}
	clean := state()
	in.ask(t, "set", "j", "banip", "192.0.2.1", "2001:db8::1", "192.0.2.2")
	banned := state()

	if out := in.verb(t, "pause", "10m"); !strings.Contains(out, "all enforcement is lifted until ") {
		t.Errorf("pause says %q", out)
	}
	// The tables of iptables itself stay.
	if got := strings.ReplaceAll(state(), "table ip filter\ntable ip6 filter\n", ""); !sameIgnoringTables(got, clean) {
		t.Errorf("enforced in the pause:\n%s", got)
	}
	if out := in.verb(t, "status"); !strings.Contains(out, "PAUSED: nothing is enforced until ") {
		t.Errorf("status in the pause:\n%s", out)
	}
	in.ask(t, "set", "j", "banip", "192.0.2.3")
	in.ask(t, "set", "j", "unbanip", "192.0.2.2")
	// A reload brings a jail along and leaves the pause.
	in.write(t, "etc/jail.local", jailWith(actions)+strings.ReplaceAll(jailWith("iptables-allports"), "[j]", "[k]"))
	in.ask(t, "reload")
	in.ask(t, "set", "k", "banip", "192.0.2.9")
	if got := state(); strings.Contains(got, "192.0.2.") {
		t.Errorf("enforced in the pause, after a reload:\n%s", got)
	}

	if out := in.verb(t, "resume"); out != "all bans are enforced again\n" {
		t.Errorf("resume says %q", out)
	}
	got := state()
	for _, want := range []string{"192.0.2.1", "192.0.2.3", "192.0.2.9", "2001:db8::1"} {
		if !strings.Contains(got, want) {
			t.Errorf("%s is not back:\n%s", want, got)
		}
	}
	if strings.Contains(got, "192.0.2.2") {
		t.Errorf("an address that was unbanned in the pause is back:\n%s", got)
	}
	if out := in.verb(t, "status"); strings.Contains(out, "PAUSED") {
		t.Errorf("status after the pause:\n%s", out)
	}
	in.ask(t, "unban", "192.0.2.9", "192.0.2.3")
	in.ask(t, "set", "j", "banip", "192.0.2.2")

	in.verb(t, "pause", "1s")
	eventually(t, "the pause ends by itself", func() bool { return strings.Count(state(), "192.0.2.2") == strings.Count(banned, "192.0.2.2") })
	if log := in.log(); strings.Contains(log, " ERROR ") {
		t.Errorf("errors:\n%s", short(log))
	}
}

// sameIgnoringTables compares states but for empty tables.
func sameIgnoringTables(a, b string) bool {
	strip := func(s string) string {
		var keep []string
		for line := range strings.Lines(s) {
			if !strings.HasPrefix(line, "table ") {
				keep = append(keep, line)
			}
		}
		return strings.Join(keep, "")
	}
	return strip(a) == strip(b) && !strings.Contains(a, "f2b-table")
}

func TestUFWBanCountsWhereNoConnectionIsOpen(t *testing.T) {
	t.Parallel()
	testenv.Need(t, "ufw", "iptables", "conntrack")
	in := place(t, stockade(t), testenv.NewNetns(t), jailWith("ufw[kill-mode=conntrack]"))
	enableUFW(t, in)
	in.write(t, "empty", "")
	in.start(t)
	in.ask(t, "set", "j", "banip", "192.0.2.1")
	eventually(t, "the rule is there", func() bool { return strings.Contains(lookUFW(t, in), "192.0.2.1") })
	in.ask(t, "stop")
	if log := in.log(); strings.Contains(log, " ERROR ") {
		t.Errorf("errors in the log:\n%s", log)
	}
}
