package jail

import (
	"errors"
	"slices"
	"time"

	"stockade/internal/action"
	"stockade/internal/clock"
	"stockade/internal/logbook"
	"stockade/internal/source"
	"stockade/internal/store"
)

// maxInFlight is the number of tickets on their way through slow actions from
// which on no more lines are read, so that a flood waits in the log file and
// not in memory.
const maxInFlight = 50_000

// storeEvery is how often reading positions are stored while nothing is
// banned.
const storeEvery = 10 * time.Second

// lookEvery is how often files that do not exist yet are looked for, and a
// database that could not be read.
const lookEvery = 2 * time.Second

// run owns the State. It ends when the jail is stopped.
func (j *Jail) run() {
	defer close(j.done)
	j.publish()
	j.upkept = j.svc.Clock.Now()
	timer := j.svc.Clock.NewTimer(j.wait(j.svc.Clock.Now()))
	defer timer.Stop()
	for {
		select {
		case <-j.box.wake:
			for _, m := range j.box.take() {
				j.step(m)
			}
		case <-timer.C():
			j.step(Tick{})
			if now := j.svc.Clock.Now(); j.reads && !now.Before(j.upkeepDue()) {
				j.upkeep(now)
			}
		case s := <-j.stop:
			j.end(s.mode)
			return
		}
		j.rearm(timer)
	}
}

func (j *Jail) rearm(timer clock.Timer) { timer.Reset(j.wait(j.svc.Clock.Now())) }

// upkeepDue is when the next upkeep is to be. Messages do not put it off.
func (j *Jail) upkeepDue() time.Time {
	if j.looking() || slices.ContainsFunc(j.state.faults, func(f string) bool { return slices.Contains(faultsOfDatabase, f) }) {
		return j.upkept.Add(lookEvery)
	}
	return j.upkept.Add(storeEvery)
}

// wait is how long the jail may sleep without a message.
func (j *Jail) wait(now time.Time) time.Duration {
	wait := storeEvery
	if j.reads {
		wait = j.upkeepDue().Sub(now)
	}
	if next, ok := j.state.Next(); ok {
		wait = min(wait, next.Sub(now))
	}
	return max(wait, time.Millisecond)
}

// step drives the State and carries out what it wants.
func (j *Jail) step(m Message) {
	switch m := m.(type) {
	case Lines:
		m.portions(func(part Lines) {
			j.apply(j.state.Step(j.svc.Clock.Now(), part))
		})
		j.read(m.Batch)
	case Settled:
		eff := j.state.Step(j.svc.Clock.Now(), m)
		j.settled(m)
		j.apply(eff)
	default:
		j.apply(j.state.Step(j.svc.Clock.Now(), m))
	}
	j.publish()
	if c, ok := m.(Call); ok && c.After != nil {
		c.After()
	}
}

// publish copies the numbers that the actions may ask for at any time.
func (j *Jail) publish() {
	s := j.state
	j.bantimeNow.Store(s.bantime)
	j.countersNow.Store(&action.Counters{
		Banned: s.bans.Len(), BannedTotal: s.bans.Total(), Found: s.tally.Len(), FoundTotal: s.tally.Total(),
	})
}

func (j *Jail) apply(eff Effects) {
	if len(eff.Logs) > 0 {
		j.svc.Log(eff.Logs...)
	}
	j.svc.Events.PublishAll(eff.Events)
	for _, w := range eff.Work {
		if j.ending {
			// The actions are stopped and have lifted everything already.
			w.refuse()
			continue
		}
		j.submit(w)
	}
	for _, run := range eff.Commands {
		j.clerk.ignoreCommand(run, j.set)
	}
	for _, l := range eff.Lookups {
		j.clerk.lookup(l)
	}
	if eff.Sources && j.reads {
		j.syncSources()
	}
	j.state.reuse(eff)
}

// submit hands a job to the actions; the clerk stores what came of it and
// reports back.
func (j *Jail) submit(w Work) {
	j.inFlight += len(w.Tickets)
	if w.HasPosition {
		j.progress(w.Position.Path).outstanding++
	}
	j.act()
	if len(w.Tickets) == 0 {
		j.clerk.settle(Settled{Work: w})
		return
	}
	j.set.Submit(action.Job{Kind: w.Kind, Tickets: w.Tickets, Epochs: w.Epochs}, func(results []action.Result) {
		j.clerk.settle(Settled{Work: w, Results: results})
	})
}

// act starts the actions: when the jail starts, or with what is first to be
// done by a command.
func (j *Jail) act() {
	if !j.acting {
		j.acting = true
		j.set.Start(func(r action.Result) { j.svc.Log(r.Logs...) })
	}
}

// begin does what a start consists of.
func (j *Jail) begin() {
	j.act()
	j.reads = true
	j.restore()
	j.syncSources()
	j.svc.Log(logbook.Record{Level: logbook.Info, Logger: logJail, Text: "Jail '" + j.Name() + "' started"})
}

func (j *Jail) addAction(spec ActionSpec) {
	var err error
	if spec.Python != "" {
		err = j.set.AddPython(spec.Name, spec.Python, spec.JSON, spec.Source, func(err error) {
			if err != nil {
				j.actionFault(spec.Name, err)
				j.box.put(Call{Fn: func(s *State, _ time.Time) { s.forgetAction(spec) }})
			}
		})
	} else {
		err = j.set.Add(spec.Name, spec.Source)
	}
	if err != nil {
		j.actionFault(spec.Name, err)
		return
	}
	for _, p := range spec.Props {
		j.set.SetProperty(spec.Name, p.Name, p.Value, func(_ any, err error) {
			if err != nil {
				j.actionFault(spec.Name, err)
			}
		})
	}
}

// actionFault reports an action that cannot work while the jail does.
func (j *Jail) actionFault(name string, err error) {
	text := "action " + name + ": " + err.Error()
	j.svc.Log(logbook.Record{Level: logbook.Error, Logger: logActions, Text: "[" + j.Name() + "] " + text})
	j.box.put(Call{Fn: func(s *State, _ time.Time) { s.Fault(text) }})
}

// upkeep stores positions and looks for files that were missing.
func (j *Jail) upkeep(now time.Time) {
	j.upkept = now
	if !j.restored {
		j.restore()
	}
	if db := j.svc.Store(); db != nil && j.restored && db.Health().Err == nil {
		j.state.Mended(faultsOfDatabase...)
	}
	if j.looking() {
		j.syncSources()
	}
	j.clerk.positions(j.positions(now, false))
}

// end stops the jail. Sources go first, so that nothing is decided any more;
// then the actions do what was asked before and lift or leave the bans; last
// comes the database.
func (j *Jail) end(mode action.StopMode) {
	j.ending = true
	for path := range j.subs {
		j.unsubscribe(path)
	}
	j.closeJournal()
	j.state.filter.Leave()
	r := j.stopActions(mode)
	j.clerk.drain()
	now := j.svc.Clock.Now()
	for _, m := range j.box.close() {
		if _, isLines := m.(Lines); !isLines {
			j.step(m)
		}
	}
	eff := j.state.Step(now, Call{Fn: func(s *State, now time.Time) { s.stopped(now, mode, r.Logs) }})
	j.svc.Log(eff.Logs...)
	j.svc.Events.PublishAll(eff.Events)
	j.store()
	j.clerk.close()
	j.svc.Log(logbook.Record{Level: logbook.Info, Logger: logJail, Text: "Jail '" + j.Name() + "' stopped"})
}

// stopActions ends the actions if they were ever started.
func (j *Jail) stopActions(mode action.StopMode) action.Result {
	if !j.acting {
		j.set.Quit()
		return action.Result{}
	}
	stopped := make(chan action.Result, 1)
	j.set.Stop(copies(j.state.bans.List()), mode, func(r action.Result) { stopped <- r })
	return <-stopped
}

// store writes what an orderly stop leaves behind.
func (j *Jail) store() {
	db := j.svc.Store()
	if db == nil {
		return
	}
	watching := copyTickets(j.state.tally.Tickets())
	if err := db.SaveFailures(j.Name(), watching); err != nil && !errors.Is(err, store.ErrDeferred) {
		j.fault("cannot store the failures that were being counted", err)
	}
	batch := store.Batch{Positions: j.positions(time.Time{}, true), Disable: []string{j.Name()}}
	if err := db.Commit(batch); err != nil && !errors.Is(err, store.ErrDeferred) {
		j.fault("cannot store the reading positions", err)
	}
}

// progress is how far a source has been dealt with.
type progress struct {
	// read is the position after the last line that was looked at.
	read    source.Position
	hasRead bool
	// outstanding counts the jobs that came from its lines and are not settled;
	// safe is the position of the last one that is.
	outstanding int
	safe        source.Position
	hasSafe     bool
	// stored is what the database was told last.
	stored   source.Position
	storedAt time.Time
}

func (j *Jail) progress(path string) *progress {
	p := j.reading[path]
	if p == nil {
		p = &progress{}
		j.reading[path] = p
	}
	return p
}

// read notes a batch as looked at and gives it back, at once or, while too
// much is on its way, later.
func (j *Jail) read(b *source.Batch) {
	if pos, ok := b.Position(len(b.Lines) - 1); ok {
		p := j.progress(pos.Path)
		p.read, p.hasRead = pos, true
	}
	j.held = append(j.held, b)
	j.release()
}

func (j *Jail) release() {
	if j.inFlight > maxInFlight {
		return
	}
	for _, b := range j.held {
		b.Release()
	}
	j.held = j.held[:0]
}

// settled counts a finished job off. Its position was stored along with it.
func (j *Jail) settled(m Settled) {
	j.inFlight -= len(m.Work.Tickets)
	if m.Work.HasPosition {
		p := j.progress(m.Work.Position.Path)
		p.outstanding--
		p.safe, p.hasSafe = m.Work.Position, true
		p.stored = m.Work.Position
	}
	j.release()
}

// positions lists what the database should know by now.
func (j *Jail) positions(now time.Time, all bool) []store.Position {
	var list []store.Position
	for _, p := range j.reading {
		if p.outstanding == 0 && p.hasRead {
			p.safe, p.hasSafe = p.read, true
		}
		if !p.hasSafe || p.safe == p.stored || !all && now.Sub(p.storedAt) < storeEvery {
			continue
		}
		p.stored, p.storedAt = p.safe, now
		list = append(list, store.Position{Jail: j.Name(), Path: p.safe.Path, Hash: p.safe.Hash, Pos: p.safe.Pos})
	}
	return list
}
