package action

import (
	"sync"

	"stockade/internal/web"
)

// Locks keep commands of the same action.d name from running at once, over all
// jails: stock scripts share files, and Fail2ban runs one command at a time.
type Locks struct {
	mu    sync.Mutex
	names map[string]*sync.Mutex
	// recent is what services were told a moment ago.
	recent web.Recent
}

// NewLocks makes the locks that all sets of a server share.
func NewLocks() *Locks { return &Locks{names: map[string]*sync.Mutex{}} }

// of returns the lock of one name.
func (l *Locks) of(name string) *sync.Mutex {
	l.mu.Lock()
	defer l.mu.Unlock()
	m := l.names[name]
	if m == nil {
		m = new(sync.Mutex)
		l.names[name] = m
	}
	return m
}
