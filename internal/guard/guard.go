// Package guard knows which addresses a ban would hurt the owner of the
// machine with: those of its own interfaces, of administrators who are logged
// in, of its default gateways and of its resolvers.
//
// It owns the reading of /proc, of logind's sessions and of resolv.conf for that,
// and remembers what it found for a moment, because under attack it is asked for every ban. What
// cannot be read is taken as not there. It changes nothing and asks nobody.
package guard

import (
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// Addresses are those to look after, by what they are.
type Addresses struct {
	// Self are the addresses of the machine's interfaces.
	Self []netip.Addr
	// Admins are the far ends of SSH sessions that were let in.
	Admins []netip.Addr
	// Gateways and Resolvers are what the machine needs to reach others.
	Gateways, Resolvers []netip.Addr
}

// Look finds them. root is "/", or a tree that a test made.
func Look(root string) Addresses {
	return Addresses{
		Self: interfaces(), Admins: append(sessions(root), logins(root)...), Gateways: gateways(root), Resolvers: resolvers(root),
	}
}

func interfaces() []netip.Addr {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	var all []netip.Addr
	for _, a := range addrs {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			all = append(all, p.Addr().Unmap().WithZone(""))
		}
	}
	return all
}

// resolvers reads resolv.conf.
func resolvers(root string) []netip.Addr {
	text, err := os.ReadFile(filepath.Join(root, "etc/resolv.conf"))
	if err != nil {
		return nil
	}
	var all []netip.Addr
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) < 2 || fields[0] != "nameserver" {
			continue
		}
		if a, err := netip.ParseAddr(fields[1]); err == nil {
			all = append(all, a.Unmap().WithZone(""))
		}
	}
	return all
}

const (
	// freshFor is how long an answer holds at the least.
	freshFor = time.Second
	// share is how many times as long as the looking took the answer holds, so
	// that a machine with very many processes does little else under attack.
	share = 20
)

// Watch answers from memory where that is fresh. It is for any number of
// goroutines.
type Watch struct {
	// Now is the clock, Find what looks.
	Now  func() time.Time
	Find func() Addresses

	mu    sync.Mutex
	found Addresses
	till  time.Time
}

// Addresses are those of now, or of a moment ago.
func (w *Watch) Addresses() Addresses {
	w.mu.Lock()
	defer w.mu.Unlock()
	begun := w.Now()
	if begun.Before(w.till) && w.till.Sub(begun) < time.Hour {
		return w.found
	}
	w.found = w.Find()
	done := w.Now()
	w.till = done.Add(max(freshFor, share*done.Sub(begun)))
	return w.found
}
