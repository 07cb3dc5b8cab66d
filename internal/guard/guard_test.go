package guard

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// tree is a /proc of the test's own.
type tree struct {
	t    *testing.T
	root string
}

func (r tree) file(name, text string) {
	r.t.Helper()
	path := filepath.Join(r.root, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

func (r tree) link(name, to string) {
	r.t.Helper()
	path := filepath.Join(r.root, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		r.t.Fatal(err)
	}
	if err := os.Symlink(to, path); err != nil {
		r.t.Fatal(err)
	}
}

// process makes one with a socket whose inode is 1000 + pid.
func (r tree) process(pid, parent, uid int, comm, exe, title string) {
	dir := fmt.Sprintf("proc/%d/", pid)
	r.file(dir+"comm", comm+"\n")
	r.file(dir+"cmdline", title+"\x00")
	r.file(dir+"status", fmt.Sprintf("Name:\t%s\nPPid:\t%d\nUid:\t%d\t%d\t%d\t%d\n", comm, parent, uid, uid, uid, uid))
	r.link(dir+"exe", exe)
	r.link(dir+"ns/net", "net:[1]")
	r.link(dir+"fd/3", fmt.Sprintf("socket:[%d]", 1000+pid))
	r.link(dir+"fd/4", "/dev/null")
	const head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
	four, six := head, head
	for id := 100; id < 130; id++ {
		four += fmt.Sprintf("  1: 0100007F:0016 %02X0200C0:D431 01 0:0 0:0 0 0 0 %d 1\n", id, 1000+id)
	}
	four += "  2: 0100007F:0016 630200C0:D431 06 0:0 0:0 0 0 0 1200 1\n"
	six += "  3: 00000000000000000000000000000000:0016 B80D0120000000000000000001000000:D431 01 0:0 0:0 0 0 0 1201 1\n" +
		"  4: 00000000000000000000000000000000:0016 0000000000000000FFFF0000C90200C0:D431 01 0:0 0:0 0 0 0 1202 1\n"
	r.file(dir+"net/tcp", four)
	r.file(dir+"net/tcp6", six)
}

const sshd = "/usr/sbin/sshd"

func TestOnlySessionsThatWereLetInAreFound(t *testing.T) {
	tests := []struct {
		name  string
		make  func(r tree)
		found string
	}{
		{"of a user", func(r tree) {
			r.process(50, 1, 0, "sshd", sshd, "sshd: ann [priv]")
			r.process(101, 50, 1000, "sshd", sshd, "sshd: ann@pts/0")
		}, "[192.0.2.101]"},
		{"without a terminal", func(r tree) { r.process(101, 50, 1000, "sshd", sshd, "sshd: ann@notty") }, "[192.0.2.101]"},
		{"that only forwards", func(r tree) { r.process(101, 50, 1000, "sshd", sshd, "sshd: ann") }, "[192.0.2.101]"},
		{"a listener", func(r tree) { r.process(101, 50, 0, "sshd", sshd, "sshd: /usr/sbin/sshd") }, "[]"},
		{"of root", func(r tree) { r.process(101, 50, 0, "sshd", sshd, "sshd: root@pts/3") }, "[192.0.2.101]"},
		{"of a newer daemon", func(r tree) {
			r.process(101, 50, 0, "sshd-session", "/usr/lib/openssh/sshd-session", "sshd-session: root@pts/3")
		}, "[192.0.2.101]"},
		{"of a daemon that was upgraded", func(r tree) { r.process(101, 50, 0, "sshd", sshd+" (deleted)", "sshd: root@pts/3") }, "[192.0.2.101]"},
		{"over IPv6", func(r tree) { r.process(201, 50, 0, "sshd", sshd, "sshd: root@pts/3") }, "[2001:db8::1]"},
		{"over IPv4 in IPv6", func(r tree) { r.process(202, 50, 0, "sshd", sshd, "sshd: root@pts/3") }, "[192.0.2.201]"},
		{"a connection that is closing", func(r tree) { r.process(200, 50, 0, "sshd", sshd, "sshd: root@pts/3") }, "[]"},
		{"not let in yet", func(r tree) { r.process(101, 50, 0, "sshd", sshd, "sshd: root [priv]") }, "[]"},
		{"a stranger", func(r tree) { r.process(101, 50, 0, "sshd", sshd, "sshd: unknown [net]") }, "[]"},
		{"just accepted", func(r tree) { r.process(101, 50, 0, "sshd", sshd, "sshd: [accepted]") }, "[]"},
		{"a name that an attacker sent", func(r tree) { r.process(101, 50, 0, "sshd", sshd, "sshd: x@pts/0 [priv]") }, "[]"},
		{"a forged title", func(r tree) { r.process(101, 50, 1000, "sshd", "/home/eve/sshd-not", "sshd: ann@pts/0") }, "[]"},
		{"a daemon of a user's own", func(r tree) {
			r.process(60, 1, 1000, "sshd", sshd, "sshd: x")
			r.process(101, 60, 1000, "sshd", sshd, "sshd: ann@pts/0")
		}, "[]"},
		{"without a parent", func(r tree) { r.process(101, 77, 0, "sshd", sshd, "sshd: ann@pts/0") }, "[]"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := tree{t, t.TempDir()}
			if tt.name != "of a user" {
				r.process(50, 1, 0, "sshd", sshd, "sshd: /usr/sbin/sshd -D [listener]")
			}
			tt.make(r)
			if got := fmt.Sprint(Look(r.root).Admins); got != tt.found {
				t.Errorf("found %s, want %s", got, tt.found)
			}
		})
	}
}

func TestSessionsThatLogindKnowsAreFound(t *testing.T) {
	r := tree{t, t.TempDir()}
	const head = "# This is private data. Do not parse.\nUID=1000\nUSER=ann\nACTIVE=1\nREMOTE=1\n"
	for name, rest := range map[string]string{
		"1":  "STATE=active\nREMOTE_HOST=192.0.2.1\nSERVICE=sshd\n",
		"2":  "STATE=closing\nREMOTE_HOST=192.0.2.2\nSERVICE=sshd\n",
		"3":  "STATE=active\nREMOTE_HOST=192.0.2.3\nSERVICE=vsftpd\n",
		"4":  "STATE=active\nTTY=tty1\nSERVICE=login\n",
		"5":  "STATE=online\nSERVICE=sshd\nREMOTE_HOST=2001:db8::5",
		"c6": "STATE=active\nREMOTE_HOST=host.example\nSERVICE=sshd\n",
		"c7": "half a line",
	} {
		r.file("run/systemd/sessions/"+name, head+rest)
	}
	r.link("run/systemd/sessions/link", "1")
	if got := fmt.Sprint(Look(r.root).Admins); got != "[192.0.2.1 2001:db8::5]" {
		t.Errorf("found %s", got)
	}
}

func TestGatewaysAndResolversAreRead(t *testing.T) {
	r := tree{t, t.TempDir()}
	r.file("proc/net/route", "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n"+
		"eth0\t00000000\t0102000A\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"+
		"eth0\t0002000A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"+
		"tun0\t00000000\t00000000\t0001\t0\t0\t0\t00000000\t0\t0\t0\n"+
		"eth0\t00000000\t0902000A\t0003\t0\t0\t0\t00000080\t0\t0\t0\nhalf a line\n")
	r.file("proc/net/ipv6_route",
		"00000000000000000000000000000000 00 00000000000000000000000000000000 00 fe800000000000000000000000000001 00000400 1 0 00000003 eth0\n"+
			"20010db8000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 1 0 00000001 eth0\n"+
			"00000000000000000000000000000000 00 00000000000000000000000000000000 00 00000000000000000000000000000000 ffffffff 1 0 00200200 lo\n")
	r.file("etc/resolv.conf", "# nameserver 9.9.9.9\nsearch example\nnameserver 192.0.2.53\nnameserver fe80::53%eth0\nnameserver nonsense\nnameserver\n")
	got := Look(r.root)
	if want := "[10.0.2.1 fe80::1]"; fmt.Sprint(got.Gateways) != want {
		t.Errorf("gateways %v, want %s", got.Gateways, want)
	}
	if want := "[192.0.2.53 fe80::53]"; fmt.Sprint(got.Resolvers) != want {
		t.Errorf("resolvers %v, want %s", got.Resolvers, want)
	}
}

func TestNothingReadableIsNothingFound(t *testing.T) {
	got := Look(t.TempDir())
	if len(got.Admins)+len(got.Gateways)+len(got.Resolvers) != 0 {
		t.Errorf("%+v", got)
	}
	if !slices.Contains(got.Self, netip.MustParseAddr("127.0.0.1")) {
		t.Errorf("own addresses %v", got.Self)
	}
}

func TestAnswersAreRememberedForAMoment(t *testing.T) {
	now := time.Unix(1795334628, 0)
	asked, takes := 0, time.Duration(0)
	w := Watch{Now: func() time.Time { return now }, Find: func() Addresses {
		asked++
		now = now.Add(takes)
		return Addresses{}
	}}
	for _, step := range []struct {
		pass time.Duration
		want int
	}{{0, 1}, {freshFor - 1, 1}, {1, 2}, {freshFor, 3}, {-2 * time.Hour, 4}} {
		now = now.Add(step.pass)
		w.Addresses()
		if asked != step.want {
			t.Errorf("after %v: asked %d times, want %d", step.pass, asked, step.want)
		}
	}
	takes = time.Second
	now = now.Add(time.Hour)
	w.Addresses()
	asked, takes = 0, 0
	now = now.Add(share*time.Second - 1)
	w.Addresses()
	if now = now.Add(1); asked != 0 {
		t.Error("a slow look was repeated at once")
	}
	if w.Addresses(); asked != 1 {
		t.Error("never looked again")
	}
}
