package server

import (
	"context"
	"slices"

	"stockade/internal/jail"
)

// Change is what a reload would do with one jail.
type Change struct {
	Jail string `json:"jail"`
	// Kind is "start", "stop", "restart", "change", "keep" or "broken".
	Kind string `json:"kind"`
	// Why says why a jail is broken.
	Why     string        `json:"why,omitempty"`
	Options []jail.Change `json:"options,omitempty"`
	// Bans is the number of bans that a stop would lift.
	Bans int `json:"bans,omitempty"`
}

// Plan tells what Commit would do, and does nothing.
func (g *Stage) Plan(ctx context.Context, scope Scope) ([]Change, error) {
	var all []Change
	for _, staged := range g.jails {
		c, err := g.planJail(ctx, staged, scope)
		if err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	for _, p := range slices.Concat(g.told, g.problems) {
		if g.find(p.Jail) == nil && p.Cost != Degraded {
			all = append(all, Change{Jail: p.Jail, Kind: "broken", Why: p.Why})
		}
	}
	for _, j := range g.server.Jails() {
		if g.isBroken(j.Name()) {
			continue
		}
		if g.find(j.Name()) != nil || scope.Add || scope.Jail != "" && scope.Jail != j.Name() {
			continue
		}
		v, err := j.View(ctx, false)
		if err != nil {
			return nil, err
		}
		all = append(all, Change{Jail: j.Name(), Kind: "stop", Bans: v.Banned})
	}
	return all, nil
}

func (g *Stage) planJail(ctx context.Context, staged *stagedJail, scope Scope) (Change, error) {
	c := Change{Jail: staged.jail.Name()}
	staged.judge()
	running, err := g.server.Jail(c.Jail)
	switch {
	case staged.broken != nil:
		c.Kind, c.Why = "broken", staged.broken.Error()
		return c, nil
	case err != nil:
		c.Kind = "start"
		return c, nil
	}
	c.Options, err = running.Differences(ctx, staged.jail)
	if err != nil {
		return c, err
	}
	switch {
	case scope.Restart || backendOf(ctx, running) != staged.backend:
		c.Kind = "restart"
	case len(c.Options) > 0:
		c.Kind = "change"
	default:
		c.Kind = "keep"
	}
	return c, nil
}
