package netfilter

import (
	"errors"
	"net/netip"

	"stockade/internal/ipaddr"
)

// Ties are kinds of connections that a ban can cut.
type Ties struct {
	// Flows are entries of connection tracking that the address opened, also
	// those that are forwarded.
	Flows bool
	// Sockets are those of this machine with the address at the other end.
	Sockets bool
}

// Severed counts what was cut.
type Severed struct{ Flows, Sockets int }

// Cut ends the established connections of addresses and networks. That there
// are none is no failure.
func (c *Conn) Cut(ids []ipaddr.ID, ties Ties) (Severed, error) {
	hit := newTargets(ids)
	var done Severed
	var flowErr, sockErr error
	if ties.Flows {
		done.Flows, flowErr = repeated(func() (int, error) { return cutFlows(c.options.NetNS, hit) })
	}
	if ties.Sockets {
		done.Sockets, sockErr = repeated(func() (int, error) { return cutSockets(c.options.NetNS, hit) })
	}
	return done, errors.Join(flowErr, sockErr)
}

// attempts is how often something that rests on a listing is tried when somebody
// else changes it in between.
const attempts = 5

func repeated(cut func() (int, error)) (n int, err error) {
	for range attempts {
		more := 0
		more, err = cut()
		if n += more; !errors.Is(err, errInterrupted) {
			break
		}
	}
	return n, err
}

// targets are the addresses whose connections are cut.
type targets struct {
	single map[netip.Addr]bool
	nets   []netip.Prefix
}

func newTargets(ids []ipaddr.ID) *targets {
	t := &targets{single: map[netip.Addr]bool{}}
	for _, id := range ids {
		switch {
		case id.IsAddr():
			t.single[id.Addr().Unmap()] = true
		case id.IsNet():
			t.nets = append(t.nets, id.Prefix())
		}
	}
	return t
}

// has tells whether an address as the kernel gives it is one of them.
func (t *targets) has(raw []byte) bool {
	a, ok := netip.AddrFromSlice(raw)
	if !ok {
		return false
	}
	a = a.Unmap()
	if t.single[a] {
		return true
	}
	for _, p := range t.nets {
		if p.Contains(a) {
			return true
		}
	}
	return false
}
