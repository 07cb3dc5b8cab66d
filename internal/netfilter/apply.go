package netfilter

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"stockade/internal/ipaddr"
)

// transactionSize is how many IDs one transaction changes. The kernel took
// 100,000 in 131 ms by thousands; much larger ones gain nothing and make one
// refusal touch more.
const transactionSize = 1000

// unit is what becomes of one address in one transaction, and the operations
// that asked for it.
type unit struct {
	id ipaddr.ID
	// inKernel is what the kernel holds before, as far as we know; stays and
	// end say what it shall hold after.
	inKernel, stays bool
	// asked says that inKernel is no belief.
	asked bool
	end   int64
	ops   []int
	undo  []hold
	err   error
}

// hold is one origin's decision before it was changed.
type hold struct {
	origin string
	end    int64
	had    bool
}

// Apply carries out the operations, those on one ID in their order, and returns
// a verdict for each.
func (f *Fence) Apply(ops []Op) []error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.apply(ops)
}

func (f *Fence) apply(ops []Op) []error {
	verdicts := make([]error, len(ops))
	for _, s := range f.sides {
		singles := make(map[ipaddr.ID]int, len(ops))
		var units []unit
		for i := range ops {
			id := ops[i].ID
			if id.Family() != s.spec.Family || id.Prefix().Bits() == 0 || !f.ready(s, &ops[i], &verdicts[i]) {
				continue
			}
			if id.IsNet() {
				verdicts[i] = f.applyNet(s, &ops[i])
				continue
			}
			at, ok := singles[id]
			if !ok {
				_, held := s.end(id)
				at = len(units)
				singles[id] = at
				units = append(units, unit{id: id, inKernel: held})
			}
			s.note(&units[at], &ops[i], i)
		}
		f.commit(s, units)
		for i := range units {
			for _, op := range units[i].ops {
				verdicts[op] = units[i].err
			}
		}
	}
	for i := range ops {
		if ops[i].Kind == Add && verdicts[i] == nil {
			verdicts[i] = f.misfit(ops[i].ID)
		}
	}
	return verdicts
}

// misfit says why an ID cannot stand in this fence, nil if it can.
func (f *Fence) misfit(id ipaddr.ID) error {
	switch {
	case id.Family() == ipaddr.None:
		return fmt.Errorf("nftables cannot hold %q: it is no address", id.String())
	case f.side(id.Family()) == nil:
		return fmt.Errorf("a table of the family %s cannot hold %s", f.spec.TableFamily, id)
	case id.Prefix().Bits() == 0:
		return fmt.Errorf("%s would ban everybody", id.Prefix())
	}
	return nil
}

// ready starts a side for its first ban. Where nothing was ever banned there
// is nothing to lift.
func (f *Fence) ready(s *side, op *Op, verdict *error) bool {
	if !s.started && op.Kind == Delete {
		return false
	}
	if !s.started {
		if *verdict = f.start(s, false, true); *verdict != nil {
			return false
		}
	}
	return true
}

// note applies one operation to the bans and remembers how it was before.
func (s *side) note(u *unit, op *Op, index int) {
	u.ops = append(u.ops, index)
	s.change(op, &u.undo)
	u.end, u.stays = s.end(op.ID)
}

func (s *side) change(op *Op, undo *[]hold) {
	before, had := s.holds[op.Origin][op.ID]
	*undo = append(*undo, hold{op.Origin, before, had})
	if op.Kind == Delete {
		delete(s.holds[op.Origin], op.ID)
		return
	}
	s.hold(op.Origin, op.ID, endOf(op))
	if end, was := s.holds[leftover][op.ID]; was && op.Origin != leftover {
		// Banned anew: from now on it is not a leftover.
		*undo = append(*undo, hold{leftover, end, true})
		delete(s.holds[leftover], op.ID)
	}
}

func endOf(op *Op) int64 {
	if op.Until.IsZero() {
		return never
	}
	return op.Until.UnixMilli()
}

// revert takes back what change did.
func (s *side) revert(id ipaddr.ID, undo []hold) {
	for _, h := range slices.Backward(undo) {
		if h.had {
			s.hold(h.origin, id, h.end)
		} else {
			delete(s.holds[h.origin], id)
		}
	}
}

// commit brings units into the kernel in transactions and takes back in our
// memory what the kernel refused.
func (f *Fence) commit(s *side, units []unit) {
	for chunk := range slices.Chunk(units, transactionSize) {
		f.settle(s, chunk)
	}
	for i := range units {
		if units[i].err != nil {
			s.revert(units[i].id, units[i].undo)
		}
	}
}

// settle tries units in one transaction. If the kernel refuses because our
// idea of what it holds is wrong, it is asked; what was to be deleted and is
// gone already is as wanted, and what is there although we did not know is
// replaced, because adding it again would leave its old time-out. Any other
// refusal is halved until each unit has its own verdict.
func (f *Fence) settle(s *side, units []unit) {
	err := f.try(s, units)
	if errors.Is(err, errMissing) || errors.Is(err, errExists) {
		if lost := f.lost(s, err); lost != nil {
			for i := range units {
				if units[i].stays {
					units[i].err = lost
				}
			}
			return
		}
		if askErr := f.ask(s, units); askErr == nil {
			err = f.try(s, units)
		}
	}
	if err == nil {
		return
	}
	if len(units) == 1 {
		units[0].err = fmt.Errorf("%s in set %s: %w", units[0].id, s.spec.Set, err)
		return
	}
	half := len(units) / 2
	f.settle(s, units[:half])
	f.settle(s, units[half:])
}

// ask corrects what the units believe about the kernel.
func (f *Fence) ask(s *side, units []unit) error {
	elems := make([]elem, len(units))
	for i := range units {
		elems[i].prefix = units[i].id.Prefix()
	}
	there, err := f.kernel.present(s.single(&f.spec), elems)
	for i := range there {
		units[i].asked, units[i].inKernel = true, there[i]
	}
	return err
}

// lost is an error if the set itself is not there, so that nothing is gained
// by trying single operations.
func (f *Fence) lost(s *side, err error) error {
	if !errors.Is(err, errMissing) {
		return nil
	}
	what, missErr := f.kernel.missing(&f.spec, &s.spec, s.hasNets)
	if missErr != nil {
		return missErr
	}
	if what == "" {
		return nil
	}
	return fmt.Errorf("the %s is missing in table %s: %w", what, f.spec.Table, err)
}

func (f *Fence) try(s *side, units []unit) error {
	var del, add []elem
	for i := range units {
		u := &units[i]
		// Somebody else may have added what we do not hold.
		if u.inKernel || !u.stays && !u.asked {
			del = append(del, elem{prefix: u.id.Prefix()})
		}
		if u.stays {
			add = append(add, elem{u.id.Prefix(), f.timeout(u.end)})
		}
	}
	return f.kernel.change(s.single(&f.spec), del, add)
}

// applyNet changes one network. Its covering prefixes change in one transaction.
func (f *Fence) applyNet(s *side, op *Op) error {
	if op.Kind == Add && !s.hasNets {
		if err := f.start(s, true, true); err != nil {
			return err
		}
	}
	var undo []hold
	p := op.ID.Prefix()
	_, held := s.end(op.ID)
	before, had := s.cover.nets.Get(p)
	s.change(op, &undo)
	end, stays := s.end(op.ID)
	var del, add []netip.Prefix
	switch {
	case stays:
		del, add = s.cover.put(p, end)
	case held:
		del, add = s.cover.take(p)
	default:
		return nil
	}
	err := f.changeNets(s, del, add)
	if err == nil {
		s.cover.done(del, add)
		return nil
	}
	s.revert(op.ID, undo)
	s.cover.nets.Delete(p)
	if had {
		s.cover.nets.Insert(p, before)
	}
	return fmt.Errorf("%s in set %s: %w", op.ID, s.spec.NetSet, err)
}

// changeNets is one transaction on the set of networks. If something to be
// deleted is gone already, the rest is done without it.
func (f *Fence) changeNets(s *side, del, add []netip.Prefix) error {
	if len(del)+len(add) == 0 {
		return nil
	}
	dels, adds := make([]elem, len(del)), make([]elem, len(add))
	for i, p := range del {
		dels[i] = elem{prefix: p}
	}
	for i, p := range add {
		adds[i] = elem{p, f.timeout(s.cover.end(p))}
	}
	err := f.kernel.change(s.nets(&f.spec), dels, adds)
	if !errors.Is(err, errMissing) || len(dels) == 0 {
		return err
	}
	there, err := f.kernel.list(s.nets(&f.spec))
	if err != nil {
		return err
	}
	dels = slices.DeleteFunc(dels, func(e elem) bool {
		return !slices.ContainsFunc(there, func(t found) bool { return t.prefix == e.prefix })
	})
	return f.kernel.change(s.nets(&f.spec), dels, adds)
}
