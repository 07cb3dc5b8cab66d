//go:build bench && linux

package pyre

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestCost is the part of `make bench` that measures what the worst patterns
// cost on a line of the usual length and on the longest: seconds of the
// processor, the best of a few, as the step budget is what the tests hold them
// to.
func TestCost(t *testing.T) {
	runtime.LockOSThread()
	fmt.Printf("\nThe %d exploding patterns, one search each\n\n", len(explosive))
	m := NewMachine()
	for _, size := range []int{1 << 10, 64 << 10} {
		worst, which, given := time.Duration(0), "", 0
		for _, p := range explosive {
			re := mustCompile(t, p.pattern, 0)
			text := []byte(p.head + strings.Repeat(p.pump, size/len(p.pump)) + p.tail)
			least := time.Hour
			var err error
			for range 5 {
				b := LineBudget(len(text))
				begin := threadTime(t)
				_, err = m.Search(re, text, 0, len(text), &b)
				least = min(least, threadTime(t)-begin)
			}
			if err != nil {
				given++
			}
			if least > worst {
				worst, which = least, p.pattern
			}
		}
		fmt.Printf("  %6d bytes: %d given up, the worst after %6.1f ms: %s\n", size, given, float64(worst.Microseconds())/1000, which)
	}
}

// threadTime is the processor time of this thread.
func threadTime(tb testing.TB) time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_THREAD, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
