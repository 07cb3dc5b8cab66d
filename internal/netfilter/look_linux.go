package netfilter

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// kernelSet is a set as it was found.
type kernelSet struct {
	name            string
	flags           uint32
	keyType, keyLen uint32
}

// sets lists the named sets of a table; none if there is no such table.
func (k *nftKernel) sets(family uint8, table string) ([]kernelSet, error) {
	var out []kernelSet
	err := k.listing(func(m *message) {
		m.nft(unix.NFT_MSG_GETSET, unix.NLM_F_DUMP, family)
		m.text(unix.NFTA_SET_TABLE, table)
		m.end()
	}, func() { out = nil }, func(body []byte) {
		var s kernelSet
		var in string
		attrs(body, func(typ uint16, data []byte) {
			switch typ {
			case unix.NFTA_SET_TABLE:
				in = cstring(data)
			case unix.NFTA_SET_NAME:
				s.name = cstring(data)
			case unix.NFTA_SET_FLAGS:
				s.flags = beU32(data)
			case unix.NFTA_SET_KEY_TYPE:
				s.keyType = beU32(data)
			case unix.NFTA_SET_KEY_LEN:
				s.keyLen = beU32(data)
			}
		})
		if in == table && s.flags&unix.NFT_SET_ANONYMOUS == 0 {
			out = append(out, s)
		}
	})
	if errors.Is(err, errMissing) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list the sets of table %s: %w", table, err)
	}
	return out, nil
}

// listing runs a dump, again from the start if the tables changed meanwhile.
func (k *nftKernel) listing(build func(m *message), restart func(), each func(body []byte)) error {
	for try := 1; ; try++ {
		restart()
		k.m.reset()
		build(&k.m)
		err := k.sock.dump(k.m.b, each)
		if !errors.Is(err, errInterrupted) || try == attempts {
			return err
		}
	}
}

// ruleRef is a rule with the named sets that it looks up.
type ruleRef struct {
	chain  string
	handle uint64
	sets   []string
	// met is what its counter has counted, if it has one.
	met     counts
	counted bool
}

// rules lists the rules of a table; none if there is no such table.
func (k *nftKernel) rules(family uint8, table string) ([]ruleRef, error) {
	var out []ruleRef
	err := k.listing(func(m *message) {
		m.nft(unix.NFT_MSG_GETRULE, unix.NLM_F_DUMP, family)
		m.text(unix.NFTA_RULE_TABLE, table)
		m.end()
	}, func() { out = nil }, func(body []byte) {
		var r ruleRef
		var in string
		attrs(body, func(typ uint16, data []byte) {
			switch typ {
			case unix.NFTA_RULE_TABLE:
				in = cstring(data)
			case unix.NFTA_RULE_CHAIN:
				r.chain = cstring(data)
			case unix.NFTA_RULE_HANDLE:
				r.handle = beU64(data)
			case unix.NFTA_RULE_EXPRESSIONS:
				r.sets = lookups(data)
				r.met, r.counted = counterOf(data)
			}
		})
		if in == table {
			out = append(out, r)
		}
	})
	if errors.Is(err, errMissing) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list the rules of table %s: %w", table, err)
	}
	return out, nil
}

// lookups are the names of the sets that a rule's expressions look up.
func lookups(expressions []byte) (names []string) {
	attrs(expressions, func(_ uint16, one []byte) {
		if cstring(find(one, unix.NFTA_EXPR_NAME)) == "lookup" {
			names = append(names, cstring(find(find(one, unix.NFTA_EXPR_DATA), unix.NFTA_LOOKUP_SET)))
		}
	})
	return names
}

// counterOf reads the counter among a rule's expressions.
func counterOf(expressions []byte) (c counts, ok bool) {
	const bytes, packets = 1, 2
	attrs(expressions, func(_ uint16, one []byte) {
		if cstring(find(one, unix.NFTA_EXPR_NAME)) == "counter" {
			data := find(one, unix.NFTA_EXPR_DATA)
			c, ok = counts{packets: beU64(find(data, packets)), bytes: beU64(find(data, bytes))}, true
		}
	})
	return c, ok
}

func (k *nftKernel) counters(spec *Spec) (map[string]counts, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	rules, err := k.rules(tableFamilies[spec.TableFamily], spec.Table)
	if err != nil {
		return nil, err
	}
	met := map[string]counts{}
	for _, r := range rules {
		for _, set := range r.sets {
			if r.counted {
				sum := met[set]
				met[set] = counts{sum.packets + r.met.packets, sum.bytes + r.met.bytes}
			}
		}
	}
	return met, nil
}

// rulesOf are the rules that look up one of the sets.
func rulesOf(all []ruleRef, sets ...string) []ruleRef {
	return slices.DeleteFunc(slices.Clone(all), func(r ruleRef) bool {
		return !slices.ContainsFunc(r.sets, func(s string) bool { return slices.Contains(sets, s) })
	})
}

// sight is what a family's part of the table looks like.
type sight struct {
	rules []ruleRef // that look up our sets
	// single and nets are nil where the set is not there.
	single, nets *kernelSet
	// there says that the chain is there; moved, that it is at another place in
	// the packets' way and shall not stay. Then rules are all those of the
	// chain, and have to go with it.
	there, moved bool
}

func (k *nftKernel) look(spec *Spec, f *FamilySpec, move bool) (sight, error) {
	family := tableFamilies[spec.TableFamily]
	var s sight
	sets, err := k.sets(family, spec.Table)
	if err != nil {
		return s, err
	}
	for i := range sets {
		switch sets[i].name {
		case f.Set:
			s.single = &sets[i]
		case f.NetSet:
			s.nets = &sets[i]
		}
	}
	all, err := k.rules(family, spec.Table)
	if err != nil {
		return s, err
	}
	s.rules = rulesOf(all, f.Set, f.NetSet)
	if s.there, s.moved, err = k.chainPlace(family, spec); err != nil || !s.moved || !move {
		s.moved = false
		return s, err
	}
	s.rules = nil
	for _, r := range all {
		if r.chain != spec.Chain {
			continue
		}
		if !slices.ContainsFunc(r.sets, func(name string) bool { return !strings.HasPrefix(name, "__") }) {
			return s, fmt.Errorf("the chain %s is there with another hook or priority, and with rules of others", spec.Chain)
		}
		s.rules = append(s.rules, r)
	}
	return s, nil
}

// chainPlace tells whether the chain is there, and whether with another type,
// hook or priority than it should have.
func (k *nftKernel) chainPlace(family uint8, spec *Spec) (there, moved bool, err error) {
	err = k.listing(func(m *message) {
		m.nft(unix.NFT_MSG_GETCHAIN, unix.NLM_F_DUMP, family)
		m.text(unix.NFTA_CHAIN_TABLE, spec.Table)
		m.end()
	}, func() { there, moved = false, false }, func(body []byte) {
		if cstring(find(body, unix.NFTA_CHAIN_TABLE)) != spec.Table || cstring(find(body, unix.NFTA_CHAIN_NAME)) != spec.Chain {
			return
		}
		hook := find(body, unix.NFTA_CHAIN_HOOK)
		there = true
		moved = hook == nil || cstring(find(body, unix.NFTA_CHAIN_TYPE)) != spec.ChainType ||
			beU32(find(hook, unix.NFTA_HOOK_HOOKNUM)) != hooks[spec.Hook] ||
			beU32(find(hook, unix.NFTA_HOOK_PRIORITY)) != uint32(spec.Priority)
	})
	if errors.Is(err, errMissing) {
		return false, false, nil
	}
	if err != nil {
		return false, false, fmt.Errorf("list the chains of table %s: %w", spec.Table, err)
	}
	return there, moved, nil
}

// read reads the elements of the sets that are there. What the reference put
// as a network into the set of single addresses comes back as a network.
func (k *nftKernel) read(spec *Spec, f *FamilySpec, s sight) (h held, err error) {
	for _, set := range []*kernelSet{s.single, s.nets} {
		if set == nil {
			continue
		}
		list, err := k.elements(setRef{spec.TableFamily, spec.Table, set.name, set.flags&unix.NFT_SET_INTERVAL != 0})
		if err != nil {
			return h, err
		}
		for _, e := range list {
			if e.prefix.IsSingleIP() && set == s.single {
				h.single = append(h.single, e)
			} else {
				h.nets = append(h.nets, e)
			}
		}
	}
	return h, nil
}

// present asks for each element alone. That is no transaction, and so costs
// nothing where the answer is no; a transaction that is refused waits for all
// processors, some 10 ms.
func (k *nftKernel) present(set setRef, elems []elem) ([]bool, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	m := &k.m
	m.reset()
	first := m.seq + 1
	for _, e := range elems {
		m.nft(unix.NFT_MSG_GETSETELEM, 0, tableFamilies[set.tableFamily])
		m.text(unix.NFTA_SET_ELEM_LIST_TABLE, set.table)
		m.text(unix.NFTA_SET_ELEM_LIST_SET, set.name)
		list := m.nest(unix.NFTA_SET_ELEM_LIST_ELEMENTS)
		m.element(elem{prefix: e.prefix}, false)
		m.unnest(list)
		m.end()
	}
	out := make([]bool, len(elems))
	answered := 0
	err := k.sock.ask(m.b, func(seq uint32, refused *refusal) error {
		if seq < first || seq-first >= uint32(len(elems)) {
			return nil
		}
		answered++
		if refused != nil && refused.errno != unix.ENOENT {
			return refused
		}
		out[seq-first] = refused == nil
		return nil
	})
	if err == nil && answered != len(elems) {
		err = fmt.Errorf("the kernel answered %d of %d questions", answered, len(elems))
	}
	if err != nil {
		return nil, fmt.Errorf("look for elements of %s: %w", set.name, err)
	}
	return out, nil
}

func (k *nftKernel) ours(set setRef) (bool, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	all, err := k.sets(tableFamilies[set.tableFamily], set.table)
	flags := uint32(singleFlags)
	if set.interval {
		flags = netFlags
	}
	return slices.ContainsFunc(all, func(s kernelSet) bool { return s.name == set.name && s.flags == flags }), err
}

func (k *nftKernel) list(set setRef) ([]found, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.elements(set)
}

func (k *nftKernel) elements(set setRef) ([]found, error) {
	var list []listed
	err := k.listing(func(m *message) {
		m.nft(unix.NFT_MSG_GETSETELEM, unix.NLM_F_DUMP, tableFamilies[set.tableFamily])
		m.text(unix.NFTA_SET_ELEM_LIST_TABLE, set.table)
		m.text(unix.NFTA_SET_ELEM_LIST_SET, set.name)
		m.end()
	}, func() { list = list[:0] }, func(body []byte) { list = decodeElements(body, list) })
	if err != nil {
		return nil, fmt.Errorf("list the elements of %s: %w", set.name, err)
	}
	if !set.interval {
		return singles(list), nil
	}
	slices.SortFunc(list, func(a, b listed) int {
		if c := a.addr.Compare(b.addr); c != 0 || a.end == b.end {
			return c
		}
		if a.end {
			return -1
		}
		return 1
	})
	return intervals(list), nil
}

func (k *nftKernel) adopt(spec *Spec, f *FamilySpec) (bool, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	s, err := k.look(spec, f, false)
	return s.single != nil || s.nets != nil, err
}

func (k *nftKernel) missing(spec *Spec, f *FamilySpec, nets bool) (string, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	s, err := k.look(spec, f, false)
	switch {
	case err != nil:
		return "", err
	case s.single == nil:
		return "set " + f.Set, nil
	case nets && s.nets == nil:
		return "set " + f.NetSet, nil
	case len(rulesOf(s.rules, f.Set)) < len(f.Rules):
		return "rule for " + f.Set, nil
	case nets && len(rulesOf(s.rules, f.NetSet)) < len(f.Rules):
		return "rule for " + f.NetSet, nil
	}
	return "", nil
}
