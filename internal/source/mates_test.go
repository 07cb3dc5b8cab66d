package source

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"stockade/internal/clock"
	"stockade/internal/logbook"
	"stockade/internal/source/journal/journaltest"
)

// mateBatch is what mates know of a batch.
type mateBatch struct {
	last    string
	company uint64
	board   *Board
}

// batches has a listener tell of the batches it was given.
func batches(t *testing.T, h *Hub, path string, mates any) (*Subscription, chan mateBatch) {
	t.Helper()
	all := make(chan mateBatch, 1000)
	sub, err := h.Subscribe(path, SubscribeOptions{Mates: mates, Sink: func(b *Batch) {
		// The board stays that of these lines only until all have released them.
		all <- mateBatch{string(b.Lines[len(b.Lines)-1].Text), b.Company, b.Board}
		b.Release()
	}})
	if err != nil {
		t.Fatal(err)
	}
	return sub, all
}

// until takes batches up to the one that ends with a line.
func until(t *testing.T, all chan mateBatch, line string) mateBatch {
	t.Helper()
	timeout := time.After(deadline)
	for {
		select {
		case b := <-all:
			if b.last == line {
				return b
			}
		case <-timeout:
			t.Fatalf("line %q did not come", line)
		}
	}
}

func TestMatesAreACompanyForAsLongAsTheyAreTheSame(t *testing.T) {
	h := newHub(t, Options{})
	path := logFile(t, "0\n")
	a, fromA := batches(t, h, path, "x")
	_, fromB := batches(t, h, path, "x")
	c, fromC := batches(t, h, path, "x")
	_, fromD := batches(t, h, path, "y")
	for _, from := range []chan mateBatch{fromA, fromB, fromC, fromD} {
		until(t, from, "0")
	}
	give := func(line string, from ...chan mateBatch) (numbers []uint64) {
		add(t, path, line+"\n")
		boards := map[*Board]bool{}
		for _, f := range from {
			b := until(t, f, line)
			numbers = append(numbers, b.company)
			boards[b.board] = true
		}
		if len(boards) != 1 {
			t.Errorf("line %s came in %d batches", line, len(boards))
		}
		return numbers
	}
	first := give("1", fromA, fromB, fromC, fromD)
	if first[0] == 0 || first[1] != first[0] || first[2] != first[0] || first[3] != 0 {
		t.Fatalf("companies %d", first)
	}
	if again := give("2", fromA, fromB, fromC, fromD); again[0] != first[0] {
		t.Errorf("the same mates are company %d and then %d", first, again)
	}
	c.Close()
	two := give("3", fromA, fromB, fromD)
	if two[0] == first[0] || two[0] == 0 || two[1] != two[0] || two[2] != 0 {
		t.Errorf("companies %d, before %d", two, first)
	}
	a.SetMates("y")
	if other := give("4", fromA, fromB, fromD); other[0] == 0 || other[1] != 0 || other[2] != other[0] || other[0] == two[0] {
		t.Errorf("companies %d after a change", other)
	}
}

// mateLines are more than the batches that may be on their way to a listener.
func mateLines(n int) (text string, lines []string) {
	var b strings.Builder
	for i := range n {
		line := fmt.Sprintf("%07d %s", i, strings.Repeat("x", 91))
		lines = append(lines, line)
		b.WriteString(line + "\n")
	}
	return b.String(), lines
}

// pausedListener keeps all batches it is given.
func pausedListener(t *testing.T, h *Hub, path string, opts SubscribeOptions) *listener {
	t.Helper()
	l := &listener{t: t, lines: make(chan got, 1<<15), notes: make(chan logbook.Record, 1000), stop: true}
	opts.Sink = l.take
	sub, err := h.Subscribe(path, opts)
	if err != nil {
		t.Fatal(err)
	}
	l.sub = sub
	return l
}

// settle has the reader deliver all that it would.
func (l *listener) settle() {
	r := l.sub.feeder.(*reader)
	r.do(func() { r.pass() })
}

// TestMateThatIsAheadWaitsForOneThatMovesOn gives a second one as much as the
// first, who does not release it, and no more.
func TestMateThatIsAheadWaitsForOneThatMovesOn(t *testing.T) {
	now := clock.NewManual(time.Unix(1_000_000, 0))
	h := newHub(t, Options{Clock: now, Polling: true})
	text, lines := mateLines(30_000)
	path := logFile(t, text)
	slow := pausedListener(t, h, path, SubscribeOptions{Mates: "x"})
	slow.settle()
	given := len(slow.lines)
	if given == 0 || given > 15_000 {
		t.Fatalf("%d lines came to one that stands still", given)
	}
	quick := listen(t, h, path, SubscribeOptions{Mates: "x"})
	quick.next(given)
	quick.settled()
	slow.resume()
	slow.next(len(lines))
	quick.next(len(lines) - given)
}

// TestMatesGoOnWithoutOneThatStandsStill lets the time pass for which one is
// waited for, and later catches up.
func TestMatesGoOnWithoutOneThatStandsStill(t *testing.T) {
	now := clock.NewManual(time.Unix(1_000_000, 0))
	h := newHub(t, Options{Clock: now, Polling: true})
	text, lines := mateLines(30_000)
	path := logFile(t, text)
	slow := pausedListener(t, h, path, SubscribeOptions{Mates: "x"})
	slow.settle()
	given := len(slow.lines)
	quick := listen(t, h, path, SubscribeOptions{Mates: "x"})
	quick.next(given)
	quick.settled()
	now.Advance(standstill)
	quick.next(len(lines) - given)
	slow.resume()
	slow.next(len(lines))
	add(t, path, "more\n")
	now.Advance(lookEvery)
	slow.want("more")
	quick.want("more")
}

// TestWhoIsInOperationDoesNotWaitForMatesFarBehind as what is new matters most.
func TestWhoIsInOperationDoesNotWaitForMatesFarBehind(t *testing.T) {
	now := clock.NewManual(time.Unix(1_000_000, 0))
	h := newHub(t, Options{Clock: now, Polling: true})
	text, lines := mateLines(30_000)
	path := logFile(t, text)
	quick := listen(t, h, path, SubscribeOptions{Mates: "x"})
	quick.next(len(lines))
	slow := pausedListener(t, h, path, SubscribeOptions{Mates: "x"})
	slow.settle()
	if len(slow.lines) > len(lines)/2 {
		t.Fatalf("%d lines came to one that stands still", len(slow.lines))
	}
	add(t, path, "more\n")
	quick.settle()
	quick.want("more")
	slow.resume()
	slow.next(len(lines))
	slow.want("more")
}

func TestMatesOnTheJournalAreGivenTheSameBatches(t *testing.T) {
	dir := t.TempDir()
	h := newHub(t, Options{})
	in, _ := journaltest.Writer(t, filepath.Join(dir, "system.journal"))
	records := journaltest.Samples(300)
	put := func(from, to int) {
		if _, err := in.Write(journaltest.Export(records[from:to])); err != nil {
			t.Fatal(err)
		}
	}
	put(0, 120)
	var all []chan mateBatch
	for i, unit := range []string{"ssh", "ssh", "cron", "ssh"} {
		from := make(chan mateBatch, 1000)
		if _, err := h.SubscribeJournal(JournalOptions{
			Path: dir, Flags: -1, Matches: [][]string{{"_SYSTEMD_UNIT=" + unit + ".service"}}, Mates: "x",
			Since: time.UnixMicro(journaltest.Start + int64(i)*10_000),
			Sink: func(b *Batch) {
				from <- mateBatch{string(b.Lines[len(b.Lines)-1].Text), b.Company, b.Board}
				b.Release()
			},
		}); err != nil {
			t.Fatal(err)
		}
		all = append(all, from)
	}
	lastOf := func(listener, end int) string {
		if listener == 2 {
			return message(records[end-2], end-2)
		}
		return message(records[end-3], end-3)
	}
	for i, from := range all {
		until(t, from, lastOf(i, 120))
	}
	put(120, 150)
	var came []mateBatch
	for i, from := range all {
		came = append(came, until(t, from, lastOf(i, 150)))
	}
	ssh, cron := came[0], came[2]
	if ssh.company == 0 || came[1] != ssh || came[3] != ssh {
		t.Errorf("listeners with the same match were given %+v, %+v and %+v", ssh, came[1], came[3])
	}
	if cron.company != 0 {
		t.Errorf("one with another match was given %+v", cron)
	}
	put(150, 300)
	for i, from := range all {
		until(t, from, lastOf(i, 300))
	}
}

// TestMatesLoseNothingThroughRotations has some of them slow, one resting now
// and then, while the file grows and is renamed away.
func TestMatesLoseNothingThroughRotations(t *testing.T) {
	backends(t, func(t *testing.T, h *Hub) {
		path := logFile(t, "")
		var all []*listener
		for range 4 {
			all = append(all, listen(t, h, path, SubscribeOptions{Mates: "x"}))
		}
		rnd := rand.New(rand.NewPCG(1, 1))
		var want []string
		text, lines := mateLines(20_000)
		for size := len(lines[0]) + 1; len(lines) > 0; {
			n := min(1+rnd.IntN(3000), len(lines))
			add(t, path, text[:n*size])
			text, want, lines = text[n*size:], append(want, lines[:n]...), lines[n:]
			switch l := all[rnd.IntN(len(all))]; rnd.IntN(6) {
			case 0:
				l.pause()
			case 1, 2:
				l.resume()
			case 3:
				l.sub.Idle(rnd.IntN(2) == 0)
			case 4:
				all[0].settle() // without notifications a file must be seen while it has its name
				rename(t, path, fmt.Sprintf("%s.%d", path, len(lines)))
				write(t, path, "")
			}
		}
		for _, l := range all {
			l.sub.Idle(false)
			l.resume()
		}
		for _, l := range all {
			l.want(want...)
			l.settled()
		}
	})
}

func TestBatchSaysWhetherItsTextIsValid(t *testing.T) {
	h := newHub(t, Options{})
	path := logFile(t, "")
	valid := make(chan bool, 10)
	if _, err := h.Subscribe(path, SubscribeOptions{Sink: func(b *Batch) { valid <- b.Valid; b.Release() }}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		text string
		want bool
	}{{"plain\n", true}, {"größer\nüber\n", true}, {"good\nbad \xff\n", false}, {"half \xc3\nother \xbc\n", false}, {"fine\n", true}} {
		add(t, path, c.text)
		if got := <-valid; got != c.want {
			t.Errorf("%q: %v", c.text, got)
		}
	}
}
