package control

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"stockade/internal/logbook"
)

// ErrRunning says that something stands where the socket should be.
var ErrRunning = errors.New("Server already running")

// socketMode lets only the server's user connect: that is the whole access
// control.
const socketMode = 0o700

// Listener is the server's end of the socket.
type Listener struct {
	net.Listener
	// inherited sockets are systemd's: they are neither shut down nor removed.
	inherited bool
	path      string
}

// Listen binds the socket. The last directory of its path is made if it is
// missing. Whatever stands there already is an error, or with force removed.
func Listen(path string, force bool, log func(...logbook.Record)) (*Listener, error) {
	if l, err := activated(path, log); l != nil || err != nil {
		return l, err
	}
	if dir := filepath.Dir(path); filepath.IsAbs(path) {
		if err := os.Mkdir(dir, socketMode); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, errnoError(err)
		}
	}
	if _, err := os.Lstat(path); err == nil {
		if !force {
			say(log, logbook.Error, "Fail2ban seems to be already running")
			return nil, ErrRunning
		}
		say(log, logbook.Warning, "Forcing execution of the server")
		if err := os.Remove(path); err != nil {
			return nil, errnoError(err)
		}
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("bind %s: %w", path, err)
	}
	if err := os.Chmod(path, socketMode); err != nil {
		l.Close()
		return nil, fmt.Errorf("protect %s: %w", path, err)
	}
	return &Listener{Listener: l, path: path}, nil
}

func say(log func(...logbook.Record), level logbook.Level, format string, args ...any) {
	log(logbook.Record{Level: level, Logger: asyncLogger, Text: fmt.Sprintf(format, args...)})
}

// errnoError writes a failed system call on a path as Python does.
func errnoError(err error) error {
	var at *fs.PathError
	var errno syscall.Errno
	if errors.As(err, &at) && errors.As(err, &errno) {
		return fmt.Errorf("[Errno %d] %s: '%s'", int(errno), ErrnoText(errno), at.Path)
	}
	return err
}

// ErrnoText is the C library's text, which begins with a capital letter.
func ErrnoText(errno syscall.Errno) string {
	s := errno.Error()
	return strings.ToUpper(s[:1]) + s[1:]
}

// activated takes over a socket that systemd passed on: the one named
// fail2ban, else the first.
func activated(path string, log func(...logbook.Record)) (*Listener, error) {
	count, err := strconv.Atoi(os.Getenv("LISTEN_FDS"))
	if err != nil || count < 1 || os.Getenv("LISTEN_PID") != strconv.Itoa(os.Getpid()) {
		return nil, nil
	}
	names := strings.Split(os.Getenv("LISTEN_FDNAMES"), ":")
	for _, name := range []string{"LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"} {
		os.Unsetenv(name)
	}
	index := 0
	for i, name := range names {
		if name == "fail2ban" {
			index = min(i, count-1)
			break
		}
	}
	const firstFD = 3
	f := os.NewFile(uintptr(firstFD+index), "socket of systemd")
	defer f.Close()
	l, err := net.FileListener(f)
	if err != nil {
		return nil, fmt.Errorf("take over the socket of systemd: %w", err)
	}
	if u, ok := l.(*net.UnixListener); ok {
		u.SetUnlinkOnClose(false)
		path = u.Addr().String()
	}
	say(log, logbook.Info, "Using socket activation, inherited socket '%s'", path)
	return &Listener{Listener: l, inherited: true, path: path}, nil
}

// Path is where the socket is.
func (l *Listener) Path() string { return l.path }
