//go:build !linux

package xtables

import "stockade/internal/ipaddr"

// countRules has no answer where there are no such tables.
func countRules(ipaddr.Family) (int, bool) { return 0, false }
