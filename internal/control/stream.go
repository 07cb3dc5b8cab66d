package control

import (
	"context"
	"errors"
	"slices"
	"strings"

	"stockade/internal/config"
	"stockade/internal/jail"
	"stockade/internal/logbook"
	"stockade/internal/pyobj"
	"stockade/internal/server"
)

// serverStream configures the server by a list of commands.
func serverStream(c *call) (any, error) {
	stream, err := c.word(1)
	if err != nil {
		return nil, err
	}
	problems, err := c.apply(stream, c.extra(2), server.Scope{Add: true})
	if err != nil || len(problems) == 0 || c.extra(2) == nil {
		return nil, err
	}
	return reported(problems), nil
}

// reported are the problems of a configuration for our own client, which is
// told them beside what Fail2ban answers.
func reported(problems []server.Problem) []any {
	list := make([]any, len(problems))
	for i, p := range problems {
		list[i] = pyobj.Tuple{p.Jail, string(p.Cost), p.Why}
	}
	return list
}

// ReadProblems is the inverse of what a server of ours reports.
func ReadProblems(value any) []server.Problem {
	items, _ := value.([]any)
	var list []server.Problem
	for _, item := range items {
		if t, ok := item.(pyobj.Tuple); ok && len(t) == 3 {
			list = append(list, server.Problem{Jail: pyobj.Str(t[0]), Cost: server.Cost(pyobj.Str(t[1])), Why: pyobj.Str(t[2])})
		}
	}
	return list
}

// extra is what our own client sends behind the words that Fail2ban knows.
func (c *call) extra(i int) any {
	if i < len(c.words) {
		return c.words[i]
	}
	return nil
}

// reload replaces the configuration of all jails, or of one.
func reload(c *call) (any, error) {
	name, err := c.text(1)
	if err != nil {
		return nil, err
	}
	if len(c.words) < 4 {
		return nil, errIndex()
	}
	flags := itemsOf(c.words[2])
	has := func(flag string) bool { return slices.Contains(flags, any(flag)) }
	scope := server.Scope{Restart: has("--restart"), Unban: has("--unban")}
	book := c.srv.Book()
	if name == "--all" {
		book.Logf(logbook.Info, serverLogger, "Reload all jails")
	} else {
		scope.Jail = name
		if _, err := c.srv.Jail(name); err != nil && !has("--if-exists") {
			return nil, err
		}
		book.Logf(logbook.Info, serverLogger, "Reload jail %s", name)
	}
	problems, err := c.apply(c.words[3], c.extra(4), scope)
	book.Logf(logbook.Info, serverLogger, "Reload finished.")
	switch {
	case err != nil:
		return nil, err
	case len(problems) > 0 && c.extra(4) != nil:
		return reported(problems), nil
	}
	return "OK", nil
}

const serverLogger = "fail2ban.server"

// reader puts a configuration together on a stage.
type reader struct {
	call    *call
	stage   *server.Stage
	written *notes
	// lost are jails that could not be made; what concerns them is passed over.
	lost map[string]bool
	// actions says, in order, what became of each action of each jail.
	actions []actionOutcome
}

type actionOutcome struct {
	jail, name string
	err        error
}

// apply reads a stream on a stage and commits it.
func (c *call) apply(stream, sidecar any, scope server.Scope) ([]server.Problem, error) {
	written := &notes{}
	stage, err := c.staged(stream, sidecar, written)
	if err != nil {
		return nil, err
	}
	if err := stage.Commit(c.ctx, scope); err != nil {
		return nil, err
	}
	c.written.take(written)
	return stage.Problems(), nil
}

// Plan tells what a reload with this stream would change, and changes nothing.
func (t *Table) Plan(ctx context.Context, stream, sidecar any, scope server.Scope) ([]server.Change, error) {
	c := &call{ctx: ctx, table: t, srv: t.srv, jails: t.srv}
	stage, err := c.staged(stream, sidecar, &notes{})
	if err != nil {
		return nil, err
	}
	defer stage.Drop()
	return stage.Plan(ctx, scope)
}

// staged reads a stream on a stage.
func (c *call) staged(stream, sidecar any, written *notes) (*server.Stage, error) {
	r := &reader{call: c, written: written, stage: c.srv.NewStage(), lost: map[string]bool{}}
	for _, command := range config.ApplySidecar(commandsOf(stream), sidecar) {
		if err := r.read(command); err != nil {
			r.stage.Drop()
			return nil, err
		}
	}
	for _, a := range r.actions {
		if err := r.stage.Tried(a.jail, server.Action, "action "+a.name, a.err); err != nil {
			r.stage.Drop()
			return nil, err
		}
	}
	return r.stage, nil
}

// commandsOf are the commands of a stream, each a list of words.
func commandsOf(stream any) []any {
	items := itemsOf(stream)
	out := make([]any, len(items))
	for i, e := range items {
		out[i] = itemsOf(e)
	}
	return out
}

// read carries one command of the stream out, on the stage.
func (r *reader) read(command config.Command) error {
	c := &call{
		ctx: r.call.ctx, table: r.call.table, srv: r.call.srv, who: r.call.who,
		jails: r, words: command.Words, stage: r.stage, written: r.written, origin: command,
	}
	first, name := c.extraText(0), c.extraText(1)
	if _, isServer := settings[name]; isServer && first != "add" && first != "start" {
		name = ""
	}
	switch first {
	case "server-stream", "reload", "stop":
		return pyobj.Errorf("Exception", "Invalid command in a stream: %s", first)
	case "add":
		if _, err := c.run(); err != nil {
			r.stage.LeaveOut(name, placed(command.Origin, err.Error()))
			r.lost[name] = true
		}
		return nil
	case "set", "multi-set", "start":
	default:
		_, err := c.run()
		return err
	}
	if r.lost[name] {
		return nil
	}
	_, err := c.run()
	r.note(c, name)
	return r.outcome(c, name, err)
}

// note tells the stage where that is configured which may run programs.
func (r *reader) note(c *call, name string) {
	if c.origin.Origin.IsZero() {
		return
	}
	switch c.extraText(2) {
	case "addaction":
		r.stage.Place(name, "action "+c.extraText(3), c.origin.Origin.String())
	case "ignorecommand":
		r.stage.Place(name, "ignorecommand", c.origin.Origin.String())
	}
}

func (c *call) extraText(i int) string {
	s, _ := c.extra(i).(string)
	return s
}

// outcome says of what kind a failed command was.
func (r *reader) outcome(c *call, name string, err error) error {
	option := c.extraText(2)
	if name == "" || c.words[0] == "start" {
		return err
	}
	if _, staged := r.stage.Jail(name); staged != nil {
		return err
	}
	switch option {
	case "addfailregex":
		return nil // each was reported by regexTried
	case "addaction":
		r.actions = append(r.actions, actionOutcome{name, c.extraText(3), err})
		return nil
	case "action":
		r.actionFailed(name, c.extraText(3), err)
		return nil
	}
	kind := server.Setting
	if strings.HasPrefix(option, escalationPrefix) {
		kind = server.Escalation
	}
	return r.stage.Tried(name, kind, placed(c.origin.Origin, what(c.words)), err)
}

// actionFailed notes an error in the properties of an action.
func (r *reader) actionFailed(name, action string, err error) {
	for i := range r.actions {
		if a := &r.actions[i]; a.jail == name && a.name == action && a.err == nil {
			a.err = err
		}
	}
}

// placed puts the file and line in front of what was written there.
func placed(at config.Origin, what string) string {
	if at.IsZero() {
		return what
	}
	return at.String() + ": " + what
}

// what names a command in a message.
func what(words []any) string {
	parts := texts(words[min(2, len(words)):])
	return strings.Join(parts[:min(2, len(parts))], " ")
}

// regexTried reports a failregex of a stream, so that the others go on.
func (c *call) regexTried(name, origin string, err error) error {
	if c.stage == nil || c.extraText(2) != "addfailregex" {
		return err
	}
	what := "failregex"
	if origin != "" {
		what = origin + ": " + what
	}
	return c.stage.Tried(name, server.Failregex, what, err)
}

// Jail finds a jail of the stage, or one of the server that a stream changes
// without adding it.
func (r *reader) Jail(name string) (*jail.Jail, error) {
	j, err := r.stage.Jail(name)
	var unknown *pyobj.Exception
	if err != nil && errors.As(err, &unknown) {
		return r.call.srv.Jail(name)
	}
	return j, err
}

// AddJail adds a jail to the stage.
func (r *reader) AddJail(name, backend string) error { return r.stage.AddJail(name, backend) }

// StartJail marks a jail of the stage to be started.
func (r *reader) StartJail(name string) error {
	if r.lost[name] {
		return nil
	}
	if _, err := r.stage.Jail(name); err != nil {
		return r.call.srv.StartJail(name)
	}
	return r.stage.StartJail(name)
}
