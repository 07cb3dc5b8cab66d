package source

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"stockade/internal/source/journal/journaltest"
)

// TestLiveJournalThroughRotationAndVacuum follows a real journald that rotates
// at random moments and loses its old files at once.
func TestLiveJournalThroughRotationAndVacuum(t *testing.T) {
	d := journaltest.NewDaemon(t)
	h := newHub(t, Options{})
	opts := JournalOptions{Matches: [][]string{{"SYSLOG_IDENTIFIER=test"}}, Flags: -1, root: d.Root, Since: time.Now().Add(-time.Minute)}
	l := listenJournal(t, h, opts)
	const n = 5000
	rnd := rand.New(rand.NewPCG(7, 8))
	done := make(chan struct{})
	rotations, deleted := 0, 0
	go func() {
		defer close(done)
		next := 0
		for i := range n {
			d.Send(t, fmt.Sprintf("MESSAGE=number %d", i), "SYSLOG_IDENTIFIER=test", "PRIORITY=5")
			d.Send(t, "MESSAGE=of others", "SYSLOG_IDENTIFIER=other")
			if i == next {
				d.Rotate(t)
				rotations++
				next = i + 200 + rnd.IntN(400)
			}
		}
	}()
	for i, g := range l.next(n) {
		if !strings.HasSuffix(g.text, fmt.Sprintf("]: number %d", i)) || !strings.Contains(g.text, " test[") {
			t.Fatalf("line %d: %q", i, g.text)
		}
		if i%500 == 499 {
			deleted += d.Vacuum(t)
		}
	}
	<-done
	l.settledJournal()
	if rotations < 5 || deleted == 0 {
		t.Errorf("%d rotations, %d files deleted", rotations, deleted)
	}
	// A second run from the stored position finds what was logged meanwhile,
	// though it was rotated away.
	p := l.sub.Close()
	d.Send(t, "MESSAGE=meanwhile", "SYSLOG_IDENTIFIER=test")
	probe := listenJournal(t, h, JournalOptions{Matches: opts.Matches, Flags: -1, root: d.Root, Since: time.Now().Add(-time.Hour), Start: p})
	probe.next(1)
	probe.sub.Close()
	d.Rotate(t)
	d.Send(t, "MESSAGE=after", "SYSLOG_IDENTIFIER=test")
	opts.Start = p
	again := listenJournal(t, h, opts)
	lines := again.next(2)
	if !strings.HasSuffix(lines[0].text, "meanwhile") || !strings.HasSuffix(lines[1].text, "after") {
		t.Errorf("after the restart: %v", lines)
	}
	t.Logf("%d entries through %d rotations, %d files deleted", n, rotations, deleted)
}

// BenchmarkLiveJournal measures from the sending of a message to its delivery,
// through journald.
func BenchmarkLiveJournal(b *testing.B) {
	d := journaltest.NewDaemon(b)
	h := newHub(b, Options{})
	l := listenJournal(b, h, JournalOptions{Matches: [][]string{{"SYSLOG_IDENTIFIER=test"}}, Flags: -1, root: d.Root, Since: time.Now()})
	d.Send(b, "MESSAGE=first", "SYSLOG_IDENTIFIER=test")
	l.next(1)
	for b.Loop() {
		d.Send(b, "MESSAGE=one", "SYSLOG_IDENTIFIER=test")
		l.next(1)
	}
}
