// Package ipaddr knows what Fail2ban calls an IP: an address, a network, or,
// where the text is neither, the text itself. It owns parsing, the one
// canonical spelling that is printed, compared and stored, and sets of IDs.
//
// An ID is a small comparable value: two IDs that Fail2ban would take for the
// same are equal under ==, so they serve as map keys.
package ipaddr

import (
	"net/netip"
	"strings"
)

// Family is the address family of an ID.
type Family uint8

// The families. None is that of a plain text.
const (
	None Family = iota
	Inet4
	Inet6
)

// String gives the name that actions see as <family>.
func (f Family) String() string {
	switch f {
	case Inet4:
		return "inet4"
	case Inet6:
		return "inet6"
	}
	return ""
}

// ID is what is counted and banned. The zero value is "no ID".
type ID struct {
	// addr has its host bits cleared; invalid for a text.
	addr netip.Addr
	// plen may lie beyond the family's bits: the reference keeps such lengths.
	// They count as a full mask but not as a single address.
	plen int32
	// raw marks a text, which may be empty.
	raw  bool
	text string
}

// Raw makes an ID of the text as it stands, whatever it looks like.
func Raw(text string) ID { return ID{raw: true, text: text} }

// FromAddr makes the ID of a single address. An IPv4 address mapped into IPv6
// is that IPv4 address.
func FromAddr(a netip.Addr) ID {
	if !a.IsValid() {
		return ID{}
	}
	a = a.Unmap().WithZone("")
	return ID{addr: a, plen: int32(a.BitLen())}
}

// FromPrefix makes the ID of a network, or of a single address where the
// prefix covers just one.
func FromPrefix(p netip.Prefix) ID {
	if !p.IsValid() {
		return ID{}
	}
	return masked(p.Addr(), p.Bits())
}

// masked clears the host bits of a.
func masked(a netip.Addr, plen int) ID {
	if plen < a.BitLen() {
		if p, err := a.Prefix(plen); err == nil {
			a = p.Addr()
		}
	}
	return ID{addr: a, plen: int32(plen)}
}

// IsZero tells "no ID" from every ID.
func (id ID) IsZero() bool { return !id.raw && !id.addr.IsValid() }

// Family is None for a text.
func (id ID) Family() Family {
	switch {
	case id.addr.Is4():
		return Inet4
	case id.addr.Is6():
		return Inet6
	}
	return None
}

// IsAddr tells whether the ID is one single address.
func (id ID) IsAddr() bool { return id.addr.IsValid() && int(id.plen) == id.addr.BitLen() }

// IsNet tells whether the ID has an address and is not a single one.
func (id ID) IsNet() bool { return id.addr.IsValid() && int(id.plen) != id.addr.BitLen() }

// IsText tells whether the ID is neither address nor network.
func (id ID) IsText() bool { return id.raw }

// Addr is the address, or the first one of a network; invalid for a text.
func (id ID) Addr() netip.Addr { return id.addr }

// Prefix is the network; a single address gives one of full length, a text an
// invalid one.
func (id ID) Prefix() netip.Prefix {
	if !id.addr.IsValid() {
		return netip.Prefix{}
	}
	return netip.PrefixFrom(id.addr, min(int(id.plen), id.addr.BitLen()))
}

// PrefixLen is the length as it was written, which may exceed the family's.
func (id ID) PrefixLen() int { return int(id.plen) }

// Contains tells whether other's address lies in id. Only the address of other
// is looked at, as the reference does, so a wider network with the same first
// address is "contained". A text contains the equal text.
func (id ID) Contains(other ID) bool {
	if id.raw || other.raw {
		return id.raw && id == other
	}
	if id.IsZero() || other.IsZero() || id.Family() != other.Family() {
		return false
	}
	return id.Prefix().Contains(other.addr)
}

// Less orders IDs by their text.
func (id ID) Less(other ID) bool { return id.String() < other.String() }

// Compare orders IDs by their text, for slices.SortFunc.
func Compare(a, b ID) int { return strings.Compare(a.String(), b.String()) }
