package netfilter

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"stockade/internal/ipaddr"
)

// fakeKernel keeps sets in memory and refuses what it is told to.
type fakeKernel struct {
	kernel
	sets         map[string]map[netip.Prefix]time.Duration
	refuse       map[netip.Prefix]error
	transactions int
}

var errFull = errors.New("the kernel refused: no space left on device")

func newFakeFence() (*Fence, *fakeKernel) {
	k := &fakeKernel{sets: map[string]map[netip.Prefix]time.Duration{}, refuse: map[netip.Prefix]error{}}
	f := &Fence{kernel: k, now: func() time.Time { return time.Unix(1e9, 0) }}
	spec := Spec{TableFamily: "inet", Table: "t", Families: []FamilySpec{
		{Family: ipaddr.Inet4, Set: "s4", NetSet: "n4"}, {Family: ipaddr.Inet6, Set: "s6", NetSet: "n6"},
	}}
	f.describe(spec)
	return f, k
}

func (k *fakeKernel) install(_ *Spec, f *FamilySpec, nets, _ bool) (held, error) {
	for _, name := range []string{f.Set, f.NetSet} {
		if k.sets[name] == nil && (name == f.Set || nets) {
			k.sets[name] = map[netip.Prefix]time.Duration{}
		}
	}
	return held{hasNets: k.sets[f.NetSet] != nil}, nil
}

func (k *fakeKernel) counters(*Spec) (map[string]counts, error) { return nil, nil }

func (k *fakeKernel) missing(*Spec, *FamilySpec, bool) (string, error) { return "", nil }

func (k *fakeKernel) present(set setRef, elems []elem) ([]bool, error) {
	out := make([]bool, len(elems))
	for i, e := range elems {
		_, out[i] = k.sets[set.name][e.prefix]
	}
	return out, nil
}

func (k *fakeKernel) change(set setRef, del, add []elem) error {
	k.transactions++
	next := map[netip.Prefix]time.Duration{}
	for p, d := range k.sets[set.name] {
		next[p] = d
	}
	for _, e := range del {
		if _, ok := next[e.prefix]; !ok {
			return errMissing
		}
		delete(next, e.prefix)
	}
	for _, e := range add {
		if err := k.refuse[e.prefix]; err != nil {
			return err
		}
		for p := range next {
			if p == e.prefix || set.interval && p.Overlaps(e.prefix) {
				return errExists
			}
		}
		next[e.prefix] = e.timeout
	}
	k.sets[set.name] = next
	return nil
}

func (k *fakeKernel) list(set setRef) ([]found, error) {
	var out []found
	for p, d := range k.sets[set.name] {
		out = append(out, found{p, d})
	}
	return out, nil
}

func (k *fakeKernel) text(name string) string {
	var out []string
	for p := range k.sets[name] {
		out = append(out, p.String())
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

func TestOneRefusedAddressFailsAlone(t *testing.T) {
	f, k := newFakeFence()
	var ops []Op
	for i := range 1000 {
		ops = append(ops, Op{ID: ipaddr.Parse(fmt.Sprintf("10.0.%d.%d", i/250, i%250))})
	}
	k.refuse[netip.MustParsePrefix("10.0.1.7/32")] = errFull
	k.refuse[netip.MustParsePrefix("10.0.3.9/32")] = errFull
	verdicts := f.Apply(ops)
	for i, err := range verdicts {
		bad := ops[i].ID.String() == "10.0.1.7" || ops[i].ID.String() == "10.0.3.9"
		if bad != errors.Is(err, errFull) {
			t.Errorf("%s: %v", ops[i].ID, err)
		}
	}
	if len(k.sets["s4"]) != 998 || f.Len() != 998 {
		t.Errorf("the kernel holds %d, the fence %d", len(k.sets["s4"]), f.Len())
	}
	if k.transactions > 50 {
		t.Errorf("%d transactions", k.transactions)
	}
	delete(k.refuse, netip.MustParsePrefix("10.0.1.7/32"))
	if err := f.Apply(ops[257:258])[0]; err != nil {
		t.Errorf("refused for ever: %v", err)
	}
}

func TestRefusedProlongationKeepsTheOldEnd(t *testing.T) {
	f, k := newFakeFence()
	id := ipaddr.Parse("10.0.0.1")
	f.Apply([]Op{{ID: id, Until: f.now().Add(time.Minute)}})
	k.refuse[id.Prefix()] = errFull
	if err := f.Apply([]Op{{ID: id, Until: f.now().Add(time.Hour)}})[0]; !errors.Is(err, errFull) {
		t.Errorf("verdict %v", err)
	}
	if end, _ := f.side(ipaddr.Inet4).end(id); end != f.now().Add(time.Minute).UnixMilli() {
		t.Errorf("the end is %v", time.UnixMilli(end))
	}
	if k.sets["s4"][id.Prefix()] != 2*time.Minute {
		t.Errorf("the kernel has %v", k.sets["s4"])
	}
}

func TestRefusedNetworkLeavesTheOthersInForce(t *testing.T) {
	f, k := newFakeFence()
	small, big := ipaddr.Parse("10.1.0.0/16"), ipaddr.Parse("10.0.0.0/8")
	f.Apply([]Op{{ID: small}})
	k.refuse[big.Prefix()] = errFull
	if err := f.Apply([]Op{{ID: big}})[0]; !errors.Is(err, errFull) {
		t.Errorf("verdict %v", err)
	}
	f.Apply([]Op{{ID: small, Kind: Delete}})
	if got := k.text("n4"); got != "" {
		t.Errorf("left: %s", got)
	}
}

func TestBanAndLiftInOneBatchIsNothing(t *testing.T) {
	f, k := newFakeFence()
	id := ipaddr.Parse("10.0.0.1")
	for _, err := range f.Apply([]Op{{ID: id}, {ID: id, Kind: Delete}, {ID: id}, {ID: id, Kind: Delete}}) {
		if err != nil {
			t.Error(err)
		}
	}
	if k.text("s4") != "" || f.Len() != 0 {
		t.Errorf("left: %s", k.text("s4"))
	}
}

// FuzzBans compares the fence with a plain list of bans: after any operations
// the kernel covers exactly the addresses that are banned.
func FuzzBans(f *testing.F) {
	f.Add([]byte{0, 1, 2, 0x80, 1, 0x90, 33, 0x91, 66})
	f.Add([]byte{8, 0, 9, 1, 10, 2, 0x88, 0, 16, 0, 0x90, 0})
	f.Fuzz(func(t *testing.T, script []byte) {
		fence, k := newFakeFence()
		type key struct {
			id     ipaddr.ID
			origin string
		}
		banned := map[key]bool{}
		for i := 0; i+1 < len(script); i += 2 {
			// A prefix of 28 to 32 bits within 16 addresses, by one of two makers.
			bits := 28 + int(script[i]>>3)%5
			p := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, 0, script[i+1] % 16}), bits).Masked()
			op := Op{ID: ipaddr.FromPrefix(p), Origin: []string{"", "peer"}[script[i]&1]}
			if script[i]&0x80 != 0 {
				op.Kind = Delete
			}
			if err := fence.Apply([]Op{op})[0]; err != nil {
				t.Fatalf("%+v: %v", op, err)
			}
			banned[key{op.ID, op.Origin}] = op.Kind == Add
		}
		for last := range 16 {
			a := netip.AddrFrom4([4]byte{10, 0, 0, byte(last)})
			want, got := false, false
			for b, on := range banned {
				want = want || on && b.id.Prefix().Contains(a)
			}
			for _, set := range []string{"s4", "n4"} {
				for p := range k.sets[set] {
					got = got || p.Contains(a)
				}
			}
			if got != want {
				t.Fatalf("%s: in the kernel %v, banned %v\n%v", a, got, want, k.sets)
			}
		}
	})
}
