package action

import (
	"errors"
	"fmt"

	"stockade/internal/logbook"
	"stockade/internal/ticket"
)

func (e *entry) start(r *Result) {
	e.do(r, func(r *Result) {
		var err error
		if e.native() {
			err = e.nat.start(&r.Logs)
		} else {
			err = e.cmd.start(&r.Logs)
		}
		if err != nil {
			r.fail(e.name, &fault{fmt.Sprintf("Failed to start jail '%s' action '%s': %v", e.set.env.Jail, e.name, err)})
		}
	})
	if !e.report() {
		return
	}
	if s, ok := e.nat.(summariser); ok {
		e.reports.summary = s.summary
	}
	e.reports.recall(func(kind JobKind, t *ticket.Ticket) func(*Result) { return e.reporting(e.perform(kind, t)) })
}

// unban lifts one ban when all are lifted.
func (e *entry) unban(t *ticket.Ticket, r *Result) {
	e.now(Unban, &ticketWork{ticket: t}, r)
}

// now runs one ticket through the action, in whichever lane.
func (e *entry) now(kind JobKind, w *ticketWork, r *Result) {
	if e.lane() == fast {
		e.applyAll(kind, []*ticketWork{w})
	} else {
		e.apply(kind, w)
	}
	got := merge(w.results)
	r.Err, r.Logs = errors.Join(r.Err, got.Err), append(r.Logs, got.Logs...)
}

// flush lifts all bans at once where the action can. It tells whether that is
// all there is to do, which it is even if it failed.
func (e *entry) flush(mode StopMode, r *Result) bool {
	if e.native() {
		_, each := e.nat.(interface{ oneByOne() })
		if mode != Leave && e.nat.canFlush() {
			e.flushed(r, e.nat.flush())
			return true
		}
		return !each
	}
	if !e.cmd.canFlush() {
		return false
	}
	before := r.Err
	e.noteFlush(r)
	if err := e.cmd.flush(&r.Logs); err != nil {
		e.flushFailed(r, err)
		_ = e.cmd.checkAll(true, &r.Logs)
	}
	e.remember(r, before)
	return true
}

func (e *entry) noteFlush(r *Result) {
	r.log(logbook.Notice, logActions, fmt.Sprintf("[%s] Flush ticket(s) with %s", e.set.env.Jail, e.name))
}

func (e *entry) flushed(r *Result, err error) {
	e.noteFlush(r)
	if err != nil {
		e.flushFailed(r, err)
	}
}

func (e *entry) flushFailed(r *Result, err error) {
	r.fail(e.name, &fault{fmt.Sprintf("Failed to flush bans in jail '%s' action '%s': %v", e.set.env.Jail, e.name, err)})
	r.log(logbook.Info, logActions, "No flush occurred, do consistency check")
}

// lift undoes all bans of one action.
func (e *entry) lift(live []*ticket.Ticket, mode StopMode, r *Result) {
	if e.report() {
		e.do(r, func(r *Result) {
			if e.flush(mode, r) {
				return
			}
			for _, t := range live {
				e.perform(Unban, t)(r)
			}
		})
		return
	}
	if e.flush(mode, r) {
		return
	}
	for _, t := range live {
		e.unban(t, r)
	}
}

// end stops the action. For a report it waits until that is done, but not for
// ever.
func (e *entry) end(mode StopMode, r *Result) {
	finished := make(chan struct{})
	e.do(r, func(r *Result) {
		defer close(finished)
		var err error
		if e.native() {
			err = e.nat.end(mode)
		} else {
			err = e.cmd.stop(&r.Logs)
			e.cmd.forget()
		}
		if err != nil {
			r.fail(e.name, &fault{fmt.Sprintf("Failed to stop jail '%s' action '%s': %v", e.set.env.Jail, e.name, err)})
		}
	})
	if e.report() {
		e.reports.hurry()
	}
	timer := e.set.env.Clock.NewTimer(reportGrace)
	defer timer.Stop()
	select {
	case <-finished:
	case <-timer.C():
		r.log(logbook.Warning, logActions, fmt.Sprintf(
			"[%s] action '%s' did not come to an end in %v", e.set.env.Jail, e.name, reportGrace))
	}
	left, lost := e.reports.end()
	if left > 0 {
		r.log(logbook.Notice, logActions, fmt.Sprintf("[%s] action '%s': %d report(s) wait in the database for the next start", e.set.env.Jail, e.name, left))
	}
	if lost > 0 {
		r.log(logbook.Warning, logActions, fmt.Sprintf("[%s] action '%s': %d report(s) are lost", e.set.env.Jail, e.name, lost))
	}
}

func (e *entry) check(r *Result) {
	e.do(r, func(r *Result) {
		if e.native() {
			_ = e.nat.check(r)
			return
		}
		_ = e.cmd.checkAll(false, &r.Logs)
	})
}

func (e *entry) settle(r *Result) {
	if !e.native() {
		return
	}
	if err := e.nat.settle(); err != nil {
		r.fail(e.name, err)
	}
}

// reload ends a reload: a new action starts and takes the live bans, a kept
// one takes its new parameters. One that changed its form does both.
func (e *entry) reload(live []*ticket.Ticket, r *Result) {
	e.set.mu.Lock()
	fresh := e.fresh
	e.fresh = false
	e.set.mu.Unlock()
	if fresh {
		e.begin(live, r)
		return
	}
	if py := e.python(); py != nil {
		e.reloadPython(py, live, r)
		return
	}
	if e.changedForm() {
		e.lift(live, Lift, r)
		e.stopOld(r)
		e.mu.Lock()
		e.decided, e.nat = false, nil
		e.mu.Unlock()
		e.begin(live, r)
		return
	}
	e.do(r, func(r *Result) {
		var err error
		if e.native() {
			err = e.nat.reload()
		} else {
			err = e.cmd.reload(&r.Logs)
		}
		if err != nil {
			r.fail(e.name, err)
		}
	})
}

// changedForm tells whether the new parameters make a command action of a
// native one or the other way round.
func (e *entry) changedForm() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.decided {
		return false
	}
	next, _, why := e.decide()
	e.why = why
	return (next == nil) != (e.nat == nil)
}

func (e *entry) stopOld(r *Result) {
	var err error
	if e.native() {
		err = e.nat.end(Lift)
	} else {
		err = e.cmd.stop(&r.Logs)
		e.cmd.forget()
	}
	if err != nil {
		r.fail(e.name, err)
	}
}

// begin starts the action and applies it to bans that are there already. While
// enforcement is paused, that is left to its end.
func (e *entry) begin(live []*ticket.Ticket, r *Result) {
	if e.set.isPaused() && !e.report() {
		return
	}
	e.start(r)
	if e.lane() == fast {
		e.beginAll(live, r)
		return
	}
	for _, t := range live {
		e.now(Ban, &ticketWork{ticket: t}, r)
	}
	e.settle(r)
}

// beginAll is begin for an action that takes many bans at once.
func (e *entry) beginAll(live []*ticket.Ticket, r *Result) {
	batch := make([]*ticketWork, len(live))
	for i, t := range live {
		batch[i] = &ticketWork{ticket: t}
	}
	e.applyAll(Ban, batch)
	for _, w := range batch {
		r.Err, r.Logs = errors.Join(r.Err, w.results[fast].Err), append(r.Logs, w.results[fast].Logs...)
	}
	e.settle(r)
}

func (e *entry) quit() {
	e.reports.end()
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.nat != nil {
		e.nat.quit()
	}
}
