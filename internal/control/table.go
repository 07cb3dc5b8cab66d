package control

import (
	"context"
	"errors"
	"regexp"
	"strings"

	"stockade/internal/action"
	"stockade/internal/config"
	"stockade/internal/event"
	"stockade/internal/jail"
	"stockade/internal/logbook"
	"stockade/internal/pyexpr"
	"stockade/internal/pyobj"
	"stockade/internal/server"
)

// maxLogged is how much of a failed request is written to the log.
const maxLogged = 64 << 10

// Table answers requests by the commands of Fail2ban, over a server.
type Table struct {
	srv *server.Server
	// exclusive is held by commands that change which jails there are.
	exclusive chan struct{}
	// written remembers how options were written.
	written notes
	// last is what is done after a shutdown by command, before its reply.
	last func()
}

// NewTable makes the table of a server.
func NewTable(srv *server.Server) *Table {
	return &Table{srv: srv, exclusive: make(chan struct{}, 1)}
}

// BeforeLastReply sets what is done after a shutdown by command and before its
// reply: a client that has the reply may start another server at once. It is
// called before requests come in.
func (t *Table) BeforeLastReply(do func()) { t.last = do }

// shutdown ends the server on behalf of a client.
func (t *Table) shutdown(mode action.StopMode) {
	t.srv.Shutdown(mode)
	if t.last != nil {
		t.last()
	}
}

// Handle answers one request: it is the Handler of a Socket.
func (t *Table) Handle(ctx context.Context, peer Peer, request any) any {
	if t.srv.Closing() {
		return []any{"SHUTDOWN"}
	}
	book := t.srv.Book()
	if book.Enabled(logbook.Heavy) {
		book.Logf(logbook.Heavy, transmitterLogger, "Command: %s", shown(request))
	}
	value, err := t.Do(ctx, peer, request)
	if err == nil {
		return pyobj.Tuple{0, value}
	}
	x := exceptionOf(err)
	if errors.Is(err, action.ErrMethod) {
		// The reference carries the command out and then cannot pickle the
		// result: its answer is a bare text.
		book.Logf(logbook.Error, asyncLogger, "Caught unhandled exception: %s", pyobj.Repr(x))
		return "ERROR: " + err.Error()
	}
	book.Logf(logbook.Error, transmitterLogger, "Command %s has failed. Received %s", shown(request), pyobj.Repr(x))
	return pyobj.Tuple{1, x}
}

// shown is a request as the log has it.
func shown(request any) string {
	s := pyobj.Repr(request)
	if len(s) > maxLogged {
		s = s[:maxLogged] + "..."
	}
	return s
}

// Do carries a request out and returns the value of the reply. The error is
// the exception that a client sees.
func (t *Table) Do(ctx context.Context, peer Peer, request any) (any, error) {
	c := &call{ctx: ctx, table: t, srv: t.srv, jails: t.srv, who: event.Who{Kind: "command", UID: peer.UID}, written: &t.written}
	words, err := elements(request)
	if err != nil {
		return nil, err
	}
	c.words = words
	return c.run()
}

// elements are the words of a request. The reference takes whatever can be
// indexed by 0.
func elements(request any) ([]any, error) {
	switch r := request.(type) {
	case []any:
		return r, nil
	case pyobj.Tuple:
		return r, nil
	case string:
		words := []any{}
		for _, c := range r {
			words = append(words, string(c))
		}
		return words, nil
	case *pyobj.Dict:
		if v, ok := r.Get(0); ok {
			return []any{v}, nil
		}
		return nil, pyobj.Builtin("KeyError", 0)
	}
	return nil, pyobj.Errorf("TypeError", "'%s' object is not subscriptable", pyobj.TypeName(request))
}

// exceptionOf makes an exception of any error.
func exceptionOf(err error) *pyobj.Exception {
	var x *pyobj.Exception
	var syntax *pyexpr.Error
	switch {
	case errors.As(err, &x):
		return x
	case errors.As(err, &syntax):
		return expressionError(syntax, "<string>")
	}
	return pyobj.Builtin("Exception", err.Error())
}

// syntaxMessage is the text of a syntax error, with its place.
var syntaxMessage = regexp.MustCompile(`^(.*) \(<string>, line (\d+)\)$`)

// expressionError is the exception of a time or formula that is none; file is
// the name that Python has for where it stands.
func expressionError(e *pyexpr.Error, file string) *pyobj.Exception {
	if m := syntaxMessage.FindStringSubmatch(e.Msg); m != nil {
		line, at := 1, e.Col+1
		if m[2] == "0" {
			line, at = 0, 0
		}
		return pyobj.Builtin("SyntaxError", m[1], pyobj.Tuple{file, line, at, e.Text, line, at})
	}
	switch {
	case strings.HasPrefix(e.Msg, "name "):
		return pyobj.Builtin("NameError", e.Msg)
	case strings.Contains(e.Msg, "division"):
		return pyobj.Builtin("ZeroDivisionError", e.Msg)
	}
	return pyobj.Builtin("ValueError", e.Msg)
}

// jails is where commands find and make jails: the server, or a stage on
// which a configuration is put together.
type jails interface {
	Jail(name string) (*jail.Jail, error)
	AddJail(name, backend string) error
	StartJail(name string) error
}

// call is one command that is being carried out.
type call struct {
	ctx   context.Context
	table *Table
	srv   *server.Server
	jails jails
	who   event.Who
	words []any
	// stage is set while a stream is read; setters then return nothing.
	stage *server.Stage
	// written is where notes of a stage are kept until it is committed.
	written *notes
	// origin is what our own client said about the command.
	origin config.Command
}

// errIndex is what Python raises for a word that is missing.
func errIndex() error { return pyobj.Builtin("IndexError", "list index out of range") }

func errInvalid() error { return pyobj.Builtin("Exception", "Invalid command") }

// word is the i-th word of the command as it came.
func (c *call) word(i int) (any, error) {
	if i >= len(c.words) {
		return nil, errIndex()
	}
	return c.words[i], nil
}

// text is the i-th word as text.
func (c *call) text(i int) (string, error) {
	w, err := c.word(i)
	return pyobj.Str(w), err
}

// texts are the words from i on, as texts.
func (c *call) texts(i int) []string {
	var out []string
	for ; i < len(c.words); i++ {
		out = append(out, pyobj.Str(c.words[i]))
	}
	return out
}

// command is the effect of a command. What it returns is the reply.
type command func(c *call) (any, error)

// commands are those of the first word.
var commands map[string]command

func init() {
	commands = map[string]command{
		"ping":          func(*call) (any, error) { return "pong", nil },
		"version":       version,
		LeaveCommand:    leave,
		PauseCommand:    alone(pause),
		ResumeCommand:   alone(resume),
		PausedCommand:   paused,
		"echo":          func(c *call) (any, error) { return c.words[1:], nil },
		"server-status": func(*call) (any, error) { return "Server ready", nil },
		"sleep":         sleep,
		"flushlogs":     func(c *call) (any, error) { return c.srv.Book().Flush(), nil },
		"config-error":  configError,
		"status":        status,
		"stats":         statistics,
		"statistic":     statistics,
		"statistics":    statistics,
		"banned":        banned,
		"unban":         unban,
		"get":           get,
		"set":           set,
		"multi-set":     set,
		"add":           alone(add),
		"start":         alone(start),
		"stop":          stop,
		"server-stream": alone(serverStream),
		"reload":        alone(reload),
	}
}

// run carries the command out.
func (c *call) run() (any, error) {
	first, err := c.word(0)
	if err != nil {
		return nil, err
	}
	name, isText := first.(string)
	run, known := commands[name]
	if !isText || !known {
		return nil, errInvalid()
	}
	return run(c)
}

// alone makes a command one that no other of its kind runs beside.
func alone(run command) command {
	return func(c *call) (any, error) {
		if c.stage != nil {
			return run(c)
		}
		select {
		case c.table.exclusive <- struct{}{}:
		case <-c.ctx.Done():
			return nil, context.Cause(c.ctx)
		}
		defer func() { <-c.table.exclusive }()
		return run(c)
	}
}
