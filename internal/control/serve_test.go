package control

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"stockade/internal/logbook"
	"stockade/internal/pickle"
	"stockade/internal/pyobj"
)

// door is a served socket with a handler of the test's.
type door struct {
	path   string
	socket *Socket
	logged *logLines
}

// logLines collects log lines.
type logLines struct {
	mu    sync.Mutex
	lines []string
}

func (l *logLines) log(records ...logbook.Record) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range records {
		l.lines = append(l.lines, r.Level.String()+" "+r.Text)
	}
}

func (l *logLines) has(text string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Contains(strings.Join(l.lines, "\n"), text)
}

// echoHandler answers with what it was asked.
func echoHandler(_ context.Context, _ Peer, request any) any { return pyobj.Tuple{0, request} }

func openDoor(t testing.TB, handle Handler) *door {
	t.Helper()
	dir, err := os.MkdirTemp("", "door")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	d := &door{path: filepath.Join(dir, "s"), logged: &logLines{}}
	l, err := Listen(d.path, false, d.logged.log)
	if err != nil {
		t.Fatal(err)
	}
	d.socket = NewSocket(l, handle, d.logged.log)
	done := make(chan error, 1)
	go func() { done <- d.socket.Serve(context.Background()) }()
	t.Cleanup(func() {
		if err := d.socket.Close(5 * time.Second); err != nil && !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return d
}

func (d *door) dial(t testing.TB) net.Conn {
	t.Helper()
	conn, err := net.Dial("unix", d.path)
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// exchange sends bytes as one message and gives the decoded reply.
func exchange(t testing.TB, conn net.Conn, message []byte) any {
	t.Helper()
	if _, err := conn.Write(append(bytes.Clone(message), terminator...)); err != nil {
		t.Fatal(err)
	}
	return readReply(t, conn)
}

func readReply(t testing.TB, conn net.Conn) any {
	t.Helper()
	var data []byte
	one := make([]byte, 1)
	for !bytes.HasSuffix(data, []byte(terminator)) {
		if _, err := conn.Read(one); err != nil {
			t.Fatalf("after %q: %v", data, err)
		}
		data = append(data, one[0])
	}
	v, err := pickle.Loads(data, pickle.Limits{Calls: true})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestRequestsAreAnsweredInOrderHoweverTheyArrive(t *testing.T) {
	d := openDoor(t, echoHandler)
	conn := d.dial(t)
	var all []byte
	for i := range 20 {
		all = append(append(all, pickle.Dumps([]any{"echo", i})...), terminator...)
	}
	go func() {
		for _, c := range all {
			if _, err := conn.Write([]byte{c}); err != nil {
				return
			}
		}
	}()
	for i := range 20 {
		if got := pyobj.Repr(readReply(t, conn)); got != fmt.Sprintf("(0, ['echo', %d])", i) {
			t.Fatal(got)
		}
	}
	if _, err := conn.Write(bytes.Repeat(all, 3)); err != nil {
		t.Fatal(err)
	}
	for i := range 60 {
		if got := pyobj.Repr(readReply(t, conn)); got != fmt.Sprintf("(0, ['echo', %d])", i%20) {
			t.Fatal(got)
		}
	}
}

func TestMalformedMessagesGetATextAndTheConnectionGoesOn(t *testing.T) {
	d := openDoor(t, echoHandler)
	conn := d.dial(t)
	for message, want := range map[string]string{
		"":         "'ERROR: Ran out of input'",
		"status\n": "'ERROR: unpickling stack underflow'",
		"\x80\x05\x95\xff\x00\x00\x00\x00\x00\x00\x00]": "'ERROR: pickle data was truncated'",
		"\xff":                        `"ERROR: invalid load key, '\\xff'."`,
		"\x80\x06]":                   "'ERROR: unsupported pickle protocol: 6'",
		"cposix\nsystem\n(S'id'\ntR.": `"ERROR: global 'posix.system' is forbidden"`,
		"\x80\x04\x8c\x05posix\x8c\x06getpid\x93)R.": `"ERROR: global 'posix.getpid' is forbidden"`,
		"]q\x00h\x00a.":          "'ERROR: pickle holds an object that contains itself'",
		"]K\x01a.garbage behind": "(0, [1])",
	} {
		if got := pyobj.Repr(exchange(t, conn, []byte(message))); got != want {
			t.Errorf("%q: %s, want %s", message, got, want)
		}
	}
	if !d.logged.has("ERROR PROTO-error: load message failed: Ran out of input") {
		t.Error("not logged")
	}
}

func TestTerminatorInsideATextCutsItInTwo(t *testing.T) {
	d := openDoor(t, echoHandler)
	conn := d.dial(t)
	first := exchange(t, conn, pickle.Dumps([]any{"echo", "a" + terminator + "b"}))
	second := readReply(t, conn)
	if got := pyobj.Repr([]any{first, second}); got != "['ERROR: pickle data was truncated', 'ERROR: unpickling stack underflow']" {
		t.Error(got)
	}
}

func TestClientsMayLeaveAsTheyLike(t *testing.T) {
	d := openDoor(t, echoHandler)
	d.dial(t).Close()
	conn := d.dial(t)
	if _, err := conn.Write([]byte(goodbye + terminator)); err != nil {
		t.Fatal(err)
	}
	if n, err := conn.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("after goodbye: %d, %v", n, err)
	}
	half := d.dial(t).(*net.UnixConn)
	if _, err := half.Write(append(pickle.Dumps([]any{"x"}), terminator...)); err != nil {
		t.Fatal(err)
	}
	if err := half.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if got := pyobj.Repr(readReply(t, half)); got != "(0, ['x'])" {
		t.Error(got)
	}
}

// memory is what the process holds in use.
func memory() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse
}

func TestHostileClientsCostNothingLasting(t *testing.T) {
	d := openDoor(t, echoHandler)
	before := memory()
	rnd := rand.New(rand.NewPCG(1, 1))
	for range 300 {
		conn, err := net.Dial("unix", d.path)
		if err != nil {
			t.Fatal(err)
		}
		b := make([]byte, rnd.IntN(2000))
		for i := range b {
			b[i] = byte(rnd.IntN(256))
		}
		if rnd.IntN(2) == 0 {
			b = append(b, terminator...)
		}
		// The server may have hung up.
		_, _ = conn.Write(b)
		conn.Close()
	}
	conn := d.dial(t)
	chunk := bytes.Repeat([]byte("x"), 1<<20)
	var refused error
	for range 100 {
		if _, refused = conn.Write(chunk); refused != nil {
			break
		}
	}
	if refused == nil {
		t.Error("100 MiB were taken")
	}
	if !d.logged.has("request is too large") {
		t.Error("not logged")
	}
	if got := pyobj.Repr(exchange(t, d.dial(t), pickle.Dumps([]any{"ping"}))); got != "(0, ['ping'])" {
		t.Error(got)
	}
	if after := memory(); after > before+8<<20 {
		t.Errorf("memory grew from %d to %d", before, after)
	}
	if n := d.socket.buffered.Load(); n > 0 {
		t.Errorf("%d bytes are still counted", n)
	}
}

func TestManyLargeRequestsTogetherAreBounded(t *testing.T) {
	d := openDoor(t, echoHandler)
	refused := 0
	var conns []net.Conn
	chunk := bytes.Repeat([]byte("x"), 12<<20)
	for range 10 {
		conn := d.dial(t)
		if _, err := conn.Write(chunk); err != nil {
			refused++
		}
		conns = append(conns, conn)
	}
	if n := d.socket.buffered.Load(); n > maxBuffered+32<<20 {
		t.Errorf("%d bytes are held", n)
	}
	if refused == 0 {
		t.Error("all were taken")
	}
	for _, c := range conns {
		c.Close()
	}
}

func TestLargeReplyComesWhole(t *testing.T) {
	d := openDoor(t, echoHandler)
	text := strings.Repeat("é", 2<<20)
	conn, err := Dial(context.Background(), d.path, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	reply, err := conn.Call([]any{"echo", text})
	if err != nil {
		t.Fatal(err)
	}
	value, _, _ := Split(reply)
	if value.([]any)[1] != text {
		t.Error("the text changed")
	}
}

func TestClientsThatDoNotReadHoldNobodyUp(t *testing.T) {
	d := openDoor(t, echoHandler)
	lazy := d.dial(t)
	big := append(pickle.Dumps([]any{strings.Repeat("x", 8<<20)}), terminator...)
	if _, err := lazy.Write(big); err != nil {
		t.Fatal(err)
	}
	for i := range 50 {
		if got := pyobj.Repr(exchange(t, d.dial(t), pickle.Dumps([]any{i}))); got != fmt.Sprintf("(0, [%d])", i) {
			t.Error(got)
		}
	}
}

func TestManyClientsAtOnce(t *testing.T) {
	d := openDoor(t, echoHandler)
	var wg sync.WaitGroup
	for w := range 50 {
		wg.Go(func() {
			conn, err := Dial(context.Background(), d.path, 0)
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			for i := range 100 {
				reply, err := conn.Call([]any{w, i})
				if got := pyobj.Repr(reply); err != nil || got != fmt.Sprintf("(0, [%d, %d])", w, i) {
					t.Error(got, err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func TestFaultInACommandIsAnError(t *testing.T) {
	d := openDoor(t, func(context.Context, Peer, any) any { panic("oh no") })
	conn := d.dial(t)
	for range 2 {
		if got := pyobj.Repr(exchange(t, conn, pickle.Dumps([]any{}))); got != "(1, RuntimeError('internal error: oh no'))" {
			t.Error(got)
		}
	}
}

func TestCloseLetsRequestsFinish(t *testing.T) {
	begun, finish := make(chan bool), make(chan bool)
	d := openDoor(t, func(context.Context, Peer, any) any {
		close(begun)
		<-finish
		return pyobj.Tuple{0, "done"}
	})
	idle, busy := d.dial(t), d.dial(t)
	if _, err := busy.Write(append(pickle.Dumps([]any{"stop"}), terminator...)); err != nil {
		t.Fatal(err)
	}
	<-begun
	closed := make(chan error)
	go func() { closed <- d.socket.Close(10 * time.Second) }()
	if _, err := idle.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Error("an idle client is not let go:", err)
	}
	close(finish)
	if got := pyobj.Repr(readReply(t, busy)); got != "(0, 'done')" {
		t.Error(got)
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(d.path); !errors.Is(err, os.ErrNotExist) {
		t.Error("the socket is still there:", err)
	}
}

func TestThePeerIsKnown(t *testing.T) {
	uids := make(chan int, 1)
	d := openDoor(t, func(_ context.Context, p Peer, _ any) any {
		uids <- p.UID
		return pyobj.Tuple{0, nil}
	})
	exchange(t, d.dial(t), pickle.Dumps([]any{}))
	if uid := <-uids; uid != os.Getuid() && runtime.GOOS == "linux" {
		t.Errorf("uid %d", uid)
	}
}

func TestListenGuardsItsPath(t *testing.T) {
	dir := t.TempDir()
	logged := &logLines{}
	path := filepath.Join(dir, "new", "s")
	l, err := Listen(path, false, logged.log)
	if err != nil {
		t.Fatal(err)
	}
	for p, mode := range map[string]os.FileMode{path: 0o700, filepath.Dir(path): 0o700} {
		if info, err := os.Stat(p); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v, %v", p, info.Mode(), err)
		}
	}
	if _, err := Listen(path, false, logged.log); !errors.Is(err, ErrRunning) || !logged.has("ERROR Fail2ban seems to be already running") {
		t.Error(err)
	}
	l.Close()
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if l, err = Listen(path, true, logged.log); err != nil || !logged.has("WARNING Forcing execution of the server") {
		t.Fatal(err)
	}
	l.Close()
	deep := filepath.Join(dir, "no", "such", "s")
	if _, err := Listen(deep, false, logged.log); err == nil || err.Error() != "[Errno 2] No such file or directory: '"+filepath.Dir(deep)+"'" {
		t.Error(err)
	}
}

func TestClientSaysWhatWentWrongAsPythonDoes(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		filepath.Join(dir, "none"): "[Errno 2] No such file or directory",
		file:                       "[Errno 111] Connection refused",
	} {
		if _, err := Dial(context.Background(), path, 0); err == nil || err.Error() != want {
			t.Errorf("%s: %v", path, err)
		}
	}
	d := openDoor(t, func(ctx context.Context, _ Peer, _ any) any {
		time.Sleep(200 * time.Millisecond)
		return pyobj.Tuple{0, nil}
	})
	conn, err := Dial(context.Background(), d.path, 20*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Call([]any{"ping"}); err == nil || err.Error() != "timed out" {
		t.Error(err)
	}
}

func FuzzMessages(f *testing.F) {
	f.Add([]byte("]." + terminator + "\x80\x05]." + terminator))
	f.Add([]byte(goodbye + terminator))
	f.Add([]byte(terminator + terminator + "<F2B_END_COMMAN"))
	f.Fuzz(func(t *testing.T, data []byte) {
		client, server := net.Pipe()
		go func() {
			_, _ = client.Write(data)
			client.Close()
		}()
		s := NewSocket(nil, echoHandler, func(...logbook.Record) {})
		in := &messages{conn: server, total: &s.buffered}
		var cut [][]byte
		for {
			m, err := in.next()
			if err != nil {
				break
			}
			cut = append(cut, bytes.Clone(m))
			s.answer(context.Background(), Peer{}, m)
		}
		server.Close()
		whole, _, _ := bytes.Cut(append([]byte(terminator), data...), []byte(terminator+goodbye+terminator))
		whole = bytes.TrimPrefix(whole, []byte(terminator))
		if n := bytes.Count(whole, []byte(terminator)); len(cut) != n {
			t.Errorf("%q: %d messages, want %d", data, len(cut), n)
		}
	})
}
