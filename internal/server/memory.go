package server

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"time"
)

const (
	// smallGarbage is how much garbage may gather, in bytes, however little
	// lives. A server lives in a few MiB, and the usual 100 percent would have a
	// flood of failures collected every few milliseconds.
	smallGarbage = 32 << 20
	// mostPercent leads there from the collector's own smallest heap, 4 MiB.
	mostPercent = 800
	// Where more lives it may be usualPercent, up to largeGarbage.
	usualPercent = 400
	largeGarbage = 128 << 20
	// quiet is how long the time between two collections is where nothing
	// happens: the runtime collects every two minutes anyway.
	quiet = time.Minute
	// worthFreeing is how many bytes must be free to be given back then.
	worthFreeing = 4 << 20
)

// percentFor is how much garbage may gather, in percent of what lives: at least
// as much as that.
func percentFor(live uint64) int {
	if live == 0 {
		return mostPercent
	}
	garbage := max(smallGarbage, min(live*usualPercent/100, largeGarbage), live)
	return int(min(garbage*100/live, mostPercent))
}

// collector has garbage gather as percentFor says, and gives memory back when
// the server has become quiet.
type collector struct {
	mu      sync.Mutex
	percent int
	last    time.Time
}

var settled collector

// Settle gives back the memory that the start took, and prepares for service:
// it is called when the configuration is read.
func Settle() {
	settled.mu.Lock()
	watching := settled.percent != 0
	settled.percent, settled.last = mostPercent, time.Now()
	settled.mu.Unlock()
	debug.SetGCPercent(mostPercent)
	if !watching {
		settled.watch()
	}
	debug.FreeOSMemory()
	releaseProgram()
}

// watch calls collected after the next collection. The object is large enough
// not to share its memory with others, which would keep it.
func (c *collector) watch() {
	runtime.AddCleanup(new([64]byte), func(c *collector) {
		c.collected(time.Now())
		c.watch()
	}, c)
}

// collected is called after each collection.
func (c *collector) collected(now time.Time) {
	heap := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/memory/classes/heap/free:bytes"}}
	metrics.Read(heap)
	live, free := heap[0].Value.Uint64(), heap[1].Value.Uint64()
	c.mu.Lock()
	defer c.mu.Unlock()
	calm := now.Sub(c.last) >= quiet
	c.last = now
	// Setting it stops the world for a moment: small changes are not worth that.
	if percent := percentFor(live); percent < c.percent*3/4 || percent > c.percent*4/3 {
		c.percent = percent
		debug.SetGCPercent(percent)
	}
	if calm && free > worthFreeing {
		debug.FreeOSMemory()
	}
}
