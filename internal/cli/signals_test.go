package cli

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// await asks until the answer is yes, and fails after a while.
func await(t *testing.T, what string, done func() bool) {
	t.Helper()
	for range 600 {
		if done() {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatalf("waited in vain for %s", what)
}

// foreground is a server in the foreground, without a terminal.
type foreground struct {
	*exec.Cmd
	dir string
	// socket is where the server answers, if it is not that of its configuration.
	socket string
	out    bytes.Buffer
}

func startForeground(t *testing.T, args ...string) *foreground {
	t.Helper()
	return startForegroundWith(t, func(*foreground) {}, args...)
}

// startForegroundWith lets the command be changed before it is started.
func startForegroundWith(t *testing.T, change func(*foreground), args ...string) *foreground {
	t.Helper()
	f := &foreground{dir: scratch(t)}
	f.socket = filepath.Join(f.dir, "f.sock")
	s := ours()
	f.Cmd = s.make("server", append([]string{"--library", "none", "-c", f.dir, "-f", "-x"}, args...)...)
	f.Stdout, f.Stderr = &f.out, &f.out
	f.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	change(f)
	if err := f.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if f.ProcessState == nil {
			_ = f.Process.Kill()
			_ = f.Wait()
		}
	})
	await(t, "the server", func() bool {
		return strings.Contains(s.run(t, f.dir, "", "client", "-c", f.dir, "-s", f.socket, "status").stdout, "one, two")
	})
	return f
}

func (f *foreground) signal(t *testing.T, s os.Signal) {
	t.Helper()
	if err := f.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

func (f *foreground) client(t *testing.T, args ...string) outcome {
	t.Helper()
	return ours().run(t, f.dir, "", "client", append([]string{"-c", f.dir}, args...)...)
}

func TestForegroundServerObeysSignals(t *testing.T) {
	t.Parallel()
	f := startForeground(t)
	pid, err := os.ReadFile(filepath.Join(f.dir, "f.pid"))
	if err != nil || string(pid) != strconv.Itoa(f.Process.Pid)+"\n" {
		t.Errorf("pid file %q, %v", pid, err)
	}
	for name, mode := range map[string]os.FileMode{"f.sock": 0o700, "f.pid": 0o600, "server.log": 0o600, "db.sqlite3": 0o600} {
		if info, err := os.Stat(filepath.Join(f.dir, name)); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	if comm, err := os.ReadFile("/proc/" + strconv.Itoa(f.Process.Pid) + "/comm"); err == nil && string(comm) != "fail2ban-server\n" {
		t.Errorf("the process is called %q", comm)
	}
	f.signal(t, syscall.SIGUSR1)
	await(t, "the log to be opened anew", func() bool { return strings.Contains(logOf(f.dir), "rollover performed on "+f.dir+"/server.log") })
	jails := filepath.Join(f.dir, "jail.conf")
	data, err := os.ReadFile(jails)
	if err != nil {
		t.Fatal(err)
	}
	write(t, jails, strings.Replace(string(data), "bantime = 600", "bantime = 700", 1))
	f.signal(t, syscall.SIGHUP)
	await(t, "the reload", func() bool { return f.client(t, "get", "one", "bantime").stdout == "700\n" })
	f.signal(t, syscall.SIGTERM)
	if err := f.Wait(); err != nil {
		t.Errorf("exit: %v", err)
	}
	for _, name := range []string{"f.sock", "f-api.sock", "f.pid"} {
		if _, err := os.Stat(filepath.Join(f.dir, name)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is still there", name)
		}
	}
	if !strings.HasPrefix(f.out.String(), "Server ready\n") && !strings.Contains(f.out.String(), "\nServer ready\n") {
		t.Errorf("output %q", f.out.String())
	}
	if lines := strings.Split(strings.TrimSpace(logOf(f.dir)), "\n"); !strings.HasSuffix(lines[len(lines)-1], "INFO    Exiting Fail2ban") {
		t.Errorf("the log ends with %q", lines[len(lines)-1])
	}
}

func TestForegroundServerEndsByCommand(t *testing.T) {
	t.Parallel()
	f := startForeground(t, "--pname", "my-server")
	if comm, err := os.ReadFile("/proc/" + strconv.Itoa(f.Process.Pid) + "/comm"); err == nil && string(comm) != "my-server\n" {
		t.Errorf("the process is called %q", comm)
	}
	if got := f.client(t, "set", "one", "banip", "192.0.2.1").stdout; got != "1\n" {
		t.Error(got)
	}
	if got := f.client(t, "stop"); got.stdout != "Shutdown successful\n" || got.status != 0 {
		t.Error(got)
	}
	if err := f.Wait(); err != nil {
		t.Errorf("exit: %v", err)
	}
	if !strings.Contains(logOf(f.dir), "NOTICE  [one] Repeal Ban 192.0.2.1") {
		t.Error("the ban was not lifted")
	}
}

func TestServerAfterAKillNeedsForce(t *testing.T) {
	t.Parallel()
	f := startForeground(t)
	f.signal(t, syscall.SIGKILL)
	_ = f.Wait()
	s := ours()
	got := s.run(t, f.dir, "", "client", "-c", f.dir, "start")
	if got.status != failed || !strings.Contains(got.stderr, "Fail2ban seems to be in unexpected state (not running but the socket exists)") {
		t.Error(got)
	}
	if got := s.run(t, f.dir, "", "client", "-c", f.dir, "-x", "start"); got.stdout != "Server ready\n" {
		t.Error(got)
	}
	if got := f.client(t, "stop"); got.status != 0 {
		t.Error(got)
	}
}

func TestHelpHasTheTitlesThatShellCompletionKnows(t *testing.T) {
	if got := strings.Join(headings(), "|"); got != "BASIC|LOGGING|DATABASE|JAIL CONTROL|JAIL CONFIGURATION|COMMAND ACTION CONFIGURATION|GENERAL ACTION CONFIGURATION|JAIL INFORMATION|COMMAND ACTION INFORMATION|GENERAL ACTION INFORMATION" {
		t.Error(got)
	}
}

// headings are the titles of the list of commands.
func headings() []string {
	var titles []string
	for _, l := range usageCommands {
		if l.command == "" {
			titles = append(titles, l.does)
		}
	}
	return titles
}
