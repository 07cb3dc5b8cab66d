package netfilter

import (
	"net/netip"
	"testing"
	"time"

	"stockade/internal/ipaddr"
	"stockade/internal/testenv"
)

// manyOps are n bans, IPv4 and IPv6 by turns.
func manyOps(n int) []Op {
	ops := make([]Op, 0, n)
	until := time.Now().Add(time.Hour)
	a4, a6 := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("2001:db8::1")
	for len(ops) < n {
		ops = append(ops, Op{ID: ipaddr.FromAddr(a4), Until: until}, Op{ID: ipaddr.FromAddr(a6), Until: until})
		a4, a6 = a4.Next(), a6.Next()
	}
	return ops[:n]
}

// BenchmarkHundredThousand measures what a start and a stop with 100,000 bans
// cost: adding them, listing them, shortening them, lifting them.
func BenchmarkHundredThousand(b *testing.B) {
	c := open(b, testenv.NewNetns(b))
	ops := manyOps(100_000)
	var add, list, rearm, lift time.Duration
	for b.Loop() {
		f := c.NewFence(mustSpec(b, "multiport"))
		add += timed(func() { apply(b, f, ops) })
		list += timed(func() {
			if elements, err := f.Snapshot(); err != nil || len(elements) != len(ops) {
				b.Fatalf("%d elements, %v", len(elements), err)
			}
		})
		rearm += timed(func() {
			if err := f.ReArm(time.Minute); err != nil {
				b.Fatal(err)
			}
		})
		for i := range ops {
			ops[i].Kind = Delete
		}
		lift += timed(func() { apply(b, f, ops) })
		for i := range ops {
			ops[i].Kind = Add
		}
		if err := f.Stop(); err != nil {
			b.Fatal(err)
		}
	}
	for name, d := range map[string]time.Duration{"add": add, "list": list, "rearm": rearm, "lift": lift} {
		b.ReportMetric(float64(d.Milliseconds())/float64(b.N), name+"-ms")
	}
	b.ReportMetric(0, "ns/op")
}

func timed(f func()) time.Duration {
	start := time.Now()
	f()
	return time.Since(start)
}

// BenchmarkOneBan is the way of one ban into a set that holds 10,000.
func BenchmarkOneBan(b *testing.B) {
	f := open(b, testenv.NewNetns(b)).NewFence(mustSpec(b, "multiport"))
	apply(b, f, manyOps(10_000))
	op := []Op{{ID: ipaddr.Parse("192.0.2.1"), Until: time.Now().Add(time.Hour)}}
	for b.Loop() {
		op[0].Kind = Add
		if err := f.Apply(op)[0]; err != nil {
			b.Fatal(err)
		}
		op[0].Kind = Delete
		if err := f.Apply(op)[0]; err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkLiftOfWhatIsGone is the worst case for verdicts: nothing of a batch
// is in the kernel.
func BenchmarkLiftOfWhatIsGone(b *testing.B) {
	ns := testenv.NewNetns(b)
	f := open(b, ns).NewFence(mustSpec(b, "multiport"))
	ops := manyOps(1000)
	for b.Loop() {
		for i := range ops {
			ops[i].Kind = Add
		}
		apply(b, f, ops)
		ns.Run(b, "nft", "flush set inet f2b-table addr-set-myj")
		for i := range ops {
			ops[i].Kind = Delete
		}
		apply(b, f, ops)
	}
}
