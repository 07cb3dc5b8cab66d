package packaging_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"stockade/internal/testenv"
)

// serving is a fresh Debian on which nginx and postfix are installed, too.
func serving(tb testing.TB) *machine {
	tb.Helper()
	testenv.Root(tb)
	testenv.Need(tb, "debootstrap", "systemd-nspawn", "nsenter")
	root := debian(tb)
	with := filepath.Join(filepath.Dir(root), "debian-services")
	if _, err := os.Stat(with); err != nil {
		if out, err := exec.Command(filepath.Join(testenv.Module(tb), "scripts/debian-services"), root, with).CombinedOutput(); err != nil {
			testenv.Skip(tb, fmt.Sprintf("nginx and postfix cannot be had: %v: %s", err, out))
		}
	}
	return copyMachine(tb, with)
}

// TestDetectProtectsTheServicesThatThereAre has a machine with three services
// look at itself, without asking anybody, and attacks each of the three.
func TestDetectProtectsTheServicesThatThereAre(t *testing.T) {
	full(t)
	testenv.Need(t, "ssh-keyscan", "sshpass")
	m := serving(t)
	m.bring()
	m.boot()
	m.sh(installDeb)
	// Whoever asks a question gets no answer, and the test no end.
	out := m.sh("stockade detect --yes </dev/null")
	want := []string{"nginx-bad-request", "nginx-http-auth", "postfix", "postfix-sasl", "sshd"}
	found := regexp.MustCompile(`Jail list:\s*(.*)\n`).FindStringSubmatch(m.run("fail2ban-client", "status"))
	if found == nil {
		t.Fatalf("no jails after\n%s", out)
	}
	if got := slices.Sorted(slices.Values(strings.Split(found[1], ", "))); !slices.Equal(got, want) {
		t.Errorf("jails %v, want %v, after\n%s", got, want, out)
	}

	n := m.attacker()
	m.attack(n)
	for _, each := range []struct {
		jail, from, port string
		attack           func(net.Conn)
	}{
		{"nginx-bad-request", "10.78.0.3", "80", func(c net.Conn) { exchange(c, "SSH-2.0-Go\r\n\r\n") }},
		{"postfix", "10.78.0.5", "25", func(c net.Conn) {
			exchange(c, "EHLO x\r\n", "MAIL FROM:<a@example.net>\r\n", "RCPT TO:<b@example.com>\r\n", "QUIT\r\n")
		}},
	} {
		n.AddAddr(t, each.from+"/24")
		m.until(each.jail+" keeps its attacker out", func() bool {
			if conn := dial(t, n, each.from, each.port); conn != nil {
				each.attack(conn)
			}
			return strings.Contains(m.run("fail2ban-client", "get", each.jail, "banip"), each.from)
		})
		if conn := dial(t, n, each.from, each.port); conn != nil {
			_ = conn.Close()
			t.Errorf("%s is banned by %s, and still port %s answers", each.from, each.jail, each.port)
		}
	}
}

// dial connects to the machine from an address, nil where nobody answers.
func dial(t *testing.T, n *testenv.Netns, from, port string) net.Conn {
	t.Helper()
	var conn net.Conn
	n.Do(t, func() {
		dialer := net.Dialer{Timeout: 2 * time.Second, LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
		if c, err := dialer.Dial("tcp", "10.78.0.1:"+port); err == nil {
			conn = c
		}
	})
	return conn
}

// exchange sends each line once there is something to answer, the only or
// first one at once where the other side waits, and hangs up.
func exchange(conn net.Conn, lines ...string) {
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	r := bufio.NewReader(conn)
	for _, line := range lines {
		if len(lines) > 1 {
			for {
				answer, err := r.ReadString('\n')
				if err != nil {
					return
				}
				if len(answer) < 4 || answer[3] != '-' {
					break
				}
			}
		}
		_, _ = io.WriteString(conn, line)
	}
	_, _ = io.Copy(io.Discard, r)
}
