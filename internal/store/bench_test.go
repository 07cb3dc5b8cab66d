package store

import (
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"stockade/internal/ticket"
)

func sampleBan(i int) Ban {
	b := ban("sshd", fmt.Sprintf("10.%d.%d.%d", i>>16&255, i>>8&255, i&255), base, 86400)
	b.Ticket.Failures = 5
	for range 5 {
		b.Ticket.Matches = append(b.Ticket.Matches, ticket.Match{After: strings.Repeat("x", 110), Joined: true})
	}
	b.Ticket.Fields = ticket.Fields{{Name: "ip4", Value: "10.0.0.1"}, {Name: "user", Value: "root"}}
	return b
}

// BenchmarkCommitAlone is one caller that waits for each ban.
func BenchmarkCommitAlone(b *testing.B) {
	s := openTest(b, filepath.Join(b.TempDir(), "f.sqlite3"), Options{})
	i := 0
	for b.Loop() {
		i++
		commit(b, s, Batch{Bans: []Ban{sampleBan(i)}})
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "bans/s")
}

// BenchmarkCommitTogether is many callers that wait for one ban each.
func BenchmarkCommitTogether(b *testing.B) {
	s := openTest(b, filepath.Join(b.TempDir(), "f.sqlite3"), Options{})
	var i atomic.Int64
	b.SetParallelism(100)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			commit(b, s, Batch{Bans: []Ban{sampleBan(int(i.Add(1)))}})
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "bans/s")
}

// BenchmarkRestore reads 100,000 bans.
func BenchmarkRestore(b *testing.B) {
	const n = 100_000
	s := openTest(b, filepath.Join(b.TempDir(), "f.sqlite3"), Options{})
	for i := 0; i < n; i += 1000 {
		var batch Batch
		for j := range 1000 {
			batch.Bans = append(batch.Bans, sampleBan(i+j))
		}
		commit(b, s, batch)
	}
	for b.Loop() {
		bans, err := s.CurrentBans("sshd", RestoreOptions{Now: base, Bantime: 86400, MaxMatches: 10})
		if err != nil || len(bans) != n {
			b.Fatal(len(bans), err)
		}
	}
}

func BenchmarkHistory(b *testing.B) {
	s := openTest(b, filepath.Join(b.TempDir(), "f.sqlite3"), Options{})
	commit(b, s, Batch{Bans: []Ban{sampleBan(1)}})
	for b.Loop() {
		if _, ok, err := s.History("10.0.0.1", "sshd", false); !ok || err != nil {
			b.Fatal(ok, err)
		}
	}
}
