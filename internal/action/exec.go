package action

import (
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"

	"stockade/internal/clock"
	"stockade/internal/logbook"
	"stockade/internal/pyobj"
)

const (
	// outputBound is how much of each of a command's two outputs is kept. The
	// rest is read and thrown away, so that no command waits for us.
	outputBound = 64 << 10
	// killPause is how long a command's processes have between the request to
	// end and the order to.
	killPause = 200 * time.Millisecond
)

// outcome is how a command ended.
type outcome struct {
	ok bool
	// code is the exit code, negative for a signal.
	code int
	logs []logbook.Record
}

const logUtils = "fail2ban.utils"

// execute runs a command in a session of its own, and ends it with all the
// processes of its group when its time is over. good are the exit codes that
// are no failure.
func execute(clk clock.Clock, s script, timeout time.Duration, timeoutText string, good ...int) outcome {
	c := &running{script: s, id: textID(s.text), good: good}
	if err := c.start(); err != nil {
		c.exec(logbook.Error)
		c.log(logbook.Error, "cannot be started: %v", err)
		return outcome{code: -1, logs: c.logs}
	}
	timer := clk.NewTimer(timeout)
	defer timer.Stop()
	select {
	case <-c.done:
	case <-timer.C():
		c.exec(logbook.Error)
		c.log(logbook.Error, "timed out after %s seconds.", timeoutText)
		c.end()
	}
	stdout, stderr := c.stdout.finish(), c.stderr.finish()
	return c.report(stdout, stderr)
}

// textID stands for the command in the log, as the reference's object numbers
// do, but the same for the same text.
func textID(text string) string {
	h := fnv.New64a()
	_, _ = io.WriteString(h, text)
	return fmt.Sprintf("7f%010x", h.Sum64()&0xffffffffff)
}

// running is a command that was started.
type running struct {
	script         script
	id             string
	cmd            *exec.Cmd
	stdout, stderr *output
	done           chan struct{}
	good           []int
	shown          bool
	logs           []logbook.Record
}

func (c *running) log(level logbook.Level, format string, args ...any) {
	c.logs = append(c.logs, logbook.Record{
		Level: level, Logger: logUtils, Text: c.id + " -- " + fmt.Sprintf(format, args...),
	})
}

// exec logs the command itself, once.
func (c *running) exec(level logbook.Level) {
	if !c.shown {
		c.shown = true
		c.log(level, "exec: %s", c.script.shown())
	}
}

func (c *running) start() error {
	argv := c.script.argv()
	c.cmd = exec.Command(argv[0], argv[1:]...)
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	var files [2]*os.File
	for i, out := range []**output{&c.stdout, &c.stderr} {
		r, w, err := os.Pipe()
		if err != nil {
			return fmt.Errorf("make a pipe: %w", err)
		}
		files[i] = w
		*out = capture(r)
	}
	c.cmd.Stdout, c.cmd.Stderr = files[0], files[1]
	err := c.cmd.Start()
	for _, w := range files {
		_ = w.Close()
	}
	if err != nil {
		c.stdout.finish()
		c.stderr.finish()
		return err
	}
	c.done = make(chan struct{})
	go func() {
		_ = c.cmd.Wait()
		close(c.done)
	}()
	return nil
}

// end ends the command's process group: first by asking, then by force in any
// case, because only the shell may have obeyed.
func (c *running) end() {
	pid := c.cmd.Process.Pid
	_ = syscall.Kill(-pid, syscall.SIGTERM)
	select {
	case <-c.done:
	case <-time.After(killPause):
	}
	_ = syscall.Kill(-pid, syscall.SIGKILL)
	<-c.done
}

func (c *running) report(stdout, stderr captured) outcome {
	code := exitCode(c.cmd.ProcessState)
	level, ok := logbook.Error, slices.Contains(c.good, code)
	if ok {
		level = logbook.Debug
	}
	if !ok {
		c.exec(level)
	}
	c.lines(level, "stdout", stdout)
	c.lines(level, "stderr", stderr)
	switch {
	case ok:
		c.log(level, "returned successfully %d", code)
	case code < 0:
		c.log(level, "killed with %s (return code: %d)", signalName(-code), code)
	case code > 128 && signalName(code-128) != "":
		c.log(level, "killed with %s (return code: %d)", signalName(code-128), code)
	default:
		c.log(level, "returned %d", code)
		if code == 127 {
			c.logs = append(c.logs, logbook.Record{Level: logbook.Info, Logger: logUtils, Text: fmt.Sprintf(
				"HINT on 127: \"Command not found\".  The shell found no such program in the PATH of the server (%s); the command was %s",
				os.Getenv("PATH"), pyobj.Repr(c.script.text))})
		}
	}
	return outcome{ok: ok, code: code, logs: c.logs}
}

// lines logs what a command printed.
func (c *running) lines(level logbook.Level, name string, out captured) {
	text := strings.TrimRight(string(out.kept), "\n")
	if text != "" {
		for line := range strings.SplitSeq(text, "\n") {
			c.log(level, "%s: %s", name, pyobj.Repr(strings.ToValidUTF8(line, "�")))
		}
	}
	if out.lost > 0 {
		c.log(level, "%s: %d more bytes were not kept", name, out.lost)
	}
}

func exitCode(state *os.ProcessState) int {
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return -int(status.Signal())
	}
	return state.ExitCode()
}

// signalName is the name of a signal in C, "" for what is none.
func signalName(n int) string {
	names := []string{
		"", "SIGHUP", "SIGINT", "SIGQUIT", "SIGILL", "SIGTRAP", "SIGABRT", "SIGBUS", "SIGFPE", "SIGKILL", "SIGUSR1",
		"SIGSEGV", "SIGUSR2", "SIGPIPE", "SIGALRM", "SIGTERM", "SIGSTKFLT", "SIGCHLD", "SIGCONT", "SIGSTOP",
		"SIGTSTP", "SIGTTIN", "SIGTTOU", "SIGURG", "SIGXCPU", "SIGXFSZ", "SIGVTALRM", "SIGPROF", "SIGWINCH",
		"SIGPOLL", "SIGPWR", "SIGSYS",
	}
	if n < 0 || n >= len(names) {
		return ""
	}
	return names[n]
}

// captured is the output that a command left.
type captured struct {
	kept []byte
	lost int64
}

// output reads a pipe to its end and keeps the first part.
type output struct {
	r    *os.File
	got  captured
	done chan struct{}
}

func capture(r *os.File) *output {
	o := &output{r: r, done: make(chan struct{})}
	go func() {
		defer close(o.done)
		buf := make([]byte, 16<<10)
		for {
			n, err := r.Read(buf)
			o.keep(buf[:n])
			if err != nil {
				return
			}
		}
	}()
	return o
}

func (o *output) keep(b []byte) {
	room := max(outputBound-len(o.got.kept), 0)
	o.got.kept = append(o.got.kept, b[:min(room, len(b))]...)
	o.got.lost += int64(max(len(b)-room, 0))
}

// finish takes what is in the pipe after the command has ended. It does not
// wait for children that keep the pipe open.
func (o *output) finish() captured {
	// Stops a Read that waits; what is in the pipe is read by hand.
	if err := o.r.SetReadDeadline(time.Unix(1, 0)); err == nil {
		<-o.done
		o.rest()
	}
	_ = o.r.Close()
	<-o.done
	return o.got
}

func (o *output) rest() {
	raw, err := o.r.SyscallConn()
	if err != nil {
		return
	}
	buf := make([]byte, 16<<10)
	for o.got.lost < outputBound {
		n := 0
		err := raw.Control(func(fd uintptr) {
			n, err = syscall.Read(int(fd), buf)
		})
		if err != nil || n <= 0 {
			if errors.Is(err, syscall.EINTR) {
				continue
			}
			return
		}
		o.keep(buf[:n])
	}
}
