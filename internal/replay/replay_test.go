package replay_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"stockade/internal/config"
	"stockade/internal/replay"
	"stockade/library"
)

var now = time.Date(2026, 11, 22, 12, 0, 0, 0, time.Local)

// sshdLine is what sshd logs for a wrong password, in a process of its own.
func sshdLine(at time.Time, ip string) string {
	pid++
	return fmt.Sprintf("%s gate sshd[%d]: Failed password for root from %s port 4711 ssh2\n", at.Format("Jan _2 15:04:05"), pid, ip)
}

var pid = 1000

// play runs the jails that a jail.local switches on.
func play(t *testing.T, jailLocal string) []replay.Outcome {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "jail.local"), jailLocal)
	tree, err := config.Load(config.Options{Dir: dir, Explicit: true, Library: library.Files()})
	if err != nil {
		t.Fatal(err)
	}
	result, err := tree.Stream("", config.Start)
	if err != nil {
		t.Fatal(err)
	}
	outcomes, err := replay.Run(context.Background(), result.Stream, replay.Span{Since: now.AddDate(0, 0, -7), Until: now})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range outcomes {
		if o.Err != nil {
			t.Errorf("%s: %v", o.Jail, o.Err)
		}
	}
	return outcomes
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func age(t *testing.T, path string, at time.Time) {
	t.Helper()
	if err := os.Chtimes(path, at, at); err != nil {
		t.Fatal(err)
	}
}

func TestBansOfTheLastWeekAreFoundInRotatedLogsToo(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "auth.log")
	day := func(n int) time.Time { return now.AddDate(0, 0, -n) }

	var old bytes.Buffer
	zip := gzip.NewWriter(&old)
	for i := range 5 {
		fmt.Fprint(zip, sshdLine(day(3).Add(time.Duration(i)*time.Second), "198.51.100.3"))
	}
	if err := zip.Close(); err != nil {
		t.Fatal(err)
	}
	write(t, path+".2.gz", old.String())
	age(t, path+".2.gz", day(3).Add(time.Hour))

	var text strings.Builder
	for i := range 4 {
		text.WriteString(sshdLine(day(1).Add(time.Duration(i)*time.Second), "198.51.100.1"))
	}
	write(t, path+".1", text.String())
	age(t, path+".1", day(1).Add(time.Minute))

	// The fifth failure stands in the next file; a second ban follows a day later.
	text.Reset()
	text.WriteString(sshdLine(day(1).Add(time.Minute), "198.51.100.1"))
	for i := range 5 {
		text.WriteString(sshdLine(day(0).Add(time.Duration(i-20)*time.Second), "198.51.100.1"))
	}
	write(t, path, text.String())

	long := path + ".3"
	write(t, long, sshdLine(day(30), "198.51.100.30"))
	age(t, long, day(30))

	outcomes := play(t, "[sshd]\nenabled = true\nlogpath = "+path+"\n")
	if len(outcomes) != 1 {
		t.Fatalf("%d outcomes", len(outcomes))
	}
	o := outcomes[0]
	if o.Lines != 15 || o.Failures != 15 || len(o.Bans) != 2 {
		t.Fatalf("%+v", o)
	}
	if b := o.Bans[0]; b.ID != "198.51.100.3" || b.Times != 1 || b.First.Day() != day(3).Day() {
		t.Errorf("first ban %+v", b)
	}
	if b := o.Bans[1]; b.ID != "198.51.100.1" || b.Times != 2 {
		t.Errorf("second ban %+v", b)
	}
}

func TestSeveralLogsAreReadInTheOrderOfTime(t *testing.T) {
	dir := t.TempDir()
	// Three failures within ten minutes, but only both files together have them.
	write(t, filepath.Join(dir, "a.log"), sshdLine(now.Add(-time.Hour), "198.51.100.9")+sshdLine(now.Add(-10*time.Minute), "198.51.100.1")+
		sshdLine(now.Add(-8*time.Minute), "198.51.100.1"))
	write(t, filepath.Join(dir, "b.log"), sshdLine(now.Add(-9*time.Minute), "198.51.100.1"))
	o := play(t, "[sshd]\nenabled = true\nmaxretry = 3\nlogpath = "+dir+"/*.log\n")[0]
	if len(o.Sources) != 2 || len(o.Bans) != 1 || o.Bans[0].ID != "198.51.100.1" {
		t.Errorf("%+v", o)
	}
}

func TestIgnoredAddressesAndHostNamesAreNotBanned(t *testing.T) {
	path := filepath.Join(t.TempDir(), "auth.log")
	var text strings.Builder
	for i := range 5 {
		at := now.Add(time.Duration(i-60) * time.Second)
		text.WriteString(sshdLine(at, "198.51.100.1") + sshdLine(at, "198.51.100.2") + sshdLine(at, "attacker.example"))
	}
	write(t, path, text.String())
	o := play(t, "[sshd]\nenabled = true\nignoreip = 198.51.100.1\nusedns = yes\nlogpath = "+path+"\n")[0]
	if len(o.Bans) != 1 || o.Bans[0].ID != "198.51.100.2" {
		t.Errorf("%+v", o)
	}
}
