package netfilter

import (
	"encoding/binary"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// element appends one element. In an interval set it takes two: the first
// address, and the one behind the last, which marks the end.
func (m *message) element(e elem, interval bool) {
	end, ended := behind(e.prefix)
	m.key(e.prefix.Addr(), e.timeout, 0, interval && !ended)
	if interval && ended {
		m.key(end, 0, unix.NFT_SET_ELEM_INTERVAL_END, false)
	}
}

// openRange is what nft notes with a range that reaches to the last value.
var openRange = binary.NativeEndian.AppendUint32([]byte{1, 4}, 1)

func (m *message) key(a netip.Addr, timeout time.Duration, flags uint32, open bool) {
	at := m.nest(unix.NFTA_LIST_ELEM)
	key := m.nest(unix.NFTA_SET_ELEM_KEY)
	if a.Is4() {
		b := a.As4()
		m.attr(unix.NFTA_DATA_VALUE, b[:])
	} else {
		b := a.As16()
		m.attr(unix.NFTA_DATA_VALUE, b[:])
	}
	m.unnest(key)
	if flags != 0 {
		m.u32(unix.NFTA_SET_ELEM_FLAGS, flags)
	}
	if timeout > 0 {
		m.u64(unix.NFTA_SET_ELEM_TIMEOUT, uint64(max(timeout.Milliseconds(), 1)))
	}
	if open {
		m.attr(unix.NFTA_SET_ELEM_USERDATA, openRange)
	}
	m.unnest(at)
}

// behind is the address after the last one of a prefix; false where there is
// none, because the prefix reaches to the end of all addresses.
func behind(p netip.Prefix) (netip.Addr, bool) {
	next := last(p).Next()
	return next, next.IsValid()
}

// last is the last address of a prefix.
func last(p netip.Prefix) netip.Addr {
	b := p.Addr().AsSlice()
	for i := p.Bits(); i < len(b)*8; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}

// listed is an element as the kernel lists it.
type listed struct {
	addr netip.Addr
	end  bool
	// left is the time to its expiry, 0 if it has none.
	left time.Duration
}

// decodeElements reads the elements of one message of a listing and appends
// them. It knows the few attributes that it needs and skips all others.
func decodeElements(body []byte, into []listed) []listed {
	attrs(body, func(typ uint16, list []byte) {
		if typ != unix.NFTA_SET_ELEM_LIST_ELEMENTS {
			return
		}
		attrs(list, func(_ uint16, one []byte) {
			if e, ok := decodeElement(one); ok {
				into = append(into, e)
			}
		})
	})
	return into
}

func decodeElement(b []byte) (e listed, ok bool) {
	for len(b) >= attrLen {
		n := int(binary.NativeEndian.Uint16(b))
		if n < attrLen || n > len(b) {
			return e, false
		}
		data := b[attrLen:n]
		switch binary.NativeEndian.Uint16(b[2:]) &^ unix.NLA_F_NESTED {
		case unix.NFTA_SET_ELEM_KEY:
			// A nested NFTA_DATA_VALUE, and nothing else, holds the address.
			if len(data) > attrLen {
				e.addr, ok = netip.AddrFromSlice(data[attrLen:])
			}
		case unix.NFTA_SET_ELEM_FLAGS:
			e.end = beU32(data)&unix.NFT_SET_ELEM_INTERVAL_END != 0
		case unix.NFTA_SET_ELEM_EXPIRATION:
			e.left = time.Duration(beU64(data)) * time.Millisecond
		}
		b = b[min(align4(n), len(b)):]
	}
	return e, ok
}

// singles turns the listing of a plain set into prefixes of full length.
func singles(list []listed) []found {
	out := make([]found, len(list))
	for i, e := range list {
		out[i] = found{netip.PrefixFrom(e.addr, e.addr.BitLen()), e.left}
	}
	return out
}

// intervals turns the listing of an interval set, sorted by address with an
// end before a start of the same address, into the prefixes that make up its
// ranges.
func intervals(list []listed) []found {
	var out []found
	for i, e := range list {
		if e.end {
			continue
		}
		stop := lastOfFamily(e.addr)
		if i+1 < len(list) {
			stop = list[i+1].addr.Prev()
		}
		for _, p := range prefixes(e.addr, stop) {
			out = append(out, found{p, e.left})
		}
	}
	return out
}

func lastOfFamily(a netip.Addr) netip.Addr { return last(netip.PrefixFrom(a, 0).Masked()) }

// prefixes cuts a range of addresses into prefixes.
func prefixes(from, to netip.Addr) []netip.Prefix {
	var out []netip.Prefix
	for from.IsValid() && from.Compare(to) <= 0 {
		bits := from.BitLen()
		for bits > 0 {
			wider := netip.PrefixFrom(from, bits-1)
			if wider.Masked().Addr() != from || last(wider).Compare(to) > 0 {
				break
			}
			bits--
		}
		p := netip.PrefixFrom(from, bits)
		out = append(out, p)
		from = last(p).Next()
	}
	return out
}
