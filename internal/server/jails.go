package server

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"stockade/internal/action"
	"stockade/internal/jail"
	"stockade/internal/logbook"
	"stockade/internal/pyobj"
	"stockade/internal/store"
)

// exceptions is the reference's module of its own exceptions.
const exceptions = "fail2ban.exceptions"

// UnknownJail is the exception for a jail that there is not.
func UnknownJail(name string) error {
	return &pyobj.Exception{Module: exceptions, Class: "UnknownJailException", Args: pyobj.Tuple{name}}
}

// DuplicateJail is the exception for a jail that there is already.
func DuplicateJail(name string) error {
	return &pyobj.Exception{Module: exceptions, Class: "DuplicateJailException", Args: pyobj.Tuple{name}}
}

// Jail finds a jail by its name.
func (s *Server) Jail(name string) (*jail.Jail, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, j := range s.jails {
		if j.Name() == name {
			return j, nil
		}
	}
	return nil, UnknownJail(name)
}

// Jails lists the jails in the order of their creation.
func (s *Server) Jails() []*jail.Jail {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.jails)
}

// AddJail makes a jail that is not started yet, but takes commands.
func (s *Server) AddJail(name, backend string) error {
	if _, err := s.Jail(name); err == nil {
		return DuplicateJail(name)
	}
	j, err := s.newJail(name, backend)
	if err != nil {
		return err
	}
	if err := s.register(j); err != nil {
		return err
	}
	j.Open()
	return nil
}

func (s *Server) newJail(name, backend string) (*jail.Jail, error) {
	if name == "--all" {
		return nil, pyobj.Errorf("Exception", "Reserved name '--all'")
	}
	if err := jail.CheckBackend(backend); err != nil {
		s.logf(logbook.Info, "fail2ban.jail", "Creating new jail '%s'", name)
		s.logf(logbook.Error, "fail2ban.jail", "%s", exceptionText(err))
		return nil, err
	}
	env := &jailEnv{server: s, jail: name}
	state := jail.NewState(name, backend, env)
	if s.opt.Careful {
		state.Careful()
	}
	j := jail.New(state, s.services())
	env.answered = j.Answered
	return j, nil
}

// register puts a new jail on the list and into the database.
func (s *Server) register(j *jail.Jail) error {
	_, err := j.Do(context.Background(), func(st *jail.State) (any, error) {
		st.Announce(s.hub.Backend() != "polling")
		return nil, nil
	})
	if err != nil {
		return err
	}
	s.book.Log(j.TakeLogs()...)
	if db := s.Database(); db != nil {
		if err := db.Commit(store.Batch{Enable: []string{j.Name()}}); err != nil && !errors.Is(err, store.ErrDeferred) {
			s.logf(logbook.Error, logger, "Cannot note jail '%s' in the database: %v", j.Name(), err)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return fmt.Errorf("start jail %q: the server is shutting down", j.Name())
	}
	s.jails = append(s.jails, j)
	return nil
}

// StartJail starts a jail, or lets a resting one go on.
func (s *Server) StartJail(name string) error {
	j, err := s.Jail(name)
	if err != nil {
		return err
	}
	s.book.Log(j.TakeLogs()...)
	j.Start()
	return nil
}

// StopJail stops a jail, lifts its bans and removes it.
func (s *Server) StopJail(name string) error { return s.removeJail(name, action.Lift) }

func (s *Server) removeJail(name string, mode action.StopMode) error {
	j, err := s.Jail(name)
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.jails = slices.DeleteFunc(s.jails, func(o *jail.Jail) bool { return o == j })
	s.mu.Unlock()
	s.forgetProblems(name)
	j.Stop(mode)
	return nil
}

// StopJails stops all jails; the server goes on.
func (s *Server) StopJails() { s.stopJails(action.Lift) }
