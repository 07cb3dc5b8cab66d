package xtables

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"stockade/internal/ipaddr"
	"stockade/internal/testenv"
)

// wallIn makes a wall whose programs run in a namespace.
func wallIn(t *testing.T, ns *testenv.Netns, kind string, params map[string]string) *Wall {
	t.Helper()
	w := New(specOf(t, kind, params), time.Minute)
	w.run = func(input string, timeout time.Duration, argv ...string) (string, error) {
		return runProgram(input, timeout, append([]string{"ip", "netns", "exec", ns.Name, find(argv[0])}, argv[1:]...)...)
	}
	return w
}

func specOf(t *testing.T, kind string, params map[string]string) Spec {
	t.Helper()
	spec, err := ParseSpec(kind, func(name string, fam ipaddr.Family) (string, bool) {
		if v, ok := params[name+"?family="+fam.String()]; ok {
			return v, true
		}
		v, ok := params[name]
		return v, ok
	})
	if err != nil {
		t.Fatal(err)
	}
	return spec
}

func bansOf(ids ...string) []Ban {
	out := make([]Ban, len(ids))
	for i, id := range ids {
		out[i] = Ban{ID: ipaddr.Parse(id), Seconds: 600}
	}
	return out
}

func idsOf(ids ...string) (out []ipaddr.ID) {
	for _, b := range bansOf(ids...) {
		out = append(out, b.ID)
	}
	return out
}

func must(t *testing.T, verdicts []error) {
	t.Helper()
	if err := errors.Join(verdicts...); err != nil {
		t.Fatal(err)
	}
}

func TestEveryBanOfABatchHasItsOwnVerdict(t *testing.T) {
	ns := testenv.NewNetns(t)
	testenv.Need(t, "iptables")
	w := wallIn(t, ns, "iptables-allports", map[string]string{"name": "j"})
	bans := bansOf("192.0.2.1", "192.0.2.2", "some-user", "192.0.2.3", "2001:db8::1")
	// No shell is there to make something of this; the program refuses it.
	bans = append(bans, Ban{ID: ipaddr.FromPrefix(bansOf("10.0.0.0/8")[0].ID.Prefix())})
	verdicts := w.Add(bans)
	for i, err := range verdicts {
		if (err != nil) != (i == 2) {
			t.Errorf("%s: %v", bans[i].ID, err)
		}
	}
	if w.Held() != 5 {
		t.Errorf("%d are held", w.Held())
	}
	// One was removed by somebody else: that makes no failure, and no other
	// stays because of it.
	ns.Run(t, "iptables", "-D", "f2b-j", "-s", "192.0.2.2", "-j", "REJECT")
	must(t, w.Remove(idsOf("192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.99")))
	if rules := ns.Run(t, "iptables", "-S", "f2b-j"); strings.Contains(rules, "192.0.2.") || !strings.Contains(rules, "10.0.0.0/8") {
		t.Errorf("after the unbans:\n%s", rules)
	}
	if err := w.Stop(); err != nil {
		t.Error(err)
	}
	for _, program := range []string{"iptables", "ip6tables"} {
		if rules := ns.Run(t, program, "-S"); strings.Contains(rules, "f2b") {
			t.Errorf("after the stop:\n%s", rules)
		}
	}
}

func TestLeftoversInAChainAreTakenOverAndSettled(t *testing.T) {
	for kind, params := range map[string]map[string]string{
		"iptables-multiport": {"name": "j", "port": "22"}, "iptables-ipset-proto6": {"name": "j", "port": "22"},
	} {
		t.Run(kind, func(t *testing.T) {
			ns := testenv.NewNetns(t)
			testenv.Need(t, "iptables", "ipset")
			killed := wallIn(t, ns, kind, params)
			must(t, killed.Add(bansOf("192.0.2.1", "192.0.2.2", "192.0.2.3")))

			w := wallIn(t, ns, kind, params)
			must(t, w.Add(bansOf("192.0.2.2", "192.0.2.4")))
			if w.Held() != 4 {
				t.Errorf("%d are held", w.Held())
			}
			n, err := w.Settle()
			if n != 2 || err != nil {
				t.Errorf("%d were settled: %v", n, err)
			}
			state := ns.Run(t, "iptables", "-S") + ns.Run(t, "ipset", "save")
			if strings.Count(state, "192.0.2.") != 2 || strings.Count(state, "--dports 22") != 1 {
				t.Errorf("after all:\n%s", state)
			}
		})
	}
}

func TestOldIPSetActionWorks(t *testing.T) {
	ns := testenv.NewNetns(t)
	testenv.Need(t, "iptables", "ipset")
	w := wallIn(t, ns, "iptables-ipset-proto4", map[string]string{"name": "j", "maxelem": "65536", "port": "22"})
	must(t, w.Add(bansOf("192.0.2.1", "192.0.2.2")))
	must(t, w.Remove(idsOf("192.0.2.2")))
	if sets := ns.Run(t, "ipset", "save"); !strings.Contains(sets, "add f2b-j 192.0.2.1\n") || strings.Contains(sets, "192.0.2.2") {
		t.Errorf("sets:\n%s", sets)
	}
	if verdicts := w.Add(bansOf("2001:db8::1")); verdicts[0] == nil {
		t.Error("an IPv6 address is in a set for IPv4")
	}
	if err := w.Stop(); err != nil {
		t.Error(err)
	}
}

func TestLongerBanReachesTheSet(t *testing.T) {
	ns := testenv.NewNetns(t)
	testenv.Need(t, "iptables", "ipset")
	w := wallIn(t, ns, "iptables-ipset-proto6", map[string]string{"name": "j", "ipsettime": TimeoutOfBan})
	longer := bansOf("192.0.2.1")
	must(t, w.Add(longer))
	longer[0].Seconds = 1_000_000
	must(t, w.Add(longer))
	if sets := ns.Run(t, "ipset", "save"); !strings.Contains(sets, "192.0.2.1 timeout 99999") && !strings.Contains(sets, "192.0.2.1 timeout 1000000") {
		t.Errorf("sets:\n%s", sets)
	}
	longer[0].Seconds = maxTimeout + 1
	must(t, w.Add(longer))
	if sets := ns.Run(t, "ipset", "save"); !strings.Contains(sets, "192.0.2.1 timeout 0\n") {
		t.Errorf("longer than a set can count:\n%s", sets)
	}
}

func TestChangedParametersReachTheRules(t *testing.T) {
	ns := testenv.NewNetns(t)
	testenv.Need(t, "iptables")
	w := wallIn(t, ns, "iptables-multiport", map[string]string{"name": "j", "port": "22"})
	must(t, w.Add(bansOf("192.0.2.1")))
	if err := w.Respec(specOf(t, "iptables-multiport", map[string]string{"name": "j", "port": "80,443", "blocktype": "DROP"})); err != nil {
		t.Fatal(err)
	}
	rules := ns.Run(t, "iptables", "-S")
	for _, want := range []string{"--dports 80,443 -j f2b-j", "-s 192.0.2.1/32 -j DROP"} {
		if !strings.Contains(rules, want) {
			t.Errorf("no %q in\n%s", want, rules)
		}
	}
	if strings.Contains(rules, "--dports 22 ") {
		t.Errorf("the old rule is there, too:\n%s", rules)
	}
}

func TestOneBatchHoldsTenThousandBans(t *testing.T) {
	ns := testenv.NewNetns(t)
	testenv.Need(t, "iptables", "ipset")
	for _, kind := range []string{"iptables-allports", "iptables-ipset-proto6-allports"} {
		w := wallIn(t, ns, kind, map[string]string{"name": "many"})
		var ids []string
		for i := range 10_000 {
			ids = append(ids, fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255))
		}
		began := time.Now()
		must(t, w.Add(bansOf(ids...)))
		added := time.Since(began)
		must(t, w.Remove(idsOf(ids[:5000]...)))
		if err := w.Check(); err != nil || w.Held() != 5000 {
			t.Errorf("%d are held: %v", w.Held(), err)
		}
		t.Logf("%s: 10,000 bans in %v, half of them lifted in %v", kind, added, time.Since(began)-added)
		if err := w.Stop(); err != nil {
			t.Error(err)
		}
	}
}

func TestHangingProgramIsEndedWithItsChildren(t *testing.T) {
	began := time.Now()
	out, err := runProgram("", 50*time.Millisecond, "sh", "-c", "sleep 1000 & sleep 1000")
	if !errors.Is(err, errTimeout) || out != "" {
		t.Errorf("%q, %v", out, err)
	}
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("it took %v", took)
	}
	if _, err := runProgram("", time.Minute, "/no/such/program"); !errors.Is(err, errNoProgram) {
		t.Errorf("%v", err)
	}
}

func TestFlushShowsInTheNumberOfRules(t *testing.T) {
	ns := testenv.NewNetns(t)
	testenv.Need(t, "iptables-legacy")
	if ns.Command("iptables-legacy", "-S").Run() != nil {
		testenv.Skip(t, "this kernel has no tables of the old kind")
	}
	w := wallIn(t, ns, "iptables-allports", map[string]string{"name": "j", "iptables": "iptables-legacy -w", "iptables?family=inet6": "ip6tables-legacy -w"})
	must(t, w.Add(bansOf("192.0.2.1")))
	ns.Do(t, func() {
		if n, ok := countRules(ipaddr.Inet4); !ok || n == 0 {
			t.Errorf("%d rules are counted", n)
		}
		ns.Run(t, "iptables-legacy", "-F")
		after, _ := countRules(ipaddr.Inet4)
		if before := 4 + 1 + 2; after >= before {
			t.Errorf("%d rules are counted after the flush", after)
		}
	})
	if w.Check() == nil {
		t.Error("the check finds nothing")
	}
}
