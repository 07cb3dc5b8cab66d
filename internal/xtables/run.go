package xtables

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

var (
	errTimeout   = errors.New("timed out")
	errNoProgram = errors.New("cannot be run")
)

// messageBound is how much of a program's complaint is kept.
const messageBound = 300

// runProgram runs a program with the input and returns what it prints. It is
// ended with its children when its time is over.
func runProgram(input string, timeout time.Duration, argv ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, find(argv[0]), argv[1:]...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	cmd.Stdin = strings.NewReader(input)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	switch {
	case err == nil:
		return stdout.String(), nil
	case ctx.Err() != nil:
		return "", fmt.Errorf("%s %w after %v", filepath.Base(argv[0]), errTimeout, timeout)
	}
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return "", fmt.Errorf("%s %w: %w", argv[0], errNoProgram, err)
	}
	message := strings.Join(strings.Fields(stderr.String()), " ")
	if len(message) > messageBound {
		message = message[:messageBound] + "…"
	}
	return "", fmt.Errorf("%s: %s (%v)", filepath.Base(argv[0]), message, exit)
}

// find looks for a program also where only administrators have their path.
func find(program string) string {
	if strings.Contains(program, "/") {
		return program
	}
	for _, candidate := range []string{program, "/usr/sbin/" + program, "/sbin/" + program} {
		if path, err := exec.LookPath(candidate); err == nil {
			return path
		}
	}
	return program
}
