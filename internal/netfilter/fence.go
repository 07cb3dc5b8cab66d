package netfilter

import (
	"context"
	"time"

	"stockade/internal/ipaddr"
)

// Conn is the lasting connection to the kernel's nftables.
type Conn struct{}

// Open connects to nftables. It fails where the kernel has none or where the
// process may not use it.
func Open(o Options) (*Conn, error) { return nil, ErrUnsupported }

// Close ends the connection. What is in the kernel stays.
func (c *Conn) Close() error { return nil }

// Fence is what one action of one jail keeps in the kernel.
type Fence struct{}

// NewFence describes a fence and changes nothing yet.
func (c *Conn) NewFence(spec Spec) *Fence { return &Fence{} }

// Adopt looks for sets of this fence that an earlier run left behind and takes
// them over with what they hold. It reports the families found; nothing is
// made where nothing was.
func (f *Fence) Adopt() ([]ipaddr.Family, error) { return nil, nil }

// Start makes table, chain, sets and rules of the families where they are
// missing. Apply does it by itself for the families of its operations.
func (f *Fence) Start(families ...ipaddr.Family) error { return nil }

// Started are the families whose rules are in the kernel.
func (f *Fence) Started() []ipaddr.Family { return nil }

// Apply carries out the operations in order and returns a verdict for each.
func (f *Fence) Apply(ops []Op) []error { return make([]error, len(ops)) }

// Settle lifts what Start found in the kernel and nobody banned since.
// It returns how many that were.
func (f *Fence) Settle() (int, error) { return 0, nil }

// Flush lifts all bans and leaves sets and rules.
func (f *Fence) Flush() error { return nil }

// Stop removes rules and sets, and chain and table if nobody else uses them.
func (f *Fence) Stop() error { return nil }

// ReArm makes every element expire after d at the latest, so that the kernel
// lifts the bans by itself if nobody comes back.
func (f *Fence) ReArm(d time.Duration) error { return nil }

// Respec changes what the fence looks like and keeps its bans.
func (f *Fence) Respec(spec Spec) error { return nil }

// Check reports what is missing in the kernel of what ought to be there.
func (f *Fence) Check() error { return nil }

// Heal makes anew what is missing and puts every ban back.
// It returns how many elements it had to add.
func (f *Fence) Heal() (int, error) { return 0, nil }

// Len is the number of banned IDs.
func (f *Fence) Len() int { return 0 }

// Snapshot lists what the kernel holds.
func (f *Fence) Snapshot() ([]Element, error) { return nil, nil }

// Watch calls lost for each removal by others until ctx is done.
func (f *Fence) Watch(ctx context.Context, lost func(Loss)) error { return nil }

var _ Enforcer = (*Fence)(nil)
