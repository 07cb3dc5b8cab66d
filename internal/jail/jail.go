package jail

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"stockade/internal/action"
	"stockade/internal/clock"
	"stockade/internal/event"
	"stockade/internal/ipaddr"
	"stockade/internal/logbook"
	"stockade/internal/netfilter"
	"stockade/internal/source"
	"stockade/internal/store"
	"stockade/internal/ticket"
)

// ErrStopped is the error of calls to a jail that has been stopped.
var ErrStopped = errors.New("jail is stopped")

// Services are what all jails of a server share.
type Services struct {
	Clock clock.Clock
	Hub   *source.Hub
	// Share lets jails with the same filter on one file share its work.
	Share bool
	// Store returns the database, nil where there is none.
	Store func() *store.Store
	// Log writes to the server's log.
	Log func(...logbook.Record)
	// Events numbers and publishes.
	Events *event.Stream
	// Locks, Netfilter, Native, IPv6, HostName and Paused are for the actions.
	Locks     *action.Locks
	Netfilter func() (*netfilter.Conn, error)
	Native    bool
	IPv6      func() bool
	HostName  func(ip string) string
	Paused    func() bool
	// Names resolves a host; done is called when an answer comes later.
	Names func(host string, done func()) ([]ipaddr.ID, bool)
	// Random gives numbers in [0, 1) for ban times.
	Random func() float64
}

// Jail is a running jail. Its methods may be called by any goroutine.
type Jail struct {
	svc   Services
	state *State
	box   *mailbox
	set   *action.Set
	clerk *clerk

	// Owned by the goroutine of run.
	subs    map[string]*subscription
	journal *source.Subscription
	reading map[string]*progress
	held    []*source.Batch
	// inFlight counts the tickets that are on their way through the actions.
	inFlight int

	ending bool
	// acting says that the actions were started, reading that the jail reads
	// its sources.
	acting, reads bool
	// restored says that the bans of an earlier run were taken over.
	restored bool
	// upkept is when the last upkeep was.
	upkept time.Time

	bantimeNow  atomic.Int64
	countersNow atomic.Pointer[action.Counters]

	stop     chan stopping
	done     chan struct{}
	stopOnce sync.Once

	begun atomic.Bool

	// mu guards the State until Open gives it to the goroutine of run.
	mu   sync.Mutex
	live bool
}

type stopping struct{ mode action.StopMode }

// New wraps a configured State. Start brings it to life.
func New(state *State, svc Services) *Jail {
	j := &Jail{
		svc: svc, state: state, box: newMailbox(),
		subs: map[string]*subscription{}, reading: map[string]*progress{},
		stop: make(chan stopping), done: make(chan struct{}),
	}
	j.set = action.NewSet(j.actionEnv())
	j.clerk = newClerk(svc, state.Name(), j.box)
	return j
}

func (j *Jail) actionEnv() action.Env {
	return action.Env{
		Jail: j.state.Name(), Clock: j.svc.Clock,
		Log:   func(r logbook.Record) { j.svc.Log(r) },
		Locks: j.svc.Locks, Store: j.svc.Store,
		Netfilter: j.svc.Netfilter, Native: j.svc.Native,
		Bantime: j.bantime, Counters: j.counters, Merged: j.merged,
		HostName: j.svc.HostName, IPv6: j.svc.IPv6, Lost: j.lost, Paused: j.svc.Paused,
	}
}

// Name is the jail's name.
func (j *Jail) Name() string { return j.state.name }

// Actions gives access to the properties and methods of the actions.
func (j *Jail) Actions() *action.Set { return j.set }

// Open brings a jail to life that is not to start yet: it answers commands,
// also those that ban, but takes nothing over and reads nothing. From then on
// the State belongs to the jail.
func (j *Jail) Open() {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.live {
		return
	}
	j.live = true
	for _, spec := range j.state.actions {
		j.addAction(spec)
	}
	go j.run()
}

// Start opens the jail if that was not done, sets the actions up, takes the
// bans of an earlier run over, begins to read the logs and returns. A jail that
// runs already only leaves its rest.
func (j *Jail) Start() {
	j.Open()
	if j.begun.Swap(true) {
		j.box.put(Call{Fn: func(s *State, _ time.Time) { s.SetIdle(false) }})
		return
	}
	j.box.put(Call{Fn: func(*State, time.Time) {}, After: j.begin})
}

// Running tells whether Start was called.
func (j *Jail) Running() bool { return j.begun.Load() }

// isLive tells whether the jail has a goroutine that owns its State.
func (j *Jail) isLive() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.live
}

// Do runs a function on the State, in the jail's goroutine, and returns what
// it returned. What the function changed has taken effect then, but for bans,
// which answer on their own. Before Open it runs at once.
func (j *Jail) Do(ctx context.Context, fn func(*State) (any, error)) (any, error) {
	j.mu.Lock()
	if !j.live {
		defer j.mu.Unlock()
		v, err := fn(j.state)
		j.state.takeFilterRecords()
		return v, err
	}
	j.mu.Unlock()
	type answer struct {
		value any
		err   error
	}
	reply := make(chan answer, 1)
	var got answer
	call := Call{
		Fn:    func(s *State, _ time.Time) { got.value, got.err = fn(s) },
		After: func() { reply <- got },
	}
	if !j.box.put(call) {
		return nil, ErrStopped
	}
	select {
	case a := <-reply:
		return a.value, a.err
	case <-j.done:
		select {
		case a := <-reply:
			return a.value, a.err
		default:
			return nil, ErrStopped
		}
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// settleAll sends a function that starts jobs and waits until they are done.
func (j *Jail) settleAll(ctx context.Context, fn func(s *State, now time.Time, reply func(error)) int) (int, error) {
	counted := make(chan int, 1)
	settled := make(chan error, 1)
	call := Call{Fn: func(s *State, now time.Time) {
		counted <- fn(s, now, func(err error) { settled <- err })
	}}
	if !j.isLive() || !j.box.put(call) {
		return 0, ErrStopped
	}
	select {
	case err := <-settled:
		return <-counted, err
	case <-j.done:
		return 0, ErrStopped
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
}

// BanIP bans IDs by command and returns how many were not banned before, once
// the enforcing actions and the database have them.
func (j *Jail) BanIP(ctx context.Context, who event.Who, ids []ipaddr.ID) (int, error) {
	if len(ids) == 0 {
		return 0, nil
	}
	return j.settleAll(ctx, func(s *State, now time.Time, reply func(error)) int {
		n := 0
		pending := join(len(ids), reply)
		for _, id := range ids {
			n += s.BanNow(now, id, who, pending)
		}
		return n
	})
}

// join answers once, after n answers.
func join(n int, reply func(error)) func(error) {
	var first error
	return func(err error) {
		if first == nil {
			first = err
		}
		if n--; n == 0 {
			reply(first)
		}
	}
}

// StoreAgain writes the jail and its bans into a database that lost them.
func (j *Jail) StoreAgain(ctx context.Context) error {
	db := j.svc.Store()
	if db == nil {
		return nil
	}
	batch := store.Batch{Enable: []string{j.Name()}}
	_, err := j.Do(ctx, func(s *State) (any, error) {
		for _, t := range copies(s.bans.List()) {
			batch.Bans = append(batch.Bans, store.Ban{Jail: s.name, Ticket: *t})
		}
		return nil, nil
	})
	if err != nil {
		return err
	}
	return db.Commit(batch)
}

// UnbanIP lifts bans by command and returns the number, once that is done.
// The database forgets the IDs whether they are banned or not.
func (j *Jail) UnbanIP(ctx context.Context, ids []ipaddr.ID) (int, error) {
	return j.settleAll(ctx, func(s *State, _ time.Time, reply func(error)) int {
		return s.UnbanNow(ids, reply)
	})
}

// UnbanAll lifts every ban of the jail, and forgets them.
func (j *Jail) UnbanAll(ctx context.Context) (int, error) {
	return j.settleAll(ctx, func(s *State, _ time.Time, reply func(error)) int {
		return s.UnbanAll(reply)
	})
}

// Attempt counts a failure by command; 0 says that the ID is ignored.
func (j *Jail) Attempt(ctx context.Context, who event.Who, id ipaddr.ID, lines []string) (int, error) {
	n := 0
	_, err := j.Do(ctx, func(s *State) (any, error) {
		n = s.Attempt(j.svc.Clock.Now(), id, lines, who)
		return nil, nil
	})
	return n, err
}

// View copies what status commands show.
func (j *Jail) View(ctx context.Context, list bool) (View, error) {
	v, err := j.Do(ctx, func(s *State) (any, error) { return s.View(j.svc.Clock.Now(), list), nil })
	if err != nil {
		return View{}, err
	}
	return v.(View), nil
}

// Stop ends the jail: reading stops, then the bans are lifted, or left in the
// kernel for a successor. It returns when all is done and stored.
func (j *Jail) Stop(mode action.StopMode) {
	if !j.isLive() {
		j.stopOnce.Do(func() {
			close(j.done)
			j.clerk.close()
			j.set.Quit()
		})
		return
	}
	j.stopOnce.Do(func() { j.stop <- stopping{mode: mode} })
	<-j.done
}

func (j *Jail) bantime() int64 { return j.bantimeNow.Load() }

func (j *Jail) counters() action.Counters {
	if c := j.countersNow.Load(); c != nil {
		return *c
	}
	return action.Counters{}
}

func (j *Jail) merged(t *ticket.Ticket, allJails bool) (action.Merged, error) {
	db := j.svc.Store()
	if db == nil {
		return action.Merged{}, errors.New("there is no database")
	}
	jail := j.Name()
	if allJails {
		jail = ""
	}
	m, err := db.MergedWith(store.Ban{Jail: j.Name(), Ticket: *t}, jail)
	if err != nil {
		return action.Merged{}, fmt.Errorf("read the history of %s: %w", t.ID, err)
	}
	merged := action.Merged{Failures: m.Failures, Matches: make([]string, len(m.Matches))}
	for i, match := range m.Matches {
		merged.Matches[i] = match.Text()
	}
	return merged, nil
}

// lost says that somebody removed what enforces, and what became of it; restored
// is negative where it is not to be put back.
func (j *Jail) lost(name string, l netfilter.Loss, restored int, err error) {
	by := l.Program
	if by == "" {
		by = "Somebody"
	}
	text := fmt.Sprintf("[%s] %s removed the %s %s; action %s put it back with %d ban(s)",
		j.Name(), by, l.What, l.Name, name, restored)
	if restored < 0 {
		text = fmt.Sprintf("[%s] %s removed the %s %s; action %s leaves it so (heal = no)", j.Name(), by, l.What, l.Name, name)
	}
	level := logbook.Warning
	if err != nil {
		level, text = logbook.Error, text+": "+err.Error()
	} else if restored >= 0 {
		text += ". To lift all enforcement for a while: stockade pause 10m"
	}
	j.svc.Log(logbook.Record{Level: level, Logger: logActions, Text: text})
}

// copyTickets turns pointers to copies into values for the database.
func copyTickets(list []*ticket.Ticket) []ticket.Ticket {
	all := make([]ticket.Ticket, len(list))
	for i, t := range list {
		all[i] = *t
	}
	return all
}

// Answered tells the jail that a name somebody waits for is known now.
func (j *Jail) Answered() { j.box.put(Answered{}) }
