// Package netfilter holds bans in the kernel's nftables, over one lasting
// netlink connection and without any external program.
//
// It owns what this machine's kernel is told about banned addresses: table,
// chain, rules and sets under the names of Fail2ban's stock nftables action,
// and, per fence, the list of what ought to be in them. A Fence belongs to
// one action of one jail. It promises:
//
//   - Apply answers each operation on its own. A nil verdict means that the
//     kernel said yes; an error says in the kernel's words why it did not.
//   - Bans merge by ID and origin: lifting one origin leaves the others, and
//     the latest end counts.
//   - Single addresses stand in a hash set with time-outs under the stock
//     name. Networks stand in an interval set of their own, made when the first
//     one is banned, as the prefixes that cover all banned ones; each network
//     is lifted alone however they overlap.
//   - Elements carry the end of their ban plus a minute as kernel time-out, so
//     that a ban ends even if nobody is there to lift it, and ours comes first.
//   - What was found in the kernel at Start counts as a leftover of an earlier
//     run: it stays in force until Settle, which lifts all of it that was not
//     banned anew.
//
// All methods may be called by several goroutines. Where the system has no
// nftables, Open says so and nothing else of the package is reached.
package netfilter

import (
	"context"
	"errors"
	"time"

	"stockade/internal/ipaddr"
)

// ErrUnsupported is what Open reports on systems without nftables.
var ErrUnsupported = errors.New("nftables needs Linux")

// ErrNotExpressible says that parameters ask for an nftables text that this
// package does not build itself. Whoever meets it can still run nft.
var ErrNotExpressible = errors.New("not built natively")

// OpKind says what an operation does.
type OpKind int

// The kinds of operations.
const (
	// Add bans an ID, or gives a banned one another end.
	Add OpKind = iota
	// Delete lifts the ban of one origin.
	Delete
)

// Op is one change to the bans of a fence.
type Op struct {
	Kind OpKind
	ID   ipaddr.ID
	// Origin tells decisions of different makers apart; those of the jail
	// itself have the empty one.
	Origin string
	// Until is the end of the ban, zero for one without end.
	Until time.Time
}

// Element is one address or network that the kernel holds.
type Element struct {
	ID ipaddr.ID
	// Expires is when the kernel drops it by itself, zero for never.
	Expires time.Time
}

// Loss is what somebody else took away from a fence.
type Loss struct {
	// What is "table", "chain", "set" or "rule", and Name the name of it.
	What, Name string
	// Program is the name of the program that did it, "" if unknown.
	Program string
}

// Enforcer is the one door to enforcement: a batch in, a verdict for each
// operation out. nftables is the first one behind it.
type Enforcer interface {
	Apply(ops []Op) []error
	// Snapshot is what is really enforced now.
	Snapshot() ([]Element, error)
	// Watch calls lost whenever somebody else removed what enforces, until ctx
	// is done. It may be called from any goroutine, and may call the Enforcer.
	Watch(ctx context.Context, lost func(Loss)) error
}

// Options of the connection.
type Options struct {
	// NetNS is a descriptor of the network namespace to work in, 0 for the own.
	NetNS int
	// Now is the clock that ends of bans are compared with; nil is the machine's.
	Now func() time.Time
}

// timeoutMargin is how long the kernel keeps an element after the end of its
// ban. Ours has to come first, else the log would report a ban that is gone.
const timeoutMargin = 60 * time.Second
