package source

import (
	"errors"
	"fmt"
	"sync"

	"stockade/internal/clock"
)

// Hub owns all readers. It is safe for any number of goroutines.
type Hub struct {
	clock  clock.Clock
	notify *notifier // nil where there is none: all files are polled

	mu       sync.Mutex
	readers  map[string]*reader
	journals map[journalKey]*journalReader
	closed   bool
	running  sync.WaitGroup
}

// errClosed is the error of a hub that was closed.
var errClosed = errors.New("sources are closed")

// New makes a hub. It reads nothing and runs nothing until it is subscribed to.
func New(opts Options) *Hub {
	h := &Hub{clock: opts.Clock, readers: map[string]*reader{}, journals: map[journalKey]*journalReader{}}
	if h.clock == nil {
		h.clock = clock.Real()
	}
	if !opts.Polling {
		h.notify = newNotifier()
	}
	return h
}

// Backend names what tells the hub of changes: "inotify" or "polling".
func (h *Hub) Backend() string {
	if h.notify != nil {
		return "inotify"
	}
	return "polling"
}

// Subscribe begins to read a file. The file is looked at before it returns:
// Position is where reading will begin and State().Err says whether it must be
// waited for. The error is about the options only.
func (h *Hub) Subscribe(path string, opts SubscribeOptions) (*Subscription, error) {
	if path == "" || opts.Sink == nil {
		return nil, fmt.Errorf("subscribe to %q: a path and a sink are needed", path)
	}
	h.mu.Lock()
	if h.closed {
		h.mu.Unlock()
		return nil, errClosed
	}
	r := h.readers[path]
	if r == nil {
		r = newReader(h, path)
		h.readers[path] = r
		h.running.Go(r.run)
	}
	s := newSubscription(path, r, h.clock, opts.Window, opts.Sink, opts.Notice)
	s.opts, s.mates = opts, opts.Mates
	// The reader cannot end between here and the attachment: it ends only with
	// the hub locked and nobody on it.
	r.interested++
	h.mu.Unlock()
	r.do(func() { r.attach(s) })
	return h.unlessClosed(s)
}

// unlessClosed ends a subscription that was made while the hub was closed.
func (h *Hub) unlessClosed(s *Subscription) (*Subscription, error) {
	h.mu.Lock()
	closed := h.closed
	h.mu.Unlock()
	if closed {
		s.Close()
		return nil, errClosed
	}
	return s, nil
}

// release tells the hub that a subscription to a file ended; the last one
// ends the reader.
func (h *Hub) release(r *reader) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if r.interested--; r.interested == 0 {
		delete(h.readers, r.path)
		close(r.quit)
	}
}

// Close ends all subscriptions and waits until no Sink is called any more.
func (h *Hub) Close() {
	h.mu.Lock()
	h.closed = true
	var all []*Subscription
	for _, r := range h.readers {
		all = append(all, r.subscriptions()...)
	}
	for _, j := range h.journals {
		all = append(all, j.subscriptions()...)
	}
	h.mu.Unlock()
	for _, s := range all {
		s.Close()
	}
	h.running.Wait()
	if h.notify != nil {
		h.notify.close()
	}
}
