package config

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"stockade/internal/testenv"
)

// twoHundredJails writes a tree of 200 enabled jails over the stock files.
func twoHundredJails(tb testing.TB) string {
	tb.Helper()
	dir := copyTree(tb, filepath.Join(testenv.Reference(tb), "etc/fail2ban"))
	tree, err := Load(Options{Dir: dir})
	if err != nil {
		tb.Fatal(err)
	}
	var local strings.Builder
	names := tree.Jails()
	for i := range 200 {
		name := names[i%len(names)]
		if i < len(names) {
			fmt.Fprintf(&local, "[%s]\nenabled = true\n", name)
			continue
		}
		fmt.Fprintf(&local, "[copy-%d]\nenabled = true\nfilter = %%(%s/filter)s\nlogpath = /dev/null\nport = 80\n", i, "default")
		if i%2 == 0 {
			fmt.Fprintf(&local, "filter.x = 1\nmaxretry = %d\n", i)
		}
	}
	text := strings.ReplaceAll(local.String(), "filter = %(default/filter)s", "filter = sshd[mode=aggressive]")
	writeFile(tb, dir, "jail.local", text)
	return dir
}

func BenchmarkTwoHundredJails(b *testing.B) {
	dir := twoHundredJails(b)
	b.ReportAllocs()
	for b.Loop() {
		r, err := readTree(dir, Dump)
		if err != nil || len(r.Good) != 200 {
			b.Fatalf("%d good jails, %v", len(r.Good), err)
		}
	}
}

// BenchmarkTwoHundredJailsAsProcesses compares whole runs of -d: ours and the
// reference's, alternating, the best of each.
func BenchmarkTwoHundredJailsAsProcesses(b *testing.B) {
	dir := twoHundredJails(b)
	ours := filepath.Join(b.TempDir(), "fail2ban-client")
	if out, err := exec.Command("go", "build", "-o", ours, "stockade/cmd/stockade").CombinedOutput(); err != nil {
		b.Fatalf("the program cannot be built: %v\n%s", err, out)
	}
	best := func(run func() *exec.Cmd, least time.Duration) time.Duration {
		start := time.Now()
		if err := run().Run(); err != nil {
			b.Fatal(err)
		}
		if d := time.Since(start); least == 0 || d < least {
			return d
		}
		return least
	}
	var mine, theirs time.Duration
	for b.Loop() {
		theirs = best(func() *exec.Cmd { return testenv.Program(testenv.Reference(b), "client", "-c", dir, "-d") }, theirs)
		mine = best(func() *exec.Cmd { return exec.Command(ours, "-c", dir, "-d", "--library", "none") }, mine)
	}
	ratio := theirs.Seconds() / mine.Seconds()
	b.ReportMetric(mine.Seconds()*1000, "ms/stockade")
	b.ReportMetric(theirs.Seconds()*1000, "ms/reference")
	b.ReportMetric(ratio, "times-faster")
	if testenv.Full() && ratio < 10 {
		b.Errorf("only %.1f times as fast as the reference (%v against %v)", ratio, mine, theirs)
	}
	_ = os.Remove(ours)
}

func BenchmarkPrintTwoHundredJails(b *testing.B) {
	r, err := readTree(twoHundredJails(b), Dump)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		Lines(r.Stream)
	}
}
