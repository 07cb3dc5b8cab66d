package source

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"stockade/internal/logbook"
	"stockade/internal/source/journal/journaltest"
)

func listenJournal(t testing.TB, h *Hub, opts JournalOptions) *listener {
	t.Helper()
	l := newListener(t)
	l.subscribeJournal(h, opts)
	return l
}

func (l *listener) subscribeJournal(h *Hub, opts JournalOptions) {
	l.t.Helper()
	if opts.Flags == 0 {
		opts.Flags = -1
	}
	opts.Sink = l.take
	opts.Notice = func(r logbook.Record) { l.notes <- r }
	sub, err := h.SubscribeJournal(opts)
	if err != nil {
		l.t.Fatal(err)
	}
	l.sub = sub
}

func (l *listener) settledJournal() {
	l.t.Helper()
	r := l.sub.feeder.(*journalReader)
	for range 3 {
		r.do(func() {
			for r.pass() {
			}
		})
	}
	select {
	case g := <-l.lines:
		l.t.Fatalf("a line too many: %.200q", g.text)
	default:
	}
}

// message is the line of a sample.
func message(r journaltest.Record, i int) string {
	line := "srv sshd: "
	if i > 0 {
		line = fmt.Sprintf("srv sshd[%d]: ", i)
	}
	return line + strings.TrimPrefix(r.Fields[4], "MESSAGE=")
}

func TestJournalIsReadFromTheTimeThatMatters(t *testing.T) {
	dir := t.TempDir()
	records := journaltest.Samples(1000)
	journaltest.Write(t, filepath.Join(dir, "system.journal"), records)
	h := newHub(t, Options{})
	l := listenJournal(t, h, JournalOptions{
		Path: dir, Matches: [][]string{{"_SYSTEMD_UNIT=ssh.service"}}, Since: time.UnixMicro(journaltest.Start + 900_000),
	})
	lines := l.next(34)
	for k, g := range lines {
		if i := 900 + 3*k; g.text != message(records[i], i) || g.inOp {
			t.Fatalf("line %d: %+v", k, g)
		}
	}
	at := time.UnixMicro(journaltest.Start + 999_000)
	want := Position{JournalPath, at.Local().Format("2006-01-02T15:04:05.000000-07:00 "), float64(at.UnixMicro()) / 1e6}
	if lines[33].pos != want {
		t.Errorf("position %+v, want %+v", lines[33].pos, want)
	}
	if r := l.note("Jail is in operation now (process new journal entries)"); r.Level != logbook.Info || r.Logger != "fail2ban.filtersystemd" {
		t.Errorf("message: %+v", r)
	}
	l.settledJournal()
	if p := l.sub.Close(); p != want {
		t.Errorf("position at the end %+v", p)
	}
}

func TestJournalGoesOnExactlyWhereItStopped(t *testing.T) {
	dir := t.TempDir()
	records := journaltest.Samples(300)
	for i := range records { // entries arrive a little after they were made
		records[i].Fields = append(records[i].Fields, fmt.Sprintf("_SOURCE_REALTIME_TIMESTAMP=%d", records[i].Time-700))
	}
	var even, odd []journaltest.Record
	for i, r := range records {
		if i%2 == 0 {
			even = append(even, r)
		} else {
			odd = append(odd, r)
		}
	}
	journaltest.Write(t, filepath.Join(dir, "system.journal"), even)
	journaltest.Write(t, filepath.Join(dir, "user-1000.journal"), odd)
	h := newHub(t, Options{})
	all := listenJournal(t, h, JournalOptions{Path: dir}).next(300)
	for i, g := range all {
		if g.text != message(records[i], i) {
			t.Fatalf("line %d of the merged files: %.60q", i, g.text)
		}
	}
	for _, stop := range []int{0, 1, 150, 151, 298} {
		l := listenJournal(t, h, JournalOptions{Path: dir, Start: all[stop].pos})
		for k, g := range l.next(299 - stop) {
			if g.text != all[stop+1+k].text {
				t.Fatalf("stopped at %d, then %.60q", stop, g.text)
			}
		}
		l.settledJournal()
		l.sub.Close()
	}
	l := listenJournal(t, h, JournalOptions{Path: dir, Start: all[299].pos})
	l.settledJournal()
}

func TestJournalRotatedWhileDownIsReadToItsEnd(t *testing.T) {
	dir := t.TempDir()
	records := journaltest.Samples(300)
	journaltest.Write(t, filepath.Join(dir, "system@0-0.journal"), records[:200])
	journaltest.Write(t, filepath.Join(dir, "system.journal"), records[200:])
	h := newHub(t, Options{})
	// Without a position the current files are all.
	l := listenJournal(t, h, JournalOptions{Path: dir})
	if g := l.next(100); g[0].text != message(records[200], 200) {
		t.Errorf("first line %.60q", g[0].text)
	}
	// With rotated they are not.
	rotated := listenJournal(t, h, JournalOptions{Path: dir, Rotated: true}).next(300)
	if rotated[0].text != message(records[0], 0) {
		t.Errorf("first line %.60q", rotated[0].text)
	}
	back := listenJournal(t, h, JournalOptions{Path: dir, Start: rotated[149].pos})
	if g := back.next(150); g[0].text != message(records[150], 150) || g[149].text != message(records[299], 299) {
		t.Errorf("lines %.60q to %.60q", g[0].text, g[149].text)
	}
	back.settledJournal()
	l.settledJournal()
}

func TestJournalIsFollowedByManyWithMatchesOfTheirOwn(t *testing.T) {
	for _, polling := range []bool{false, true} {
		dir := t.TempDir()
		h := newHub(t, Options{Polling: polling})
		ssh := listenJournal(t, h, JournalOptions{Path: dir, Matches: [][]string{{"_SYSTEMD_UNIT=ssh.service"}}})
		rest := listenJournal(t, h, JournalOptions{Path: dir, Matches: [][]string{{"_SYSTEMD_UNIT=cron.service"}, {"_SYSTEMD_UNIT=nginx.service"}}})
		in, _ := journaltest.Writer(t, filepath.Join(dir, "system.journal"))
		records := journaltest.Samples(300)
		for i := 0; i < len(records); i += 30 {
			if _, err := in.Write(journaltest.Export(records[i : i+30])); err != nil {
				t.Fatal(err)
			}
			for k, g := range ssh.next(10) {
				if n := i + 3*k; g.text != message(records[n], n) {
					t.Fatalf("line %.60q, want number %d", g.text, n)
				}
			}
			rest.next(20)
		}
		ssh.settledJournal()
		rest.settledJournal()
		if err := ssh.sub.SetMatches([][]string{{"_SYSTEMD_UNIT=cron.service"}}); err != nil {
			t.Fatal(err)
		}
		more := journaltest.Samples(303)[300:]
		if _, err := in.Write(journaltest.Export(more)); err != nil {
			t.Fatal(err)
		}
		ssh.want(message(more[1], 301))
		if err := ssh.sub.SetMatches([][]string{{"wrong"}}); err == nil {
			t.Error("a malformed match is taken")
		}
	}
}

func TestSlowListenerOfTheJournalHoldsUpNobody(t *testing.T) {
	dir := t.TempDir()
	journaltest.Write(t, filepath.Join(dir, "system.journal"), journaltest.Samples(5000))
	h := newHub(t, Options{})
	slow := &listener{t: t, lines: make(chan got, 1<<15), stop: true}
	sub, err := h.SubscribeJournal(JournalOptions{Path: dir, Flags: -1, Window: 2, Sink: slow.take})
	if err != nil {
		t.Fatal(err)
	}
	slow.sub = sub
	listenJournal(t, h, JournalOptions{Path: dir}).next(5000)
	if n := sub.State().Lines; n > 2*linesPerBatch {
		t.Errorf("%d lines were delivered", n)
	}
	sub.Idle(true)
	slow.resume()
	slow.settledKept(int(sub.State().Lines))
	sub.Idle(false)
	slow.next(5000 - int(2*linesPerBatch))
}

// settledKept takes the lines that were delivered so far off the channel.
func (l *listener) settledKept(n int) { l.next(n) }

func TestDamagedJournalIsGivenUpAndSaid(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "system.journal")
	journaltest.Write(t, path, journaltest.Samples(100))
	good := filepath.Join(dir, "user-1.journal")
	journaltest.Write(t, good, journaltest.Samples(10))
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := len(data) / 4; i < len(data); i++ {
		data[i] ^= 0x5a
	}
	write(t, path, string(data))
	h := newHub(t, Options{})
	for range 2 { // who comes later is told as well
		l := listenJournal(t, h, JournalOptions{Path: dir})
		l.note("Journal file " + path + " is given up")
		l.next(10)
	}
}

func TestJournalFileThatShrinksIsGivenUp(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "system.journal")
	journaltest.Write(t, path, journaltest.Samples(5000))
	l := newListener(t)
	l.pause()
	l.subscribeJournal(newHub(t, Options{}), JournalOptions{Path: dir, Window: 1})
	l.next(1)
	if err := os.Truncate(path, 4096); err != nil {
		t.Fatal(err)
	}
	l.resume()
	l.note("is given up")
}

func BenchmarkJournalCatchUp(b *testing.B) {
	dir := b.TempDir()
	const n = 50_000
	journaltest.Write(b, filepath.Join(dir, "system.journal"), journaltest.Samples(n))
	h := newHub(b, Options{})
	for b.Loop() {
		count, done := 0, make(chan struct{})
		sub, err := h.SubscribeJournal(JournalOptions{Path: dir, Flags: -1, Sink: func(batch *Batch) {
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
	b.ReportMetric(n*float64(b.N)/b.Elapsed().Seconds(), "entries/s")
}
