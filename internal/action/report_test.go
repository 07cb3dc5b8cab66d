package action

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"stockade/internal/clock"
	"stockade/internal/logbook"
	"stockade/internal/ticket"
)

// gate is a command that waits until the test opens it.
func (b *bench) gate() (command string, open func()) {
	path := b.trace + ".gate"
	return "while test -d " + filepath.Dir(path) + " && ! test -e " + path + "; do sleep 0.01; done", func() {
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			b.t.Fatal(err)
		}
	}
}

func TestSlowReportDelaysNothing(t *testing.T) {
	b := newBench(t)
	wait, open := b.gate()
	b.action("mail", "actionban", wait+"; echo mail <ip> >> $T", "norestored", "1")
	b.action("wall", "actionban", "echo wall <ip> >> $T")
	b.job(Ban, tick("192.0.2.1"), tick("192.0.2.2"))
	b.wantTrace("wall 192.0.2.1\nwall 192.0.2.2\n")
	if st := b.set.Status(); !st[0].Report || st[0].Waiting == 0 || st[1].Report {
		t.Errorf("status %+v", st)
	}
	open()
	b.stop(Lift)
	b.wantTrace("wall 192.0.2.1\nwall 192.0.2.2\nmail 192.0.2.1\nmail 192.0.2.2\n")
}

func TestReportsOfFailuresReachTheLog(t *testing.T) {
	b := newBench(t)
	b.action("mail", "actionban", "exit 4", "norestored", "1")
	b.job(Ban, tick("192.0.2.1"))
	b.stop(Lift)
	b.wantLog("returned 4", "Failed to execute ban jail 'j' action 'mail'")
}

func TestTooManyReportsAreCountedAndDropped(t *testing.T) {
	b := newBench(t)
	wait, open := b.gate()
	b.action("mail", "actionban", wait, "norestored", "1")
	tickets := make([]*ticket.Ticket, reportBound+10)
	for i := range tickets {
		tickets[i] = tick(fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255))
	}
	b.job(Ban, tickets...)
	if st := b.set.Status(); st[0].Dropped < 9 || st[0].Waiting > reportBound {
		t.Errorf("status %+v", st[0])
	}
	b.wantLog("action 'mail' is too slow")
	b.set.Quit()
	open()
}

func TestStopDoesNotWaitForAReportForEver(t *testing.T) {
	b := newBench(t)
	clk := clock.NewManual(time.Unix(0, 0))
	b.env.Clock = clk
	b.set = NewSet(b.env)
	wait, open := b.gate()
	b.action("mail", "actionban", "touch $T.runs; "+wait, "norestored", "1", "timeout", "1h")
	b.job(Ban, tick("192.0.2.1"))
	eventually(t, "the report runs", func() bool {
		_, err := os.Stat(b.trace + ".runs")
		return err == nil
	})
	done := make(chan Result, 1)
	b.set.Stop(nil, Lift, func(r Result) { done <- r })
	for {
		clk.Advance(reportGrace)
		select {
		case r := <-done:
			b.logged(r.Logs...)
			b.wantLog("did not come to an end in 10s")
			open()
			return
		case <-time.After(time.Millisecond):
		}
	}
}

// Scripts share files: hosts.deny must not lose a line when 20 jails ban.
func TestCommandsOfOneNameRunOneAtATimeOverAllJails(t *testing.T) {
	shared := filepath.Join(t.TempDir(), "hosts.deny")
	if err := os.WriteFile(shared, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	locks := NewLocks()
	var wait sync.WaitGroup
	for jail := range 20 {
		b := newBench(t)
		b.env.Locks = locks
		b.set = NewSet(b.env)
		if err := b.set.Add(fmt.Sprint("deny", jail), &Source{Name: "hostsdeny"}); err != nil {
			t.Fatal(err)
		}
		b.props(fmt.Sprint("deny", jail), "actionban", "cat "+shared+" > "+shared+".new; echo <ip> >> "+shared+".new; mv "+shared+".new "+shared)
		wait.Add(1)
		var tickets []*ticket.Ticket
		for i := range 5 {
			tickets = append(tickets, tick(fmt.Sprintf("10.0.%d.%d", jail, i)))
		}
		b.set.Submit(Job{Kind: Ban, Tickets: tickets}, func([]Result) { wait.Done() })
	}
	wait.Wait()
	text, err := os.ReadFile(shared)
	if lines := strings.Count(string(text), "\n"); lines != 100 || err != nil {
		t.Errorf("%d lines of 100 are left, %v", lines, err)
	}
}

func TestIgnoreCommandDecidesByItsCode(t *testing.T) {
	b := newBench(t)
	for command, want := range map[string]bool{"test '<ip>' = 192.0.2.1": true, "exit 1": false, "exit 2": false} {
		done := make(chan bool, 1)
		b.set.IgnoreCommand(command, tick("192.0.2.1"), time.Minute, func(ignore bool, logs []logbook.Record) {
			b.logged(logs...)
			done <- ignore
		})
		if got := <-done; got != want {
			t.Errorf("%s: %v", command, got)
		}
	}
	b.wantLog("ERROR")
	for _, line := range b.log {
		if strings.Contains(line, "ERROR") && strings.Contains(line, "returned 1") {
			t.Error("code 1 is no error:", line)
		}
	}
}

func TestExpandTicketKeepsTextsAsTheyAre(t *testing.T) {
	one := tick("192.0.2.1")
	one.Fields = ticket.Fields{{Name: "user", Value: "a;b"}}
	if got := ExpandTicket("<ip>/<F-USER>/<F-NONE>/<failures>/<nosuch>", one); got != "192.0.2.1/a;b//0/<nosuch>" {
		t.Error(got)
	}
}

func TestZeroBytesAreLeftOut(t *testing.T) {
	b := newBench(t)
	b.action("x", "actionban", `echo "<F-USER>" >> $T`)
	one := tick("192.0.2.1")
	one.Fields = ticket.Fields{{Name: "user", Value: "a\x00b"}}
	b.job(Ban, one)
	b.wantTrace("ab\n")
}

func TestReloadForgetsRemovedParameters(t *testing.T) {
	b := newBench(t)
	b.action("x", "actionban", "echo '<v>' >> $T", "v", "1")
	b.set.BeginReload()
	b.action("x", "actionban", "echo '<v>' >> $T")
	done := make(chan Result, 1)
	b.set.EndReload(nil, func(r Result) { done <- r })
	<-done
	b.job(Ban, tick("192.0.2.1"))
	b.wantTrace("<v>\n")
}

func FuzzTags(f *testing.F) {
	f.Add("echo <ip> \"<F-USER>\" <a>", "$(id)", "<b>")
	f.Add("<<a>_x> <F-*> <matches>", "`x`\n", "a")
	f.Add("<a", "b>", "<a><b><c>")
	f.Fuzz(func(t *testing.T, text, user, value string) {
		p := newProperties()
		p.values["a"], p.values["b"], p.values["matches"] = value, "<a>x", user
		static, err := expand(text, p.lookup("inet4"))
		if err != nil {
			return
		}
		one := tick("192.0.2.1")
		one.Fields = ticket.Fields{{Name: "user", Value: user}}
		one.Matches = []ticket.Match{{After: user, Joined: true}}
		s := substitute(static, newInfo(&Env{Clock: clock.Real()}, one))
		// Whatever could mean something to a shell may only stand in arguments,
		// never in what was put into the text.
		if strings.ContainsAny(user, special) && len(user) > 8 && !strings.Contains(static, user) {
			if strings.Contains(s.text, user) {
				t.Errorf("%q came into %q", user, s.text)
			}
		}
	})
}
