package acceptance

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"stockade/internal/testenv"
)

// scratch is a machine in namespaces of its own: network, mounts, processes
// and host name. Its /etc is a copy; /var, /run, /home, /root, /usr/local and
// /dev are its own; /usr is the host's, with programs laid over it that the
// host need not have, and without Fail2ban.
type scratch struct {
	dir    string
	netn   *testenv.Netns
	client *testenv.Netns
	init   int // its process 1, as the host counts
}

// layers are packages laid over the scratch machine's /usr. The mail servers
// exclude each other as packages, so they are unpacked and not installed.
// Whose sendmail is wanted comes first.
var layers = [][]string{{"postfix"}, {"exim4-daemon-light", "exim4-base"}, {"apache2-bin"}}

// newScratch makes the machine, with a way to a client.
func newScratch(t *testing.T) *scratch {
	t.Helper()
	testenv.Need(t, "unshare", "nsenter", "nft", "sshd", "ssh", "ssh-keygen", "sshpass", "rsyslogd", "logger", "sqlite3", "curl", "make")
	s := &scratch{dir: t.TempDir()}
	s.netn, s.client = testenv.Pair(t)
	var lower []string
	for _, names := range layers {
		lower = append(lower, filepath.Join(unpacked(t, names...), "usr"))
	}
	s.hide(t)
	lower = append([]string{filepath.Join(s.dir, "hidden")}, append(lower, "/usr")...)
	run(t, exec.Command("cp", "-a", "/etc", filepath.Join(s.dir, "etc")))
	run(t, exec.Command("rm", "-rf", filepath.Join(s.dir, "etc/fail2ban"), filepath.Join(s.dir, "etc/logrotate.d/fail2ban")))
	mkdir(t, filepath.Join(s.dir, "usr/local"))
	script := strings.NewReplacer("LOWER", strings.Join(lower, ":"), "DIR", s.dir).Replace(`set -e
hostname host.example.org
mount -t proc none /proc
mount -t overlay -o ro,lowerdir=LOWER none /usr
mount --bind DIR/etc /etc
mount --bind DIR/usr/local /usr/local
for dir in /var /run /home /root; do mount -t tmpfs -o mode=755 none $dir; done
ln -s /run /var/run
mkdir -p /run/sshd /var/log/apache2 /var/log/exim4 /var/lib /var/spool/exim4/input /var/tmp /var/www/html /home/ann
mkdir DIR/dev
mount -t tmpfs -o mode=755 none DIR/dev
for name in null zero random urandom tty ptmx pts shm; do
	[ -e /dev/$name ] || continue
	if [ -d /dev/$name ]; then mkdir DIR/dev/$name; else : >DIR/dev/$name; fi
	mount --rbind /dev/$name DIR/dev/$name
done
mount --rbind DIR/dev /dev
: >DIR/ready
sleep infinity &
wait
`)
	// A shell as process 1 buries what daemons leave behind.
	holder := s.netn.Command("unshare", "--mount", "--pid", "--uts", "--fork", "--kill-child", "--propagation", "private", "bash", "-c", script)
	var out bytes.Buffer
	holder.Stdout, holder.Stderr = &out, &out
	holder.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := holder.Start(); err != nil {
		t.Fatalf("start the scratch machine: %v", err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-holder.Process.Pid, syscall.SIGKILL)
		_ = holder.Wait()
	})
	ready := func() bool { _, err := os.Stat(filepath.Join(s.dir, "ready")); return err == nil }
	if !until(patienceToMount, func() bool { return ready() || holder.Process.Signal(syscall.Signal(0)) != nil || out.Len() > 0 }) || !ready() {
		testenv.Skip(t, "no scratch machine can be had: "+out.String())
	}
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", holder.Process.Pid, holder.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	if s.init, err = strconv.Atoi(strings.TrimSpace(string(children))); err != nil {
		t.Fatalf("process 1 of the scratch machine: %v", err)
	}
	return s
}

// patienceToMount is how long a busy machine may take for the mounts.
const patienceToMount = 20 * time.Second

// hide makes a layer in which the host's Fail2ban is not.
func (s *scratch) hide(t *testing.T) {
	t.Helper()
	mine, _ := filepath.Glob("/usr/bin/fail2ban*")
	for _, name := range append(mine, "/usr/bin/stockade", "/usr/lib/python3/dist-packages/fail2ban") {
		if _, err := os.Lstat(name); err != nil {
			continue
		}
		// To an overlay, such a device says that there is nothing.
		device := filepath.Join(s.dir, "hidden", strings.TrimPrefix(name, "/usr"))
		mkdir(t, filepath.Dir(device))
		if err := syscall.Mknod(device, syscall.S_IFCHR, 0); err != nil {
			t.Fatal(err)
		}
	}
	mkdir(t, filepath.Join(s.dir, "hidden"))
}

// unpacked is a folder with packages and what they need beyond the host's,
// downloaded once and cached.
func unpacked(t *testing.T, names ...string) string {
	t.Helper()
	testenv.Need(t, "apt-get", "dpkg-deb")
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(cache, "stockade", "unpacked-"+strings.Join(names, "-"))
	if _, err := os.Stat(dir); err == nil {
		return dir
	}
	mkdir(t, filepath.Dir(dir))
	work, err := os.MkdirTemp(filepath.Dir(dir), "unpack")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(work) }()
	script := fmt.Sprintf(`set -e
cd %[1]s
mkdir -p tree/usr debs
needs=$(apt-get -s install --no-install-recommends %[2]s | awk '/^Inst /{print $2}')
cd debs
apt-get -q download %[2]s $needs
for deb in *.deb; do dpkg-deb -x "$deb" ../tree; done
`, work, strings.Join(names, " "))
	if out, err := exec.Command("sh", "-c", script).CombinedOutput(); err != nil {
		testenv.Skip(t, fmt.Sprintf("packages %v cannot be downloaded: %v %s", names, err, out))
	}
	if err := os.Rename(filepath.Join(work, "tree"), dir); err != nil && !errors.Is(err, os.ErrExist) && !errors.Is(err, syscall.ENOTEMPTY) {
		t.Fatal(err)
	}
	return dir
}

// path is where the test finds a file of the scratch machine.
func (s *scratch) path(name string) string { return fmt.Sprintf("/proc/%d/root%s", s.init, name) }

// read is a file's text, empty where there is none.
func (s *scratch) read(name string) string {
	text, err := os.ReadFile(s.path(name))
	if err != nil {
		return ""
	}
	return string(text)
}

// write makes a file on the scratch machine.
func (s *scratch) write(t *testing.T, name, text string) {
	t.Helper()
	writeFile(t, s.path(name), text)
}

// add appends to a file on the scratch machine, as services and editors do.
func (s *scratch) add(t *testing.T, name, text string) {
	t.Helper()
	f, err := os.OpenFile(s.path(name), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteString(text)
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
}

// command is a shell's command on the scratch machine, by root.
func (s *scratch) command(script string) *exec.Cmd {
	return exec.Command("nsenter", "-t", strconv.Itoa(s.init), "-m", "-n", "-p", "-u", "--wd="+s.path("/root"), "--",
		"env", "-i", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LANG=C.UTF-8", "TZ=UTC",
		"bash", "-c", script)
}

// sh runs a command line and returns what it printed and its exit status.
func (s *scratch) sh(script string) (string, int) {
	out, err := s.command(script).CombinedOutput()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		return string(out), exit.ExitCode()
	case err != nil:
		return err.Error(), -1
	}
	return string(out), 0
}

// must is sh for command lines that succeed.
func (s *scratch) must(t *testing.T, script string) string {
	t.Helper()
	out, code := s.sh(script)
	if code != 0 {
		t.Fatalf("%s: exit %d\n%s", script, code, out)
	}
	return out
}

// says runs a command line that prints exactly one line.
func (s *scratch) says(t *testing.T, script, want string) {
	t.Helper()
	if out, code := s.sh(script); out != want+"\n" || code != 0 {
		t.Errorf("%s: exit %d, prints %q, want %q", script, code, out, want)
	}
}

// daemon runs a program in the foreground until the test ends; the end of the
// machine ends it too.
func (s *scratch) daemon(t *testing.T, script string) *exec.Cmd {
	t.Helper()
	cmd := s.command(script)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatalf("%s: %v", script, err)
	}
	go func() { _ = cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		if t.Failed() {
			t.Logf("%s said:\n%s", script, out.String())
		}
	})
	return cmd
}

// log is the server's own log, where everybody expects it.
func (s *scratch) log() string { return s.read("/var/log/fail2ban.log") }

// logged waits for a line of the server's log.
func (s *scratch) logged(t *testing.T, part string) {
	t.Helper()
	if !until(patienceToLog, func() bool { return strings.Contains(s.log(), part) }) {
		t.Fatalf("the log does not get %q:\n%s", part, short(s.log()))
	}
}

const patienceToLog = 20 * time.Second
