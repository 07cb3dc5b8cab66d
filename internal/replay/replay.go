// Package replay runs jails over logs that were written before, with the
// logs' own time for a clock: it tells whom a configuration would have
// banned.
//
// It owns the way back through rotated files and the merging of several by
// time. It promises to touch nothing: no address is banned, no position is
// stored, no name is resolved and no command of the configuration is run.
package replay

import (
	"context"
	"errors"
	"fmt"
	"time"

	"stockade/internal/action"
	"stockade/internal/clock"
	"stockade/internal/config"
	"stockade/internal/control"
	"stockade/internal/event"
	"stockade/internal/jail"
	"stockade/internal/logbook"
	"stockade/internal/server"
	"stockade/internal/source"
)

// Span is the time that is looked at, both ends included.
type Span struct{ Since, Until time.Time }

// Ban is an ID that would have been banned.
type Ban struct {
	ID string
	// Times is how often, First when it was for the first time.
	Times int
	First time.Time
}

// Outcome is what a jail would have done.
type Outcome struct {
	Jail string
	// Sources are the files that were read, or the journal.
	Sources []string
	// Lines and Failures count what was read and what counted against somebody.
	Lines, Failures int
	// First and Last are the times of the lines read, zero without any.
	First, Last time.Time
	// Bans are in the order of their first ban.
	Bans []Ban
	// Err says what could not be read; the rest of the Outcome holds all the same.
	Err error
}

// Run plays the jails of a stream, one after the other. A jail that could not
// be configured has an Err. The context's end stops everything.
func Run(ctx context.Context, stream config.Stream, span Span) ([]Outcome, error) {
	clk := clock.NewManual(span.Since)
	srv := server.New(server.Options{Clock: clk, Book: logbook.New(logbook.Options{}), Native: true, Polling: true})
	defer srv.Shutdown(action.Leave)
	stage, err := control.NewTable(srv).Rehearse(ctx, stream.Words(), config.EncodeSidecar(stream))
	if err != nil {
		return nil, fmt.Errorf("set up the jails: %w", err)
	}
	defer stage.Drop()
	var all []Outcome
	for _, name := range jailsOf(stream) {
		if err := ctx.Err(); err != nil {
			return all, context.Cause(ctx)
		}
		o := Outcome{Jail: name}
		j, err := stage.Jail(name)
		if err != nil {
			o.Err = err
			all = append(all, o)
			continue
		}
		_, err = j.Do(ctx, func(s *jail.State) (any, error) {
			p := &player{state: s, clock: clk, span: span, out: &o, at: map[string]int{}}
			return nil, p.play(ctx)
		})
		o.Err = errors.Join(o.Err, err)
		all = append(all, o)
	}
	return all, nil
}

func jailsOf(stream config.Stream) []string {
	var names []string
	for _, c := range stream {
		if len(c.Words) > 1 && c.Words[0] == "add" {
			if name, ok := c.Words[1].(string); ok {
				names = append(names, name)
			}
		}
	}
	return names
}

// player drives one jail's State.
type player struct {
	state *jail.State
	clock *clock.Manual
	span  Span
	out   *Outcome
	// at finds an ID in out.Bans.
	at map[string]int
}

func (p *player) play(ctx context.Context) error {
	// Names are not looked up: what they stood for then is not known now.
	if err := p.state.Filter().SetUseDNS("no"); err != nil {
		return err
	}
	if p.readsJournal() {
		return p.journal(ctx)
	}
	return p.files(ctx)
}

// line takes one line in at its time.
func (p *player) line(b *source.Batch, at time.Time) {
	p.clock.Set(at)
	p.out.Lines += len(b.Lines)
	if p.out.First.IsZero() {
		p.out.First = at
	}
	p.out.Last = at
	for next, ok := p.state.Next(); ok && !next.After(at); {
		p.settle(p.state.Step(at, jail.Tick{}), at)
		before := next
		if next, ok = p.state.Next(); ok && !next.After(before) {
			break
		}
	}
	p.settle(p.state.Step(at, jail.Lines{Batch: b}), at)
}

// settle says yes to all that a step wants done.
func (p *player) settle(eff jail.Effects, at time.Time) {
	queue := []jail.Effects{eff}
	for len(queue) > 0 {
		eff, queue = queue[0], queue[1:]
		p.note(eff.Events)
		for _, w := range eff.Work {
			done := jail.Settled{Work: w, Results: make([]action.Result, len(w.Tickets))}
			queue = append(queue, p.state.Step(at, done))
		}
		for _, c := range eff.Commands {
			queue = append(queue, p.state.Step(at, jail.Ignored{Run: c}))
		}
		for _, l := range eff.Lookups {
			queue = append(queue, p.state.Step(at, jail.Known{Lookup: l}))
		}
	}
}

func (p *player) note(events []event.Event) {
	for _, e := range events {
		switch e.Kind {
		case event.Found:
			p.out.Failures++
		case event.Ban:
			i, known := p.at[e.ID]
			if !known {
				i = len(p.out.Bans)
				p.at[e.ID] = i
				p.out.Bans = append(p.out.Bans, Ban{ID: e.ID, First: e.Time})
			}
			p.out.Bans[i].Times++
		}
	}
}
