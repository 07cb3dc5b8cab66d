// Package journaltest makes journals for tests, with systemd's own programs:
// files written by systemd-journal-remote, and a systemd-journald of the
// test's own that touches nothing of the machine's.
package journaltest

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"stockade/internal/testenv"
)

const remote = "/lib/systemd/systemd-journal-remote"

// Start is the time of the first sample, in microseconds.
const Start = 1_795_335_163_000_000

// Record is one entry.
type Record struct {
	// Time and Monotonic are in microseconds.
	Time, Monotonic uint64
	// Fields are "NAME=value", with any bytes.
	Fields []string
}

// Export writes entries in journald's export format.
func Export(records []Record) []byte {
	var b bytes.Buffer
	for _, r := range records {
		fmt.Fprintf(&b, "__REALTIME_TIMESTAMP=%d\n__MONOTONIC_TIMESTAMP=%d\n_BOOT_ID=0123456789abcdef0123456789abcdef\n", r.Time, r.Monotonic)
		for _, f := range r.Fields {
			name, value, _ := strings.Cut(f, "=")
			if !strings.Contains(value, "\n") {
				fmt.Fprintf(&b, "%s=%s\n", name, value)
				continue
			}
			fmt.Fprintf(&b, "%s\n", name)
			for i := range 8 {
				b.WriteByte(byte(len(value) >> (8 * i)))
			}
			b.WriteString(value + "\n")
		}
		b.WriteByte('\n')
	}
	return b.Bytes()
}

// Available says whether files can be written here.
func Available() bool {
	_, err := os.Stat(remote)
	return err == nil
}

// Write makes a journal file. The environment may choose its form, as
// SYSTEMD_JOURNAL_COMPACT=0.
func Write(tb testing.TB, path string, records []Record, env ...string) {
	tb.Helper()
	in, wait := Writer(tb, path, env...)
	if _, err := in.Write(Export(records)); err != nil {
		tb.Fatalf("write journal: %v", err)
	}
	wait()
}

// Writer makes a journal file of what is written to it, as it is written. The
// function ends it.
func Writer(tb testing.TB, path string, env ...string) (in io.Writer, wait func()) {
	tb.Helper()
	if !Available() {
		testenv.Skip(tb, "systemd-journal-remote is not installed")
	}
	cmd := exec.Command(remote, "-o", path, "-")
	cmd.Env = append(os.Environ(), env...)
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	pipe, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		tb.Fatalf("start systemd-journal-remote: %v", err)
	}
	ended := false
	wait = func() {
		if ended {
			return
		}
		ended = true
		_ = pipe.Close()
		if err := cmd.Wait(); err != nil {
			tb.Errorf("systemd-journal-remote: %v\n%s", err, output.String())
		}
	}
	tb.Cleanup(wait)
	return pipe, wait
}

// Samples are entries of three services, a millisecond apart; each tenth is
// long enough to be packed.
func Samples(n int) []Record {
	all := make([]Record, n)
	for i := range all {
		unit := []string{"ssh.service", "cron.service", "nginx.service"}[i%3]
		message := fmt.Sprintf("message number %d", i)
		if i%10 == 0 {
			message += strings.Repeat(" and long", 400)
		}
		all[i] = Record{Start + uint64(i)*1000, 5_000_000 + uint64(i)*1000, []string{
			"_HOSTNAME=srv", "_SYSTEMD_UNIT=" + unit, "SYSLOG_IDENTIFIER=sshd", fmt.Sprintf("_PID=%d", i), "MESSAGE=" + message,
		}}
	}
	return all
}
