package cli

import "golang.org/x/sys/unix"

// monotonic is the monotonic clock in microseconds.
func monotonic() int64 {
	var now unix.Timespec
	// It is always there.
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &now)
	return now.Nano() / 1000
}
