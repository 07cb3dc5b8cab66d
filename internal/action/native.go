package action

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"stockade/internal/ipaddr"
	"stockade/internal/logbook"
	"stockade/internal/netfilter"
	"stockade/internal/ticket"
)

// nftKinds are the actions that stand for nftables, with the type that each
// of them presets.
var nftKinds = map[string]string{
	"nftables": "multiport", "nftables-multiport": "multiport", "nftables-allports": "allports",
}

// Native tells which stock action a definition is that has a native form here,
// "" if none, and why. Ours, and those whose merged raw text is a stock one's,
// are; one edited line makes an action the user's own, to be run as commands.
func Native(src *Source) (kind, why string) {
	switch {
	case src == nil:
		return "", "its files are not known here, so it runs as commands"
	case src.Library:
		kind, why = src.Name, "it is Stockade's own"
	default:
		kind = stockName(src.Digest)
		why = "its files are those of Fail2ban's stock action " + kind
		if kind == "" {
			return "", "its files differ from all stock ones, so it runs as commands"
		}
	}
	if _, ok := nftKinds[kind]; !ok {
		return "", "there is no native form of " + kind
	}
	return kind, why
}

// nftables is the native form of the nftables actions.
type nftables struct {
	env   *Env
	name  string
	props *properties
	kind  string
	// fence is nil until it is needed, and after the end.
	fence atomic.Pointer[netfilter.Fence]
	stop  atomic.Pointer[context.CancelFunc]
}

// spec reads the parameters; an error that wraps netfilter.ErrNotExpressible
// means that only nft can do what they ask for.
func (n *nftables) spec() (netfilter.Spec, error) {
	var broken error
	spec, err := netfilter.ParseSpec(nftKinds[n.kind], func(name string, fam ipaddr.Family) (string, bool) {
		get := n.props.lookup(fam.String())
		raw, ok := get(name)
		if !ok || raw == "<known/"+name+">" {
			// Parameters arrive unsubstituted. This one asks for the file's own
			// default, which is ours too where the file is a stock one.
			return "", false
		}
		text, err := expand("<"+name+">", get)
		if err != nil {
			broken = err
		}
		return text, err == nil
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
	restored, err := 0, error(nil)
	if v, ok := n.props.get("heal"); !ok || truth(v) {
		restored, err = fence.Heal()
	}
	if n.env.Lost != nil {
		n.env.Lost(n.name, loss, restored, err)
	}
}

func (n *nftables) start(logs *[]logbook.Record) error {
	if err := n.open(); err != nil {
		return &fault{fmt.Sprintf("Error starting action Jail('%s')/%s: %v", n.env.Jail, n.name, err)}
	}
	if n.props.onDemand() {
		return nil
	}
	families := []ipaddr.Family{ipaddr.Inet4, ipaddr.Inet6}
	if n.env.IPv6 != nil && !n.env.IPv6() {
		families = families[:1]
	}
	if err := n.fence.Load().Start(families...); err != nil {
		return &fault{fmt.Sprintf("Error starting action Jail('%s')/%s: %v", n.env.Jail, n.name, err)}
	}
	return nil
}

// until is when a ticket's ban ends, zero for never.
func (n *nftables) until(t *ticket.Ticket) time.Time {
	seconds := t.Bantime
	if !t.HasBantime && n.env.Bantime != nil {
		seconds = n.env.Bantime()
	}
	if seconds < 0 {
		return time.Time{}
	}
	return t.Time.Add(time.Duration(seconds) * time.Second)
}

// words are how the reference speaks of what failed.
var words = map[JobKind][2]string{
	Ban: {"ban", "banning"}, Reban: {"reban", "banning"}, Prolong: {"prolong", "prolonging"}, Unban: {"unban", "unbanning"},
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
	for i, err := range verdicts {
		if err == nil {
			continue
		}
		w := words[kind]
		in := newInfo(n.env, tickets[i])
		results[i].fail(n.name, &fault{fmt.Sprintf("Failed to execute %s jail '%s' action '%s' info '%s': Error %s %s: %v",
			w[0], n.env.Jail, n.name, in, w[1], tickets[i].Address(), err)})
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
	first := results[again[0]]
	first.log(logbook.Error, logAction, "Invariant check failed. Trying to restore a sane environment")
	if _, err := fence.Heal(); err != nil {
		first.log(logbook.Critical, logAction, "Unable to restore environment")
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
		return &fault{fmt.Sprintf("Error flushing action Jail('%s')/%s: %v", n.env.Jail, n.name, err)}
	}
	return nil
}

// end takes everything away, or leaves it to the kernel for a while.
func (n *nftables) end(mode StopMode) error {
	n.unwatch()
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
		return &fault{fmt.Sprintf("Error stopping action Jail('%s')/%s: %v", n.env.Jail, n.name, err)}
	}
	return nil
}

func (n *nftables) unwatch() {
	if cancel := n.stop.Swap(nil); cancel != nil {
		(*cancel)()
	}
}

// check heals what is missing.
func (n *nftables) check(r *Result) error {
	fence := n.fence.Load()
	if fence == nil || fence.Check() == nil {
		return nil
	}
	r.log(logbook.Error, logAction, "Invariant check failed. Trying to restore a sane environment")
	if _, err := fence.Heal(); err != nil {
		r.log(logbook.Critical, logAction, "Unable to restore environment")
		return err
	}
	return nil
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
		return &fault{fmt.Sprintf("Error reloading action Jail('%s')/%s: %v", n.env.Jail, n.name, err)}
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

// fits tells whether the parameters are within what the native form can do,
// and else which one is not.
func (n *nftables) fits() (bool, string) {
	_, err := n.spec()
	switch {
	case err == nil:
		return true, ""
	case errors.Is(err, netfilter.ErrNotExpressible):
		return false, "nft itself is needed: " + strings.TrimPrefix(err.Error(), netfilter.ErrNotExpressible.Error()+": ")
	}
	return false, err.Error()
}
