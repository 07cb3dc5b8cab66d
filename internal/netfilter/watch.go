package netfilter

import (
	"context"
	"sync"
)

// watcher tells fences of what others removed.
type watcher struct {
	mu   sync.Mutex
	subs map[*Fence]func(Loss)
	stop func()
}

// removal is something that was deleted from nftables by somebody else.
type removal struct {
	what, tableFamily, table, name string
}

// watchFor registers a fence; the first one starts the watching.
func (c *Conn) watchFor(ctx context.Context, f *Fence, lost func(Loss)) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.watch == nil {
		w := &watcher{subs: map[*Fence]func(Loss){}}
		stop, err := watchKernel(c.kernel, c.options.NetNS, w.happened)
		if err != nil {
			return err
		}
		w.stop = stop
		c.watch = w
	}
	w := c.watch
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
	w.mu.Lock()
	for f, lost := range w.subs {
		if loss, ok := f.concerned(removals); ok {
			loss.Program = program
			concerns = append(concerns, concern{f, lost, loss})
		}
	}
	w.mu.Unlock()
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
