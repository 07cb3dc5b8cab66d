package jail

import "sync"

// mailbox is the queue of a jail's messages. Putting never waits: log batches
// are bounded by the windows of their subscriptions, and a command's caller
// waits for its answer, so what can pile up is bounded where it comes from.
type mailbox struct {
	mu     sync.Mutex
	queue  []Message
	closed bool
	wake   chan struct{}
}

func newMailbox() *mailbox { return &mailbox{wake: make(chan struct{}, 1)} }

// put reports whether the message will be seen.
func (b *mailbox) put(m Message) bool {
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return false
	}
	b.queue = append(b.queue, m)
	b.mu.Unlock()
	select {
	case b.wake <- struct{}{}:
	default:
	}
	return true
}

// take empties the box.
func (b *mailbox) take() []Message {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := b.queue
	b.queue = nil
	return all
}

// close refuses what comes later and returns what was left.
func (b *mailbox) close() []Message {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	all := b.queue
	b.queue = nil
	return all
}
