package netfilter

import "stockade/internal/ipaddr"

// Spec is what a fence looks like in the kernel, as the parameters of the
// stock nftables action describe it.
type Spec struct {
	// Table, of TableFamily (inet, ip, ip6, ...), holds Chain.
	Table, TableFamily, Chain string
	// ChainType, Hook and Priority place the chain in the packets' way.
	ChainType, Hook string
	Priority        int32
	// Families are the sets and rules for IPv4 and IPv6, in this order. One of
	// the family None is not in use.
	Families [2]FamilySpec
}

// FamilySpec is the part of a Spec that differs by address family.
type FamilySpec struct {
	Family ipaddr.Family
	// Set holds single addresses, NetSet networks.
	Set, NetSet string
	// Rules are the statements of the rules, one rule for each: what to match
	// before and what to do after the lookup of the source in the set.
	Rules []Rule
}

// Rule is one rule with the set's lookup between Match and Do.
type Rule struct {
	Match []Match
	Do    []Statement
}

// ParseSpec reads the parameters of the stock action, each asked by its name
// for a family. An error that wraps ErrNotExpressible names the parameter.
func ParseSpec(param func(name string, family ipaddr.Family) string) (Spec, error) {
	return Spec{}, nil
}
