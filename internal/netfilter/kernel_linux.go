package netfilter

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"stockade/internal/ipaddr"
)

// batchSize is the largest number of elements in one message: an attribute
// holds 64 KiB, and an IPv6 address with its time-out takes 40 bytes. A network
// takes two elements.
const batchSize = 1000

// attempts is how often a transaction that rests on a listing is tried when
// somebody else changes the tables in between.
const attempts = 5

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

// rulesOf are the rules that look up one of the sets.
func rulesOf(all []ruleRef, sets ...string) []ruleRef {
	return slices.DeleteFunc(slices.Clone(all), func(r ruleRef) bool {
		return !slices.ContainsFunc(r.sets, func(s string) bool { return slices.Contains(sets, s) })
	})
}

func keyLen(fam ipaddr.Family) uint32 {
	if fam == ipaddr.Inet6 {
		return 16
	}
	return 4
}

// Numbers by which nft remembers what a set's elements are.
const (
	typeIPv4 = 7
	typeIPv6 = 8
)

func keyType(fam ipaddr.Family) uint32 {
	if fam == ipaddr.Inet6 {
		return typeIPv6
	}
	return typeIPv4
}

// The flags of our sets.
const (
	singleFlags = unix.NFT_SET_TIMEOUT
	netFlags    = unix.NFT_SET_TIMEOUT | unix.NFT_SET_INTERVAL
)

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

func addTable(m *message, family uint8, table string) {
	m.nft(unix.NFT_MSG_NEWTABLE, unix.NLM_F_CREATE, family)
	m.text(unix.NFTA_TABLE_NAME, table)
	m.end()
}

func addChain(m *message, family uint8, spec *Spec) {
	m.nft(unix.NFT_MSG_NEWCHAIN, unix.NLM_F_CREATE, family)
	m.text(unix.NFTA_CHAIN_TABLE, spec.Table)
	m.text(unix.NFTA_CHAIN_NAME, spec.Chain)
	hook := m.nest(unix.NFTA_CHAIN_HOOK)
	m.u32(unix.NFTA_HOOK_HOOKNUM, hooks[spec.Hook])
	m.u32(unix.NFTA_HOOK_PRIORITY, uint32(spec.Priority))
	m.unnest(hook)
	m.text(unix.NFTA_CHAIN_TYPE, spec.ChainType)
	m.end()
}

func deleteRule(m *message, family uint8, table string, r ruleRef) {
	m.nft(unix.NFT_MSG_DELRULE, 0, family)
	m.text(unix.NFTA_RULE_TABLE, table)
	m.text(unix.NFTA_RULE_CHAIN, r.chain)
	m.u64(unix.NFTA_RULE_HANDLE, r.handle)
	m.end()
}

// setByteOrder is what nft notes with a set of addresses or ports: that its
// keys are in network order.
var setByteOrder = binary.NativeEndian.AppendUint32([]byte{0, 4}, 2)

func (k *nftKernel) addSet(m *message, family uint8, table, name string, flags, typ, length uint32) uint32 {
	k.setID++
	m.nft(unix.NFT_MSG_NEWSET, unix.NLM_F_CREATE, family)
	m.text(unix.NFTA_SET_TABLE, table)
	m.text(unix.NFTA_SET_NAME, name)
	m.u32(unix.NFTA_SET_FLAGS, flags)
	m.u32(unix.NFTA_SET_KEY_TYPE, typ)
	m.u32(unix.NFTA_SET_KEY_LEN, length)
	m.u32(unix.NFTA_SET_ID, k.setID)
	m.attr(unix.NFTA_SET_USERDATA, setByteOrder)
	m.end()
	return k.setID
}

func deleteSet(m *message, family uint8, table, name string) {
	m.nft(unix.NFT_MSG_DELSET, 0, family)
	m.text(unix.NFTA_SET_TABLE, table)
	m.text(unix.NFTA_SET_NAME, name)
	m.end()
}

// replaceSet makes a set, in place of old if that is not nil, with elements.
func (k *nftKernel) replaceSet(m *message, family uint8, table string, old *kernelSet, name string, fam ipaddr.Family, flags uint32, list []found) {
	if old != nil {
		deleteSet(m, family, table, name)
	}
	k.addSet(m, family, table, name, flags, keyType(fam), keyLen(fam))
	set := setRef{table: table, name: name, interval: flags&unix.NFT_SET_INTERVAL != 0}
	elems := make([]elem, len(list))
	for i, e := range list {
		elems[i] = elem{e.prefix, e.left}
	}
	changeElements(m, family, set, unix.NFT_MSG_NEWSETELEM, unix.NLM_F_CREATE, elems)
}

func (k *nftKernel) addRule(m *message, family uint8, spec *Spec, p *program) {
	for _, set := range p.sets {
		set.lookup.SetID = k.addAnonymous(m, family, spec.Table, set)
	}
	m.nft(unix.NFT_MSG_NEWRULE, unix.NLM_F_CREATE|unix.NLM_F_APPEND, family)
	m.text(unix.NFTA_RULE_TABLE, spec.Table)
	m.text(unix.NFTA_RULE_CHAIN, spec.Chain)
	list := m.nest(unix.NFTA_RULE_EXPRESSIONS)
	for _, e := range p.exprs {
		// Marshalling fails for no expression that compileRule makes.
		data, _ := expr.Marshal(family, e)
		m.attr(unix.NFTA_LIST_ELEM|unix.NLA_F_NESTED, data)
	}
	m.unnest(list)
	m.end()
}

func (k *nftKernel) addAnonymous(m *message, family uint8, table string, set anonymous) uint32 {
	flags := uint32(unix.NFT_SET_ANONYMOUS | unix.NFT_SET_CONSTANT)
	if set.interval {
		flags |= unix.NFT_SET_INTERVAL
	}
	id := k.addSet(m, family, table, "__set%d", flags, set.typ, uint32(len(set.keys[0].value)))
	m.nft(unix.NFT_MSG_NEWSETELEM, unix.NLM_F_CREATE, family)
	m.text(unix.NFTA_SET_ELEM_LIST_TABLE, table)
	m.text(unix.NFTA_SET_ELEM_LIST_SET, "__set%d")
	m.u32(unix.NFTA_SET_ELEM_LIST_SET_ID, id)
	list := m.nest(unix.NFTA_SET_ELEM_LIST_ELEMENTS)
	for _, key := range set.keys {
		at := m.nest(unix.NFTA_LIST_ELEM)
		value := m.nest(unix.NFTA_SET_ELEM_KEY)
		m.attr(unix.NFTA_DATA_VALUE, key.value)
		m.unnest(value)
		if key.end {
			m.u32(unix.NFTA_SET_ELEM_FLAGS, unix.NFT_SET_ELEM_INTERVAL_END)
		}
		if key.open {
			m.attr(unix.NFTA_SET_ELEM_USERDATA, openRange)
		}
		m.unnest(at)
	}
	m.unnest(list)
	m.end()
	return id
}

// changeElements appends messages that add or delete elements.
func changeElements(m *message, family uint8, set setRef, typ int, flags uint16, elems []elem) {
	size := batchSize
	if set.interval {
		size /= 2
	}
	for chunk := range slices.Chunk(elems, size) {
		m.nft(typ, flags, family)
		m.text(unix.NFTA_SET_ELEM_LIST_TABLE, set.table)
		m.text(unix.NFTA_SET_ELEM_LIST_SET, set.name)
		list := m.nest(unix.NFTA_SET_ELEM_LIST_ELEMENTS)
		for _, e := range chunk {
			m.element(e, set.interval)
		}
		m.unnest(list)
		m.end()
	}
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
