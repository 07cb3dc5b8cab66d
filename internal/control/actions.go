package control

import (
	"strings"

	"stockade/internal/action"
	"stockade/internal/jail"
	"stockade/internal/pyobj"
)

// addAction makes an action: a command action by its name alone, a Python one
// with the path of its file and JSON arguments.
func addAction(c *call, j *jail.Jail, args []any) (any, error) {
	if len(args) == 0 {
		return nil, errIndex()
	}
	spec := jail.ActionSpec{Name: pyobj.Str(args[0])}
	if len(args) > 1 {
		spec.Python, spec.JSON = pyobj.Str(args[1]), "{}"
		if len(args) > 2 {
			spec.JSON = pyobj.Str(args[2])
		}
	}
	if src := c.origin.Action; src != nil {
		spec.Source = &action.Source{Name: src.Name, Files: src.Files, Library: src.Library, Digest: src.Digest}
	}
	return spec.Name, j.AddAction(c.ctx, spec)
}

// delAction forgets an action: neither are its bans lifted nor is it stopped.
func delAction(c *call, j *jail.Jail, args []any) (any, error) {
	if len(args) == 0 {
		return nil, errIndex()
	}
	return nil, j.DelAction(c.ctx, pyobj.Str(args[0]))
}

// setAction sets a property of an action or calls a method of it; multi-set
// does so with each pair of a list.
func setAction(c *call, j *jail.Jail, args []any) (any, error) {
	if len(args) < 2 {
		return nil, errIndex()
	}
	name := pyobj.Str(args[0])
	if c.words[0] == "multi-set" {
		for _, pair := range itemsOf(args[1]) {
			words := itemsOf(pair)
			if len(words) == 0 {
				return nil, errIndex()
			}
			if _, err := setProperty(c, j, name, words); err != nil {
				return nil, err
			}
		}
		return true, nil
	}
	return setProperty(c, j, name, args[1:])
}

// setProperty takes the words [property, value] or [method, JSON].
func setProperty(c *call, j *jail.Jail, name string, words []any) (any, error) {
	prop := pyobj.Str(words[0])
	var value any = "{}"
	if len(words) > 1 {
		value = words[1]
	} else if !isMethod(j, name, prop) {
		if _, err := j.Actions().Methods(name); err != nil {
			return nil, err
		}
		return nil, errIndex()
	}
	return j.SetActionProperty(c.ctx, name, prop, value)
}

func isMethod(j *jail.Jail, name, prop string) bool {
	methods, err := j.Actions().Methods(name)
	if err != nil {
		return false
	}
	for _, m := range methods {
		if m == prop {
			return true
		}
	}
	return false
}

// actionNames lists the actions of a jail.
func actionNames(s *jail.State) []any {
	out := []any{}
	for _, a := range s.Actions() {
		out = append(out, a.Name)
	}
	return out
}

// getAction answers what is asked about one action.
func getAction(c *call, j *jail.Jail, what string, args []any) (any, error) {
	if len(args) == 0 {
		return nil, errIndex()
	}
	name := pyobj.Str(args[0])
	switch what {
	case "actionproperties":
		props, err := j.Actions().Properties(name)
		return list(props), err
	case "actionmethods":
		methods, err := j.Actions().Methods(name)
		return list(methods), err
	}
	if len(args) < 2 {
		return nil, errIndex()
	}
	prop := pyobj.Str(args[1])
	if strings.HasPrefix(prop, "_") {
		return nil, pyobj.Errorf("AttributeError", "'CommandAction' object has no attribute '%s'", prop)
	}
	return j.Actions().Property(name, prop)
}
