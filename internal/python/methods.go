package python

import (
	"context"

	"stockade/internal/pyobj"
)

// keptInfos is how many tickets a class may still ask about after their calls.
const keptInfos = 16

// Run calls a method of the class, with a ticket or (nil) without.
func (p *Process) Run(ctx context.Context, method string, info *Info) (any, error) {
	request := map[string]any{"call": "run", "method": method}
	if info != nil {
		p.mu.Lock()
		p.tickets++
		ticket := p.tickets
		p.infos[ticket] = *info
		for old := range p.infos {
			if old <= ticket-keptInfos {
				delete(p.infos, old)
			}
		}
		p.mu.Unlock()
		values := map[string]any{}
		for name, v := range info.Values {
			values[name] = encode(v)
		}
		request["ticket"], request["keys"], request["values"] = ticket, info.Keys, values
	}
	return p.value(ctx, request)
}

// Reload gives the class new arguments, by its own method.
func (p *Process) Reload(ctx context.Context, params string) error {
	_, err := p.call(ctx, map[string]any{"call": "reload", "params": params})
	return err
}

// Check calls the consistency check of a class that has one.
func (p *Process) Check(ctx context.Context) error {
	_, err := p.call(ctx, map[string]any{"call": "check"})
	return err
}

// Get gives an attribute of the object.
func (p *Process) Get(ctx context.Context, name string) (any, error) {
	return p.value(ctx, map[string]any{"call": "get", "name": name})
}

// Set sets an attribute; or calls a method, with JSON arguments, and gives what
// it returned.
func (p *Process) Set(ctx context.Context, name string, value any) (any, error) {
	return p.value(ctx, map[string]any{"call": "set", "name": name, "value": encode(value)})
}

// Names lists the attributes of the object, or its methods, sorted.
func (p *Process) Names(ctx context.Context, methods bool) ([]string, error) {
	v, err := p.value(ctx, map[string]any{"call": "names", "methods": methods})
	if err != nil {
		return nil, err
	}
	list, _ := v.([]any)
	names := make([]string, 0, len(list))
	for _, one := range list {
		names = append(names, pyobj.Str(one))
	}
	return names, nil
}
