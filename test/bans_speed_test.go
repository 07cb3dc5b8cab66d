//go:build bench

package acceptance

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"stockade/internal/action"
	"stockade/internal/clock"
	"stockade/internal/ipaddr"
	"stockade/internal/netfilter"
	"stockade/internal/testenv"
	"stockade/internal/ticket"
)

// TestSpeedOfBans is the part of `make bench` that concerns the kernel.
func TestSpeedOfBans(t *testing.T) {
	t.Run("kernel", kernelSpeed)
	t.Run("packets", packetSpeed)
	t.Run("migrated", migratedSpeed)
	t.Run("healing", healingSpeed)
}

// mixed are addresses of both families.
func mixed(n int) []*ticket.Ticket {
	now := time.Now()
	out := make([]*ticket.Ticket, n)
	for i := range out {
		a := netip.AddrFrom4([4]byte{11, byte(i >> 16), byte(i >> 8), byte(i)})
		if i%2 == 1 {
			a = netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 13: byte(i >> 16), 14: byte(i >> 8), 15: byte(i)})
		}
		out[i] = &ticket.Ticket{ID: ipaddr.FromAddr(a), Time: now, Bantime: 3600, HasBantime: true, BanCount: 1}
	}
	return out
}

// actionsIn makes the native nftables action of a jail in a namespace.
func actionsIn(t *testing.T, ns *testenv.Netns) *action.Set {
	t.Helper()
	conn, err := netfilter.Open(netfilter.Options{NetNS: ns.FD()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	set := action.NewSet(action.Env{
		Jail: "j", Clock: clock.Real(), Locks: action.NewLocks(), Native: true,
		Netfilter: func() (*netfilter.Conn, error) { return conn, nil },
	})
	t.Cleanup(set.Quit)
	if err := set.Add("nftables", &action.Source{Name: "nftables-allports", Library: true}); err != nil {
		t.Fatal(err)
	}
	set.SetProperty("nftables", "name", "j", func(any, error) {})
	return set
}

// carriedOut submits a job and waits for the answer.
func carriedOut(t *testing.T, set *action.Set, kind action.JobKind, tickets []*ticket.Ticket) time.Duration {
	t.Helper()
	began, done := time.Now(), make(chan error, 1)
	set.Submit(action.Job{Kind: kind, Tickets: tickets}, func(results []action.Result) {
		var errs []error
		for _, r := range results {
			errs = append(errs, r.Err)
		}
		done <- errors.Join(errs...)
	})
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	return time.Since(began)
}

func median[T time.Duration | float64](list []T) T {
	slices.Sort(list)
	return list[len(list)/2]
}

func kernelSpeed(t *testing.T) {
	fmt.Printf("\nBans in the kernel, native nftables action, from decision to acknowledged element\n\n")
	set := actionsIn(t, testenv.NewNetns(t))
	tickets := mixed(60_000)
	var single []time.Duration
	for i := range 2000 {
		single = append(single, carriedOut(t, set, action.Ban, tickets[i:i+1]))
	}
	fmt.Printf("  %-52s %10v median, %v at the most\n", "one ban", median(single).Round(time.Microsecond), single[len(single)-1].Round(time.Microsecond))

	rest := tickets[2000:52_000]
	late := make(chan time.Duration, len(rest))
	began := time.Now()
	for i := range rest {
		due := began.Add(time.Duration(i) * 100 * time.Microsecond)
		time.Sleep(time.Until(due))
		asked := time.Now()
		set.Submit(action.Job{Kind: action.Ban, Tickets: rest[i : i+1]}, func([]action.Result) { late <- time.Since(asked) })
	}
	var waits []time.Duration
	for range rest {
		waits = append(waits, <-late)
	}
	took := time.Since(began)
	slices.Sort(waits)
	fmt.Printf("  %-52s %10.0f bans/s for %.1f s, the slowest in a hundred after %v\n", "10,000 single bans a second",
		float64(len(rest))/took.Seconds(), took.Seconds(), waits[len(waits)*99/100].Round(time.Microsecond))

	restored, lifted := time.Hour, time.Hour
	for range 3 {
		in, out := restoredAndLifted(t)
		restored, lifted = min(restored, in), min(lifted, out)
	}
	fmt.Printf("  %-52s %10v\n", "100,000 restored, half IPv6 (aim: under 1 s)", restored.Round(time.Millisecond))
	fmt.Printf("  %-52s %10v\n", "100,000 lifted (aim: under 1 s)", lifted.Round(time.Millisecond))
}

func restoredAndLifted(t *testing.T) (restored, lifted time.Duration) {
	t.Helper()
	set := actionsIn(t, testenv.NewNetns(t))
	all := mixed(100_000)
	for _, one := range all {
		one.Restored = true
	}
	restored = carriedOut(t, set, action.Ban, all)
	stopped := make(chan action.Result)
	began := time.Now()
	set.Stop(all, action.Lift, func(r action.Result) { stopped <- r })
	if r := <-stopped; r.Err != nil {
		t.Fatal(r.Err)
	}
	return restored, time.Since(began)
}

// packetSpeed compares how fast an innocent flow goes with an empty and a full
// set. Over a veth, sending a packet takes the receiver's way through the rules.
func packetSpeed(t *testing.T) {
	const rounds, packets = 9, 100_000
	rate := func(server, client *testenv.Netns) float64 {
		var out net.Conn
		client.Do(t, func() {
			var err error
			if out, err = net.Dial("udp", server.Addr4+":9"); err != nil {
				t.Error(err)
			}
		})
		if out == nil {
			t.FailNow()
		}
		defer func() { _ = out.Close() }()
		began := time.Now()
		for range packets {
			// The answer that nobody listens shows up as an error now and then.
			_, _ = out.Write([]byte("x"))
		}
		return packets / time.Since(began).Seconds()
	}
	type ends struct{ server, client *testenv.Netns }
	prepare := func(n int) ends {
		server, client := testenv.Pair(t)
		set := actionsIn(t, server)
		carriedOut(t, set, action.Ban, mixed(max(n, 2)))
		return ends{server, client}
	}
	empty, full := prepare(0), prepare(100_000)
	var ratios []float64
	var last [2]float64
	for range rounds {
		last[0], last[1] = rate(empty.server, empty.client), rate(full.server, full.client)
		ratios = append(ratios, last[1]/last[0])
	}
	fmt.Printf("\nPackets of an innocent flow, %d alternating rounds\n\n", rounds)
	fmt.Printf("  %-52s %10.3f median ratio (aim 0.9); last %.0f against %.0f packets/s\n",
		"100,000 in the sets against an empty one", median(ratios), last[1], last[0])
}

// migratedSpeed is a machine with the reference's untouched action files.
func migratedSpeed(t *testing.T) {
	const n = 1000
	fmt.Printf("\n%d bans by one command, and their restore by a start, with the reference's own action files\n\n", n)
	fmt.Printf("  %-30s %-12s %10s %10s\n", "", "", "bans", "restore")
	for _, name := range []string{"iptables-multiport", "nftables-multiport", "iptables-ipset-proto6"} {
		var base [2]time.Duration
		for _, s := range []subject{reference(t), stockade(t)} {
			got := migrated(t, s, name, n)
			if s.name == "reference" {
				base = got
				fmt.Printf("  %-30s %-12s %10v %10v\n", name, s.name, got[0].Round(time.Millisecond), got[1].Round(time.Millisecond))
				continue
			}
			fmt.Printf("  %-30s %-12s %10v %10v   %.0fx and %.0fx\n", "", s.name, got[0].Round(time.Millisecond), got[1].Round(time.Millisecond),
				base[0].Seconds()/got[0].Seconds(), base[1].Seconds()/got[1].Seconds())
		}
	}
}

func migrated(t *testing.T, s subject, name string, n int) (took [2]time.Duration) {
	t.Helper()
	in := place(t, s, testenv.NewNetns(t), "")
	theirFiles(t, in)
	if !exists(in.path("etc/fail2ban.conf")) {
		in.write(t, "etc/fail2ban.conf", "[Definition]\nsyslogsocket = auto\nallowipv6 = auto\ndbpurgeage = 1d\n")
	}
	in.write(t, "etc/jail.conf", "[DEFAULT]\n")
	in.write(t, "etc/jail.local", "[j]\nenabled = true\nfilter =\nbackend = polling\nlogpath = DIR/empty\nbantime = 3600\naction = "+name+"[port=22]\n")
	in.write(t, "empty", "")
	in.start(t)
	words := []string{"set", "j", "banip"}
	for i := range n {
		words = append(words, fmt.Sprintf("11.0.%d.%d", i>>8, i&255))
	}
	count := func() int { return strings.Count(in.enforced(t, name), "11.0.") }
	wait := func(began time.Time) time.Duration {
		if !until(3*time.Minute, func() bool { return count() >= n }) {
			t.Fatalf("%s bans only %d of %d", in.name, count(), n)
		}
		return time.Since(began)
	}
	began := time.Now()
	in.ask(t, words...)
	took[0] = wait(began)
	in.ask(t, "stop")
	in.gone(t)
	began = time.Now()
	in.start(t)
	took[1] = wait(began)
	in.ask(t, "stop")
	in.gone(t)
	return took
}

// enforced lists what an action has in the kernel.
func (in *instance) enforced(t *testing.T, name string) string {
	t.Helper()
	command := map[string][]string{
		"iptables-multiport": {"iptables", "-S"}, "nftables-multiport": {"nft", "list", "ruleset"}, "iptables-ipset-proto6": {"ipset", "save"},
	}[name]
	out, err := in.netn.Command(command[0], command[1:]...).Output()
	if err != nil {
		return ""
	}
	return string(out)
}

// healingSpeed is the time from a flush to the bans being back.
func healingSpeed(t *testing.T) {
	fmt.Printf("\nFrom a flush by somebody else to the bans being back (aim: under 1 s)\n\n")
	for _, h := range healers() {
		in := place(t, stockade(t), testenv.NewNetns(t), jailWith(h.action))
		in.write(t, "empty", "")
		if strings.Contains(h.action, "legacy") && in.netn.Command("iptables-legacy", "-S").Run() != nil {
			continue
		}
		in.start(t)
		words := []string{"set", "j", "banip"}
		for i := range 1000 {
			words = append(words, fmt.Sprintf("11.0.%d.%d", i>>8, i&255))
		}
		in.ask(t, words...)
		before := alikeChains(h.look(t, in))
		began := time.Now()
		in.netn.Run(t, h.strike[0], h.strike[1:]...)
		eventually(t, "the bans are back", func() bool { return alikeChains(h.look(t, in)) == before })
		fmt.Printf("  %-52s %10v\n", h.name+", 1,000 bans", time.Since(began).Round(time.Millisecond))
		in.ask(t, "stop")
	}
}
