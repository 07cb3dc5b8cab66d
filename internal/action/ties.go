package action

import (
	"fmt"
	"strings"
	"sync"

	"stockade/internal/ipaddr"
	"stockade/internal/logbook"
	"stockade/internal/netfilter"
	"stockade/internal/ticket"
)

// cutter ends the established connections of banned addresses, beside the bans:
// what a batch of bans leaves open is looked for in one go.
type cutter struct {
	env  *Env
	name string

	mu      sync.Mutex
	waiting []ipaddr.ID
	busy    bool
	// failed keeps one broken kernel from filling the log.
	failed bool
}

// parseTies reads the parameter kill.
func parseTies(text string) (ties netfilter.Ties, err error) {
	for word := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == ',' || r == ' ' }) {
		switch word {
		case "conntrack":
			ties.Flows = true
		case "sockets":
			ties.Sockets = true
		default:
			return ties, fmt.Errorf("kill = %s: there are conntrack and sockets", text)
		}
	}
	return ties, nil
}

// cut ends the connections of the tickets whose ban has no error.
func (c *cutter) cut(conn func() (*netfilter.Conn, error), ties netfilter.Ties, tickets []*ticket.Ticket, verdicts []error) {
	if ties == (netfilter.Ties{}) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, t := range tickets {
		if verdicts[i] == nil {
			c.waiting = append(c.waiting, t.Address())
		}
	}
	if len(c.waiting) > 0 && !c.busy {
		c.busy = true
		go c.work(conn, ties)
	}
}

func (c *cutter) work(open func() (*netfilter.Conn, error), ties netfilter.Ties) {
	for {
		c.mu.Lock()
		batch := c.waiting
		c.waiting = nil
		c.busy = len(batch) > 0
		c.mu.Unlock()
		if len(batch) == 0 {
			return
		}
		conn, err := open()
		var done netfilter.Severed
		if err == nil {
			done, err = conn.Cut(batch, ties)
		}
		c.tell(done, err)
	}
}

func (c *cutter) tell(done netfilter.Severed, err error) {
	if c.env.Log == nil {
		return
	}
	if done != (netfilter.Severed{}) {
		c.env.Log(logbook.Record{Level: logbook.Info, Logger: logActions, Text: fmt.Sprintf(
			"[%s] action '%s' cut %d tracked connection(s) and %d socket(s) of banned addresses", c.env.Jail, c.name, done.Flows, done.Sockets)})
	}
	c.mu.Lock()
	first := err != nil && !c.failed
	c.failed = err != nil
	c.mu.Unlock()
	if first {
		c.env.Log(logbook.Record{Level: logbook.Warning, Logger: logActions, Text: fmt.Sprintf(
			"[%s] action '%s' cannot cut connections: %v", c.env.Jail, c.name, err)})
	}
}
