package control_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"stockade/internal/action"
	"stockade/internal/control"
	"stockade/internal/logbook"
	"stockade/internal/pyobj"
	"stockade/internal/server"
	"stockade/internal/testenv"
)

const (
	loadClients    = 50
	linesPerSecond = 5000
)

// underLoad is a server whose two jails read what a writer appends.
func underLoad(t *testing.T) (socket string, lines func() int) {
	t.Helper()
	dir := t.TempDir()
	book := logbook.New(logbook.Options{})
	if err := book.SetTarget(filepath.Join(dir, "log")); err != nil {
		t.Fatal(err)
	}
	srv := server.New(server.Options{Book: book, Version: "1.1.1"})
	srv.Begin()
	table := control.NewTable(srv)
	socket = filepath.Join(dir, "f.sock")
	l, err := control.Listen(socket, false, book.Log)
	if err != nil {
		t.Fatal(err)
	}
	door := control.NewSocket(l, table.Handle, book.Log)
	go door.Serve(context.Background())
	log, err := os.Create(filepath.Join(dir, "service.log"))
	if err != nil {
		t.Fatal(err)
	}
	stream := []any{[]any{"set", "dbfile", filepath.Join(dir, "db")}}
	for _, j := range []string{"one", "two"} {
		stream = append(stream, []any{"add", j, "auto"}, []any{"set", j, "usedns", "no"}, []any{"set", j, "maxretry", 20},
			[]any{"set", j, "addfailregex", "^ failure from <HOST>$"}, []any{"set", j, "addlogpath", log.Name(), "head"})
	}
	stream = append(stream, []any{"start", "one"}, []any{"start", "two"})
	if _, err := table.Do(context.Background(), control.Peer{}, []any{"server-stream", stream}); err != nil {
		t.Fatal(err)
	}
	quit, written := make(chan struct{}), make(chan int, 1)
	go func() { written <- pour(log, quit) }()
	t.Cleanup(func() {
		_ = door.Close(5 * time.Second)
		srv.Shutdown(action.Lift)
		_ = book.Close()
	})
	return socket, sync.OnceValue(func() int { close(quit); return <-written })
}

// pour appends lines at the wanted rate, a tenth of them failures, and returns
// their number.
func pour(log *os.File, quit <-chan struct{}) int {
	defer log.Close()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	begin, n := time.Now(), 0
	for {
		select {
		case <-quit:
			return n
		case <-tick.C:
		}
		var b strings.Builder
		stamp := time.Now().Format(time.DateTime)
		for due := int(time.Since(begin).Seconds() * linesPerSecond); n < due; n++ {
			word := "success"
			if n%10 == 0 {
				word = "failure"
			}
			fmt.Fprintf(&b, "%s %s from 10.%d.%d.%d\n", stamp, word, n%7, n/7%250, n%250)
		}
		if _, err := log.WriteString(b.String()); err != nil {
			return n
		}
	}
}

// mixture is what client c asks as its i-th command.
func mixture(c, i int) []any {
	j := []string{"one", "two"}[(c+i)%2]
	id := fmt.Sprintf("192.0.%d.%d", c, i%200)
	switch i % 10 {
	case 0, 1, 2:
		return []any{"status", j}
	case 3:
		return []any{"set", j, "banip", id}
	case 4:
		return []any{"set", j, "unbanip", id}
	case 5:
		return []any{"get", j, "banip"}
	case 6:
		return []any{"banned", id}
	case 7:
		return []any{"set", j, "maxretry", fmt.Sprint(20 + i%3)}
	case 8:
		return []any{"status", "--all"}
	default:
		return []any{"echo", fmt.Sprint(c, " ", i)}
	}
}

// TestCommandsUnderLoadAreAllAnswered lets fifty clients ask while the jails
// are busy. Every command gets its own reply.
func TestCommandsUnderLoadAreAllAnswered(t *testing.T) {
	commands := 2000
	if testenv.Full() {
		commands = 20000
	}
	socket, lines := underLoad(t)
	begin := time.Now()
	var group sync.WaitGroup
	var mu sync.Mutex
	var times []time.Duration
	for c := range loadClients {
		group.Add(1)
		go func() {
			defer group.Done()
			mine, err := ask(socket, c, commands/loadClients)
			mu.Lock()
			defer mu.Unlock()
			times = append(times, mine...)
			if err != nil {
				t.Errorf("client %d: %v", c, err)
			}
		}()
	}
	done := make(chan struct{})
	go func() { group.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(2 * time.Minute):
		t.Fatal("clients still wait")
	}
	took := time.Since(begin)
	slices.Sort(times)
	t.Logf("%d commands of %d clients and %d lines in %v; status: p50 %v, p99 %v", commands, loadClients, lines(),
		took.Round(time.Millisecond), times[len(times)/2], times[len(times)*99/100])
}

// ask sends the commands of one client and returns how long status took.
func ask(socket string, c, n int) (times []time.Duration, err error) {
	conn, err := control.Dial(context.Background(), socket, time.Minute)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	for i := range n {
		request := mixture(c, i)
		begin := time.Now()
		reply, err := conn.Call(request)
		if err != nil {
			return times, fmt.Errorf("%v: %w", request, err)
		}
		value, failure, err := control.Split(reply)
		if err != nil || failure != nil {
			return times, fmt.Errorf("%v: %v %v", request, err, failure)
		}
		if request[0] == "status" {
			times = append(times, time.Since(begin))
		}
		if request[0] == "echo" && pyobj.Repr(value) != pyobj.Repr([]any{request[1]}) {
			return times, fmt.Errorf("%v was answered with %s", request, pyobj.Repr(value))
		}
	}
	return times, nil
}
