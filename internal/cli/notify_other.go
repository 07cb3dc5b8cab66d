//go:build !linux

package cli

// monotonic is of interest to systemd only.
func monotonic() int64 { return 0 }
