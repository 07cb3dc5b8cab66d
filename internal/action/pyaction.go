package action

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"stockade/internal/config"
	"stockade/internal/logbook"
	"stockade/internal/pyobj"
	"stockade/internal/python"
	"stockade/internal/ticket"
)

// pyAction is an action that is a class of the user's, in a Python process of
// its own. It goes with the commands: it may wait for anything.
type pyAction struct {
	plainForm
	env   *Env
	name  string
	props *properties
	// life ends with quit.
	life context.Context
	kill context.CancelFunc

	mu   sync.Mutex
	proc *python.Process
	// now is what runs, next what a reload asked for.
	now, next program
	// begun says that the class's start was called; given are the attributes
	// that clients set, in order. A new process gets both.
	begun bool
	given []pyAttribute
}

// program is a class with its arguments. The digest tells one text of the file
// from another.
type program struct{ file, params, digest string }

type pyAttribute struct {
	name  string
	value any
}

func newPyAction(env *Env, name, file, params string, props *properties) *pyAction {
	p := program{file, params, config.FileDigest(file)}
	life, kill := context.WithCancel(context.Background())
	return &pyAction{env: env, name: name, props: props, life: life, kill: kill, now: p, next: p}
}

func (p *pyAction) far() {}

// oneByOne says that bans are lifted one by one where all cannot be flushed.
func (p *pyAction) oneByOne() {}

// within runs something with the time that a command may take.
func (p *pyAction) within(do func(ctx context.Context) error) error {
	timeout, _ := p.props.timeout()
	ctx, cancel := context.WithTimeoutCause(p.life, timeout, fmt.Errorf("its time of %v is over", timeout))
	defer cancel()
	return do(ctx)
}

// load starts the process. The error is what making the object raised.
func (p *pyAction) load() error {
	return p.within(func(ctx context.Context) error {
		p.mu.Lock()
		defer p.mu.Unlock()
		return p.launch(ctx)
	})
}

func (p *pyAction) launch(ctx context.Context) error {
	proc, err := python.Start(ctx, python.Options{
		File: p.now.file, Params: p.now.params, Jail: p.env.Jail, Name: p.name,
		Bantime: p.bantime,
		Log: func(level int, logger, text string) {
			p.env.Log(logbook.Record{Level: logbook.Level(level), Logger: logger, Text: text})
		},
		Printed: func(line string) {
			p.log(logbook.Info, "printed: %s", pyobj.Repr(line))
		},
	})
	if err == nil {
		p.proc = proc
	}
	return err
}

func (p *pyAction) log(level logbook.Level, format string, args ...any) {
	p.env.Log(logbook.Record{
		Level: level, Logger: logActions, Text: fmt.Sprintf("[%s] action '%s' ", p.env.Jail, p.name) + fmt.Sprintf(format, args...),
	})
}

func (p *pyAction) bantime() int64 {
	if p.env.Bantime == nil {
		return 0
	}
	return p.env.Bantime()
}

// process gives the running process, or a new one in its place if it is gone.
func (p *pyAction) process(ctx context.Context) (*python.Process, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.proc != nil && p.proc.Alive() {
		return p.proc, nil
	}
	if p.proc != nil {
		p.log(logbook.Warning, "has lost its Python process, a new one is started")
	}
	if err := p.launch(ctx); err != nil {
		return nil, err
	}
	for _, a := range p.given {
		if _, err := p.proc.Set(ctx, a.name, a.value); err != nil {
			return nil, err
		}
	}
	if p.begun {
		if _, err := p.proc.Run(ctx, "start", nil); err != nil {
			return nil, err
		}
	}
	return p.proc, nil
}

func (p *pyAction) traits() python.Traits {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.proc == nil {
		return python.Traits{}
	}
	return p.proc.Traits
}

// run calls a method of the class.
func (p *pyAction) run(method string, info *python.Info) error {
	return p.within(func(ctx context.Context) error {
		proc, err := p.process(ctx)
		if err != nil {
			return err
		}
		_, err = proc.Run(ctx, method, info)
		return err
	})
}

func (p *pyAction) start(*[]logbook.Record) error {
	err := p.run("start", nil)
	p.mu.Lock()
	p.begun = true
	p.mu.Unlock()
	return err
}

// pyMethods are the methods for the kinds of jobs.
var pyMethods = map[JobKind]string{Ban: "ban", Unban: "unban", Reban: "reban", Prolong: "prolong"}

func (p *pyAction) wants(kind JobKind) bool {
	return pyMethods[kind] != "" && (kind != Prolong || p.traits().Prolongable)
}

func (p *pyAction) apply(kind JobKind, tickets []*ticket.Ticket, results []*Result) {
	if !p.wants(kind) {
		return
	}
	for i, t := range tickets {
		in := newInfo(p.env, t)
		if err := p.run(pyMethods[kind], pyInfo(in)); err != nil {
			results[i].fail(p.name, &fault{fmt.Sprintf("Failed to execute %s jail '%s' action '%s' info '%s': %v",
				words[kind][0], p.env.Jail, p.name, in, err)})
			p.trace(results[i], err)
		}
	}
}

// trace logs where an exception came from, for those who write the class.
func (p *pyAction) trace(r *Result, err error) {
	if e := (*python.Exception)(nil); errors.As(err, &e) {
		r.log(logbook.Debug, logActions, e.Trace)
	}
}

// cheap are the values of a ticket that cost nothing to tell.
var cheap = []string{"ip", "fid", "family", "ip-rev", "failures", "time", "bantime", "bancount", "matches", "restored"}

// pyInfo is a ticket as a class sees it.
func pyInfo(in *info) *python.Info {
	var mu sync.Mutex
	values := map[string]any{}
	for _, name := range cheap {
		values[name], _ = in.value(name)
	}
	return &python.Info{Keys: infoOrder, Values: values, Value: func(key string) (any, bool) {
		mu.Lock()
		defer mu.Unlock()
		if key == "F-*" {
			return in.fields(), true
		}
		return in.value(key)
	}}
}

func (p *pyAction) canFlush() bool { return p.traits().Flush }

func (p *pyAction) flush() error { return p.run("flush", nil) }

func (p *pyAction) check(*Result) error {
	if !p.traits().Check {
		return nil
	}
	return p.within(func(ctx context.Context) error {
		proc, err := p.process(ctx)
		if err != nil {
			return err
		}
		return proc.Check(ctx)
	})
}

// end calls the class's stop and takes its process away.
func (p *pyAction) end(StopMode) error {
	err := p.run("stop", nil)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.begun = false
	if p.proc != nil {
		p.proc.End()
		p.proc = nil
	}
	return err
}

func (p *pyAction) quit() {
	p.kill()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.proc != nil {
		p.proc.Kill()
	}
}

// offer notes what a reload wants to run.
func (p *pyAction) offer(file, params string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.next = program{file, params, config.FileDigest(file)}
}

// changed tells whether a reload changed anything, and whether the class can
// take it up by itself.
func (p *pyAction) changed() (changed, byItself bool) {
	reload := p.traits().Reload
	p.mu.Lock()
	defer p.mu.Unlock()
	same := p.now.file == p.next.file && p.now.digest == p.next.digest
	return p.now != p.next, same && reload
}

// accept makes what a reload wanted the present.
func (p *pyAction) accept() program {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.now, p.given = p.next, nil
	return p.now
}

// reload gives the class its new arguments by its own method.
func (p *pyAction) reload() error {
	next := p.accept()
	return p.within(func(ctx context.Context) error {
		proc, err := p.process(ctx)
		if err != nil {
			return err
		}
		return proc.Reload(ctx, next.params)
	})
}

// attribute gives an attribute of the object.
func (p *pyAction) attribute(name string) (value any, err error) {
	err = p.within(func(ctx context.Context) error {
		proc, err := p.process(ctx)
		if err == nil {
			value, err = proc.Get(ctx, name)
		}
		return err
	})
	return value, asException(err)
}

// setAttribute sets an attribute, or calls the method of that name.
func (p *pyAction) setAttribute(name string, value any) (result any, err error) {
	err = p.within(func(ctx context.Context) error {
		proc, err := p.process(ctx)
		if err != nil {
			return err
		}
		methods, err := proc.Names(ctx, true)
		if err != nil {
			return err
		}
		if result, err = proc.Set(ctx, name, value); err == nil && !slices.Contains(methods, name) {
			p.mu.Lock()
			p.given = append(p.given, pyAttribute{name, value})
			p.mu.Unlock()
		}
		return err
	})
	return result, asException(err)
}

// names lists the attributes of the object, or its methods.
func (p *pyAction) names(methods bool) (names []string, err error) {
	err = p.within(func(ctx context.Context) error {
		proc, err := p.process(ctx)
		if err == nil {
			names, err = proc.Names(ctx, methods)
		}
		return err
	})
	return names, asException(err)
}

// asException makes of an error what a client can be told.
func asException(err error) error {
	if err == nil {
		return nil
	}
	if e := (*pyobj.Exception)(nil); errors.As(err, &e) {
		return e
	}
	return pyobj.Errorf("RuntimeError", "%v", err)
}
