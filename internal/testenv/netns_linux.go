package testenv

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"
)

// Netns is a network namespace of the test's own, with its loopback up. It
// goes away with the test.
type Netns struct {
	Name string
	// Addr4 and Addr6 are its addresses on the veth of a Pair, without length.
	Addr4, Addr6 string

	file *os.File
}

var namespaces atomic.Int32

// NewNetns makes a namespace, or skips the test where that needs more rights
// or programs than there are.
func NewNetns(tb testing.TB) *Netns {
	tb.Helper()
	Root(tb)
	Need(tb, "ip")
	n := &Netns{Name: fmt.Sprintf("stockade-%d-%d", os.Getpid(), namespaces.Add(1))}
	if out, err := exec.Command(mustLook("ip"), "netns", "add", n.Name).CombinedOutput(); err != nil {
		Skip(tb, "no network namespace may be made here: "+strings.TrimSpace(string(out)))
	}
	tb.Cleanup(func() {
		_ = n.file.Close()
		_ = exec.Command(mustLook("ip"), "netns", "del", n.Name).Run()
	})
	file, err := os.Open(n.Path())
	if err != nil {
		tb.Fatalf("open namespace: %v", err)
	}
	n.file = file
	n.Run(tb, "ip", "link", "set", "lo", "up")
	return n
}

// Pair makes two namespaces joined by a veth: a server at 10.77.0.1 and
// fd77::1, a client at 10.77.0.2 and fd77::2. AddAddr gives more addresses.
func Pair(tb testing.TB) (server, client *Netns) {
	tb.Helper()
	server, client = NewNetns(tb), NewNetns(tb)
	server.Run(tb, "ip", "link", "add", "veth0", "type", "veth", "peer", "name", "veth0", "netns", client.Name)
	for i, n := range []*Netns{server, client} {
		n.Addr4, n.Addr6 = fmt.Sprintf("10.77.0.%d", i+1), fmt.Sprintf("fd77::%d", i+1)
		n.AddAddr(tb, n.Addr4+"/24")
		n.AddAddr(tb, n.Addr6+"/64")
		n.Run(tb, "ip", "link", "set", "veth0", "up")
	}
	return server, client
}

// AddAddr gives the namespace's veth one more address. IPv6 addresses are
// usable at once (no duplicate address detection).
func (n *Netns) AddAddr(tb testing.TB, cidr string) {
	tb.Helper()
	args := []string{"addr", "add", cidr, "dev", "veth0"}
	if strings.Contains(cidr, ":") {
		args = append(args, "nodad")
	}
	n.Run(tb, "ip", args...)
}

// Path is the namespace's file.
func (n *Netns) Path() string { return "/run/netns/" + n.Name }

// FD is a descriptor of the namespace, valid as long as the test.
func (n *Netns) FD() int { return int(n.file.Fd()) }

// Command is a command inside the namespace.
func (n *Netns) Command(name string, args ...string) *exec.Cmd {
	if path, ok := Look(name); ok {
		name = path
	}
	return exec.Command(mustLook("ip"), append([]string{"netns", "exec", n.Name, name}, args...)...)
}

// Run runs a command inside the namespace, fails the test where it fails, and
// returns what it printed.
func (n *Netns) Run(tb testing.TB, name string, args ...string) string {
	tb.Helper()
	out, err := n.Command(name, args...).CombinedOutput()
	if err != nil {
		tb.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// Do calls f on a thread inside the namespace. Sockets opened by f belong to
// the namespace for good; goroutines started by f do not.
func (n *Netns) Do(tb testing.TB, f func()) {
	tb.Helper()
	failed := make(chan error, 1)
	go func() {
		// Not unlocked: the thread ends with the goroutine and takes the
		// namespace with it.
		runtime.LockOSThread()
		if err := unix.Setns(n.FD(), unix.CLONE_NEWNET); err != nil {
			failed <- err
			return
		}
		f()
		failed <- nil
	}()
	if err := <-failed; err != nil {
		tb.Fatalf("enter namespace %s: %v", n.Name, err)
	}
}

func mustLook(name string) string {
	path, _ := Look(name)
	return path
}
