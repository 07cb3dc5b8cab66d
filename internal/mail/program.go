package mail

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// Program is a local program that takes messages, like sendmail.
type Program struct {
	// Argv is the program and its arguments. No shell sees it.
	Argv []string
}

const (
	// maxComplaint is how much of a program's output an error shows.
	maxComplaint = 2 << 10
	// killPause is how long the program may take to obey.
	killPause = 200 * time.Millisecond
)

// Send runs the program with the message as its input. Sender and recipients
// are for its arguments to name. When the context ends, so does it, with all
// the processes of its group.
func (p Program) Send(ctx context.Context, _ string, _ []string, raw []byte) error {
	if len(p.Argv) == 0 {
		return errors.New("no program is set to send mails with")
	}
	cmd := exec.CommandContext(ctx, p.Argv[0], p.Argv[1:]...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.Stdin = bytes.NewReader(raw)
	out := &complaint{}
	cmd.Stdout, cmd.Stderr = out, out
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	// Children may keep the pipes open; nothing waits for them.
	cmd.WaitDelay = killPause
	err := cmd.Run()
	if ctx.Err() != nil && cmd.Process != nil {
		// The group's number is still its own: a member of it holds the pipe,
		// or nobody is left and the signal finds nothing.
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		err = context.Cause(ctx)
	}
	if errors.Is(err, exec.ErrWaitDelay) {
		err = nil // it ended well and left something running
	}
	if err == nil {
		return nil
	}
	text := strings.TrimSpace(OneLine(out.String()))
	if text != "" {
		text = ": " + text
	}
	return &Error{"hand a mail to " + p.Argv[0], fmt.Errorf("%w%s", err, text)}
}

// complaint keeps the beginning of what is written to it.
type complaint struct{ bytes.Buffer }

func (c *complaint) Write(b []byte) (int, error) {
	room := max(maxComplaint-c.Len(), 0)
	c.Buffer.Write(b[:min(room, len(b))])
	return len(b), nil
}
