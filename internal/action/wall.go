package action

import (
	"context"
	"sync/atomic"

	"stockade/internal/ipaddr"
	"stockade/internal/logbook"
	"stockade/internal/ticket"
)

// watching is what a native firewall action looks out for others' changes with.
type watching struct {
	stop atomic.Pointer[context.CancelFunc]
}

// quit stops watching.
func (w *watching) quit() {
	if cancel := w.stop.Swap(nil); cancel != nil {
		(*cancel)()
	}
}

// families are those in which bans are made.
func (p *parts) families() []ipaddr.Family {
	if p.env.IPv6 != nil && !p.env.IPv6() {
		return []ipaddr.Family{ipaddr.Inet4}
	}
	return []ipaddr.Family{ipaddr.Inet4, ipaddr.Inet6}
}

// heals tells whether what somebody took away is put back.
func (p *parts) heals() bool {
	v, ok := p.props.get("heal")
	return !ok || truth(v)
}

// seconds is how long a ticket's ban lasts, below zero for ever.
func (p *parts) seconds(t *ticket.Ticket) int64 {
	if !t.HasBantime && p.env.Bantime != nil {
		return p.env.Bantime()
	}
	return t.Bantime
}

// repair makes anew what is missing in the kernel, with the reference's words.
func repair(r *Result, heal func() (int, error)) error {
	r.log(logbook.Error, logAction, "Invariant check failed. Trying to restore a sane environment")
	_, err := heal()
	if err != nil {
		r.log(logbook.Critical, logAction, "Unable to restore environment")
	}
	return err
}
