package action

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"stockade/internal/testenv"
	"stockade/internal/ticket"
)

// rulesetVariants are parameters of the stock nftables action. The first ones
// are compared in the short form too.
var rulesetVariants = [][]string{
	{"port", "22,80:90", "protocol", "tcp,udp"},
	{"type", "allports", "protocol", "tcp,udp"},
	{"protocol", "all"},
	{"port", "ssh,http,8000-8010", "protocol", "tcp udp"},
	{"type", "allports", "protocol", "all"},
	{"type", "custom", "blocktype", "drop"},
	{"type", "custom", "rule_match-custom", "ct state new", "blocktype", "counter drop"},
	{"table", "mytable", "chain", "mychain", "chain_priority", "-5", "chain_hook", "prerouting"},
	{"blocktype", "reject with icmpx type admin-prohibited"},
	{"type", "allports", "protocol", "tcp", "blocktype", "reject with tcp reset"},
}

// referenceRulesets are the tables after two bans and after the stop, made by
// the reference's server with its own action.
func referenceRulesets(t *testing.T, params []string) (banned, stopped string) {
	t.Helper()
	reference, ns, dir := testenv.Reference(t), testenv.NewNetns(t), t.TempDir()
	action := "nftables["
	for i := 0; i < len(params); i += 2 {
		action += fmt.Sprintf(`%s="%s", `, params[i], params[i+1])
	}
	if err := os.Symlink(filepath.Join(reference, "etc/fail2ban/action.d"), filepath.Join(dir, "action.d")); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"fail2ban.conf": "[Definition]\ndbfile = None\nloglevel = INFO\nlogtarget = " + dir + "/log\nsocket = " + dir + "/sock\npidfile = " + dir + "/pid\n",
		"jail.conf": "[DEFAULT]\n[j]\nenabled = true\nfilter =\nbackend = polling\nlogpath = " + dir + "/empty\naction = " +
			strings.TrimSuffix(action, ", ") + "]\n",
		"empty": "",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	client := func(args ...string) {
		t.Helper()
		cmd := ns.Command("/usr/bin/python3", append([]string{filepath.Join(reference, "usr/bin/fail2ban-client"), "-c", dir}, args...)...)
		cmd.Env = testenv.ProgramEnv(reference)
		if out, err := cmd.CombinedOutput(); err != nil {
			log, _ := os.ReadFile(filepath.Join(dir, "log"))
			t.Fatalf("fail2ban-client %v: %v\n%s%s", args, err, out, log)
		}
	}
	client("start")
	client("set", "j", "banip", "192.0.2.1")
	client("set", "j", "banip", "2001:db8::1")
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if banned = ns.Run(t, "nft", "list", "ruleset"); strings.Contains(banned, "2001:db8::1 }") {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the reference does not ban:\n%s", banned)
		}
	}
	client("stop")
	return banned, ns.Run(t, "nft", "list", "ruleset")
}

// alike takes the listed differences out of a ruleset: the flags of the sets
// and the time-outs.
func alike(rules string) string {
	rules = regexp.MustCompile(`(?m)^\t\tflags .*\n`).ReplaceAllString(rules, "")
	return regexp.MustCompile(` timeout \S+ expires \S+`).ReplaceAllString(rules, "")
}

func TestRulesetsAreThoseOfTheReference(t *testing.T) {
	variants := rulesetVariants
	if !testenv.Full() {
		variants = variants[:2]
	}
	for _, params := range variants {
		t.Run(strings.Join(params, " "), func(t *testing.T) {
			theirs, theirEnd := referenceRulesets(t, params)
			b, ns := newNativeBench(t)
			b.native("nftables", params...)
			b.start()
			one, two := fresh("192.0.2.1"), fresh("2001:db8::1")
			for _, r := range b.job(Ban, []*ticket.Ticket{one, two}...) {
				if r.Err != nil {
					t.Error(r.Err)
				}
			}
			if st := b.set.Status(); !st[0].Native {
				t.Errorf("not native: %s", st[0].Why)
			}
			ours := ns.Run(t, "nft", "list", "ruleset")
			if diff := cmp.Diff(alike(theirs), alike(ours)); diff != "" {
				t.Errorf("theirs -, ours +\n%s", diff)
			}
			b.stop(Lift, one, two)
			if ourEnd := ns.Run(t, "nft", "list", "ruleset"); ourEnd != theirEnd {
				t.Errorf("after the stop, theirs\n%s\nours\n%s", theirEnd, ourEnd)
			}
		})
	}
}
