package trial

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

// journalRemote writes journal files; it lies outside of the path.
const journalRemote = "/lib/systemd/systemd-journal-remote"

// writeJournal makes a journal file of sshd and cron messages.
func writeJournal(t *testing.T, dir string) string {
	t.Helper()
	if _, err := os.Stat(journalRemote); err != nil {
		testenv.Skip(t, "systemd-journal-remote is not installed")
	}
	var b strings.Builder
	for i, m := range []struct{ comm, text string }{
		{"sshd", "Failed password for invalid user joe from 192.0.2.1 port 33 ssh2"},
		{"sshd", "Server listening on 0.0.0.0"},
		{"cron", "(root) CMD"},
		{"sshd", "Invalid user ann from 192.0.2.2"},
	} {
		fmt.Fprintf(&b, "__REALTIME_TIMESTAMP=%d\n__MONOTONIC_TIMESTAMP=%d\n_BOOT_ID=%s\n_HOSTNAME=srv\nSYSLOG_IDENTIFIER=%s\n_PID=%d\n_SYSTEMD_UNIT=%s.service\n_COMM=%s\nMESSAGE=%s\n\n",
			1786708381000000+i*500000, 1000000+i*500000, strings.Repeat("f0", 16), m.comm, 100+i, strings.TrimSuffix(m.comm, "d"), m.comm, m.text)
	}
	export, file := filepath.Join(dir, "export"), filepath.Join(dir, "a.journal")
	if err := os.WriteFile(export, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(journalRemote, "-o", file, export).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return file
}

func TestJournalReportsAreTheReferences(t *testing.T) {
	cwd := workDir(t)
	journal := "systemd-journal[journalfiles=" + writeJournal(t, cwd) + "]"
	ref := startReference(t, cwd)
	config := filepath.Join(ref.dir, "etc/fail2ban")
	for _, args := range [][]string{
		{"-c", config, "-v", journal, "sshd"},
		{"-c", config, "-vv", journal, "sshd[mode=ddos]"},
		{"-c", config, "--print-all-matched", journal, "filter.d/sshd"},
		{"-c", config, "-o", "row", journal, "sshd"},
		{"-c", config, "-o", "msg", journal, "sshd"},
		{"-c", config, journal, "filter.d/dovecot"},
		{"-m", "_COMM=cron + _COMM=sshd", "--print-all-missed", journal, "user <HOST>"},
		{journal, "on <HOST>"},
	} {
		want, got := ref.run(args), ours(cwd, args)
		if strings.Contains(want.out, "systemd library not found") {
			testenv.Skip(t, "Python's systemd module is not installed")
		}
		present := time.Now().UTC()
		if a, b := normal(got.out, present), normal(want.out, present); a != b || want.status != got.status {
			t.Errorf("%q: status %d, want %d\n%s%s", args, got.status, want.status, firstDifference(a, b), want.err)
		}
	}
}
