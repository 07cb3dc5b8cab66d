package jail

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"stockade/internal/clock"
	"stockade/internal/event"
	"stockade/internal/filter"
	"stockade/internal/logbook"
	"stockade/internal/source"
	"stockade/internal/store"
)

// crowdLines are failures of many, lines without one, without a date, with an
// odd one, and names that must be looked up.
func crowdLines(rnd *rand.Rand, n int) []string {
	lines := make([]string, n)
	for i := range lines {
		at := noon.Add(time.Duration(i) * time.Millisecond)
		text := fmt.Sprintf("bad 192.0.2.%d user u%d", rnd.IntN(60), rnd.IntN(3))
		switch rnd.IntN(8) {
		case 0:
			text = "bad host.example"
		case 1, 2, 3:
			text = "good 192.0.2.1"
		}
		stamp := at.Format("2006-01-02 15:04:05 ")
		switch rnd.IntN(10) {
		case 0:
			stamp = ""
		case 1:
			stamp = at.Add(5 * time.Hour).Format("2006-01-02 15:04:05 ")
		}
		lines[i] = stamp + text
	}
	return lines
}

// TestJailsThatShareDoWhatEachDoesAlone gives the same batches to states that
// share and one that does not.
func TestJailsThatShareDoWhatEachDoesAlone(t *testing.T) {
	for _, kind := range []source.Kind{source.File, source.Journal} {
		shareAndCompare(t, kind)
	}
}

func shareAndCompare(t *testing.T, kind source.Kind) {
	t.Helper()
	rnd := rand.New(rand.NewPCG(5, 5))
	alone, all := newBench(t), []*bench{newBench(t), newBench(t), newBench(t)}
	for _, b := range all {
		b.state.Filter().Join()
	}
	lines := crowdLines(rnd, 3000)
	for from := 0; from < len(lines); {
		n := min(1+rnd.IntN(700), len(lines)-from)
		batch := source.Batch{Kind: kind, Path: "/log", InOperation: from > 300, Company: 7, Board: &source.Board{}}
		for i := range n {
			ln := source.Line{Text: []byte(lines[from+i]), Offset: int64(from + i)}
			if kind == source.Journal {
				_, text, _ := strings.Cut(lines[from+i], "d ")
				ln.Time, ln.Stamp, ln.Text = noon.Add(time.Duration(from+i)*time.Millisecond), "now ", []byte(" bad "+text)
			}
			batch.Lines = append(batch.Lines, ln)
		}
		if from += n; rnd.IntN(10) == 0 {
			batch.Company = 0
		}
		for _, b := range append([]*bench{alone}, all...) {
			b.world.now = noon.Add(time.Duration(from) * time.Millisecond)
			one := batch
			Lines{Batch: &one}.portions(func(part Lines) { b.send(part) })
		}
		for i, b := range all {
			if !slices.Equal(b.log, alone.log) {
				t.Fatalf("after line %d, jail %d logged\n  %s\nalone\n  %s", from, i, strings.Join(b.log, "\n  "), strings.Join(alone.log, "\n  "))
			}
			if got, want := b.state.intake("/log"), alone.state.intake("/log"); !reflect.DeepEqual(got, want) {
				t.Fatalf("after line %d, jail %d counted\n  %+v\nalone\n  %+v", from, i, got, want)
			}
			if got, want := b.state.tally.Tickets(), alone.state.tally.Tickets(); !reflect.DeepEqual(got, want) {
				t.Fatalf("after line %d, jail %d watches other failures", from, i)
			}
			b.log = nil
		}
		alone.log = nil
	}
}

// TestErrorsOfSharedLinesAddUpAsTheyCome counts them at once for a portion.
func TestErrorsOfSharedLinesAddUpAsTheyCome(t *testing.T) {
	rnd := rand.New(rand.NewPCG(6, 6))
	for range 200 {
		shared, alone := newBench(t), newBench(t)
		batch := &source.Batch{Lines: make([]source.Line, 100)}
		p := &filter.Portion{Dates: filter.Dates{Lines: 100}}
		for i := range batch.Lines {
			var err error
			if rnd.IntN(4) > 0 {
				err = errors.New("broken")
				p.Rows = append(p.Rows, filter.Row{Line: i, Err: err})
			}
			alone.state.noteError(&batch.Lines[i], err)
		}
		Lines{Batch: batch}.takeShared(shared.state, noon, &intake{}, p)
		if shared.state.errors != alone.state.errors || len(shared.state.eff.Logs) != len(alone.state.eff.Logs) {
			t.Fatalf("%d errors and %d records, want %d and %d", shared.state.errors, len(shared.state.eff.Logs), alone.state.errors, len(alone.state.eff.Logs))
		}
	}
}

// TestRunningJailsFindTheSameFailuresTogether has jails read one log: some from
// its beginning, one that rests for a while, one that comes later, one that
// goes, and one whose filter changes.
func TestRunningJailsFindTheSameFailuresTogether(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	log, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	lines := 0
	grow := func(n int) {
		var b strings.Builder
		for range n {
			fmt.Fprintf(&b, "%s bad 192.0.2.%d\n", noon.Format(time.DateTime), lines%200)
			lines++
		}
		if _, err := log.WriteString(b.String()); err != nil {
			t.Fatal(err)
		}
	}
	hub := source.New(source.Options{})
	defer hub.Close()
	var mu sync.Mutex
	found := map[string]int{}
	svc := Services{
		Clock: clock.NewManual(noon), Hub: hub, Share: true, Events: event.New(8), Store: func() *store.Store { return nil },
		Log: func(records ...logbook.Record) {
			mu.Lock()
			defer mu.Unlock()
			for _, r := range records {
				if name, _, ok := strings.Cut(r.Text, "] Found "); ok {
					found[name]++
				}
			}
		},
	}
	jails := map[string]*Jail{}
	start := func(name string) {
		state := NewState(name, "polling", &world{now: noon})
		if err := state.Filter().AddFailregex(filter.Rule{Text: `^ bad <HOST>$`}); err != nil {
			t.Fatal(err)
		}
		state.SetMaxRetry(1 << 30)
		state.AddLogPath(LogPath{Path: path})
		jails[name] = New(state, svc)
		jails[name].Start()
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	do := func(name string, fn func(*State)) {
		t.Helper()
		if _, err := jails[name].Do(ctx, func(s *State) (any, error) { fn(s); return nil, nil }); err != nil {
			t.Fatal(err)
		}
	}
	caughtUp := func(names ...string) {
		t.Helper()
		for _, name := range names {
			for {
				lag, err := jails[name].Lag(ctx)
				if err != nil {
					t.Fatalf("%s is behind by %d bytes: %v", name, lag, err)
				}
				if lag == 0 {
					break
				}
				time.Sleep(time.Millisecond)
			}
		}
	}
	names := []string{"a", "b", "c", "changed", "resting"}
	grow(40_000)
	for _, name := range names {
		start(name)
	}
	caughtUp(names...)
	do("resting", func(s *State) { s.SetIdle(true) })
	do("changed", func(s *State) {
		if err := s.Filter().AddFailregex(filter.Rule{Text: `^ worse <HOST>$`}); err != nil {
			t.Error(err)
		}
	})
	grow(40_000)
	caughtUp("a", "b", "c", "changed")
	jails["c"].Stop(0)
	start("later")
	do("resting", func(s *State) { s.SetIdle(false) })
	for range 20 {
		grow(2000)
	}
	caughtUp("a", "b", "later", "changed", "resting")
	want := map[string]int{"[c": 80_000}
	for _, name := range []string{"a", "b", "later", "changed", "resting"} {
		jails[name].Stop(0)
		want["["+name] = lines
	}
	mu.Lock()
	defer mu.Unlock()
	if !maps.Equal(found, want) {
		t.Errorf("found %v, want %v", found, want)
	}
}

// BenchmarkSharedFailure is what a failure costs each further jail that shares
// the work on its line.
func BenchmarkSharedFailure(b *testing.B) {
	const jails, lines = 20, 2000
	batch := source.Batch{Path: "/log", InOperation: true, Company: 1}
	for i := range lines {
		text := fmt.Sprintf("%s bad 192.0.%d.%d user u%d", noon.Format(time.DateTime), i%3, i*7%200, i%5)
		batch.Lines = append(batch.Lines, source.Line{Text: []byte(text), Offset: int64(i)})
	}
	var states []*State
	for i := range jails {
		s := newBench(b).state
		s.name = fmt.Sprint("jail", i)
		s.SetMaxRetry(1 << 30)
		s.filter.Join()
		states = append(states, s)
	}
	stream := event.New(64)
	for b.Loop() {
		batch.Board = &source.Board{}
		for _, s := range states {
			Lines{Batch: &batch}.portions(func(part Lines) {
				eff := s.Step(noon, part)
				stream.PublishAll(eff.Events)
				s.reuse(eff)
			})
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*lines*jails), "ns/failure")
}
