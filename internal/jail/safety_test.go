package jail

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"stockade/internal/event"
	"stockade/internal/guard"
	"stockade/internal/ipaddr"
	"stockade/internal/source"
)

// guardedWorld is a world with addresses to look after.
type guardedWorld struct {
	*world
	found guard.Addresses
}

func (g *guardedWorld) Guarded() guard.Addresses { return g.found }

func newGuarded(t *testing.T, found guard.Addresses) *bench {
	b := newBench(t)
	b.state.env = &guardedWorld{b.world, found}
	b.state.Ignore().SetSelf(false)
	return b
}

func (b *bench) bans() []string {
	var all []string
	for _, v := range b.state.Bans(false) {
		all = append(all, v.ID)
	}
	return all
}

func (b *bench) logged(words string) int {
	n := 0
	for _, line := range b.log {
		if strings.Contains(line, words) {
			n++
		}
	}
	return n
}

func TestLogLinesBanNoAddressToLookAfter(t *testing.T) {
	found := guard.Addresses{
		Self: []netip.Addr{netip.MustParseAddr("192.0.2.1")}, Admins: []netip.Addr{netip.MustParseAddr("192.0.2.2")},
		Gateways: []netip.Addr{netip.MustParseAddr("192.0.2.3")}, Resolvers: []netip.Addr{netip.MustParseAddr("192.0.2.4")},
	}
	switches := map[string]struct {
		set func(*State, bool)
		why string
	}{
		"192.0.2.1": {func(s *State, on bool) { s.SetNeverSelf(on) }, "never_self"},
		"192.0.2.2": {func(s *State, on bool) { s.Never().Admins = on }, "never_admins"},
		"192.0.2.3": {func(s *State, on bool) { s.Never().Gateways = on }, "never_gateway"},
		"192.0.2.4": {func(s *State, on bool) { s.Never().Resolvers = on }, "never_resolvers"},
		"192.0.2.5": {func(s *State, on bool) {
			text := ""
			if on {
				text = "192.0.2.5"
			}
			if err := s.Never().SetList(text); err != nil {
				t.Fatal(err)
			}
		}, "list never"},
	}
	for id, sw := range switches {
		for _, on := range []bool{false, true} {
			b := newGuarded(t, found)
			b.state.Careful()
			sw.set(b.state, on)
			b.lines("bad "+id, "bad "+id, "bad "+id)
			if got := slices.Equal(b.bans(), []string{id}); got == on {
				t.Errorf("%s with %s %v: bans %v", id, sw.why, on, b.bans())
			}
			if n := b.logged("WARNING [j] Not banned: " + id + ", because"); (n == 1) != on || on && b.logged(sw.why) != 1 {
				t.Errorf("%s with %s %v: log %q", id, sw.why, on, b.log)
			}
		}
	}
}

func TestDefaultsSpareSelfAndAdministratorsOnly(t *testing.T) {
	b := newGuarded(t, guard.Addresses{})
	if b.state.Never().On() || b.state.Alarm() != 0 || b.state.Limit() != 0 {
		t.Error("a bare jail spares somebody")
	}
	b.state.Careful()
	n := b.state.Never()
	if !n.Self || !n.Admins || n.Gateways || n.Resolvers || len(n.List()) > 0 || n.Widest4 == 0 || b.state.Alarm() != 1000 || b.state.Limit() != 0 {
		t.Errorf("%+v, alarm %d, limit %d", n, b.state.Alarm(), b.state.Limit())
	}
}

// Who says that the machine's own addresses count wants them banned.
func TestOwnAddressesAreSparedWhereTheyAreIgnored(t *testing.T) {
	for _, self := range []bool{true, false} {
		b := newGuarded(t, guard.Addresses{Self: []netip.Addr{netip.MustParseAddr("192.0.2.1")}})
		b.state.Careful()
		b.state.Ignore().SetSelf(self)
		b.lines("bad 192.0.2.1", "bad 192.0.2.1", "bad 192.0.2.1")
		if spared := len(b.bans()) == 0; spared != self || b.state.NeverSelf() != self {
			t.Errorf("with ignoreself %v: spared %v", self, spared)
		}
	}
}

func TestCommandsAndRestoredBansPassTheNeverList(t *testing.T) {
	b := newGuarded(t, guard.Addresses{Admins: []netip.Addr{netip.MustParseAddr("192.0.2.2")}})
	b.state.Careful()
	b.send(Call{Fn: func(s *State, now time.Time) {
		s.BanNow(now, ipaddr.Parse("192.0.2.2"), event.Who{Kind: "command"}, nil)
		s.BanNow(now, ipaddr.Parse("0.0.0.0/0"), event.Who{Kind: "command"}, nil)
	}})
	if got := b.bans(); len(got) != 2 {
		t.Errorf("bans %v", got)
	}
}

func TestSparedAddressIsLoggedOnceAMinute(t *testing.T) {
	b := newGuarded(t, guard.Addresses{Admins: []netip.Addr{netip.MustParseAddr("192.0.2.2")}})
	b.state.Careful()
	for range 30 {
		b.lines("bad 192.0.2.2")
	}
	if n := b.logged("Not banned"); n != 1 {
		t.Errorf("logged %d times", n)
	}
	b.world.now = b.world.now.Add(sparedEvery)
	b.lines("bad 192.0.2.2", "bad 192.0.2.2", "bad 192.0.2.2")
	if n := b.logged("Not banned"); n != 2 {
		t.Errorf("logged %d times", n)
	}
}

// flood bans n addresses.
func (b *bench) flood(from, n int) {
	b.state.SetMaxRetry(1)
	for i := from; i < from+n; i++ {
		b.lines(fmt.Sprintf("bad 10.0.%d.%d", i>>8, i&255))
	}
}

func TestVeryManyBansRaiseAnAlarm(t *testing.T) {
	b := newBench(t)
	b.state.Careful()
	b.state.SetBanTime(86400)
	b.flood(0, alarmAt-1)
	if len(b.state.Faults()) != 0 || b.logged("Alarm") != 0 {
		t.Fatal("too early:", b.state.Faults())
	}
	b.flood(alarmAt-1, 2)
	if n := b.logged("CRITICAL [j] Alarm: 1000 bans within a minute"); n != 1 {
		t.Errorf("%d alarms", n)
	}
	if got := b.state.Faults(); len(got) != 1 || !strings.Contains(got[0], "alarm: 1000") {
		t.Errorf("faults %v", got)
	}
	if len(b.bans()) != alarmAt+1 {
		t.Errorf("%d bans", len(b.bans()))
	}
	next, ok := b.state.Next()
	if !ok || next.After(b.world.now.Add(cleanupEvery)) {
		t.Error("the alarm is not looked at again:", next)
	}
	b.world.now = b.world.now.Add(61 * time.Second)
	b.send(Tick{})
	if b.logged("The alarm is over") != 1 || len(b.state.Faults()) != 0 {
		t.Errorf("faults %v", b.state.Faults())
	}
}

func TestAlarmIsAnEvent(t *testing.T) {
	b := newBench(t)
	b.state.SetAlarm(1)
	b.state.SetMaxRetry(1)
	b.step(Lines{Batch: &source.Batch{Path: "/log", InOperation: true, Lines: []source.Line{
		{Text: []byte(b.world.now.Format("2006-01-02 15:04:05") + " bad 10.0.0.1")},
	}}})
	if !slices.ContainsFunc(b.eff.Events, func(e event.Event) bool { return e.Kind == event.Degraded && strings.Contains(e.Text, "Alarm") }) {
		t.Errorf("events %+v", b.eff.Events)
	}
}

func TestBrakeHoldsBansBackAndLetsThemGoLater(t *testing.T) {
	b := newBench(t)
	b.state.SetLimit(10)
	b.state.SetBanTime(86400)
	b.flood(0, 25)
	if len(b.bans()) != 10 || b.logged("CRITICAL [j] Brake: more than 10 bans") != 1 {
		t.Fatalf("%d bans, log %q", len(b.bans()), b.log)
	}
	b.send(Call{Fn: func(s *State, now time.Time) {
		s.BanNow(now, ipaddr.Parse("192.0.2.1"), event.Who{Kind: "command"}, nil)
	}})
	if len(b.bans()) != 11 {
		t.Error("a command was held back")
	}
	b.world.now = b.world.now.Add(61 * time.Second)
	b.send(Tick{})
	if b.logged("The brake is off: 15 bans were held back") != 1 || len(b.state.Faults()) != 0 {
		t.Errorf("log %q, faults %v", b.log, b.state.Faults())
	}
	// One more failure is enough: the earlier ones still count.
	b.state.SetMaxRetry(2)
	b.lines("bad 10.0.0.20")
	if !slices.Contains(b.bans(), "10.0.0.20") {
		t.Errorf("bans %v", b.bans())
	}
}

func TestReloadTakesNewSafetySettings(t *testing.T) {
	b := newBench(t)
	next := NewState("j", "polling", b.world)
	next.Careful()
	next.SetLimit(7)
	if !slices.ContainsFunc(diff(b.state, next), func(c Change) bool { return c.Option == "never_admins" && c.New == "true" }) {
		t.Error("the difference is not shown")
	}
	b.send(Call{Fn: func(s *State, _ time.Time) { s.adopt(next) }})
	if b.state.Limit() != 7 || !b.state.Never().Admins || b.state.Alarm() != alarmAt {
		t.Errorf("%+v", b.state.safety)
	}
}

func TestPaceForgetsWhatIsOver(t *testing.T) {
	var p pace
	now := noon
	for i := range 120 {
		p.add(now)
		if want := min(i+1, 60); p.sum(now) != want {
			t.Fatalf("after %d seconds: %d, want %d", i, p.sum(now), want)
		}
		now = now.Add(time.Second)
	}
	if n := p.sum(now.Add(time.Hour)); n != 0 {
		t.Errorf("an hour later: %d", n)
	}
	p.add(now)
	if n := p.sum(now.Add(-time.Hour)); n != 0 {
		t.Errorf("with a clock that went back: %d", n)
	}
}
