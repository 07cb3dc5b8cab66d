package logbook

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"stockade/internal/clock"
)

// noon is the moment at which the tests log.
var noon = time.Date(2026, 11, 22, 12, 0, 0, 42_900_000, time.Local)

func open(t *testing.T, target string) (*Book, *bytes.Buffer) {
	t.Helper()
	var out bytes.Buffer
	b := New(Options{Clock: clock.NewManual(noon), Stdout: &out, Stderr: &out, PID: 447})
	if err := b.SetTarget(target); err != nil {
		t.Fatal(err)
	}
	return b, &out
}

func TestLinesHaveTheReferencesFormat(t *testing.T) {
	tests := []struct {
		target string
		record Record
		want   string
	}{
		{"STDOUT", Record{Level: Notice, Logger: "fail2ban.actions", Text: "[sshd] Ban 192.0.2.1"}, "2026-11-22 12:00:00,042 fail2ban.actions        [447]: NOTICE  [sshd] Ban 192.0.2.1"},
		{"STDERR", Record{Level: Warning, Logger: "fail2ban.a-name-longer-than-24", Text: "two\nlines"}, "2026-11-22 12:00:00,042 fail2ban.a-name-longer-than-24[447]: WARNING two\nlines"},
		{"STDOUT", Record{Level: 33, Logger: "fail2ban", Text: "x"}, "2026-11-22 12:00:00,042 fail2ban                [447]: #33-Lev. x"},
		{"STDOUT", Record{Level: Critical, Logger: "fail2ban", Text: ""}, "2026-11-22 12:00:00,042 fail2ban                [447]: CRITICAL "},
		{"SYSOUT", Record{Level: Info, Logger: "fail2ban.server", Text: "x"}, "fail2ban.server         [447]: INFO    x"},
		{"sysout[datetime=on]", Record{Level: Info, Logger: "fail2ban.server", Text: "x"}, "2026-11-22 12:00:00,042 fail2ban.server         [447]: INFO    x"},
		{"STDOUT[padding=off]", Record{Level: Info, Logger: "fail2ban.server", Text: "x"}, "2026-11-22 12:00:00,042 fail2ban.server[447]: INFO x"},
		{"STDOUT[padding=off, datetime=bogus]", Record{Level: Info, Logger: "fail2ban.server", Text: "x"}, "fail2ban.server[447]: INFO x"},
		{`STDOUT[format="%(levelname)10s!%% %(message).10s %(msecs)03d %(process)05d|%(levelname)-6s|"]`, Record{Level: Info, Logger: "l", Text: "Starting Fail2ban"}, "      INFO!% Starting F 042 00447|INFO  |"},
		{`STDOUT[format='%(message)s[x]', datetime=on]`, Record{Level: Info, Logger: "l", Text: "x"}, "x[x]"},
	}
	for _, tt := range tests {
		b, out := open(t, tt.target)
		b.Log(tt.record)
		if got := out.String(); got != tt.want+"\n" {
			t.Errorf("%s:\n got %q\nwant %q", tt.target, got, tt.want)
		}
	}
}

func TestLevels(t *testing.T) {
	b, out := open(t, "STDOUT[format=%(levelname)s]")
	for _, tt := range []struct{ set, stored, shown, err string }{
		{"info", "INFO", "CRITICAL ERROR WARNING NOTICE INFO", ""},
		{"20", "20", "CRITICAL ERROR WARNING NOTICE INFO", ""},
		{"warn", "WARN", "CRITICAL ERROR WARNING", ""},
		{"fatal", "FATAL", "CRITICAL", ""},
		{"007", "007", "CRITICAL ERROR WARNING NOTICE INFO MSG DEBUG TRACE", ""},
		{"notset", "NOTSET", "CRITICAL ERROR WARNING NOTICE INFO MSG DEBUG TRACE HEAVY", ""},
		{"heavydebug", "HEAVYDEBUG", "CRITICAL ERROR WARNING NOTICE INFO MSG DEBUG TRACE HEAVY", ""},
		{"nope", "HEAVYDEBUG", "CRITICAL ERROR WARNING NOTICE INFO MSG DEBUG TRACE HEAVY", "Invalid log level 'NOPE'"},
		{"-5", "HEAVYDEBUG", "CRITICAL ERROR WARNING NOTICE INFO MSG DEBUG TRACE HEAVY", "Invalid log level '-5'"},
		{" 20", "HEAVYDEBUG", "CRITICAL ERROR WARNING NOTICE INFO MSG DEBUG TRACE HEAVY", "Invalid log level ' 20'"},
	} {
		if err := b.SetLevel(tt.set); tt.err == "" && err != nil || tt.err != "" && (err == nil || err.Error() != tt.err) {
			t.Errorf("%s: %v, want %q", tt.set, err, tt.err)
		}
		out.Reset()
		for _, l := range []Level{Critical, Error, Warning, Notice, Info, Msg, Debug, Trace, Heavy} {
			b.Logf(l, "x", "text")
		}
		if got := strings.Join(strings.Fields(out.String()), " "); got != tt.shown || b.Level() != tt.stored {
			t.Errorf("%s: stored %s, shown %s", tt.set, b.Level(), got)
		}
	}
}

func TestTargetsThatAreRefused(t *testing.T) {
	dir := t.TempDir()
	for target, want := range map[string]string{
		filepath.Join(dir, "no", "such"): "Failed to change log target",
		"STDOUT[bogus":                   "unexpected option syntax",
		"":                               "unexpected option syntax",
		"[x=1]":                          "unexpected option syntax",
		filepath.Join(dir, "d") + "[x]":  "expected option, wrong syntax at 0: x",
		filepath.Join(dir, "d") + `[format="nofields"]`: "Invalid format 'nofields' for '%' style",
		filepath.Join(dir, "d") + `[format="%(nope)s"]`: "Formatting field not found in record: 'nope'",
		filepath.Join(dir, "d") + `[padding=on, =x]`:    "expected option, wrong syntax at 12: =x",
	} {
		b, out := open(t, "STDOUT")
		err := b.SetTarget(target)
		if err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", target, err, want)
		}
		out.Reset()
		if b.Logf(Info, "x", "still here"); !strings.Contains(out.String(), "still here") || b.Target() != "STDOUT" {
			t.Errorf("%s: the old target %s is lost", target, b.Target())
		}
	}
}

func TestChangeOfTheTargetIsAnnounced(t *testing.T) {
	b, out := open(t, "STDOUT[datetime=off,padding=off]")
	path := filepath.Join(t.TempDir(), "f.log")
	for _, target := range []string{"STDOUT[datetime=on]", path, path + "[padding=off]"} {
		if err := b.SetTarget(target); err != nil {
			t.Fatal(err)
		}
	}
	if b.Target() != path || out.Len() != 0 {
		t.Errorf("target %s, output %q", b.Target(), out)
	}
	want := "2026-11-22 12:00:00,042 fail2ban.server         [447]: INFO    Start Fail2ban v1.1.1\n" +
		"2026-11-22 12:00:00,042 fail2ban.server         [447]: INFO    Changed logging target to " + path + " for Fail2ban v1.1.1\n"
	if got := read(t, path); got != want {
		t.Errorf("got %s", got)
	}
	if info, _ := os.Stat(path); info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestFlushOpensTheFileByItsName(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f.log")
	b, _ := open(t, path+"[datetime=off,padding=off]")
	b.Logf(Info, "x", "before")
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	b.Logf(Info, "x", "between")
	if got := b.Flush(); got != "rolled over" {
		t.Error(got)
	}
	b.Logf(Info, "x", "after")
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	if got := read(t, path+".1"); got != "x[447]: INFO before\nx[447]: INFO between\n" {
		t.Error(got)
	}
	if got := read(t, path); got != "fail2ban.server[447]: INFO rollover performed on "+path+"\nx[447]: INFO after\n" {
		t.Error(got)
	}
	b.Logf(Info, "x", "closed")
}

func TestFlushAnswersByTheExactName(t *testing.T) {
	for target, want := range map[string]string{"STDOUT": "flushed", "stdout": "rolled over", "SYSOUT": "rolled over", "STDERR": "flushed"} {
		b, out := open(t, target)
		if got := b.Flush(); got != want || !strings.Contains(out.String(), "flush performed on "+target) {
			t.Errorf("%s: %s, %s", target, got, out)
		}
	}
}

func TestRecordsBeforeTheTargetAreKept(t *testing.T) {
	var out bytes.Buffer
	b := New(Options{Clock: clock.NewManual(noon), Stdout: &out, PID: 447})
	b.Logf(Info, "x", "early")
	if err := b.SetTarget("STDOUT"); err != nil {
		t.Fatal(err)
	}
	if out.String() != "2026-11-22 12:00:00,042 x                       [447]: INFO    early\n" {
		t.Errorf("%q", out.String())
	}
}

func listen(t *testing.T) (path string, next func() string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "log.sock")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return path, func() string {
		t.Helper()
		conn.SetReadDeadline(time.Now().Add(5 * time.Second))
		buf := make([]byte, 1<<16)
		n, err := conn.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		return string(buf[:n])
	}
}

func TestSyslogDatagrams(t *testing.T) {
	path, next := listen(t)
	b, _ := open(t, "STDOUT")
	if err := b.SetSyslogSocket(path); err != nil {
		t.Fatal(err)
	}
	if err := b.SetTarget("SYSLOG"); err != nil {
		t.Fatal(err)
	}
	if got := next(); got != "<30>fail2ban.server[447]: INFO Start Fail2ban v1.1.1\x00" {
		t.Errorf("%q", got)
	}
	next()
	if err := b.SetLevel("MSG"); err != nil {
		t.Fatal(err)
	}
	b.Log(Record{Level: Notice, Logger: "fail2ban.actions", Text: "[sshd] Ban 192.0.2.1"}, Record{Level: Msg, Logger: "m", Text: "x"})
	if got := next(); got != "<29>fail2ban.actions[447]: NOTICE [sshd] Ban 192.0.2.1\x00" {
		t.Errorf("%q", got)
	}
	if got := next(); got != "<28>m[447]: MSG x\x00" {
		t.Errorf("%q", got)
	}
	second, nextSecond := listen(t)
	if err := b.SetSyslogSocket(second); err != nil {
		t.Fatal(err)
	}
	if got := nextSecond(); !strings.Contains(got, "Start Fail2ban") {
		t.Errorf("%q", got)
	}
	if err := b.SetSyslogSocket("/nope"); err == nil || err.Error() != "Failed to change syslog socket" || b.SyslogSocket() != second {
		t.Errorf("%v, %s", err, b.SyslogSocket())
	}
}

func TestJournalMessage(t *testing.T) {
	path, next := listen(t)
	j := &journal{datagrams{path: path}}
	data := []byte("one\ntwo\n")
	if err := j.write(data, []entry{{0, 7, Notice, "fail2ban.actions"}}); err != nil {
		t.Fatal(err)
	}
	want := "MESSAGE\n\x07\x00\x00\x00\x00\x00\x00\x00one\ntwo\nPRIORITY=5\nSYSLOG_IDENTIFIER=fail2ban\nLOGGER=fail2ban.actions\n"
	if got := next(); got != want {
		t.Errorf("%q", got)
	}
	if err := (&journal{datagrams{path: "/nope"}}).write(data, []entry{{0, 7, Notice, "x"}}); err != nil {
		t.Error("a missing journal is no error:", err)
	}
}

// failing is a target that refuses now and then.
type failing struct {
	bytes.Buffer
	refuse bool
}

func (f *failing) Write(p []byte) (int, error) {
	if f.refuse {
		return 0, errors.New("disk full")
	}
	return f.Buffer.Write(p)
}

func TestRefusedRecordsAreCounted(t *testing.T) {
	out := &failing{refuse: true}
	b := New(Options{Clock: clock.NewManual(noon), Stdout: out})
	if err := b.SetTarget("STDOUT[format=%(message)s]"); err != nil {
		t.Fatal(err)
	}
	b.Log(Record{Level: Info, Text: "a"}, Record{Level: Info, Text: "b"})
	out.refuse = false
	b.Logf(Info, "x", "c")
	if got := out.String(); got != "c\n2 log record(s) were lost, the log target refused them\n" {
		t.Errorf("%q", got)
	}
}

func TestManyGoroutinesLoseNothingAndKeepGroups(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f.log")
	b, _ := open(t, path+"[format=%(message)s]")
	const workers, each = 8, 2000
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := range each {
				b.Log(Record{Level: Info, Text: fmt.Sprintf("%d %d a", w, i)}, Record{Level: Info, Text: fmt.Sprintf("%d %d b", w, i)})
				if i == each/2 {
					b.Flush()
				}
			}
		})
	}
	wg.Wait()
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	next := make([]int, workers)
	lines := strings.Split(strings.TrimSpace(read(t, path)), "\n")
	pair := ""
	for _, l := range lines {
		if strings.HasPrefix(l, "rollover") {
			continue
		}
		var w, i int
		var half string
		fmt.Sscanf(l, "%d %d %s", &w, &i, &half)
		if half == "a" {
			pair = fmt.Sprintf("%d %d b", w, i)
			continue
		}
		if l != pair || next[w] != i {
			t.Fatalf("line %q stands where %q of number %d should", l, pair, next[w])
		}
		next[w]++
	}
	for w, n := range next {
		if n != each {
			t.Errorf("worker %d: %d records", w, n)
		}
	}
}

func TestSlogWritesIntoTheBook(t *testing.T) {
	b, out := open(t, "STDOUT[datetime=off,padding=off]")
	log := b.Slog("fail2ban.x").With("jail", "sshd").WithGroup("g")
	log.Debug("hidden")
	log.Info("read", "n", 3, slog.Group("h", "k", "v"))
	log.Warn("slow")
	log.Error("bad")
	want := "fail2ban.x[447]: INFO read jail=sshd g.n=3 g.h.k=v\nfail2ban.x[447]: WARNING slow jail=sshd\nfail2ban.x[447]: ERROR bad jail=sshd\n"
	if got := out.String(); got != want {
		t.Errorf("%q", got)
	}
}

func FuzzParseTarget(f *testing.F) {
	for _, s := range []string{"STDOUT", "SYSLOG[facility=local3]", `x[format="%(message)s", padding=on][datetime=off]`, "a[b", "[", `x[y="]`, "x[%(asctime)-5.3s=]"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		spec, err := parseTarget(text)
		if err != nil {
			return
		}
		if fm, err := parseFormat(spec.formatText(), 1); err == nil {
			fm.append(nil, &Record{Time: noon, Text: "text", Logger: "l"})
		}
	})
}

func BenchmarkLog(b *testing.B) {
	book := New(Options{Stdout: &bytes.Buffer{}})
	if err := book.SetTarget(filepath.Join(b.TempDir(), "f.log")); err != nil {
		b.Fatal(err)
	}
	r := Record{Level: Info, Logger: "fail2ban.filter", Text: "[sshd] Found 192.0.2.1 - 2026-11-22 08:06:20"}
	b.ReportAllocs()
	for b.Loop() {
		book.Log(r)
	}
}
