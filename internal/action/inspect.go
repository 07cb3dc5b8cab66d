package action

import (
	"fmt"
	"strings"

	"stockade/internal/ipaddr"
	"stockade/internal/netfilter"
)

// Inspection is what an enforcing action really has in force.
type Inspection struct {
	Name string
	// Ports and Protocols are those that it closes, as they were configured;
	// AllPorts says that it closes every port.
	Ports, Protocols string
	AllPorts         bool
	// By is "nftables" or "iptables", "" where only the action's commands know
	// what they did.
	By string
	// Table, Chains and Hook are where packets come to the bans, and Holder the
	// set or chain with the bans: inet f2b-table, f2b-chain, input, addr-set-x.
	Table, Holder, Hook string
	Chains              []string
	// Missing says what of that is gone, "" if nothing.
	Missing string
	// Holds is what the kernel holds, unless Err says why that is unknown.
	Holds []ipaddr.ID
	Err   error
}

// inspector is a native action that can tell what is in the kernel.
type inspector interface {
	inspect(in *Inspection)
}

// Inspect asks the kernel what the enforcing actions have in it.
func (s *Set) Inspect() []Inspection {
	var out []Inspection
	for _, e := range s.enforcers() {
		out = append(out, e.inspect())
	}
	return out
}

func (e *entry) inspect() Inspection {
	native := e.native()
	get := e.props.lookup("")
	text := func(tag string) string {
		v, err := expand("<"+tag+">", get)
		if err != nil || v == "<"+tag+">" {
			return ""
		}
		return strings.TrimSpace(v)
	}
	in := Inspection{Name: e.name, Ports: text("port"), Protocols: text("protocol")}
	e.mu.Lock()
	nat, source := e.nat, e.source
	e.mu.Unlock()
	kind := e.name
	if source != nil {
		kind = source.Name
	}
	kind += " " + text("type")
	in.AllPorts = strings.Contains(kind, "allports") || in.Ports == ""
	if asked, ok := nat.(inspector); native && ok {
		asked.inspect(&in)
	}
	return in
}

func (n *nftables) inspect(in *Inspection) {
	fence := n.fence.Load()
	if fence == nil {
		return
	}
	spec := fence.Spec()
	in.By, in.Table, in.Hook = "nftables", spec.TableFamily+" "+spec.Table, spec.Hook
	in.Chains, in.Holder = []string{spec.Chain}, spec.Families[0].Set
	if err := fence.Check(); err != nil {
		in.Missing = err.Error()
	}
	in.Holds, in.Err = elements(fence)
}

func elements(fence *netfilter.Fence) ([]ipaddr.ID, error) {
	list, err := fence.Snapshot()
	if err != nil {
		return nil, fmt.Errorf("read what nftables holds: %w", err)
	}
	ids := make([]ipaddr.ID, len(list))
	for i, e := range list {
		ids[i] = e.ID
	}
	return ids, nil
}

func (n *iptables) inspect(in *Inspection) {
	wall := n.wall.Load()
	if wall == nil {
		return
	}
	in.By, in.Table = "iptables", "filter"
	in.Chains, in.Holder = wall.Entries()
	if err := wall.Check(); err != nil {
		in.Missing = err.Error()
	}
	in.Holds, in.Err = wall.Snapshot()
}
