package netfilter

import (
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"time"

	"stockade/internal/ipaddr"
)

// ReArm makes every element expire after d at the latest, so that the kernel
// lifts the bans by itself if nobody comes back.
func (f *Fence) ReArm(d time.Duration) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	limit := f.now().Add(d - timeoutMargin).UnixMilli()
	var errs []error
	for _, s := range f.sides {
		if !s.started {
			continue
		}
		var units []unit
		s.each(func(id ipaddr.ID, end int64) {
			if id.IsAddr() {
				units = append(units, unit{id: id, inKernel: true, stays: true, end: min(end, limit)})
			}
		})
		f.commit(s, units)
		for i := range units {
			errs = append(errs, units[i].err)
		}
		errs = append(errs, f.reArmNets(s, limit))
	}
	return errors.Join(errs...)
}

func (f *Fence) reArmNets(s *side, limit int64) error {
	var del, add []elem
	for p := range s.cover.held {
		del = append(del, elem{prefix: p})
		add = append(add, elem{p, f.timeout(min(s.cover.end(p), limit))})
	}
	if len(add) == 0 {
		return nil
	}
	return f.kernel.change(s.nets(&f.spec), del, add)
}

// Respec changes what the fence looks like and keeps its bans.
func (f *Fence) Respec(spec Spec) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if reflect.DeepEqual(spec, f.spec) {
		return nil
	}
	old := f.spec
	f.describe(spec)
	moved := old.TableFamily != spec.TableFamily || old.Table != spec.Table
	var gone []FamilySpec
	for i := range old.Families {
		was, is := &old.Families[i], spec.family(old.Families[i].Family)
		if moved || is == nil || is.Set != was.Set || is.NetSet != was.NetSet {
			gone = append(gone, *was)
		}
	}
	for _, s := range f.sides {
		if s.started {
			if _, err := f.restore(s, true); err != nil {
				return err
			}
		}
	}
	if len(gone) > 0 {
		return f.kernel.remove(&old, gone)
	}
	return nil
}

// Check reports what is missing in the kernel of what ought to be there.
func (f *Fence) Check() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range f.sides {
		if !s.started {
			continue
		}
		what, err := f.kernel.missing(&f.spec, &s.spec, s.hasNets)
		if err != nil {
			return err
		}
		if what != "" {
			return fmt.Errorf("the %s is missing in table %s", what, f.spec.Table)
		}
	}
	return nil
}

// Heal makes anew what is missing and puts every ban back. A chain that another
// fence moved stays where it is: the latest configuration wins.
// It returns how many elements it had to add.
func (f *Fence) Heal() (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	added := 0
	var errs []error
	for _, s := range f.sides {
		if !s.started {
			continue
		}
		n, err := f.restore(s, false)
		added += n
		errs = append(errs, err)
	}
	return added, errors.Join(errs...)
}

// restore installs a side and adds the elements that are not there. move says
// whether a chain at another place is to be moved.
func (f *Fence) restore(s *side, move bool) (int, error) {
	if err := f.start(s, s.hasNets, move); err != nil {
		return 0, err
	}
	there := map[netip.Prefix]struct{}{}
	sets := []setRef{s.single(&f.spec)}
	if s.hasNets {
		sets = append(sets, s.nets(&f.spec))
	}
	for _, set := range sets {
		list, err := f.kernel.list(set)
		if err != nil {
			return 0, err
		}
		for _, e := range list {
			there[e.prefix] = struct{}{}
		}
	}
	var units []unit
	s.each(func(id ipaddr.ID, end int64) {
		if _, ok := there[id.Prefix()]; !ok && id.IsAddr() {
			units = append(units, unit{id: id, stays: true, end: end})
		}
	})
	f.commit(s, units)
	var errs []error
	for i := range units {
		errs = append(errs, units[i].err)
	}
	var add []elem
	for _, p := range s.cover.all() {
		if _, ok := there[p]; !ok {
			add = append(add, elem{p, f.timeout(s.cover.end(p))})
			s.cover.done(nil, []netip.Prefix{p})
		}
	}
	if len(add) > 0 {
		errs = append(errs, f.kernel.change(s.nets(&f.spec), nil, add))
	}
	return len(units) + len(add), errors.Join(errs...)
}
