package packaging_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"stockade/internal/testenv"
)

// full says why a test is left out of the short form.
func full(t *testing.T) {
	t.Helper()
	if !testenv.Full() {
		testenv.Skip(t, "it boots a machine: in the long form (make compare)")
	}
}

// answers are what clients are told, which must be the same before and after
// a change of programs.
func (m *machine) answers() string {
	m.Helper()
	return m.sh(`for c in "get sshd bantime" "get sshd maxretry" "get sshd findtime" "get sshd actions" "get sshd logpath" "get sshd ignoreip"; do
fail2ban-client $c; done`)
}

func (m *machine) banned() []string {
	m.Helper()
	ids := strings.Fields(m.run("fail2ban-client", "get", "sshd", "banip"))
	slices.Sort(ids)
	return ids
}

// enforced are the addresses that the firewall refuses.
func (m *machine) enforced() int {
	out, _ := m.try("iptables", "-S", "f2b-sshd")
	return strings.Count(out, "198.51.100.")
}

func TestPackageTakesOverFromFail2banAndGivesBack(t *testing.T) {
	full(t)
	m := newMachine(t)
	m.bring()
	m.file("etc/fail2ban/jail.local", "[DEFAULT]\nbantime = 1h\nignoreip = 192.0.2.200\n[sshd]\nmaxretry = 4\nbackend = auto\n")
	m.boot()
	m.run("apt-get", "install", "-y", "--no-download", "--no-install-recommends", "fail2ban")
	m.until("Fail2ban answers", func() bool { _, err := m.try("fail2ban-client", "status", "sshd"); return err == nil })
	m.sh("fail2ban-client set sshd banip $(seq -f 198.51.100.%g 1 100)")
	m.until("Fail2ban has banned", func() bool { return m.enforced() == 100 })
	before, banned := m.answers(), m.banned()
	files := m.sh("cd /etc/fail2ban && find . -type f | sort | xargs sha256sum")

	out := m.sh(installDeb)
	for _, want := range []string{"Stockade takes over from Fail2ban", "configuration: /etc/fail2ban stays as it is", "database:      /var/lib/fail2ban/fail2ban.sqlite3"} {
		if !strings.Contains(out, want) {
			t.Errorf("the package does not say %q:\n%s", want, out)
		}
	}
	if v := m.run("stockade", "version"); !strings.HasPrefix(v, "Stockade ") {
		t.Errorf("version: %s", v)
	}
	if got := m.answers(); got != before {
		t.Errorf("answers after:\n%s\nbefore:\n%s", got, before)
	}
	if got := m.banned(); !slices.Equal(got, banned) {
		t.Errorf("banned after: %v", got)
	}
	m.until("all bans are enforced again", func() bool { return m.enforced() == 100 })
	if got := m.sh("cd /etc/fail2ban && find . -type f | sort | xargs sha256sum"); got != files {
		t.Errorf("the configuration changed:\n%s\nbefore:\n%s", got, files)
	}
	m.run("systemctl", "reload", "fail2ban")
	m.run("logrotate", "-f", "/etc/logrotate.d/fail2ban")

	m.run("apt-get", "purge", "-y", "stockade")
	left := m.sh(`find / -xdev \( -name '*stockade*' -o -name '*Stockade*' \) -not -path '/proc/*' -not -path '/root/*' -not -path '/var/log/*' -not -path /etc/hostname`)
	if left != "" {
		t.Errorf("purge leaves\n%s", left)
	}
	if n := m.enforced(); n != 0 {
		t.Errorf("purge leaves %d bans in the firewall", n)
	}
	m.run("apt-get", "install", "-y", "--no-download", "--no-install-recommends", "fail2ban")
	m.until("Fail2ban has its bans again", func() bool { return m.enforced() == 100 })
	if got := m.banned(); !slices.Equal(got, banned) {
		t.Errorf("banned by Fail2ban: %v", got)
	}

	// The short way back, without a purge.
	m.sh(installDeb)
	m.until("all bans are enforced again", func() bool { return m.enforced() == 100 })
	m.run("apt-get", "install", "-y", "--no-download", "--no-install-recommends", "fail2ban")
	m.until("Fail2ban has its bans again", func() bool { return m.enforced() == 100 })
}

// attacker joins a namespace to the machine: it has 10.78.0.1, the attacker
// 10.78.0.2.
func (m *machine) attacker() *testenv.Netns {
	m.Helper()
	n := testenv.NewNetns(m)
	n.Run(m, "ip", "link", "add", "veth0", "type", "veth", "peer", "name", "host0", "netns", fmt.Sprint(m.leader()))
	n.AddAddr(m, "10.78.0.2/24")
	n.Run(m, "ip", "link", "set", "veth0", "up")
	m.sh("ip addr add 10.78.0.1/24 dev host0; ip link set host0 up")
	return n
}

// reaches tells whether sshd answers the attacker.
func reaches(n *testenv.Netns) bool {
	out, _ := n.Command("ssh-keyscan", "-T", "2", "10.78.0.1").Output()
	return len(out) > 0
}

// wrongPassword tries to log in once.
func (m *machine) wrongPassword(n *testenv.Netns, from string) {
	_ = n.Command("sshpass", "-p", "wrong", "ssh", "-b", from, "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
		"-o", "ConnectTimeout=2", "-o", "PreferredAuthentications=password", "root@10.78.0.1", "true").Run()
}

// attack tries wrong passwords until it is kept out.
func (m *machine) attack(n *testenv.Netns) {
	m.Helper()
	m.until("sshd can be reached", func() bool { return reaches(n) })
	m.until("the attacker is kept out", func() bool {
		m.wrongPassword(n, "10.78.0.2")
		return strings.Contains(m.run("fail2ban-client", "get", "sshd", "banip"), "10.78.0.2")
	})
	if reaches(n) {
		m.Error("banned, and still sshd answers")
	}
}

func TestFreshMachineIsProtectedAndStaysSoOverAReboot(t *testing.T) {
	full(t)
	testenv.Need(t, "ssh-keyscan", "sshpass")
	m := newMachine(t)
	m.bring()
	// What the firewall holds when sshd is about to start.
	m.file("etc/systemd/system/ssh.service.d/look.conf", "[Service]\nExecStartPre=/bin/sh -c 'nft list ruleset >/root/before-sshd'\n")
	m.boot()
	m.sh(installDeb)
	if got := m.run("systemctl", "is-enabled", "fail2ban"); strings.TrimSpace(got) != "alias" {
		t.Errorf("fail2ban.service is %q", got)
	}
	if out := m.sh("printf '[sshd]\\nbantime = 1h\\n' >/etc/fail2ban/jail.local; stockade detect --yes"); !strings.Contains(out, "sshd is on now") {
		t.Errorf("sshd was not found:\n%s", out)
	}
	if strict := strings.Contains(m.run("systemctl", "cat", "stockade"), "STOCKADE_STRICT=1"); !strict {
		t.Error("a fresh machine does not have the strict unit")
	}
	m.attack(m.attacker())
	m.wantCommandsRefused()

	m.reboot()
	look := m.run("cat", "/root/before-sshd")
	if !strings.Contains(look, "10.78.0.2") {
		t.Errorf("when sshd started the attacker was not banned:\n%s", look)
	}
	if reaches(m.attacker()) {
		t.Error("after the reboot the attacker is let in")
	}

	// The relaxed unit does the same.
	m.sh("rm -r /etc/systemd/system/stockade.service.d && systemctl daemon-reload && systemctl restart stockade")
	m.run("fail2ban-client", "unban", "--all")
	m.sh("ip link del host0")
	m.attack(m.attacker())

	// An upgrade keeps what was edited, replaces nothing else, and lifts no ban.
	m.sh("echo '# mine' >>/etc/fail2ban/filter.d/sshd.conf; rm /etc/fail2ban/filter.d/dovecot.conf; apt-get install -y --reinstall /root/stockade.deb")
	m.sh("grep -q '# mine' /etc/fail2ban/filter.d/sshd.conf && test ! -e /etc/fail2ban/filter.d/dovecot.conf")
	if !strings.Contains(m.run("fail2ban-client", "get", "sshd", "banip"), "10.78.0.2") {
		t.Error("the upgrade lifted a ban")
	}
	m.run("apt-get", "purge", "-y", "stockade")
	if left := m.sh(`find / -xdev \( -name '*stockade*' -o -name '*fail2ban*' \) -not -path '/proc/*' -not -path '/root/*' -not -path '/var/cache/apt/*' -not -path '/var/lib/apt/*' -not -path '/var/log/*' -not -path '/usr/share/*'`); left != "" {
		t.Errorf("purge leaves\n%s", left)
	}
}

// TestStrictUnitSparesAnAdministratorWhoIsLoggedIn has somebody log in with a
// key, who then fails with passwords over and over.
func TestStrictUnitSparesAnAdministratorWhoIsLoggedIn(t *testing.T) {
	full(t)
	testenv.Need(t, "ssh-keyscan", "ssh-keygen", "sshpass")
	m := newMachine(t, "libpam-systemd")
	m.bring()
	key := filepath.Join(t.TempDir(), "id")
	if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key).CombinedOutput(); err != nil {
		t.Fatalf("ssh-keygen: %v\n%s", err, out)
	}
	public, err := os.ReadFile(key + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	m.file("root/.ssh/authorized_keys", string(public))
	m.boot()
	m.sh(installDeb)
	m.sh("stockade detect --yes")
	if !strings.Contains(m.run("systemctl", "cat", "stockade"), "STOCKADE_STRICT=1") {
		t.Fatal("a fresh machine does not have the strict unit")
	}
	n := m.attacker()
	n.AddAddr(t, "10.78.0.3/24")
	m.until("sshd can be reached", func() bool { return reaches(n) })
	session := n.Command("ssh", "-N", "-b", "10.78.0.2", "-i", key, "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no",
		"-o", "UserKnownHostsFile=/dev/null", "root@10.78.0.1")
	if err := session.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = session.Process.Kill()
		_ = session.Wait()
	})
	m.until("the session is open", func() bool {
		out, _ := m.try("loginctl", "list-sessions", "--no-legend")
		return strings.Contains(out, "root")
	})
	log := func() string { return m.run("cat", "/var/log/fail2ban.log") }
	m.until("the administrator is spared", func() bool {
		m.wrongPassword(n, "10.78.0.2")
		return strings.Contains(log(), "[sshd] Not banned: 10.78.0.2, because 10.78.0.2 has an SSH session that was let in")
	})
	m.until("another one is banned", func() bool {
		m.wrongPassword(n, "10.78.0.3")
		return strings.Contains(log(), "[sshd] Ban 10.78.0.3")
	})
	if !reaches(n) {
		t.Error("the administrator is kept out")
	}
}

// wantCommandsRefused checks that under the strict unit a reload fails which
// needs a command, says why, and changes nothing.
func (m *machine) wantCommandsRefused() {
	m.Helper()
	m.file("etc/fail2ban/action.d/mine.conf", "[Definition]\nactionban = true\n")
	m.file("etc/fail2ban/jail.d/mine.local", "[sshd]\nbantime = 2h\naction = %(action_)s\n         mine\n")
	if out, err := m.try("systemctl", "reload", "fail2ban"); err == nil {
		m.Errorf("a reload that needs a command goes well: %s", out)
	}
	if out, err := m.try("fail2ban-client", "reload"); err == nil || !strings.Contains(out, "mine") || !strings.Contains(out, "closed against programs") {
		m.Errorf("the reload says %v, %s", err, out)
	}
	if got := m.run("fail2ban-client", "get", "sshd", "bantime"); strings.TrimSpace(got) != "3600" {
		m.Errorf("the refused reload made bantime %s", got)
	}
	if got := m.banned(); !slices.Contains(got, "10.78.0.2") {
		m.Errorf("after the refused reload the banned are %v", got)
	}
	m.sh("rm /etc/fail2ban/action.d/mine.conf /etc/fail2ban/jail.d/mine.local; systemctl reload fail2ban")
}

func TestUnitsAreClosedAsFarAsTheirJobAllows(t *testing.T) {
	testenv.Need(t, "systemd-analyze")
	for _, tc := range []struct {
		name    string
		dropIn  string
		highest float64
	}{{"relaxed", "", 6}, {"strict", "systemd/strict.conf", 2.5}} {
		root := t.TempDir()
		install := func(from, to string) {
			text, err := os.ReadFile(from)
			if err == nil {
				err = os.MkdirAll(filepath.Join(root, filepath.Dir(to)), 0o755)
			}
			if err == nil {
				err = os.WriteFile(filepath.Join(root, to), text, 0o755)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		install("systemd/stockade.service", "lib/systemd/system/stockade.service")
		install("/bin/true", "usr/bin/fail2ban-server")
		install("/bin/true", "usr/bin/fail2ban-client")
		if tc.dropIn != "" {
			install(tc.dropIn, "etc/systemd/system/stockade.service.d/strict.conf")
		}
		out, err := exec.Command("systemd-analyze", "security", "--offline=true", "--root="+root, "--no-pager", "stockade.service").CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		_, rest, ok := strings.Cut(string(out), "Overall exposure level for stockade.service: ")
		var level float64
		if _, err := fmt.Sscanf(rest, "%f", &level); !ok || err != nil {
			t.Fatalf("%s", out)
		}
		t.Logf("%s: %.1f", tc.name, level)
		if level >= tc.highest {
			t.Errorf("%s unit: %.1f, want under %.1f", tc.name, level, tc.highest)
		}
	}
}
