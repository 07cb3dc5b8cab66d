package action

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"stockade/internal/netfilter"
	"stockade/internal/ticket"
)

// reportNames are stock actions that only tell others, besides all those with
// norestored.
var reportNames = []string{"apprise", "mynetwatchman"}

// entry is one action of a set, in the form in which it runs.
type entry struct {
	set   *Set
	name  string
	props *properties
	cmd   *command
	// touched and fresh belong to the set's lock: configured by the reload that
	// goes on, and new in it.
	touched, fresh bool

	mu     sync.Mutex
	source *Source
	// nat is set while the action runs natively, and tells says that it only
	// reports; decided says that it is known whether it does, and why in why.
	nat     native
	tells   bool
	decided bool
	why     string

	reports  *outbox
	lastErr  string
	lastTime time.Time
}

func newEntry(s *Set, name string, src *Source) *entry {
	e := &entry{set: s, name: name, props: newProperties(), source: src, reports: newOutbox(&s.env, name)}
	lock := name
	if src != nil && src.Name != "" {
		lock = src.Name
	}
	e.cmd = newCommand(&s.env, name, lock, e.props, s.raise)
	return e
}

// configure begins to set an action up anew.
func (e *entry) configure(src *Source) {
	e.props.reset()
	e.mu.Lock()
	defer e.mu.Unlock()
	e.source = src
}

// native tells whether the action runs without commands, and decides it at
// the first question after the parameters are there.
func (e *entry) native() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.decided {
		e.decided = true
		e.nat, e.tells, e.why = e.decide()
	}
	return e.nat != nil
}

// python is the action if it is a class of the user's, else nil.
func (e *entry) python() *pyAction {
	e.mu.Lock()
	defer e.mu.Unlock()
	py, _ := e.nat.(*pyAction)
	return py
}

func (e *entry) decide() (n native, reports bool, why string) {
	if !e.set.env.Native {
		return nil, false, "native actions are switched off"
	}
	if v, ok := e.props.get("native"); ok && fmt.Sprint(v) == "never" {
		return nil, false, "native = never"
	}
	kind, why := Native(e.source)
	if kind == "" {
		return nil, false, why
	}
	n, reports = newNative(parts{env: &e.set.env, name: e.name, kind: kind, props: e.props})
	if ok, not := n.fits(); !ok {
		return nil, false, not
	}
	return n, reports, why
}

// report tells whether the action only tells others.
func (e *entry) report() bool {
	native := e.native()
	e.mu.Lock()
	tells, src := e.tells, e.source
	e.mu.Unlock()
	if native {
		return tells
	}
	return e.props.truth("norestored") || src != nil && slices.Contains(reportNames, src.Name)
}

func (e *entry) status() Status {
	st := Status{Name: e.name, Native: e.native() && e.python() == nil, Report: e.report()}
	e.mu.Lock()
	defer e.mu.Unlock()
	st.Why, st.LastError, st.ErrorTime = e.why, e.lastErr, e.lastTime
	st.ReportCounts = e.reports.status()
	if e.nat != nil {
		st.Started, st.Held = e.nat.started(), e.nat.held()
		if own, ok := e.nat.(interface{ sets() []netfilter.SetState }); ok {
			st.Sets = own.sets()
		}
		if far, ok := e.nat.(interface{ waiting() int }); ok {
			st.Waiting = far.waiting()
		}
	}
	return st
}

// do runs work of the action that concerns no single ticket: at once for
// enforcing ones, in its own queue for reports.
func (e *entry) do(r *Result, work func(r *Result)) {
	if e.report() {
		e.reports.put(&errand{run: e.reporting(work)})
		return
	}
	before := r.Err
	work(r)
	e.remember(r, before)
}

// reporting is work in the queue of a report.
func (e *entry) reporting(work func(r *Result)) func(*Result) {
	return func(r *Result) {
		work(r)
		if r.again != nil {
			e.remember(&Result{Err: r.again.err}, nil)
		}
		e.remember(r, nil)
	}
}

func (e *entry) remember(r *Result, before error) {
	if r.Err == nil || r.Err == before {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.lastErr, _, _ = strings.Cut(r.Err.Error(), "\n")
	e.lastTime = e.set.env.Clock.Now()
}

// skips tells whether the action wants to hear nothing of a ticket. A native
// report was sent when the ban was new, so it is not sent again for one that
// was restored.
func (e *entry) skips(kind JobKind, t *ticket.Ticket) bool {
	return t.Restored && (kind == Ban || kind == Prolong) && (e.props.truth("norestored") || e.native() && e.report())
}

// silent tells whether a report has nothing to say of such jobs.
func (e *entry) silent(kind JobKind, t *ticket.Ticket) bool {
	if e.native() {
		l, ok := e.nat.(listener)
		return kind != Ban && !(ok && l.wants(kind))
	}
	tag := map[JobKind]string{Unban: "actionunban", Prolong: "actionprolong"}[kind]
	if tag == "" {
		return false
	}
	text, _ := e.props.lookup(famOf(t))(tag)
	return strings.TrimSpace(text) == ""
}

// applyAll gives a batch to a native action.
func (e *entry) applyAll(kind JobKind, work []*ticketWork) {
	var tickets []*ticket.Ticket
	var results []*Result
	for _, w := range work {
		if e.skips(kind, w.ticket) || kind == Reban && int(e.cmd.epoch.Load()) <= w.epoch {
			continue
		}
		tickets, results = append(tickets, w.ticket), append(results, &w.results[fast])
	}
	if len(tickets) == 0 {
		return
	}
	e.nat.apply(kind, tickets, results)
	for _, r := range results {
		e.remember(r, nil)
	}
}

// apply gives one ticket to a command action, or to a report.
func (e *entry) apply(kind JobKind, w *ticketWork) {
	if e.skips(kind, w.ticket) {
		return
	}
	if kind == Reban {
		if int(e.cmd.epoch.Load()) <= w.epoch || w.results[slow].Err != nil {
			return
		}
		w.results[slow].Actions = append(w.results[slow].Actions, e.name)
	}
	work := e.perform(kind, w.ticket)
	switch {
	case !e.report():
		before := w.results[slow].Err
		work(&w.results[slow])
		e.remember(&w.results[slow], before)
	case !e.silent(kind, w.ticket):
		e.reports.put(&errand{kind: kind, ticket: w.ticket, run: e.reporting(work)})
	}
}

// perform is what one ticket means to a command action, or to a report.
func (e *entry) perform(kind JobKind, t *ticket.Ticket) func(*Result) {
	return func(r *Result) {
		if e.native() {
			e.nat.apply(kind, []*ticket.Ticket{t}, []*Result{r})
			return
		}
		var err error
		switch kind {
		case Ban:
			err = e.cmd.ban(t, "actionban", &r.Logs)
		case Reban:
			err = e.cmd.reban(t, &r.Logs)
		case Prolong:
			err = e.cmd.prolong(t, &r.Logs)
		case Unban:
			err = e.cmd.unban(t, &r.Logs)
		}
		if err != nil {
			r.fail(e.name, err)
		}
	}
}
