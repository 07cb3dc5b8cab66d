package ipaddr

import (
	"net/netip"
	"slices"

	"github.com/gaissmai/bart"
)

// Set holds IDs and answers whether one of them covers a given ID. Single
// addresses are found by a hash, networks by their longest prefix. The zero
// value is an empty set; it is not safe for concurrent writers.
type Set struct {
	exact map[ID]struct{}
	nets  bart.Lite
	// dup counts IDs with the same prefix (a length beyond the family's is the
	// same prefix as a full one), so that removing one keeps the others.
	dup map[netip.Prefix]int
}

// Add puts id in and tells whether it was new.
func (s *Set) Add(id ID) bool {
	if id.IsZero() || s.Has(id) {
		return false
	}
	if s.exact == nil {
		s.exact, s.dup = map[ID]struct{}{}, map[netip.Prefix]int{}
	}
	s.exact[id] = struct{}{}
	if id.IsNet() {
		s.dup[id.Prefix()]++
		s.nets.Insert(id.Prefix())
	}
	return true
}

// Remove takes id out and tells whether it was in.
func (s *Set) Remove(id ID) bool {
	if !s.Has(id) {
		return false
	}
	delete(s.exact, id)
	if id.IsNet() {
		p := id.Prefix()
		if s.dup[p]--; s.dup[p] <= 0 {
			delete(s.dup, p)
			s.nets.Delete(p)
		}
	}
	return true
}

// Has tells whether exactly this ID was added.
func (s *Set) Has(id ID) bool {
	_, ok := s.exact[id]
	return ok
}

// Contains tells whether id is in the set, or its address in a network of it.
func (s *Set) Contains(id ID) bool {
	if s.Has(id) {
		return true
	}
	return id.addr.IsValid() && s.nets.Contains(id.addr)
}

// Len is the number of IDs.
func (s *Set) Len() int { return len(s.exact) }

// List returns the IDs in text order.
func (s *Set) List() []ID {
	list := make([]ID, 0, len(s.exact))
	for id := range s.exact {
		list = append(list, id)
	}
	slices.SortFunc(list, Compare)
	return list
}
