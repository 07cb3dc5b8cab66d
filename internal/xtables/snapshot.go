package xtables

import (
	"fmt"
	"slices"

	"stockade/internal/ipaddr"
)

// Snapshot lists what the kernel really holds for the wall.
func (w *Wall) Snapshot() ([]ipaddr.ID, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []ipaddr.ID
	for _, s := range w.sides {
		if !s.started {
			continue
		}
		list, err := w.inKernel(&s.spec)
		if err != nil {
			return nil, err
		}
		for _, e := range list {
			out = append(out, e.ban.ID)
		}
	}
	return out, nil
}

func (w *Wall) inKernel(f *FamilySpec) ([]*entry, error) {
	if f.Set != nil {
		listing, err := w.exec("", "ipset", "save", f.Set.Name)
		if err != nil {
			return nil, fmt.Errorf("list the set %s: %w", f.Set.Name, err)
		}
		return parseMembers(f, listing), nil
	}
	listing, err := w.rules(f, "-S", f.Chain)
	if err != nil {
		return nil, fmt.Errorf("list the chain %s: %w", f.Chain, err)
	}
	return parseRules(f, listing), nil
}

// Entries are the chains of the system from which packets are led to the bans,
// and Holder the chain or set that holds those.
func (w *Wall) Entries() (chains []string, holder string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, f := range w.spec.Families {
		for _, j := range f.Jumps {
			if !slices.Contains(chains, j.Chain) {
				chains = append(chains, j.Chain)
			}
		}
	}
	f := w.spec.Families[0]
	if f.Set != nil {
		return chains, f.Set.Name
	}
	return chains, f.Chain
}
