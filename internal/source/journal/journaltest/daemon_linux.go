package journaltest

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"stockade/internal/testenv"
)

const journald = "/lib/systemd/systemd-journald"

// Daemon is a systemd-journald of the test's own, in a mount namespace in
// which /run is a directory of the test.
type Daemon struct {
	// Root holds what the daemon takes for /run.
	Root string

	cmd    *exec.Cmd
	socket net.Conn
}

// configuration keeps the daemon from reading the kernel's log and from
// forwarding, and lets it take all messages.
const configuration = `[Journal]
Storage=volatile
RateLimitIntervalSec=0
ReadKMsg=no
Audit=no
ForwardToSyslog=no
ForwardToWall=no
ForwardToConsole=no
`

// NewDaemon starts a journald, or skips the test where it cannot.
func NewDaemon(tb testing.TB) *Daemon {
	tb.Helper()
	testenv.Root(tb)
	testenv.Need(tb, "unshare", "mount")
	if _, err := os.Stat(journald); err != nil {
		testenv.Skip(tb, "systemd-journald is not installed")
	}
	// Not the test's own directory: names of sockets are short.
	root, err := os.MkdirTemp("", "jd")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = os.RemoveAll(root) })
	conf := filepath.Join(root, "run/systemd/journald.conf.d/test.conf")
	for _, dir := range []string{filepath.Dir(conf), filepath.Join(root, "run/log/journal"), filepath.Join(root, "run/systemd/journal")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			tb.Fatal(err)
		}
	}
	if err := os.WriteFile(conf, []byte(configuration), 0o644); err != nil {
		tb.Fatal(err)
	}
	d := &Daemon{Root: root}
	d.start(tb)
	return d
}

func (d *Daemon) start(tb testing.TB) {
	tb.Helper()
	d.cmd = exec.Command("unshare", "-m", "--propagation", "private", "sh", "-c", `mount --bind "$0/run" /run && exec `+journald, d.Root)
	if err := d.cmd.Start(); err != nil {
		tb.Fatalf("start journald: %v", err)
	}
	tb.Cleanup(func() { d.stop() })
	path := filepath.Join(d.Root, "run/systemd/journal/socket")
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		var err error
		if d.socket, err = net.Dial("unixgram", path); err == nil {
			return
		}
		if time.Now().After(deadline) {
			testenv.Skip(tb, "no journald can be started here: "+err.Error())
		}
	}
}

func (d *Daemon) stop() {
	if d.socket != nil {
		_ = d.socket.Close()
		d.socket = nil
		_ = d.cmd.Process.Signal(syscall.SIGTERM)
		_ = d.cmd.Wait()
	}
}

// Send logs an entry.
func (d *Daemon) Send(tb testing.TB, fields ...string) {
	tb.Helper()
	if _, err := d.socket.Write([]byte(strings.Join(fields, "\n") + "\n")); err != nil {
		tb.Fatalf("send to journald: %v", err)
	}
}

// Rotate has the daemon begin new files.
func (d *Daemon) Rotate(tb testing.TB) {
	tb.Helper()
	if err := d.cmd.Process.Signal(syscall.SIGUSR2); err != nil {
		tb.Fatalf("rotate journal: %v", err)
	}
}

// Dir is the directory of the journal's files, once there are any.
func (d *Daemon) Dir() string {
	found, _ := filepath.Glob(filepath.Join(d.Root, "run/log/journal/*/system.journal"))
	if len(found) == 0 {
		return ""
	}
	return filepath.Dir(found[0])
}

// Vacuum deletes all files that were rotated away.
func (d *Daemon) Vacuum(tb testing.TB) (deleted int) {
	tb.Helper()
	found, _ := filepath.Glob(filepath.Join(d.Root, "run/log/journal/*/*@*.journal"))
	for _, name := range found {
		if os.Remove(name) == nil {
			deleted++
		}
	}
	return deleted
}
