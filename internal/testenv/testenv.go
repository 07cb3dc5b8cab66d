// Package testenv is what tests stand on: the reference program to compare
// with, the programs of Debian that a test drives, and network namespaces of
// the project's own.
//
// It promises that a test which cannot run here is skipped with the reason in
// plain words, never failed, and that every such reason reaches the end of
// `make test`. No test of the project talks to anything but the loopback
// address and the namespaces made here.
package testenv

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Full tells whether the long form of the tests is wanted (`make compare`).
// The short form takes fixed slices of the same comparisons.
func Full() bool { return os.Getenv("STOCKADE_FULL") == "1" }

// Skip skips the test and writes the reason into the list that `make test`
// shows at its end (the file named by STOCKADE_SKIPS).
func Skip(tb testing.TB, reason string) {
	tb.Helper()
	if name := os.Getenv("STOCKADE_SKIPS"); name != "" {
		f, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
		if err == nil {
			// One short write to a file opened for appending: lines of
			// parallel test programs do not mix.
			_, _ = f.WriteString(reason + "\t" + tb.Name() + "\n")
			_ = f.Close()
		}
	}
	tb.Skip(reason)
}

// Root skips the test unless it runs as root.
func Root(tb testing.TB) {
	tb.Helper()
	if os.Geteuid() != 0 {
		Skip(tb, "not run as root")
	}
}

// packages names the Debian package of each program a test may need.
var packages = map[string]string{
	"nft": "nftables", "iptables": "iptables", "ip6tables": "iptables",
	"iptables-restore": "iptables", "ipset": "ipset", "ip": "iproute2", "ss": "iproute2",
	"sshd": "openssh-server", "ssh": "openssh-client", "ssh-keygen": "openssh-client",
	"sshpass": "sshpass", "rsyslogd": "rsyslog", "sqlite3": "sqlite3", "python3": "python3",
	"fail2ban-client": "fail2ban", "fail2ban-server": "fail2ban", "fail2ban-regex": "fail2ban",
	"whois": "whois", "sshguard": "sshguard", "unshare": "util-linux", "nsenter": "util-linux",
	"logger": "bsdutils", "apache2": "apache2-bin", "setpriv": "util-linux", "dpkg-deb": "dpkg", "systemd-cat": "systemd",
}

// Need skips the test unless all the programs are installed, and says which
// Debian package is missing.
func Need(tb testing.TB, programs ...string) {
	tb.Helper()
	for _, name := range programs {
		if _, ok := Look(name); ok {
			continue
		}
		pkg := packages[name]
		if pkg == "" {
			pkg = name
		}
		Skip(tb, "Debian's package "+pkg+" is not installed")
	}
}

// Look finds a program, also where PATH lacks the administrators' folders.
func Look(name string) (string, bool) {
	if path, err := exec.LookPath(name); err == nil {
		return path, true
	}
	for _, dir := range []string{"/usr/sbin", "/sbin", "/usr/local/sbin"} {
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); err == nil && !info.IsDir() && info.Mode()&0o111 != 0 {
			return path, true
		}
	}
	return "", false
}

// Module is the folder of this repository.
func Module(tb testing.TB) string {
	tb.Helper()
	dir, err := os.Getwd()
	if err != nil {
		tb.Fatalf("working folder: %v", err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			tb.Fatal("no go.mod above the working folder")
		}
		dir = parent
	}
}

// Shared finds a file of the folder `shared` that may lie beside the
// repository (data that is not the project's to publish). Where it does not,
// the second result is false and the test makes data of its own, and says so.
func Shared(tb testing.TB, name string) (string, bool) {
	tb.Helper()
	path := filepath.Join(filepath.Dir(Module(tb)), "shared", name)
	_, err := os.Stat(path)
	return path, err == nil
}
