// Package acceptance tests the built program as its users meet it: processes,
// sockets, log files, the kernel. Every test runs in network namespaces of
// its own, and each can run the reference in the same place to compare.
package acceptance

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"stockade/internal/testenv"
	"stockade/library"
)

// subject is a program under test: ours, or the reference.
type subject struct {
	name string
	// program gives a command for "server", "client" or "regex".
	program func(name string, args ...string) *exec.Cmd
	// library says that the program carries a library of its own, so that a
	// configuration needs no more than a jail.local.
	library bool
}

var build struct {
	sync.Once
	dir string
	err error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if build.dir != "" && build.dir != os.Getenv("STOCKADE_BIN") {
		_ = os.RemoveAll(build.dir)
	}
	os.Exit(code)
}

// stockade is our program, built once for all tests as `make build` does it.
// With STOCKADE_SUBJECT=reference the reference stands in for it, which shows
// what of a failure lies in the test.
func stockade(tb testing.TB) subject {
	tb.Helper()
	if os.Getenv("STOCKADE_SUBJECT") == "reference" {
		return reference(tb)
	}
	module := testenv.Module(tb)
	build.Do(func() {
		// Programs that somebody has built already.
		if dir := os.Getenv("STOCKADE_BIN"); dir != "" {
			build.dir = dir
			return
		}
		build.dir, build.err = os.MkdirTemp("", "stockade-acceptance")
		if build.err != nil {
			return
		}
		cmd := exec.Command("go", "build", "-trimpath", "-o", filepath.Join(build.dir, "stockade"), "./cmd/stockade")
		cmd.Dir = module
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			build.err = fmt.Errorf("build: %w\n%s", err, out)
			return
		}
		for _, name := range []string{"server", "client", "regex"} {
			build.err = errors.Join(build.err, os.Symlink("stockade", filepath.Join(build.dir, "fail2ban-"+name)))
		}
	})
	if build.err != nil {
		tb.Fatal(build.err)
	}
	return subject{
		name: "stockade",
		program: func(name string, args ...string) *exec.Cmd {
			return exec.Command(filepath.Join(build.dir, "fail2ban-"+name), args...)
		},
		library: true,
	}
}

// reference is Fail2ban 1.1.1.
func reference(tb testing.TB) subject {
	tb.Helper()
	dir := testenv.Reference(tb)
	return subject{
		name:    "reference",
		program: func(name string, args ...string) *exec.Cmd { return testenv.Program(dir, name, args...) },
	}
}

// instance is a server's place: configuration, socket, log, database.
type instance struct {
	subject
	dir  string
	netn *testenv.Netns
	cmd  *exec.Cmd
	out  bytes.Buffer
	// without are capabilities that the server is not to have.
	without []string
	// unit is the service that runs the server, where tests run under a unit.
	unit string
}

// place lays out a folder for a subject with the given jail.local. In the
// text, DIR stands for the folder. With a namespace the server runs in it.
func place(tb testing.TB, s subject, netn *testenv.Netns, jails string) *instance {
	tb.Helper()
	in := &instance{subject: s, dir: tb.TempDir(), netn: netn}
	etc := in.path("etc")
	if s.library {
		mkdir(tb, etc)
	} else if err := os.CopyFS(etc, library.Files()); err != nil {
		tb.Fatal(err)
	}
	in.write(tb, "etc/fail2ban.local", `[DEFAULT]
socket = DIR/socket
pidfile = DIR/pid
logtarget = DIR/fail2ban.log
dbfile = DIR/fail2ban.sqlite3
`)
	in.write(tb, "etc/jail.local", jails)
	tb.Cleanup(func() { in.end(tb) })
	return in
}

func (in *instance) path(name string) string { return filepath.Join(in.dir, name) }

// write makes a file; DIR in the text becomes the instance's folder.
func (in *instance) write(tb testing.TB, name, text string) {
	tb.Helper()
	writeFile(tb, in.path(name), strings.ReplaceAll(text, "DIR", in.dir))
}

// append adds lines to a log file as a service would, in one write.
func (in *instance) append(tb testing.TB, name, text string) {
	tb.Helper()
	f, err := os.OpenFile(in.path(name), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		tb.Fatal(err)
	}
	if _, err := f.WriteString(text); err != nil {
		tb.Fatal(err)
	}
	if err := f.Close(); err != nil {
		tb.Fatal(err)
	}
}

// enter puts a command into the instance's namespace.
func (in *instance) enter(cmd *exec.Cmd) *exec.Cmd {
	if in.netn == nil {
		return cmd
	}
	inside := in.netn.Command(cmd.Path, cmd.Args[1:]...)
	inside.Env = cmd.Env
	return inside
}

// serverCommand is a server in the foreground.
func (in *instance) serverCommand() *exec.Cmd {
	return in.program("server", "-c", in.path("etc"), "-x", "-f", "start")
}

// start runs the server in the foreground and waits until it answers.
func (in *instance) start(tb testing.TB) {
	tb.Helper()
	if in.underUnit() {
		in.startUnit(tb)
		return
	}
	in.out.Reset()
	cmd := in.serverCommand()
	if len(in.without) > 0 {
		setpriv, _ := testenv.Look("setpriv")
		drop := strings.ToLower("-" + strings.ReplaceAll(strings.Join(in.without, ",-"), "CAP_", ""))
		limited := exec.Command(setpriv, append([]string{"--bounding-set", drop, cmd.Path}, cmd.Args[1:]...)...)
		limited.Env = cmd.Env
		cmd = limited
	}
	in.cmd = in.enter(cmd)
	in.cmd.Stdout, in.cmd.Stderr = &in.out, &in.out
	if err := in.cmd.Start(); err != nil {
		tb.Fatalf("start %s: %v", in.name, err)
	}
	exited := make(chan struct{})
	cmd = in.cmd
	go func() {
		_ = cmd.Wait()
		close(exited)
	}()
	ready := until(30*time.Second, func() bool {
		select {
		case <-exited:
			return true
		default:
		}
		// The process answers a ping before its jails are up; this line
		// comes after them.
		return strings.Contains(in.log(), "Server ready") || in.jailsUp()
	})
	select {
	case <-exited:
		tb.Fatalf("%s ended at once:\n%s\n%s", in.name, in.out.String(), short(in.log()))
	default:
	}
	if !ready {
		tb.Fatalf("%s did not come up:\n%s\n%s", in.name, in.out.String(), in.log())
	}
}

// jailsUp tells whether the whole configuration has arrived.
func (in *instance) jailsUp() bool {
	out, err := in.enter(in.program("client", "-c", in.path("etc"), "ping")).CombinedOutput()
	return err == nil && bytes.Contains(out, []byte("pong")) && in.started()
}

// started counts started jails in the log since the last start.
func (in *instance) started() bool {
	log := in.log()
	if i := strings.LastIndex(log, "Starting Fail2ban"); i >= 0 {
		log = log[i:]
	}
	created := strings.Count(log, "Creating new jail")
	return created > 0 && strings.Count(log, "' started") >= created
}

// client runs a client command and returns what it printed and its exit code.
func (in *instance) client(args ...string) (string, int) {
	// In the namespace, since a restart makes it the parent of a server.
	out, err := in.enter(in.program("client", append([]string{"-c", in.path("etc")}, args...)...)).CombinedOutput()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		return string(out), exit.ExitCode()
	case err != nil:
		return err.Error(), -1
	}
	return string(out), 0
}

// ask is client for commands that must succeed.
func (in *instance) ask(tb testing.TB, args ...string) string {
	tb.Helper()
	out, code := in.client(args...)
	if in.underUnit() && refused(out) {
		testenv.Skip(tb, refusal)
	}
	if code != 0 {
		tb.Fatalf("%s client %v: exit %d\n%s", in.name, args, code, out)
	}
	return out
}

// log is the server's own log.
func (in *instance) log() string {
	text, err := os.ReadFile(in.path("fail2ban.log"))
	if err != nil {
		return ""
	}
	return string(text)
}

// pid is the server's process: the child where the program is a script.
func (in *instance) pid(tb testing.TB) int {
	tb.Helper()
	return in.cmd.Process.Pid
}

// signal sends a signal and waits for the process to be gone.
func (in *instance) signal(tb testing.TB, sig syscall.Signal) {
	tb.Helper()
	if err := in.cmd.Process.Signal(sig); err != nil {
		tb.Fatalf("signal %s: %v", in.name, err)
	}
	in.gone(tb)
}

// gone waits for the end of the server.
func (in *instance) gone(tb testing.TB) {
	tb.Helper()
	if !until(30*time.Second, func() bool { return in.cmd.Process.Signal(syscall.Signal(0)) != nil }) {
		tb.Fatalf("%s does not end:\n%s", in.name, in.log())
	}
}

// end stops what is left, at the end of a test.
func (in *instance) end(tb testing.TB) {
	if in.cmd == nil || in.cmd.Process.Signal(syscall.Signal(0)) != nil {
		return
	}
	_ = in.cmd.Process.Signal(syscall.SIGTERM)
	if !until(10*time.Second, func() bool { return in.cmd.Process.Signal(syscall.Signal(0)) != nil }) {
		_ = in.cmd.Process.Kill()
	}
	if tb.Failed() {
		tb.Logf("log of %s:\n%s\n%s", in.name, in.out.String(), short(in.log()))
	}
}

// short leaves out the middle of a long text.
func short(text string) string {
	lines := strings.Split(text, "\n")
	if len(lines) > 80 {
		lines = append(append(lines[:40:40], "…"), lines[len(lines)-40:]...)
	}
	return strings.Join(lines, "\n")
}

// until polls for something outside this process to become true.
func until(limit time.Duration, ok func() bool) bool {
	deadline := time.Now().Add(limit)
	for {
		if ok() {
			return true
		}
		if time.Now().After(deadline) {
			return false
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// eventually fails the test where until does.
func eventually(tb testing.TB, what string, ok func() bool) {
	tb.Helper()
	if !until(20*time.Second, ok) {
		tb.Fatalf("not within 20 s: %s", what)
	}
}

func mkdir(tb testing.TB, dir string) {
	tb.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		tb.Fatal(err)
	}
}

func writeFile(tb testing.TB, name, text string) {
	tb.Helper()
	mkdir(tb, filepath.Dir(name))
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		tb.Fatal(err)
	}
}
