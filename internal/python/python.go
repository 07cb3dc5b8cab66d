// Package python runs classes that users wrote for Fail2ban, unchanged, each in
// a Python process of its own.
//
// It owns the process and the lines of JSON between it and us (host.py is the
// far end; the modules that the classes import are in names.py). It promises: a call
// ends with its context; what the class prints, reads or forks cannot get
// between the lines; a process that breaks the rules, hangs or dies is gone
// with all its group, and the error says so.
package python

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"sync"
	"time"

	"stockade/internal/pyobj"
)

//go:embed names.py
var names string

//go:embed host.py
var host string

// loader reads host.py from its standard input, so that no file is needed and
// the list of processes stays readable.
const loader = `import sys; exec(compile(sys.stdin.buffer.read(int(sys.stdin.buffer.readline())), "stockade", "exec"))`

const (
	// maxLine bounds a message; a class that wants to send more is at fault.
	maxLine = 2 << 20
	// farewell is how long a process has to end after its last call.
	farewell = time.Second
	// maxPrinted is how many lines of a class's output are passed on for each
	// call, and maxPrintedLine how long one may be.
	maxPrinted     = 100
	maxPrintedLine = 4 << 10
)

// ErrMissing says that this machine has no Python 3.
var ErrMissing = errors.New("there is no python3 on this machine: install it (Debian's package python3), or take the action out")

// ErrGone says that the process ended during a call.
var ErrGone = errors.New("the Python process has ended")

// Options are what a process needs to know.
type Options struct {
	// File is the class's file, Params the JSON object of its arguments.
	File, Params string
	Jail, Name   string
	// Log takes what the class logs, with Python's numbers for levels.
	Log func(level int, logger, text string)
	// Printed takes lines that the class prints.
	Printed func(line string)
	// Bantime is the jail's ban time in seconds.
	Bantime func() int64
}

// Traits are what a class can do beyond what it must.
type Traits struct {
	NoRestored, Prolongable, Flush, Reload, Check bool
}

// Info is a ticket: the names of its values, those that cost nothing, and a
// way to the others.
type Info struct {
	Keys   []string
	Values map[string]any
	Value  func(key string) (any, bool)
}

// Process is a running class.
type Process struct {
	// Traits are known once Start has returned.
	Traits Traits

	opt   Options
	cmd   *exec.Cmd
	stdin io.WriteCloser
	// calling is held during a call, writing while a line is written.
	calling, writing sync.Mutex
	ready, done      chan struct{}
	// why is why the process ended; it is set before done is closed.
	why error

	mu      sync.Mutex
	number  int
	reply   chan message
	tickets int
	infos   map[int]Info
	printed int
}

// message is a line from the far end: an answer, a log line, or a question.
type message struct {
	ID    int             `json:"id"`
	Value json.RawMessage `json:"value"`
	Error *fault          `json:"error"`

	Ready bool `json:"ready"`

	Log    int    `json:"log"`
	Logger string `json:"logger"`
	Text   string `json:"text"`

	Ask      string `json:"ask"`
	Question int    `json:"question"`
	Ticket   int    `json:"ticket"`
	Key      string `json:"key"`
}

// Start runs a process and loads the class in it. The error is the exception
// that loading raised, if it did.
func Start(ctx context.Context, opt Options) (*Process, error) {
	program, err := interpreter()
	if err != nil {
		return nil, err
	}
	if opt.Log == nil {
		opt.Log = func(int, string, string) {}
	}
	if opt.Printed == nil {
		opt.Printed = func(string) {}
	}
	p := &Process{
		opt: opt, ready: make(chan struct{}), done: make(chan struct{}), infos: map[int]Info{},
		cmd: exec.Command(program, "-c", loader),
	}
	if err := p.launch(); err != nil {
		return nil, fmt.Errorf("start %s: %w", program, err)
	}
	select {
	case <-p.ready:
	case <-p.done:
		return nil, fmt.Errorf("start %s: %w", program, p.why)
	case <-ctx.Done():
		p.Kill()
		return nil, fmt.Errorf("start %s: %w", program, context.Cause(ctx))
	}
	raw, err := p.call(ctx, map[string]any{"call": "load", "file": opt.File, "jail": opt.Jail, "name": opt.Name, "params": opt.Params})
	if err == nil {
		err = p.traits(raw)
	}
	if err != nil {
		p.Kill()
		return nil, err
	}
	return p, nil
}

func (p *Process) traits(raw json.RawMessage) error {
	v, err := decode(raw)
	if err != nil {
		return err
	}
	d, ok := v.(*pyobj.Dict)
	if !ok {
		return fmt.Errorf("load %s: a strange answer: %.100s", p.opt.File, raw)
	}
	is := func(name string) bool {
		v, _ := d.Get(name)
		yes, _ := v.(bool)
		return yes
	}
	p.Traits = Traits{is("norestored"), is("prolongable"), is("flush"), is("reload"), is("consistencyCheck")}
	return nil
}

// call sends a request and waits for its answer. When the context ends first,
// the process is killed, because it is in the middle of something.
func (p *Process) call(ctx context.Context, request map[string]any) (json.RawMessage, error) {
	p.calling.Lock()
	defer p.calling.Unlock()
	reply := make(chan message, 1)
	p.mu.Lock()
	p.number++
	request["id"] = p.number
	p.reply, p.printed = reply, 0
	p.mu.Unlock()
	line, err := json.Marshal(request)
	if err != nil {
		return nil, fmt.Errorf("encode a request: %w", err)
	}
	sent := make(chan error, 1)
	go func() { sent <- p.write(append(line, '\n')) }()
	for {
		select {
		case m := <-reply:
			if m.Error != nil {
				return nil, m.Error.exception()
			}
			return m.Value, nil
		case err := <-sent:
			if err != nil {
				p.Kill()
				<-p.done
				return nil, p.why
			}
			sent = nil
		case <-p.done:
			return nil, p.why
		case <-ctx.Done():
			p.Kill()
			<-p.done
			return nil, fmt.Errorf("the class did not answer in time, its process was killed: %w", context.Cause(ctx))
		}
	}
}

func (p *Process) value(ctx context.Context, request map[string]any) (any, error) {
	raw, err := p.call(ctx, request)
	if err != nil {
		return nil, err
	}
	return decode(raw)
}
