package action

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"stockade/internal/ipaddr"
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
	given, _ := aInfo.(map[string]any)
	for name, value := range given {
		text := pyobj.Str(plain(value))
		switch name {
		case "ip":
			t.ID = ipaddr.Parse(text)
		case "matches":
			for line := range strings.SplitSeq(text, "\n") {
				t.Matches = append(t.Matches, ticket.Match{After: line, Joined: true})
			}
		case "failures", "bancount", "bantime":
			if f, ok := value.(float64); ok {
				setNumber(t, name, f)
			}
		default:
			if field, ok := strings.CutPrefix(name, "F-"); ok {
				t.Fields.Set(strings.ToLower(field), text)
			}
		}
	}
	return t
}

func setNumber(t *ticket.Ticket, name string, f float64) {
	switch name {
	case "failures":
		t.Failures = int(f)
	case "bancount":
		t.BanCount = int(f)
	case "bantime":
		t.Bantime, t.HasBantime = int64(f), true
	}
}

// plain makes a Python value of one that JSON gave.
func plain(v any) any {
	switch v := v.(type) {
	case float64:
		if v == float64(int(v)) {
			return int(v)
		}
	case map[string]any:
		d := pyobj.NewDict()
		for name, value := range v {
			d.Set(name, plain(value))
		}
		return d
	case []any:
		for i := range v {
			v[i] = plain(v[i])
		}
	}
	return v
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
	return escapeTag(pyobj.Str(plain(args["value"]))), nil
}

func callExecute(e *entry, args map[string]any, r *Result) (any, error) {
	text, _ := args["realCmd"].(string)
	return e.cmd.run(text, nil, &r.Logs), nil
}

func callReplace(_ *entry, args map[string]any, _ *Result) (any, error) {
	query, _ := args["query"].(string)
	values, _ := args["aInfo"].(map[string]any)
	return expand(query, func(tag string) (string, bool) {
		v, ok := values[tag]
		if !ok || v == nil {
			return builtin(tag)
		}
		text := pyobj.Str(plain(v))
		if untrusted[tag] {
			text = escapeTag(text)
		}
		return text, true
	})
}

func callReplaceDynamic(e *entry, args map[string]any, _ *Result) (any, error) {
	text, _ := args["realCmd"].(string)
	values, _ := args["aInfo"].(map[string]any)
	in := nobody(&e.set.env, "")
	in.seen = map[string]any{}
	for name, v := range values {
		in.seen[name] = plain(v)
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
	var value any
	err := json.Unmarshal([]byte(text), &value)
	if syntax := (*json.SyntaxError)(nil); errors.As(err, &syntax) {
		message, pos := pythonComplaint(text, int(syntax.Offset))
		return nil, &pyobj.Exception{Module: "json.decoder", Class: "JSONDecodeError", Args: pyobj.Tuple{message, text, pos}}
	}
	args, ok := value.(map[string]any)
	if !ok {
		return nil, pyobj.Errorf("TypeError", "fail2ban.server.action.CommandAction.%s() argument after ** must be a mapping, not %s", name, pythonType(value))
	}
	return args, nil
}

// pythonComplaint says what Python's JSON reader says where Go's stopped: at
// the byte before offset, or at the end.
func pythonComplaint(text string, offset int) (message string, pos int) {
	pos = max(offset-1, 0)
	if offset >= len(text) && json.Valid([]byte(text+"}")) {
		pos = len(text)
	}
	before := strings.TrimRight(text[:min(pos, len(text))], " \t\r\n")
	switch {
	case before == "" || strings.HasSuffix(before, ":") || strings.HasSuffix(before, "["):
		return "Expecting value", len(text) - len(strings.TrimLeft(text[len(before):], " \t\r\n"))
	case strings.HasSuffix(before, "{") || strings.HasSuffix(before, ","):
		return "Expecting property name enclosed in double quotes", pos
	}
	return "Expecting ',' delimiter", pos
}

func pythonType(v any) string {
	switch v := v.(type) {
	case []any:
		return "list"
	case string:
		return "str"
	case bool:
		return "bool"
	case float64:
		if v == float64(int(v)) {
			return "int"
		}
		return "float"
	}
	return "NoneType"
}

// ErrMethod is the answer to who asks for a method as if it were a property.
var ErrMethod = pyobj.Errorf("TypeError", "cannot pickle '_thread.RLock' object")

// Property returns a property of an action.
func (s *Set) Property(name, prop string) (any, error) {
	e, err := s.find(name)
	if err != nil {
		return nil, err
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
	return e.props.visible(), nil
}

// Methods lists the names of the methods, sorted.
func (s *Set) Methods(name string) ([]string, error) {
	if _, err := s.find(name); err != nil {
		return nil, err
	}
	var names []string
	for m := range methods {
		names = append(names, m)
	}
	slices.Sort(names)
	return names, nil
}
