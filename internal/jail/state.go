// Package jail is one jail: lines come in, failures are counted, IDs are
// banned and after a while let go.
//
// Its logic is State, a plain value driven by Step(now, message) → Effects,
// without goroutine, clock or I/O: a test or a replay calls the same Step as
// the server. Jail is the thin shell around it that owns the goroutine, the
// subscriptions to log sources, the queue of actions and the way to the
// database. Everything reaches a jail as a message; nothing else touches its
// State.
//
// A ban is reported (logged, answered, published as an event) when the
// enforcing actions said yes and the database has it.
package jail

import (
	"fmt"
	"slices"
	"time"

	"stockade/internal/action"
	"stockade/internal/datepattern"
	"stockade/internal/event"
	"stockade/internal/filter"
	"stockade/internal/ignore"
	"stockade/internal/ipaddr"
	"stockade/internal/logbook"
	"stockade/internal/source"
	"stockade/internal/store"
	"stockade/internal/tally"
	"stockade/internal/ticket"
)

// The names under which a jail writes to the log.
const (
	logJail     = "fail2ban.jail"
	logServer   = "fail2ban.server"
	logFilter   = "fail2ban.filter"
	logActions  = "fail2ban.actions"
	logObserver = "fail2ban.observer"
)

// LogPath is a file that a jail is told to watch.
type LogPath struct {
	// Path may be a pattern where Pending is set.
	Path string
	// Tail begins at the end of the file.
	Tail bool
	// Pending marks a path or pattern without a file when the configuration
	// was read; it is looked for again and again.
	Pending bool
	// User marks a path that the user wrote, not the library.
	User bool
	// FromPattern marks a file that a pending pattern turned out to match.
	FromPattern bool
}

// ActionSpec is an action as it was configured.
type ActionSpec struct {
	Name string
	// Python is the path of a Python action's file, JSON its arguments.
	Python, JSON string
	Props        []Prop
	Source       *action.Source
}

// Prop is one property of an action in the order of configuration.
type Prop struct {
	Name  string
	Value any
}

// Env is what a State may ask of its surroundings. No call may block.
type Env interface {
	ignore.Env
	// Dates is the process zone and clock for reading times.
	Dates() datepattern.Env
}

// State is all that a jail knows. It belongs to one goroutine.
type State struct {
	name, backend, used string

	filter     *filter.Filter
	ignore     *ignore.Rules
	tally      *tally.Tally
	bans       *tally.Bans
	limits     tally.Limits
	bantime    int64
	escalation tally.Escalation

	paths   []LogPath
	journal [][]string
	actions []ActionSpec

	idle   bool
	errors int
	faults []string

	env Env
	eff Effects
	// met is what others have made of the present failure, nil for nothing,
	// metText what this jail's log says of it.
	met     *metFailure
	metText string
	// seen and text are memory for one failure that only counts, clock is that
	// of the process zone.
	seen        ticket.Ticket
	text        []byte
	clock       *datepattern.Clock
	parked      []parked
	nextCleanup time.Time
	lastBan     uint64
	alarms      alarms
	safety      safety
	refused     int
	// intakes are what came of each source, by its path.
	intakes     map[string]*intake
	lastRefusal string
}

// Defaults of a bare jail, as the reference has them.
const (
	defaultBantime    = 600
	defaultFindtime   = 600
	defaultMaxRetry   = 3
	defaultMaxMatches = 5
)

// NewState returns the state of a jail that was only given a name and a
// backend.
func NewState(name, backend string, env Env) *State {
	s := &State{
		name: name, backend: backend, env: env,
		filter: newFilter(name, env), ignore: ignore.NewRules(),
		tally: tally.New(), bans: tally.NewBans(), bantime: defaultBantime,
		limits: tally.Limits{
			FindTime: defaultFindtime, MaxRetry: defaultMaxRetry, MaxMatches: defaultMaxMatches,
		},
	}
	return s
}

// Announce logs that the jail is new, and settles its backend as far as that
// goes before the start; notify says whether the system tells of changes to
// files.
func (s *State) Announce(notify bool) {
	s.log(logbook.Info, logJail, "Creating new jail '%s'", s.name)
	if len(s.name) >= longName {
		s.log(logbook.Warning, logJail, "Jail name '%s' might be too long for some firewall commands", s.name)
	}
	s.useBackend(notify)
}

func newFilter(name string, env Env) *filter.Filter {
	f := filter.New(env.Dates())
	f.SetLasting(false)
	f.SetName(name)
	return f
}

// longName is the length from which a name no longer fits what iptables makes
// of it.
const longName = 26

// Effects are what a Step wants done, in this order.
type Effects struct {
	Logs   []logbook.Record
	Events []event.Event
	// Work goes to the actions, one job after the other.
	Work []Work
	// Commands are ignorecommands to be run; their outcome comes back as
	// Ignored.
	Commands []IgnoreRun
	// Lookups asks the database for what is known of an ID; the answer comes
	// back as Known.
	Lookups []Lookup
	// Sources says that the paths or journal matches changed.
	Sources bool
}

// Work is a job for the actions, with what is to be stored and answered once
// it is done.
type Work struct {
	Kind action.JobKind
	// Tickets are copies, so that the actions may read them at their leisure.
	Tickets []*ticket.Ticket
	Epochs  []int
	// Restored marks the bans of an earlier run: they are in the database.
	Restored bool
	// Manual marks what a command asked for; an unban then is forgotten.
	Manual bool
	// Forget lists what the database must no longer know.
	Forget []store.Key
	// Position is that of the line that decided, to be stored with it.
	Position    source.Position
	HasPosition bool
	// Escalation is set where the ban time may grow by the ID's history.
	Escalation *tally.Escalation
	// Reply is called once all is done.
	Reply func(err error)
}

// IgnoreRun is an ignorecommand to be run for a ticket.
type IgnoreRun struct {
	Command string
	Ticket  *ticket.Ticket
	token   int
}

// Lookup is a question to the database about one ID.
type Lookup struct {
	ID   ipaddr.ID
	then func(s *State, now time.Time, h History)
}

// History is what the database knows of the bans of an ID.
type History = tally.History

// parked is a ticket that waits for an answer.
type parked struct {
	t        *ticket.Ticket
	dns      *filter.Failure
	restored bool
	line     linePlace
	token    int
}

// linePlace is where a line came from: a line of a batch, or a place to be
// stored that was one. It is zero for what came from no line.
type linePlace struct {
	batch *source.Batch
	line  int
	kept  *source.Position
}

// position is that after the line, and whether there is one to store. Until the
// end of the step it is the batch's.
func (p linePlace) position() (source.Position, bool) {
	switch {
	case p.batch != nil:
		return p.batch.Position(p.line)
	case p.kept != nil:
		return *p.kept, true
	}
	return source.Position{}, false
}

// lasting is the place for later than this step.
func (p linePlace) lasting() linePlace {
	if p.batch == nil {
		return p
	}
	at, ok := p.position()
	if !ok {
		return linePlace{}
	}
	return linePlace{kept: &at}
}

// maxParked bounds the tickets that wait for a name or an ignorecommand. Past
// it the oldest one goes on as if nothing spoke for it.
const maxParked = 10_000

// alarms keeps what is said only once in a while.
type alarms struct {
	nextCheck time.Time
	token     int
}

func (s *State) log(level logbook.Level, logger, format string, args ...any) {
	s.eff.Logs = append(s.eff.Logs, logbook.Record{
		Level: level, Logger: logger, Text: fmt.Sprintf(format, args...),
	})
}

func (s *State) event(e event.Event) {
	e.Jail = s.name
	s.eff.Events = append(s.eff.Events, e)
}

// take hands out the effects collected so far.
func (s *State) take() Effects {
	eff := s.eff
	s.eff = Effects{}
	return eff
}

// keptEffects bounds the memory that is kept for the effects of the next step.
const keptEffects = 1024

// reuse takes back effects that were carried out, for their memory.
func (s *State) reuse(eff Effects) {
	if len(s.eff.Logs) > 0 || len(s.eff.Events) > 0 || cap(eff.Logs) > keptEffects || cap(eff.Events) > keptEffects {
		return
	}
	clear(eff.Logs)
	clear(eff.Events)
	s.eff.Logs, s.eff.Events = eff.Logs[:0], eff.Events[:0]
}

// Fault notes something that is broken in this jail while the rest works.
func (s *State) Fault(text string) {
	if !slices.Contains(s.faults, text) {
		s.faults = append(s.faults, text)
	}
}

// Mended takes faults back.
func (s *State) Mended(texts ...string) {
	s.faults = slices.DeleteFunc(s.faults, func(f string) bool { return slices.Contains(texts, f) })
}

// Faults lists what is broken; a jail with faults is degraded.
func (s *State) Faults() []string { return slices.Clone(s.faults) }
