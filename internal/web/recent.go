package web

import (
	"sync"
	"time"
)

// maxRecent bounds the addresses that are remembered. Past it the memory
// begins anew: a report too many does no harm.
const maxRecent = 100_000

// Recent remembers what was told a moment ago, for services that want an
// address only every so often. All jails of a server share one.
type Recent struct {
	mu   sync.Mutex
	told map[string]time.Time
}

// Fresh tells whether something was told within the last gap.
func (r *Recent) Fresh(what string, now time.Time, gap time.Duration) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	at, ok := r.told[what]
	return ok && now.Sub(at) < gap && !now.Before(at)
}

// Told notes that something was told. What is older than gap is forgotten when
// there is much of it.
func (r *Recent) Told(what string, now time.Time, gap time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.told == nil {
		r.told = map[string]time.Time{}
	}
	if len(r.told) >= maxRecent {
		for k, at := range r.told {
			if now.Sub(at) >= gap {
				delete(r.told, k)
			}
		}
		if len(r.told) >= maxRecent {
			r.told = map[string]time.Time{}
		}
	}
	r.told[what] = now
}
