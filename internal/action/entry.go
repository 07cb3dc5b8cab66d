package action

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"stockade/internal/logbook"
	"stockade/internal/ticket"
)

const (
	// reportBound is how many tickets wait for one report; what comes on top is
	// counted and dropped, because a slow mail server may never catch up.
	reportBound = 5000
	// reportGrace is how long a stop waits for the reports to be done.
	reportGrace = 10 * time.Second
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

	reports  queue
	waiting  atomic.Int64
	dropped  atomic.Int64
	lastErr  string
	lastTime time.Time
}

func newEntry(s *Set, name string, src *Source) *entry {
	e := &entry{set: s, name: name, props: newProperties(), source: src}
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
	st := Status{Name: e.name, Native: e.native(), Report: e.report()}
	e.mu.Lock()
	defer e.mu.Unlock()
	st.Why, st.LastError, st.ErrorTime = e.why, e.lastErr, e.lastTime
	st.Waiting, st.Dropped = int(e.waiting.Load()), int(e.dropped.Load())
	if e.nat != nil {
		st.Started, st.Held = e.nat.started(), e.nat.held()
	}
	return st
}

// do runs work of the action: at once for enforcing ones, in its own queue
// for reports.
func (e *entry) do(r *Result, tickets int, work func(r *Result)) {
	if !e.report() {
		before := r.Err
		work(r)
		e.remember(r, before)
		return
	}
	if e.waiting.Load() >= reportBound && tickets > 0 {
		if e.dropped.Add(int64(tickets)) == int64(tickets) {
			e.set.env.Log(logbook.Record{Level: logbook.Warning, Logger: logActions, Text: fmt.Sprintf(
				"[%s] action '%s' is too slow: %d tickets wait for it, more are dropped and counted", e.set.env.Jail, e.name, reportBound)})
		}
		return
	}
	e.waiting.Add(int64(tickets))
	e.reports.put(task{call: func() {
		var own Result
		work(&own)
		e.waiting.Add(int64(-tickets))
		e.remember(&own, nil)
		for _, rec := range own.Logs {
			e.set.env.Log(rec)
		}
	}})
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

// skips tells whether the action wants to hear nothing of a ticket.
func (e *entry) skips(kind JobKind, t *ticket.Ticket) bool {
	return t.Restored && (kind == Ban || kind == Prolong) && e.props.truth("norestored")
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
	e.do(&w.results[slow], 1, func(r *Result) {
		if e.native() {
			e.nat.apply(kind, []*ticket.Ticket{w.ticket}, []*Result{r})
			return
		}
		var err error
		switch kind {
		case Ban:
			err = e.cmd.ban(w.ticket, "actionban", &r.Logs)
		case Reban:
			err = e.cmd.reban(w.ticket, &r.Logs)
		case Prolong:
			err = e.cmd.prolong(w.ticket, &r.Logs)
		case Unban:
			err = e.cmd.unban(w.ticket, &r.Logs)
		}
		if err != nil {
			r.fail(e.name, err)
		}
	})
}
