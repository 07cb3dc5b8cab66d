package netfilter

import (
	"encoding/binary"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"stockade/internal/ipaddr"
)

// protocols are the transport protocols that nft has names for.
var protocols = map[string]uint8{
	"icmp": 1, "igmp": 2, "tcp": 6, "udp": 17, "dccp": 33, "gre": 47, "esp": 50, "ah": 51,
	"icmpv6": 58, "ipv6-icmp": 58, "comp": 108, "sctp": 132, "udplite": 136,
}

func protocolNumber(word string) (uint8, bool) {
	if n, ok := protocols[word]; ok {
		return n, true
	}
	n, err := strconv.ParseUint(word, 10, 8)
	return uint8(n), err == nil
}

func (c *compiler) loadTransport() {
	c.add(&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: register})
}

// ports compiles `tcp dport { 22, 80-90 }` and its like.
func (c *compiler) ports(protocol string) {
	if protocol != "th" {
		if c.transport != protocols[protocol] {
			if c.transport != 0 {
				c.fail("two transport protocols")
			}
			c.transport = protocols[protocol]
			c.loadTransport()
			c.add(compare(c.transport))
		}
	}
	offset := uint32(0)
	switch which := c.next(); which {
	case "sport":
	case "dport":
		offset = 2
	default:
		c.fail(which)
	}
	c.add(&expr.Payload{DestRegister: register, Base: expr.PayloadBaseTransportHeader, Offset: offset, Len: 2})
	c.values(typeInetService, portRange)
}

// Numbers by which nft remembers what an anonymous set holds.
const (
	typeInetProto   = 12
	typeInetService = 13
)

// portRange reads a port or a range, in numbers or service names.
func portRange(word string) (from, to []byte, ok bool) {
	if n, ok := port(word); ok {
		b := binary.BigEndian.AppendUint16(nil, n)
		return b, b, true
	}
	// A service's name may have a hyphen too: try each as the range's.
	for i := range len(word) {
		if word[i] != '-' {
			continue
		}
		a, ok1 := port(word[:i])
		b, ok2 := port(word[i+1:])
		if ok1 && ok2 && a <= b {
			return binary.BigEndian.AppendUint16(nil, a), binary.BigEndian.AppendUint16(nil, b), true
		}
	}
	return nil, nil, false
}

// port reads a number or the name of a service, of whichever protocol, as nft
// does.
func port(word string) (uint16, bool) {
	if word == "" {
		return 0, false
	}
	if n, err := strconv.ParseUint(word, 10, 16); err == nil {
		return uint16(n), true
	}
	for _, protocol := range []string{"tcp", "udp"} {
		if n, err := net.LookupPort(protocol, word); err == nil && word[0] > '9' {
			return uint16(n), true
		}
	}
	return 0, false
}

// values compiles what follows a load: one value, a range or a set in braces.
func (c *compiler) values(typ uint32, parse func(word string) (from, to []byte, ok bool)) {
	not := c.accept("!=")
	if !c.accept("{") {
		word := c.next()
		from, to, ok := parse(word)
		if !ok {
			c.fail(word)
			return
		}
		c.single(from, to, not)
		return
	}
	var spans [][2][]byte
	for c.err == nil && !c.accept("}") {
		if c.accept(",") {
			continue
		}
		word := c.next()
		from, to, ok := parse(word)
		if !ok {
			c.fail(word)
			return
		}
		spans = append(spans, [2][]byte{from, to})
	}
	switch {
	case c.err != nil:
	case len(spans) == 0:
		c.fail("an empty set")
	case len(spans) == 1:
		c.single(spans[0][0], spans[0][1], not)
	default:
		c.set(typ, spans, not)
	}
}

func (c *compiler) single(from, to []byte, not bool) {
	switch {
	case slices.Equal(from, to) && not:
		c.add(&expr.Cmp{Op: expr.CmpOpNeq, Register: register, Data: from})
	case slices.Equal(from, to):
		c.add(compare(from...))
	case not:
		c.add(&expr.Range{Op: expr.CmpOpNeq, Register: register, FromData: from, ToData: to})
	default:
		c.add(&expr.Cmp{Op: expr.CmpOpGte, Register: register, Data: from},
			&expr.Cmp{Op: expr.CmpOpLte, Register: register, Data: to})
	}
}

// set compiles a lookup in an anonymous set; spans that overlap are refused, as
// nft does.
func (c *compiler) set(typ uint32, spans [][2][]byte, not bool) {
	slices.SortFunc(spans, func(a, b [2][]byte) int { return slices.Compare(a[0], b[0]) })
	a := anonymous{lookup: &expr.Lookup{SourceRegister: register, SetName: "__set%d", Invert: not}, typ: typ}
	for i, span := range spans {
		if !slices.Equal(span[0], span[1]) {
			a.interval = true
		}
		if i > 0 && slices.Compare(span[0], spans[i-1][1]) <= 0 {
			c.fail("a set with overlaps")
			return
		}
	}
	if !a.interval {
		for _, span := range spans {
			a.keys = append(a.keys, anonymousKey{value: span[0]})
		}
	} else {
		a.keys = bounds(spans)
	}
	c.sets = append(c.sets, a)
	c.add(a.lookup)
}

// bounds writes spans as the starts and ends of an interval set, those that
// follow each other as one. What lies before the first start is said not to be
// in it, as nft does.
func bounds(spans [][2][]byte) []anonymousKey {
	var keys []anonymousKey
	if !allZero(spans[0][0]) {
		keys = append(keys, anonymousKey{value: make([]byte, len(spans[0][0])), end: true})
	}
	for i := 0; i < len(spans); i++ {
		start, after, open := spans[i][0], []byte(nil), false
		for ; ; i++ {
			after, open = increment(spans[i][1])
			if i+1 == len(spans) || !slices.Equal(after, spans[i+1][0]) {
				break
			}
		}
		keys = append(keys, anonymousKey{value: start, open: open})
		if !open {
			keys = append(keys, anonymousKey{value: after, end: true})
		}
	}
	return keys
}

func allZero(b []byte) bool {
	return !slices.ContainsFunc(b, func(c byte) bool { return c != 0 })
}

func increment(b []byte) (out []byte, overflow bool) {
	out = slices.Clone(b)
	for i := len(out) - 1; i >= 0; i-- {
		if out[i]++; out[i] != 0 {
			return out, false
		}
	}
	return out, true
}

// meta compiles `meta l4proto …`.
func (c *compiler) meta() {
	if key := c.next(); key != "l4proto" {
		c.fail("meta " + key)
		return
	}
	c.loadTransport()
	before := len(c.exprs)
	c.values(typeInetProto, func(word string) (from, to []byte, ok bool) {
		n, ok := protocolNumber(word)
		return []byte{n}, []byte{n}, ok
	})
	if len(c.exprs) == before+1 {
		if cmp, ok := c.exprs[before].(*expr.Cmp); ok && cmp.Op == expr.CmpOpEq {
			c.transport = cmp.Data[0]
		}
	}
}

// conntrackStates are the bits of a connection's state.
var conntrackStates = map[string]uint32{"invalid": 1, "established": 2, "related": 4, "new": 8, "untracked": 64}

// conntrack compiles `ct state new,established`.
func (c *compiler) conntrack() {
	if key := c.next(); key != "state" {
		c.fail("ct " + key)
		return
	}
	var mask uint32
	for more := true; more && c.err == nil; more = c.accept(",") {
		word := c.next()
		bit, ok := conntrackStates[word]
		if !ok {
			c.fail(word)
		}
		mask |= bit
	}
	c.add(&expr.Ct{Key: expr.CtKeySTATE, Register: register},
		&expr.Bitwise{
			SourceRegister: register, DestRegister: register, Len: 4,
			Mask: binary.NativeEndian.AppendUint32(nil, mask), Xor: make([]byte, 4),
		},
		&expr.Cmp{Op: expr.CmpOpNeq, Register: register, Data: make([]byte, 4)})
}

// interfaceName compiles `iifname "eth0"`, also with a star at the end.
func (c *compiler) interfaceName(word string) {
	key := expr.MetaKeyIIFNAME
	if word == "oifname" {
		key = expr.MetaKeyOIFNAME
	}
	op := expr.CmpOpEq
	if c.accept("!=") {
		op = expr.CmpOpNeq
	}
	name := strings.Trim(c.next(), `"`)
	data := []byte(strings.TrimSuffix(name, "*"))
	if name == "" || len(name) >= unix.IFNAMSIZ || strings.ContainsAny(name, "{},@") {
		c.fail(word + " " + name)
		return
	}
	if !strings.HasSuffix(name, "*") {
		data = append(data, make([]byte, unix.IFNAMSIZ-len(data))...)
	}
	c.add(&expr.Meta{Key: key, Register: register}, &expr.Cmp{Op: op, Register: register, Data: data})
}

// address compiles `ip saddr @set` and `ip6 daddr fd00::/8`.
func (c *compiler) address(family string) {
	network, length, offset := uint8(unix.NFPROTO_IPV4), uint32(4), uint32(12)
	if family == "ip6" {
		network, length, offset = unix.NFPROTO_IPV6, 16, 8
	}
	if c.network == 0 {
		c.network = network
		c.add(&expr.Meta{Key: expr.MetaKeyNFPROTO, Register: register}, compare(network))
	}
	if c.network != network {
		c.fail("two address families")
	}
	switch side := c.next(); side {
	case "saddr":
	case "daddr":
		offset += length
	default:
		c.fail(family + " " + side)
	}
	load := &expr.Payload{DestRegister: register, Base: expr.PayloadBaseNetworkHeader, Offset: offset, Len: length}
	op := expr.CmpOpEq
	if c.accept("!=") {
		op = expr.CmpOpNeq
	}
	word := c.next()
	if name, ok := strings.CutPrefix(word, "@"); ok {
		c.add(load, &expr.Lookup{SourceRegister: register, SetName: name, Invert: op == expr.CmpOpNeq})
		return
	}
	id := ipaddr.Parse(word)
	if !id.Addr().IsValid() || id.Addr().BitLen() != int(length)*8 {
		c.fail(word)
		return
	}
	c.prefix(load, op, id.Prefix())
}

// prefix compares what load loads with a prefix, byte-wise where it can.
func (c *compiler) prefix(load *expr.Payload, op expr.CmpOp, p netip.Prefix) {
	data := p.Addr().AsSlice()
	if p.Bits()%8 == 0 && p.Bits() > 0 {
		load.Len = uint32(p.Bits() / 8)
		c.add(load, &expr.Cmp{Op: op, Register: register, Data: data[:load.Len]})
		return
	}
	mask := make([]byte, len(data))
	for i := range p.Bits() {
		mask[i/8] |= 0x80 >> (i % 8)
	}
	c.add(load, &expr.Bitwise{
		SourceRegister: register, DestRegister: register, Len: load.Len, Mask: mask, Xor: make([]byte, len(data)),
	}, &expr.Cmp{Op: op, Register: register, Data: data})
}
