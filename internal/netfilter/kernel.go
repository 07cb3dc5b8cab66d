package netfilter

import (
	"errors"
	"net/netip"
	"time"
)

// kernel is what a fence needs of nftables. Each call that changes something
// is one transaction: all of it happens or nothing.
type kernel interface {
	// install makes what is missing of one family and puts the rules in place.
	// Sets that are there keep their elements, which it returns; one of another
	// shape is replaced by ours. nets asks for the set of networks even where
	// there was none; move allows to make the chain anew where it is there at
	// another place, else it is used where it is.
	install(spec *Spec, family *FamilySpec, nets, move bool) (held, error)
	// adopt looks whether sets of a family are there.
	adopt(spec *Spec, family *FamilySpec) (bool, error)
	// change deletes and adds elements of one set.
	change(set setRef, del, add []elem) error
	// present tells which elements a set of single addresses holds.
	present(set setRef, elems []elem) ([]bool, error)
	// empty deletes all elements of a set.
	empty(set setRef) error
	// list reads all elements of a set.
	list(set setRef) ([]found, error)
	// remove takes away the rules that look up these sets, the sets, and the
	// table if it has no other set.
	remove(spec *Spec, families []FamilySpec) error
	// ours tells whether a set is there, and built as install builds it.
	ours(set setRef) (bool, error)
	// counters are what rules with a counter met, by the set that they look up.
	counters(spec *Spec) (map[string]counts, error)
	// missing names what is not there of what install makes, "" if nothing.
	missing(spec *Spec, family *FamilySpec, nets bool) (string, error)
}

// elem is an element on its way into a set or out of it: a single address in a
// hash set, a network in an interval set.
type elem struct {
	prefix netip.Prefix
	// timeout is 0 for an element that stays.
	timeout time.Duration
}

// found is an element as the kernel lists it.
type found struct {
	prefix netip.Prefix
	// left is the time to its expiry, 0 if it has none.
	left time.Duration
}

// held is what install found in the two sets of a family.
type held struct {
	single, nets []found
	// hasNets says that the set of networks exists now.
	hasNets bool
	// chainReplaced says that the chain had to be made anew, and that the rules
	// of other fences went with it.
	chainReplaced bool
}

// setRef names a set.
type setRef struct {
	tableFamily, table, name string
	// interval is true for the sets of networks.
	interval bool
}

// What the kernel may say that a fence knows to deal with.
var (
	errMissing = errors.New("no such element, set or table")
	errExists  = errors.New("it is there already")

	errInterrupted = errors.New("the listing changed while it was read")
)
