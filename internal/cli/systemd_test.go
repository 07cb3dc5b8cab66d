package cli

import (
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// serviceHost plays the service manager.
type serviceHost struct {
	*testing.T
	conn *net.UnixConn
}

func newServiceHost(t *testing.T) *serviceHost {
	t.Helper()
	path := filepath.Join(shortDir(t), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &serviceHost{T: t, conn: conn}
}

func (h *serviceHost) path() string { return h.conn.LocalAddr().String() }

// hear waits for a message that matches, and passes others by.
func (h *serviceHost) hear(pattern string) {
	h.Helper()
	re := regexp.MustCompile(pattern)
	if err := h.conn.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		h.Fatal(err)
	}
	buf := make([]byte, 4096)
	for {
		n, err := h.conn.Read(buf)
		if err != nil {
			h.Fatalf("waiting for %q: %v", pattern, err)
		}
		if re.Match(buf[:n]) {
			return
		}
	}
}

func TestServiceManagerIsTold(t *testing.T) {
	t.Parallel()
	host := newServiceHost(t)
	f := startForegroundWith(t, func(f *foreground) {
		f.Env = append(os.Environ(), "NOTIFY_SOCKET="+host.path(), "WATCHDOG_USEC=100000")
	})
	host.hear(`^READY=1\nSTATUS=2 jail\(s\) on watch$`)
	host.hear(`^WATCHDOG=1$`)
	host.hear(`^WATCHDOG=1$`)
	f.signal(t, syscall.SIGHUP)
	host.hear(`^RELOADING=1\nMONOTONIC_USEC=[0-9]+$`)
	host.hear(`^READY=1\n`)
	f.signal(t, syscall.SIGTERM)
	host.hear(`^STOPPING=1$`)
	if err := f.Wait(); err != nil {
		t.Errorf("%v\n%s", err, f.out.String())
	}
}

// TestSocketOfTheServiceManagerIsUsed starts the server with a socket that
// listens already, as systemd does: a command that came before is answered,
// and the socket is still there when the server is gone.
func TestSocketOfTheServiceManagerIsUsed(t *testing.T) {
	t.Parallel()
	path := filepath.Join(shortDir(t), "given.sock")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	file, err := l.File()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	early := make(chan outcome, 1)
	f := startForegroundWith(t, func(f *foreground) {
		// The numbers begin at 3, and the process has to find its own id.
		f.ExtraFiles = []*os.File{os.Stderr, file}
		program := filepath.Join(f.dir, "fail2ban-server")
		if err := os.Symlink(f.Path, program); err != nil {
			t.Fatal(err)
		}
		f.Path, f.Args = "/bin/sh", append([]string{"sh", "-c", `LISTEN_PID=$$ exec "$0" "$@"`, program}, f.Args[1:]...)
		f.Env = append(os.Environ(), "LISTEN_FDS=2", "LISTEN_FDNAMES=other:fail2ban")
		f.socket = path
		go func() { early <- ours().run(t, f.dir, "", "client", "-c", f.dir, "-s", path, "ping") }()
	})
	if got := <-early; got.stdout != "Server replied: pong\n" {
		t.Errorf("before the server was there: %+v", got)
	}
	if !strings.Contains(logOf(f.dir), "INFO    Using socket activation, inherited socket '"+path+"'") {
		t.Errorf("the log says\n%s", logOf(f.dir))
	}
	if _, err := os.Stat(filepath.Join(f.dir, "f.sock")); err == nil {
		t.Error("there is a socket of its own, too")
	}
	if got := f.client(t, "-s", path, "stop"); got.stdout != "Shutdown successful\n" {
		t.Errorf("%+v", got)
	}
	if err := f.Wait(); err != nil {
		t.Errorf("%v\n%s", err, f.out.String())
	}
	if _, err := os.Stat(path); err != nil {
		t.Error("the socket was removed, but it belongs to the service manager")
	}
}
