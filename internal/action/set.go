package action

import "stockade/internal/ticket"

// Set is the ordered actions of one jail.
type Set struct{}

// NewSet makes an empty set.
func NewSet(env Env) *Set { return &Set{} }

// Add creates an action without properties. During a reload an action of the
// same name is kept and loses its properties; otherwise it is an error.
func (s *Set) Add(name string, src *Source) error { return nil }

// AddPython creates an action that is a class of a Python file. The arguments
// are the JSON object of the command.
func (s *Set) AddPython(name, file, arguments string, src *Source) error { return nil }

// Delete forgets an action and runs nothing, as `delaction` does.
func (s *Set) Delete(name string) error { return nil }

// Names lists the actions in order.
func (s *Set) Names() []string { return nil }

// SetProperty sets one property and returns its value as the server keeps it.
// The name of a method calls it with the JSON arguments in value; then done is
// called later with what it returned, and else before SetProperty returns.
func (s *Set) SetProperty(name, prop string, value any, done func(any, error)) {}

// Property returns a property; a method's name gives its description.
func (s *Set) Property(name, prop string) (any, error) { return nil, nil }

// Properties lists the names of the visible properties, sorted.
func (s *Set) Properties(name string) ([]string, error) { return nil, nil }

// Methods lists the names of the methods, sorted.
func (s *Set) Methods(name string) ([]string, error) { return nil, nil }

// Status describes all actions in order.
func (s *Set) Status() []Status { return nil }

// Start runs what has to run before the first ban.
func (s *Set) Start(done func(Result)) {}

// Submit queues a job. done may be nil; it gets one result for each ticket, or
// a single one for a job without tickets.
func (s *Set) Submit(job Job, done func([]Result)) {}

// BeginReload marks all actions; EndReload removes those that were not added
// again, starts the new ones and applies them to the live bans, and tells the
// kept ones.
func (s *Set) BeginReload() {}

// EndReload ends what BeginReload began.
func (s *Set) EndReload(live []*ticket.Ticket, done func(Result)) {}

// Stop flushes or lifts the live bans, stops all actions in reverse order and
// ends the goroutines of the set. Jobs queued before are done first.
func (s *Set) Stop(live []*ticket.Ticket, mode StopMode, done func(Result)) {}

// Quit ends the goroutines and runs nothing more, not even queued jobs.
func (s *Set) Quit() {}
