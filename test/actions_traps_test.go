package acceptance

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"stockade/internal/testenv"
)

// actionTrap is one of the known traps of Fail2ban's actions, by its number in
// the specification of configuration and actions.
type actionTrap struct {
	number int
	name   string
	// files are actions by name; they write what happens to DIR/trace.
	files map[string]string
	// jail is what the jail says besides the usual.
	jail string
	do   func(t *testing.T, in *instance)
	// want is the trace; theirs, where we differ on purpose, the reference's.
	want, theirs string
	// long ones wait for time-outs.
	long bool
}

const tracedAction = `[Definition]
actionstart = echo NAME start >> DIR/trace
actionstop = echo NAME stop >> DIR/trace
actionban = echo "NAME ban <ip>" >> DIR/trace
actionunban = echo "NAME unban <ip>" >> DIR/trace
`

// traced is an action that writes what happens, with more lines.
func tracedText(name, more string) string {
	return strings.ReplaceAll(tracedAction, "NAME", name) + more
}

func say(t *testing.T, in *instance, words ...string) {
	t.Helper()
	in.ask(t, words...)
}

// restart stops the server and starts it again with the same database.
func (in *instance) restart(t *testing.T) {
	t.Helper()
	in.ask(t, "stop")
	in.gone(t)
	in.start(t)
}

func actionTraps() []actionTrap {
	broken := "actionban = echo \"ban <ip>\" >> DIR/trace; false\nactionunban = echo \"unban <ip>\" >> DIR/trace\n"
	return []actionTrap{
		{
			number: 16, name: "the check does not run before bans", long: true,
			files: map[string]string{"a": `[Definition]
actionstart = echo start >> DIR/trace; touch DIR/sound
actionstop = echo stop >> DIR/trace
actioncheck = echo check >> DIR/trace; test -e DIR/sound
actionban = echo "ban <ip>" >> DIR/trace
`},
			jail: "action = a",
			do: func(t *testing.T, in *instance) {
				say(t, in, "set", "j", "banip", "192.0.2.1")
				in.traceHas(t, "ban 192.0.2.1\n")
				in.netn.Run(t, "rm", in.path("sound"))
				say(t, in, "set", "j", "banip", "192.0.2.2")
				in.traceHas(t, "ban 192.0.2.2\n")
				// Three seconds after the ban, the address turns up again.
				if !until(20*time.Second, func() bool {
					say(t, in, "set", "j", "banip", "192.0.2.1")
					return strings.Count(in.trace(), "ban 192.0.2.1") == 2
				}) {
					t.Errorf("never banned anew:\n%s", in.trace())
				}
			},
			want: "start\nban 192.0.2.1\nban 192.0.2.2\ncheck\nstop\nstart\ncheck\ncheck\nban 192.0.2.1\nstop\n",
		},
		{
			number: 17, name: "a failing command without a check runs twice",
			files: map[string]string{"a": "[Definition]\n" + broken}, jail: "action = a",
			do: func(t *testing.T, in *instance) {
				say(t, in, "set", "j", "banip", "192.0.2.1")
				in.logHas(t, "Failed to execute ban jail 'j' action 'a'")
			},
			want: "ban 192.0.2.1\nban 192.0.2.1\n",
		},
		{
			number: 17, name: "time-outs double, too", long: true,
			files: map[string]string{"a": "[Definition]\nactionban = echo x >> DIR/trace; sleep 1000\n[Init]\ntimeout = 1\n"}, jail: "action = a",
			do: func(t *testing.T, in *instance) {
				say(t, in, "set", "j", "banip", "192.0.2.1")
				in.logHas(t, "Failed to execute ban jail 'j' action 'a'")
			},
			want: "x\nx\n",
		},
		{
			number: 18, name: "unban is skipped where no ban worked",
			files: map[string]string{"a": "[Definition]\n" + broken}, jail: "action = a",
			do: func(t *testing.T, in *instance) {
				say(t, in, "set", "j", "banip", "192.0.2.1")
				in.logHas(t, "Failed to execute ban jail 'j' action 'a'")
				say(t, in, "set", "j", "unbanip", "192.0.2.1")
				in.logHas(t, "[j] Unban 192.0.2.1")
			},
			want: "ban 192.0.2.1\nban 192.0.2.1\n",
		},
		{
			number: 19, name: "on demand depends on parameters that differ by family",
			files: map[string]string{"a": tracedText("a", ""), "b": tracedText("b", "[Init]\nv = 4\n[Init?family=inet6]\nv = 6\n")}, jail: "action = a\n  b",
			do:   func(*testing.T, *instance) {},
			want: "a start\na stop\n",
		},
		{
			number: 20, name: "untrusted values become variables, harmless ones are pasted",
			files: map[string]string{"a": "[Definition]\nactionban = echo \"<F-USER>\" '<F-USER>' \"[<F-NONE>]\" '<nosuch>' >> DIR/trace\n", "../filter.d/j": "[Definition]\nfailregex = ^\\s*user <F-USER>.+</F-USER> from <HOST>$\n"},
			jail:  "action = a\nfilter = j\nmaxretry = 1",
			do: func(t *testing.T, in *instance) {
				for i, user := range []string{"a;b", "a b", "$(touch DIR/owned)`id`"} {
					in.append(t, "empty", fmt.Sprintf("%s user %s from 192.0.2.%d\n", time.Now().Format(time.DateTime), user, i+1))
					in.logHas(t, fmt.Sprintf("[j] Ban 192.0.2.%d", i+1))
				}
			},
			want: "a;b $f2bV_F_user [] <nosuch>\na b a b [] <nosuch>\n$(touch DIR/owned)`id` $f2bV_F_user [] <nosuch>\n",
		},
		{
			number: 21, name: "names and families that are not there are None, times have fractions",
			files: map[string]string{"a": "[Definition]\nactionban = echo \"<ip> host=<ip-host> family=<family> fractions=$(echo '<time>' | grep -c '[.]')\" >> DIR/trace\n"}, jail: "action = a",
			do: func(t *testing.T, in *instance) {
				say(t, in, "set", "j", "banip", "192.0.2.1")
				in.traceHas(t, "192.0.2.1")
				say(t, in, "set", "j", "banip", "user@x")
				in.traceHas(t, "user@x")
				say(t, in, "set", "j", "unbanip", "user@x")
				in.restart(t)
				in.traceHas(t, "fractions=0")
			},
			want: "192.0.2.1 host=None family=inet4 fractions=1\nuser@x host=None family=None fractions=1\n192.0.2.1 host=None family=inet4 fractions=0\n",
		},
		{
			number: 22, name: "a reload with an added action",
			files: map[string]string{"a": tracedText("a", ""), "b": tracedText("b", "")}, jail: "action = a",
			do: func(t *testing.T, in *instance) {
				say(t, in, "set", "j", "banip", "192.0.2.1")
				in.traceHas(t, "a ban 192.0.2.1")
				in.write(t, "etc/jail.local", trapJail("action = a\n  b"))
				say(t, in, "reload")
				names := in.ask(t, "get", "j", "actions")
				in.netn.Run(t, "sh", "-c", "echo '"+strings.TrimSpace(names[strings.LastIndex(strings.TrimSpace(names), "\n")+1:])+"' >> "+in.path("trace"))
			},
			want:   "a start\na ban 192.0.2.1\nb start\nb ban 192.0.2.1\na, b\na unban 192.0.2.1\nb unban 192.0.2.1\nb stop\na stop\n",
			theirs: "a start\na ban 192.0.2.1\na\na unban 192.0.2.1\na stop\n",
		},
		{
			number: 23, name: "a stop flushes instead of unbanning, and goes backwards",
			files: map[string]string{"a": tracedText("a", ""), "b": tracedText("b", "actionflush = echo b flush >> DIR/trace\n")}, jail: "action = a\n  b",
			do: func(t *testing.T, in *instance) {
				say(t, in, "set", "j", "banip", "192.0.2.1")
				in.traceHas(t, "b ban 192.0.2.1")
				say(t, in, "set", "j", "banip", "192.0.2.2")
				in.traceHas(t, "b ban 192.0.2.2")
			},
			want: "a start\nb start\na ban 192.0.2.1\nb ban 192.0.2.1\na ban 192.0.2.2\nb ban 192.0.2.2\nb flush\na unban 192.0.2.1\na unban 192.0.2.2\nb stop\na stop\n",
		},
		{
			number: 24, name: "restored bans run the ban command unless it wants none",
			files: map[string]string{
				"a": "[Definition]\nactionban = echo \"a <ip> <restored>\" >> DIR/trace\n",
				"c": "[Definition]\nnorestored = 1\nactionban = echo \"c <ip> <restored>\" >> DIR/trace\n",
			},
			jail: "action = c\n  a",
			do: func(t *testing.T, in *instance) {
				say(t, in, "set", "j", "banip", "192.0.2.1")
				in.traceHas(t, "a 192.0.2.1 0")
				in.traceHas(t, "c 192.0.2.1 0")
				in.restart(t)
				in.traceHas(t, "a 192.0.2.1 1")
			},
			want: "a 192.0.2.1 0\na 192.0.2.1 1\nc 192.0.2.1 0\n",
		},
		{
			number: 25, name: "options of the jail are tags, its own variables are not",
			files: map[string]string{"a": "[Definition]\nactionban = echo \"<maxretry> <port>\" >> DIR/trace\n[Init]\nport = own\n"}, jail: "action = a\nmaxretry = 7\nport = 99",
			do: func(t *testing.T, in *instance) {
				say(t, in, "set", "j", "banip", "192.0.2.1")
				in.traceHas(t, "own")
			},
			want: "7 own\n",
		},
		{
			number: 29, name: "large output", long: true,
			files: map[string]string{"a": "[Definition]\nactionban = echo x >> DIR/trace; head -c 200000 /dev/zero | tr '\\0' y\n[Init]\ntimeout = 3\n"}, jail: "action = a",
			do: func(t *testing.T, in *instance) {
				say(t, in, "set", "j", "banip", "192.0.2.1")
				in.traceHas(t, "x")
				say(t, in, "set", "j", "banip", "192.0.2.2")
				if in.name == "reference" {
					in.logHas(t, "timed out after 3 seconds")
					in.logHas(t, "Failed to execute ban jail 'j' action 'a'")
				}
				in.logHas(t, "[j] Ban 192.0.2.2")
			},
			want: "x\nx\n", theirs: "x\nx\nx\nx\n",
		},
	}
}

func trapJail(jail string) string {
	if !strings.Contains(jail, "filter") {
		jail += "\nfilter ="
	}
	return "[j]\nenabled = true\nbackend = polling\nlogpath = DIR/empty\nbantime = 600\n" + jail + "\n"
}

func (in *instance) trace() string { return lookFile("trace")(nil, in) }

func (in *instance) traceHas(t *testing.T, text string) {
	t.Helper()
	if !until(20*time.Second, func() bool { return strings.Contains(in.trace(), text) }) {
		t.Errorf("%s does not write %q:\n%s\n%s", in.name, text, in.trace(), short(in.log()))
	}
}

func (in *instance) logHas(t *testing.T, text string) {
	t.Helper()
	if !until(20*time.Second, func() bool { return strings.Contains(in.log(), text) }) {
		t.Errorf("%s does not log %q:\n%s", in.name, text, short(in.log()))
	}
}

// TestTrapsOfActions tries the traps; in the long form with the reference, too.
func TestTrapsOfActions(t *testing.T) {
	for _, tt := range actionTraps() {
		subjects := []subject{stockade(t)}
		if testenv.Full() {
			subjects = append(subjects, reference(t))
		}
		if tt.long && !testenv.Full() {
			continue
		}
		for _, s := range subjects {
			t.Run(fmt.Sprintf("Trap%02d %s, %s", tt.number, tt.name, s.name), func(t *testing.T) { tt.try(t, s) })
		}
	}
}

func (tt actionTrap) try(t *testing.T, s subject) {
	t.Parallel()
	in := place(t, s, testenv.NewNetns(t), trapJail(tt.jail))
	in.write(t, "empty", "")
	for name, text := range tt.files {
		in.write(t, "etc/action.d/"+name+".conf", text)
	}
	in.start(t)
	tt.do(t, in)
	in.ask(t, "stop")
	in.gone(t)
	want := tt.want
	if s.name == "reference" && tt.theirs != "" {
		want = tt.theirs
	}
	got := in.trace()
	if got == "(none)" {
		got = ""
	}
	if tt.number == 24 {
		// Reports have a queue of their own.
		got = sortedLines(got) + "\n"
	}
	if got != want {
		t.Errorf("%s: trace\n%swant\n%s\n%s", s.name, got, want, short(in.log()))
	}
	if lookFile("owned")(t, in) != "(none)" {
		t.Error("captured text was executed")
	}
}
