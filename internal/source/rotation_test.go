package source

import (
	"bufio"
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	"stockade/internal/testenv"
)

// writer appends numbered lines to a log as a daemon does: it keeps its file
// open, and opens it anew when it is told to.
type writer struct {
	t    *testing.T
	path string

	mu      sync.Mutex // held while a line is written
	file    *os.File
	written int
}

func (w *writer) reopen() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.file != nil {
		_ = w.file.Close()
	}
	f, err := os.OpenFile(w.path, os.O_APPEND|os.O_WRONLY|os.O_CREATE, 0o644)
	if err != nil {
		w.t.Error(err)
	}
	w.file = f
}

func (w *writer) line() {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, _ = w.file.WriteString("line " + strconv.Itoa(w.written) + " of the log, as long as such lines are\n")
	w.written++
}

// counter counts numbered lines as they come.
type counter struct {
	mu    sync.Mutex
	moved *sync.Cond
	seen  []uint8
	total int
	order int // lines that came after a later one
	last  int
	wrong []string
}

func newCounter(n int) *counter {
	c := &counter{seen: make([]uint8, n), last: -1}
	c.moved = sync.NewCond(&c.mu)
	return c
}

func (c *counter) take(b *Batch) {
	c.mu.Lock()
	for _, ln := range b.Lines {
		var n int
		if _, err := fmt.Sscanf(string(ln.Text[:min(len(ln.Text), 16)]), "line %d", &n); err != nil || n >= len(c.seen) || !bytes.HasSuffix(ln.Text, []byte(" of the log, as long as such lines are")) {
			c.wrong = append(c.wrong, string(ln.Text))
			continue
		}
		c.seen[n]++
		c.total++
		if n < c.last {
			c.order++
		}
		c.last = n
	}
	c.moved.Broadcast()
	c.mu.Unlock()
	b.Release()
}

// reach waits until line n-1 has come.
func (c *counter) reach(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for n > 0 && c.seen[n-1] == 0 {
		c.moved.Wait()
	}
}

// check reports what did not come exactly once. Missing lines are allowed
// where lost says so.
func (c *counter) check(t *testing.T, n int, lost func(line int) bool) (missing int) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	bad := 0
	for i, k := range c.seen[:n] {
		switch {
		case k == 0 && lost != nil && lost(i):
			missing++
		case k != 1:
			if bad++; bad < 10 {
				t.Errorf("line %d came %d times", i, k)
			}
		}
	}
	if bad > 0 || len(c.wrong) > 0 || c.order > 0 {
		t.Errorf("%d lines not once, %d out of order, %d mangled: %.3q", bad, c.order, len(c.wrong), c.wrong)
	}
	return missing
}

// stress writes n lines and calls disturb at random moments, about every 500
// lines.
func stress(t *testing.T, h *Hub, n int, disturb func(w *writer, c *counter, rnd *rand.Rand)) (*counter, *writer) {
	w := &writer{t: t, path: filepath.Join(t.TempDir(), "x.log")}
	w.reopen()
	c := newCounter(n)
	sub, err := h.Subscribe(w.path, SubscribeOptions{Sink: c.take})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { sub.Close() })
	rnd := rand.New(rand.NewPCG(1, 2))
	for w.written < n {
		for k := rnd.IntN(1000) + 1; k > 0 && w.written < n; k-- {
			w.line()
		}
		disturb(w, c, rnd)
	}
	return c, w
}

// TestRotationUnderLoadLosesNothing renames the file away while lines are
// written, lets the writer go on with the old one for a while, and truncates
// it (as copytruncate does) at moments when everything was read.
func TestRotationUnderLoadLosesNothing(t *testing.T) {
	const n = 200_000
	renames, truncations := 0, 0
	c, _ := stress(t, newHub(t, Options{}), n, func(w *writer, c *counter, rnd *rand.Rand) {
		if rnd.IntN(2) == 0 {
			renames++
			rename(t, w.path, fmt.Sprintf("%s.%d", w.path, renames))
			for k := rnd.IntN(200); k > 0 && w.written < n; k-- {
				w.line()
			}
			w.reopen()
			if renames > 20 { // a file that nobody saw before it was deleted cannot be read
				_ = os.Remove(fmt.Sprintf("%s.%d", w.path, renames-20))
			}
			return
		}
		truncations++
		c.reach(w.written)
		copyTruncate(t, w.path)
	})
	c.reach(n)
	c.check(t, n, nil)
	t.Logf("%d renames, %d truncations", renames, truncations)
}

func copyTruncate(t *testing.T, path string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(path+".copy", data, 0o644); err != nil {
		t.Error(err)
	}
	if err := os.Truncate(path, 0); err != nil {
		t.Error(err)
	}
}

// TestCopytruncateLosesOnlyWhatItDestroys truncates without waiting for the
// reader. What is lost are the last lines before a truncation, written after
// the reader's last look: nobody can read those. No line comes twice, none
// mangled, none out of order.
func TestCopytruncateLosesOnlyWhatItDestroys(t *testing.T) {
	const n = 100_000
	cuts := map[int]bool{}
	c, w := stress(t, newHub(t, Options{}), n, func(w *writer, c *counter, rnd *rand.Rand) {
		if w.written < n {
			copyTruncate(t, w.path)
			cuts[w.written] = true
		}
	})
	c.reach(n)
	lost := make([]bool, n+1)
	for cut := range cuts {
		for i := cut - 1; i >= 0 && c.seen[i] == 0; i-- {
			lost[i] = true
		}
	}
	missing := c.check(t, n, func(i int) bool { return lost[i] })
	t.Logf("%d of %d lines destroyed unread in %d truncations", missing, w.written, len(cuts))
}

// TestRotationsBeyondTheBoundAreTold fills, renames and refills without end while
// a listener takes nothing: up to the bound all is kept, and what is given up
// is told.
func TestRotationsBeyondTheBoundAreTold(t *testing.T) {
	path := logFile(t, "0\n")
	h := newHub(t, Options{})
	l := newListener(t)
	l.pause()
	l.subscribe(h, path, SubscribeOptions{Window: 1})
	l.want("0")
	r := l.sub.feeder.(*reader)
	for i := 1; i <= maxGenerations+2; i++ {
		r.do(func() {
			rename(t, path, fmt.Sprintf("%s.%d", path, i))
			write(t, path, fmt.Sprintf("%d\n", i))
			r.pass()
		})
	}
	note := l.note("Gave up 2 byte(s)")
	t.Log(note.Text)
	l.resume()
	for l.next(1)[0].text != fmt.Sprint(maxGenerations+2) {
	}
}

func TestReaderOfManyLinesByManyListeners(t *testing.T) {
	n := 100_000
	if testenv.Full() {
		n = 2_000_000
	}
	path := filepath.Join(t.TempDir(), "x.log")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	h := newHub(t, Options{})
	var all []*counter
	for range 8 {
		c := newCounter(n)
		if _, err := h.Subscribe(path, SubscribeOptions{Sink: c.take, Window: 2}); err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
	}
	w := bufio.NewWriterSize(f, 7777) // whole lines never end where writes do
	for i := range n {
		fmt.Fprintf(w, "line %d of the log, as long as such lines are\n", i)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	for _, c := range all {
		c.reach(n)
		c.check(t, n, nil)
	}
}
