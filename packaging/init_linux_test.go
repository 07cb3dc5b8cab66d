package packaging_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"stockade/internal/testenv"
)

// TestInitScriptsServeWithoutSystemd boots machines whose process 1 is not
// systemd, and has the script do all that it can.
func TestInitScriptsServeWithoutSystemd(t *testing.T) {
	full(t)
	testenv.Need(t, "ssh-keyscan", "sshpass")
	for _, tc := range []struct {
		name     string
		packages []string
		service  []string
		// script takes the place of the one that a .deb has, that of SysV.
		script string
	}{
		{"SysV", []string{"sysvinit-core", "orphan-sysvinit-scripts"}, []string{"service", "stockade"}, ""},
		{"OpenRC", []string{"sysvinit-core", "orphan-sysvinit-scripts", "openrc"}, []string{"rc-service", "stockade"}, "init/openrc"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m := newMachine(t, tc.packages...)
			m.init = "/sbin/init"
			m.bring()
			// What the firewall holds when sshd is about to start.
			m.file("etc/default/ssh", "SSHD_OPTS=\nnft list ruleset >/root/before-sshd\n")
			m.boot()
			service := func(word string) string { return m.run(slices.Concat(tc.service, []string{word})...) }
			m.sh(installDeb)
			if tc.script != "" {
				m.replaceScript(tc.script)
			}
			service("status")
			m.sh("printf '[sshd]\\nbantime = 1h\\n' >/etc/fail2ban/jail.local; stockade detect --yes")
			m.attack(m.attacker())

			m.sh("printf '[sshd]\\nbantime = 2h\\n' >/etc/fail2ban/jail.local")
			service("reload")
			if got := m.run("fail2ban-client", "get", "sshd", "bantime"); strings.TrimSpace(got) != "7200" {
				t.Errorf("after the reload bantime is %s", got)
			}
			before := m.run("cat", "/run/fail2ban/fail2ban.pid")
			service("restart")
			if after := m.run("cat", "/run/fail2ban/fail2ban.pid"); after == before {
				t.Errorf("the restart left process %s", after)
			}
			m.bansOne("the restart")

			m.reboot()
			service("status")
			m.bansOne("the reboot")
			if look := m.run("cat", "/root/before-sshd"); !strings.Contains(look, "10.78.0.2") {
				t.Errorf("when sshd started the attacker was not banned:\n%s", look)
			}
			if reaches(m.attacker()) {
				t.Error("after the reboot the attacker is let in")
			}

			service("stop")
			if out, err := m.try(slices.Concat(tc.service, []string{"status"})...); err == nil {
				t.Errorf("after the stop the status is %s", out)
			}
			if !m.gone("fail2ban-server") {
				t.Error("after the stop the server runs")
			}
			service("start")
			m.run("fail2ban-client", "ping")
			m.run("apt-get", "purge", "-y", "stockade")
			if !m.gone("fail2ban-server") {
				t.Error("after the purge the server runs")
			}
			if left := m.sh("find /etc -name '*stockade*'"); left != "" {
				t.Errorf("purge leaves\n%s", left)
			}
		})
	}
}

// replaceScript puts another init script where that of the package is.
func (m *machine) replaceScript(name string) {
	m.Helper()
	m.run("/etc/init.d/stockade", "stop")
	text, err := os.ReadFile(name)
	if err != nil {
		m.Fatal(err)
	}
	m.file("etc/init.d/stockade", string(text))
	m.sh("rc-update -u; rc-update add stockade default; rc-service stockade start")
}

// bansOne checks that the attacker's ban runs, in the kernel too.
func (m *machine) bansOne(after string) {
	m.Helper()
	if out := m.run("fail2ban-client", "get", "sshd", "banip"); !strings.Contains(out, "10.78.0.2") {
		m.Errorf("after %s the banned are %q", after, out)
	}
	if rules := m.run("nft", "list", "ruleset"); !strings.Contains(rules, "10.78.0.2") {
		m.Errorf("after %s the kernel holds\n%s", after, rules)
	}
}
