package action

import (
	"fmt"
	"slices"

	"stockade/internal/logbook"
	"stockade/internal/pyobj"
	"stockade/internal/ticket"
)

// AddPython creates an action that is a class of a Python file. The arguments
// are the JSON object of the command. done is called when the class has been
// loaded, or with what that failed with; then the action is gone again. During
// a reload an action of the same name is kept.
func (s *Set) AddPython(name, file, arguments string, src *Source, done func(error)) error {
	if kind, _ := Native(src); kind == smtpKind && (src.Library || s.env.Native) {
		if err := s.addSMTP(name, arguments, src); err != nil {
			return err
		}
		done(nil)
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := slices.IndexFunc(s.entries, func(e *entry) bool { return e.name == name }); i >= 0 {
		py := s.entries[i].python()
		if !s.reloading || s.entries[i].touched {
			return pyobj.Errorf("ValueError", "Action %s already exists", name)
		}
		if py == nil {
			return otherForm(name)
		}
		s.entries[i].touched = true
		py.offer(file, arguments)
		done(nil)
		return nil
	}
	e := newEntry(s, name, src)
	e.touched, e.fresh = true, s.reloading
	e.nat, e.decided, e.why = newPyAction(&s.env, name, file, arguments, e.props), true, "it is a Python class, which runs in a process of its own"
	s.entries = append(s.entries, e)
	s.queues[slow].put(task{call: func() { done(s.loadPython(e)) }})
	return nil
}

// otherForm refuses a reload that makes another kind of action of one.
func otherForm(name string) error {
	return pyobj.Errorf("ValueError", "Action %s is a Python class now or was one: restart the jail to change that", name)
}

// loadPython starts the class of an entry, and forgets the entry where that
// fails.
func (s *Set) loadPython(e *entry) error {
	py := e.python()
	if err := py.load(); err != nil {
		s.mu.Lock()
		s.entries = slices.DeleteFunc(s.entries, func(other *entry) bool { return other == e })
		s.mu.Unlock()
		e.quit()
		return asException(err)
	}
	e.mu.Lock()
	e.tells = py.traits().NoRestored
	e.mu.Unlock()
	if e.tells {
		return e.props.set("norestored", true)
	}
	return nil
}

// reloadPython ends a reload for a class: if its file and arguments are the
// same, nothing happens; if it has a method for it, it gets the new arguments;
// else the old object lifts its bans and ends, and a new one takes them over.
func (e *entry) reloadPython(py *pyAction, live []*ticket.Ticket, r *Result) {
	changed, byItself := py.changed()
	switch {
	case !changed:
	case byItself:
		e.do(r, func(r *Result) {
			if err := py.reload(); err != nil {
				r.fail(e.name, &fault{fmt.Sprintf("Failed to reload jail '%s' action '%s': %v", e.set.env.Jail, e.name, err)})
			}
		})
	default:
		e.lift(live, Lift, r)
		e.do(r, func(r *Result) {
			if err := py.end(Lift); err != nil {
				r.fail(e.name, &fault{fmt.Sprintf("Failed to stop jail '%s' action '%s': %v", e.set.env.Jail, e.name, err)})
			}
			py.accept()
			if err := py.load(); err != nil {
				r.fail(e.name, err)
			}
		})
		e.begin(live, r)
	}
}

// addSMTP creates the native form of the stock action smtp.py.
func (s *Set) addSMTP(name, arguments string, src *Source) error {
	args, err := smtpArguments(arguments)
	if err != nil {
		return err
	}
	if e, err := s.find(name); err == nil && e.python() != nil {
		return otherForm(name)
	}
	if err := s.Add(name, src); err != nil {
		return err
	}
	e, err := s.find(name)
	if err != nil {
		return err
	}
	args["norestored"] = true
	for param, value := range args {
		if err := e.props.set(param, value); err != nil {
			return err
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.nat == nil {
		e.nat, e.tells = newNative(parts{env: &s.env, name: name, kind: smtpKind, props: e.props})
		e.decided, e.why = true, "it is the stock action smtp.py, which needs no Python here"
		s.env.Log(logbook.Record{Level: logbook.Debug, Logger: logActions, Text: fmt.Sprintf("[%s] action '%s': %s", s.env.Jail, name, e.why)})
	}
	return nil
}
