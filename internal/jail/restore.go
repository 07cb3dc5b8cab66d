package jail

import (
	"slices"

	"stockade/internal/action"
	"stockade/internal/logbook"
	"stockade/internal/store"
	"stockade/internal/ticket"
)

// restore takes over the bans and failures of an earlier run. Where they cannot
// be read, as while another program has the database locked, it is tried again
// later; until then what that run left in the kernel stays in force.
func (j *Jail) restore() {
	db := j.svc.Store()
	if db == nil {
		j.restored = true
		j.set.Submit(action.Job{Kind: action.Settle}, nil)
		return
	}
	s := j.state
	opts := store.RestoreOptions{
		Now: j.svc.Clock.Now(), Bantime: s.bantime,
		Increment: s.escalation.Increment, MaxMatches: s.limits.MaxMatches,
	}
	opts.MaxTime, _ = s.escalation.Cap()
	bans, err := db.CurrentBans(s.name, opts)
	if err != nil {
		j.fault(faultRestore, err)
		return
	}
	failures, err := db.LoadFailures(s.name)
	if err != nil {
		j.fault(faultFailures, err)
	}
	j.restored = true
	list := make([]store.Ban, len(bans))
	for i := range bans {
		list[i] = store.Ban{Jail: s.name, Ticket: bans[i]}
	}
	j.step(Restore{Bans: list})
	j.set.Submit(action.Job{Kind: action.Settle}, nil)
	watching := make([]*ticket.Ticket, len(failures))
	for i := range failures {
		watching[i] = &failures[i]
	}
	j.step(Watching{Tickets: watching})
}

// The faults of a jail whose database cannot be read. They are over when it can
// be written.
const (
	// faultRestore lasts until the earlier bans are taken over.
	faultRestore  = "cannot read the bans of an earlier run"
	faultFailures = "cannot read the failures of an earlier run"
	faultPosition = "cannot read how far its logs were read"
	// faultHistory means that ban times do not grow.
	faultHistory = "cannot read earlier bans, ban times do not grow"
)

var faultsOfDatabase = []string{faultRestore, faultFailures, faultPosition, faultHistory}

// fault says once what is wrong, and keeps it for the status.
func (j *Jail) fault(what string, err error) {
	if slices.Contains(j.state.faults, what) {
		return
	}
	j.svc.Log(logbook.Record{
		Level: logbook.Error, Logger: logJail,
		Text: "[" + j.Name() + "] " + what + ": " + err.Error(),
	})
	j.state.Fault(what)
}
