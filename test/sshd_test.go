package acceptance

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"stockade/internal/testenv"
)

// sshHost is a real sshd that logs through a real rsyslogd, both in a network
// namespace and in a mount namespace of their own.
type sshHost struct {
	netn *testenv.Netns
	dir  string
}

// startSSH starts them. The log is auth.log in the host's folder.
func startSSH(t *testing.T, netn *testenv.Netns) *sshHost {
	t.Helper()
	testenv.Need(t, "sshd", "ssh", "ssh-keygen", "sshpass", "rsyslogd", "unshare")
	h := &sshHost{netn: netn, dir: t.TempDir()}
	run(t, exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", h.path("hostkey")))
	writeFile(t, h.path("rsyslog.conf"), fmt.Sprintf(`module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="%[1]s/log" CreatePath="on")
global(workDirectory="%[1]s")
*.* action(type="omfile" file="%[1]s/auth.log" template="RSYSLOG_TraditionalFileFormat")
`, h.dir))
	config := fmt.Sprintf(`Port 22
HostKey %[1]s/hostkey
PidFile %[1]s/sshd.pid
PasswordAuthentication yes
KbdInteractiveAuthentication no
PermitRootLogin yes
UsePAM no
UseDNS no
StrictModes no
AuthorizedKeysFile %[1]s/authorized_keys
`, h.dir)
	writeFile(t, h.path("sshd_config"), config+"PerSourcePenalties no\n")
	sshd, _ := testenv.Look("sshd")
	// Before 9.8 there are no penalties to switch off.
	if exec.Command("sh", "-c", "mkdir -p /run/sshd && "+sshd+" -t -f "+h.path("sshd_config")).Run() != nil {
		writeFile(t, h.path("sshd_config"), config)
	}
	// In a mount namespace of its own, syslog(3) finds the socket of this
	// rsyslogd at /dev/log, and sshd a /run that nobody else sees.
	script := fmt.Sprintf(`set -e
mount -t tmpfs -o mode=755 none /run
mkdir /run/sshd
mkdir %[1]s/dev
mount -t tmpfs -o mode=755 none %[1]s/dev
for name in null zero random urandom tty ptmx pts shm; do
	[ -e /dev/$name ] || continue
	if [ -d /dev/$name ]; then mkdir %[1]s/dev/$name; else : >%[1]s/dev/$name; fi
	mount --rbind /dev/$name %[1]s/dev/$name
done
ln -s %[1]s/log %[1]s/dev/log
mount --rbind %[1]s/dev /dev
rsyslogd -n -f %[1]s/rsyslog.conf -i %[1]s/rsyslog.pid &
tries=0
until [ -S %[1]s/log ]; do
	tries=$((tries + 1))
	[ $tries -lt 500 ]
	sleep 0.01
done
exec %[2]s -D -f %[1]s/sshd_config
`, h.dir, sshd)
	cmd := netn.Command("unshare", "--mount", "--propagation", "private", "sh", "-c", script)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatalf("start sshd: %v", err)
	}
	t.Cleanup(func() {
		// The group holds the shell's children too.
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("sshd: %s\nauth.log:\n%s", out.String(), h.log())
		}
	})
	eventually(t, "sshd listens and logs", func() bool { return strings.Contains(h.log(), "Server listening on") })
	return h
}

func (h *sshHost) path(name string) string { return filepath.Join(h.dir, name) }

func (h *sshHost) log() string {
	text, err := os.ReadFile(h.path("auth.log"))
	if err != nil {
		return ""
	}
	return string(text)
}

// login tries to log in with a wrong password and returns what ssh said.
func login(client *testenv.Netns, from, to string) string {
	cmd := client.Command("sshpass", "-p", "wrong", "ssh", "-F", "none", "-b", from,
		"-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR",
		"-o", "PreferredAuthentications=password", "-o", "PubkeyAuthentication=no",
		"-o", "NumberOfPasswordPrompts=1", "-o", "ConnectTimeout=5", "root@"+to, "true")
	out, _ := cmd.CombinedOutput()
	return string(out)
}

// patience is how long reach waits for an answer. An IPv6 client believes the
// second refusal only, and that comes after a second.
const patience = 2 * time.Second

// reach connects from an address and tells what came of it: "SSH-", "refused"
// or "nothing".
func reach(t testing.TB, client *testenv.Netns, from, to string) string {
	t.Helper()
	answer := ""
	client.Do(t, func() {
		dialer := net.Dialer{Timeout: patience, LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
		conn, err := dialer.Dial("tcp", net.JoinHostPort(to, "22"))
		if err != nil {
			answer = "nothing"
			if strings.Contains(err.Error(), "refused") {
				answer = "refused"
			}
			return
		}
		defer func() { _ = conn.Close() }()
		_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
		banner := make([]byte, 4)
		if _, err := conn.Read(banner); err == nil {
			answer = string(banner)
		}
	})
	return answer
}

func run(tb testing.TB, cmd *exec.Cmd) string {
	tb.Helper()
	out, err := cmd.CombinedOutput()
	if err != nil {
		tb.Fatalf("%s: %v\n%s", strings.Join(cmd.Args, " "), err, out)
	}
	return string(out)
}
