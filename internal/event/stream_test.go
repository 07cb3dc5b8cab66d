package event

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
)

func publish(s *Stream, n int) {
	for range n {
		s.Publish(Event{Kind: Found})
	}
}

// read takes what is there.
func read(t *testing.T, r *Reader, room int) (seqs []uint64, lost uint64) {
	t.Helper()
	buf := make([]Event, room)
	n, lost, err := r.Next(buf)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range buf[:n] {
		seqs = append(seqs, e.Seq)
	}
	return seqs, lost
}

func TestEventsAreNumberedFromOne(t *testing.T) {
	s := New(10)
	if s.Last() != 0 {
		t.Errorf("before the first: %d", s.Last())
	}
	if e := s.Publish(Event{Seq: 99}); e.Seq != 1 || s.Last() != 1 {
		t.Errorf("first: %+v", e)
	}
}

func TestReaderGetsWhatIsRememberedAndThenWhatComes(t *testing.T) {
	s := New(10)
	publish(s, 4)
	r := s.Subscribe(context.Background(), 1)
	if seqs, lost := read(t, r, 2); len(seqs) != 2 || seqs[0] != 2 || lost != 0 {
		t.Errorf("%v, %d lost", seqs, lost)
	}
	if seqs, _ := read(t, r, 5); len(seqs) != 1 || seqs[0] != 4 {
		t.Errorf("%v", seqs)
	}
	go publish(s, 1)
	if seqs, _ := read(t, r, 5); len(seqs) != 1 || seqs[0] != 5 {
		t.Errorf("%v", seqs)
	}
}

func TestSlowReaderLosesTheOldestAndIsTold(t *testing.T) {
	s := New(3)
	r := s.Subscribe(context.Background(), 0)
	publish(s, 10)
	seqs, lost := read(t, r, 10)
	if len(seqs) != 3 || seqs[0] != 8 || lost != 7 {
		t.Errorf("%v, %d lost", seqs, lost)
	}
	publish(s, 1)
	if seqs, lost := read(t, r, 10); len(seqs) != 1 || lost != 0 {
		t.Errorf("%v, %d lost", seqs, lost)
	}
}

func TestNumberOfAnotherRunBeginsAnew(t *testing.T) {
	s := New(3)
	publish(s, 2)
	if seqs, _ := read(t, s.Subscribe(context.Background(), 5000), 10); len(seqs) != 2 {
		t.Errorf("%v", seqs)
	}
}

func TestReaderEndsWithItsContext(t *testing.T) {
	s := New(3)
	ctx, cancel := context.WithCancel(context.Background())
	r := s.Subscribe(ctx, s.Last())
	go cancel()
	if _, _, err := r.Next(make([]Event, 1)); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestManyReadersSeeEveryEventOnce(t *testing.T) {
	const n = 20_000
	s := New(n)
	var wg sync.WaitGroup
	for range 8 {
		r := s.Subscribe(context.Background(), 0)
		wg.Go(func() {
			buf := make([]Event, 64)
			for next := uint64(1); next <= n; {
				k, lost, err := r.Next(buf)
				if err != nil || lost != 0 {
					t.Error(lost, err)
					return
				}
				for _, e := range buf[:k] {
					if e.Seq != next {
						t.Errorf("event %d, want %d", e.Seq, next)
						return
					}
					next++
				}
			}
		})
	}
	for range 4 {
		wg.Go(func() { publish(s, n/4) })
	}
	wg.Wait()
}

func TestEventAsJSONLeavesOutWhatItHasNot(t *testing.T) {
	data, err := json.Marshal(Event{Seq: 1, Kind: Stop, Jail: "j"})
	if err != nil {
		t.Fatal(err)
	}
	for _, absent := range []string{"until", "cause", "ban\"", "bantime"} {
		if strings.Contains(string(data), absent) {
			t.Errorf("%s in %s", absent, data)
		}
	}
}

func BenchmarkPublish(b *testing.B) {
	s := New(10_000)
	b.ReportAllocs()
	for b.Loop() {
		s.Publish(Event{Kind: Found, Jail: "sshd"})
	}
}
