package acceptance

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"stockade/internal/testenv"
)

// TestTwentyJailsBanningAtOnceLoseNoLine bans through actions that all write one
// file, by their own commands and by the reference's.
func TestTwentyJailsBanningAtOnceLoseNoLine(t *testing.T) {
	t.Parallel()
	const jails, each = 20, 10
	for _, w := range []way{ways[4], ways[1]} {
		if w.name == ways[1].name && !testenv.Full() {
			continue
		}
		t.Run(w.name, func(t *testing.T) {
			in := place(t, stockade(t), testenv.NewNetns(t), "")
			w.files(t, in)
			in.write(t, "etc/fail2ban.local", "[DEFAULT]\nsocket = DIR/socket\npidfile = DIR/pid\nlogtarget = DIR/fail2ban.log\ndbfile = None\nloglevel = INFO\n")
			if missing(in.path("etc/fail2ban.conf")) {
				in.write(t, "etc/fail2ban.conf", "[Definition]\n")
			}
			text := ""
			for j := range jails {
				text += strings.Replace(jailWith("hostsdeny[file=DIR/hosts.deny]\n  nginx-block-map[srv_cfg_path=DIR/, srv_cmd=DIR/nginx, srv_pid=DIR/nginx.pid]"), "[j]", fmt.Sprintf("[j%d]", j), 1)
			}
			in.write(t, "etc/jail.conf", "[DEFAULT]\n")
			in.write(t, "etc/jail.local", text)
			in.write(t, "empty", "")
			in.write(t, "hosts.deny", "# kept\n")
			fakeNginx(t, in)
			in.start(t)
			var wg sync.WaitGroup
			for j := range jails {
				wg.Go(func() {
					words := []string{"set", fmt.Sprintf("j%d", j), "banip"}
					for i := range each {
						words = append(words, fmt.Sprintf("192.0.%d.%d", j, i+1))
					}
					if out, code := in.client(words...); code != 0 {
						t.Errorf("jail %d: %s", j, out)
					}
				})
			}
			wg.Wait()
			files := []string{"hosts.deny", "blacklisted-sessions.map"}
			for _, name := range files {
				eventually(t, "all lines are in "+name, func() bool { return strings.Count(lookFile(name)(t, in), "192.0.") == jails*each })
			}
			in.ask(t, "stop")
			in.gone(t)
			if left := lookFile("hosts.deny")(t, in) + lookFile("blacklisted-sessions.map")(t, in); left != "# kept\n" {
				t.Errorf("after the stop:\n%s", left)
			}
		})
	}
}

func TestHostsDenyLiftsNetworks(t *testing.T) {
	t.Parallel()
	in := place(t, stockade(t), testenv.NewNetns(t), jailWith("hostsdeny[file=DIR/hosts.deny]"))
	in.write(t, "empty", "")
	in.write(t, "hosts.deny", "ALL: 198.51.100.0/25\nALL: 1980510100.0/24\n")
	before := lookFile("hosts.deny")(t, in)
	in.start(t)
	in.ask(t, "set", "j", "banip", "198.51.100.0/24", "2001:db8::/32")
	eventually(t, "both lines", func() bool {
		return strings.HasSuffix(lookFile("hosts.deny")(t, in), "ALL: 198.51.100.0/24\nALL: [2001:db8::/32]\n")
	})
	in.ask(t, "set", "j", "unbanip", "198.51.100.0/24", "2001:db8::/32")
	eventually(t, "both lines are gone", func() bool { return lookFile("hosts.deny")(t, in) == before })
}

// TestNginxReadsAnyBlockedID gives the map to nginx and asks with the IDs.
func TestNginxReadsAnyBlockedID(t *testing.T) {
	t.Parallel()
	testenv.Need(t, "nginx")
	netn := testenv.NewNetns(t)
	in := place(t, stockade(t), netn, jailWith("nginx-block-map[srv_cfg_path=DIR/, srv_cmd=DIR/nginx, srv_pid=DIR/none]"))
	in.write(t, "empty", "")
	in.start(t)
	ids := []string{`plain1`, `name`, `root`, `two`, `a b`, `q"q`, `a\b`, `semi;colon`, `{x}`, `$var`, `it's`, `~regex`, `default`, `192.0.2.1`}
	in.ask(t, append([]string{"set", "j", "banip"}, ids...)...)
	eventually(t, "all IDs are written", func() bool {
		return strings.Count(lookFile("blacklisted-sessions.map")(t, in), " 1;\n") == len(ids)
	})
	in.write(t, "nginx.conf", `daemon off; pid DIR/real.pid; error_log DIR/error.log;
events {}
http { access_log off; client_body_temp_path DIR/t1; proxy_temp_path DIR/t2; fastcgi_temp_path DIR/t3; uwsgi_temp_path DIR/t4; scgi_temp_path DIR/t5;
map $http_x_id $blocked { include DIR/blacklisted-sessions.map; }
server { listen 127.0.0.1:8088; location / { if ($blocked) { return 403; } return 200 "open"; } } }
`)
	server := netn.Command("nginx", "-c", in.path("nginx.conf"))
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Signal(syscall.SIGTERM)
		_ = server.Wait()
	})
	ask := func(id string) string {
		var answer string
		netn.Do(t, func() {
			c, err := net.Dial("tcp", "127.0.0.1:8088")
			if err != nil {
				return
			}
			defer func() { _ = c.Close() }()
			fmt.Fprintf(c, "GET / HTTP/1.0\r\nX-Id: %s\r\n\r\n", id)
			b := make([]byte, 20)
			n, _ := c.Read(b)
			answer = string(b[:n])
		})
		return answer
	}
	eventually(t, "nginx answers", func() bool { return ask("innocent") != "" })
	if got := ask("innocent"); !strings.Contains(got, "200") {
		t.Errorf("an ID that is not blocked: %q", got)
	}
	for _, id := range ids {
		if got := ask(id); !strings.Contains(got, "403") {
			t.Errorf("%q is not blocked: %q", id, got)
		}
	}
}

// TestWildCommandsDelayNoOtherBan has actions that hang for ever, print a
// gigabyte and fork children, beside one in the kernel.
func TestWildCommandsDelayNoOtherBan(t *testing.T) {
	t.Parallel()
	testenv.Need(t, "nft")
	in := place(t, stockade(t), testenv.NewNetns(t), jailWith("hangs\n  prints\n  forks\n  nftables"))
	in.write(t, "empty", "")
	in.write(t, "etc/action.d/hangs.conf", "[Definition]\nactionban = sleep 98765\n[Init]\ntimeout = 1\n")
	in.write(t, "etc/action.d/prints.conf", "[Definition]\nactionban = head -c 1000000000 /dev/zero; echo printed >> DIR/trace\n[Init]\ntimeout = 60\n")
	in.write(t, "etc/action.d/forks.conf", "[Definition]\nactionban = for i in 1 2 3; do sleep 98766 & done; (sleep 98767; sleep 98768) & wait\n[Init]\ntimeout = 1\n")
	in.start(t)
	var slowest time.Duration
	for i := range 2 {
		began := time.Now()
		id := fmt.Sprintf("192.0.2.%d", i+1)
		cmd := in.enter(in.program("client", "-c", in.path("etc"), "set", "j", "banip", id))
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = cmd.Wait() })
		eventually(t, id+" is in the kernel", func() bool { return strings.Contains(lookNFT(t, in), id+" ") })
		slowest = max(slowest, time.Since(began))
	}
	t.Logf("the slowest ban was in the kernel after %v", slowest)
	if !until(time.Minute, func() bool { return strings.Count(lookFile("trace")(t, in), "printed\n") >= 1 }) {
		t.Error("what printed a gigabyte did not come to its end")
	}
	if kb := peakMemory(t, in); kb > 150_000 {
		t.Errorf("the server took %d kB", kb)
	}
	if !until(time.Minute, func() bool { return strings.Count(in.log(), "timed out after 1 seconds") >= 3 }) {
		t.Errorf("nothing timed out:\n%s", short(in.log()))
	}
	if !until(time.Minute, func() bool { return strings.Count(in.log(), "[j] Ban 192.0.2.") == 2 }) {
		t.Errorf("not all bans came to an end:\n%s", short(in.log()))
	}
	in.signal(t, syscall.SIGTERM)
	if !until(time.Minute, func() bool { return exec.Command("pgrep", "-f", "^sleep 9876[5-8]$").Run() != nil }) {
		t.Error("children of a command are left")
	}
}

func missing(name string) bool {
	_, err := os.Stat(name)
	return err != nil
}

// peakMemory is the largest that the server was, in kilobytes.
func peakMemory(t *testing.T, in *instance) int {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("/proc", fmt.Sprint(in.pid(t)), "status"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		var kb int
		if n, _ := fmt.Sscanf(line, "VmHWM: %d kB", &kb); n == 1 {
			return kb
		}
	}
	t.Fatal("no peak in /proc")
	return 0
}

// TestPacketsOfBannedAddressesAreStoppedAndNoOthers sends real packets.
func TestPacketsOfBannedAddressesAreStoppedAndNoOthers(t *testing.T) {
	t.Parallel()
	actions := []string{"nftables-multiport", "iptables-multiport", "iptables-ipset-proto6"}
	natives := []string{"auto"}
	if testenv.Full() {
		actions = append(actions, "nftables-allports", "iptables-allports", "iptables-new", "iptables-multiport-log", "iptables-ipset-proto6-allports")
		natives = append(natives, "never")
	}
	for _, name := range actions {
		for _, native := range natives {
			t.Run(name+", native = "+native, func(t *testing.T) {
				testenv.Need(t, "nft", "iptables", "ipset")
				port := "port=\"22,7000\", "
				if name == "iptables-new" {
					port = "port=7000, "
				}
				stopsPackets(t, name+"["+port+"native="+native+"]")
			})
		}
	}
}

func stopsPackets(t *testing.T, spec string) {
	t.Helper()
	server, client := testenv.Pair(t)
	for _, more := range []string{"10.77.0.3/24", "10.77.0.4/24", "10.77.0.65/24"} {
		client.AddAddr(t, more)
	}
	client.AddAddr(t, "fd77::3/64")
	var listeners []net.Listener
	server.Do(t, func() {
		for _, port := range []string{"7000", "7001"} {
			l, err := net.Listen("tcp", ":"+port)
			if err != nil {
				t.Error(err)
				continue
			}
			listeners = append(listeners, l)
		}
	})
	for _, l := range listeners {
		t.Cleanup(func() { _ = l.Close() })
	}
	in := place(t, stockade(t), server, jailWith(spec))
	in.write(t, "empty", "")
	in.start(t)
	in.ask(t, "set", "j", "banip", "10.77.0.2", "fd77::2", "10.77.0.64/26")
	dial := func(from, port string) error {
		to := "10.77.0.1:" + port
		if strings.Contains(from, ":") {
			to = "[fd77::1]:" + port
		}
		var err error
		client.Do(t, func() {
			d := net.Dialer{Timeout: 5 * time.Second, LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
			var c net.Conn
			if c, err = d.Dial("tcp", to); err == nil {
				_ = c.Close()
			}
		})
		return err
	}
	all := strings.Contains(spec, "allports")
	for _, c := range []struct {
		from, port string
		stopped    bool
	}{
		{"10.77.0.2", "7000", true},
		{"fd77::2", "7000", true},
		{"10.77.0.65", "7000", true},
		{"10.77.0.3", "7000", false},
		{"fd77::3", "7000", false},
		{"10.77.0.2", "7001", all},
		{"10.77.0.4", "7001", false},
	} {
		if err := dial(c.from, c.port); errors.Is(err, syscall.ECONNREFUSED) != c.stopped {
			t.Errorf("%s to port %s: %v", c.from, c.port, err)
		}
	}
	in.ask(t, "set", "j", "unbanip", "10.77.0.2")
	if err := dial("10.77.0.2", "7000"); err != nil {
		t.Errorf("after the unban: %v", err)
	}
	in.ask(t, "stop")
}

func TestStatusTellsWhatSetsHoldAndStopped(t *testing.T) {
	t.Parallel()
	testenv.Need(t, "nft", "iptables")
	server, client := testenv.Pair(t)
	in := place(t, stockade(t), server, jailWith("nftables-allports[blocktype=\"counter drop\"]\n  iptables-allports"))
	in.write(t, "empty", "")
	in.start(t)
	in.ask(t, "set", "j", "banip", "10.77.0.2", "198.51.100.0/24")
	client.Do(t, func() {
		if c, err := net.Dial("udp", "10.77.0.1:9"); err == nil {
			_, _ = c.Write([]byte("x"))
			_ = c.Close()
		}
	})
	client.Do(t, func() { _, _ = net.DialTimeout("tcp", "10.77.0.1:9", 10*time.Millisecond) })
	want := regexp.MustCompile(`(?s)Action nftables-allports runs natively \(.*addr-set-j holds 1, stopped [1-9]\d* packets \([1-9]\d* bytes\)\n` +
		`   net-set-j holds 1, stopped 0 packets \(0 bytes\)\nAction iptables-allports runs natively`)
	if !until(10*time.Second, func() bool { return want.MatchString(in.verb(t, "status", "j")) }) {
		t.Errorf("status:\n%s", in.verb(t, "status", "j"))
	}
}
