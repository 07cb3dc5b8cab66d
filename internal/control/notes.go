package control

import (
	"maps"
	"sync"

	"stockade/internal/jail"
)

// notes remember how options of jails were written. Python tells 600 from
// 600.0, 'yes' from True and what was never set from what is off, and clients
// print the difference; the jails themselves need not know it.
type notes struct {
	mu    sync.Mutex
	jails map[string]map[string]any
}

// begin forgets all about a jail that is made anew.
func (n *notes) begin(name string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.jails == nil {
		n.jails = map[string]map[string]any{}
	}
	n.jails[name] = map[string]any{}
}

func (n *notes) set(name, option string, value any) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.jails == nil {
		n.jails = map[string]map[string]any{}
	}
	if n.jails[name] == nil {
		n.jails[name] = map[string]any{}
	}
	n.jails[name][option] = value
}

func (n *notes) get(name, option string) (value any, ok bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	value, ok = n.jails[name][option]
	return value, ok
}

// take takes over the notes of a stage that was committed.
func (n *notes) take(staged *notes) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.jails == nil {
		n.jails = map[string]map[string]any{}
	}
	maps.Copy(n.jails, staged.jails)
}

// note remembers the value that a client is told for an option.
func (c *call) note(s *jail.State, option string, value any) {
	c.written.set(s.Name(), option, value)
}

// noted is what was remembered of an option, else the value at hand.
func (c *call) noted(s *jail.State, option string, value any) any {
	if v, ok := c.written.get(s.Name(), option); ok {
		return v
	}
	return value
}
