package action

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"stockade/internal/clock"
	"stockade/internal/ipaddr"
	"stockade/internal/logbook"
	"stockade/internal/ticket"
)

// bench is a set with a trace file that its commands write to, and the log.
type bench struct {
	t     *testing.T
	set   *Set
	trace string
	env   Env

	mu  sync.Mutex
	log []string
}

func newBench(t *testing.T) *bench {
	b := &bench{t: t, trace: filepath.Join(t.TempDir(), "trace")}
	b.env = Env{
		Jail: "j", Clock: clock.Real(), Locks: NewLocks(), Native: true,
		Log:     func(r logbook.Record) { b.logged(r) },
		Bantime: func() int64 { return 600 },
	}
	b.set = NewSet(b.env)
	t.Cleanup(b.set.Quit)
	return b
}

func (b *bench) logged(records ...logbook.Record) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, r := range records {
		b.log = append(b.log, fmt.Sprintf("%s %s", r.Level, r.Text))
	}
}

// action adds an action; $T in its commands is the trace file.
func (b *bench) action(name string, props ...string) {
	b.t.Helper()
	if err := b.set.Add(name, nil); err != nil {
		b.t.Fatal(err)
	}
	b.props(name, props...)
}

func (b *bench) props(name string, props ...string) {
	b.t.Helper()
	for i := 0; i < len(props); i += 2 {
		b.set.SetProperty(name, props[i], strings.ReplaceAll(props[i+1], "$T", b.trace), func(_ any, err error) {
			if err != nil {
				b.t.Fatalf("%s: %v", props[i], err)
			}
		})
	}
}

func (b *bench) start() {
	done := make(chan Result, 1)
	b.set.Start(func(r Result) { done <- r })
	b.logged((<-done).Logs...)
}

func (b *bench) stop(mode StopMode, live ...*ticket.Ticket) {
	done := make(chan Result, 1)
	b.set.Stop(live, mode, func(r Result) { done <- r })
	b.logged((<-done).Logs...)
}

func (b *bench) job(kind JobKind, tickets ...*ticket.Ticket) []Result {
	done := make(chan []Result, 1)
	b.set.Submit(Job{Kind: kind, Tickets: tickets}, func(r []Result) { done <- r })
	results := <-done
	for _, r := range results {
		b.logged(r.Logs...)
	}
	return results
}

func (b *bench) text() string {
	text, _ := os.ReadFile(b.trace)
	return string(text)
}

func tick(id string) *ticket.Ticket {
	return &ticket.Ticket{
		ID: ipaddr.Parse(id), Time: time.Unix(1795334628, 250e6), BanCount: 1, Bantime: 600, HasBantime: true,
	}
}

func (b *bench) wantTrace(want string) {
	b.t.Helper()
	if got := b.text(); got != want {
		b.t.Errorf("the commands wrote\n%s\nwant\n%s", got, want)
	}
}

func (b *bench) wantLog(want ...string) {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	at := 0
	for _, line := range b.log {
		if at < len(want) && strings.Contains(line, want[at]) {
			at++
		}
	}
	if at < len(want) {
		b.t.Errorf("the log lacks %q\n%s", want[at], strings.Join(b.log, "\n"))
	}
}

// Trap 17.
func TestFailingCommandWithoutCheckRunsTwice(t *testing.T) {
	b := newBench(t)
	b.action("x", "actionban", "echo x >> $T; false")
	r := b.job(Ban, tick("192.0.2.1"))
	b.wantTrace("x\nx\n")
	if r[0].Err == nil || !strings.HasSuffix(r[0].Err.Error(), "Error banning 192.0.2.1") {
		t.Errorf("error %v", r[0].Err)
	}
	b.wantLog("ERROR Failed to execute ban jail 'j' action 'x' info 'ActionInfo({'ip': '192.0.2.1', 'family': 'inet4', ")
}

// Trap 18.
func TestUnbanIsSkippedWhereTheFamilyHasNoItems(t *testing.T) {
	b := newBench(t)
	b.action("x", "actionban", "false", "actionunban", "echo unban >> $T")
	b.job(Ban, tick("192.0.2.1"))
	b.job(Unban, tick("192.0.2.1"))
	b.wantTrace("")
}

// Trap 19.
func TestOnDemandDependsOnConditionalParameters(t *testing.T) {
	b := newBench(t)
	b.action("always", "actionstart", "echo start >> $T", "actionstop", "echo stop >> $T")
	b.action("demand", "actionstart", "echo never >> $T", "actionstop", "echo never >> $T", "x", "4", "x?family=inet6", "6")
	b.start()
	b.stop(Lift)
	b.wantTrace("start\nstop\n")
}

// Trap 20.
func TestUntrustedValuesTravelAsVariables(t *testing.T) {
	b := newBench(t)
	b.action("x", "actionban", `printf '%s|' "<F-USER>" "<F-ID>" "<F-NONE>" "<F-OK>" '<nosuch>' >> $T`)
	one := tick("192.0.2.1")
	one.Fields = ticket.Fields{{Name: "user", Value: "a;$(touch $T)`b`'\""}, {Name: "ok", Value: "a b"}}
	b.job(Ban, one)
	b.wantTrace("a;$(touch $T)`b`'\"|||a b|<nosuch>|")
}

// Trap 23.
func TestStopFlushesFirstAndStopsInReverse(t *testing.T) {
	b := newBench(t)
	b.action("a", "actionunban", "echo a unban <ip> >> $T", "actionstop", "echo a stop >> $T")
	b.action("b", "actionflush", "echo b flush >> $T", "actionunban", "echo b unban >> $T", "actionstop", "echo b stop >> $T")
	b.start()
	one, two := tick("192.0.2.1"), tick("192.0.2.2")
	b.job(Ban, one, two)
	b.stop(Lift, one, two)
	b.wantTrace("b flush\na unban 192.0.2.1\na unban 192.0.2.2\nb stop\na stop\n")
	b.wantLog("NOTICE [j] Flush ticket(s) with b")
}

// Trap 16.
func TestCheckDoesNotRunBeforeBans(t *testing.T) {
	b := newBench(t)
	b.action("x", "actionstart", "echo start >> $T", "actionstop", "echo stop >> $T", "actionban", "echo ban >> $T",
		"actioncheck", "echo check >> $T; test -e $T.sound")
	b.start()
	first := b.job(Ban, tick("192.0.2.1"))
	b.wantTrace("start\nban\n")
	b.props("x", "actionstop", "echo stop >> $T; touch $T.sound")
	checked := b.job(Check, tick("192.0.2.1"))
	if checked[0].Epoch <= first[0].Epoch {
		t.Errorf("the epoch stays %d although the action repaired itself", checked[0].Epoch)
	}
	done := make(chan []Result, 1)
	b.set.Submit(Job{Kind: Reban, Tickets: []*ticket.Ticket{tick("192.0.2.1")}, Epochs: []int{first[0].Epoch}}, func(r []Result) { done <- r })
	if r := <-done; fmt.Sprint(r[0].Actions) != "[x]" || r[0].Epoch != checked[0].Epoch {
		t.Errorf("reban: %+v", r[0])
	}
	if !strings.HasSuffix(b.text(), "check\nstop\nstart\ncheck\ncheck\nban\n") {
		t.Errorf("trace\n%s", b.text())
	}
	b.set.Submit(Job{Kind: Reban, Tickets: []*ticket.Ticket{tick("192.0.2.1")}, Epochs: []int{checked[0].Epoch}}, func(r []Result) { done <- r })
	if r := <-done; len(r[0].Actions) != 0 {
		t.Errorf("a ban that is new enough was made again: %+v", r[0])
	}
}

// Trap 21.
func TestTagsOfUnknownNamesAndTimes(t *testing.T) {
	b := newBench(t)
	b.action("x", "actionban", "echo '<ip-host>|<family>|<time>' >> $T")
	restored := tick("192.0.2.1")
	restored.IntegerTime, restored.Restored = true, true
	b.job(Ban, tick("192.0.2.1"), tick("user@x"), restored)
	b.wantTrace("None|inet4|1795334628.25\nNone|None|1795334628.25\nNone|inet4|1795334628\n")
}

// Trap 22, the listed difference: added actions work, changed ones take effect.
func TestReloadStartsAddedActionsAndUndoesRemovedOnes(t *testing.T) {
	b := newBench(t)
	verbs := func(name string) []string {
		return []string{
			"actionstart", "echo " + name + " start <v> >> $T", "actionstop", "echo " + name + " stop >> $T",
			"actionban", "echo " + name + " ban <ip> <v> >> $T", "actionunban", "echo " + name + " unban <ip> >> $T",
			"actionreload", "echo " + name + " reload <v> >> $T", "v", "1",
		}
	}
	b.action("a", verbs("a")...)
	b.action("b", verbs("b")...)
	b.start()
	one := tick("192.0.2.1")
	b.job(Ban, one)
	b.set.BeginReload()
	b.action("b", append(verbs("b"), "v", "2")...)
	b.action("c", verbs("c")...)
	done := make(chan Result, 1)
	b.set.EndReload([]*ticket.Ticket{one}, func(r Result) { done <- r })
	if r := <-done; r.Err != nil {
		t.Error(r.Err)
	}
	if got := fmt.Sprint(b.set.Names()); got != "[b c]" {
		t.Errorf("actions %s", got)
	}
	b.job(Ban, tick("192.0.2.2"))
	b.wantTrace(`a start 1
b start 1
a ban 192.0.2.1 1
b ban 192.0.2.1 1
b reload 2
c start 1
c ban 192.0.2.1 1
a unban 192.0.2.1
a stop
b ban 192.0.2.2 2
c ban 192.0.2.2 1
`)
}

// Trap 24.
func TestRestoredBansRunUnlessTheActionWantsNone(t *testing.T) {
	b := newBench(t)
	b.action("a", "actionban", "echo a <restored> >> $T")
	b.action("c", "actionban", "echo c <restored> >> $T", "norestored", "1")
	restored := tick("192.0.2.1")
	restored.Restored = true
	b.job(Ban, restored, tick("192.0.2.2"))
	b.stop(Lift)
	if got := strings.Split(b.text(), "\n"); len(got) != 4 || got[0] != "a 1" {
		t.Errorf("trace\n%s", b.text())
	}
	if strings.Contains(b.text(), "c 1") || !strings.Contains(b.text(), "c 0") {
		t.Errorf("trace\n%s", b.text())
	}
}

// Trap 25.
func TestJailOptionsAreTagsOfActions(t *testing.T) {
	b := newBench(t)
	b.action("x", "actionban", "echo <maxretry> '<port>' >> $T", "maxretry", "5")
	b.job(Ban, tick("192.0.2.1"))
	b.wantTrace("5 <port>\n")
}

func TestActionsRunTicketByTicketInOrder(t *testing.T) {
	b := newBench(t)
	for _, name := range []string{"a", "b", "c"} {
		b.action(name, "actionban", "echo "+name+" <ip> >> $T")
	}
	b.job(Ban, tick("192.0.2.1"), tick("192.0.2.2"))
	b.wantTrace("a 192.0.2.1\nb 192.0.2.1\nc 192.0.2.1\na 192.0.2.2\nb 192.0.2.2\nc 192.0.2.2\n")
}

func TestOneFailingActionDoesNotStopTheOthers(t *testing.T) {
	b := newBench(t)
	b.action("a", "actionban", "false")
	b.action("b", "actionban", "echo b >> $T")
	r := b.job(Ban, tick("192.0.2.1"))
	b.wantTrace("b\n")
	var failure *Failure
	if !errors.As(r[0].Err, &failure) || failure.Action != "a" {
		t.Errorf("error %v", r[0].Err)
	}
	if st := b.set.Status(); !strings.Contains(st[0].LastError, "Error banning 192.0.2.1") || st[1].LastError != "" {
		t.Errorf("status %+v", st)
	}
}
