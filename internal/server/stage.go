package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"stockade/internal/action"
	"stockade/internal/event"
	"stockade/internal/jail"
	"stockade/internal/logbook"
	"stockade/internal/pyobj"
)

// Stage is a configuration that is being put together. Commands go to its
// jails, which do not run; nothing that runs is touched before Commit.
type Stage struct {
	server *Server
	jails  []*stagedJail
	// settings are applied at Commit, before the jails.
	settings []func() error
	// problems are those that show here, told those that the client told.
	problems, told []Problem
	// places are where things of a jail are configured.
	places map[[2]string]string
}

type stagedJail struct {
	jail    *jail.Jail
	backend string
	// start says that the stream told the jail to start.
	start bool
	// broken is why the jail is left out.
	broken error
	// rules and actions count what was tried, to tell one that lost some from
	// one that lost all.
	rules, actions, badRules, badActions int
	// firstRule and firstAction say what is wrong with the first bad ones.
	firstRule, firstAction string
}

// Scope says what a Stage is to replace.
type Scope struct {
	// Jail is the one jail that is reloaded, empty for all of them.
	Jail string
	// Restart stops the jails before, and Unban lifts their bans for good.
	Restart, Unban bool
	// Add keeps running jails that the stage does not name, as server-stream
	// does; without it they are stopped.
	Add bool
}

// NewStage begins a configuration.
func (s *Server) NewStage() *Stage { return &Stage{server: s} }

// Defer keeps a setting of the server until Commit.
func (g *Stage) Defer(apply func() error) { g.settings = append(g.settings, apply) }

// AddJail adds a jail.
func (g *Stage) AddJail(name, backend string) error {
	if g.find(name) != nil {
		return DuplicateJail(name)
	}
	j, err := g.server.newJail(name, backend)
	if err != nil {
		return err
	}
	g.jails = append(g.jails, &stagedJail{jail: j, backend: backend})
	return nil
}

// Jail finds a jail of the stage.
func (g *Stage) Jail(name string) (*jail.Jail, error) {
	if s := g.find(name); s != nil {
		return s.jail, nil
	}
	return nil, UnknownJail(name)
}

// StartJail notes that a jail is to run.
func (g *Stage) StartJail(name string) error {
	s := g.find(name)
	if s == nil {
		return UnknownJail(name)
	}
	s.start = true
	return nil
}

func (g *Stage) find(name string) *stagedJail {
	i := slices.IndexFunc(g.jails, func(s *stagedJail) bool { return s.jail.Name() == name })
	if i < 0 {
		return nil
	}
	return g.jails[i]
}

// Kind sorts the commands of a stream by what is lost when one of them fails.
type Kind int

// The kinds of commands.
const (
	// Setting is anything without which the jail would do something else than
	// it was told; the jail does not start.
	Setting Kind = iota
	// Failregex is one of several: the jail starts with those that are good.
	Failregex
	// Action is one of several: likewise.
	Action
	// Escalation is an option of bantime.increment: without it a ban lasts as
	// long as it otherwise would.
	Escalation
)

// Tried notes that a command of a jail was carried out, or what it failed
// with. It returns the error if nothing can take it up, so that the whole
// configuration has to be refused.
func (g *Stage) Tried(name string, kind Kind, what string, err error) error {
	s := g.find(name)
	if s == nil {
		return err
	}
	switch kind {
	case Failregex:
		s.rules++
	case Action:
		s.actions++
	}
	if err == nil {
		return nil
	}
	text := fmt.Sprintf("%s: %s", what, exceptionText(err))
	switch kind {
	case Failregex:
		s.badRules++
		s.firstRule = cmp.Or(s.firstRule, text)
	case Action:
		s.badActions++
		s.firstAction = cmp.Or(s.firstAction, text)
	case Setting:
		if s.broken == nil {
			s.broken = errors.New(text)
		}
		return nil
	}
	g.server.logf(logbook.Error, logger, "Jail '%s': %s", name, text)
	g.problem(name, Degraded, text)
	g.fault(name, text)
	return nil
}

func exceptionText(err error) string {
	var e *pyobj.Exception
	if errors.As(err, &e) && len(e.Args) == 1 {
		return pyobj.Str(e.Args[0])
	}
	return err.Error()
}

// judge leaves jails out that lost all of something.
func (s *stagedJail) judge() {
	switch {
	case s.broken != nil:
	case s.rules > 0 && s.badRules == s.rules:
		s.broken = errors.New("none of its failregexes is valid: " + s.firstRule)
	case s.actions > 0 && s.badActions == s.actions:
		s.broken = errors.New("none of its actions is valid: " + s.firstAction)
	}
}

// Drop gives a stage up.
func (g *Stage) Drop() {
	for _, s := range g.jails {
		s.jail.Stop(action.Lift)
	}
}

// Commit makes the stage the configuration of the server. Jails that go on
// take over what changed; broken ones are left as they are, or out.
func (g *Stage) Commit(ctx context.Context, scope Scope) error {
	s := g.server
	s.reload.Lock()
	defer s.reload.Unlock()
	if s.Closing() {
		g.Drop()
		return errors.New("the server is shutting down")
	}
	if err := g.enforceStrict(scope); err != nil {
		g.Drop()
		return err
	}
	for _, apply := range g.settings {
		if err := apply(); err != nil {
			g.Drop()
			return err
		}
	}
	if err := g.clear(ctx, scope); err != nil {
		return err
	}
	g.weighTold()
	for _, staged := range g.jails {
		g.place(ctx, staged)
	}
	s.noteProblems(scope, g)
	s.events.Publish(event.Event{Time: s.opt.Clock.Now(), Kind: event.Reload, Jail: scope.Jail})
	return nil
}

// clear stops what is not to go on.
func (g *Stage) clear(ctx context.Context, scope Scope) error {
	s := g.server
	if scope.Jail == "" && !scope.Add {
		s.names.resolver.Forget()
	}
	for _, j := range s.Jails() {
		if scope.Jail != "" && j.Name() != scope.Jail {
			continue
		}
		if scope.Unban {
			if _, err := j.UnbanAll(ctx); err != nil && !errors.Is(err, jail.ErrStopped) {
				return fmt.Errorf("unban all of jail %q: %w", j.Name(), err)
			}
		}
		staged := g.find(j.Name())
		if staged == nil && g.isBroken(j.Name()) {
			continue
		}
		gone := staged == nil && !scope.Add
		if gone || scope.Restart && (staged == nil || staged.broken == nil) {
			if err := s.removeJail(j.Name(), action.Lift); err != nil {
				return err
			}
		}
	}
	return nil
}

// place brings one jail of the stage in.
func (g *Stage) place(ctx context.Context, staged *stagedJail) {
	s := g.server
	staged.judge()
	name := staged.jail.Name()
	running, err := s.Jail(name)
	backend := ""
	if err == nil && running.Running() {
		backend = backendOf(ctx, running)
	}
	switch {
	case staged.broken != nil:
		g.problems = slices.DeleteFunc(g.problems, func(p Problem) bool { return p.Jail == name && p.Cost == Degraded })
		g.LeaveOut(name, staged.broken.Error())
		staged.jail.Stop(action.Lift)
		return
	case backend == staged.backend:
		s.logf(logbook.Info, logger, "Reload jail '%s'", name)
		if err := running.Adopt(ctx, staged.jail); err != nil {
			s.logf(logbook.Error, logger, "Cannot reload jail '%s': %v", name, err)
		}
		return
	case err == nil:
		if backend != "" {
			s.logf(logbook.Info, logger, "Restart jail '%s' (reason: '%s' != '%s')", name, backend, staged.backend)
		}
		// The bans stay in force until the successor has taken them over.
		if err := s.removeJail(name, action.Leave); err != nil {
			s.logf(logbook.Error, logger, "Cannot stop jail '%s': %v", name, err)
		}
	}
	logs := staged.jail.TakeLogs()
	if err := s.register(staged.jail); err != nil {
		s.logf(logbook.Error, logger, "Cannot add jail '%s': %v", name, err)
		return
	}
	s.book.Log(logs...)
	if staged.start {
		staged.jail.Start()
	}
}

// backendOf is the backend that a jail was added with, empty once it stopped.
func backendOf(ctx context.Context, running *jail.Jail) string {
	v, err := running.View(ctx, false)
	if err != nil {
		return ""
	}
	return v.Backend
}
