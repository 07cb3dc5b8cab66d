package acceptance

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"stockade/internal/testenv"
)

// unitFiles are the service file, and drop-ins after it, under whose sandbox
// the tests' servers run; none, and they are plain children of the tests. It
// needs a systemd that both can talk to, and a TMPDIR that the sandbox does
// not hide (PrivateTmp).
func unitFiles() []string { return strings.Fields(os.Getenv("STOCKADE_UNIT")) }

// underUnit tells whether systemd has to start the server.
func (in *instance) underUnit() bool { return in.library && len(unitFiles()) > 0 }

// refusal is why a test is left out under a unit that lets no programs run.
const refusal = "the unit is closed against programs, and this test needs some"

// refused tells whether a server says so.
func refused(said string) bool { return strings.Contains(said, "closed against programs") }

// units counts those of this process, for their names.
var units atomic.Int32

// unitOnTop is all that a test's unit has beside the files as they are
// shipped: another command, the test's network, and its folder to write into.
// A server that a test kills is started again by the test alone.
const unitOnTop = `[Unit]
StartLimitIntervalSec=0
[Service]
EnvironmentFile=DIR/unit/environment
ExecStart=
ExecStart=COMMAND
ExecReload=
Restart=no
RuntimeDirectory=
RuntimeDirectory=NAME
StateDirectory=
StateDirectory=NAME
StandardOutput=append:DIR/unit/output
StandardError=append:DIR/unit/output
ReadWritePaths=DIR
`

// startUnit has systemd start the server, which is ready afterwards.
func (in *instance) startUnit(tb testing.TB) {
	tb.Helper()
	if in.unit == "" {
		in.unit = fmt.Sprintf("acceptance-%d-%d", os.Getpid(), units.Add(1))
		tb.Cleanup(func() { in.removeUnit() })
	}
	in.writeUnit(tb)
	out, err := exec.Command("systemctl", "start", in.unit).CombinedOutput()
	said, _ := os.ReadFile(in.path("unit/output"))
	in.out.Reset()
	in.out.Write(said)
	if err != nil {
		journal, _ := exec.Command("journalctl", "--no-pager", "-o", "cat", "-n", "20", "-u", in.unit).Output()
		tb.Fatalf("start %s: %v\n%s%s%s\n%s", in.unit, err, out, journal, said, short(in.log()))
	}
	if refused(string(said) + in.log()) {
		testenv.Skip(tb, refusal)
	}
	text, err := exec.Command("systemctl", "show", "--value", "-p", "MainPID", in.unit).Output()
	if err != nil {
		tb.Fatalf("main process of %s: %v", in.unit, err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || pid == 0 {
		tb.Fatalf("%s has no main process: %q\n%s\n%s", in.unit, text, said, short(in.log()))
	}
	if status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid)); !strings.Contains(string(status), "Seccomp:\t2\n") {
		tb.Fatalf("%s is in no sandbox:\n%s", in.unit, status)
	}
	in.cmd = in.program("server")
	if in.cmd.Process, err = os.FindProcess(pid); err != nil {
		tb.Fatal(err)
	}
}

// writeUnit writes the unit: the files as they are, and what is on top.
func (in *instance) writeUnit(tb testing.TB) {
	tb.Helper()
	cmd := in.serverCommand()
	top := strings.NewReplacer("DIR", in.dir, "NAME", in.unit, "COMMAND", unitCommand(cmd.Args)).Replace(unitOnTop)
	if in.netn != nil {
		top += "NetworkNamespacePath=" + in.netn.Path() + "\n"
		// As ip netns exec does it.
		own, _ := filepath.Glob("/etc/netns/" + in.netn.Name + "/*")
		for _, name := range own {
			top += "BindPaths=" + name + ":/etc/" + filepath.Base(name) + "\n"
		}
	}
	if len(in.without) > 0 {
		top += "CapabilityBoundingSet=~" + strings.Join(in.without, " ") + "\n"
	}
	for i, name := range unitFiles() {
		text, err := os.ReadFile(name)
		if err != nil {
			tb.Fatal(err)
		}
		if i == 0 {
			writeFile(tb, unitPath(in.unit+".service"), string(text))
			continue
		}
		writeFile(tb, unitPath(in.unit+".service.d", fmt.Sprintf("%d.conf", i)), string(text))
	}
	writeFile(tb, unitPath(in.unit+".service.d", "test.conf"), top)
	writeFile(tb, in.path("unit/environment"), unitEnvironment(cmd.Env))
	run(tb, exec.Command("systemctl", "daemon-reload"))
}

func unitPath(names ...string) string {
	return filepath.Join(append([]string{"/run/systemd/system"}, names...)...)
}

// removeUnit leaves nothing behind, also of a server that does not end.
func (in *instance) removeUnit() {
	_ = exec.Command("systemctl", "kill", "-s", "KILL", in.unit).Run()
	_ = exec.Command("systemctl", "stop", in.unit).Run()
	_ = exec.Command("systemctl", "reset-failed", in.unit).Run()
	_ = os.RemoveAll(unitPath(in.unit + ".service"))
	_ = os.RemoveAll(unitPath(in.unit + ".service.d"))
}

// unitCommand is a command line as systemd reads it.
func unitCommand(args []string) string {
	quoted := make([]string, len(args))
	for i, arg := range args {
		quoted[i] = strconv.Quote(strings.NewReplacer("%", "%%", "$", "$$").Replace(arg))
	}
	return strings.Join(quoted, " ")
}

// unitEnvironment is what a test gives its server, but for what the unit sets
// itself.
func unitEnvironment(env []string) string {
	if env == nil {
		env = os.Environ()
	}
	var b strings.Builder
	for _, entry := range env {
		name, value, _ := strings.Cut(entry, "=")
		if name != "LANG" && !strings.HasPrefix(name, "STOCKADE_") && !strings.Contains(value, "\n") {
			fmt.Fprintf(&b, "%s=%q\n", name, value)
		}
	}
	return b.String()
}
