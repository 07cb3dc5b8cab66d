package netfilter

import (
	"fmt"
	"time"
)

// claim notes the sets of a fence, for as long as the process lives.
func (c *Conn) claim(spec *Spec) {
	c.names.Lock()
	defer c.names.Unlock()
	for i := range spec.Families {
		f := &spec.Families[i]
		for _, ref := range []setRef{{spec.TableFamily, spec.Table, f.Set, false}, {spec.TableFamily, spec.Table, f.NetSet, true}} {
			c.claimed[ref] = true
		}
	}
}

// formerSets are what an action of the name has by default, before the name.
var formerSets = []struct {
	prefix   string
	interval bool
}{{"addr-set-", false}, {"addr6-set-", false}, {"net-set-", true}, {"net6-set-", true}}

// RemoveFormer takes sets away that an earlier run has left behind for an action
// that there is no more, by the name that the action had, with their rules. A
// set that still holds something, that a fence has, or that is not built as
// ours are stays. It tells which sets are gone, and when the last element of
// the others expires; 0 if none does.
func (c *Conn) RemoveFormer(name string) (gone []string, left time.Duration, err error) {
	// Held throughout, so that no fence comes to have the set meanwhile.
	c.names.Lock()
	defer c.names.Unlock()
	for _, former := range formerSets {
		set := setRef{"inet", "f2b-table", former.prefix + name, former.interval}
		if c.claimed[set] {
			continue
		}
		ours, err := c.kernel.ours(set)
		if err != nil {
			return gone, left, err
		}
		if !ours {
			continue
		}
		elements, err := c.kernel.list(set)
		if err != nil {
			return gone, left, err
		}
		if len(elements) > 0 {
			for _, e := range elements {
				left = max(left, e.left)
			}
			continue
		}
		spec := Spec{TableFamily: set.tableFamily, Table: set.table}
		if err := c.kernel.remove(&spec, []FamilySpec{{Set: set.name, NetSet: set.name}}); err != nil {
			return gone, left, fmt.Errorf("remove what the former %s has left: %w", name, err)
		}
		gone = append(gone, set.name)
	}
	return gone, left, nil
}
