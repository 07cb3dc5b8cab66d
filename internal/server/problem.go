package server

import (
	"context"
	"slices"

	"stockade/internal/jail"
	"stockade/internal/logbook"
)

// Problem is something in a configuration that does not work.
type Problem struct {
	Jail string `json:"jail"`
	Why  string `json:"why"`
	Cost Cost   `json:"cost"`
}

// Cost is what a problem costs.
type Cost string

// The costs.
const (
	// LeftOut is a jail that does not run.
	LeftOut Cost = "left out"
	// AsBefore is a jail that goes on with its old configuration.
	AsBefore Cost = "as before"
	// Degraded is a jail that runs without what does not work.
	Degraded Cost = "degraded"
)

// Problems are those of the present configuration.
func (s *Server) Problems() []Problem {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.problems)
}

// noteProblems keeps what a committed configuration has to say, in place of
// what was said of the same jails before.
func (s *Server) noteProblems(scope Scope, g *Stage) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.problems = slices.DeleteFunc(s.problems, func(p Problem) bool {
		switch {
		case scope.Jail != "":
			return p.Jail == scope.Jail
		case scope.Add:
			return g.find(p.Jail) != nil
		}
		return true
	})
	s.problems = append(append(s.problems, g.told...), g.problems...)
}

// forgetProblems drops what was said of a jail that is gone.
func (s *Server) forgetProblems(jail string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.problems = slices.DeleteFunc(s.problems, func(p Problem) bool { return p.Jail == jail })
}

// Problems are what is wrong with the staged configuration, without what the
// client said; all is known after Commit.
func (g *Stage) Problems() []Problem { return slices.Clone(g.problems) }

// Judge tells what Commit would find wrong, and changes nothing.
func (g *Stage) Judge() []Problem {
	all := g.Problems()
	for _, s := range g.jails {
		if s.judge(); s.broken != nil {
			all = append(all, Problem{Jail: s.jail.Name(), Why: s.broken.Error(), Cost: LeftOut})
		}
	}
	return all
}

// Told notes a problem that the client found, and has reported. A jail that
// goes on with less is degraded by it.
func (g *Stage) Told(jail string, degraded bool, why string) {
	g.told = append(g.told, Problem{Jail: jail, Why: why, Cost: LeftOut})
	if degraded {
		g.told[len(g.told)-1].Cost = Degraded
	}
}

// isBroken tells whether a jail that is not on the stage should be there.
func (g *Stage) isBroken(name string) bool {
	_, broken := g.whyBroken(name)
	return broken
}

func (g *Stage) whyBroken(name string) (string, bool) {
	for _, p := range slices.Concat(g.told, g.problems) {
		if p.Jail == name && p.Cost != Degraded {
			return p.Why, true
		}
	}
	return "", false
}

// weighTold lets the problems that the client told take effect.
func (g *Stage) weighTold() {
	for i := range g.told {
		p := &g.told[i]
		if p.Cost == Degraded {
			g.fault(p.Jail, p.Why)
		} else {
			p.Cost, _ = g.fate(p.Jail)
		}
	}
}

// fault makes a staged jail degraded.
func (g *Stage) fault(name, why string) {
	if s := g.find(name); s != nil {
		_, _ = s.jail.Do(context.Background(), func(st *jail.State) (any, error) {
			st.Fault(why)
			return nil, nil
		})
	}
}

func (g *Stage) problem(jail string, cost Cost, why string) {
	g.problems = append(g.problems, Problem{Jail: jail, Why: why, Cost: cost})
}

// LeaveOut notes that a jail is broken.
func (g *Stage) LeaveOut(jail, why string) {
	cost, kept := g.fate(jail)
	g.server.logf(logbook.Error, logger, "Errors in jail '%s', %s: %s", jail, kept, why)
	g.problem(jail, cost, why)
}

// fate is what becomes of a jail whose new configuration is broken.
func (g *Stage) fate(jail string) (Cost, string) {
	if _, err := g.server.Jail(jail); err == nil {
		return AsBefore, "it goes on as it was"
	}
	return LeftOut, "it is not started"
}
