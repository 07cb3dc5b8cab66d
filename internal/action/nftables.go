package action

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"time"

	"stockade/internal/ipaddr"
	"stockade/internal/logbook"
	"stockade/internal/netfilter"
	"stockade/internal/ticket"
)

// nftables is the native form of the nftables actions.
type nftables struct {
	parts
	watching
	// preset is the type where the parameters name none.
	preset string
	cutter cutter
	// fence is nil until it is needed, and after the end.
	fence atomic.Pointer[netfilter.Fence]
}

func newNftables(preset string) func(parts) native {
	return func(p parts) native {
		return &nftables{parts: p, preset: preset, cutter: cutter{env: p.env, name: p.name}}
	}
}

// spec reads the parameters; an error that wraps netfilter.ErrNotExpressible
// means that only nft can do what they ask for.
func (n *nftables) spec() (netfilter.Spec, error) {
	var broken error
	spec, err := netfilter.ParseSpec(n.preset, func(name string, fam ipaddr.Family) (string, bool) {
		text, ok, err := n.param(name, fam.String())
		if err != nil {
			broken = err
		}
		return text, ok
	})
	if broken != nil {
		return spec, broken
	}
	return spec, err
}

// open makes the fence at the first use, and takes over what an earlier run
// left in the kernel.
func (n *nftables) open() error {
	if n.fence.Load() != nil {
		return nil
	}
	spec, err := n.spec()
	if err != nil {
		return err
	}
	if n.env.Netfilter == nil {
		return netfilter.ErrUnsupported
	}
	conn, err := n.env.Netfilter()
	if err != nil {
		return err
	}
	fence := conn.NewFence(spec)
	if _, err := fence.Adopt(); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	if err := fence.Watch(ctx, n.lost); err != nil {
		cancel()
		return err
	}
	n.fence.Store(fence)
	n.stop.Store(&cancel)
	return nil
}

// lost puts back what somebody took away.
func (n *nftables) lost(loss netfilter.Loss) {
	fence := n.fence.Load()
	if fence == nil {
		return
	}
	restored, err := -1, error(nil)
	if n.heals() {
		restored, err = fence.Heal()
	}
	if n.env.Lost != nil {
		n.env.Lost(n.name, loss, restored, err)
	}
}

func (n *nftables) start(logs *[]logbook.Record) error {
	if err := n.open(); err != nil {
		return n.fault("starting", err)
	}
	if n.props.onDemand() {
		return nil
	}
	if err := n.fence.Load().Start(n.families()...); err != nil {
		return n.fault("starting", err)
	}
	return nil
}

// until is when a ticket's ban ends, zero for never.
func (n *nftables) until(t *ticket.Ticket) time.Time {
	seconds := n.seconds(t)
	if seconds < 0 {
		return time.Time{}
	}
	return t.Time.Add(time.Duration(seconds) * time.Second)
}

// apply carries out a batch and gives each ticket its verdict.
func (n *nftables) apply(kind JobKind, tickets []*ticket.Ticket, results []*Result) {
	ops := make([]netfilter.Op, len(tickets))
	for i, t := range tickets {
		ops[i] = netfilter.Op{ID: t.Address(), Until: n.until(t)}
		if kind == Unban {
			ops[i].Kind = netfilter.Delete
		}
	}
	verdicts := n.try(ops, results)
	if kind == Ban || kind == Reban {
		if ties, err := n.ties(); err == nil {
			n.cutter.cut(n.env.Netfilter, ties, tickets, verdicts)
		}
	}
	for i, err := range verdicts {
		if err == nil {
			continue
		}
		n.failed(kind, tickets[i], results[i], err)
	}
}

// try applies operations; where that fails because something is missing in the
// kernel, it is made anew and the failed ones are tried once more.
func (n *nftables) try(ops []netfilter.Op, results []*Result) []error {
	verdicts := make([]error, len(ops))
	if err := n.open(); err != nil {
		for i := range verdicts {
			verdicts[i] = err
		}
		return verdicts
	}
	fence := n.fence.Load()
	verdicts = fence.Apply(ops)
	var again []int
	for i, err := range verdicts {
		if err != nil {
			again = append(again, i)
		}
	}
	if len(again) == 0 || fence.Check() == nil {
		return verdicts
	}
	if repair(results[again[0]], fence.Heal) != nil {
		return verdicts
	}
	retry := make([]netfilter.Op, len(again))
	for i, at := range again {
		retry[i] = ops[at]
	}
	for i, err := range fence.Apply(retry) {
		verdicts[again[i]] = err
	}
	return verdicts
}

func (n *nftables) canFlush() bool {
	fence := n.fence.Load()
	return fence != nil && fence.Len() > 0
}

func (n *nftables) flush() error {
	fence := n.fence.Load()
	if fence == nil {
		return nil
	}
	if err := fence.Flush(); err != nil {
		return n.fault("flushing", err)
	}
	return nil
}

// end takes everything away, or leaves it to the kernel for a while.
func (n *nftables) end(mode StopMode) error {
	n.quit()
	fence := n.fence.Swap(nil)
	if fence == nil {
		return nil
	}
	var err error
	if mode == Leave {
		err = fence.ReArm(leaveFor)
	} else {
		err = fence.Stop()
	}
	if err != nil {
		return n.fault("stopping", err)
	}
	return nil
}

// check heals what is missing.
func (n *nftables) check(r *Result) error {
	fence := n.fence.Load()
	if fence == nil || fence.Check() == nil {
		return nil
	}
	return repair(r, fence.Heal)
}

// reload applies changed parameters to the rules that are in the kernel.
func (n *nftables) reload() error {
	fence := n.fence.Load()
	if fence == nil {
		return nil
	}
	spec, err := n.spec()
	if err == nil {
		err = fence.Respec(spec)
	}
	if err != nil {
		return n.fault("reloading", err)
	}
	return nil
}

// settle lifts what an earlier run left and nobody restored.
func (n *nftables) settle() error {
	fence := n.fence.Load()
	if fence == nil {
		return nil
	}
	_, err := fence.Settle()
	return err
}

func (n *nftables) started() []string {
	fence := n.fence.Load()
	if fence == nil {
		return nil
	}
	var out []string
	for _, f := range fence.Started() {
		out = append(out, f.String())
	}
	return out
}

func (n *nftables) held() int {
	if fence := n.fence.Load(); fence != nil {
		return fence.Len()
	}
	return 0
}

// ties are the connections that a ban cuts.
func (n *nftables) ties() (netfilter.Ties, error) {
	text, _, err := n.param("kill", "")
	if err != nil {
		return netfilter.Ties{}, err
	}
	return parseTies(text)
}

// sets describes what is in the kernel. A counter that cannot be read is none.
func (n *nftables) sets() []netfilter.SetState {
	fence := n.fence.Load()
	if fence == nil {
		return nil
	}
	list, _ := fence.Sets()
	return list
}

// fits tells whether the parameters are within what the native form can do,
// and else which one is not.
func (n *nftables) fits() (bool, string) {
	_, err := n.spec()
	if err == nil {
		_, err = n.ties()
	}
	switch {
	case err == nil:
		return true, ""
	case errors.Is(err, netfilter.ErrNotExpressible):
		return false, "nft itself is needed: " + strings.TrimPrefix(err.Error(), netfilter.ErrNotExpressible.Error()+": ")
	}
	return false, err.Error()
}
