package cli

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"stockade/internal/config"
	"stockade/internal/control"
	"stockade/internal/logbook"
)

// daemonMark is set in the environment of the process that is the server.
const daemonMark = "STOCKADE_DAEMON"

// The pace of waiting for a server: pauses double up to a bound, which is
// smaller at first.
const (
	firstPause   = 12500 * time.Microsecond
	earlyPause   = 100 * time.Millisecond
	latePause    = 500 * time.Millisecond
	earlyPhase   = 200 * time.Millisecond
	quickPing    = 100 * time.Millisecond
	progressFrom = time.Second
)

// start starts a server in the background and configures it.
func (c *client) start() bool {
	result, ok := c.prepare()
	return ok && c.launch(result)
}

// prepare checks that a server can be started, and reads its configuration.
func (c *client) prepare() (*config.Result, bool) {
	if c.ping(quickPing) {
		c.logf(logbook.Error, "Server already running")
		return nil, false
	}
	result, ok := c.readConfiguration("", config.Start)
	return result, ok && c.socketFree()
}

// socketFree tells whether a server may put its socket there.
func (c *client) socketFree() bool {
	if _, err := os.Lstat(c.opts.socket); err == nil && !c.opts.force {
		c.logf(logbook.Error, "Fail2ban seems to be in unexpected state (not running but the socket exists)")
		return false
	}
	return true
}

// launch puts a server into the background, waits until it answers and sends
// it the configuration.
func (c *client) launch(result *config.Result) bool {
	if err := c.daemonize(); err != nil {
		c.logf(logbook.Error, "Could not start server: %v", err)
		return false
	}
	if !c.waitReady() {
		c.logf(logbook.Error, "Could not start server. Maybe an old socket file is still present. Try to remove %s. "+
			"If you used fail2ban-client to start the server, adding the -x option will do it", c.opts.socket)
		return false
	}
	return c.configure(result)
}

// daemonize starts this program anew as a server, in a session of its own and
// with nothing open. Paths are made absolute, for it lives in the root
// directory.
func (c *client) daemonize() error {
	exe, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("open %s: %w", os.DevNull, err)
	}
	defer null.Close()
	cmd := &exec.Cmd{
		Path: exe, Args: append([]string{"fail2ban-server"}, c.serverArgs()...), Dir: "/",
		Env:   append(os.Environ(), daemonMark+"=1"),
		Stdin: null, Stdout: null, Stderr: null,
		SysProcAttr: &syscall.SysProcAttr{Setsid: true},
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", exe, err)
	}
	return cmd.Process.Release()
}

// serverArgs is the command line of the server that is started.
func (c *client) serverArgs() []string {
	o := c.opts
	args := []string{"--async", "-b", "-s", absolute(o.socket), "-p", absolute(o.pidfile), "-c", absolute(o.conf)}
	if o.force {
		args = append(args, "-x")
	}
	for range o.verbosity - 2 {
		args = append(args, "-v")
	}
	if o.pname != "fail2ban-server" && c.server {
		args = append(args, "--pname", o.pname)
	}
	if o.noLibrary {
		args = append(args, "--library", "none")
	}
	if o.noNative {
		args = append(args, "--native", "never")
	}
	return append(args, "--loglevel", o.loglevel, "--logtarget", o.logtarget, "--syslogsocket", o.syslogsocket)
}

// absolute makes a path absolute that belongs to the user's directory.
func absolute(path string) string {
	abs, err := filepath.Abs(path)
	if err != nil {
		return path
	}
	return abs
}

// waitReady waits until the server answers.
func (c *client) waitReady() bool {
	return c.await(func(pause time.Duration) bool {
		_, err := os.Stat(c.opts.socket)
		return err == nil && c.ping(pause)
	})
}

// await asks again and again, until the answer is yes or the time is over.
func (c *client) await(done func(pause time.Duration) bool) bool {
	begin, pause := time.Now(), firstPause
	bar := &progress{c: c}
	defer bar.clear()
	for {
		if done(pause) {
			return true
		}
		waited := time.Since(begin)
		if waited > c.opts.timeout {
			return false
		}
		if waited > progressFrom && c.opts.verbosity > 1 {
			bar.show()
		}
		time.Sleep(pause)
		limit := latePause
		if waited < earlyPhase {
			limit = earlyPause
		}
		pause = min(2*pause, limit)
	}
}

// progress is the bar that moves while one waits.
type progress struct {
	c     *client
	at    int
	drawn bool
}

const progressWidth = 10

func (p *progress) show() {
	p.drawn = true
	bar := strings.Repeat(" ", p.at%progressWidth) + "#" + strings.Repeat(" ", progressWidth-1-p.at%progressWidth)
	p.at++
	fmt.Fprintf(p.c.env.Stdout, "\rINFO   [%s] Waiting on the server...", bar)
}

func (p *progress) clear() {
	if p.drawn {
		fmt.Fprintf(p.c.env.Stdout, "\r%s\r", strings.Repeat(" ", 50))
	}
}

// restart stops the server, if there is one, waits until it is gone and
// starts one. The bans of a server of ours stay in the kernel meanwhile. A
// server is not stopped for a configuration with which none can be started.
func (c *client) restart() bool {
	var result *config.Result
	running, ok := c.ping(quickPing), true
	if running {
		if result, ok = c.readConfiguration("", config.Start); !ok {
			return false
		}
	}
	c.tellStep("stop")
	if c.isOurs() {
		c.exchange([]string{"stop"}, []any{control.LeaveCommand}, 0)
	} else {
		c.exchange([]string{"stop"}, nil, 0)
	}
	if !c.await(func(pause time.Duration) bool { return !c.ping(pause) }) {
		c.logf(logbook.Error, "Could not stop server")
		return false
	}
	c.tellStep("load configuration")
	if !running {
		result, ok = c.readConfiguration("", config.Start)
	}
	if !ok || !c.socketFree() {
		return false
	}
	c.tellStep("start")
	return c.launch(result)
}

// tellStep says in interactive mode what comes next.
func (c *client) tellStep(what string) {
	if c.prompt {
		c.println("  ## " + what + " ... ")
	}
}

// isOurs asks whether the server is a Stockade.
func (c *client) isOurs() bool {
	version, err := serverVersion(c.opts.socket, quickPing)
	return err == nil && strings.HasPrefix(version, "Stockade ")
}
