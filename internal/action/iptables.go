package action

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"

	"stockade/internal/ipaddr"
	"stockade/internal/logbook"
	"stockade/internal/netfilter"
	"stockade/internal/ticket"
	"stockade/internal/xtables"
)

// iptables is the native form of the iptables and ipset actions: the same
// chains, rules and sets, but a batch of bans in one run of one program.
type iptables struct {
	parts
	watching
	// wall is nil until it is needed, and after the end.
	wall atomic.Pointer[xtables.Wall]
}

func newIPTables(p parts) native { return &iptables{parts: p} }

func (n *iptables) spec() (xtables.Spec, error) {
	for _, name := range n.props.own() {
		name, _, _ = strings.Cut(name, "?")
		if !xtables.Known[name] {
			return xtables.Spec{}, errors.New("it is given the parameter " + name + ", which only its commands know")
		}
	}
	var broken error
	spec, err := xtables.ParseSpec(n.kind, func(name string, fam ipaddr.Family) (string, bool) {
		if name == "ipsettime" {
			// A shell expression that stands for the ban's own time.
			if raw, ok := n.props.get(name); ok && raw == xtables.TimeoutOfBan {
				return xtables.TimeoutOfBan, true
			}
		}
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

func (n *iptables) fits() (bool, string) {
	_, err := n.spec()
	switch {
	case err == nil:
		return true, ""
	case errors.Is(err, xtables.ErrNotExpressible):
		return false, "its commands are needed: " + strings.TrimPrefix(err.Error(), xtables.ErrNotExpressible.Error()+": ")
	}
	return false, err.Error()
}

// open makes the wall at the first use.
func (n *iptables) open() (*xtables.Wall, error) {
	if w := n.wall.Load(); w != nil {
		return w, nil
	}
	spec, err := n.spec()
	if err != nil {
		return nil, err
	}
	timeout, _ := n.props.timeout()
	w := xtables.New(spec, timeout)
	n.wall.Store(w)
	ctx, cancel := context.WithCancel(context.Background())
	n.stop.Store(&cancel)
	go w.Watch(ctx, n.changes(), n.lost)
	return w, nil
}

// changes are the tables of nftables in which iptables keeps its rules where it
// is built upon that. Without the connection the wall looks by itself.
func (n *iptables) changes() xtables.Changes {
	if n.env.Netfilter == nil {
		return nil
	}
	return func(ctx context.Context, changed func(program string)) error {
		conn, err := n.env.Netfilter()
		if err != nil {
			return err
		}
		return conn.WatchTables(ctx, []netfilter.TableName{{Family: "ip", Name: "filter"}, {Family: "ip6", Name: "filter"}}, changed)
	}
}

// lost puts back what somebody took away.
func (n *iptables) lost(gone *xtables.Gone, program string) {
	w := n.wall.Load()
	if w == nil {
		return
	}
	restored, err := -1, error(nil)
	if n.heals() {
		restored, err = w.Heal()
	}
	if n.env.Lost != nil {
		n.env.Lost(n.name, netfilter.Loss{What: gone.What, Name: gone.Name, Program: program}, restored, err)
	}
}

func (n *iptables) start(*[]logbook.Record) error {
	if n.props.onDemand() {
		return nil
	}
	w, err := n.open()
	if err == nil {
		err = w.Start(n.families()...)
	}
	if err != nil {
		return n.fault("starting", err)
	}
	return nil
}

func (n *iptables) apply(kind JobKind, tickets []*ticket.Ticket, results []*Result) {
	w, err := n.open()
	verdicts := make([]error, len(tickets))
	switch {
	case err != nil:
		for i := range verdicts {
			verdicts[i] = err
		}
	case kind == Unban:
		ids := make([]ipaddr.ID, len(tickets))
		for i, t := range tickets {
			ids[i] = t.Address()
		}
		verdicts = w.Remove(ids)
	default:
		verdicts = n.add(w, tickets, results[0])
	}
	for i, err := range verdicts {
		if err != nil {
			n.failed(kind, tickets[i], results[i], err)
		}
	}
}

// add bans; what fails because something is missing is tried again after that
// was repaired.
func (n *iptables) add(w *xtables.Wall, tickets []*ticket.Ticket, first *Result) []error {
	bans := make([]xtables.Ban, len(tickets))
	for i, t := range tickets {
		bans[i] = xtables.Ban{ID: t.Address(), Seconds: n.seconds(t)}
	}
	verdicts := w.Add(bans)
	var again []int
	for i, err := range verdicts {
		if err != nil && bans[i].ID.Family() != ipaddr.None {
			again = append(again, i)
		}
	}
	if len(again) == 0 || w.Check() == nil || repair(first, w.Heal) != nil {
		return verdicts
	}
	retry := make([]xtables.Ban, len(again))
	for i, at := range again {
		retry[i] = bans[at]
	}
	for i, err := range w.Add(retry) {
		verdicts[again[i]] = err
	}
	return verdicts
}

func (n *iptables) canFlush() bool { return n.held() > 0 }

func (n *iptables) flush() error {
	if w := n.wall.Load(); w != nil {
		if err := w.Flush(); err != nil {
			return n.fault("flushing", err)
		}
	}
	return nil
}

// end takes everything away, also where others want it left: nothing in the
// kernel would lift these bans by itself if nobody came back.
func (n *iptables) end(StopMode) error {
	n.quit()
	w := n.wall.Swap(nil)
	if w == nil {
		return nil
	}
	if err := w.Stop(); err != nil {
		return n.fault("stopping", err)
	}
	return nil
}

func (n *iptables) check(r *Result) error {
	w := n.wall.Load()
	if w == nil || w.Check() == nil {
		return nil
	}
	// What it came to stands in the log.
	_ = repair(r, w.Heal)
	return nil
}

func (n *iptables) reload() error {
	w := n.wall.Load()
	if w == nil {
		return nil
	}
	spec, err := n.spec()
	if err == nil {
		err = w.Respec(spec)
	}
	if err != nil {
		return n.fault("reloading", err)
	}
	return nil
}

func (n *iptables) settle() error {
	if w := n.wall.Load(); w != nil {
		_, err := w.Settle()
		return err
	}
	return nil
}

func (n *iptables) started() []string {
	w := n.wall.Load()
	if w == nil {
		return nil
	}
	var out []string
	for _, f := range w.Started() {
		out = append(out, f.String())
	}
	return out
}

func (n *iptables) held() int {
	if w := n.wall.Load(); w != nil {
		return w.Held()
	}
	return 0
}
