package acceptance

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"stockade/internal/testenv"
)

// opensshLog is the public log of 2,000 lines where it lies beside the
// repository, else one of the same kind.
func opensshLog(tb testing.TB) string {
	tb.Helper()
	if path, ok := testenv.Shared(tb, "data/OpenSSH_2k.log"); ok {
		return path
	}
	tb.Log("the public OpenSSH log is not here: a generated one of the same kind takes its place")
	path := filepath.Join(tb.TempDir(), "openssh.log")
	writeFile(tb, path, generatedLog(2000))
	return path
}

// generatedLog mixes what a server on the Internet logs, the same every time.
func generatedLog(lines int) string {
	users := []string{"root", "admin", "oracle", "test", "ubuntu", " 0101", "a  b", "nobody"}
	var b strings.Builder
	for n := 0; n < lines; {
		k := n*7919 + 13
		pid, port := 20000+n/5, 1024+k%60000
		ip := fmt.Sprintf("%d.%d.%d.%d", 11+k%7, k%251, k/7%240, 1+k/11%9)
		user := users[k%len(users)]
		stamp := fmt.Sprintf("Dec 10 %02d:%02d:%02d LabSZ sshd[%d]:", 6+n/600%16, n/10%60, n%60, pid)
		invalid := ""
		if user != "root" {
			invalid = "invalid user "
			fmt.Fprintf(&b, "%s Invalid user %s from %s\n", stamp, user, ip)
			fmt.Fprintf(&b, "%s input_userauth_request: invalid user %s [preauth]\n", stamp, user)
			n += 2
		}
		fmt.Fprintf(&b, "%s pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=%s  user=%s\n", stamp, ip, user)
		fmt.Fprintf(&b, "%s Failed password for %s%s from %s port %d ssh2\n", stamp, invalid, user, ip, port)
		n += 2
		switch k % 4 {
		case 0:
			fmt.Fprintf(&b, "%s Received disconnect from %s: 11: Bye Bye [preauth]\n", stamp, ip)
		case 1:
			fmt.Fprintf(&b, "%s Connection closed by %s [preauth]\n", stamp, ip)
		case 2:
			fmt.Fprintf(&b, "%s error: Received disconnect from %s: 14: No supported authentication methods available [preauth]\n", stamp, ip)
		case 3:
			fmt.Fprintf(&b, "%s reverse mapping checking getaddrinfo for host.example [%s] failed - POSSIBLE BREAK-IN ATTEMPT!\n", stamp, ip)
		}
		n++
	}
	return b.String()
}

// TestSameFailuresAsReference runs a real log through the reference with its
// own filter, and through our programs with ours and with theirs.
func TestSameFailuresAsReference(t *testing.T) {
	ref, ours := reference(t), stockade(t)
	log := opensshLog(t)
	theirs := filepath.Join(testenv.Reference(t), "etc/fail2ban")
	netn := testenv.NewNetns(t)

	for _, mode := range []string{"normal", "ddos", "extra", "aggressive"} {
		filter := "sshd[mode=" + mode + "]"
		want := counted(t, ref, "-c", theirs, "-o", "ip", log, filter)
		if len(want) < 20 {
			t.Fatalf("the reference finds only %d addresses", len(want))
		}
		lone := place(t, ours, nil, "").path("etc")
		for name, dir := range map[string]string{"our filter": lone, "their filter": theirs} {
			if got := counted(t, ours, "-c", dir, "-o", "ip", log, filter); !maps.Equal(got, want) {
				t.Errorf("%s in mode %s: %s", name, mode, difference(got, want))
			}
		}
	}

	want := served(t, place(t, ref, netn, ""), theirs, log)
	if len(want) < 20 {
		t.Fatalf("the reference server finds only %d addresses", len(want))
	}
	for name, dir := range map[string]string{"our filter": "", "their filter": theirs} {
		if got := served(t, place(t, ours, netn, ""), dir, log); !maps.Equal(got, want) {
			t.Errorf("server with %s: %s", name, difference(got, want))
		}
	}
}

// counted runs fail2ban-regex and counts the failures of each address.
func counted(t *testing.T, s subject, args ...string) map[string]int {
	t.Helper()
	cmd := s.program("regex", args...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s regex: %v\n%s%s", s.name, err, out, stderr.String())
	}
	counts := map[string]int{}
	for _, line := range strings.Fields(string(out)) {
		counts[line]++
	}
	return counts
}

// served lets a server read the log and counts what it reports as found. The
// configuration is the one in dir, or the program's own.
func served(t *testing.T, in *instance, dir, log string) map[string]int {
	t.Helper()
	if dir != "" {
		if err := os.RemoveAll(in.path("etc/filter.d")); err != nil {
			t.Fatal(err)
		}
		for _, sub := range []string{"filter.d", "action.d"} {
			_ = os.RemoveAll(in.path("etc/" + sub))
			if err := os.CopyFS(in.path("etc/"+sub), os.DirFS(filepath.Join(dir, sub))); err != nil {
				t.Fatal(err)
			}
		}
	}
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	in.write(t, "auth.log", strings.TrimSuffix(string(text), "\n")+"\n")
	in.write(t, "etc/jail.local", `[sshd]
enabled = true
backend = polling
findtime = 2y
maxretry = 1000000
maxmatches = 1
action =
logpath = DIR/auth.log
`)
	in.start(t)
	// The last line with an address of its own marks the end.
	in.append(t, "auth.log", "Dec 10 23:59:59 LabSZ sshd[1]: Failed password for root from 203.0.113.254 port 1 ssh2\n")
	eventually(t, in.name+" has read the log", func() bool { return strings.Contains(in.log(), "Found 203.0.113.254") })
	counts := map[string]int{}
	for _, line := range strings.Split(in.log(), "\n") {
		if _, found, ok := strings.Cut(line, "[sshd] Found "); ok {
			ip, _, _ := strings.Cut(found, " ")
			counts[ip]++
		}
	}
	in.ask(t, "stop")
	in.gone(t)
	return counts
}

// difference names the first few addresses that differ.
func difference(got, want map[string]int) string {
	var b strings.Builder
	shown := 0
	for ip := range union(got, want) {
		if got[ip] != want[ip] && shown < 10 {
			fmt.Fprintf(&b, "%s: %d, want %d; ", ip, got[ip], want[ip])
			shown++
		}
	}
	return b.String()
}

func union(a, b map[string]int) map[string]bool {
	all := map[string]bool{}
	for k := range a {
		all[k] = true
	}
	for k := range b {
		all[k] = true
	}
	return all
}
