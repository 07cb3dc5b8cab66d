package acceptance

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"stockade/internal/testenv"
)

// followInstall installs from source. Getting the source and building it is
// left out (no network; the tests have built the program already): `make
// install` is the rest of what the article has people do by hand.
func followInstall(t *testing.T, s *scratch) {
	installSource(t, s)
	if out, code := s.sh("command -v python3-fail2ban fail2ban-python; ls /usr/bin/fail2ban*"); !strings.Contains(out, "No such file") || code == 0 {
		t.Fatalf("there is a Fail2ban on the scratch machine: %s", out)
	}
	for _, name := range []string{"fail2ban-client", "fail2ban-server", "fail2ban-regex", "stockade"} {
		s.says(t, "command -v "+name, "/usr/local/bin/"+name)
	}
	// The tab key completes the three programs.
	s.must(t, "source /etc/bash_completion.d/stockade; complete -p fail2ban-client fail2ban-server fail2ban-regex")
	// There is something to rotate the log by.
	if text := s.read("/etc/logrotate.d/fail2ban"); !strings.HasPrefix(text, "/var/log/fail2ban.log {") {
		t.Errorf("logrotate is told %q", text)
	}
	for _, page := range []string{"man1/fail2ban-client.1", "man1/fail2ban.1", "man1/fail2ban-regex.1", "man5/jail.conf.5"} {
		if s.read("/usr/local/share/man/"+page) == "" {
			t.Errorf("there is no manual page %s", page)
		}
	}
	startUnit(t, s)
	// systemctl status and is-active ask systemd; this asks the server.
	s.says(t, "fail2ban-client ping", "Server replied: pong")
	if out := s.must(t, "fail2ban-client version"); !regexp.MustCompile(`^\d+\.\d+\.\d+\S*\n$`).MatchString(out) {
		t.Errorf("the version is %q", out)
	}
	// `service rsyslog restart`, without systemd.
	s.startSyslog(t)
	archiveLog(t, s)
	// What the article says of a fresh installation: nothing is enabled but
	// what the administrator enables.
	if out := s.must(t, "fail2ban-client status"); !regexp.MustCompile(`Number of jail:\s+0\n`).MatchString(out) {
		t.Errorf("a fresh server says\n%s", out)
	}
}

// archiveLog does with the log what logrotate does by the file for it: away with
// the old one, a new one of the file's mode, and the file's command.
func archiveLog(t *testing.T, s *scratch) {
	t.Helper()
	command := regexp.MustCompile(`(?s)postrotate\n(.*?)\n\s*endscript`).FindStringSubmatch(s.read("/etc/logrotate.d/fail2ban"))
	if command == nil {
		t.Fatal("logrotate's file has no postrotate")
	}
	before := s.log()
	s.must(t, "mv /var/log/fail2ban.log /var/log/fail2ban.log.1; install -m 640 /dev/null /var/log/fail2ban.log; "+command[1])
	s.must(t, "fail2ban-client reload")
	s.logged(t, "Reload finished")
	if old := s.read("/var/log/fail2ban.log.1"); !strings.HasPrefix(old, before) || strings.Contains(old, "Reload finished") {
		t.Errorf("the archived log is not what the log was:\n%s", old)
	}
}

// installSource has `make install` install the program that the tests built.
func installSource(t *testing.T, s *scratch) {
	t.Helper()
	stockade(t)
	module, work := testenv.Module(t), filepath.Join(s.dir, "source")
	mkdir(t, filepath.Join(work, "bin"))
	run(t, exec.Command("cp", filepath.Join(build.dir, "stockade"), filepath.Join(work, "bin")))
	for _, name := range []string{"packaging", "library"} {
		if err := os.Symlink(filepath.Join(module, name), filepath.Join(work, name)); err != nil {
			t.Fatal(err)
		}
	}
	install := exec.Command("make", "-s", "-f", filepath.Join(module, "Makefile"), "-o", "build", "install", "DESTDIR="+filepath.Join(s.dir, "installed"))
	install.Dir = work
	run(t, install)
	for _, name := range []string{"usr/local", "etc", "var/lib"} {
		run(t, exec.Command("cp", "-a", filepath.Join(s.dir, "installed", name)+"/.", s.path("/"+name)))
	}
}

// startUnit does what systemctl start does: it runs the command of the unit,
// which is known by the name that the article calls it.
func startUnit(t *testing.T, s *scratch) {
	t.Helper()
	unit := s.read("/etc/systemd/system/stockade.service")
	command := regexp.MustCompile(`(?m)^ExecStart=(.+)$`).FindStringSubmatch(unit)
	if command == nil || !strings.Contains(unit, "\nAlias=fail2ban.service\n") || !strings.Contains(unit, "\nWantedBy=multi-user.target\n") {
		t.Fatalf("the unit is %s", unit)
	}
	s.daemon(t, "mkdir -p /run/fail2ban; exec "+command[1])
	eventually(t, "the server answers", func() bool { _, code := s.sh("fail2ban-client ping"); return code == 0 })
}
