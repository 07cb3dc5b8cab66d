package packaging_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"stockade/internal/testenv"
)

// engine is podman with a store of the test's own.
type engine struct {
	testing.TB
	dir string
}

func newEngine(tb testing.TB) *engine {
	tb.Helper()
	testenv.Root(tb)
	testenv.Need(tb, "podman", "runc")
	// Podman wants short names for its sockets.
	dir, err := os.MkdirTemp("", "podman")
	if err != nil {
		tb.Fatal(err)
	}
	e := &engine{tb, dir}
	tb.Cleanup(func() {
		_, _ = e.try("rm", "-f", "-a")
		_ = os.RemoveAll(dir)
	})
	return e
}

func (e *engine) try(args ...string) (string, error) {
	own := []string{
		"--root", filepath.Join(e.dir, "root"), "--runroot", filepath.Join(e.dir, "run"), "--tmpdir", filepath.Join(e.dir, "tmp"),
		"--storage-driver", "vfs", "--cgroup-manager", "cgroupfs", "--events-backend", "none", "--runtime", "runc",
	}
	out, err := exec.Command("podman", append(own, args...)...).CombinedOutput()
	return string(out), err
}

func (e *engine) run(args ...string) string {
	e.Helper()
	out, err := e.try(args...)
	if err != nil {
		logs, _ := e.try("logs", "stockade")
		e.Fatalf("podman %s: %v\n%s\n%s", strings.Join(args, " "), err, out, logs)
	}
	return out
}

// TestImageBansInTheNetworkItShares runs the image in a real engine as the
// documentation has it, but for a network of the test's own in the place of
// the host's.
func TestImageBansInTheNetworkItShares(t *testing.T) {
	full(t)
	testenv.Need(t, "nft")
	e := newEngine(t)
	n := testenv.NewNetns(t)
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("log/auth.log", "")
	write("etc/jail.local", "[sshd]\nenabled = true\nlogpath = /var/log/auth.log\n")
	loaded := e.run("load", "-q", "-i", packageFile(t, "_oci.tar"))
	image, ok := strings.CutPrefix(strings.TrimSpace(loaded), "Loaded image: ")
	if !ok || !strings.HasPrefix(image, "localhost/stockade:") {
		t.Fatalf("load printed %q", loaded)
	}
	start := []string{
		"run", "-d", "--name", "stockade", "--network", "ns:" + n.Path(), "--cap-add", "NET_ADMIN", "--cap-add", "NET_RAW",
		"-v", dir + "/log:/var/log:ro", "-v", dir + "/etc:/etc/fail2ban:ro", "-v", "stockade:/var/lib/fail2ban",
		// Podman would raise these, which the root of a container may not.
		"--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024", image,
	}
	e.run(start...)
	e.eventually("the server answers", func() bool {
		out, err := e.try("exec", "stockade", "fail2ban-client", "status")
		return err == nil && strings.Contains(out, "Jail list:\tsshd")
	})
	var lines strings.Builder
	for i := range 5 {
		fmt.Fprintf(&lines, "%s gate sshd[77]: Failed password for root from 203.0.113.9 port %d ssh2\n", time.Now().UTC().Format(time.Stamp), 40000+i)
	}
	write("log/auth.log", lines.String())
	set := func() string { return n.Run(t, "nft", "list", "ruleset") }
	e.eventually("the address is in the kernel's set", func() bool { return strings.Contains(set(), "203.0.113.9") })
	if out := e.run("exec", "stockade", "stockade", "status", "sshd"); !strings.Contains(out, "Banned IP list:\t203.0.113.9") || !strings.Contains(out, "runs natively") {
		t.Errorf("status is\n%s", out)
	}
	if out := e.run("exec", "stockade", "stockade", "check"); strings.Contains(out, "error") {
		t.Errorf("check says\n%s", out)
	}

	e.run("stop", "-t", "20", "stockade")
	if out := e.run("inspect", "--format", "{{.State.Status}} {{.State.ExitCode}}", "stockade"); strings.TrimSpace(out) != "exited 0" {
		t.Errorf("after the stop it is %s", out)
	}
	if !strings.Contains(set(), "203.0.113.9") {
		t.Error("a stop lifted the ban, of which another container cannot know whether it comes")
	}
	e.run("rm", "stockade")
	e.run(start...)
	e.eventually("the ban is the new container's", func() bool {
		out, err := e.try("exec", "stockade", "fail2ban-client", "get", "sshd", "banip")
		return err == nil && strings.TrimSpace(out) == "203.0.113.9"
	})
	e.run("exec", "stockade", "fail2ban-client", "stop")
	e.eventually("the firewall is empty", func() bool { return strings.TrimSpace(set()) == "" })
}

func (e *engine) eventually(what string, done func() bool) {
	e.Helper()
	deadline := time.Now().Add(patience)
	for !done() {
		if time.Now().After(deadline) {
			logs, _ := e.try("logs", "stockade")
			e.Fatalf("waited in vain until %s\n%s", what, logs)
		}
		time.Sleep(100 * time.Millisecond)
	}
}
