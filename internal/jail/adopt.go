package jail

import (
	"context"
	"slices"

	"stockade/internal/action"
	"stockade/internal/logbook"
)

// Adopt gives a running jail the configuration of a staged one that was never
// started. What did not change goes on without a gap: bans, counts, positions,
// sessions and learned dates stay. It returns when the actions are in place.
func (j *Jail) Adopt(ctx context.Context, staged *Jail) error {
	next := staged.state
	ready := make(chan struct{})
	_, err := j.Do(ctx, func(s *State) (any, error) {
		eff := next.take()
		s.eff.Logs = append(s.eff.Logs, eff.Logs...)
		s.adopt(next)
		j.adoptActions(func(r action.Result) {
			j.svc.Log(r.Logs...)
			close(ready)
		})
		s.log(logbook.Info, logServer, "Jail '%s' reloaded", s.name)
		return nil, nil
	})
	staged.Stop(action.Lift)
	if err != nil {
		return err
	}
	select {
	case <-ready:
		return nil
	case <-j.done:
		return ErrStopped
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// adopt takes over the configuration of another State.
func (s *State) adopt(next *State) {
	if !sameFilter(s, next) {
		s.filter = next.filter
	}
	if !sameIgnore(s, next) {
		s.ignore = next.ignore
	}
	s.filter.SetFindTime(seconds(next.limits.FindTime))
	s.limits, s.bantime, s.escalation = next.limits, next.bantime, next.escalation
	s.paths = keepKnownPaths(s.paths, next.paths)
	s.journal, s.actions = next.journal, next.actions
	s.takeSafety(next)
	s.faults, s.idle, s.errors = next.faults, false, 0
	s.eff.Sources = true
}

func sameFilter(a, b *State) bool {
	x, y := a.filter, b.filter
	xp, xn, xok := x.DatePattern()
	yp, yn, yok := y.DatePattern()
	xz, xzok := x.LogTimezone()
	yz, yzok := y.LogTimezone()
	return slices.Equal(x.Rules(), y.Rules()) && slices.Equal(x.IgnoreRules(), y.IgnoreRules()) &&
		x.Prefregex() == y.Prefregex() &&
		x.UseDNS() == y.UseDNS() && x.MaxLines() == y.MaxLines() && x.LogEncoding() == y.LogEncoding() &&
		xp == yp && xn == yn && xok == yok && xz == yz && xzok == yzok
}

func sameIgnore(a, b *State) bool {
	x, y := a.ignore, b.ignore
	xc, xok := x.Cache()
	yc, yok := y.Cache()
	return slices.Equal(x.List(), y.List()) && x.Self() == y.Self() && x.Command() == y.Command() &&
		xc == yc && xok == yok
}

// keepKnownPaths takes the new list of paths, but files that were found for a
// pattern which is still there stay.
func keepKnownPaths(old, next []LogPath) []LogPath {
	for _, p := range old {
		if !p.FromPattern || slices.ContainsFunc(next, func(n LogPath) bool { return n.Path == p.Path }) {
			continue
		}
		if slices.ContainsFunc(next, isPattern) {
			next = append(next, p)
		}
	}
	return next
}

// adoptActions reloads the actions: those that are new start and take the live
// bans, those that are gone are undone, the others take their parameters.
func (j *Jail) adoptActions(done func(action.Result)) {
	j.set.BeginReload()
	for _, spec := range j.state.actions {
		j.addAction(spec)
	}
	j.set.EndReload(copies(j.state.bans.List()), done)
}

// AddAction creates an action, in a running jail too. It returns when a Python
// class has been loaded.
func (j *Jail) AddAction(ctx context.Context, spec ActionSpec) error {
	loaded, added := make(chan error, 1), false
	_, err := j.Do(ctx, func(s *State) (any, error) {
		if err := s.AddAction(spec); err != nil {
			return nil, err
		}
		added = true
		switch {
		case j.live && spec.Python != "":
			return nil, j.set.AddPython(spec.Name, spec.Python, spec.JSON, spec.Source, func(err error) { loaded <- err })
		case j.live:
			return nil, j.set.Add(spec.Name, spec.Source)
		}
		loaded <- nil
		return nil, nil
	})
	if err == nil && spec.Python != "" {
		select {
		case err = <-loaded:
		case <-j.done:
			return ErrStopped
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	if err != nil && added && spec.Python != "" {
		_, _ = j.Do(ctx, func(s *State) (any, error) {
			s.forgetAction(spec)
			return nil, nil
		})
	}
	return err
}

// forgetAction takes a Python action out of the configuration that could not
// be made.
func (s *State) forgetAction(spec ActionSpec) {
	s.actions = slices.DeleteFunc(s.actions, func(a ActionSpec) bool { return a.Name == spec.Name && a.Python == spec.Python })
}

// DelAction forgets an action without running anything.
func (j *Jail) DelAction(ctx context.Context, name string) error {
	_, err := j.Do(ctx, func(s *State) (any, error) {
		i := s.actionIndex(name)
		if i >= 0 {
			s.actions = slices.Delete(s.actions, i, i+1)
		}
		if !j.live && i >= 0 {
			return nil, nil
		}
		return nil, j.set.Delete(name)
	})
	return err
}

// SetActionProperty sets a property of an action, or calls a method of it, and
// returns what the reference would.
func (j *Jail) SetActionProperty(ctx context.Context, name, prop string, value any) (any, error) {
	if !j.isLive() {
		_, err := j.Do(ctx, func(s *State) (any, error) { return nil, s.SetActionProperty(name, prop, value) })
		return value, err
	}
	type answer struct {
		value any
		err   error
	}
	reply := make(chan answer, 1)
	j.set.SetProperty(name, prop, value, func(v any, err error) { reply <- answer{v, err} })
	select {
	case a := <-reply:
		return a.value, a.err
	case <-j.done:
		return nil, ErrStopped
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// TakeLogs hands out what configuring a jail that does not run yet had to log.
func (j *Jail) TakeLogs() []logbook.Record {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.live {
		return nil
	}
	eff := j.state.take()
	return eff.Logs
}

// Log appends to what the jail logs.
func (s *State) Log(level logbook.Level, logger, text string) { s.log(level, logger, "%s", text) }
