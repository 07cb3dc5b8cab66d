package server

import (
	"context"
	"fmt"
	"strings"

	"stockade/internal/pyobj"
)

// Need is something in a configuration that runs a program.
type Need struct {
	Jail string `json:"jail"`
	// What is "action NAME" or "ignorecommand", and Why says what it runs.
	What string `json:"what"`
	Why  string `json:"why"`
	// Origin is the file and line where it is configured, "" if unknown.
	Origin string `json:"origin,omitempty"`
}

func (n Need) String() string {
	text := fmt.Sprintf("jail %s, %s: %s", n.Jail, n.What, n.Why)
	if n.Origin != "" {
		text = n.Origin + ": " + text
	}
	return text
}

// Place notes where something of a staged jail is configured.
func (g *Stage) Place(jail, what, origin string) {
	if g.places == nil {
		g.places = map[[2]string]string{}
	}
	g.places[[2]string{jail, what}] = origin
}

// Needs lists what in the staged jails runs programs.
func (g *Stage) Needs() []Need {
	var out []Need
	for _, s := range g.jails {
		if s.judge(); s.broken != nil {
			continue
		}
		list, err := s.jail.Needs(context.Background())
		if err != nil {
			continue // it is being stopped
		}
		name := s.jail.Name()
		for _, n := range list {
			out = append(out, Need{Jail: name, What: n.What, Why: n.Why, Origin: g.places[[2]string{name, n.What}]})
		}
	}
	return out
}

// closed is what a strict service says of programs that it may not run.
const closed = "this service is closed against programs (stockade doctor --harden)"

// enforceStrict refuses a reload that would need programs where the service is
// closed against them. At the start there is nothing to go on with: the jails
// run then, and those that would need programs are degraded.
func (g *Stage) enforceStrict(scope Scope) error {
	if !g.server.opt.Strict {
		return nil
	}
	needs := g.Needs()
	if len(needs) == 0 {
		return nil
	}
	if !scope.Add {
		lines := make([]string, len(needs))
		for i, n := range needs {
			lines[i] = n.String()
		}
		return pyobj.Errorf("Exception", "Nothing was reloaded: %s, and the new configuration needs them. %s. "+
			"To let it run programs again: rm /etc/systemd/system/stockade.service.d/strict.conf; "+
			"systemctl daemon-reload; systemctl restart stockade", closed, strings.Join(lines, ". "))
	}
	for _, n := range needs {
		text := fmt.Sprintf("%s may fail: %s, and %s", n.What, n.Why, closed)
		g.problem(n.Jail, Degraded, text)
		g.fault(n.Jail, text)
	}
	return nil
}
