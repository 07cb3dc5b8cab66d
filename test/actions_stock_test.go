package acceptance

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// stockActions are the stock actions whose programs Debian has, each with
// parameters that matter.
func stockActions() []*stockAction {
	var list []*stockAction
	for _, v := range []struct{ name, params string }{
		{"iptables-multiport", ""},
		{"iptables-multiport", `chain="INPUT,FORWARD", protocol="tcp,udp", blocktype=DROP`},
		{"iptables-allports", ""},
		{"iptables-allports", `chain="INPUT FORWARD", protocol="tcp,udp", lockingopt="-w 5", returntype="RETURN"`},
		{"iptables", "port=22"},
		{"iptables", `type=multiport, protocol=udp, pre-rule="-m state --state NEW<sp>"`},
		{"iptables", `type=allports, protocol=all`},
		{"iptables-new", "port=ssh"},
		{"iptables-multiport-log", ""},
		{"iptables-multiport-log", `blocktype=DROP, protocol=udp`},
	} {
		a := &stockAction{name: v.name, params: v.params, needs: []string{"iptables"}, look: lookIPTables, alike: alikeChains, native: true}
		a.quick = v.name == "iptables-multiport" && v.params == ""
		if v.name == "iptables-multiport-log" {
			// Theirs empties the chain that logs and blocks, too, so that later
			// bans lead nowhere.
			a.except = []string{"flush", "ban 192.0.2.9", "prolong", "reload"}
		}
		list = append(list, a)
	}
	for _, v := range []struct{ name, params string }{
		{"iptables-ipset", "port=22"},
		{"iptables-ipset-proto6", ""},
		{"iptables-ipset-proto6", `ipsettype="hash:net", maxelem=1000, default-ipsettime=300, ipsettime=400`},
		{"iptables-ipset-proto6", `ipsettime="<timeout-bantime>", blocktype=DROP`},
		{"iptables-ipset-proto6-allports", `chain="INPUT,FORWARD", protocol="tcp,udp"`},
		{"shorewall-ipset-proto6", ""},
	} {
		a := &stockAction{name: v.name, params: v.params, needs: []string{"iptables", "ipset"}, look: lookIPSet, alike: alikeChains, native: strings.HasPrefix(v.name, "iptables")}
		a.only4 = v.name == "shorewall-ipset-proto6"
		list = append(list, a)
	}
	list = append(list, &stockAction{name: "iptables-xt_recent-echo", needs: []string{"iptables"}, look: lookRecent, alike: alikeChains, noNets: true})
	for _, v := range []struct{ name, params string }{
		{"nftables-multiport", ""},
		{"nftables-allports", "blocktype=drop"},
		{"nftables", `type=custom, rule_match-custom="ct state new"`},
	} {
		list = append(list, &stockAction{name: v.name, params: v.params, needs: []string{"nft"}, look: lookNFT, alike: alikeSets, native: true})
	}
	for _, v := range []struct{ name, params string }{
		{"firewallcmd-multiport", `port="22,80"`},
		{"firewallcmd-allports", "blocktype=DROP"},
		{"firewallcmd-new", "chain=FORWARD_direct"},
		{"firewallcmd-ipset", ""},
		{"firewallcmd-ipset", `actiontype="<allports>", ipsetbackend=firewalld`},
		{"firewallcmd-rich-rules", `port="22,80", protocol=udp`},
		{"firewallcmd-rich-logging", `port="22", level=warning, rate=3`},
	} {
		a := &stockAction{
			name: v.name, params: v.params, needs: []string{"firewalld", "dbus-daemon", "iptables", "ipset"}, prepare: startFirewalld,
			look: lookIPSet, alike: alikeChains, slow: true,
		}
		switch {
		case strings.Contains(v.name, "rich"):
			a.look = lookRichRules
		case strings.Contains(v.params, "firewalld"):
			a.look = lookFirewalldSets
			// firewalld makes sets for good only, so theirs cannot be made.
			a.errors = true
		}
		// Each call of firewall-cmd takes its time; the others differ by a match.
		a.soak = strings.Contains(v.name, "allports") || strings.Contains(v.name, "new") || strings.Contains(v.name, "logging") || a.errors
		list = append(list, a)
	}
	// Without kill-mode: the stock one fails where there is nothing to kill.
	for _, params := range []string{"", `blocktype=deny, destination=10.0.0.1`, `application=OpenSSH`} {
		a := &stockAction{name: "ufw", params: params, needs: []string{"ufw", "iptables", "conntrack"}, prepare: enableUFW, look: lookUFW, alike: sortedLines, slow: true}
		a.only4 = strings.Contains(params, "destination")
		list = append(list, a)
	}
	return append(list,
		&stockAction{name: "dummy", params: `target=DIR/dummy`, look: lookFile("dummy"), alike: sameText},
		&stockAction{name: "hostsdeny", params: `file=DIR/hosts.deny`, look: lookFile("hosts.deny"), alike: sameText, quick: true, prepare: emptyFile("hosts.deny"), noNets: true},
		&stockAction{name: "hostsdeny", params: `file=DIR/hosts.deny, daemon_list=sshd`, look: lookFile("hosts.deny"), alike: sameText, prepare: emptyFile("hosts.deny"), noNets: true},
		&stockAction{
			name: "nginx-block-map", params: `srv_cfg_path=DIR/, srv_cmd=DIR/nginx, srv_pid=DIR/nginx.pid`, look: lookFile("blacklisted-sessions.map"),
			alike: sameText, prepare: fakeNginx,
		},
		&stockAction{name: "route", look: lookRoutes, alike: sortedLines, needs: []string{"ip"}},
		&stockAction{name: "route", params: "blocktype=blackhole", look: lookRoutes, alike: sortedLines, needs: []string{"ip"}},
	)
}

func sameText(s string) string { return s }

func lookIPTables(t *testing.T, in *instance) string {
	t.Helper()
	return in.netn.Run(t, "iptables", "-S") + in.netn.Run(t, "ip6tables", "-S")
}

// alikeChains gives the bans of a chain one order: restored ones come in any.
func alikeChains(rules string) string {
	return regexp.MustCompile(`(?m)(^-A f2b-\S+ -s .*\n)+`).ReplaceAllStringFunc(rules, func(block string) string {
		return sortedLines(block) + "\n"
	})
}

// setTimeouts are the seconds that an element has left, and the size to which
// a set has grown.
var setTimeouts = regexp.MustCompile(` (?:hashsize|initval|bucketsize) \S+`)

func lookIPSet(t *testing.T, in *instance) string {
	t.Helper()
	sets := setTimeouts.ReplaceAllString(in.netn.Run(t, "ipset", "save"), "")
	sets = regexp.MustCompile(`(add .* timeout) ([1-9]\d)\d$`).ReplaceAllString(sets, "$1 …")
	sets = regexp.MustCompile(`(?m)^(add .* timeout) [1-9]\d*$`).ReplaceAllString(sets, "$1 …")
	var create, add []string
	for line := range strings.Lines(sets) {
		if strings.HasPrefix(line, "add") {
			add = append(add, line)
		} else {
			create = append(create, line)
		}
	}
	return strings.Join(create, "") + sortedLines(strings.Join(add, "")) + "\n" + lookIPTables(t, in)
}

func lookNFT(t *testing.T, in *instance) string {
	t.Helper()
	return in.netn.Run(t, "nft", "list", "ruleset")
}

// alikeSets takes the listed differences out of a ruleset: how sets are built,
// the set that our networks have for themselves, and time-outs.
func alikeSets(rules string) string {
	rules = regexp.MustCompile(`(?m)^\t\tflags .*\n`).ReplaceAllString(rules, "")
	rules = regexp.MustCompile(` timeout \S+ expires \S+`).ReplaceAllString(rules, "")
	rules = regexp.MustCompile(`(?s)\tset net6?-set-\S+ \{.*?\n\t\}\n\n?`).ReplaceAllString(rules, "")
	rules = regexp.MustCompile(`(?m)^.* @net6?-set-.*\n`).ReplaceAllString(rules, "")
	// The network stands with the addresses there, and not here.
	rules = regexp.MustCompile(`198\.51\.100\.0/24(,\s+)?`).ReplaceAllString(rules, "")
	rules = regexp.MustCompile(`,\s+\}`).ReplaceAllString(rules, " }")
	return regexp.MustCompile(`(?s)elements = \{(.*?)\}`).ReplaceAllStringFunc(rules, func(list string) string {
		words := strings.FieldsFunc(list, func(r rune) bool { return strings.ContainsRune(" ,{}=\n\t", r) })
		return sortedLines(strings.Join(words, "\n"))
	})
}

func lookFile(name string) func(*testing.T, *instance) string {
	return func(_ *testing.T, in *instance) string {
		b, err := os.ReadFile(in.path(name))
		if err != nil {
			return "(none)"
		}
		return string(b)
	}
}

func emptyFile(name string) func(*testing.T, *instance) {
	return func(t *testing.T, in *instance) { in.write(t, name, "# kept\nALL: 203.0.113.5\n") }
}

// fakeNginx is a server that runs and notes that it was asked to reload.
func fakeNginx(t *testing.T, in *instance) {
	in.write(t, "nginx", "#!/bin/sh\necho \"$@\" >> DIR/nginx.calls\n")
	in.write(t, "nginx.pid", "1\n")
	if err := os.Chmod(filepath.Join(in.dir, "nginx"), 0o755); err != nil {
		t.Fatal(err)
	}
}

func lookRoutes(t *testing.T, in *instance) string {
	t.Helper()
	return in.netn.Run(t, "ip", "route") + in.netn.Run(t, "ip", "-6", "route")
}

// startFirewalld runs a firewalld with a message bus of its own in the
// instance's namespace.
func startFirewalld(t *testing.T, in *instance) {
	t.Helper()
	in.write(t, "bus.conf", `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>system</type><listen>unix:path=DIR/bus</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy></busconfig>
`)
	mkdir(t, in.path("firewalld"))
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path="+in.path("bus"))
	for _, argv := range [][]string{
		{"dbus-daemon", "--config-file=" + in.path("bus.conf"), "--nofork", "--nopidfile"},
		{"firewalld", "--nofork", "--nopid", "--system-config=" + in.path("firewalld"), "--log-file=" + in.path("firewalld.log")},
	} {
		cmd := in.netn.Command(argv[0], argv[1:]...)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			in.end(t)
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		})
		eventually(t, "message bus", func() bool {
			_, err := os.Stat(in.path("bus"))
			return err == nil
		})
	}
	eventually(t, "firewalld runs", func() bool { return in.netn.Command("firewall-cmd", "--state").Run() == nil })
}

func lookRichRules(t *testing.T, in *instance) string {
	t.Helper()
	return sortedLines(in.netn.Run(t, "firewall-cmd", "--list-rich-rules"))
}

func lookFirewalldSets(t *testing.T, in *instance) string {
	t.Helper()
	return lookIPSet(t, in) + in.netn.Run(t, "firewall-cmd", "--get-ipsets")
}

// enableUFW gives the namespace an /etc/ufw of its own and switches ufw on.
func enableUFW(t *testing.T, in *instance) {
	t.Helper()
	own := filepath.Join("/etc/netns", in.netn.Name)
	t.Cleanup(func() { _ = os.RemoveAll(own) })
	if err := os.CopyFS(filepath.Join(own, "ufw"), os.DirFS("/etc/ufw")); err != nil {
		t.Fatal(err)
	}
	in.netn.Run(t, "ufw", "--force", "enable")
}

func lookUFW(t *testing.T, in *instance) string {
	t.Helper()
	return in.netn.Run(t, "ufw", "status") + in.netn.Run(t, "ufw", "show", "added")
}

// lookRecent is the chains, and who is on the kernel's lists of recent
// addresses.
func lookRecent(t *testing.T, in *instance) string {
	t.Helper()
	return lookIPTables(t, in) + in.netn.Run(t, "sh", "-c", "cut -d' ' -f1 /proc/net/xt_recent/f2b-j* 2>/dev/null | sort; true")
}
