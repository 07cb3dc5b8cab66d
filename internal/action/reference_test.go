package action

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"stockade/internal/clock"
	"stockade/internal/ipaddr"
	"stockade/internal/logbook"
	"stockade/internal/testenv"
	"stockade/internal/ticket"
)

// driver runs scenarios with the reference's own action class and prints, for
// each, what the commands wrote, what was logged and what failed.
const driver = `
import json, logging, re, sys
from fail2ban.server.action import CommandAction
from fail2ban.server.actions import Actions
from fail2ban.server.jail import Jail
from fail2ban.server.ticket import BanTicket
lines = []
class Keep(logging.Handler):
    def emit(self, r):
        lines.append("%s %s" % (r.levelname, r.getMessage()))
top = logging.getLogger("fail2ban")
top.addHandler(Keep())
top.setLevel(logging.DEBUG)
top.propagate = False
out = []
for sc in json.load(sys.stdin):
    jail = Jail("j", backend="polling")
    jail.actions.add("x")
    a = jail.actions["x"]
    for k, v in sc["Props"]:
        setattr(a, k, v)
    del lines[:]
    errors = []
    for op in sc["Ops"]:
        name, _, arg = op.partition(" ")
        info = None
        try:
            if name in ("ban", "unban", "reban", "prolong"):
                t = BanTicket(arg, 1795334628.25, sc["Matches"] or [], sc["Fields"] or {})
                t.setAttempt(3); t.setBanCount(1); t.setBanTime(600)
                info = Actions.ActionInfo(t, jail)
                getattr(a, name)(info)
            elif name == "check":
                a.consistencyCheck()
            elif name == "set":
                k, _, v = arg.partition(" ")
                setattr(a, k, v)
            else:
                getattr(a, name)()
        except Exception as e:
            if info is None:
                errors.append(str(e))
            else:
                errors.append("Failed to execute %s jail '%s' action '%s' info '%r': %s" % (name, "j", "x", info, e))
    try:
        trace = open(sc["Trace"]).read()
    except OSError:
        trace = ""
    out.append({"Trace": trace, "Logs": lines[:], "Errors": errors})
json.dump(out, sys.stdout)
`

// scenario is a list of operations on one command action.
type scenario struct {
	Name    string
	Props   [][2]string
	Ops     []string
	Matches []string
	Fields  map[string]string
	Trace   string
	// Differs says why the result is another one on purpose.
	Differs string `json:"-"`
	// want replaces the reference's trace where Differs is set.
	want string
}

type sequence struct{ Trace, Errors, Logs string }

func props(pairs ...string) (out [][2]string) {
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, [2]string{pairs[i], pairs[i+1]})
	}
	return out
}

// traced is an action that writes what it does, with texts that differ by
// family.
func traced(more ...string) [][2]string {
	p := props(
		"actionstart", "echo start '<family>' <v> >> $T", "actionstop", "echo stop '<family>' <v> >> $T",
		"actionban", "echo ban <ip> <family> <v> >> $T", "actionunban", "echo unban <ip> <family> <v> >> $T")
	return append(p, props(more...)...)
}

func scenarios() []scenario {
	const v6 = "v?family=inet6"
	return []scenario{
		{Name: "unconditional", Props: traced("v", "4"), Ops: []string{"start", "ban 192.0.2.1", "ban 2001:db8::1", "ban some-user", "unban 192.0.2.1", "reload", "check", "stop", "stop"}},
		{Name: "conditional", Props: traced("v", "4", v6, "6"), Ops: []string{"start", "ban 192.0.2.1", "ban 192.0.2.2", "ban 2001:db8::1", "unban 192.0.2.1", "unban 2001:db8::1", "stop"}},
		{Name: "conditional, one family", Props: traced("v", "4", v6, "6"), Ops: []string{"start", "unban 192.0.2.1", "ban 2001:db8::1", "stop"}},
		{Name: "conditional, nothing banned", Props: traced("v", "4", v6, "6"), Ops: []string{"start", "unban 192.0.2.1", "flush", "check", "stop"}},
		{Name: "raw ID starts all families", Props: traced("v", "4", v6, "6"), Ops: []string{"start", "ban some-user", "ban 192.0.2.1", "unban some-user", "stop"}},
		{Name: "on demand switched off", Props: traced("v", "4", v6, "6", "actionstart_on_demand", ""), Ops: []string{"start", "ban 192.0.2.1", "stop"}},
		{Name: "on demand switched on", Props: traced("v", "4", "actionstart_on_demand", "1"), Ops: []string{"start", "ban 192.0.2.1", "ban 2001:db8::1", "stop"}},
		{Name: "families named", Props: traced("v", "4", v6, "6", "actionstart_on_demand", "", "families", "inet6"), Ops: []string{"start", "ban 192.0.2.1", "stop"}},
		{Name: "same start text", Props: props("actionstart", "echo start >> $T", "actionstop", "echo stop >> $T", "actionban", "echo <v> >> $T", "v", "4", v6, "6"), Ops: []string{"start", "ban 192.0.2.1", "ban 2001:db8::1", "stop"}},
		{Name: "start fails on demand", Props: props("actionstart", "echo start >> $T; false", "actionban", "echo ban >> $T", "v", "", v6, "6"), Ops: []string{"start", "ban 192.0.2.1", "unban 192.0.2.1", "stop"}},
		{Name: "start fails at once", Props: props("actionstart", "echo start >> $T; false", "actionstop", "echo stop >> $T", "actionban", "echo ban >> $T", "actionunban", "echo unban >> $T"), Ops: []string{"start", "ban 192.0.2.1", "unban 192.0.2.1", "stop"}},
		{Name: "failing ban without check", Props: props("actionban", "echo ban >> $T; false", "actionunban", "echo unban >> $T"), Ops: []string{"start", "ban 192.0.2.1", "unban 192.0.2.1", "stop"}},
		{Name: "failing unban without check", Props: props("actionban", "true", "actionunban", "echo unban >> $T; exit 3"), Ops: []string{"ban 192.0.2.1", "unban 192.0.2.1"}},
		{Name: "check succeeds", Props: props("actionban", "echo ban >> $T; false", "actioncheck", "echo check >> $T"), Ops: []string{"start", "ban 192.0.2.1"}},
		{Name: "check fails for good", Props: traced("v", "4", "actionban", "echo ban >> $T; false", "actioncheck", "echo check '<family>' >> $T; false"), Ops: []string{"start", "ban 192.0.2.1", "stop"}},
		{Name: "check fails, conditional", Props: traced("v", "4", v6, "6", "actionban", "echo ban >> $T; false", "actioncheck", "echo check '<family>' <v> >> $T; false"), Ops: []string{"start", "ban 2001:db8::1", "stop"}},
		{Name: "stop and start repair", Props: props("actionstart", "echo start >> $T; touch $T.ok", "actionstop", "echo stop >> $T", "actionban", "echo ban >> $T; test -e $T.ok", "actioncheck", "echo check >> $T; test -e $T.ok"), Ops: []string{"ban 192.0.2.1", "ban 192.0.2.2", "stop"}},
		{Name: "actionrepair repairs", Props: traced("v", "4", "actionban", "echo ban >> $T; test -e $T.ok", "actioncheck", "echo check >> $T; test -e $T.ok", "actionrepair", "echo repair '<family>' >> $T; touch $T.ok"), Ops: []string{"start", "ban 192.0.2.1", "stop"}},
		{Name: "actionrepair fails", Props: traced("v", "4", "actionban", "echo ban >> $T; false", "actioncheck", "echo check >> $T; false", "actionrepair", "echo repair >> $T; false"), Ops: []string{"start", "ban 192.0.2.1", "stop"}},
		{Name: "unban is not repaired", Props: traced("v", "4", "actionunban", "echo unban >> $T; false", "actioncheck", "echo check >> $T; false"), Ops: []string{"start", "ban 192.0.2.1", "unban 192.0.2.1", "stop"}},
		{Name: "unban is repaired where that is allowed", Props: traced("v", "4", "actionunban", "echo unban >> $T; false", "actioncheck", "echo check >> $T; false", "actionrepair_on_unban", "1"), Ops: []string{"start", "ban 192.0.2.1", "unban 192.0.2.1", "stop"}},
		{Name: "flush", Props: traced("v", "4", v6, "6", "actionflush", "echo flush '<family>' <v> >> $T"), Ops: []string{"ban 192.0.2.1", "ban 2001:db8::1", "flush", "unban 192.0.2.1", "flush", "ban 192.0.2.2", "stop"}},
		{Name: "flush, same text", Props: traced("v", "4", v6, "6", "actionflush", "echo flush >> $T"), Ops: []string{"ban 192.0.2.1", "ban 2001:db8::1", "flush"}},
		{Name: "failing flush", Props: traced("v", "4", "actionflush", "echo flush >> $T; false", "actioncheck", "echo check >> $T; false"), Ops: []string{"start", "ban 192.0.2.1", "flush", "unban 192.0.2.1"}},
		{Name: "consistency check", Props: traced("v", "4", v6, "6", "actioncheck", "echo check '<family>' <v> >> $T; false"), Ops: []string{"check", "ban 192.0.2.1", "ban 2001:db8::1", "check", "stop"}},
		{Name: "reban", Props: traced("v", "4", "actionreban", "echo reban <ip> >> $T"), Ops: []string{"ban 192.0.2.1", "reban 192.0.2.1"}},
		{Name: "reban without its own command", Props: traced("v", "4"), Ops: []string{"ban 192.0.2.1", "reban 192.0.2.1"}},
		{Name: "failing reban", Props: traced("v", "4", "actionreban", "false"), Ops: []string{"reban 192.0.2.1"}},
		{Name: "prolong", Props: traced("v", "4", "actionprolong", "echo prolong <ip> <bantime> >> $T"), Ops: []string{"ban 192.0.2.1", "prolong 192.0.2.1"}},
		{Name: "reload", Props: traced("v", "4", v6, "6", "actionreload", "echo reload '<family>' <v> >> $T"), Ops: []string{"reload", "ban 192.0.2.1", "ban 2001:db8::1", "reload"}},
		{Name: "tags of start", Props: props("actionstart", "echo \"<ip>|<fid>|<family>|<failures>|<bantime>|<bancount>|<matches>|<restored>|<F-USER>|<jail.name>|<jail.banned>|<name>\" >> $T", "actionstop", "echo '<ip-rev>|<bantime>' >> $T"), Ops: []string{"start", "stop"}},
		{Name: "tags of ban", Props: props("actionban", "echo '<ip>|<fid>|<family>|<ip-rev>|<failures>|<time>|<bantime>|<bancount>|<restored>|<F-USER>|<F-ID>|<F-NONE>|<nosuch>|<jail.name>|<jail.found_total>|<jail.nosuch>|<raw-ticket>' \"<matches>\" >> $T"), Ops: []string{"ban 192.0.2.1", "ban 2001:db8::1", "ban 198.51.100.0/24", "ban some-user"}, Fields: map[string]string{"user": "root", "fid": "abc"}},
		{Name: "tags of check", Props: props("actionban", "false", "actioncheck", "echo \"<ip>|<family>|<failures>|<F-USER>|<br>|<sp>|<name>\" >> $T; false", "actionrepair", "echo \"<ip>|<family>\" >> $T; false"), Ops: []string{"ban 192.0.2.1"}},
		{Name: "untrusted values", Props: props("actionban", "printf '%s\\n' \"<F-USER>\" \"<matches>\" '<F-OK>' \"<ip>\" >> $T; false"), Ops: []string{"ban 192.0.2.1"}, Matches: []string{"a $(reboot) `id`", "b \"c\" 'd' \\"}, Fields: map[string]string{"user": "x;y|z", "ok": "a b=c!%é"}},
		{Name: "recursive tags", Props: props("actionban", "<do>", "do", "echo <a> <known/a> <<pre>b> >> $T", "a", "1<b>", "b", "2", "pre", "a", "ab", "3", "known/a", "k"), Ops: []string{"ban 192.0.2.1"}},
		{Name: "self reference", Props: props("actionban", "echo <a>", "a", "<b>", "b", "<a>"), Ops: []string{"ban 192.0.2.1"}},
		{Name: "static matches are escaped", Props: props("actionban", "echo <matches> >> $T", "matches", "a;b"), Ops: []string{"ban 192.0.2.1"}},
		{Name: "a property hides the ticket's value", Props: props("actionban", "echo <family> >> $T", "family", "ipv4", "family?family=inet6", "ipv6"), Ops: []string{"ban 192.0.2.1", "ban 2001:db8::1"}},
		{Name: "hidden property", Props: props("actionban", "echo '<_x>' <y> >> $T", "_x", "1", "y", "z<_x>"), Ops: []string{"ban 192.0.2.1"}},
		{Name: "conditional command", Props: props("actionban", "echo four >> $T", "actionban?family=inet6", "echo six >> $T"), Ops: []string{"ban 192.0.2.1", "ban 2001:db8::1"}},
		{Name: "output and codes", Props: props("actionban", "echo out; echo err >&2; echo \"it's\"; exit 7"), Ops: []string{"ban 192.0.2.1"}},
		{Name: "output of success", Props: props("actionban", "echo out; echo err >&2"), Ops: []string{"ban 192.0.2.1"}},
		{Name: "raw IDs, unconditional, on demand", Props: traced("v", "4", "actionstart_on_demand", "1", "actioncheck", "echo check '<family>' >> $T"), Ops: []string{"start", "ban some-user", "check", "unban some-user", "stop"}},
		{Name: "command not found", Props: props("actionban", "/nosuch/program"), Ops: []string{"ban 192.0.2.1"}, Differs: "the hint is in our own words"},
		{Name: "killed", Props: props("actionban", "kill -15 $$"), Ops: []string{"ban 192.0.2.1"}},
		{Name: "code of a signal", Props: props("actionban", "exit 143"), Ops: []string{"ban 192.0.2.1"}},
		{Name: "several statements", Props: props("actionban", "false\necho one >> $T\n\necho two >> $T"), Ops: []string{"ban 192.0.2.1"}},
		{Name: "changed between", Props: props("actionban", "echo <v> >> $T", "v", "1"), Ops: []string{"ban 192.0.2.1", "set v 2", "ban 192.0.2.1"}},
	}
}

// ourRun plays a scenario with our action.
func ourRun(t *testing.T, sc scenario) sequence {
	env := &Env{
		Jail: "j", Clock: clock.NewManual(time.Unix(1795334628, 0)), Locks: NewLocks(),
		Bantime: func() int64 { return 600 },
	}
	epoch := 0
	c := newCommand(env, "x", "x", newProperties(), func() int { epoch++; return epoch })
	for _, p := range sc.Props {
		if err := c.props.set(p[0], p[1]); err != nil {
			t.Fatal(err)
		}
	}
	var logs []logbook.Record
	var errs []string
	for _, op := range sc.Ops {
		name, arg, _ := strings.Cut(op, " ")
		tick := &ticket.Ticket{
			ID: ipaddr.Parse(arg), Time: time.Unix(1795334628, 250e6), Failures: 3, BanCount: 1, Bantime: 600, HasBantime: true,
		}
		for _, m := range sc.Matches {
			tick.Matches = append(tick.Matches, ticket.Match{After: m, Joined: true})
		}
		for _, name := range slices.Sorted(maps.Keys(sc.Fields)) {
			tick.Fields.Set(name, sc.Fields[name])
		}
		var err error
		switch name {
		case "ban":
			err = c.ban(tick, "actionban", &logs)
		case "reban":
			err = c.reban(tick, &logs)
		case "prolong":
			err = c.prolong(tick, &logs)
		case "unban":
			err = c.unban(tick, &logs)
		case "start":
			err = c.start(&logs)
		case "stop":
			err = c.stop(&logs)
		case "flush":
			err = c.flush(&logs)
		case "reload":
			err = c.reload(&logs)
		case "check":
			_ = c.checkAll(false, &logs)
		case "set":
			k, v, _ := strings.Cut(arg, " ")
			err = c.props.set(k, v)
		}
		if err != nil {
			errs = append(errs, err.Error())
		}
	}
	var lines []string
	for _, r := range logs {
		lines = append(lines, r.Level.String()+" "+r.Text)
	}
	trace, _ := os.ReadFile(sc.Trace)
	return sequence{string(trace), addresses(strings.Join(errs, "\n")), comparable(lines, sc.Trace)}
}

func addresses(text string) string {
	return regexp.MustCompile(` at 0x[0-9a-f]+`).ReplaceAllString(text, "")
}

// comparable takes the numbers of objects and the folder out of log lines, and
// what the two programs say only for debugging.
func comparable(lines []string, trace string) string {
	hex := regexp.MustCompile(`^(\w+) [0-9a-f]+ -- `)
	var out []string
	for _, line := range lines {
		if strings.HasPrefix(line, "DEBUG   Set ") || strings.HasPrefix(line, "DEBUG Reset") {
			continue
		}
		line = hex.ReplaceAllString(line, "$1 ID -- ")
		out = append(out, strings.ReplaceAll(line, trace, "TRACE"))
	}
	return strings.Join(out, "\n")
}

func TestCommandActionsDoWhatTheReferenceDoes(t *testing.T) {
	testenv.Reference(t)
	list := scenarios()
	dirs := [2]string{t.TempDir(), t.TempDir()}
	input := make([]scenario, len(list))
	for i, sc := range list {
		input[i] = withTrace(sc, filepath.Join(dirs[0], fmt.Sprint(i)))
	}
	stdin, err := json.Marshal(input)
	if err != nil {
		t.Fatal(err)
	}
	stdout := testenv.Output(t, testenv.ReferenceCommand(t, "-c", driver), string(stdin))
	var results []struct {
		Trace        string
		Logs, Errors []string
	}
	if err := json.Unmarshal([]byte(stdout), &results); err != nil {
		t.Fatal(err)
	}
	for i, sc := range list {
		t.Run(sc.Name, func(t *testing.T) {
			theirs := sequence{results[i].Trace, addresses(strings.Join(results[i].Errors, "\n")), comparable(results[i].Logs, input[i].Trace)}
			ours := ourRun(t, withTrace(sc, filepath.Join(dirs[1], fmt.Sprint(i))))
			diff := cmp.Diff(theirs, ours)
			if diff != "" && sc.Differs == "" {
				t.Errorf("theirs -, ours +\n%s", diff)
			}
			if sc.Differs != "" && ours.Trace != sc.want {
				t.Errorf("%s: trace %q, want %q", sc.Differs, ours.Trace, sc.want)
			}
		})
	}
}

// withTrace puts the trace file into a scenario's commands.
func withTrace(sc scenario, trace string) scenario {
	sc.Trace = trace
	list := make([][2]string, len(sc.Props))
	for i, p := range sc.Props {
		list[i] = [2]string{p[0], strings.ReplaceAll(p[1], "$T", trace)}
	}
	sc.Props = list
	return sc
}
