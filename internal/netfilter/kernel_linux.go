package netfilter

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"

	"golang.org/x/sys/unix"
)

// nftKernel talks to nftables. One transaction runs at a time.
type nftKernel struct {
	mu    sync.Mutex
	sock  *socket
	m     message
	setID uint32
}

var _ kernel = (*nftKernel)(nil)

var tableFamilies = map[string]uint8{
	"inet": unix.NFPROTO_INET, "ip": unix.NFPROTO_IPV4, "ip6": unix.NFPROTO_IPV6,
}

var hooks = map[string]uint32{
	"prerouting": unix.NF_INET_PRE_ROUTING, "input": unix.NF_INET_LOCAL_IN, "forward": unix.NF_INET_FORWARD,
	"output": unix.NF_INET_LOCAL_OUT, "postrouting": unix.NF_INET_POST_ROUTING,
}

// Is lets a refusal be compared with what a fence knows to deal with.
func (r *refusal) Is(target error) bool {
	switch target {
	case errMissing:
		return r.errno == unix.ENOENT
	case errExists:
		return r.errno == unix.EEXIST || r.errno == unix.ENOTEMPTY
	}
	return false
}

// transaction sends what build appends as one batch. It is called with the
// lock held.
func (k *nftKernel) transaction(build func(m *message)) error {
	m := &k.m
	m.reset()
	m.begin(unix.NFNL_MSG_BATCH_BEGIN, 0, unix.AF_UNSPEC, unix.NFNL_SUBSYS_NFTABLES)
	m.end()
	first := m.seq
	build(m)
	if m.seq == first {
		return nil
	}
	// Only the last message is acknowledged; a refusal comes for any.
	flags := m.b[m.start+6:]
	binary.NativeEndian.PutUint16(flags, binary.NativeEndian.Uint16(flags)|unix.NLM_F_ACK)
	last := m.seq
	m.begin(unix.NFNL_MSG_BATCH_END, 0, unix.AF_UNSPEC, unix.NFNL_SUBSYS_NFTABLES)
	m.end()
	return k.sock.transact(m.b, first, last)
}

func (k *nftKernel) install(spec *Spec, f *FamilySpec, nets, move bool) (h held, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for range attempts {
		h, err = k.tryInstall(spec, f, nets, move)
		if !errors.Is(err, errMissing) && !errors.Is(err, errExists) {
			break
		}
	}
	if err != nil {
		return h, fmt.Errorf("make set %s in table %s: %w", f.Set, spec.Table, err)
	}
	return h, nil
}

func (k *nftKernel) tryInstall(spec *Spec, f *FamilySpec, nets, move bool) (h held, err error) {
	s, err := k.look(spec, f, move)
	if err != nil {
		return h, err
	}
	for _, set := range []*kernelSet{s.single, s.nets} {
		if set != nil && set.keyLen != keyLen(f.Family) {
			return h, fmt.Errorf("the set %s that is there holds no %s addresses", set.name, f.Family)
		}
	}
	if h, err = k.read(spec, f, s); err != nil {
		return h, err
	}
	h.chainReplaced = s.moved
	h.hasNets = nets || s.nets != nil || len(h.nets) > 0
	newSingle := s.single == nil || s.single.flags != singleFlags
	moved := s.single != nil && s.single.flags&unix.NFT_SET_INTERVAL != 0 && len(h.nets) > 0
	newNets := h.hasNets && (s.nets == nil || s.nets.flags != netFlags || moved)
	programs, err := k.programs(spec, f, h.hasNets)
	if err != nil {
		return h, err
	}
	family := tableFamilies[spec.TableFamily]
	return h, k.transaction(func(m *message) {
		addTable(m, family, spec.Table)
		for _, r := range s.rules {
			deleteRule(m, family, spec.Table, r)
		}
		if s.moved {
			m.nft(unix.NFT_MSG_DELCHAIN, 0, family)
			m.text(unix.NFTA_CHAIN_TABLE, spec.Table)
			m.text(unix.NFTA_CHAIN_NAME, spec.Chain)
			m.end()
		}
		if !s.there || s.moved {
			addChain(m, family, spec)
		}
		if newSingle {
			k.replaceSet(m, family, spec.Table, s.single, f.Set, f.Family, singleFlags, h.single)
		}
		if newNets {
			k.replaceSet(m, family, spec.Table, s.nets, f.NetSet, f.Family, netFlags, h.nets)
		}
		for _, p := range programs {
			k.addRule(m, family, spec, p)
		}
	})
}

func (k *nftKernel) programs(spec *Spec, f *FamilySpec, nets bool) ([]*program, error) {
	texts := f.Rules
	if nets {
		texts = append(slices.Clone(texts), f.netRules()...)
	}
	out := make([]*program, len(texts))
	for i, text := range texts {
		p, err := compileRule(text, spec.TableFamily)
		if err != nil {
			return nil, err
		}
		out[i] = p
	}
	return out, nil
}

func (k *nftKernel) change(set setRef, del, add []elem) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	family := tableFamilies[set.tableFamily]
	return k.transaction(func(m *message) {
		changeElements(m, family, set, unix.NFT_MSG_DELSETELEM, 0, del)
		changeElements(m, family, set, unix.NFT_MSG_NEWSETELEM, unix.NLM_F_CREATE|unix.NLM_F_EXCL, add)
	})
}

func (k *nftKernel) empty(set setRef) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.transaction(func(m *message) {
		m.nft(unix.NFT_MSG_DELSETELEM, 0, tableFamilies[set.tableFamily])
		m.text(unix.NFTA_SET_ELEM_LIST_TABLE, set.table)
		m.text(unix.NFTA_SET_ELEM_LIST_SET, set.name)
		m.end()
	})
}

func (k *nftKernel) remove(spec *Spec, families []FamilySpec) (err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for range attempts {
		if err = k.tryRemove(spec, families); !errors.Is(err, errMissing) {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("remove the sets from table %s: %w", spec.Table, err)
	}
	return nil
}

func (k *nftKernel) tryRemove(spec *Spec, families []FamilySpec) error {
	family := tableFamilies[spec.TableFamily]
	sets, err := k.sets(family, spec.Table)
	if err != nil {
		return err
	}
	var ours []string
	for i := range families {
		ours = append(ours, families[i].Set, families[i].NetSet)
	}
	var gone []string
	for _, s := range sets {
		if slices.Contains(ours, s.name) {
			gone = append(gone, s.name)
		}
	}
	if len(gone) == 0 {
		return nil
	}
	all, err := k.rules(family, spec.Table)
	if err != nil {
		return err
	}
	return k.transaction(func(m *message) {
		for _, r := range rulesOf(all, ours...) {
			deleteRule(m, family, spec.Table, r)
		}
		for _, name := range gone {
			deleteSet(m, family, spec.Table, name)
		}
		if len(gone) == len(sets) {
			m.nft(unix.NFT_MSG_DELTABLE, 0, family)
			m.text(unix.NFTA_TABLE_NAME, spec.Table)
			m.end()
		}
	})
}
