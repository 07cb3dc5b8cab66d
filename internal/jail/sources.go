package jail

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"stockade/internal/logbook"
	"stockade/internal/source"
)

// subscription is one log file that the jail listens to.
type subscription struct {
	sub  *source.Subscription
	tail bool
}

// looking says whether there is a path that has no file yet, or a choice of
// source that has to be made again.
func (j *Jail) looking() bool {
	return slices.ContainsFunc(j.state.paths, func(p LogPath) bool { return p.Pending })
}

// syncSources makes the subscriptions what the State wants.
func (j *Jail) syncSources() {
	j.expandPending()
	if j.state.idle {
		j.setIdle(true)
		return
	}
	if j.wantsJournal() {
		for path := range j.subs {
			j.unsubscribe(path)
		}
		j.openJournal()
		return
	}
	j.closeJournal()
	wanted := map[string]LogPath{}
	for _, p := range j.state.paths {
		if !isPattern(p) {
			wanted[p.Path] = p
		}
	}
	for path := range j.subs {
		if _, ok := wanted[path]; !ok {
			j.unsubscribe(path)
		}
	}
	mates := j.mates(len(wanted))
	for _, sub := range j.subs {
		sub.sub.SetMates(mates)
	}
	for _, p := range j.state.paths {
		if _, known := j.subs[p.Path]; !known && !isPattern(p) {
			j.subscribe(p, mates)
		}
	}
	j.setIdle(false)
}

func isPattern(p LogPath) bool { return p.Pending && strings.ContainsAny(p.Path, "*?[") }

// expandPending looks whether files have appeared for what is waited for. A
// pattern stays: more files may come.
func (j *Jail) expandPending() {
	s := j.state
	for i := 0; i < len(s.paths); i++ {
		p := s.paths[i]
		if !p.Pending {
			continue
		}
		if !isPattern(p) {
			if _, err := os.Stat(p.Path); err == nil {
				s.paths[i].Pending = false
			}
			continue
		}
		found, err := filepath.Glob(p.Path)
		if err != nil {
			s.Fault("logpath " + p.Path + ": " + err.Error())
			continue
		}
		slices.Sort(found)
		for _, path := range found {
			if !slices.ContainsFunc(s.paths, func(o LogPath) bool { return o.Path == path }) {
				s.paths = append(s.paths, LogPath{Path: path, Tail: p.Tail, FromPattern: true})
			}
		}
	}
}

func (j *Jail) subscribe(p LogPath, mates any) {
	s := j.state
	opts := source.SubscribeOptions{
		Tail: p.Tail, When: s.filter.When(s.env.Dates()), Polling: s.backendName() == "polling",
		Since: j.svc.Clock.Now().Add(-seconds(s.limits.FindTime)),
		Split: s.filter.Split(), Mates: mates, Sink: j.sink, Notice: j.notice,
	}
	if db := j.svc.Store(); db != nil && !p.Tail {
		pos, ok, err := db.Position(s.name, p.Path)
		if err != nil {
			j.fault(faultPosition, err)
		} else if ok {
			opts.Start = source.Position{Path: p.Path, Hash: pos.Hash, Pos: pos.Pos}
		}
	}
	sub, err := j.svc.Hub.Subscribe(p.Path, opts)
	if err != nil {
		j.fault("cannot watch "+p.Path, err)
		return
	}
	j.subs[p.Path] = &subscription{sub: sub, tail: p.Tail}
	if sub.State().Err == nil {
		at := sub.Position()
		j.logf(logbook.Info, logFilter, "Added logfile: '%s' (pos = %d, hash = %s)", p.Path, int64(at.Pos), at.Hash)
	} else {
		j.logf(logbook.Notice, logFilter, "[%s] Waiting for logfile '%s'", s.name, p.Path)
	}
}

func (j *Jail) unsubscribe(path string) {
	sub := j.subs[path]
	delete(j.subs, path)
	delete(j.state.intakes, path)
	sub.sub.Close()
	j.logf(logbook.Info, logFilter, "Removed logfile: '%s'", path)
}

func (j *Jail) setIdle(idle bool) {
	for _, sub := range j.subs {
		sub.sub.Idle(idle)
	}
	if j.journal != nil {
		j.journal.Idle(idle)
	}
}

// sink passes a batch on; it is called by the reader and does not wait.
func (j *Jail) sink(b *source.Batch) {
	if !j.box.put(Lines{Batch: b}) {
		b.Release()
	}
}

func (j *Jail) notice(r logbook.Record) { j.svc.Log(r) }
