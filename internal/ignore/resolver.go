package ignore

import (
	"container/list"
	"context"
	"net/netip"
	"sync"
	"time"

	"stockade/internal/clock"
	"stockade/internal/ipaddr"
)

// Bounds of the Resolver.
const (
	// NameTTL is how long an answer is good, an empty one too.
	NameTTL = 300 * time.Second
	// MaxNames is the number of names remembered.
	MaxNames = 1000
	// MaxAsking is the number of questions under way; names come from log
	// lines, so an attacker chooses how many there are.
	MaxAsking = 16
	// AskTimeout ends one question. Whoever waits goes on without an answer.
	AskTimeout = 5 * time.Second
)

// LookupFunc resolves one name, for instance net.Resolver.LookupNetIP.
type LookupFunc func(ctx context.Context, host string) ([]netip.Addr, error)

// Resolver answers for names at once from what it knows, and asks in the
// background for what it does not. After a failure it stays with the last
// good answer. It is safe for use by several goroutines.
type Resolver struct {
	clock  clock.Clock
	lookup LookupFunc
	slots  chan struct{}

	mu    sync.Mutex
	names map[string]*list.Element
	order *list.List
}

type name struct {
	host    string
	ids     []ipaddr.ID
	known   bool
	until   time.Time
	asking  bool
	waiting []func()
}

// NewResolver returns a Resolver that asks through lookup.
func NewResolver(c clock.Clock, lookup LookupFunc) *Resolver {
	return &Resolver{
		clock: c, lookup: lookup, slots: make(chan struct{}, MaxAsking),
		names: map[string]*list.Element{}, order: list.New(),
	}
}

// Name returns what is known of a host. ok is false while nothing is; then
// done, unless it is nil, is called once the question has been settled, from
// another goroutine.
func (r *Resolver) Name(host string, done func()) (ids []ipaddr.ID, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := r.entry(host)
	if !n.known || r.clock.Now().After(n.until) {
		r.ask(n)
	}
	if !n.known && done != nil {
		n.waiting = append(n.waiting, done)
	}
	return n.ids, n.known
}

// Forget empties the cache, as a reload does.
func (r *Resolver) Forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for e := r.order.Front(); e != nil; e = e.Next() {
		e.Value.(*name).until = time.Time{}
	}
}

func (r *Resolver) entry(host string) *name {
	if e := r.names[host]; e != nil {
		r.order.MoveToBack(e)
		return e.Value.(*name)
	}
	for r.order.Len() >= MaxNames {
		oldest := r.order.Remove(r.order.Front()).(*name)
		delete(r.names, oldest.host)
		for _, done := range oldest.waiting {
			go done()
		}
	}
	n := &name{host: host}
	r.names[host] = r.order.PushBack(n)
	return n
}

// ask starts a question unless one is under way; r.mu is held.
func (r *Resolver) ask(n *name) {
	if n.asking {
		return
	}
	select {
	case r.slots <- struct{}{}:
	default:
		// Too many at once: nothing is known of this one for now. An empty
		// answer of short life lets the waiting ones go on.
		if !n.known {
			n.known, n.until = true, r.clock.Now().Add(time.Second)
		}
		return
	}
	n.asking = true
	go r.question(n)
}

func (r *Resolver) question(n *name) {
	ctx, cancel := context.WithTimeout(context.Background(), AskTimeout)
	addrs, err := r.lookup(ctx, n.host)
	cancel()
	<-r.slots

	r.mu.Lock()
	n.asking = false
	n.until = r.clock.Now().Add(NameTTL)
	if err == nil || !n.known {
		n.ids = toIDs(addrs)
	}
	n.known = true
	waiting := n.waiting
	n.waiting = nil
	r.mu.Unlock()
	for _, done := range waiting {
		done()
	}
}

func toIDs(addrs []netip.Addr) []ipaddr.ID {
	ids := make([]ipaddr.ID, 0, len(addrs))
	for _, a := range addrs {
		ids = append(ids, ipaddr.FromAddr(a.Unmap().WithZone("")))
	}
	return ids
}
