package action

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"stockade/internal/mail/mailtest"
	"stockade/internal/pyobj"
	"stockade/internal/testenv"
	"stockade/internal/ticket"
)

// traceClass is a class that writes what it is told into a file.
const traceClass = `
from fail2ban.server.actions import ActionBase
import os, time
class Action(ActionBase):
    def __init__(self, jail, name, trace, v="1"):
        super().__init__(jail, name)
        self.trace, self.v = trace, v
        self.say("init", v)
    def say(self, *words):
        with open(self.trace, "a") as f: print(*words, file=f)
    def start(self): self.say("start")
    def stop(self): self.say("stop")
    def ban(self, info): self.say("ban", info["ip"], info["failures"], self.v)
    def unban(self, info): self.say("unban", info["ip"])
`

func (b *bench) class(text string) (file string) {
	b.t.Helper()
	testenv.Need(b.t, "python3")
	file = filepath.Join(filepath.Dir(b.trace), "own.py")
	writeText(b.t, file, text)
	return file
}

// python adds a Python action and waits until it is there.
func (b *bench) python(name, file, params string) error {
	b.t.Helper()
	done := make(chan error, 1)
	params = strings.ReplaceAll(params, "$T", b.trace)
	if err := b.set.AddPython(name, file, params, &Source{Name: filepath.Base(file)}, func(err error) { done <- err }); err != nil {
		return err
	}
	return <-done
}

func (b *bench) mustPython(name, text, params string) {
	b.t.Helper()
	if err := b.python(name, b.class(text), params); err != nil {
		b.t.Fatal(err)
	}
}

func TestPythonActionDoesWhatItsClassSays(t *testing.T) {
	b := newBench(t)
	b.mustPython("own", traceClass, `{"trace": "$T"}`)
	b.start()
	one := tick("192.0.2.1")
	one.Failures = 3
	b.job(Ban, one, tick("2001:db8::1"))
	b.job(Reban, one)
	b.job(Prolong, one)
	b.job(Unban, one)
	if st := b.set.Status()[0]; st.Native || st.Report || !strings.Contains(st.Why, "Python class") {
		t.Errorf("%+v", st)
	}
	b.stop(Lift, tick("2001:db8::1"))
	b.wantTrace("init 1\nstart\nban 192.0.2.1 3 1\nban 2001:db8::1 0 1\nunban 192.0.2.1\nunban 2001:db8::1\nstop\n")
}

func TestPythonActionThatFlushesLiftsNothingOneByOne(t *testing.T) {
	b := newBench(t)
	b.mustPython("own", traceClass+"    def flush(self): self.say('flush')\n", `{"trace": "$T"}`)
	b.job(Ban, tick("192.0.2.1"))
	b.stop(Lift, tick("192.0.2.1"))
	b.wantTrace("init 1\nban 192.0.2.1 0 1\nflush\nstop\n")
	b.wantLog("[j] Flush ticket(s) with own")
}

func TestPythonActionWithNorestoredIsAReport(t *testing.T) {
	b := newBench(t)
	b.mustPython("own", traceClass+"    norestored = 1\n    _prolongable = True\n    def prolong(self, info): self.say('prolong', info['ip'])\n", `{"trace": "$T"}`)
	restored := tick("192.0.2.2")
	restored.Restored = true
	b.job(Ban, tick("192.0.2.1"), restored)
	b.job(Prolong, tick("192.0.2.1"))
	if st := b.set.Status()[0]; !st.Report {
		t.Errorf("%+v", st)
	}
	b.stop(Lift)
	b.wantTrace("init 1\nban 192.0.2.1 0 1\nprolong 192.0.2.1\nstop\n")
}

func TestExceptionsOfPythonActionsReachTheLog(t *testing.T) {
	b := newBench(t)
	b.mustPython("own", `
from fail2ban.server.actions import ActionBase
class Action(ActionBase):
    def start(self): raise ValueError("no start")
    def stop(self): raise ValueError("no stop")
    def ban(self, info): raise ValueError("no ban")
    def unban(self, info): raise ValueError("no unban")
`, "{}")
	b.start()
	if r := b.job(Ban, tick("192.0.2.1")); r[0].Err == nil {
		t.Error("a ban that failed is none")
	}
	b.job(Unban, tick("192.0.2.1"))
	b.stop(Lift)
	b.wantLog("Failed to start jail 'j' action 'own': no start")
	b.wantLog("Failed to execute ban jail 'j' action 'own' info 'ActionInfo({'ip': '192.0.2.1'", "Traceback")
	b.wantLog("Failed to execute unban jail 'j' action 'own' info 'ActionInfo({'ip': '192.0.2.1'")
	b.wantLog("Failed to stop jail 'j' action 'own': no stop")
}

func TestPythonActionThatCannotBeMadeIsNotThere(t *testing.T) {
	b := newBench(t)
	b.action("wall", "actionban", "echo <ip> >> $T")
	for text, want := range map[string]string{
		"x = 1":   "does not have 'Action' class",
		"1/0":     "division by zero",
		"def x(:": "invalid syntax",
	} {
		err := b.python("own", b.class(text), "{}")
		if e := (*pyobj.Exception)(nil); !errors.As(err, &e) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
	if err := b.python("own", "/nosuch/own.py", "{}"); err == nil || !strings.Contains(err.Error(), "No such file or directory: '/nosuch/own.py'") {
		t.Error(err)
	}
	if err := b.python("wall", b.class(traceClass), "{}"); err == nil || err.Error() != "Action wall already exists" {
		t.Error(err)
	}
	b.job(Ban, tick("192.0.2.1"))
	b.wantTrace("192.0.2.1\n")
	if names := b.set.Names(); len(names) != 1 {
		t.Error(names)
	}
}

func TestPythonActionAnswersClients(t *testing.T) {
	b := newBench(t)
	b.mustPython("own", traceClass+"    def hello(self, a=1): return [a, (2, None)]\n", `{"trace": "$T"}`)
	if names, err := b.set.Properties("own"); err != nil || strings.Join(names, " ") != "trace v" {
		t.Error(names, err)
	}
	if names, err := b.set.Methods("own"); err != nil || strings.Join(names, " ") != "ban hello reban say start stop unban" {
		t.Error(names, err)
	}
	set := func(prop string, value any) (any, error) {
		type answer struct {
			v   any
			err error
		}
		done := make(chan answer, 1)
		b.set.SetProperty("own", prop, value, func(v any, err error) { done <- answer{v, err} })
		a := <-done
		return a.v, a.err
	}
	if v, err := set("hello", `{"a": 5}`); err != nil || pyobj.Repr(v) != "[5, (2, None)]" {
		t.Error(v, err)
	}
	if _, err := set("hello", `{"zz": 5}`); err == nil || err.Error() != "Action.hello() got an unexpected keyword argument 'zz'" {
		t.Error(err)
	}
	if v, err := set("v", "2"); err != nil || v != "2" {
		t.Error(v, err)
	}
	if v, err := b.set.Property("own", "v"); err != nil || v != "2" {
		t.Error(v, err)
	}
	if _, err := b.set.Property("own", "nosuch"); err == nil || err.Error() != "'Action' object has no attribute 'nosuch'" {
		t.Error(err)
	}
	b.set.Quit()
}

// A class that crashes or hangs costs one ban, and the next one finds a new
// process with the same attributes.
func TestCrashedAndHangingClassesAreStartedAgain(t *testing.T) {
	for name, text := range map[string]string{
		"crash": "        if info['ip'] == '192.0.2.1': os.kill(os.getpid(), 9)\n",
		"hang":  "        if info['ip'] == '192.0.2.1':\n            while True: time.sleep(100)\n",
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.action("wall", "actionban", "true")
			b.mustPython("own", strings.Replace(traceClass, "    def ban(self, info): ", "    def ban(self, info):\n"+text+"        ", 1), `{"trace": "$T"}`)
			b.start()
			done := make(chan struct{})
			b.set.SetProperty("own", "v", "2", func(any, error) { close(done) })
			<-done
			e, err := b.set.find("own")
			if err != nil {
				t.Fatal(err)
			}
			if err := e.props.set("timeout", "1"); err != nil {
				t.Fatal(err)
			}
			results := b.job(Ban, tick("192.0.2.1"), tick("192.0.2.2"))
			if results[0].Err == nil || results[1].Err != nil {
				t.Errorf("%v, %v", results[0].Err, results[1].Err)
			}
			b.stop(Lift)
			b.wantTrace("init 1\nstart\ninit 1\nstart\nban 192.0.2.2 0 2\nstop\n")
			b.wantLog("has lost its Python process, a new one is started")
		})
	}
}

// A class that never returns keeps no ban out of the kernel or of other
// commands that come before it.
func TestHangingClassDelaysNoOtherAction(t *testing.T) {
	b := newBench(t)
	b.action("wall", "actionban", "echo <ip> >> $T")
	b.mustPython("own", strings.Replace(traceClass, "def ban(self, info):", "def ban(self, info):\n        time.sleep(1000)\n       ", 1), `{"trace": "$T.own"}`)
	b.set.Submit(Job{Kind: Ban, Tickets: []*ticket.Ticket{tick("192.0.2.1")}}, nil)
	eventually(t, "the command has run", func() bool { return b.text() == "192.0.2.1\n" })
	began := time.Now()
	b.set.Quit()
	if time.Since(began) > 20*time.Second {
		t.Error("the end waited for the class")
	}
}

func TestReloadOfPythonActions(t *testing.T) {
	withReload := traceClass + "    def reload(self, trace, v='1'):\n        self.v = v\n        self.say('reload', v)\n"
	for _, tt := range []struct {
		name, text, params, then, want string
	}{
		{"nothing changed", traceClass, `{"trace": "$T"}`, traceClass, "init 1\nban 192.0.2.1 0 1\nban 192.0.2.9 0 1\n"},
		{"new argument", traceClass, `{"trace": "$T", "v": "2"}`, traceClass, "init 1\nban 192.0.2.1 0 1\nunban 192.0.2.1\nstop\ninit 2\nstart\nban 192.0.2.1 0 2\nban 192.0.2.9 0 2\n"},
		{"new argument and a method for it", withReload, `{"trace": "$T", "v": "2"}`, withReload, "init 1\nban 192.0.2.1 0 1\nreload 2\nban 192.0.2.9 0 2\n"},
		{"new text", withReload, `{"trace": "$T"}`, withReload + "# new\n", "init 1\nban 192.0.2.1 0 1\nunban 192.0.2.1\nstop\ninit 1\nstart\nban 192.0.2.1 0 1\nban 192.0.2.9 0 1\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t)
			b.mustPython("own", tt.text, `{"trace": "$T"}`)
			b.job(Ban, tick("192.0.2.1"))
			b.set.BeginReload()
			b.mustPython("own", tt.then, tt.params)
			done := make(chan Result, 1)
			b.set.EndReload([]*ticket.Ticket{tick("192.0.2.1")}, func(r Result) { done <- r })
			if r := <-done; r.Err != nil {
				t.Error(r.Err)
			}
			b.job(Ban, tick("192.0.2.9"))
			b.wantTrace(tt.want)
			b.set.Quit()
		})
	}
}

func TestPythonActionsRunAsClassesWhereNativeIsOff(t *testing.T) {
	b := newBench(t)
	b.set.env.Native = false
	b.mustPython("own", traceClass, `{"trace": "$T"}`)
	b.job(Ban, tick("192.0.2.1"))
	b.wantTrace("init 1\nban 192.0.2.1 0 1\n")
	b.set.Quit()
}

// smtpBan plays start, ban and stop of an smtp.py and gives the mails.
func smtpBan(t *testing.T, params string, src *Source, file string) []mailtest.Received {
	t.Helper()
	sink := mailtest.NewSink(t, mailtest.Options{TLS: true, Login: "me:secret"})
	b := newBench(t)
	b.set.env.Bantime = func() int64 { return 600 }
	done := make(chan error, 1)
	err := b.set.AddPython("smtp", file, strings.ReplaceAll(params, "SINK", sink.Addr), src, func(err error) { done <- err })
	if err == nil {
		err = <-done
	}
	if err != nil {
		t.Fatal(err)
	}
	b.start()
	one := attack()
	restored := tick("192.0.2.2")
	restored.Restored = true
	b.job(Ban, one, restored)
	b.job(Unban, one)
	b.stop(Lift)
	if got := sink.Messages(); len(got) == 3 {
		return got
	}
	t.Fatalf("%d mails\n%s", len(sink.Messages()), strings.Join(b.log, "\n"))
	return nil
}

// Stock smtp.py, run in our Python process, and our own form of it send the
// same mails: from, to, subject, and all that the texts say.
func TestNativeSMTPActionSendsWhatTheStockOneSends(t *testing.T) {
	reference := testenv.Reference(t)
	file := filepath.Join(reference, "etc/fail2ban/action.d/smtp.py")
	if _, err := os.Stat(file); err != nil {
		t.Fatal(err)
	}
	for name, params := range map[string]string{
		"plain":   `{"host": "SINK", "dest": "a@x, b@y", "sender": "root@host", "sendername": "Me"}`,
		"login":   `{"host": "SINK", "user": "me", "password": "secret", "ssl": "yes", "dest": "a@x"}`,
		"matches": `{"host": "SINK", "dest": "a@x", "matches": "matches"}`,
	} {
		t.Run(name, func(t *testing.T) {
			theirs := smtpBan(t, params, nil, file)
			ours := smtpBan(t, params, &Source{Name: "smtp.py", Library: true}, "/nosuch/smtp.py")
			for i := range theirs {
				a, b := theirs[i], ours[i]
				x, y := mailtest.Open(t, a.Raw), mailtest.Open(t, b.Raw)
				if a.From != b.From || strings.Join(a.To, " ") != strings.Join(b.To, " ") || a.TLS != b.TLS || a.Authed != b.Authed || x.Subject != y.Subject ||
					plainName(x.Header.Get("From")) != plainName(y.Header.Get("From")) || x.Header.Get("To") != y.Header.Get("To") {
					t.Errorf("theirs %+v %v\nours %+v %v", a.To, x.Header, b.To, y.Header)
				}
				if i != 1 {
					continue
				}
				for _, fact := range []string{"81.2.3.4", "600", "3", " j"} {
					if !strings.Contains(x.Text, fact) || !strings.Contains(y.Text, fact) {
						t.Errorf("%q is missing in\n%s\nor\n%s", fact, x.Text, y.Text)
					}
				}
				if has := strings.Contains(y.Text, "$(touch MARK) `touch MARK`"); has != (name == "matches") || has != strings.Contains(x.Text, "$(touch MARK) `touch MARK`") {
					t.Errorf("matches in\n%s", y.Text)
				}
			}
		})
	}
}

func plainName(from string) string { return strings.ReplaceAll(from, `"`, "") }

func TestNativeSMTPActionRefusesUnknownArguments(t *testing.T) {
	b := newBench(t)
	err := b.set.AddPython("smtp", "/nosuch/smtp.py", `{"hots": "x"}`, &Source{Name: "smtp.py", Library: true}, func(error) {})
	if err == nil || err.Error() != "SMTPAction.__init__() got an unexpected keyword argument 'hots'" {
		t.Error(err)
	}
	if len(b.set.Names()) != 0 {
		t.Error("it is there all the same")
	}
}
