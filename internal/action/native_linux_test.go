package action

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"stockade/internal/clock"
	"stockade/internal/ipaddr"
	"stockade/internal/netfilter"
	"stockade/internal/testenv"
	"stockade/internal/ticket"
)

var library = &Source{Name: "nftables", Library: true}

func newNativeBench(t *testing.T) (*bench, *testenv.Netns) {
	ns := testenv.NewNetns(t)
	testenv.Need(t, "nft")
	conn, err := netfilter.Open(netfilter.Options{NetNS: ns.FD()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	b := newBench(t)
	b.env.Netfilter = func() (*netfilter.Conn, error) { return conn, nil }
	b.set = NewSet(b.env)
	t.Cleanup(b.set.Quit)
	return b, ns
}

func (b *bench) native(name string, props ...string) {
	b.t.Helper()
	if err := b.set.Add(name, library); err != nil {
		b.t.Fatal(err)
	}
	b.props(name, append([]string{"name", "j", "addr_set", "addr-set-<name>", "addr_set?family=inet6", "addr6-set-<name>"}, props...)...)
}

func fresh(id string) *ticket.Ticket {
	t := tick(id)
	t.Time = time.Now()
	return t
}

func TestNativeActionBansInTheKernel(t *testing.T) {
	b, ns := newNativeBench(t)
	b.native("nftables", "port", "22,80:90", "protocol", "tcp,udp")
	b.start()
	if got := ns.Run(t, "nft", "list", "ruleset"); got != "" {
		t.Errorf("there are rules before the first ban:\n%s", got)
	}
	one, two := fresh("192.0.2.1"), fresh("2001:db8::1")
	for _, r := range b.job(Ban, one, two, fresh("some-user"), fresh("192.0.2.9")) {
		if r.Err != nil && !strings.Contains(r.Err.Error(), `nftables cannot hold "some-user"`) {
			t.Error(r.Err)
		}
	}
	rules := ns.Run(t, "nft", "list", "ruleset")
	for _, want := range []string{
		"tcp dport { 22, 80-90 } ip saddr @addr-set-j reject with icmp port-unreachable",
		"udp dport { 22, 80-90 } ip6 saddr @addr6-set-j reject with icmpv6 port-unreachable", "192.0.2.1 timeout", "2001:db8::1 timeout",
	} {
		if !strings.Contains(rules, want) {
			t.Errorf("no %q in\n%s", want, rules)
		}
	}
	b.job(Unban, one)
	if rules := ns.Run(t, "nft", "list", "ruleset"); strings.Contains(rules, "192.0.2.1 ") {
		t.Errorf("still banned:\n%s", rules)
	}
	b.stop(Lift, two)
	if got := ns.Run(t, "nft", "list", "ruleset"); got != "" {
		t.Errorf("there are rules after the stop:\n%s", got)
	}
	b.wantLog("Flush ticket(s) with nftables")
}

func TestHangingCommandKeepsNoBanOutOfTheKernel(t *testing.T) {
	b, ns := newNativeBench(t)
	wait, open := b.gate()
	b.action("hangs", "actionban", wait)
	b.native("nftables")
	answered := make(chan int, 10)
	for i := range 3 {
		id := fmt.Sprintf("192.0.2.%d", i+1)
		b.set.Submit(Job{Kind: Ban, Tickets: []*ticket.Ticket{fresh(id)}}, func([]Result) { answered <- i })
	}
	for !strings.Contains(ns.Run(t, "nft", "list", "ruleset"), "192.0.2.3 ") {
		time.Sleep(time.Millisecond)
	}
	if len(answered) != 0 {
		t.Error("a job was answered before all its actions were done")
	}
	open()
	for want := range 3 {
		if got := <-answered; got != want {
			t.Errorf("job %d answered as number %d", got, want)
		}
	}
}

func TestRestartKeepsNativeBansAndSettlesThem(t *testing.T) {
	b, ns := newNativeBench(t)
	b.native("nftables")
	b.start()
	b.job(Ban, fresh("192.0.2.1"), fresh("192.0.2.2"))
	b.stop(Leave)
	rules := ns.Run(t, "nft", "list", "ruleset")
	if !strings.Contains(rules, "192.0.2.1 timeout 59s") || !strings.Contains(rules, "ip saddr @addr-set-j reject") {
		t.Errorf("after an orderly stop:\n%s", rules)
	}
	again := &bench{t: t, trace: b.trace, env: b.env}
	again.set = NewSet(again.env)
	t.Cleanup(again.set.Quit)
	again.native("nftables")
	again.start()
	restored := fresh("192.0.2.2")
	restored.Restored = true
	again.job(Ban, restored)
	again.job(Settle)
	rules = ns.Run(t, "nft", "list", "ruleset")
	if strings.Contains(rules, "192.0.2.1 ") || !strings.Contains(rules, "192.0.2.2 timeout 1") {
		t.Errorf("after the restored bans:\n%s", rules)
	}
	if st := again.set.Status(); !st[0].Native || st[0].Held != 1 || fmt.Sprint(st[0].Started) != "[inet4]" {
		t.Errorf("status %+v", st)
	}
}

func TestReloadChangesTheRulesOfANativeAction(t *testing.T) {
	b, ns := newNativeBench(t)
	b.native("nftables", "port", "22")
	b.start()
	one := fresh("192.0.2.1")
	b.job(Ban, one)
	reload := func(props ...string) string {
		b.set.BeginReload()
		b.native("nftables", props...)
		done := make(chan Result, 1)
		b.set.EndReload([]*ticket.Ticket{one}, func(r Result) { done <- r })
		if r := <-done; r.Err != nil {
			t.Error(r.Err)
		}
		return ns.Run(t, "nft", "list", "ruleset")
	}
	if rules := reload("port", "80", "blocktype", "drop"); !strings.Contains(rules, "tcp dport 80 ip saddr @addr-set-j drop") || !strings.Contains(rules, "192.0.2.1 ") {
		t.Errorf("after a changed port:\n%s", rules)
	}
	rules := reload("port", "80", "blocktype", "queue num 3", "actionstart", "echo start >> $T", "actionban", "echo ban <ip> >> $T")
	if rules != "" || b.text() != "start\nban 192.0.2.1\n" {
		t.Errorf("an action that became a command leaves\n%s\nand wrote\n%s", rules, b.text())
	}
	if st := b.set.Status(); st[0].Native || !strings.Contains(st[0].Why, "queue in the rule") {
		t.Errorf("status %+v", st)
	}
	if rules := reload("port", "80"); !strings.Contains(rules, "192.0.2.1 ") {
		t.Errorf("after it became native again:\n%s", rules)
	}
}

func TestFlushedRulesetIsHealedAndReported(t *testing.T) {
	b, ns := newNativeBench(t)
	lost := make(chan string, 10)
	b.env.Lost = func(action string, l netfilter.Loss, restored int, err error) {
		lost <- fmt.Sprint(action, " ", l.What, " ", l.Program, " ", restored, " ", err)
	}
	b.set = NewSet(b.env)
	t.Cleanup(b.set.Quit)
	b.native("nftables")
	b.start()
	b.job(Ban, fresh("192.0.2.1"), fresh("2001:db8::1"))
	ns.Run(t, "nft", "flush", "ruleset")
	if got := <-lost; got != "nftables table nft 2 <nil>" {
		t.Error(got)
	}
	if rules := ns.Run(t, "nft", "list", "ruleset"); !strings.Contains(rules, "192.0.2.1 ") || !strings.Contains(rules, "2001:db8::1 ") {
		t.Errorf("after the healing:\n%s", rules)
	}
}

func TestWithoutTheKernelEveryBanIsAnError(t *testing.T) {
	b := newBench(t)
	b.env.Netfilter = func() (*netfilter.Conn, error) {
		return nil, errors.New("nftables cannot be used: operation not permitted")
	}
	b.set = NewSet(b.env)
	b.native("nftables")
	b.start()
	b.wantLog("Failed to start jail 'j' action 'nftables': Error starting action Jail('j')/nftables: nftables cannot be used: operation not permitted")
	if r := b.job(Ban, fresh("192.0.2.1")); r[0].Err == nil || !strings.Contains(r[0].Err.Error(), "operation not permitted") {
		t.Errorf("%+v", r[0])
	}
}

func TestNativeTellsWhy(t *testing.T) {
	for _, c := range []struct {
		src       *Source
		kind, why string
	}{
		{nil, "", "its files are not known here"},
		{&Source{Name: "nftables-allports", Library: true}, "nftables-allports", "Stockade's own"},
		{&Source{Name: "nftables", Digest: "none"}, "", "differ from all stock ones"},
		{&Source{Name: "dummy", Library: true}, "", "there is no native form of dummy"},
	} {
		kind, why := Native(c.src)
		if kind != c.kind || !strings.Contains(why, c.why) {
			t.Errorf("%+v: %q, %q", c.src, kind, why)
		}
	}
}

func manyTickets(n int) []*ticket.Ticket {
	now := time.Now()
	out := make([]*ticket.Ticket, n)
	for i := range out {
		a := netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
		if i%2 == 1 {
			a = netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 13: byte(i >> 16), 14: byte(i >> 8), 15: byte(i)})
		}
		out[i] = &ticket.Ticket{ID: ipaddr.FromAddr(a), Time: now, Bantime: 3600, HasBantime: true, BanCount: 1}
	}
	return out
}

// BenchmarkNativeBans sends single bans, as jails do, and waits for the last
// answer.
func BenchmarkNativeBans(b *testing.B) {
	set := newBenchSet(b)
	tickets := manyTickets(b.N)
	var wait sync.WaitGroup
	wait.Add(b.N)
	b.ResetTimer()
	for i := range tickets {
		set.Submit(Job{Kind: Ban, Tickets: tickets[i : i+1]}, func(r []Result) {
			if r[0].Err != nil {
				b.Error(r[0].Err)
			}
			wait.Done()
		})
	}
	wait.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "bans/s")
}

// BenchmarkNativeBanLatency is one ban from decision to answer.
func BenchmarkNativeBanLatency(b *testing.B) {
	set := newBenchSet(b)
	tickets := manyTickets(b.N)
	done := make(chan struct{})
	b.ResetTimer()
	for i := range tickets {
		set.Submit(Job{Kind: Ban, Tickets: tickets[i : i+1]}, func([]Result) { done <- struct{}{} })
		<-done
	}
}

// BenchmarkNativeRestore restores and lifts 100,000 bans.
func BenchmarkNativeRestore(b *testing.B) {
	var restore, lift time.Duration
	tickets := manyTickets(100_000)
	for b.Loop() {
		set := newBenchSet(b)
		start := time.Now()
		done := make(chan []Result)
		set.Submit(Job{Kind: Ban, Tickets: tickets}, func(r []Result) { done <- r })
		<-done
		restore += time.Since(start)
		start = time.Now()
		stopped := make(chan Result)
		set.Stop(tickets, Lift, func(r Result) { stopped <- r })
		<-stopped
		lift += time.Since(start)
	}
	b.ReportMetric(float64(restore.Milliseconds())/float64(b.N), "restore-ms")
	b.ReportMetric(float64(lift.Milliseconds())/float64(b.N), "lift-ms")
	b.ReportMetric(0, "ns/op")
}

func newBenchSet(b *testing.B) *Set {
	ns := testenv.NewNetns(b)
	conn, err := netfilter.Open(netfilter.Options{NetNS: ns.FD()})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = conn.Close() })
	set := NewSet(Env{
		Jail: "j", Clock: clock.Real(), Locks: NewLocks(), Native: true,
		Netfilter: func() (*netfilter.Conn, error) { return conn, nil },
	})
	if err := set.Add("nftables", library); err != nil {
		b.Fatal(err)
	}
	set.SetProperty("nftables", "name", "j", func(any, error) {})
	b.Cleanup(set.Quit)
	return set
}

// TestCommandGivenToARunningNativeActionIsKeptAndNotRun holds a difference: what
// runs natively goes on doing so until the configuration says otherwise.
func TestCommandGivenToARunningNativeActionIsKeptAndNotRun(t *testing.T) {
	b, ns := newNativeBench(t)
	b.native("nftables")
	b.start()
	b.props("nftables", "actionban", "echo <ip> >>$T")
	b.job(Ban, fresh("192.0.2.1"))
	if rules := ns.Run(t, "nft", "list", "ruleset"); !strings.Contains(rules, "192.0.2.1 timeout") {
		t.Errorf("not banned in the kernel:\n%s", rules)
	}
	if got := b.text(); got != "" {
		t.Errorf("the command was run: %q", got)
	}
	if v, err := b.set.Property("nftables", "actionban"); err != nil || !strings.HasPrefix(fmt.Sprint(v), "echo <ip> >>") {
		t.Errorf("actionban is %v, %v", v, err)
	}
}
