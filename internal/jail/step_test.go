package jail

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"stockade/internal/action"
	"stockade/internal/datepattern"
	"stockade/internal/event"
	"stockade/internal/filter"
	"stockade/internal/ignore"
	"stockade/internal/ipaddr"
	"stockade/internal/source"
	"stockade/internal/store"
	"stockade/internal/tally"
	"stockade/internal/ticket"
)

// world is an Env that a test fills.
type world struct {
	now   time.Time
	self  ipaddr.Set
	names map[string][]ipaddr.ID
}

func (w *world) Self() *ipaddr.Set { return &w.self }

func (w *world) Name(host string) ([]ipaddr.ID, bool) {
	ids, ok := w.names[host]
	return ids, ok
}

func (w *world) File(string) (*ignore.List, bool) { return &ignore.List{}, true }

func (w *world) Expand(template string, t *ticket.Ticket) string { return template + t.ID.String() }

func (w *world) Dates() datepattern.Env {
	return datepattern.Env{Now: func() time.Time { return w.now }, Zone: time.UTC}
}

// bench drives one State by hand.
type bench struct {
	testing.TB
	state *State
	world *world
	eff   Effects
	sent  []Work
	log   []string
}

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func newBench(t testing.TB) *bench {
	w := &world{now: noon, names: map[string][]ipaddr.ID{}}
	b := &bench{TB: t, state: NewState("j", "polling", w), world: w}
	if err := b.state.Filter().AddFailregex(filter.Rule{Text: `^ bad <HOST>(?: user <F-USER>\S+</F-USER>)?$`}); err != nil {
		t.Fatal(err)
	}
	b.state.SetMaxRetry(3)
	b.state.take()
	return b
}

// send makes one step and settles the jobs that it leads to, as if every
// action had agreed.
func (b *bench) send(m Message) {
	b.Helper()
	b.step(m)
	for len(b.sent) > 0 {
		w := b.sent[0]
		b.sent = b.sent[1:]
		b.step(Settled{Work: w, Results: make([]action.Result, len(w.Tickets))})
	}
}

func (b *bench) step(m Message) {
	b.eff = b.state.Step(b.world.now, m)
	for _, r := range b.eff.Logs {
		if r.Logger == "fail2ban.datedetector" {
			continue
		}
		b.log = append(b.log, r.Level.String()+" "+r.Text)
	}
	b.sent = append(b.sent, b.eff.Work...)
}

func (b *bench) lines(texts ...string) {
	b.Helper()
	batch := &source.Batch{Path: "/log", InOperation: true}
	for _, text := range texts {
		line := b.world.now.Format("2006-01-02 15:04:05") + " " + text
		batch.Lines = append(batch.Lines, source.Line{Text: []byte(line)})
	}
	b.send(Lines{Batch: batch})
}

func (b *bench) wantLog(want ...string) {
	b.Helper()
	if !slices.Equal(b.log, want) {
		b.Errorf("logged\n  %s\nwant\n  %s", strings.Join(b.log, "\n  "), strings.Join(want, "\n  "))
	}
	b.log = nil
}

func TestEnoughFailuresLeadToOneBan(t *testing.T) {
	b := newBench(t)
	b.lines("bad 192.0.2.1", "bad 192.0.2.1", "good 192.0.2.1", "bad 192.0.2.2")
	b.wantLog(
		"INFO [j] Found 192.0.2.1 - 2026-11-22 12:00:00", "INFO [j] Found 192.0.2.1 - 2026-11-22 12:00:00",
		"INFO [j] Found 192.0.2.2 - 2026-11-22 12:00:00")
	b.lines("bad 192.0.2.1")
	b.wantLog("INFO [j] Found 192.0.2.1 - 2026-11-22 12:00:00", "NOTICE [j] Ban 192.0.2.1")
	v := b.state.View(b.world.now, true)
	if v.Failed != 1 || v.FailedTotal != 4 || v.Banned != 1 || !slices.Equal(v.BannedIDs, []string{"192.0.2.1"}) {
		t.Errorf("view %+v", v)
	}
}

func TestABanIsReportedWhenTheActionsAnswered(t *testing.T) {
	b := newBench(t)
	b.step(Call{Fn: func(s *State, now time.Time) {
		s.BanNow(now, ipaddr.Parse("192.0.2.1"), event.Who{}, nil)
	}})
	b.wantLog()
	if len(b.sent) != 1 || b.sent[0].Kind != action.Ban {
		t.Fatalf("jobs %+v", b.sent)
	}
	b.step(Settled{Work: b.sent[0], Results: []action.Result{{Err: fmt.Errorf("kernel said no")}}})
	b.wantLog("NOTICE [j] Ban 192.0.2.1")
	if n, text := b.state.Refused(); n != 1 || text != "192.0.2.1: kernel said no" {
		t.Errorf("refused %d %q", n, text)
	}
}

func TestABanEndsBantimeAfterTheLastFailure(t *testing.T) {
	b := newBench(t)
	b.state.SetBanTime(10)
	b.lines("bad 192.0.2.1", "bad 192.0.2.1", "bad 192.0.2.1")
	b.log = nil
	b.world.now = noon.Add(10 * time.Second)
	b.send(Tick{})
	b.wantLog()
	b.world.now = noon.Add(10*time.Second + time.Millisecond)
	if next, ok := b.state.Next(); !ok || next.After(b.world.now) {
		t.Errorf("wants to be woken at %v, %v", next, ok)
	}
	b.send(Tick{})
	b.wantLog("NOTICE [j] Unban 192.0.2.1")
}

func TestBannedIDsAreNotBannedAgain(t *testing.T) {
	b := newBench(t)
	three := []string{"bad 192.0.2.1", "bad 192.0.2.1", "bad 192.0.2.1"}
	b.lines(three...)
	for _, c := range []struct {
		after time.Duration
		level string
	}{{2 * time.Second, "DEBUG"}, {30 * time.Second, "NOTICE"}, {61 * time.Second, "WARNING"}} {
		b.log = nil
		b.world.now = noon.Add(c.after)
		b.lines(three...)
		if got := b.log[len(b.log)-1]; got != c.level+" [j] 192.0.2.1 already banned" {
			t.Errorf("after %v: %s, want level %s", c.after, got, c.level)
		}
	}
	if bans := b.state.Bans(false); bans[0].Bantime != 661 {
		t.Errorf("ban lasts %d s, want 661: until bantime after the last failure", bans[0].Bantime)
	}
}

func TestIgnoredAddressesDoNotCount(t *testing.T) {
	b := newBench(t)
	b.world.self.Add(ipaddr.Parse("192.0.2.9"))
	for _, text := range []string{"192.0.2.1", "198.51.100.0/24", "host.example"} {
		b.state.Ignore().Add(text)
	}
	b.world.names["host.example"] = []ipaddr.ID{ipaddr.Parse("203.0.113.5")}
	b.lines("bad 192.0.2.9", "bad 192.0.2.1", "bad 198.51.100.77", "bad 203.0.113.5")
	b.wantLog("INFO [j] Ignore 192.0.2.9 by ignoreself rule", "INFO [j] Ignore 192.0.2.1 by ip",
		"INFO [j] Ignore 198.51.100.77 by ip", "INFO [j] Ignore 203.0.113.5 by dns")
	if n := b.state.View(noon, false).FailedTotal; n != 0 {
		t.Errorf("%d failures counted", n)
	}
}

func TestAFailureWaitsForANameThatIsNotKnownYet(t *testing.T) {
	b := newBench(t)
	b.state.Ignore().Add("host.example")
	b.lines("bad 192.0.2.1", "bad 192.0.2.2")
	b.wantLog()
	b.world.names["host.example"] = []ipaddr.ID{ipaddr.Parse("192.0.2.2")}
	b.send(Answered{})
	b.wantLog("INFO [j] Found 192.0.2.1 - 2026-11-22 12:00:00", "INFO [j] Ignore 192.0.2.2 by dns")
}

func TestNamesInLinesAreResolvedToAllTheirAddresses(t *testing.T) {
	b := newBench(t)
	b.lines("bad evil.example")
	b.wantLog()
	b.world.names["evil.example"] = []ipaddr.ID{ipaddr.Parse("192.0.2.1"), ipaddr.Parse("192.0.2.2")}
	b.send(Answered{})
	if len(b.log) != 3 || !strings.HasPrefix(b.log[0], "WARNING Determined IP using DNS Lookup: evil.example = {") ||
		b.log[1] != "INFO [j] Found 192.0.2.1 - 2026-11-22 12:00:00" ||
		b.log[2] != "INFO [j] Found 192.0.2.2 - 2026-11-22 12:00:00" {
		t.Errorf("logged %q", b.log)
	}
}

func TestAnIgnorecommandDecidesBesideTheQueue(t *testing.T) {
	b := newBench(t)
	b.state.Ignore().SetCommand("/bin/check")
	b.lines("bad 192.0.2.1", "bad 192.0.2.2")
	if len(b.eff.Commands) != 2 {
		t.Fatalf("%d commands, want 2", len(b.eff.Commands))
	}
	runs := b.eff.Commands
	b.send(Ignored{Run: runs[1], Ignore: true})
	b.send(Ignored{Run: runs[0]})
	b.wantLog("INFO [j] Ignore 192.0.2.2 by command", "INFO [j] Found 192.0.2.1 - 2026-11-22 12:00:00")
}

func TestManualBansDoNotAskIgnoreRules(t *testing.T) {
	b := newBench(t)
	b.state.Ignore().Add("192.0.2.1")
	replied := 0
	var n int
	ban := Call{Fn: func(s *State, now time.Time) {
		n = s.BanNow(now, ipaddr.Parse("192.0.2.1"), event.Who{Kind: "command"}, func(error) { replied++ })
	}}
	b.send(ban)
	if n != 1 || replied != 1 {
		t.Errorf("first ban: %d, %d replies", n, replied)
	}
	b.send(ban)
	if n != 0 || replied != 2 {
		t.Errorf("second ban: %d, %d replies", n, replied)
	}
}

func TestUnbanOfANetworkLiftsWhatLiesInIt(t *testing.T) {
	b := newBench(t)
	for _, id := range []string{"192.0.2.1", "192.0.2.0/28", "198.51.100.1"} {
		b.send(Call{Fn: func(s *State, now time.Time) { s.BanNow(now, ipaddr.Parse(id), event.Who{}, nil) }})
	}
	var n int
	var forget []store.Key
	b.step(Call{Fn: func(s *State, _ time.Time) {
		n = s.UnbanNow([]ipaddr.ID{ipaddr.Parse("192.0.0.0/16")}, func(error) {})
	}})
	for _, w := range b.sent {
		forget = append(forget, w.Forget...)
	}
	if n != 2 || !slices.Contains(forget, store.Key{Jail: "j", ID: "192.0.2.0/28"}) {
		t.Errorf("lifted %d, forgot %v", n, forget)
	}
}

func TestExpiredBansAreNotMade(t *testing.T) {
	b := newBench(t)
	b.state.SetBanTime(0)
	b.world.now = noon.Add(time.Second)
	b.send(Restore{Bans: []store.Ban{{Ticket: ticket.Ticket{ID: ipaddr.Parse("192.0.2.1"), Time: noon}}}})
	b.wantLog("INFO   banTime: 0", "INFO [j] Ignore 192.0.2.1, expired bantime")
}

func TestRestoredBansAreReportedAsSuch(t *testing.T) {
	b := newBench(t)
	b.state.Ignore().Add("192.0.2.2")
	bans := []store.Ban{
		{Ticket: ticket.Ticket{ID: ipaddr.Parse("192.0.2.1"), Time: noon, Bantime: 600, BanCount: 2}},
		{Ticket: ticket.Ticket{ID: ipaddr.Parse("192.0.2.2"), Time: noon, Bantime: 600, BanCount: 1}},
	}
	b.send(Restore{Bans: bans})
	b.wantLog("INFO [j] Ignore 192.0.2.2 by ip", "NOTICE [j] Restore Ban 192.0.2.1")
}

// The order is the reference's: the ban with its old time, then why and how
// long it became.
func TestEscalationProlongsAfterTheBan(t *testing.T) {
	b := newBench(t)
	b.state.escalation = tally.Escalation{Increment: true}
	b.lines("bad 192.0.2.1", "bad 192.0.2.1")
	b.log = nil
	b.step(Lines{Batch: &source.Batch{InOperation: true, Lines: []source.Line{{Text: []byte("2026-11-22 12:00:00 bad 192.0.2.1")}}}})
	w := b.sent[0]
	if w.Escalation == nil {
		t.Fatal("the job does not carry the escalation")
	}
	last := noon.Add(-time.Hour)
	b.sent = nil
	b.send(Settled{Work: w, Results: []action.Result{{}}, Grown: []Grown{{
		History: History{Count: 1, Last: last}, Bantime: 1200,
	}}})
	b.wantLog(
		"INFO [j] Found 192.0.2.1 - 2026-11-22 12:00:00",
		"NOTICE [j] Ban 192.0.2.1",
		"INFO [j] IP 192.0.2.1 is bad: 1 # last 2026-11-22 11:00:00 - incr 10m to 20m",
		"NOTICE [j] Increase Ban 192.0.2.1 (2 # 20m -> 2026-11-22 12:20:00)")
}

func TestKnownBadIDsCountMore(t *testing.T) {
	b := newBench(t)
	b.state.escalation = tally.Escalation{Increment: true}
	b.state.SetMaxRetry(2)
	b.state.take()
	b.step(Lines{Batch: &source.Batch{InOperation: true, Lines: []source.Line{{Text: []byte("2026-11-22 12:00:00 bad 192.0.2.1")}}}})
	if len(b.eff.Lookups) != 1 {
		t.Fatalf("%d lookups, want 1", len(b.eff.Lookups))
	}
	b.log = nil
	b.send(Known{Lookup: b.eff.Lookups[0], History: History{Count: 1, Last: noon.Add(-time.Hour)}})
	b.wantLog("INFO [j] Found 192.0.2.1, bad - 2026-11-22 12:00:00, 1 # -> 2.0, Ban", "NOTICE [j] Ban 192.0.2.1")
}

func TestAnIdleJailLetsNobodyGo(t *testing.T) {
	b := newBench(t)
	b.state.SetBanTime(1)
	b.lines("bad 192.0.2.1", "bad 192.0.2.1", "bad 192.0.2.1")
	b.log = nil
	b.send(Call{Fn: func(s *State, _ time.Time) { s.SetIdle(true) }})
	b.world.now = noon.Add(time.Minute)
	b.send(Tick{})
	b.wantLog()
	b.send(Call{Fn: func(s *State, _ time.Time) { s.SetIdle(false) }})
	b.send(Tick{})
	b.wantLog("NOTICE [j] Unban 192.0.2.1")
}

func TestLinesThatFailMakeTheJailRest(t *testing.T) {
	b := newBench(t)
	for range maxErrors - 1 {
		b.state.noteError(&source.Line{Text: []byte("x")}, fmt.Errorf("no"))
	}
	if b.state.Idle() {
		t.Fatal("rests too early")
	}
	b.state.noteError(&source.Line{Text: []byte("x")}, fmt.Errorf("no"))
	if !b.state.Idle() || len(b.state.Faults()) != 1 {
		t.Errorf("idle %v, faults %q", b.state.Idle(), b.state.Faults())
	}
}

func TestRunningBansKeepTheirEnd(t *testing.T) {
	b := newBench(t)
	b.lines("bad 192.0.2.1", "bad 192.0.2.1", "bad 192.0.2.1")
	b.send(Call{Fn: func(s *State, _ time.Time) { s.SetBanTime(1) }})
	b.log = nil
	b.world.now = noon.Add(time.Minute)
	b.send(Tick{})
	b.wantLog()
	b.world.now = noon.Add(601 * time.Second)
	b.send(Tick{})
	b.wantLog("NOTICE [j] Unban 192.0.2.1")
}

// TestABanTimeThatIsOverBansNobody: only -1 is for ever.
func TestABanTimeThatIsOverBansNobody(t *testing.T) {
	for _, bantime := range []int64{0, -2, -5} {
		b := newBench(t)
		b.state.SetBanTime(bantime)
		b.send(Call{Fn: func(s *State, now time.Time) {
			if n := s.BanNow(now, ipaddr.Parse("192.0.2.1"), event.Who{Kind: "command"}, nil); n != 0 {
				t.Errorf("bantime %d: %d banned by command", bantime, n)
			}
		}})
		b.lines("bad 192.0.2.2", "bad 192.0.2.2", "bad 192.0.2.2")
		if got := b.state.Bans(false); len(got) != 0 {
			t.Errorf("bantime %d: %v", bantime, got)
		}
	}
}
