package action

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"stockade/internal/clock"
	"stockade/internal/store"
	"stockade/internal/ticket"
)

// fakeReport is a native report of the test's own.
type fakeReport struct {
	plainForm
	mu      sync.Mutex
	told    []string
	verdict func(id string, r *Result)
	summed  int
}

func (f *fakeReport) apply(kind JobKind, tickets []*ticket.Ticket, results []*Result) {
	id := tickets[0].ID.String()
	f.mu.Lock()
	f.told = append(f.told, id)
	verdict := f.verdict
	f.mu.Unlock()
	if verdict != nil {
		verdict(id, results[0])
	}
}

func (f *fakeReport) summary(dropped int, r *Result) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.summed += dropped
}

func (f *fakeReport) heard() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.told)
}

func (f *fakeReport) answer(verdict func(id string, r *Result)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.verdict = verdict
}

// reportBench is a set with one native report.
func reportBench(t *testing.T, f *fakeReport, change func(*Env)) *bench {
	t.Helper()
	const kind = "outbox-test"
	reporting[kind] = func(parts) native { return f }
	t.Cleanup(func() { delete(reporting, kind) })
	b := newBench(t)
	if change != nil {
		change(&b.env)
		b.set = NewSet(b.env)
	}
	if err := b.set.Add("x", &Source{Name: kind, Library: true}); err != nil {
		t.Fatal(err)
	}
	b.start()
	return b
}

// eventually waits for something that another goroutine does.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatal("never: " + what)
}

func numbered(n int) []*ticket.Ticket {
	list := make([]*ticket.Ticket, n)
	for i := range list {
		list[i] = tick(fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255))
	}
	return list
}

func TestReportsAreTriedAgainInOrder(t *testing.T) {
	clk := clock.NewManual(time.Unix(1795334628, 0))
	f := &fakeReport{}
	b := reportBench(t, f, func(e *Env) { e.Clock = clk })
	f.answer(func(_ string, r *Result) { r.later(errors.New("is down"), 0) })
	b.job(Ban, tick("192.0.2.1"), tick("192.0.2.2"))
	eventually(t, "two attempts", func() bool { clk.Advance(firstPause); return len(f.heard()) >= 2 })
	f.answer(nil)
	eventually(t, "both told", func() bool { clk.Advance(longestPause); return b.set.Status()[0].Sent == 2 })
	heard := f.heard()
	if i := slices.Index(heard, "192.0.2.2"); i != len(heard)-1 || slices.Contains(heard[:i], "192.0.2.2") {
		t.Errorf("told %v", heard)
	}
	b.wantLog("cannot report now: is down", "reports again after")
}

func TestReportWaitsAsLongAsTheServiceAsks(t *testing.T) {
	clk := clock.NewManual(time.Unix(1795334628, 0))
	f := &fakeReport{}
	b := reportBench(t, f, func(e *Env) { e.Clock = clk })
	f.answer(func(_ string, r *Result) { r.later(errors.New("too many requests"), time.Hour) })
	b.job(Ban, tick("192.0.2.1"))
	eventually(t, "an attempt", func() bool { return len(f.heard()) == 1 })
	b.wantLogSoon("tried again in 1h0m0s")
	f.answer(nil)
	clk.Advance(59 * time.Minute)
	if n := len(f.heard()); n != 1 {
		t.Fatalf("%d attempts within the hour", n)
	}
	eventually(t, "sent", func() bool { clk.Advance(time.Minute); return b.set.Status()[0].Sent == 1 })
}

func TestReportIsGivenUpWhenItIsOld(t *testing.T) {
	clk := clock.NewManual(time.Unix(1795334628, 0))
	f := &fakeReport{}
	b := reportBench(t, f, func(e *Env) { e.Clock = clk })
	f.answer(func(_ string, r *Result) { r.later(errors.New("is down"), 0) })
	b.job(Ban, tick("192.0.2.1"))
	eventually(t, "given up", func() bool { clk.Advance(time.Hour); return b.set.Status()[0].Failed == 1 })
	b.wantLogSoon("the report on 192.0.2.1 is given up after 24h")
}

func TestDroppedReportsAreToldInOneGo(t *testing.T) {
	f := &fakeReport{}
	open := make(chan struct{})
	f.verdict = func(string, *Result) { <-open }
	b := reportBench(t, f, nil)
	b.job(Ban, numbered(reportBound+700)...)
	close(open)
	eventually(t, "all told", func() bool {
		st := b.set.Status()[0]
		f.mu.Lock()
		defer f.mu.Unlock()
		return st.Waiting == 0 && f.summed > 0
	})
	st := b.set.Status()[0]
	if st.Sent+st.Dropped != reportBound+700 || f.summed != st.Dropped || len(f.heard()) != st.Sent {
		t.Errorf("%+v, told %d, summed up %d", st.ReportCounts, len(f.heard()), f.summed)
	}
	all := numbered(reportBound)
	for i, id := range f.heard() {
		if want := all[min(i, len(all)-1)].ID.String(); id != want && i < len(all) {
			t.Fatalf("report %d is %s, want %s", i, id, want)
		}
	}
	b.wantLogSoon(fmt.Sprintf("caught up: %d report(s) were dropped meanwhile", st.Dropped))
}

func TestReportsThatWaitOutliveARestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	open := func() *store.Store {
		db, _, err := store.Open(context.Background(), path, store.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return db
	}
	db := open()
	clk := clock.NewManual(time.Unix(1795334628, 0))
	f := &fakeReport{}
	f.verdict = func(_ string, r *Result) { r.later(errors.New("is down"), 0) }
	with := func(e *Env) { e.Clock, e.Store = clk, func() *store.Store { return db } }
	b := reportBench(t, f, with)
	first := tick("192.0.2.1")
	first.Matches = []ticket.Match{{After: "line $(id)\r\n", Joined: true}}
	b.job(Ban, first, tick("192.0.2.2"))
	eventually(t, "an attempt", func() bool { return len(f.heard()) > 0 })
	b.stop(Lift)
	b.wantLog("2 report(s) wait in the database for the next start")
	if _, err := db.Close(); err != nil {
		t.Fatal(err)
	}

	db = open()
	defer db.Close()
	f = &fakeReport{}
	b = reportBench(t, f, with)
	eventually(t, "both told", func() bool { return b.set.Status()[0].Sent == 2 })
	if got := strings.Join(f.heard(), " "); got != "192.0.2.1 192.0.2.2" {
		t.Error(got)
	}
	left, err := db.Errands("j", "x")
	eventually(t, "forgotten", func() bool { left, err = db.Errands("j", "x"); return len(left) == 0 && err == nil })
}

// A process that is killed tells nobody that it goes.
func TestReportsThatWaitOutliveAKill(t *testing.T) {
	db, _, err := store.Open(context.Background(), filepath.Join(t.TempDir(), "db"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	f := &fakeReport{}
	block := make(chan struct{})
	f.verdict = func(string, *Result) { <-block }
	with := func(e *Env) { e.Store = func() *store.Store { return db } }
	b := reportBench(t, f, with)
	b.job(Ban, numbered(3)...)
	list, err := db.Errands("j", "x")
	if len(list) != 3 || err != nil {
		t.Fatalf("%d errands are kept, %v", len(list), err)
	}
	g := &fakeReport{}
	again := reportBench(t, g, with)
	eventually(t, "all told", func() bool { return again.set.Status()[0].Sent == 3 })
	close(block)
}

func TestRestoredBansAreNotReportedAgain(t *testing.T) {
	f := &fakeReport{}
	b := reportBench(t, f, nil)
	old := tick("192.0.2.1")
	old.Restored = true
	b.job(Ban, old, tick("192.0.2.2"))
	b.stop(Lift)
	if got := strings.Join(f.heard(), " "); got != "192.0.2.2" {
		t.Error(got)
	}
}

func TestEveryReportIsCountedOnce(t *testing.T) {
	f := &fakeReport{}
	f.verdict = func(id string, r *Result) {
		switch id[len(id)-1] {
		case '1':
			r.fail("x", errors.New("refused"))
		case '2':
			r.skipped()
		}
	}
	b := reportBench(t, f, nil)
	b.job(Ban, numbered(100)...)
	b.stop(Lift)
	if got, want := b.set.Status()[0].ReportCounts, (ReportCounts{Sent: 80, Failed: 10, Skipped: 10}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestRecordsOfAnotherKindAreLeftAlone(t *testing.T) {
	for _, data := range []string{"", "0", "9{}", "x{}", "0{"} {
		if _, _, ok := decodeErrand([]byte(data)); ok {
			t.Errorf("%q was read", data)
		}
	}
}

// wantLogSoon waits for words in the log.
func (b *bench) wantLogSoon(words string) {
	b.t.Helper()
	eventually(b.t, "log: "+words, func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		return slices.ContainsFunc(b.log, func(line string) bool { return strings.Contains(line, words) })
	})
}
