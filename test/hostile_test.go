package acceptance

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"stockade/internal/pickle"
	"stockade/internal/testenv"
)

// endOfCommand ends each request on the socket.
const endOfCommand = "<F2B_END_COMMAND>"

// TestHostileSocket sends the server what no client would: it must refuse or
// hang up, run nothing, keep its memory and serve on.
func TestHostileSocket(t *testing.T) {
	in := place(t, stockade(t), testenv.NewNetns(t), "[sshd]\nenabled = true\nlogpath = DIR/auth.log\naction =\n")
	in.write(t, "auth.log", "")
	in.start(t)
	in.ask(t, "ping")
	before := residentMiB(t, in.pid(t))

	random := rand.New(rand.NewPCG(3, 4))
	for range 500 {
		junk := make([]byte, random.IntN(4096))
		for i := range junk {
			junk[i] = byte(random.Uint32())
		}
		in.send(t, append(junk, endOfCommand...))
	}
	request := pickle.Dumps([]any{"set", "sshd", "banip", "192.0.2.1"})
	for cut := range request {
		in.send(t, append(bytes.Clone(request[:cut]), endOfCommand...))
		in.send(t, request[:cut])
	}
	owned := in.path("owned")
	for name, code := range map[string]string{
		"global":              "cos\nsystem\n(S'touch " + owned + "'\ntR.",
		"stack global":        "\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c" + string(rune(len("touch "+owned))) + "touch " + owned + "\x85R.",
		"inst":                "(S'touch " + owned + "'\nios\nsystem\n.",
		"build":               "\x80\x02ccollections\nOrderedDict\n)R}(S'x'\nI1\nub.",
		"deep nesting":        strings.Repeat("(", 1<<20) + "l.",
		"memo bomb":           "(lp0\n" + strings.Repeat("(lg0\na", 1<<16) + ".",
		"huge length":         "\x80\x04X\xff\xff\xff\xff.",
		"huge long":           "\x80\x04\x8b\xff\xff\xff\x7f.",
		"long that eats time": "\x80\x04(L" + strings.Repeat("9", 1<<20) + "L\nt.",
	} {
		reply := in.send(t, []byte(code+endOfCommand))
		if bytes.Contains(reply, []byte("Shutdown")) {
			t.Errorf("%s: the reply is %.200q", name, reply)
		}
	}
	if _, err := os.Stat(owned); !errors.Is(err, os.ErrNotExist) {
		t.Error("a pickle ran a command")
	}

	// A request that never ends: cut off long before it is all in memory.
	conn := in.dial(t)
	block := bytes.Repeat([]byte{'a'}, 1<<20)
	sent := 0
	for ; sent < 100; sent++ {
		if _, err := conn.Write(block); err != nil {
			break
		}
	}
	_ = conn.Close()
	if sent == 100 {
		t.Error("the server took a request of 100 MiB")
	}

	// Connections that say nothing keep nobody else out.
	for range 200 {
		conn := in.dial(t)
		defer func() { _ = conn.Close() }()
	}
	if out := in.ask(t, "ping"); out != "Server replied: pong\n" {
		t.Errorf("ping printed %q", out)
	}
	if out := in.ask(t, "set", "sshd", "banip", "192.0.2.2"); out != "1\n" {
		t.Errorf("banip printed %q", out)
	}
	if after := residentMiB(t, in.pid(t)); after > before+48 {
		t.Errorf("memory grew from %.0f to %.0f MiB", before, after)
	}
}

func (in *instance) dial(t *testing.T) net.Conn {
	t.Helper()
	conn, err := net.Dial("unix", in.path("socket"))
	if err != nil {
		t.Fatalf("the server no longer accepts: %v", err)
	}
	return conn
}

// send writes bytes to a new connection, ends the writing side and returns
// what the server answers before it hangs up.
func (in *instance) send(t *testing.T, b []byte) []byte {
	t.Helper()
	conn := in.dial(t)
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write(b); err != nil && !errors.Is(err, syscall.EPIPE) {
		t.Fatalf("write: %v", err)
	}
	if unix, ok := conn.(*net.UnixConn); ok {
		_ = unix.CloseWrite()
	}
	reply, err := io.ReadAll(conn)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("no end of the reply to %.60q", b)
	}
	return reply
}

// residentMiB is a process's memory.
func residentMiB(t *testing.T, pid int) float64 {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "VmRSS:")
	var kib float64
	if _, err := fmt.Sscan(rest, &kib); err != nil {
		t.Fatal(err)
	}
	return kib / 1024
}
