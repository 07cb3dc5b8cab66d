package cli

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"stockade/internal/testenv"
)

// suite makes the commands of one implementation of the programs.
type suite struct {
	name string
	make func(name string, args ...string) *exec.Cmd
	// options are put before all others.
	options []string
}

// ours is the test binary, by the name of a program.
func ours() suite {
	return suite{name: "ours", options: []string{"--library", "none"}, make: func(name string, args ...string) *exec.Cmd {
		exe, err := os.Executable()
		if err != nil {
			panic(err)
		}
		return &exec.Cmd{Path: exe, Args: append([]string{"fail2ban-" + name}, args...)}
	}}
}

// theirs is the reference.
func theirs(t *testing.T) suite {
	dir := testenv.Reference(t)
	return suite{name: "reference", make: func(name string, args ...string) *exec.Cmd {
		return testenv.Program(dir, name, args...)
	}}
}

// older is Fail2ban 1.0.2, whose client many systems have.
func older(t *testing.T) suite {
	dir := testenv.Reference102(t)
	return suite{name: "1.0.2", make: func(name string, args ...string) *exec.Cmd {
		return testenv.Program(dir, name, args...)
	}}
}

// outcome is what a command line came to, with times, pids and the scratch
// directory taken out.
type outcome struct {
	stdout, stderr string
	status         int
}

// patience is how long one command line may take.
const patience = 60 * time.Second

func (s suite) run(t *testing.T, dir, stdin, name string, args ...string) outcome {
	t.Helper()
	cmd := s.make(name, append(append([]string{}, s.options...), args...)...)
	var out, errs bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.Dir = strings.NewReader(stdin), &out, &errs, "/"
	timer := time.AfterFunc(patience, func() {
		if cmd.Process != nil {
			_ = cmd.Process.Kill()
		}
	})
	defer timer.Stop()
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("%s %s %q: %v", s.name, name, args, err)
	}
	return outcome{neutral(out.String(), dir), neutral(errs.String(), dir), cmd.ProcessState.ExitCode()}
}

var (
	timePattern = regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(,\d{3})?`)
	pidPattern  = regexp.MustCompile(`(fail2ban[.a-z]*\s*)\[\d+\]:`)
	// The reference prolongs a ban by the part of a second that passed.
	prolonged = regexp.MustCompile(`\+ 60[01] =`)
)

// neutral takes out what differs from run to run.
func neutral(text, dir string) string {
	text = timePattern.ReplaceAllString(text, "TIME")
	text = pidPattern.ReplaceAllString(text, "$1[PID]:")
	text = prolonged.ReplaceAllString(text, "+ 600 =")
	return strings.ReplaceAll(text, dir, "$D")
}

// scratch makes a configuration of two jails: "one" with a command action,
// "two" without. It is our own text.
func scratch(t *testing.T) string {
	t.Helper()
	// Short, for the path of a socket may have 107 bytes only.
	dir, err := os.MkdirTemp("", "cli")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	files := map[string]string{
		"fail2ban.conf": `[Definition]
loglevel = INFO
logtarget = $D/server.log
syslogsocket = auto
socket = $D/f.sock
pidfile = $D/f.pid
dbfile = $D/db.sqlite3
dbpurgeage = 1d
dbmaxmatches = 10
allowipv6 = auto
`,
		"jail.conf": `[DEFAULT]
backend = polling
maxretry = 3
bantime = 600
findtime = 600
ignoreself = false
ignoreip = 127.0.0.1/8
enabled = true
usedns = no
filter = %(__name__)s
logencoding = UTF-8
[one]
logpath = $D/one.log
action = act
[two]
logpath = $D/two.log
`,
		"filter.d/one.conf": "[Definition]\nfailregex = ^ failure from <HOST>$\nignoreregex =\n",
		"filter.d/two.conf": "[Definition]\nfailregex = ^ refused <HOST>$\nignoreregex =\n",
		"action.d/act.conf": `[Definition]
actionstart =
actionstop =
actioncheck =
actionban = echo ban <ip> >> $D/act.out
actionunban = echo unban <ip> >> $D/act.out
[Init]
own = value
`,
		"one.log": "", "two.log": "", "second.log": "", "third.log": "",
	}
	for name, text := range files {
		write(t, filepath.Join(dir, name), strings.ReplaceAll(text, "$D", dir))
	}
	return dir
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// startServer starts a server in the background; it is stopped at the end.
func (s suite) startServer(t *testing.T, dir string) {
	t.Helper()
	got := s.run(t, dir, "", "server", "-c", dir, "-x", "start")
	if got.status != 0 || got.stdout != "Server ready\n" {
		t.Fatalf("%s server: %+v\n%s", s.name, got, logOf(dir))
	}
	t.Cleanup(func() { s.run(t, dir, "", "client", "-c", dir, "stop") })
}

func logOf(dir string) string {
	data, _ := os.ReadFile(filepath.Join(dir, "server.log"))
	return string(data)
}
