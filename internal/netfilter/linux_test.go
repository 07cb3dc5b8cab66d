package netfilter

import (
	"fmt"
	"net/netip"
	"os/exec"
	"strings"
	"testing"
	"time"

	"stockade/internal/ipaddr"
	"stockade/internal/testenv"
)

// params makes a parameter source of a map; "name?inet6" beats "name".
func params(m map[string]string) Params {
	return func(name string, fam ipaddr.Family) (string, bool) {
		if v, ok := m[name+"?"+fam.String()]; ok {
			return v, true
		}
		v, ok := m[name]
		return v, ok
	}
}

func mustSpec(tb testing.TB, kind string, m map[string]string) Spec {
	tb.Helper()
	if m["name"] == "" {
		m["name"] = "myj"
	}
	spec, err := ParseSpec(kind, params(m))
	if err != nil {
		tb.Fatal(err)
	}
	return spec
}

func open(tb testing.TB, ns *testenv.Netns) *Conn {
	tb.Helper()
	testenv.Need(tb, "nft")
	c, err := Open(Options{NetNS: ns.FD()})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = c.Close() })
	return c
}

func ruleset(tb testing.TB, ns *testenv.Netns) string {
	tb.Helper()
	return ns.Run(tb, "nft", "-s", "list", "ruleset")
}

func ids(texts ...string) []ipaddr.ID {
	out := make([]ipaddr.ID, len(texts))
	for i, t := range texts {
		out[i] = ipaddr.Parse(t)
	}
	return out
}

func ban(until time.Time, texts ...string) []Op {
	var ops []Op
	for _, id := range ids(texts...) {
		ops = append(ops, Op{Kind: Add, ID: id, Until: until})
	}
	return ops
}

func unban(texts ...string) []Op {
	var ops []Op
	for _, id := range ids(texts...) {
		ops = append(ops, Op{Kind: Delete, ID: id})
	}
	return ops
}

func apply(tb testing.TB, f *Fence, ops []Op) {
	tb.Helper()
	for i, err := range f.Apply(ops) {
		if err != nil {
			tb.Errorf("%v %s: %v", ops[i].Kind, ops[i].ID, err)
		}
	}
}

func snapshot(tb testing.TB, f *Fence) string {
	tb.Helper()
	list, err := f.Snapshot()
	if err != nil {
		tb.Fatal(err)
	}
	set := ipaddr.Set{}
	for _, e := range list {
		set.Add(e.ID)
	}
	return strings.Join(strings.Fields(fmt.Sprint(set.List())), " ")
}

var _ = exec.Command
var _ = netip.Addr{}

func TestTrial(t *testing.T) {
	ns := testenv.NewNetns(t)
	c := open(t, ns)
	f := c.NewFence(mustSpec(t, "multiport", map[string]string{"port": "22,80:90"}))
	apply(t, f, ban(time.Now().Add(10*time.Minute), "192.0.2.1", "2001:db8::1", "10.0.0.0/8"))
	t.Log(ruleset(t, ns))
	t.Log(snapshot(t, f))
	apply(t, f, unban("192.0.2.1", "10.0.0.0/8"))
	t.Log(ruleset(t, ns))
	if err := f.Stop(); err != nil {
		t.Fatal(err)
	}
	t.Log(ruleset(t, ns))
}

func BenchmarkBan100000(b *testing.B) {
	ns := testenv.NewNetns(b)
	c := open(b, ns)
	for b.Loop() {
		b.StopTimer()
		f := c.NewFence(mustSpec(b, "multiport", map[string]string{"port": "22,80:90"}))
		ops := make([]Op, 0, 100000)
		until := time.Now().Add(time.Hour)
		a4, a6 := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("2001:db8::1")
		for range 50000 {
			ops = append(ops, Op{ID: ipaddr.FromAddr(a4), Until: until}, Op{ID: ipaddr.FromAddr(a6), Until: until})
			a4, a6 = a4.Next(), a6.Next()
		}
		b.StartTimer()
		start := time.Now()
		apply(b, f, ops)
		b.ReportMetric(time.Since(start).Seconds()*1000, "ms-add")
		start = time.Now()
		list, err := f.Snapshot()
		if err != nil || len(list) != 100000 {
			b.Fatal(len(list), err)
		}
		b.ReportMetric(time.Since(start).Seconds()*1000, "ms-snapshot")
		start = time.Now()
		if err := f.ReArm(time.Minute); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(time.Since(start).Seconds()*1000, "ms-rearm")
		for i := range ops {
			ops[i].Kind = Delete
		}
		start = time.Now()
		apply(b, f, ops)
		b.ReportMetric(time.Since(start).Seconds()*1000, "ms-delete")
		if err := f.Stop(); err != nil {
			b.Fatal(err)
		}
	}
}
