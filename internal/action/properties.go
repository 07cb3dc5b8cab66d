package action

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"stockade/internal/pyexpr"
	"stockade/internal/pyobj"
)

// properties are the parameters of an action by name. A name may end in
// "?family=inet6" and then stands for the others in that family.
type properties struct {
	mu     sync.Mutex
	values map[string]any
}

// commandNames are the properties that hold commands. They are there, and
// empty, from the beginning.
var commandNames = []string{
	"actionban", "actioncheck", "actionflush", "actionreban", "actionreload", "actionrepair", "actionstart",
	"actionstop", "actionunban",
}

func newProperties() *properties {
	p := &properties{}
	p.reset()
	return p
}

// reset forgets all parameters, as at the beginning of a reload.
func (p *properties) reset() {
	p.mu.Lock()
	p.values = map[string]any{}
	p.mu.Unlock()
	p.clear()
}

// clear resets what every action has, and keeps its own parameters.
func (p *properties) clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.values["timeout"] = int(defaultTimeout / time.Second)
	for _, name := range commandNames {
		p.values[name] = ""
	}
}

// set stores a property and gives back what is stored. "bantime" is taken and
// dropped, so that the ticket's own value counts.
func (p *properties) set(name string, value any) error {
	switch name {
	case "bantime":
		return nil
	case "timeout":
		seconds, err := pyexpr.Seconds(pyobj.Str(value))
		if err != nil {
			return err
		}
		value = number(seconds)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.values[name] = value
	return nil
}

// number makes a plain value of a time.
func number(v pyexpr.Value) any {
	if v.IsInt() {
		if n, ok := v.Int64(); ok {
			return int(n)
		}
	}
	f, _ := v.Float64()
	return f
}

func (p *properties) get(name string) (any, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	v, ok := p.values[name]
	return v, ok
}

// visible are the names that clients see.
func (p *properties) visible() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	names := slices.DeleteFunc(slices.Collect(maps.Keys(p.values)), func(n string) bool { return strings.HasPrefix(n, "_") })
	names = append(names, "ESCAPE_CRE", "ESCAPE_VN_CRE", "banEpoch")
	slices.Sort(names)
	return slices.Compact(names)
}

// lookup finds static tags in one family.
func (p *properties) lookup(family string) lookup {
	return func(tag string) (string, bool) {
		p.mu.Lock()
		v, ok := any(nil), false
		if family != "" {
			v, ok = p.values[tag+"?family="+family]
		}
		if !ok || v == nil {
			v, ok = p.values[tag]
		}
		p.mu.Unlock()
		if !ok || v == nil || strings.HasPrefix(tag, "_") {
			return builtin(tag)
		}
		text := pyobj.Str(v)
		if untrusted[tag] {
			text = escapeTag(text)
		}
		return text, true
	}
}

// own are the names of the parameters, without what every action has.
func (p *properties) own() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.DeleteFunc(slices.Sorted(maps.Keys(p.values)), func(n string) bool {
		return slices.Contains(commandNames, n) || strings.HasPrefix(n, "action") && n != "actname" || slices.Contains(everywhere, n)
	})
}

// everywhere are parameters that any action may have.
var everywhere = []string{"timeout", "native", "heal", "norestored", "families"}

// conditional tells whether anything differs by family.
func (p *properties) conditional() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for name := range p.values {
		if strings.Contains(name, "?family=") {
			return true
		}
	}
	return false
}

// onDemand tells whether the action starts with the first ban of a family.
func (p *properties) onDemand() bool {
	if v, ok := p.get("actionstart_on_demand"); ok {
		return truth(v)
	}
	return p.conditional()
}

func (p *properties) truth(name string) bool {
	v, ok := p.get(name)
	return ok && truth(v)
}

// truth reads a switch; the reference takes these words for yes.
func truth(v any) bool {
	switch v := v.(type) {
	case bool:
		return v
	case int:
		return v != 0
	case string:
		switch strings.ToLower(strings.TrimSpace(v)) {
		case "1", "on", "true", "yes":
			return true
		}
	}
	return false
}

// timeout is how long a command may take, and how the log says it.
func (p *properties) timeout() (time.Duration, string) {
	v, _ := p.get("timeout")
	switch v := v.(type) {
	case int:
		return time.Duration(v) * time.Second, pyobj.Str(v)
	case float64:
		return time.Duration(v * float64(time.Second)), pyobj.Str(v)
	}
	return defaultTimeout, "60"
}
