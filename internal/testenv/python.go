package testenv

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// python is the interpreter that Debian's package runs on. A python3 earlier
// in PATH may lack what the package needs.
const python = "/usr/bin/python3"

// Python finds a Python 3.11, whose texts and expressions are the ones that we
// imitate, or skips the test.
func Python(tb testing.TB) string {
	tb.Helper()
	for _, name := range []string{"python3.11", "python3", python} {
		path, ok := Look(name)
		if !ok {
			continue
		}
		version, err := exec.Command(path, "-c", "import sys; print('%d.%d' % sys.version_info[:2])").Output()
		if err == nil && strings.TrimSpace(string(version)) == "3.11" {
			return path
		}
	}
	Skip(tb, "there is no Python 3.11 to compare with")
	return ""
}

// PythonCommand runs Python 3.11 with these arguments.
func PythonCommand(tb testing.TB, args ...string) *exec.Cmd {
	tb.Helper()
	return exec.Command(Python(tb), append([]string{"-X", "utf8"}, args...)...)
}

// ReferenceCommand runs Python with the modules of the unpacked reference.
func ReferenceCommand(tb testing.TB, args ...string) *exec.Cmd {
	tb.Helper()
	cmd := exec.Command(python, args...)
	cmd.Env = append(ProgramEnv(Reference(tb)), "LC_ALL=C.UTF-8")
	return cmd
}

// ProgramEnv is the environment in which the unpacked programs find their own
// modules, also for the server that a client starts.
func ProgramEnv(dir string) []string {
	return append(os.Environ(),
		"PYTHONPATH="+filepath.Join(dir, "usr/lib/python3/dist-packages"),
		"PYTHONDONTWRITEBYTECODE=1",
		"PATH="+filepath.Join(dir, "usr/bin")+":/usr/sbin:/usr/bin:/sbin:/bin")
}

// Output gives a command an input and returns what it printed. The test fails
// where the command does.
func Output(tb testing.TB, cmd *exec.Cmd, stdin string) string {
	tb.Helper()
	var out, errs bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &errs
	if err := cmd.Run(); err != nil {
		tb.Fatalf("%s: %v\n%s", cmd, err, errs.String())
	}
	return out.String()
}

// Dialogue is a process that is asked and answers, as often as one likes.
type Dialogue struct {
	In  io.Writer
	Out *bufio.Reader
}

// Talk starts a command for a dialogue, which ends with the test. The test
// fails where the command does.
func Talk(tb testing.TB, cmd *exec.Cmd) *Dialogue {
	tb.Helper()
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		tb.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		_ = in.Close()
		if err := cmd.Wait(); err != nil {
			tb.Errorf("%s: %v", cmd, err)
		}
	})
	return &Dialogue{In: in, Out: bufio.NewReaderSize(out, 1<<20)}
}
