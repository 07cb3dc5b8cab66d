package cli

import (
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"time"

	"stockade/internal/server"
)

// manager is the service manager that started the process, as sd_notify(3) has
// it. Without one it is nil, and says nothing.
type manager struct {
	socket string
	// watchdog is how often it wants to hear that all is well; 0 for never.
	watchdog time.Duration
}

// serviceManager reads the environment and takes out of it what is not for the
// commands of actions.
func serviceManager() *manager {
	m := &manager{socket: os.Getenv("NOTIFY_SOCKET")}
	if m.socket == "" {
		return nil
	}
	pid, microseconds := os.Getenv("WATCHDOG_PID"), os.Getenv("WATCHDOG_USEC")
	if n, err := strconv.ParseInt(microseconds, 10, 64); err == nil && n > 0 && (pid == "" || pid == strconv.Itoa(os.Getpid())) {
		m.watchdog = time.Duration(n) * time.Microsecond / 2
	}
	for _, name := range []string{"NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC"} {
		os.Unsetenv(name)
	}
	return m
}

// tell sends a state. A service manager that does not listen any more has
// nothing to be told.
func (m *manager) tell(state string) {
	if m == nil {
		return
	}
	conn, err := net.Dial("unixgram", m.socket)
	if err != nil {
		return
	}
	defer conn.Close()
	_, _ = conn.Write([]byte(state))
}

// ready says that the server does its work, and what that is.
func (m *manager) ready(s *server.Server) {
	m.tell(fmt.Sprintf("READY=1\nSTATUS=%d jail(s) on watch", len(s.Jails())))
}

// reloading says that the configuration is read again; ready ends it.
func (m *manager) reloading() {
	m.tell("RELOADING=1\nMONOTONIC_USEC=" + strconv.FormatInt(monotonic(), 10))
}

// reassure keeps the watchdog quiet as long as the server answers.
func (m *manager) reassure(ctx context.Context, s *server.Server) {
	if m == nil || m.watchdog == 0 {
		return
	}
	ticker := time.NewTicker(m.watchdog)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			if alive(ctx, s, m.watchdog) {
				m.tell("WATCHDOG=1")
			}
		case <-ctx.Done():
			return
		}
	}
}

// alive asks every jail, which has to answer within the time.
func alive(ctx context.Context, s *server.Server, within time.Duration) bool {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	for _, j := range s.Jails() {
		if _, _ = j.View(ctx, false); ctx.Err() != nil {
			return false
		}
	}
	return true
}
