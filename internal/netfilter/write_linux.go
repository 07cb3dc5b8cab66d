package netfilter

import (
	"encoding/binary"
	"slices"

	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"stockade/internal/ipaddr"
)

// batchSize is the largest number of elements in one message: an attribute
// holds 64 KiB, and an IPv6 address with its time-out takes 40 bytes. A network
// takes two elements.
const batchSize = 1000

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
