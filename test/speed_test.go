//go:build bench

package acceptance

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"stockade/internal/testenv"
)

// TestSpeed is what `make bench` runs: everything from one run, so that the
// ratios mean something on whatever machine this is.
func TestSpeed(t *testing.T) {
	t.Run("lines", lineSpeed)
	t.Run("server", serverSpeed)
	t.Run("journal", journalSpeed)
	t.Run("twenty", twentyJails)
	t.Run("latency", banLatency)
	t.Run("idle", idleCost)
}

// benchLines is the length of the log that all programs read.
const benchLines = 200_000

func lineSpeed(t *testing.T) {
	text, err := os.ReadFile(opensshLog(t))
	if err != nil {
		t.Fatal(err)
	}
	once := strings.TrimSuffix(string(text), "\n") + "\n"
	log := filepath.Join(t.TempDir(), "openssh.log")
	writeFile(t, log, strings.Repeat(once, benchLines/strings.Count(once, "\n")))

	ours, ref := stockade(t), reference(t)
	theirs := filepath.Join(testenv.Reference(t), "etc/fail2ban")
	lone := place(t, ours, nil, "").path("etc")

	if want, got := counted(t, ref, "-c", theirs, "-o", "ip", log, "sshd"), counted(t, ours, "-c", theirs, "-o", "ip", log, "sshd"); len(want) == 0 || difference(got, want) != "" {
		t.Fatalf("the results differ, so speed means nothing: %s", difference(got, want))
	}

	table(fmt.Sprintf("%d lines of OpenSSH's log, whole processes", benchLines))
	entries := []entry{
		{"reference: fail2ban-regex, its sshd filter", ref.program("regex", "-c", theirs, log, "sshd")},
		{"stockade:  fail2ban-regex, the reference's sshd filter", ours.program("regex", "-c", theirs, log, "sshd")},
		{"stockade:  fail2ban-regex, our sshd filter", ours.program("regex", "-c", lone, log, "sshd")},
		{"grep -c 'Failed password'", exec.Command("grep", "-c", "Failed password", log)},
		{"wc -l", exec.Command("wc", "-l", log)},
	}
	if parser := "/usr/libexec/sshguard/sshg-parser"; exists(parser) {
		entries = append(entries, entry{"sshg-parser", exec.Command("sh", "-c", parser+" <"+log)})
	}
	compare(t, entries, benchLines)
}

// entry is a program to be measured.
type entry struct {
	name string
	cmd  *exec.Cmd
}

// cost is what a run took: seconds of the processor, in the program and in the
// kernel for it, and of the clock. The first hardly depends on what else the
// machine does.
type cost struct{ cpu, wall float64 }

// table begins a table of costs.
func table(title string) {
	fmt.Printf("\n%s\n\n  %-58s %8s %8s %12s %9s %9s\n", title, "", "CPU s", "wall s", "lines/CPU s", "by CPU", "by wall")
}

// costRow prints one cost and how many times less it is than another.
func costRow(name string, lines int, c, base cost) {
	fmt.Printf("  %-58s %8.3f %8.3f %12.0f %8.1fx %8.1fx\n", name, c.cpu, c.wall, float64(lines)/c.cpu, base.cpu/c.cpu, base.wall/c.wall)
}

// compare measures programs on one core; the first one is what the others are
// compared with.
func compare(t *testing.T, entries []entry, lines int) {
	t.Helper()
	var base cost
	for i, e := range entries {
		rounds := 7
		if i == 0 {
			rounds = 1
		}
		c := best(t, e.cmd, rounds)
		if i == 0 {
			base = c
		}
		costRow(e.name, lines, c, base)
	}
}

// best runs a command on one core a few times and gives its smallest costs.
func best(t *testing.T, cmd *exec.Cmd, rounds int) cost {
	t.Helper()
	var least cost
	for range rounds {
		run := pinned(cmd)
		var out bytes.Buffer
		run.Stdout, run.Stderr = &out, &out
		start := time.Now()
		if err := run.Run(); err != nil {
			t.Fatalf("%v: %v\n%s", cmd.Args, err, out.String())
		}
		wall := time.Since(start).Seconds()
		least = less(least, cost{(run.ProcessState.UserTime() + run.ProcessState.SystemTime()).Seconds(), wall})
	}
	return least
}

// less gives the smaller of two costs, part by part. A cost of nothing is none.
func less(a, b cost) cost {
	if a == (cost{}) {
		return b
	}
	return cost{min(a.cpu, b.cpu), min(a.wall, b.wall)}
}

// pinned is a command that runs on one core only.
func pinned(cmd *exec.Cmd) *exec.Cmd {
	run := exec.Command("taskset", append([]string{"-c", "0", cmd.Path}, cmd.Args[1:]...)...)
	run.Env = cmd.Env
	return run
}

// benchAttacks is how many bans the latency is taken from.
const benchAttacks = 200

// banLatency measures from the write of the deciding line to the kernel's own
// message of the new element.
func banLatency(t *testing.T) {
	testenv.Need(t, "nft")
	fmt.Printf("\nFrom the write of the deciding log line to the kernel's notice of the element, %d attacks\n\n", benchAttacks)
	for _, s := range []subject{reference(t), stockade(t)} {
		netn := testenv.NewNetns(t)
		in := place(t, s, netn, `[sshd]
enabled = true
maxretry = 2
logpath = DIR/auth.log
`)
		in.write(t, "auth.log", "")
		in.start(t)
		kernel := watchKernel(t, netn)
		var took []time.Duration
		for i := range benchAttacks {
			ip := fmt.Sprintf("10.99.%d.%d", i/200, i%200+1)
			in.append(t, "auth.log", failures(1, ip))
			// Attackers do not come in step with anybody's clock.
			time.Sleep(time.Duration(50+i*37%60) * time.Millisecond)
			line := failures(1, ip)
			start := time.Now()
			in.append(t, "auth.log", line)
			took = append(took, kernel.wait(t, ip).Sub(start))
		}
		slices.Sort(took)
		fmt.Printf("  %-10s p50 %8.2f ms   p90 %8.2f ms   p99 %8.2f ms   max %8.2f ms\n", s.name,
			ms(took[benchAttacks/2]), ms(took[benchAttacks*9/10]), ms(took[benchAttacks*99/100]), ms(took[benchAttacks-1]))
		in.ask(t, "stop")
		in.gone(t)
	}
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// kernelWatch listens to nftables' notifications.
type kernelWatch struct{ seen chan notice }

type notice struct {
	at   time.Time
	data []byte
}

func watchKernel(t *testing.T, netn *testenv.Netns) *kernelWatch {
	t.Helper()
	const (
		groupNftables = 1 << (7 - 1)
		newSetElement = 10<<8 | 12 // NFNL_SUBSYS_NFTABLES, NFT_MSG_NEWSETELEM
	)
	w := &kernelWatch{seen: make(chan notice, 1024)}
	fd := -1
	netn.Do(t, func() {
		var err error
		fd, err = unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_NETFILTER)
		if err == nil {
			err = unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: groupNftables})
		}
		if err != nil {
			t.Errorf("listen to nftables: %v", err)
		}
	})
	t.Cleanup(func() { _ = unix.Shutdown(fd, unix.SHUT_RDWR); _ = unix.Close(fd) })
	go func() {
		buf := make([]byte, 1<<16)
		for {
			n, _, err := unix.Recvfrom(fd, buf, 0)
			at := time.Now()
			if err != nil {
				return
			}
			for rest := buf[:n]; len(rest) >= 16; {
				length := int(rest[0]) | int(rest[1])<<8 | int(rest[2])<<16
				kind := int(rest[4]) | int(rest[5])<<8
				if length < 16 || length > len(rest) {
					break
				}
				if kind == newSetElement {
					w.seen <- notice{at, bytes.Clone(rest[:length])}
				}
				rest = rest[min((length+3)&^3, len(rest)):]
			}
		}
	}()
	return w
}

func (w *kernelWatch) wait(t *testing.T, ip string) time.Time {
	t.Helper()
	key := []byte(net.ParseIP(ip).To4())
	limit := time.After(20 * time.Second)
	for {
		select {
		case n := <-w.seen:
			if bytes.Contains(n.data, key) {
				return n.at
			}
		case <-limit:
			t.Fatalf("the kernel never heard of %s", ip)
		}
	}
}

// idleCost measures memory at rest and the time from exec to ready.
func idleCost(t *testing.T) {
	fmt.Printf("\nOne sshd jail at rest\n\n")
	for _, s := range []subject{reference(t), stockade(t)} {
		netn := testenv.NewNetns(t)
		in := place(t, s, netn, "[sshd]\nenabled = true\nlogpath = DIR/auth.log\n")
		in.write(t, "auth.log", "")
		var took []time.Duration
		for range 7 {
			took = append(took, in.readyTime(t))
			in.ask(t, "stop")
			in.gone(t)
		}
		slices.Sort(took)
		in.start(t)
		time.Sleep(3 * time.Second)
		fmt.Printf("  %-10s resident %6.1f MiB   ready after %7.1f ms (median of %d starts, %.1f to %.1f)\n", s.name,
			residentMiB(t, in.pid(t)), ms(took[len(took)/2]), len(took), ms(took[0]), ms(took[len(took)-1]))
		in.ask(t, "stop")
		in.gone(t)
	}
	fmt.Println()
}

// readyTime starts the server and waits for its own word that it is ready.
func (in *instance) readyTime(t *testing.T) time.Duration {
	t.Helper()
	in.cmd = in.enter(in.program("server", "-c", in.path("etc"), "-x", "-f", "start"))
	out, err := in.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	if err := in.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if strings.Contains(lines.Text(), "Server ready") {
			took := time.Since(start)
			cmd := in.cmd
			go func() { _ = cmd.Wait() }()
			return took
		}
	}
	t.Fatalf("%s never said that it is ready", in.name)
	return 0
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}
