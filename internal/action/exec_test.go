package action

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"stockade/internal/clock"
)

func logText(out outcome) string {
	var lines []string
	for _, r := range out.logs {
		lines = append(lines, r.Level.String()+" "+r.Text[strings.Index(r.Text, " -- ")+4:])
	}
	return strings.Join(lines, "\n")
}

// hang runs a command that ends only by force, with a clock of the test. The
// time-out comes when the command has made the file.
func hang(t *testing.T, text string) outcome {
	t.Helper()
	ready := filepath.Join(t.TempDir(), "ready")
	clk := clock.NewManual(time.Unix(0, 0))
	done := make(chan outcome, 1)
	go func() {
		done <- execute(clk, script{text: strings.ReplaceAll(text, "READY", ready)}, time.Minute, "60", 0)
	}()
	for {
		if _, err := os.Stat(ready); err == nil {
			break
		}
		time.Sleep(time.Millisecond)
	}
	for {
		clk.Advance(time.Minute)
		select {
		case out := <-done:
			return out
		case <-time.After(time.Millisecond):
		}
	}
}

func TestHangingCommandIsEndedWithItsChildren(t *testing.T) {
	pids := filepath.Join(t.TempDir(), "pids")
	out := hang(t, `trap "" TERM; sleep 1000 & echo $! > `+pids+`; (trap "" TERM; sleep 1000 & echo $! >> `+pids+`; : > READY; wait); wait`)
	if out.ok || !strings.Contains(logText(out), "ERROR timed out after 60 seconds.\nERROR killed with SIGKILL (return code: -9)") {
		t.Errorf("code %d\n%s", out.code, logText(out))
	}
	list, err := os.ReadFile(pids)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range strings.Fields(string(list)) {
		pid, _ := strconv.Atoi(text)
		// The order to end is given when execute returns; obeying takes a moment.
		for deadline := time.Now().Add(10 * time.Second); alive(pid); time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("child %d lives on", pid)
			}
		}
	}
}

// alive tells whether a process runs; one that only waits to be buried does not.
func alive(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(rest, "Z") && !strings.HasPrefix(rest, "X")
}

func TestCommandThatObeysEndsBySIGTERM(t *testing.T) {
	out := hang(t, "echo out; : > READY; exec sleep 1000")
	want := "ERROR exec: "
	if got := logText(out); !strings.HasPrefix(got, want) ||
		!strings.HasSuffix(got, "\nERROR timed out after 60 seconds.\nERROR stdout: 'out'\nERROR killed with SIGTERM (return code: -15)") {
		t.Error(got)
	}
}

// Trap 29: the reference waits for the time-out, twice; here it is only long.
func TestLargeOutputHangsNothing(t *testing.T) {
	out := execute(clock.Real(), script{text: "head -c 50000000 /dev/zero | tr '\\0' 'x'; echo; echo end; exit 3"}, time.Minute, "60", 0)
	if out.code != 3 {
		t.Errorf("code %d", out.code)
	}
	size := 0
	for _, r := range out.logs {
		size += len(r.Text)
	}
	if size > 4*outputBound || !strings.Contains(logText(out), "more bytes were not kept") {
		t.Errorf("%d bytes of log", size)
	}
}

func TestBackgroundChildrenOfASuccessSurviveAndDelayNothing(t *testing.T) {
	pidFile := filepath.Join(t.TempDir(), "pid")
	out := execute(clock.Real(), script{text: "sleep 1000 & echo $! > " + pidFile + "; echo done"}, time.Minute, "60", 0)
	if !out.ok {
		t.Fatalf("code %d", out.code)
	}
	text, err := os.ReadFile(pidFile)
	if err != nil {
		t.Fatal(err)
	}
	pid, _ := strconv.Atoi(strings.TrimSpace(string(text)))
	if !alive(pid) {
		t.Error("the child is gone")
	}
	_ = syscall.Kill(pid, syscall.SIGKILL)
}

func TestOutputWrittenBeforeTheEndIsNeverLost(t *testing.T) {
	for range 50 {
		out := execute(clock.Real(), script{text: "echo a; echo b >&2; exit 1"}, time.Minute, "60", 0)
		if got := logText(out); !strings.HasSuffix(got, "ERROR stdout: 'a'\nERROR stderr: 'b'\nERROR returned 1") {
			t.Fatal(got)
		}
	}
}

// More than ten variables: "$10" would be "$1" and a zero in some shells.
func TestManyUntrustedValuesKeepTheirPlaces(t *testing.T) {
	in := nobody(&Env{Clock: clock.Real()}, "")
	text := "printf '%s|'"
	want := ""
	for i := range 25 {
		tag := fmt.Sprintf("t%02d", i)
		in.seen[tag] = fmt.Sprintf("$(%d)", i)
		text += ` "<` + tag + `>"`
		want += fmt.Sprintf("$(%d)|", i)
	}
	out := execute(clock.Real(), substitute(text+"; exit 1", in), time.Minute, "60", 0)
	if !strings.Contains(logText(out), "stdout: '"+want+"'") {
		t.Error(logText(out))
	}
}
