package acceptance

import (
	"encoding/json"
	"fmt"
	"io"
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

// fault is something wrong with a machine, and what the doctor has to say.
type fault struct {
	name string
	// code is the finding, status the exit status.
	code   string
	status int
	// jails is the configuration, where it is not the usual one. needs are
	// programs.
	jails string
	needs []string
	// before comes before the start of the server, plant behind it.
	before, plant func(t *testing.T, in *instance)
	// cure puts it right; then nothing must be left of the finding.
	cure func(t *testing.T, in *instance)
}

const healthyJails = `[sshd]
enabled = true
backend = auto
logpath = DIR/auth.log
banaction = nftables[heal=no]
`

// diagnosis is what `stockade doctor --json` prints.
type diagnosis struct {
	Status   int
	Findings []struct{ Severity, Code, Jail, Text, Cure string }
}

func (d *diagnosis) has(code string) bool {
	for _, f := range d.Findings {
		if f.Code == code {
			return true
		}
	}
	return false
}

// own is a command of our program by its own name, in the namespace.
func (in *instance) own(args ...string) *exec.Cmd {
	program := filepath.Join(filepath.Dir(in.program("client").Path), "stockade")
	return in.enter(exec.Command(program, append(args, "--conf", in.path("etc"))...))
}

func (in *instance) doctor(t *testing.T) *diagnosis {
	t.Helper()
	cmd := in.own("doctor", "--json")
	out, err := cmd.Output()
	d := &diagnosis{}
	if jsonErr := json.Unmarshal(out, d); jsonErr != nil {
		t.Fatalf("doctor: %v, %v\n%s", err, jsonErr, out)
	}
	if code := cmd.ProcessState.ExitCode(); code != d.Status {
		t.Errorf("the exit status is %d, and in the report %d", code, d.Status)
	}
	return d
}

// goodLine is one of a log in good order.
func goodLine() string {
	return time.Now().Format(time.Stamp) + " gate sshd[77]: Connection closed by 10.0.0.5 port 5 [preauth]\n"
}

// dated is a line dated off the present.
func dated(off time.Duration) func(*testing.T, *instance) {
	return func(t *testing.T, in *instance) {
		in.append(t, "auth.log", time.Now().Add(off).Format(time.RFC3339)+" gate sshd[77]: Connection closed by 10.0.0.5 port 5\n")
	}
}

func inside(name string, args ...string) func(*testing.T, *instance) {
	return func(t *testing.T, in *instance) { in.netn.Run(t, name, args...) }
}

func ask(args ...string) func(*testing.T, *instance) {
	return func(t *testing.T, in *instance) { in.ask(t, args...) }
}

func remove(name string) func(*testing.T, *instance) {
	return func(t *testing.T, in *instance) {
		if err := os.Remove(in.path(name)); err != nil {
			t.Fatal(err)
		}
	}
}

// pauseBriefly is the cure for bans that are not in the kernel.
func pauseBriefly(t *testing.T, in *instance) {
	if out, err := in.own("pause", "1s").CombinedOutput(); err != nil {
		t.Fatalf("pause: %v\n%s", err, out)
	}
}

// holdDatabase is a program that holds the lock of the database.
func holdDatabase(t *testing.T, in *instance) {
	lock := exec.Command("sqlite3", in.path("fail2ban.sqlite3"))
	session, err := lock.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := lock.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = session.Close()
		_ = lock.Wait()
	})
	fmt.Fprintln(session, ".timeout 5000\nBEGIN EXCLUSIVE;")
	eventually(t, "locked", func() bool { return sqliteRefuses(in) })
	in.ask(t, "set", "sshd", "banip", "192.0.2.99")
}

// service is a program of a name that listens on a port.
func service(t *testing.T, in *instance, port string) {
	sshd, _ := testenv.Look("sshd")
	key := in.path("key")
	if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key).CombinedOutput(); err != nil {
		t.Fatalf("ssh-keygen: %v\n%s", err, out)
	}
	mkdir(t, "/run/sshd")
	cmd := in.netn.Command(sshd, "-D", "-f", "/dev/null", "-h", key, "-p", port, "-o", "PidFile=none")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	eventually(t, "sshd listens", func() bool {
		out, err := in.netn.Command("ss", "-ltn").Output()
		return err == nil && strings.Contains(string(out), ":"+port+" ")
	})
}

// fullDisk puts the database on a disk and fills that.
func fullDisk(t *testing.T, in *instance) {
	dir := smallDisk(t, in, "size=512k")
	t.Cleanup(func() { _ = os.Remove(filepath.Join(dir, "filler")) })
}

func fill(t *testing.T, in *instance) {
	f, err := os.Create(in.path("disk/filler"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for err == nil {
		_, err = f.Write(make([]byte, 4096))
	}
}

// unprivileged is a server without root's right to read everything.
func unprivileged(t *testing.T, in *instance) {
	in.without = []string{"CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH"}
	if err := os.Chmod(in.path("auth.log"), 0); err != nil {
		t.Fatal(err)
	}
}

// secondServer is one more server in the same network.
func secondServer(t *testing.T, in *instance) {
	other := place(t, in.subject, in.netn, strings.ReplaceAll(healthyJails, "nftables[heal=no]", "dummy"))
	other.write(t, "auth.log", goodLine())
	other.start(t)
}

// faults are what the doctor has to find.
func faults() []fault {
	return []fault{
		{
			name: "log path wrong", code: "log-missing", status: 2, jails: strings.Replace(healthyJails, "auth.log", "nowhere/auth.log", 1),
			plant: func(*testing.T, *instance) {}, cure: func(t *testing.T, in *instance) { in.write(t, "nowhere/auth.log", goodLine()) },
		},
		{
			name: "log unreadable", code: "log-unreadable", status: 2, needs: []string{"setpriv"}, before: unprivileged,
			plant: func(*testing.T, *instance) {}, cure: func(t *testing.T, in *instance) { _ = os.Chmod(in.path("auth.log"), 0o644) },
		},
		{name: "log lines of the future", code: "clock", status: 1, plant: dated(3 * time.Hour), cure: func(t *testing.T, in *instance) { in.append(t, "auth.log", goodLine()) }},
		{name: "log in another zone", code: "clock", status: 1, plant: dated(-5 * time.Hour), cure: func(t *testing.T, in *instance) { in.append(t, "auth.log", goodLine()) }},
		{name: "clock set back", code: "clock", status: 2, plant: func(t *testing.T, in *instance) {
			later := time.Now().Add(time.Hour)
			if err := os.Chtimes(in.path("auth.log"), later, later); err != nil {
				t.Fatal(err)
			}
		}},
		{
			name: "no line with a date", code: "no-date", status: 1, before: func(t *testing.T, in *instance) { in.write(t, "auth.log", "") },
			plant: func(t *testing.T, in *instance) {
				in.append(t, "auth.log", strings.Repeat("gate sshd: Connection closed by somebody\n", 5))
			},
		},
		{name: "chain flushed", code: "firewall-missing", status: 2, plant: inside("nft", "flush", "chain", "inet", "f2b-table", "f2b-chain"), cure: pauseBriefly},
		{name: "set emptied", code: "bans-not-enforced", status: 2, plant: inside("nft", "flush", "set", "inet", "f2b-table", "addr-set-sshd"), cure: pauseBriefly},
		{name: "rule shadowed", code: "rule-shadowed", status: 2, plant: inside("nft", "insert", "rule", "inet", "f2b-table", "f2b-chain", "tcp", "dport", "22", "accept")},
		{
			name: "rule shadowed in iptables", code: "rule-shadowed", status: 2, needs: []string{"iptables"}, jails: strings.Replace(healthyJails, "nftables[", "iptables-multiport[", 1),
			plant: inside("iptables", "-I", "INPUT", "-p", "tcp", "--dport", "22", "-j", "ACCEPT"),
			cure:  inside("iptables", "-D", "INPUT", "-p", "tcp", "--dport", "22", "-j", "ACCEPT"),
		},
		{
			name: "iptables chain flushed", code: "firewall-missing", status: 2, needs: []string{"iptables"}, jails: strings.Replace(healthyJails, "nftables[", "iptables-multiport[", 1),
			plant: inside("iptables", "-F", "f2b-sshd"), cure: pauseBriefly,
		},
		{name: "jail idle", code: "jail-idle", status: 1, plant: ask("set", "sshd", "idle", "on"), cure: ask("set", "sshd", "idle", "off")},
		{name: "lag", code: "lag", status: 1, plant: func(t *testing.T, in *instance) {
			in.ask(t, "set", "sshd", "idle", "on")
			in.append(t, "auth.log", strings.Repeat(goodLine(), (6<<20)/len(goodLine())))
		}},
		{
			name: "regex over budget", code: "regex-over-budget", status: 1,
			jails:  healthyJails + "[other]\nenabled = true\nbackend = auto\nfilter =\nfailregex = ^ (?P<x>a*)*(?P=x)b <HOST>$\nlogpath = DIR/other.log\naction = dummy[target=DIR/dummy]\n",
			before: func(t *testing.T, in *instance) { in.write(t, "other.log", goodLine()) },
			plant: func(t *testing.T, in *instance) {
				in.append(t, "other.log", time.Now().Format(time.RFC3339)+" "+strings.Repeat("a", 1000)+"! 10.0.0.1\n")
			},
		},
		{name: "disk full", code: "disk-full", status: 2, before: fullDisk, plant: fill, cure: remove("disk/filler")},
		{name: "database locked", code: "database", status: 1, needs: []string{"sqlite3"}, plant: holdDatabase},
		{
			name: "port mismatch", code: "port-mismatch", status: 2, needs: []string{"sshd", "ssh-keygen", "ss"},
			plant: func(t *testing.T, in *instance) { service(t, in, "2222") },
		},
		{name: "port forwarded by Docker", code: "port-forwarded", status: 2, needs: []string{"iptables"}, plant: func(t *testing.T, in *instance) {
			for _, rule := range []string{
				"-N DOCKER", "-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER",
				"-A DOCKER ! -i docker0 -p tcp -m tcp --dport 22 -j DNAT --to-destination 172.17.0.2:22",
			} {
				in.netn.Run(t, "iptables", append([]string{"-t", "nat"}, strings.Fields(rule)...)...)
			}
		}},
		{name: "port forwarded by nftables", code: "port-forwarded", status: 2, plant: func(t *testing.T, in *instance) {
			in.netn.Run(t, "nft", "add table ip nat; add chain ip nat pre { type nat hook prerouting priority dstnat; }; add rule ip nat pre tcp dport { 22, 80 } dnat to 172.17.0.2")
		}},
		{name: "server down", code: "server-down", status: 2, plant: func(t *testing.T, in *instance) { in.signal(t, syscall.SIGKILL) }},
		{name: "jail degraded", code: "jail-degraded", status: 2, jails: healthyJails + "failregex = ^ gate sshd: bad <HOST>$\n  ^(broken <HOST>$\n", plant: func(*testing.T, *instance) {}},
		{name: "jail left out", code: "jail-left-out", status: 2, jails: healthyJails + "[other]\nenabled = true\nfilter =\nfailregex = ^(broken <HOST>$\nlogpath = DIR/auth.log\naction = dummy\n", plant: func(*testing.T, *instance) {}},
		{name: "configuration error", code: "configuration", status: 2, plant: func(t *testing.T, in *instance) {
			in.append(t, "etc/jail.local", "[other]\nenabled = true\nfilter = nosuch\n")
		}},
		{name: "log target gone", code: "log-target", status: 2, plant: remove("fail2ban.log"), cure: ask("flushlogs")},
		{
			name: "action fails", code: "action-fails", status: 2, jails: healthyJails + "action = %(action_)s\n         broken\n",
			before: func(t *testing.T, in *instance) {
				in.write(t, "etc/action.d/broken.conf", "[Definition]\nactionstart =\nactionstop =\nactioncheck =\nactionban = false\nactionunban =\n")
			}, plant: func(*testing.T, *instance) {},
		},
		{name: "second server", code: "second-server", status: 2, plant: secondServer},
		{name: "paused", code: "paused", status: 1, plant: func(t *testing.T, in *instance) {
			if out, err := in.own("pause", "10m").CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
		}, cure: func(t *testing.T, in *instance) { _ = in.own("resume").Run() }},
	}
}

// patient is a server that reads its log and has two bans.
func patient(t *testing.T, f *fault) *instance {
	t.Helper()
	testenv.Need(t, append(f.needs, "nft")...)
	jails := f.jails
	if jails == "" {
		jails = healthyJails
	}
	in := place(t, stockade(t), testenv.NewNetns(t), jails)
	in.write(t, "auth.log", goodLine())
	if f.before != nil {
		f.before(t, in)
	}
	in.start(t)
	in.client("set", "sshd", "banip", "192.0.2.7", "198.51.100.0/24")
	return in
}

// TestDoctorFindsPlantedFaults plants each of these faults on a machine of its
// own.
func TestDoctorFindsPlantedFaults(t *testing.T) {
	for _, f := range faults() {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			in := patient(t, &f)
			f.plant(t, in)
			var d *diagnosis
			if !until(20*time.Second, func() bool { d = in.doctor(t); return d.has(f.code) }) {
				t.Fatalf("the doctor does not find %q: %+v", f.code, d.Findings)
			}
			if d.Status != f.status {
				t.Errorf("exit status %d, want %d: %+v", d.Status, f.status, d.Findings)
			}
			for _, x := range d.Findings {
				if x.Cure == "" || x.Text == "" || strings.Contains(x.Cure, "\n") {
					t.Errorf("a finding without text or a cure in one line: %+v", x)
				}
			}
			if f.cure != nil {
				f.cure(t, in)
				eventually(t, "the cure helps", func() bool { d = in.doctor(t); return !d.has(f.code) })
			}
		})
	}
}

// TestDoctorFindsAHealthyMachineHealthy looks at machines where all is well, of
// several kinds.
func TestDoctorFindsAHealthyMachineHealthy(t *testing.T) {
	for _, banaction := range []string{"nftables", "nftables-allports", "nftables[chain_hook=prerouting]", "iptables-multiport", "iptables-ipset-proto6"} {
		t.Run(banaction, func(t *testing.T) {
			t.Parallel()
			in := patient(t, &fault{jails: strings.Replace(healthyJails, "nftables[heal=no]", banaction, 1), needs: []string{"iptables", "ipset"}})
			// Rules as many machines have them are no fault.
			in.netn.Run(t, "nft", "add table inet own; add chain inet own input { type filter hook input priority 0; }; add rule inet own input ct state established,related accept; add rule inet own input tcp dport 22 accept")
			d := in.doctor(t)
			if d.Status != 0 || len(d.Findings) > 0 {
				t.Errorf("status %d: %+v", d.Status, d.Findings)
			}
			out, err := in.own("doctor").Output()
			if err != nil || !strings.HasPrefix(string(out), "This machine is protected:") || !strings.Contains(string(out), "sshd: 2 banned") {
				t.Errorf("%v\n%s", err, out)
			}
			if out, err := in.own("doctor", "--quiet").Output(); err != nil || len(out) > 0 {
				t.Errorf("--quiet: %v\n%s", err, out)
			}
		})
	}
}

// TestMetricsAtAnAddressOfTheirOwn asks as Prometheus does, over TCP.
func TestMetricsAtAnAddressOfTheirOwn(t *testing.T) {
	in := place(t, stockade(t), testenv.NewNetns(t), healthyJails)
	in.write(t, "auth.log", goodLine())
	in.append(t, "etc/fail2ban.local", "metrics = :9191\n")
	in.start(t)
	in.ask(t, "set", "sshd", "banip", "192.0.2.7")
	get := func(host, path string) string {
		var conn net.Conn
		var err error
		in.netn.Do(t, func() { conn, err = net.Dial("tcp", host+":9191") })
		if err != nil {
			return err.Error()
		}
		defer conn.Close()
		fmt.Fprintf(conn, "GET %s HTTP/1.0\r\nHost: %s\r\n\r\n", path, host)
		text, err := io.ReadAll(conn)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	page := get("127.0.0.1", "/metrics")
	for _, want := range []string{
		"HTTP/1.0 200 OK", "text/plain; version=0.0.4", "\nf2b_up 1\n", `f2b_jail_banned_current{jail="sshd"} 1`,
		fmt.Sprintf(`stockade_lines_total{jail="sshd",source=%q} 1`, in.path("auth.log")), "\nstockade_database_up 1\n",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("%q is not in:\n%s", want, page)
		}
	}
	// Nothing but the metrics is there, and nobody else can reach it.
	if other := get("127.0.0.1", "/v1/status"); !strings.HasPrefix(other, "HTTP/1.0 404") {
		t.Errorf("the API is open:\n%s", other)
	}
	in.netn.Run(t, "ip", "addr", "add", "10.77.0.9/32", "dev", "lo")
	if other := get("10.77.0.9", "/metrics"); !strings.Contains(other, "refused") {
		t.Errorf("it answers on other addresses:\n%s", other)
	}
}
