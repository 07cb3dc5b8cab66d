package ignore

import (
	"container/list"
	"time"

	"stockade/internal/ticket"
)

// CacheOptions are the parts of ignorecache.
type CacheOptions struct {
	// Key is a template with tags of the ticket.
	Key string
	// MaxCount is the number of answers kept, MaxTime how long one holds.
	MaxCount int
	MaxTime  time.Duration
}

// cache keeps answers, the oldest one leaving first. A nil cache keeps none.
type cache struct {
	opt     CacheOptions
	answers map[string]*list.Element
	order   *list.List
}

type answer struct {
	key    string
	until  time.Time
	ignore bool
}

// Cache returns the options of ignorecache, false if it is off.
func (r *Rules) Cache() (CacheOptions, bool) {
	if r.cache == nil {
		return CacheOptions{}, false
	}
	return r.cache.opt, true
}

// SetCache switches ignorecache on, with an empty key off.
func (r *Rules) SetCache(opt CacheOptions) {
	if opt.Key == "" {
		r.cache = nil
		return
	}
	r.cache = &cache{opt: opt, answers: map[string]*list.Element{}, order: list.New()}
}

func (r *Rules) cacheKey(t *ticket.Ticket, env Env) string {
	if r.cache == nil {
		return ""
	}
	return env.Expand(r.cache.opt.Key, t)
}

func (c *cache) get(now time.Time, key string) (ignore, known bool) {
	if c == nil {
		return false, false
	}
	e := c.answers[key]
	if e == nil {
		return false, false
	}
	a := e.Value.(answer)
	if now.After(a.until) {
		c.order.Remove(e)
		delete(c.answers, key)
		return false, false
	}
	return a.ignore, true
}

func (c *cache) put(now time.Time, key string, ignore bool) {
	if c == nil {
		return
	}
	a := answer{key: key, until: now.Add(c.opt.MaxTime), ignore: ignore}
	if e := c.answers[key]; e != nil {
		e.Value = a
		return
	}
	for c.order.Len() >= max(c.opt.MaxCount, 1) {
		oldest := c.order.Remove(c.order.Front()).(answer)
		delete(c.answers, oldest.key)
	}
	c.answers[key] = c.order.PushBack(a)
}
