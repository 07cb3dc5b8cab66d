package netfilter

import (
	"sync"
	"time"
)

// Conn is the lasting connection to the kernel's nftables. All fences share it.
type Conn struct {
	kernel kernel
	close  func()
	now    func() time.Time

	mu      sync.Mutex
	options Options
	watch   *watcher

	// names guards claimed, the sets that fences of this process have or had.
	names   sync.Mutex
	claimed map[setRef]bool
}

// Open connects to nftables. It fails where the kernel has none or where the
// process may not use it.
func Open(o Options) (*Conn, error) {
	k, closer, err := openKernel(o)
	if err != nil {
		return nil, err
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Conn{kernel: k, close: closer, now: o.Now, options: o, claimed: map[setRef]bool{}}, nil
}

// Close ends the connection. What is in the kernel stays.
func (c *Conn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.watch != nil {
		c.watch.stop()
		c.watch = nil
	}
	c.close()
	return nil
}

// NewFence describes a fence and changes nothing yet.
func (c *Conn) NewFence(spec Spec) *Fence {
	f := &Fence{conn: c, kernel: c.kernel, now: c.now}
	f.describe(spec)
	return f
}
