package netfilter

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"sync"
	"time"

	"stockade/internal/ipaddr"
)

// Fence is what one action of one jail keeps in the kernel.
type Fence struct {
	conn   *Conn
	kernel kernel
	now    func() time.Time

	mu    sync.Mutex
	spec  Spec
	sides []*side
}

var _ Enforcer = (*Fence)(nil)

// leftover is the origin of what was found in the kernel. No decision maker
// has it, because it is no text that one could be named by.
const leftover = "\x00"

// never is the end of a ban without end, in milliseconds like all ends.
const never = math.MaxInt64

// side is the part of a fence for one address family.
type side struct {
	spec    FamilySpec
	started bool
	// hasNets says that the set of networks exists.
	hasNets bool
	// holds are the bans by origin and ID, with their ends.
	holds map[string]map[ipaddr.ID]int64
	cover cover
}

func (f *Fence) describe(spec Spec) {
	if f.conn != nil {
		f.conn.claim(&spec)
	}
	old := f.sides
	f.spec, f.sides = spec, nil
	for _, fs := range spec.Families {
		s := &side{spec: fs, holds: map[string]map[ipaddr.ID]int64{}}
		for _, o := range old {
			if o.spec.Family == fs.Family {
				o.spec = fs
				s = o
			}
		}
		f.sides = append(f.sides, s)
	}
}

func (f *Fence) side(fam ipaddr.Family) *side {
	for _, s := range f.sides {
		if s.spec.Family == fam {
			return s
		}
	}
	return nil
}

func (s *side) single(spec *Spec) setRef {
	return setRef{spec.TableFamily, spec.Table, s.spec.Set, false}
}

func (s *side) nets(spec *Spec) setRef {
	return setRef{spec.TableFamily, spec.Table, s.spec.NetSet, true}
}

// end is the latest end of an ID over all origins, and whether there is one.
func (s *side) end(id ipaddr.ID) (end int64, ok bool) {
	for _, held := range s.holds {
		if e, there := held[id]; there {
			end, ok = max(end, e), true
		}
	}
	return end, ok
}

func (s *side) hold(origin string, id ipaddr.ID, end int64) {
	held := s.holds[origin]
	if held == nil {
		held = map[ipaddr.ID]int64{}
		s.holds[origin] = held
	}
	held[id] = end
}

// each calls f once for every held ID.
func (s *side) each(f func(id ipaddr.ID, end int64)) {
	for origin, held := range s.holds {
		for id, end := range held {
			if len(s.holds) == 1 {
				f(id, end)
			} else if first, latest := s.firstOrigin(id); first == origin {
				f(id, latest)
			}
		}
	}
}

// firstOrigin is the smallest of an ID's origins.
func (s *side) firstOrigin(id ipaddr.ID) (first string, latest int64) {
	found := false
	for origin, held := range s.holds {
		if end, ok := held[id]; ok {
			latest = max(latest, end)
			if !found || origin < first {
				first, found = origin, true
			}
		}
	}
	return first, latest
}

// Adopt looks for sets of this fence that an earlier run left behind and takes
// them over with what they hold. It reports the families found; nothing is
// made where nothing was.
func (f *Fence) Adopt() ([]ipaddr.Family, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []ipaddr.Family
	for _, s := range f.sides {
		there, err := f.kernel.adopt(&f.spec, &s.spec)
		if err == nil && there {
			err = f.start(s, false, true)
		}
		if err != nil {
			return out, err
		}
		if there {
			out = append(out, s.spec.Family)
		}
	}
	return out, nil
}

// Start makes table, chain, sets and rules of the families where they are
// missing. Apply does it by itself for the families of its operations.
func (f *Fence) Start(families ...ipaddr.Family) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, fam := range families {
		s := f.side(fam)
		if s == nil {
			return fmt.Errorf("a table of the family %s takes no %s addresses", f.spec.TableFamily, fam)
		}
		if s.started {
			continue
		}
		if err := f.start(s, false, true); err != nil {
			return err
		}
	}
	return nil
}

// start installs a side; what it finds in the kernel and does not know is left
// over from an earlier run.
func (f *Fence) start(s *side, nets, move bool) error {
	h, err := f.kernel.install(&f.spec, &s.spec, nets || s.hasNets, move)
	if err != nil {
		return err
	}
	s.started, s.hasNets = true, h.hasNets
	if h.chainReplaced {
		f.conn.tellOthers(removal{"chain", f.spec.TableFamily, f.spec.Table, f.spec.Chain})
	}
	now := f.now()
	for _, list := range [][]found{h.single, h.nets} {
		for _, e := range list {
			id := ipaddr.FromPrefix(e.prefix)
			if _, known := s.end(id); known {
				continue
			}
			end := int64(never)
			if e.left > 0 {
				end = now.Add(e.left - timeoutMargin).UnixMilli()
			}
			s.hold(leftover, id, end)
			if id.IsNet() {
				s.cover.nets.Insert(id.Prefix(), end)
				s.cover.done(nil, []netip.Prefix{id.Prefix()})
			}
		}
	}
	return nil
}

// Started are the families whose rules are in the kernel.
func (f *Fence) Started() []ipaddr.Family {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []ipaddr.Family
	for _, s := range f.sides {
		if s.started {
			out = append(out, s.spec.Family)
		}
	}
	return out
}

// Len is the number of banned IDs.
func (f *Fence) Len() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, s := range f.sides {
		s.each(func(ipaddr.ID, int64) { n++ })
	}
	return n
}

// Settle lifts what was found in the kernel at the start and nobody banned
// since. It returns how many that were.
func (f *Fence) Settle() (int, error) {
	f.mu.Lock()
	var ops []Op
	for _, s := range f.sides {
		for id := range s.holds[leftover] {
			ops = append(ops, Op{Kind: Delete, ID: id, Origin: leftover})
		}
	}
	verdicts := f.apply(ops)
	f.mu.Unlock()
	return len(ops), errors.Join(verdicts...)
}

// Flush lifts all bans and leaves sets and rules.
func (f *Fence) Flush() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range f.sides {
		if !s.started {
			continue
		}
		sets := []setRef{s.single(&f.spec)}
		if s.hasNets {
			sets = append(sets, s.nets(&f.spec))
		}
		for _, set := range sets {
			if err := f.kernel.empty(set); err != nil && !errors.Is(err, errMissing) {
				return fmt.Errorf("empty the set %s: %w", set.name, err)
			}
		}
		s.forget()
	}
	return nil
}

func (s *side) forget() {
	s.holds = map[string]map[ipaddr.ID]int64{}
	s.cover = cover{}
}

// Stop removes rules and sets, and the table if it holds no other set.
func (f *Fence) Stop() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.kernel.remove(&f.spec, f.spec.Families); err != nil {
		return err
	}
	for _, s := range f.sides {
		s.started, s.hasNets = false, false
		s.forget()
	}
	return nil
}

// timeout is how long the kernel keeps an element whose ban has this end.
func (f *Fence) timeout(end int64) time.Duration {
	if end == never {
		return 0
	}
	return max(time.UnixMilli(end).Add(timeoutMargin).Sub(f.now()), time.Millisecond)
}

// Snapshot lists what the kernel holds.
func (f *Fence) Snapshot() ([]Element, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []Element
	now := f.now()
	for _, s := range f.sides {
		if !s.started {
			continue
		}
		sets := []setRef{s.single(&f.spec)}
		if s.hasNets {
			sets = append(sets, s.nets(&f.spec))
		}
		for _, set := range sets {
			list, err := f.kernel.list(set)
			if err != nil {
				return nil, err
			}
			for _, e := range list {
				el := Element{ID: ipaddr.FromPrefix(e.prefix)}
				if e.left > 0 {
					el.Expires = now.Add(e.left)
				}
				out = append(out, el)
			}
		}
	}
	return out, nil
}

// Watch calls lost for each removal by others until ctx is done.
func (f *Fence) Watch(ctx context.Context, lost func(Loss)) error {
	return f.conn.watchFor(ctx, f, lost)
}
