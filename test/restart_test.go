package acceptance

import (
	"fmt"
	"net"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"stockade/internal/testenv"
)

const restartJail = `[sshd]
enabled = true
bantime = 1h
ignoreself = false
logpath = DIR/auth.log
`

// manyBans are as many bans as the restart tests hold.
const manyBans = 1000

// TestBansOutliveTheServer restarts the server in each way there is, while a
// banned address keeps knocking 200 times a second.
func TestBansOutliveTheServer(t *testing.T) {
	testenv.Need(t, "nft")
	server, client := testenv.Pair(t)
	in := place(t, stockade(t), server, restartJail)
	in.write(t, "auth.log", "")
	in.start(t)

	banned := []string{client.Addr4}
	for i := range manyBans - 1 {
		banned = append(banned, fmt.Sprintf("10.88.%d.%d", i/250, i%250+1))
	}
	if out := in.ask(t, append([]string{"set", "sshd", "banip"}, banned...)...); out != strconv.Itoa(manyBans)+"\n" {
		t.Fatalf("banip printed %q", out)
	}
	slices.Sort(banned)
	// No waiting: the reply means that the kernel has them.
	checkKernel(t, in, banned)

	knocks := knock(t, server, client)
	steps := []struct {
		name string
		do   func()
	}{
		{"fail2ban-client restart", func() {
			if out := in.ask(t, "restart"); !strings.Contains(out, "Server ready") {
				t.Errorf("restart printed %q", out)
			}
			in.adopt(t)
		}},
		{"SIGTERM and start", func() {
			in.signal(t, syscall.SIGTERM)
			checkKernel(t, in, banned)
			for _, left := range expiries(in) {
				if left > time.Minute {
					t.Fatalf("after SIGTERM an element would stay for %v", left)
				}
			}
			in.start(t)
		}},
		{"kill -9 and start", func() {
			in.signal(t, syscall.SIGKILL)
			checkKernel(t, in, banned)
			in.start(t)
		}},
	}
	for _, step := range steps {
		before := knocks.sent.Load()
		step.do()
		eventually(t, "jail is up after "+step.name, func() bool {
			out, code := in.client("get", "sshd", "banip")
			return code == 0 && len(strings.Fields(out)) == manyBans
		})
		checkKernel(t, in, banned)
		checkRestored(t, in, step.name)
		if knocks.sent.Load() == before {
			t.Errorf("nobody knocked during %s", step.name)
		}
		if n := knocks.answered.Load(); n > 0 {
			t.Fatalf("%d of %d knocks were answered by the end of %s", n, knocks.sent.Load(), step.name)
		}
	}
	knocks.stop()
	in.ask(t, "stop")
	in.gone(t)
	if rules := server.Run(t, "nft", "list", "ruleset"); strings.TrimSpace(rules) != "" {
		t.Errorf("after stop the kernel still holds\n%.2000s", rules)
	}
}

// TestKernelLiftsBansOfAnAbsentServer leaves the server away after a SIGTERM.
func TestKernelLiftsBansOfAnAbsentServer(t *testing.T) {
	testenv.Need(t, "nft")
	if !testenv.Full() {
		testenv.Skip(t, "takes a minute: only in make compare")
	}
	server := testenv.NewNetns(t)
	in := place(t, stockade(t), server, restartJail)
	in.write(t, "auth.log", "")
	in.start(t)
	in.ask(t, "set", "sshd", "banip", "192.0.2.1", "192.0.2.2", "2001:db8::1")
	in.signal(t, syscall.SIGTERM)
	if got := elements(in, "addr-set-sshd"); len(got) != 2 {
		t.Fatalf("right after SIGTERM the kernel holds %v", got)
	}
	if !until(65*time.Second, func() bool {
		return len(elements(in, "addr-set-sshd"))+len(elements(in, "addr6-set-sshd")) == 0
	}) {
		t.Errorf("a minute later the kernel still holds %v", elements(in, "addr-set-sshd"))
	}
}

// adopt takes over the server that a client started in the background.
func (in *instance) adopt(tb testing.TB) {
	tb.Helper()
	in.gone(tb)
	text, err := os.ReadFile(in.path("pid"))
	if err != nil {
		tb.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		tb.Fatal(err)
	}
	if in.cmd.Process, err = os.FindProcess(pid); err != nil {
		tb.Fatal(err)
	}
}

// elements lists what a set of the jail's table holds, sorted.
func elements(in *instance, set string) []string {
	out, err := in.netn.Command("nft", "list", "set", "inet", "f2b-table", set).Output()
	if err != nil {
		return nil
	}
	_, inside, found := strings.Cut(string(out), "elements = {")
	if !found {
		return nil
	}
	inside, _, _ = strings.Cut(inside, "}")
	var ids []string
	for _, element := range strings.Split(inside, ",") {
		ids = append(ids, strings.Fields(element)[0])
	}
	slices.Sort(ids)
	return ids
}

// checkKernel compares the set with what ought to be in it. The kernel lists a
// set piece by piece: while elements are being prolonged a list may miss some
// that are there all the time, so a short one is made again. That none was
// ever missing is what the knocks show.
func checkKernel(t *testing.T, in *instance, want []string) {
	t.Helper()
	var got []string
	if !until(10*time.Second, func() bool {
		got = elements(in, "addr-set-sshd")
		return slices.Equal(got, want)
	}) {
		t.Fatalf("the kernel holds %d elements, want %d", len(got), len(want))
	}
}

var expires = regexp.MustCompile(`expires (?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?`)

// expiries are the times that the kernel will still keep each element.
func expiries(in *instance) []time.Duration {
	out, _ := in.netn.Command("nft", "list", "set", "inet", "f2b-table", "addr-set-sshd").Output()
	units := []time.Duration{24 * time.Hour, time.Hour, time.Minute, time.Second, time.Millisecond}
	var all []time.Duration
	for _, match := range expires.FindAllStringSubmatch(string(out), -1) {
		var left time.Duration
		for i, unit := range units {
			n, _ := strconv.Atoi(match[i+1])
			left += time.Duration(n) * unit
		}
		all = append(all, left)
	}
	return all
}

// checkRestored looks into the log since the last start: each ban restored
// once.
func checkRestored(t *testing.T, in *instance, after string) {
	t.Helper()
	// The list comes before the words: a ban is logged when the kernel has it.
	var seen map[string]int
	eventually(t, "all bans are told after "+after, func() bool {
		seen = restored(in)
		return len(seen) >= manyBans
	})
	if len(seen) != manyBans {
		t.Errorf("after %s %d bans were restored", after, len(seen))
	}
	for id, n := range seen {
		if n != 1 {
			t.Errorf("after %s %s was restored %d times", after, id, n)
		}
	}
}

// restored counts the bans that the log tells of since the last start.
func restored(in *instance) map[string]int {
	log := in.log()
	log = log[max(0, strings.LastIndex(log, "Starting Fail2ban")):]
	seen := map[string]int{}
	for _, line := range strings.Split(log, "\n") {
		if _, id, found := strings.Cut(line, "[sshd] Restore Ban "); found {
			seen[id]++
		}
	}
	return seen
}

// knocks is a flood of connections from the client's first address, 200 a
// second, to a listener of the test on the server's port 22.
type knocks struct {
	sent, answered atomic.Int64
	quit, done     chan struct{}
}

func (k *knocks) stop() {
	close(k.quit)
	<-k.done
}

func knock(t *testing.T, server, client *testenv.Netns) *knocks {
	t.Helper()
	k := &knocks{quit: make(chan struct{}), done: make(chan struct{})}
	var listener net.Listener
	server.Do(t, func() {
		var err error
		if listener, err = net.Listen("tcp4", server.Addr4+":22"); err != nil {
			t.Errorf("listen: %v", err)
		}
	})
	if t.Failed() {
		t.FailNow()
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			k.answered.Add(1)
			_ = conn.Close()
		}
	}()
	to := &unix.SockaddrInet4{Port: 22, Addr: [4]byte(net.ParseIP(server.Addr4).To4())}
	go func() {
		defer close(k.done)
		client.Do(t, func() { k.flood(t, to) })
	}()
	return k
}

// flood opens connections without waiting for what becomes of them.
func (k *knocks) flood(t *testing.T, to unix.Sockaddr) {
	tick := time.NewTicker(time.Second / 200)
	defer tick.Stop()
	var open []int
	for {
		select {
		case <-k.quit:
			for _, fd := range open {
				_ = unix.Close(fd)
			}
			return
		case <-tick.C:
		}
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Errorf("socket: %v", err)
			return
		}
		if err := unix.Connect(fd, to); err == nil || err == unix.EINPROGRESS {
			k.sent.Add(1)
		}
		// Each has a second before it is given up.
		if open = append(open, fd); len(open) > 200 {
			_ = unix.Close(open[0])
			open = open[1:]
		}
	}
}
