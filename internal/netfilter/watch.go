package netfilter

import (
	"context"
	"slices"
	"sync"
)

// watcher tells fences of what others removed.
type watcher struct {
	mu     sync.Mutex
	subs   map[*Fence]func(Loss)
	tables map[*tableWatch]struct{}
	stop   func()
}

// TableName is a table of nftables, in a family as nft calls it.
type TableName struct{ Family, Name string }

// tableWatch is somebody who wants to know of removals from whole tables.
type tableWatch struct {
	tables  []TableName
	changed func(program string)
}

// removal is something that was deleted from nftables by somebody else.
type removal struct {
	what, tableFamily, table, name string
}

// watchFor registers a fence; the first one starts the watching.
func (c *Conn) watchFor(ctx context.Context, f *Fence, lost func(Loss)) error {
	w, err := c.watcher()
	if err != nil {
		return err
	}
	w.mu.Lock()
	w.subs[f] = lost
	w.mu.Unlock()
	context.AfterFunc(ctx, func() {
		w.mu.Lock()
		delete(w.subs, f)
		w.mu.Unlock()
	})
	return nil
}

// WatchTables calls changed whenever somebody removed something from one of the
// tables, or may have, until ctx is done. It is for rules that other programs
// keep in nftables, as iptables does.
func (c *Conn) WatchTables(ctx context.Context, tables []TableName, changed func(program string)) error {
	w, err := c.watcher()
	if err != nil {
		return err
	}
	t := &tableWatch{tables, changed}
	w.mu.Lock()
	w.tables[t] = struct{}{}
	w.mu.Unlock()
	context.AfterFunc(ctx, func() {
		w.mu.Lock()
		delete(w.tables, t)
		w.mu.Unlock()
	})
	return nil
}

// watcher gives the connection's watcher, and starts it at the first call.
func (c *Conn) watcher() (*watcher, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.watch == nil {
		w := &watcher{subs: map[*Fence]func(Loss){}, tables: map[*tableWatch]struct{}{}}
		stop, err := watchKernel(c.kernel, c.options.NetNS, w.happened)
		if err != nil {
			return nil, err
		}
		w.stop = stop
		c.watch = w
	}
	return c.watch, nil
}

func (t *tableWatch) concerned(removals []removal) bool {
	if len(removals) == 0 {
		return true
	}
	return slices.ContainsFunc(removals, func(r removal) bool {
		return slices.Contains(t.tables, TableName{r.tableFamily, r.table})
	})
}

// tellOthers tells the other fences of what one had to remove.
func (c *Conn) tellOthers(r removal) {
	c.mu.Lock()
	w := c.watch
	c.mu.Unlock()
	if w == nil {
		return
	}
	// Not here: the fence that calls holds its lock.
	go w.happened([]removal{r}, "stockade")
}

// happened is called for each transaction of others that removed something. No
// removals mean that some went by unseen.
func (w *watcher) happened(removals []removal, program string) {
	type concern struct {
		fence *Fence
		lost  func(Loss)
		loss  Loss
	}
	var concerns []concern
	var changed []*tableWatch
	w.mu.Lock()
	for t := range w.tables {
		if t.concerned(removals) {
			changed = append(changed, t)
		}
	}
	for f, lost := range w.subs {
		if loss, ok := f.concerned(removals); ok {
			loss.Program = program
			concerns = append(concerns, concern{f, lost, loss})
		}
	}
	w.mu.Unlock()
	for _, t := range changed {
		t.changed(program)
	}
	for _, c := range concerns {
		// It may have been a neighbour's rule, or be back already.
		if c.fence.Check() != nil {
			c.lost(c.loss)
		}
	}
}

// concerned picks the widest removal that may touch the fence.
func (f *Fence) concerned(removals []removal) (Loss, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(removals) == 0 {
		return Loss{What: "unknown", Name: f.spec.Table}, true
	}
	best, rank := Loss{}, 0
	for _, r := range removals {
		if r.table != f.spec.Table || r.tableFamily != f.spec.TableFamily {
			continue
		}
		n := 0
		switch r.what {
		case "table":
			n = 4
		case "chain":
			if r.name == f.spec.Chain {
				n = 3
			}
		case "set":
			for i := range f.spec.Families {
				if r.name == f.spec.Families[i].Set || r.name == f.spec.Families[i].NetSet {
					n = 2
				}
			}
		case "rule":
			n = 1
		}
		if n > rank {
			best, rank = Loss{What: r.what, Name: r.name}, n
		}
	}
	return best, rank > 0
}
