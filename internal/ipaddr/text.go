package ipaddr

import (
	"net/netip"
	"strconv"
	"strings"
)

// String is the canonical spelling, the one the reference prints: a length is
// added only where it is shorter than a full mask and not 0.
func (id ID) String() string {
	if id.raw {
		return id.text
	}
	if !id.addr.IsValid() {
		return ""
	}
	s := addrText(id.addr)
	if id.plen > 0 && int(id.plen) < id.addr.BitLen() {
		s += "/" + strconv.Itoa(int(id.plen))
	}
	return s
}

// AppendTo appends the canonical spelling to b.
func (id ID) AppendTo(b []byte) []byte {
	if id.IsAddr() && id.addr.Is4() {
		return id.addr.AppendTo(b)
	}
	return append(b, id.String()...)
}

// addrText prints as the C library does, which differs from netip for the
// deprecated IPv4-compatible addresses: ::2:3 is ::0.2.0.3.
func addrText(a netip.Addr) string {
	if a.Is4() {
		return a.String()
	}
	b := a.As16()
	for i := range 12 {
		if b[i] != 0 {
			return a.String()
		}
	}
	if b[12] == 0 && b[13] == 0 {
		return a.String()
	}
	return "::" + netip.AddrFrom4([4]byte(b[12:])).String()
}

// Reverse is <ip-rev>: the parts of the address backwards, each followed by a
// dot, as a reverse look-up wants them; empty for a text.
func (id ID) Reverse() string {
	var sb strings.Builder
	switch id.Family() {
	case Inet4:
		// The length of a network stays glued to its last part, as in the reference.
		parts := strings.Split(id.String(), ".")
		for i := len(parts) - 1; i >= 0; i-- {
			sb.WriteString(parts[i])
			sb.WriteByte('.')
		}
	case Inet6:
		const hex = "0123456789abcdef"
		b := id.addr.As16()
		for i := len(b) - 1; i >= 0; i-- {
			sb.Write([]byte{hex[b[i]&15], '.', hex[b[i]>>4], '.'})
		}
	}
	return sb.String()
}
