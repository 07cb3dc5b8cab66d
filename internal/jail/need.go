package jail

import (
	"context"
	"slices"

	"stockade/internal/action"
)

// Need is something of a jail that runs a program.
type Need struct {
	// What is "action NAME" or "ignorecommand".
	What, Why string
}

// Needs lists what of the jail's configuration runs programs. Nothing is
// started for it.
func (j *Jail) Needs(ctx context.Context) ([]Need, error) {
	v, err := j.Do(ctx, func(s *State) (any, error) { return s.needs(j.actionEnv()), nil })
	if err != nil {
		return nil, err
	}
	return v.([]Need), nil
}

func (s *State) needs(env action.Env) []Need {
	var out []Need
	if s.ignore.Command() != "" {
		out = append(out, Need{"ignorecommand", "it is a command"})
	}
	for _, spec := range s.actions {
		if why := needOf(env, spec); why != "" {
			out = append(out, Need{"action " + spec.Name, why})
		}
	}
	return out
}

// needOf sets one action up and throws it away.
func needOf(env action.Env, spec ActionSpec) string {
	if spec.Python != "" {
		return action.NeedOfPython(spec.Source)
	}
	set := action.NewSet(env)
	defer set.Quit()
	if set.Add(spec.Name, spec.Source) != nil {
		return ""
	}
	methods, err := set.Methods(spec.Name)
	if err != nil {
		return ""
	}
	for _, p := range spec.Props {
		if slices.Contains(methods, p.Name) {
			continue
		}
		set.SetProperty(spec.Name, p.Name, p.Value, func(any, error) {})
	}
	for _, n := range set.Needs() {
		return n.Why
	}
	return ""
}
