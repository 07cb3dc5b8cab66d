package whois

import (
	"context"
	"net/netip"
	"strings"
	"sync"
	"time"

	"stockade/internal/clock"
)

const (
	// maxMemory is how many answers are kept. An answer has a few KiB.
	maxMemory = 256
	// keepAnswer is how long an answer holds: who has a network changes rarely.
	keepAnswer = 24 * time.Hour
	// keepFailure spares a server that does not answer, and us its time-out.
	keepFailure = time.Minute
)

// memory holds answers with the range of addresses that each is about.
type memory struct {
	clock clock.Clock
	mu    sync.Mutex
	list  []answered
	// asking holds a channel for each address that is being asked about.
	asking map[netip.Addr]chan struct{}
	// dead is until when nobody is asked, and why.
	dead    time.Time
	deadErr error
}

type answered struct {
	first, last netip.Addr
	text        string
	until       time.Time
}

func newMemory(clk clock.Clock) memory {
	return memory{clock: clk, asking: map[netip.Addr]chan struct{}{}}
}

// remembered gives an earlier answer, or asks and keeps what comes. Questions
// about one address at the same time are asked once.
func (m *memory) remembered(ctx context.Context, addr netip.Addr, ask func() (answer, error)) (string, error) {
	for {
		m.mu.Lock()
		now := m.clock.Now()
		if text, ok := m.find(addr, now); ok {
			m.mu.Unlock()
			return text, nil
		}
		if now.Before(m.dead) {
			err := m.deadErr
			m.mu.Unlock()
			return "", err
		}
		wait, busy := m.asking[addr]
		if !busy {
			m.asking[addr] = make(chan struct{})
			m.mu.Unlock()
			break
		}
		m.mu.Unlock()
		select {
		case <-wait:
		case <-ctx.Done():
			return "", context.Cause(ctx)
		}
	}
	got, err := ask()
	m.mu.Lock()
	defer m.mu.Unlock()
	close(m.asking[addr])
	delete(m.asking, addr)
	if err != nil {
		m.dead, m.deadErr = m.clock.Now().Add(keepFailure), err
		return "", err
	}
	m.keep(addr, got)
	return got.text, nil
}

func (m *memory) find(addr netip.Addr, now time.Time) (string, bool) {
	for _, a := range m.list {
		if a.first.Compare(addr) <= 0 && addr.Compare(a.last) <= 0 && a.first.BitLen() == addr.BitLen() && now.Before(a.until) {
			return a.text, true
		}
	}
	return "", false
}

func (m *memory) keep(addr netip.Addr, got answer) {
	first, last, until := addr, addr, m.clock.Now().Add(keepFailure)
	if !got.partial {
		first, last = about(got.text, addr)
		until = m.clock.Now().Add(keepAnswer)
	}
	if len(m.list) >= maxMemory {
		m.list = append(m.list[:0], m.list[1:]...)
	}
	m.list = append(m.list, answered{first, last, got.text, until})
}

// about finds the narrowest range in an answer that holds the address: other
// addresses of it have the same answer. Where there is none, the answer is about
// the address alone.
func about(text string, addr netip.Addr) (first, last netip.Addr) {
	first, last = addr, addr
	found := false
	for line := range strings.Lines(text) {
		key, value, ok := strings.Cut(line, ":")
		if !ok {
			continue
		}
		switch strings.ToLower(strings.TrimSpace(key)) {
		case "inetnum", "inet6num", "netrange":
		default:
			continue
		}
		a, b, ok := parseRange(value)
		if !ok || a.BitLen() != addr.BitLen() || a.Compare(addr) > 0 || b.Compare(addr) < 0 {
			continue
		}
		if !found || first.Compare(a) <= 0 && b.Compare(last) <= 0 {
			first, last, found = a, b, true
		}
	}
	return first, last
}

// parseRange reads "FIRST - LAST" or a prefix.
func parseRange(value string) (first, last netip.Addr, ok bool) {
	value = strings.TrimSpace(value)
	if a, b, isRange := strings.Cut(value, "-"); isRange {
		first, errA := netip.ParseAddr(strings.TrimSpace(a))
		last, errB := netip.ParseAddr(strings.TrimSpace(b))
		return first, last, errA == nil && errB == nil && first.BitLen() == last.BitLen()
	}
	p, err := netip.ParsePrefix(value)
	if err != nil {
		return first, last, false
	}
	p = p.Masked()
	raw := p.Addr().AsSlice()
	for i := p.Bits(); i < len(raw)*8; i++ {
		raw[i/8] |= 0x80 >> (i % 8)
	}
	last, _ = netip.AddrFromSlice(raw)
	return p.Addr(), last, true
}
