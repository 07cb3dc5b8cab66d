package action

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"stockade/internal/clock"
	"stockade/internal/testenv"
)

// mailed gives what the fake program mail was given, and forgets it.
func mailed(t *testing.T, programs string) string {
	t.Helper()
	path := filepath.Join(programs, "mailed")
	text, err := os.ReadFile(path)
	if err == nil {
		err = os.Remove(path)
	}
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return string(text)
}

func TestDShieldMailsWhatTheReferenceMails(t *testing.T) {
	root := testenv.Reference(t)
	ops := []webOp{
		{webTicket{IP: "192.0.2.1", Matches: []string{"$(id)"}}, []string{"ban"}},
		{webTicket{IP: "2001:db8::1"}, []string{"ban", "unban"}},
		{webTicket{IP: "192.0.2.2"}, []string{"ban"}},
	}
	for _, params := range []string{
		`port=22, userid=77, myip=192.0.2.9, lines=1`,
		`port=22, userid=77, myip=192.0.2.9, lines=2, minreportinterval=-1`,
		`port=53, userid=77, myip=192.0.2.9, protocol=udp, srcport=1, tcpflags=S, lines=9`,
		`port=22, userid=77, myip=192.0.2.9, lines=9, maxbufferage=-1, dest="a@example.org"`,
	} {
		spec := func() string {
			return "dshield[" + params + `, tmpfile="` + filepath.Join(t.TempDir(), "d") + `"]`
		}
		s := newService(t, nil)
		props, _ := actionProps(t, filepath.Join(root, "etc/fail2ban/action.d"), spec())
		_, want := s.reference(root, props, ops)
		if !strings.Contains(want, "FORMAT DSHIELD") {
			t.Fatalf("the reference mailed %q", want)
		}
		own := filepath.Join(testenv.Module(t), "library/action.d")
		props, _ = actionProps(t, own, spec())
		if _, got := s.reference(root, props, ops); got != want {
			t.Errorf("%s: the reference with our file mailed\n%s\nwith its own\n%s", params, got, want)
		}
		programs := s.programs()
		t.Setenv("PATH", programs+":"+os.Getenv("PATH"))
		props, _ = actionProps(t, own, spec())
		s.ours(newBench(t), props, &Source{Name: "dshield", Library: true}, ops)
		if got := mailed(t, programs); got != want {
			t.Errorf("%s: natively\n%s\nwant\n%s", params, got, want)
		}
	}
}

func TestDShieldKeepsItsRecordsWhileNoMailGoesOut(t *testing.T) {
	s := newService(t, nil)
	programs := s.programs()
	broken := filepath.Join(programs, "mail")
	good, err := os.ReadFile(broken)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(broken, []byte("#!/bin/sh\nexit 1\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", programs+":"+os.Getenv("PATH"))
	clk := clock.NewManual(time.Unix(1795334628, 0))
	tmp := filepath.Join(t.TempDir(), "d")
	b := reporterBench(t, s, "dshield", func(e *Env) { e.Clock = clk }, "tmpfile", tmp, "lines", "1", "port", "22", "myip", "$(nosuch)", "mailcmd", mailCommand)
	b.job(Ban, tick("192.0.2.1"))
	s.settled(b)
	b.wantLogSoon("Failed to execute ban jail 'j' action 'x'")
	if err := os.WriteFile(broken, good, 0o755); err != nil {
		t.Fatal(err)
	}
	b.job(Ban, tick("192.0.2.2"))
	s.settled(b)
	if got := mailed(t, programs); strings.Count(got, "FORMAT") != 1 || !strings.Contains(got, "192.0.2.1\t") || !strings.Contains(got, "192.0.2.2\t") || strings.Contains(got, "$") {
		t.Errorf("mailed %q", got)
	}
	if _, err := os.Stat(tmp + ".buffer"); err == nil {
		t.Error("the buffer is left")
	}
	// A link that somebody put there is not followed.
	victim := filepath.Join(t.TempDir(), "victim")
	if err := os.Symlink(victim, tmp+".buffer"); err != nil {
		t.Fatal(err)
	}
	b.job(Ban, tick("192.0.2.3"))
	s.settled(b)
	if _, err := os.Stat(victim); err == nil {
		t.Error("a link was followed")
	}
}
