package action

import (
	"errors"
	"slices"
	"strings"

	"stockade/internal/ipaddr"
	"stockade/internal/pyjson"
	"stockade/internal/pyobj"
	"stockade/internal/ticket"
)

// method describes one method of an action: the arguments that it needs and
// those that it may have.
type method struct {
	required, optional []string
	// anything says that further arguments are taken and not used.
	anything bool
	call     func(e *entry, args map[string]any, r *Result) (any, error)
}

// methods are what a client may call by `set JAIL action NAME METHOD JSON`.
var methods map[string]method

func init() {
	one := func(kind JobKind) func(*entry, map[string]any, *Result) (any, error) {
		return func(e *entry, args map[string]any, r *Result) (any, error) {
			if _, ok := args["aInfo"].(*pyobj.Dict); !ok {
				return nil, pyobj.Errorf("AttributeError", "'%s' object has no attribute 'get'", pyobj.TypeName(args["aInfo"]))
			}
			w := &ticketWork{ticket: ticketOf(e, args["aInfo"]), epoch: -1}
			e.immediate(kind, w)
			r.Logs = append(r.Logs, w.results[slow].Logs...)
			return nil, cause(w.results[slow].Err)
		}
	}
	methods = map[string]method{
		"ban":     {required: []string{"aInfo"}, optional: []string{"cmd"}, call: one(Ban)},
		"unban":   {required: []string{"aInfo"}, call: one(Unban)},
		"reban":   {required: []string{"aInfo"}, call: one(Reban)},
		"prolong": {required: []string{"aInfo"}, call: callProlong},
		"start":   {call: callStart},
		"stop":    {call: callStop},
		"flush":   {call: callFlush},
		"reload":  {anything: true, call: callReload},
		"consistencyCheck": {optional: []string{"beforeRepair"}, call: func(e *entry, _ map[string]any, r *Result) (any, error) {
			e.check(r)
			return true, nil
		}},
		"clearAllParams": {call: func(e *entry, _ map[string]any, _ *Result) (any, error) {
			e.props.clear()
			return nil, nil
		}},
		"invalidateBanEpoch": {call: func(e *entry, _ map[string]any, _ *Result) (any, error) {
			e.cmd.epoch.Store(int64(e.set.raise()))
			return nil, nil
		}},
		"escapeTag":          {required: []string{"value"}, call: callEscape},
		"executeCmd":         {required: []string{"realCmd"}, anything: true, call: callExecute},
		"replaceTag":         {required: []string{"query", "aInfo"}, optional: []string{"conditional"}, call: callReplace},
		"replaceDynamicTags": {required: []string{"realCmd", "aInfo"}, call: callReplaceDynamic},
	}
}

// immediate runs one ticket through the action, whatever kind of action it is.
func (e *entry) immediate(kind JobKind, w *ticketWork) {
	if e.native() {
		e.applyAll(kind, []*ticketWork{w})
		w.results[slow] = w.results[fast]
		return
	}
	var err error
	switch kind {
	case Ban:
		err = e.cmd.ban(w.ticket, "actionban", &w.results[slow].Logs)
	case Reban:
		err = e.cmd.reban(w.ticket, &w.results[slow].Logs)
	case Prolong:
		err = e.cmd.prolong(w.ticket, &w.results[slow].Logs)
	case Unban:
		err = e.cmd.unban(w.ticket, &w.results[slow].Logs)
	}
	if err != nil {
		w.results[slow].Err = err
	}
}

// cause makes the exception that a client sees of an action's failure: the
// last part of the log's text.
func cause(err error) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	if _, rest, ok := strings.Cut(text, "})': "); ok {
		text = rest
	}
	return pyobj.Errorf("RuntimeError", "%s", text)
}

// ticketOf makes a ticket of the aInfo that a client gives.
func ticketOf(e *entry, aInfo any) *ticket.Ticket {
	t := &ticket.Ticket{Time: e.set.env.Clock.Now()}
	given := mapping(aInfo)
	for i := range given.Len() {
		key, value := given.At(i)
		name, text := pyobj.Str(key), pyobj.Str(value)
		switch name {
		case "ip":
			t.ID = ipaddr.Parse(text)
		case "matches":
			for line := range strings.SplitSeq(text, "\n") {
				t.Matches = append(t.Matches, ticket.Match{After: line, Joined: true})
			}
		case "failures", "bancount", "bantime":
			if n, err := pyobj.Int(value); err == nil {
				setNumber(t, name, n)
			}
		default:
			if field, ok := strings.CutPrefix(name, "F-"); ok {
				t.Fields.Set(strings.ToLower(field), text)
			}
		}
	}
	return t
}

// mapping is a value as a mapping, an empty one if it is none.
func mapping(v any) *pyobj.Dict {
	if d, ok := v.(*pyobj.Dict); ok {
		return d
	}
	return &pyobj.Dict{}
}

func setNumber(t *ticket.Ticket, name string, n int) {
	switch name {
	case "failures":
		t.Failures = n
	case "bancount":
		t.BanCount = n
	case "bantime":
		t.Bantime, t.HasBantime = int64(n), true
	}
}

func callStart(e *entry, _ map[string]any, r *Result) (any, error) {
	if e.native() {
		return true, cause(e.nat.start(&r.Logs))
	}
	return true, cause(e.cmd.start(&r.Logs))
}

// callProlong fails where the action has nothing for it, which jails never ask.
func callProlong(e *entry, args map[string]any, r *Result) (any, error) {
	w := &ticketWork{ticket: ticketOf(e, args["aInfo"])}
	if _, ok := e.props.get("actionprolong"); !ok && !e.native() {
		return nil, pyobj.Errorf("RuntimeError", "Error prolonging %s", w.ticket.Address())
	}
	e.immediate(Prolong, w)
	r.Logs = append(r.Logs, w.results[slow].Logs...)
	return nil, cause(w.results[slow].Err)
}

func callStop(e *entry, _ map[string]any, r *Result) (any, error) {
	if e.native() {
		return true, cause(e.nat.end(Lift))
	}
	return true, cause(e.cmd.stop(&r.Logs))
}

func callFlush(e *entry, _ map[string]any, r *Result) (any, error) {
	if e.native() {
		return true, cause(e.nat.flush())
	}
	return true, cause(e.cmd.flush(&r.Logs))
}

func callReload(e *entry, _ map[string]any, r *Result) (any, error) {
	if e.native() {
		return true, cause(e.nat.reload())
	}
	return true, cause(e.cmd.reload(&r.Logs))
}

func callEscape(_ *entry, args map[string]any, _ *Result) (any, error) {
	return escapeTag(pyobj.Str(args["value"])), nil
}

func callExecute(e *entry, args map[string]any, r *Result) (any, error) {
	text, _ := args["realCmd"].(string)
	return e.cmd.run(text, nil, &r.Logs), nil
}

func callReplace(_ *entry, args map[string]any, _ *Result) (any, error) {
	query, _ := args["query"].(string)
	values := mapping(args["aInfo"])
	return expand(query, func(tag string) (string, bool) {
		v, ok := values.Get(tag)
		if !ok || v == nil {
			return builtin(tag)
		}
		text := pyobj.Str(v)
		if untrusted[tag] {
			text = escapeTag(text)
		}
		return text, true
	})
}

func callReplaceDynamic(e *entry, args map[string]any, _ *Result) (any, error) {
	text, _ := args["realCmd"].(string)
	values := mapping(args["aInfo"])
	in := nobody(&e.set.env, "")
	in.seen = map[string]any{}
	for i := range values.Len() {
		key, v := values.At(i)
		in.seen[pyobj.Str(key)] = v
	}
	s := substitute(text, in)
	if len(s.args) == 0 {
		return s.text, nil
	}
	list := []any{s.text}
	for _, a := range s.args {
		list = append(list, a)
	}
	return list, nil
}

// SetProperty sets one property and returns its value as the server keeps it.
// The name of a method calls it with the JSON arguments in value; then done is
// called later with what it returned, and else before SetProperty returns.
func (s *Set) SetProperty(name, prop string, value any, done func(any, error)) {
	e, err := s.find(name)
	if err != nil {
		done(nil, err)
		return
	}
	if py := e.python(); py != nil {
		// It may be in the middle of a ban.
		go func() { done(py.setAttribute(prop, value)) }()
		return
	}
	m, ok := methods[prop]
	if !ok {
		if prop == "banEpoch" {
			done(int(e.cmd.epoch.Load()), nil)
			return
		}
		if err := e.props.set(prop, value); err != nil {
			done(nil, err)
			return
		}
		done(s.Property(name, prop))
		return
	}
	args, err := arguments(prop, m, value)
	if err != nil {
		done(nil, err)
		return
	}
	s.queues[e.lane()].put(task{call: func() {
		var r Result
		result, err := m.call(e, args, &r)
		for _, rec := range r.Logs {
			s.env.Log(rec)
		}
		done(result, err)
	}})
}

// arguments reads the JSON object with a method's arguments.
func arguments(name string, m method, value any) (map[string]any, error) {
	args := map[string]any{}
	if text, ok := value.(string); ok {
		var err error
		if args, err = parseArguments(name, text); err != nil {
			return nil, err
		}
	}
	for given := range args {
		if !m.anything && !slices.Contains(m.required, given) && !slices.Contains(m.optional, given) {
			return nil, pyobj.Errorf("TypeError", "CommandAction.%s() got an unexpected keyword argument '%s'", name, given)
		}
	}
	var missing []string
	for _, want := range m.required {
		if _, ok := args[want]; !ok {
			missing = append(missing, "'"+want+"'")
		}
	}
	switch len(missing) {
	case 0:
		return args, nil
	case 1:
		return nil, pyobj.Errorf("TypeError", "CommandAction.%s() missing 1 required positional argument: %s", name, missing[0])
	}
	return nil, pyobj.Errorf("TypeError", "CommandAction.%s() missing %d required positional arguments: %s", name, len(missing), strings.Join(missing, " and "))
}

func parseArguments(name, text string) (map[string]any, error) {
	value, err := pyjson.Parse(text)
	if wrong := (*pyjson.Error)(nil); errors.As(err, &wrong) {
		return nil, wrong.Exception()
	}
	given, ok := value.(*pyobj.Dict)
	if !ok {
		return nil, pyobj.Errorf("TypeError", "fail2ban.server.action.CommandAction.%s() argument after ** must be a mapping, not %s", name, pyobj.TypeName(value))
	}
	args := map[string]any{}
	for i := range given.Len() {
		key, v := given.At(i)
		args[pyobj.Str(key)] = v
	}
	return args, nil
}

// ErrMethod is the answer to who asks for a method as if it were a property.
var ErrMethod = pyobj.Errorf("TypeError", "cannot pickle '_thread.RLock' object")

// Property returns a property of an action.
func (s *Set) Property(name, prop string) (any, error) {
	e, err := s.find(name)
	if err != nil {
		return nil, err
	}
	if py := e.python(); py != nil {
		return py.attribute(prop)
	}
	if _, ok := methods[prop]; ok {
		return nil, ErrMethod
	}
	switch prop {
	case "banEpoch":
		return int(e.cmd.epoch.Load()), nil
	case "ESCAPE_CRE":
		return `re.compile('[\\\\#&;` + "`" + `|*?~<>\\^\\(\\)\\[\\]{}$\'"\\n\\r]')`, nil
	case "ESCAPE_VN_CRE":
		return `re.compile('\\W')`, nil
	}
	v, ok := e.props.get(prop)
	if !ok {
		return nil, pyobj.Errorf("AttributeError", "'CommandAction' object has no attribute '%s'", prop)
	}
	return v, nil
}

// Properties lists the names of the visible properties, sorted.
func (s *Set) Properties(name string) ([]string, error) {
	e, err := s.find(name)
	if err != nil {
		return nil, err
	}
	if py := e.python(); py != nil {
		return py.names(false)
	}
	return e.props.visible(), nil
}

// Methods lists the names of the methods, sorted.
func (s *Set) Methods(name string) ([]string, error) {
	e, err := s.find(name)
	if err != nil {
		return nil, err
	}
	if py := e.python(); py != nil {
		return py.names(true)
	}
	var names []string
	for m := range methods {
		names = append(names, m)
	}
	slices.Sort(names)
	return names, nil
}
