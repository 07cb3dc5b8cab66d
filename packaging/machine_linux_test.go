package packaging_test

import (
	"bytes"
	"context"
	"fmt"
	"hash/crc32"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"stockade/internal/testenv"
)

// machine is a Debian of the test's own, booted with its own systemd, or
// another init, and without a network.
type machine struct {
	testing.TB
	root string
	// init is the program for process 1, systemd where it is empty.
	init   string
	nspawn *exec.Cmd
	// console is what the machine and systemd-nspawn had to say.
	console bytes.Buffer
	exited  chan struct{}
}

// machines counts those of this process, for their names.
var machines atomic.Int32

// patience is how long a step may take on a busy machine.
const patience = 3 * time.Minute

// newMachine unpacks a fresh Debian, in which these packages are installed,
// too; it is not booted yet.
func newMachine(tb testing.TB, packages ...string) *machine {
	tb.Helper()
	testenv.Root(tb)
	testenv.Need(tb, "debootstrap", "systemd-nspawn", "nsenter")
	root := debian(tb)
	if len(packages) > 0 {
		root = debianWith(tb, root, packages)
	}
	return copyMachine(tb, root)
}

func copyMachine(tb testing.TB, root string) *machine {
	tb.Helper()
	m := &machine{TB: tb, root: filepath.Join(tb.TempDir(), "debian")}
	if out, err := exec.Command("cp", "-a", root, m.root).CombinedOutput(); err != nil {
		tb.Fatalf("copy the root: %v\n%s", err, out)
	}
	tb.Cleanup(m.halt)
	return m
}

// debianWith is a folder beside root, made once, in which packages are
// installed.
func debianWith(tb testing.TB, root string, packages []string) string {
	tb.Helper()
	with := fmt.Sprintf("%s-%08x", root, crc32.ChecksumIEEE([]byte(strings.Join(packages, " "))))
	if _, err := os.Stat(with); err == nil {
		return with
	}
	args := append([]string{root, with}, packages...)
	if out, err := exec.Command(filepath.Join(testenv.Module(tb), "scripts/debian-with"), args...).CombinedOutput(); err != nil {
		testenv.Skip(tb, fmt.Sprintf("packages %v cannot be installed: %v: %s", packages, err, out))
	}
	return with
}

var base struct {
	sync.Once
	dir string
	err error
}

// debian is the folder that machines are copied from, made once and cached.
func debian(tb testing.TB) string {
	tb.Helper()
	base.Do(func() {
		cache, err := os.UserCacheDir()
		if err != nil {
			base.err = err
			return
		}
		base.dir = filepath.Join(cache, "stockade", "debian-root")
		if _, err := os.Stat(base.dir); err == nil {
			return
		}
		out, err := exec.Command(filepath.Join(testenv.Module(tb), "scripts/debian-root"), base.dir).CombinedOutput()
		if err != nil {
			base.err = fmt.Errorf("%w: %s", err, out)
		}
	})
	if base.err != nil {
		testenv.Skip(tb, "no Debian can be had: "+base.err.Error())
	}
	return base.dir
}

// boot starts the machine and waits until its systemd has done so.
func (m *machine) boot() {
	m.Helper()
	name := fmt.Sprintf("stockade-%d-%d", os.Getpid(), machines.Add(1))
	args := []string{"-q", "-D", m.root, "-M", name, "--register=no", "--keep-unit", "--private-network", "--console=pipe"}
	if m.init == "" {
		args = append(args, "-b")
	} else {
		args = append(args, m.init)
	}
	m.nspawn = exec.Command("systemd-nspawn", args...)
	m.nspawn.Stdin, m.nspawn.Stdout, m.nspawn.Stderr = bytes.NewReader(nil), &m.console, &m.console
	if err := m.nspawn.Start(); err != nil {
		m.Fatalf("boot: %v", err)
	}
	m.exited = make(chan struct{})
	go func() {
		// Afterwards nothing is written to console any more.
		_ = m.nspawn.Wait()
		close(m.exited)
	}()
	m.waitBooted()
}

func (m *machine) waitBooted() {
	m.Helper()
	m.until("the machine has booted", func() bool {
		if m.leader() == 0 {
			return false
		}
		if m.init != "" {
			out, _ := m.try("runlevel")
			return strings.HasSuffix(strings.TrimSpace(out), " 2") && m.gone("rc|openrc")
		}
		out, _ := m.try("systemctl", "is-system-running")
		state := strings.TrimSpace(out)
		return state == "running" || state == "degraded"
	})
}

// gone tells whether no process has this name.
func (m *machine) gone(name string) bool {
	_, err := m.try("pgrep", "-x", name)
	return err != nil
}

// leader is the machine's process 1 as the host sees it, 0 if there is none.
func (m *machine) leader() int {
	out, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", m.nspawn.Process.Pid, m.nspawn.Process.Pid))
	if err != nil {
		return 0
	}
	for _, child := range strings.Fields(string(out)) {
		comm, _ := os.ReadFile("/proc/" + child + "/comm")
		if name := strings.TrimSpace(string(comm)); name == "systemd" || name == "init" {
			pid, _ := strconv.Atoi(child)
			return pid
		}
	}
	return 0
}

func (m *machine) command(ctx context.Context, args ...string) *exec.Cmd {
	enter := []string{"-t", strconv.Itoa(m.leader()), "-a", "--", "env", "DEBIAN_FRONTEND=noninteractive", "LANG=C.UTF-8", "HOME=/root"}
	cmd := exec.CommandContext(ctx, "nsenter", append(enter, args...)...)
	cmd.WaitDelay = time.Second
	return cmd
}

func (m *machine) try(args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	out, err := m.command(ctx, args...).CombinedOutput()
	return string(out), err
}

// run runs a program in the machine, which must go well.
func (m *machine) run(args ...string) string {
	m.Helper()
	out, err := m.try(args...)
	if err != nil {
		m.Fatalf("%s: %v\n%s\n%s", strings.Join(args, " "), err, out, m.journal())
	}
	return out
}

func (m *machine) sh(script string) string {
	m.Helper()
	return m.run("sh", "-ec", script)
}

func (m *machine) journal() string {
	out, _ := m.try("journalctl", "-n", "30", "--no-pager", "-o", "short")
	return out
}

func (m *machine) until(what string, done func() bool) {
	m.Helper()
	deadline := time.Now().Add(patience)
	for !done() {
		select {
		case <-m.exited:
			m.Fatalf("the machine has ended before %s\n%s", what, m.console.Bytes())
		default:
		}
		if time.Now().After(deadline) {
			m.Fatalf("waited in vain until %s\n%s", what, m.journal())
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// reboot has the machine go down and come up again: with --keep-unit a reboot
// ends systemd-nspawn, whose caller starts it again.
func (m *machine) reboot() {
	m.Helper()
	_, _ = m.try("reboot")
	select {
	case <-m.exited:
	case <-time.After(patience):
		m.Fatal("the machine did not go down")
	}
	m.boot()
}

func (m *machine) halt() {
	if m.nspawn == nil {
		return
	}
	_, _ = m.try("poweroff")
	select {
	case <-m.exited:
	case <-time.After(30 * time.Second):
		_ = m.nspawn.Process.Kill()
		<-m.exited
	}
	m.nspawn = nil
}

// file writes a file of the machine.
func (m *machine) file(path, text string) {
	m.Helper()
	path = filepath.Join(m.root, path)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		m.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		m.Fatal(err)
	}
}

var built struct {
	sync.Once
	dir string
	err error
}

// packages is the folder with the packages, built once.
func packages(tb testing.TB) string {
	tb.Helper()
	built.Do(func() {
		if built.dir = os.Getenv("STOCKADE_PACKAGES"); built.dir != "" {
			return
		}
		module := testenv.Module(tb)
		built.dir = filepath.Join(module, "dist")
		cmd := exec.Command(filepath.Join(module, "scripts/packages"))
		if out, err := cmd.CombinedOutput(); err != nil {
			built.err = fmt.Errorf("build the packages: %w\n%s", err, out)
		}
	})
	if built.err != nil {
		tb.Fatal(built.err)
	}
	return built.dir
}

// packageFile is the package of one kind, by the end of its name.
func packageFile(tb testing.TB, suffix string) string {
	tb.Helper()
	found, err := filepath.Glob(filepath.Join(packages(tb), "stockade*"+suffix))
	if err != nil || len(found) != 1 {
		tb.Fatalf("packages %s: %v, %v", suffix, found, err)
	}
	return found[0]
}

// bring copies the .deb into the machine.
func (m *machine) bring() {
	m.Helper()
	text, err := os.ReadFile(packageFile(m, "amd64.deb"))
	if err != nil {
		m.Fatal(err)
	}
	m.file("root/stockade.deb", string(text))
}

const installDeb = "cd /root && apt-get install -y ./stockade.deb"
