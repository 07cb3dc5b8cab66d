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
		{"iptables", `type=multiport, protocol=udp, pre-rule="-m state --state NEW"`},
		{"iptables", `type=allports, protocol=all, name=other`},
		{"iptables-new", "port=ssh"},
		{"iptables-multiport-log", ""},
		{"iptables-multiport-log", `blocktype=DROP, name=a-name-of-26-chars-0123456`},
	} {
		a := &stockAction{name: v.name, params: v.params, needs: []string{"iptables"}, look: lookIPTables, alike: alikeChains, native: true}
		a.quick = v.name == "iptables-multiport" && v.params == ""
		list = append(list, a)
	}
	for _, v := range []struct{ name, params string }{
		{"iptables-ipset", "port=22"},
		{"iptables-ipset-proto6", ""},
		{"iptables-ipset-proto6", `ipsettype="hash:net", maxelem=1000, default-ipsettime=300, ipsettime=400`},
		{"iptables-ipset-proto6", `ipsettime="<timeout-bantime>", blocktype=DROP`},
		{"iptables-ipset-proto6-allports", `chain="INPUT,FORWARD", protocol="tcp,udp"`},
		{"iptables-ipset-proto4", ""},
		{"shorewall-ipset-proto6", ""},
	} {
		a := &stockAction{name: v.name, params: v.params, needs: []string{"iptables", "ipset"}, look: lookIPSet, alike: alikeChains, native: strings.HasPrefix(v.name, "iptables")}
		a.quick = v.name == "iptables-ipset-proto6" && v.params == ""
		a.only4 = v.name == "iptables-ipset-proto4" || v.name == "shorewall-ipset-proto6"
		list = append(list, a)
	}
	for _, v := range []struct{ name, params string }{
		{"nftables-multiport", ""},
		{"nftables-allports", "blocktype=drop"},
		{"nftables", `type=custom, rule_match-custom="ct state new"`},
	} {
		list = append(list, &stockAction{name: v.name, params: v.params, needs: []string{"nft"}, look: lookNFT, alike: alikeSets, native: true, quick: v.params == ""})
	}
	return append(list,
		&stockAction{name: "dummy", params: `target=DIR/dummy`, look: lookFile("dummy"), alike: sameText, quick: true},
		&stockAction{name: "hostsdeny", params: `file=DIR/hosts.deny`, look: lookFile("hosts.deny"), alike: sameText, quick: true, prepare: emptyFile("hosts.deny")},
		&stockAction{name: "hostsdeny", params: `file=DIR/hosts.deny, daemon_list=sshd`, look: lookFile("hosts.deny"), alike: sameText, prepare: emptyFile("hosts.deny")},
		&stockAction{
			name: "nginx-block-map", params: `srv_cfg_path=DIR/, srv_cmd=DIR/nginx, srv_pid=DIR/nginx.pid`, look: lookFile("blacklisted-sessions.map"),
			alike: sameText, quick: true, prepare: fakeNginx,
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
