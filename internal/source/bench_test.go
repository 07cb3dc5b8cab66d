package source

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// BenchmarkCatchUp reads a file from its start to its end.
func BenchmarkCatchUp(b *testing.B) {
	const n = 500_000
	path := logFile(b, strings.Repeat("Dec 10 06:55:46 LabSZ sshd[24200]: Failed password for invalid user webmaster from 173.234.31.186 port 38926 ssh2\n", n))
	info, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	h := newHub(b, Options{})
	b.SetBytes(info.Size())
	for b.Loop() {
		count, done := 0, make(chan struct{})
		sub, err := h.Subscribe(path, SubscribeOptions{Sink: func(batch *Batch) {
			if count += len(batch.Lines); count == n {
				close(done)
			}
			batch.Release()
		}})
		if err != nil {
			b.Fatal(err)
		}
		<-done
		sub.Close()
	}
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "lines/s")
}

// BenchmarkAppendToDelivery measures from the write of one line to the call of
// Sink.
func BenchmarkAppendToDelivery(b *testing.B) {
	path := filepath.Join(b.TempDir(), "x.log")
	f, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	h := newHub(b, Options{})
	came := make(chan time.Time, 1)
	if _, err := h.Subscribe(path, SubscribeOptions{Sink: func(batch *Batch) {
		came <- time.Now()
		batch.Release()
	}}); err != nil {
		b.Fatal(err)
	}
	var all []time.Duration
	b.ReportAllocs()
	for b.Loop() {
		begun := time.Now()
		fmt.Fprintln(f, "Dec 10 06:55:46 LabSZ sshd[24200]: Failed password for root from 173.234.31.186 port 38926 ssh2")
		all = append(all, (<-came).Sub(begun))
	}
	slices.Sort(all)
	b.ReportMetric(float64(all[len(all)/2].Nanoseconds())/1e3, "p50-us")
	b.ReportMetric(float64(all[len(all)*99/100].Nanoseconds())/1e3, "p99-us")
}

// BenchmarkIdle measures what one look at a file costs that nobody writes to.
func BenchmarkIdle(b *testing.B) {
	path := logFile(b, "a\n")
	l := listen(b, newHub(b, Options{}), path, SubscribeOptions{})
	r := l.sub.feeder.(*reader)
	b.ReportAllocs()
	r.do(func() {
		for b.Loop() {
			r.pass()
		}
	})
}
