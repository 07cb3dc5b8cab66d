package netfilter

import (
	"net/netip"

	"github.com/gaissmai/bart"
)

// cover keeps networks that may overlap and says which of them the kernel has
// to hold: an interval set takes no overlaps, so it gets the outermost ones.
type cover struct {
	nets bart.Table[int64]
	// held are those in the kernel.
	held map[netip.Prefix]struct{}
}

// put adds a network with the end of its ban and returns what to delete from
// the kernel and what to add to it.
func (c *cover) put(p netip.Prefix, end int64) (del, add []netip.Prefix) {
	c.nets.Insert(p, end)
	if c.covered(p) {
		return nil, nil
	}
	for inner := range c.nets.Subnets(p) {
		if _, ok := c.held[inner]; ok {
			del = append(del, inner)
		}
	}
	return del, []netip.Prefix{p}
}

// covered tells whether a wider network is held.
func (c *cover) covered(p netip.Prefix) bool {
	for wider := range c.nets.Supernets(p) {
		if wider != p {
			return true
		}
	}
	return false
}

// take removes a network; what it hid comes forth.
func (c *cover) take(p netip.Prefix) (del, add []netip.Prefix) {
	c.nets.Delete(p)
	if c.covered(p) {
		return nil, nil
	}
	return []netip.Prefix{p}, c.outermost(c.nets.Subnets(p))
}

// all are the networks that the kernel ought to hold.
func (c *cover) all() []netip.Prefix {
	return c.outermost(c.nets.AllSorted())
}

// outermost picks from networks, which come sorted with the wider ones first,
// those that none of the others covers.
func (c *cover) outermost(sorted func(yield func(netip.Prefix, int64) bool)) (out []netip.Prefix) {
	var top netip.Prefix
	for p := range sorted {
		if top.IsValid() && top.Contains(p.Addr()) && top.Addr().Is4() == p.Addr().Is4() {
			continue
		}
		top = p
		out = append(out, p)
	}
	return out
}

// done notes what the kernel accepted.
func (c *cover) done(del, add []netip.Prefix) {
	for _, p := range del {
		delete(c.held, p)
	}
	if c.held == nil {
		c.held = map[netip.Prefix]struct{}{}
	}
	for _, p := range add {
		c.held[p] = struct{}{}
	}
}

// end is the end of a network's ban.
func (c *cover) end(p netip.Prefix) int64 {
	end, _ := c.nets.Get(p)
	return end
}
