package python

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"stockade/internal/pyobj"
	"stockade/internal/testenv"
)

// bench is a class in its process, with what it said.
type bench struct {
	*Process
	t       *testing.T
	mu      sync.Mutex
	log     []string
	printed []string
}

const imports = "from fail2ban.server.actions import ActionBase\nimport os, sys, time\n"

func script(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "own.py")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func start(t *testing.T, text, params string) (*bench, error) {
	t.Helper()
	testenv.Need(t, "python3")
	b := &bench{t: t}
	p, err := Start(t.Context(), Options{
		File: script(t, text), Params: params, Jail: "j", Name: "own",
		Log: func(level int, logger, text string) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.log = append(b.log, fmt.Sprint(level, " ", logger, " ", text))
		},
		Printed: func(line string) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.printed = append(b.printed, line)
		},
		Bantime: func() int64 { return 600 },
	})
	if err != nil {
		return nil, err
	}
	b.Process = p
	t.Cleanup(p.Kill)
	return b, nil
}

func load(t *testing.T, text string) *bench {
	t.Helper()
	b, err := start(t, imports+text, "{}")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// run calls a method with a ticket and gives what it returned.
func (b *bench) run(method string) any {
	b.t.Helper()
	v, err := b.Run(b.t.Context(), method, ticket())
	if err != nil {
		b.t.Fatal(err)
	}
	return v
}

func ticket() *Info {
	return &Info{
		Keys:   []string{"ip", "failures", "ip-host", "F-*"},
		Values: map[string]any{"ip": "192.0.2.1", "failures": 3},
		Value: func(key string) (any, bool) {
			switch key {
			case "ip-host":
				return nil, true
			case "F-*":
				return pyobj.NewDict("user", "x\"'\n$(id)\u2028", "fid", "f"), true
			}
			return nil, false
		},
	}
}

func (b *bench) wait(what string, ok func() bool) {
	b.t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		b.mu.Lock()
		good := ok()
		b.mu.Unlock()
		if good {
			return
		}
	}
	b.t.Fatalf("never: %s\n%q\n%q", what, b.log, b.printed)
}

func TestClassSeesItsJailAndTicket(t *testing.T) {
	b := load(t, `
class Action(ActionBase):
    def ban(self, info):
        return (str(self._jail), self._jail.name, self._name, self._logSys.name, self._jail.actions.getBanTime(),
                info["ip"], info["ip"] + "x", "%(ip)s %(failures)d" % info, info["ip"].familyStr, info["ip"].isIPv4,
                info["ip-host"], info["F-*"]["user"], info["F-USER"], info["F-ID"], "nosuch" in info, info.get("nosuch", 7),
                sorted(info), len(info), info["ip"].getPTR("x."), str(info)[:20])
    def unban(self, info):
        return info["nosuch"]
`)
	want := pyobj.Tuple{
		"Jail('j')", "j", "own", "fail2ban.Action", 600, "192.0.2.1", "192.0.2.1x", "192.0.2.1 3", "inet4", true,
		nil, "x\"'\n$(id)\u2028", "x\"'\n$(id)\u2028", "f", false, 7,
		[]any{"F-*", "failures", "ip", "ip-host"},
		4, "1.2.0.192.x.", "ActionInfo({'ip': '1",
	}
	if diff := cmp.Diff(want, b.run("ban")); diff != "" {
		t.Error(diff)
	}
	if got := b.run("reban"); !cmp.Equal(got, b.run("ban")) {
		t.Errorf("reban is not ban: %v", got)
	}
	_, err := b.Run(t.Context(), "unban", ticket())
	if e := (*pyobj.Exception)(nil); !errors.As(err, &e) || e.Class != "KeyError" || err.Error() != "'nosuch'" {
		t.Errorf("%v", err)
	}
}

func TestTraitsAreThoseOfTheClass(t *testing.T) {
	b := load(t, "class Action(ActionBase):\n    norestored = 1\n    _prolongable = True\n    def prolong(self, i): pass\n    def flush(self): pass\n")
	if want := (Traits{NoRestored: true, Prolongable: true, Flush: true}); b.Traits != want {
		t.Errorf("%+v", b.Traits)
	}
}

func TestValuesTravelBothWays(t *testing.T) {
	b := load(t, "class Action(ActionBase):\n    v = None\n")
	big1, _ := new(big.Int).SetString("123456789012345678901234567890", 10)
	for _, v := range []any{
		nil, true, 5, -1, 1.5, 1e300, "é\x00\u2028'\"",
		[]byte{0, 255},
		[]any{1, "a", nil},
		pyobj.Tuple{1, pyobj.Tuple{}},
		pyobj.NewDict("a", 1, 2, []any{}), big1,
	} {
		got, err := b.Set(t.Context(), "v", v)
		if err != nil || pyobj.Repr(got) != pyobj.Repr(v) {
			t.Errorf("%v came back as %v, %v", v, got, err)
		}
	}
}

func TestAttributesAndMethodsAnswerAsInFail2ban(t *testing.T) {
	b := load(t, `
class Action(ActionBase):
    foo = 1
    @property
    def prop(self): return 42
    def hello(self, a=1, b=2): return {"a": a, "l": [1, (2, 3), None, 1.5]}
`)
	ctx := t.Context()
	names, err := b.Names(ctx, false)
	if err != nil || strings.Join(names, " ") != "foo prop" {
		t.Error(names, err)
	}
	if names, err = b.Names(ctx, true); err != nil || strings.Join(names, " ") != "ban hello reban start stop unban" {
		t.Error(names, err)
	}
	if v, err := b.Set(ctx, "hello", `{"a": 5}`); err != nil || pyobj.Repr(v) != "{'a': 5, 'l': [1, (2, 3), None, 1.5]}" {
		t.Error(v, err)
	}
	for call, want := range map[string]string{
		`hello {"zz": 5}`: "TypeError: Action.hello() got an unexpected keyword argument 'zz'",
		`hello bad`:       "JSONDecodeError: Expecting value: line 1 column 1 (char 0)",
		`prop 5`:          "AttributeError: property 'prop' of 'Action' object has no setter",
	} {
		name, value, _ := strings.Cut(call, " ")
		_, err := b.Set(ctx, name, value)
		e := (*pyobj.Exception)(nil)
		if !errors.As(err, &e) || e.Class+": "+err.Error() != want {
			t.Errorf("%s: %v", call, err)
		}
	}
	if _, err := b.Get(ctx, "nosuch"); err == nil || err.Error() != "'Action' object has no attribute 'nosuch'" {
		t.Error(err)
	}
}

func TestClassesThatCannotBeUsedSayWhy(t *testing.T) {
	for text, want := range map[string]string{
		"x = 5":      "module does not have 'Action' class",
		"Action = 5": "issubclass() arg 1 must be a class",
		"def (":      "invalid syntax",
		"class Action:\n  def __init__(self, jail, name): pass\n  def start(self): pass": "module Action does not implement required methods",
		"1/0":                              "division by zero",
		"from fail2ban.server import nope": "nope",
		"import fail2ban.server.nope":      "No module named 'fail2ban.server.nope'",
		"import sys; sys.exit(3)":          "3",
		"import os; os._exit(3)":           "the Python process has ended (exit status 3)",
		imports + "class Action(ActionBase):\n  def __init__(self, jail, name, x): pass": "missing 1 required positional argument: 'x'",
	} {
		if _, err := start(t, text, "{}"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, err := start(t, imports+"class Action(ActionBase): pass", `{"a": 1}`); err == nil || !strings.Contains(err.Error(), "unexpected keyword argument 'a'") {
		t.Error(err)
	}
	testenv.Need(t, "python3")
	_, err := Start(t.Context(), Options{File: "/nosuch/x.py", Params: "{}"})
	if e := (*pyobj.Exception)(nil); !errors.As(err, &e) || e.Class != "FileNotFoundError" {
		t.Error(err)
	}
}

func TestMissingPythonIsSaidPlainly(t *testing.T) {
	before := interpreters
	interpreters = []string{"/nosuch/python3"}
	defer func() { interpreters = before }()
	if _, err := Start(t.Context(), Options{File: "x.py"}); !errors.Is(err, ErrMissing) || !strings.Contains(err.Error(), "install it") {
		t.Error(err)
	}
}

func TestWhatIsPrintedComesApart(t *testing.T) {
	b := load(t, `
class Action(ActionBase):
    def ban(self, info):
        print('{"id": 1, "value": "forged"}')
        os.write(1, b'raw\n'); os.system("echo from a shell; cat")
        sys.stderr.write("err\n"); sys.stdout.write("no end of line")
        return sys.stdin.read()
`)
	if v := b.run("ban"); v != "" {
		t.Errorf("%v", v)
	}
	b.wait("printed", func() bool { return len(b.printed) == 4 && b.printed[3] == "err" })
	// The line without an end comes when the process goes.
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.printed[0] != `{"id": 1, "value": "forged"}` {
		t.Errorf("%q", b.printed)
	}
}

func TestAFloodOfOutputIsCut(t *testing.T) {
	b := load(t, "class Action(ActionBase):\n    def ban(self, info):\n        for i in range(200000): print('x' * 1000)\n        print('y' * 10000000)\n        return 5\n")
	if v := b.run("ban"); v != 5 {
		t.Error(v)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.printed) > maxPrinted {
		t.Errorf("%d lines", len(b.printed))
	}
}

func TestHugeValuesAreRefused(t *testing.T) {
	b := load(t, "class Action(ActionBase):\n    def ban(self, info): return 'x' * 10000000\n    def unban(self, info): raise ValueError('y' * 10000000)\n")
	if _, err := b.Run(t.Context(), "ban", ticket()); err == nil || !strings.Contains(err.Error(), "too large") {
		t.Error(err)
	}
	if _, err := b.Run(t.Context(), "unban", ticket()); err == nil || len(err.Error()) > 10000 {
		t.Errorf("%.100v", err)
	}
	if v, err := b.Run(t.Context(), "start", nil); v != nil || err != nil {
		t.Error(v, err)
	}
}

func TestLogLinesKeepTheirLevel(t *testing.T) {
	b := load(t, `
import logging
from fail2ban.helpers import getLogger
class Action(ActionBase):
    def ban(self, info):
        self._logSys.info("info %s", 1); self._logSys.notice("notice"); getLogger("a.b.own").debug("line one\nline two")
        try: 1/0
        except ZeroDivisionError: self._logSys.exception("failed")
        logging.warning("of the root")
`)
	b.run("ban")
	b.mu.Lock()
	defer b.mu.Unlock()
	want := []string{"20 fail2ban.Action info 1", "25 fail2ban.Action notice", "10 fail2ban.own line one\nline two"}
	if len(b.log) != 4 || !cmp.Equal(b.log[:3], want) || !strings.HasPrefix(b.log[3], "40 fail2ban.Action failed\nTraceback") {
		t.Errorf("%q", b.log)
	}
}

func TestThreadsMayAskAfterTheCall(t *testing.T) {
	b := load(t, `
import threading
class Action(ActionBase):
    def ban(self, info):
        self.go = threading.Event()
        threading.Thread(target=lambda: (self.go.wait(), self._logSys.info("host %s", info["ip-host"]))).start()
    def unban(self, info):
        self.go.set()
`)
	b.run("ban")
	b.run("unban")
	b.wait("the thread's line", func() bool { return len(b.log) == 1 && b.log[0] == "20 fail2ban.Action host None" })
}

func TestHangingClassIsKilledWithItsChildren(t *testing.T) {
	pid := filepath.Join(t.TempDir(), "pid")
	b := load(t, `
import subprocess, signal
class Action(ActionBase):
    def ban(self, info):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        p = subprocess.Popen(["sleep", "1000"])
        open("`+pid+`.new", "w").write(str(p.pid)); os.rename("`+pid+`.new", "`+pid+`")
        while True: time.sleep(100)
`)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := b.Run(ctx, "ban", ticket())
		done <- err
	}()
	child := 0
	b.wait("the child", func() bool {
		text, _ := os.ReadFile(pid)
		child, _ = strconv.Atoi(string(text))
		return child != 0
	})
	cancel()
	if err := <-done; err == nil || !strings.Contains(err.Error(), "did not answer in time") {
		t.Error(err)
	}
	b.wait("the child's end", func() bool { return !running(child) })
	if b.Alive() {
		t.Error("it is still alive")
	}
	if _, err := b.Run(t.Context(), "start", nil); !errors.Is(err, ErrGone) {
		t.Error(err)
	}
}

func TestEndWaitsOnlyAMomentAndTakesChildrenAlong(t *testing.T) {
	pid := filepath.Join(t.TempDir(), "pid")
	b := load(t, "import subprocess\nclass Action(ActionBase):\n    def ban(self, info): return subprocess.Popen(['sleep', '1000']).pid\n    def stop(self): open('"+pid+"', 'w').write('stopped')\n")
	child, _ := b.run("ban").(int)
	if _, err := b.Run(t.Context(), "stop", nil); err != nil {
		t.Fatal(err)
	}
	b.End()
	b.wait("the child's end", func() bool { return !running(child) })
	if text, _ := os.ReadFile(pid); string(text) != "stopped" {
		t.Errorf("%q", text)
	}
}

// running tells whether a process is there and no zombie.
func running(pid int) bool {
	if pid == 0 || syscall.Kill(pid, 0) != nil {
		return false
	}
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err != nil || !strings.Contains(string(stat), ") Z ")
}

func TestCrashIsNamed(t *testing.T) {
	b := load(t, "class Action(ActionBase):\n    def ban(self, info): os.kill(os.getpid(), 11)\n")
	if _, err := b.Run(t.Context(), "ban", ticket()); !errors.Is(err, ErrGone) || !strings.Contains(err.Error(), "segmentation fault") {
		t.Error(err)
	}
}

func TestReloadUsesTheClassesOwnMethod(t *testing.T) {
	b := load(t, "class Action(ActionBase):\n    x = 0\n    def clearAllParams(self): self.cleared = True\n    def reload(self, x): self.x = x\n")
	if err := b.Reload(t.Context(), `{"x": "5"}`); err != nil || !b.Traits.Reload {
		t.Fatal(err)
	}
	if v, err := b.Get(t.Context(), "x"); v != "5" || err != nil {
		t.Error(v, err)
	}
	if v, err := b.Get(t.Context(), "cleared"); v != true || err != nil {
		t.Error(v, err)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"dict": [[1, {"tuple": [{"int": "5"}]}]]}`))
	f.Add([]byte(`{"float": "nan"}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		v, err := decode(raw)
		if err == nil {
			_ = pyobj.Repr(v)
		}
	})
}
