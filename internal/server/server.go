// Package server holds the jails together: which there are, how they begin and
// end, what they share, and how a new configuration takes effect.
//
// It owns the database, the log's settings, the shared sources, names and
// kernel connection. A configuration arrives as a Stage, jails that were set up
// by commands but do not run, and is checked whole before Commit applies it:
// what did not change goes on without a gap, and a broken jail costs nothing
// but itself.
package server

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"time"

	"stockade/internal/action"
	"stockade/internal/clock"
	"stockade/internal/event"
	"stockade/internal/guard"
	"stockade/internal/jail"
	"stockade/internal/logbook"
	"stockade/internal/netfilter"
	"stockade/internal/source"
	"stockade/internal/store"
)

const logger = "fail2ban.server"

// Options say what a server is made of.
type Options struct {
	Clock clock.Clock
	Book  *logbook.Book
	// Version is what the old names report, 1.1.1.
	Version string
	// Zone is the process zone; nil is the machine's.
	Zone *time.Location
	// Careful spares the machine's own addresses and administrators unless a
	// jail says otherwise, and raises an alarm at very many bans.
	Careful bool
	// Guarded finds the addresses to look after; nil looks at this machine.
	Guarded func() guard.Addresses
	// Native lets stock actions run natively.
	Native bool
	// Strict says that the service is closed against programs: a reload that
	// would need one is refused.
	Strict bool
	// Polling leaves the system's notifications of file changes unused.
	Polling bool
	// Pidfile is written at the start and removed at the end; "" for none.
	Pidfile string
	// Daemon says that the process put itself into the background.
	Daemon bool
}

// Server is a running server. Its methods may be called by any goroutine.
type Server struct {
	opt    Options
	book   *logbook.Book
	hub    *source.Hub
	events *event.Stream
	names  *names
	pause  pause
	locks  *action.Locks
	guard  guard.Watch
	kernel lazyKernel

	// mu guards what follows. Reloads and stops of jails hold reload instead,
	// so that looking a jail up never waits for one.
	mu     sync.Mutex
	jails  []*jail.Jail
	db     *store.Store
	dbOpts database
	thread int
	ipv6   string
	// problems are those of the present configuration.
	problems []Problem
	closed   bool

	reload sync.Mutex
	done   chan struct{}
	stop   sync.Once
	cancel context.CancelFunc
}

// eventRing is how many events are kept for those who subscribe late.
const eventRing = 4096

// New makes a server without jails.
func New(opt Options) *Server {
	if opt.Clock == nil {
		opt.Clock = clock.Real()
	}
	s := &Server{
		opt: opt, book: opt.Book,
		hub:    source.New(source.Options{Clock: opt.Clock, Polling: opt.Polling}),
		events: event.New(eventRing), locks: action.NewLocks(),
		dbOpts: defaultDatabase(), ipv6: "auto", done: make(chan struct{}),
	}
	s.names = newNames(opt.Clock)
	s.guard = guard.Watch{Now: opt.Clock.Now, Find: opt.Guarded}
	if opt.Guarded == nil {
		s.guard.Find = func() guard.Addresses { return guard.Look("/") }
	}
	return s
}

// Begin announces the server in its log and writes the pid file.
func (s *Server) Begin() {
	s.logf(logbook.Info, logger, "%s", "--------------------------------------------------")
	s.logf(logbook.Info, logger, "Starting Fail2ban v%s", s.opt.Version)
	if s.opt.Daemon {
		s.logf(logbook.Info, logger, "Daemon started")
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	go s.hourly(ctx, s.opt.Clock.NewTimer(time.Hour))
	if s.opt.Native {
		go s.sweep(ctx, s.opt.Clock.NewTimer(sweepAfter))
	}
	s.writePid()
	s.logf(logbook.Info, "fail2ban.observer", "Observer start...")
}

// Version is what clients are told.
func (s *Server) Version() string { return s.opt.Version }

// Book is the server's log.
func (s *Server) Book() *logbook.Book { return s.book }

// Events is the stream of what happens.
func (s *Server) Events() *event.Stream { return s.events }

// Done is closed when the server has shut down.
func (s *Server) Done() <-chan struct{} { return s.done }

// Closing tells whether a shutdown has begun.
func (s *Server) Closing() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

func (s *Server) logf(level logbook.Level, name, format string, args ...any) {
	s.book.Log(logbook.Record{Level: level, Logger: name, Text: fmt.Sprintf(format, args...)})
}

// services are what every jail gets.
func (s *Server) services() jail.Services {
	return jail.Services{
		Clock: s.opt.Clock, Hub: s.hub, Share: true, Store: s.Database,
		Log: s.book.Log, Events: s.events, Locks: s.locks,
		Netfilter: s.kernel.open, Native: s.opt.Native,
		IPv6: s.IPv6, HostName: s.names.hostName, Paused: s.isPaused, Random: rand.Float64,
	}
}

func (s *Server) isPaused() bool {
	_, paused := s.Paused()
	return paused
}

// Shutdown ends the server: jails first, all at once, then the database. With
// action.Leave the bans stay in the kernel for a successor. It returns when
// all is done; a second call waits for the first.
func (s *Server) Shutdown(mode action.StopMode) {
	s.stop.Do(func() {
		s.mu.Lock()
		s.closed = true
		s.mu.Unlock()
		s.logf(logbook.Info, logger, "Shutdown in progress...")
		s.logf(logbook.Info, "fail2ban.observer", "Observer stop ... try to end queue 5 seconds")
		s.logf(logbook.Info, "fail2ban.observer", "Observer stopped, 0 events remaining.")
		s.reload.Lock()
		defer s.reload.Unlock()
		s.stopJails(mode)
		if s.cancel != nil {
			s.cancel()
		}
		s.hub.Close()
		s.closeDatabase()
		s.kernel.close()
		close(s.done)
	})
	<-s.done
}

// Farewell is the last that is logged, once the socket is gone.
func (s *Server) Farewell() {
	s.logf(logbook.Info, logger, "Exiting Fail2ban")
	if s.opt.Pidfile != "" {
		if err := os.Remove(s.opt.Pidfile); err != nil {
			s.logf(logbook.Error, logger, "Unable to remove PID file: %v", err)
		}
	}
}

func (s *Server) stopJails(mode action.StopMode) {
	s.logf(logbook.Info, logger, "Stopping all jails")
	s.mu.Lock()
	all := slices.Clone(s.jails)
	s.jails = nil
	s.mu.Unlock()
	var wg sync.WaitGroup
	for _, j := range all {
		wg.Go(func() { j.Stop(mode) })
	}
	wg.Wait()
}

// hourly purges the database.
func (s *Server) hourly(ctx context.Context, timer clock.Timer) {
	defer timer.Stop()
	for {
		select {
		case <-timer.C():
			timer.Reset(time.Hour)
			s.purge()
		case <-ctx.Done():
			return
		}
	}
}

// lazyKernel opens the connection to the kernel when the first action wants it.
type lazyKernel struct {
	mu   sync.Mutex
	conn *netfilter.Conn
}

func (k *lazyKernel) open() (*netfilter.Conn, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.conn != nil {
		return k.conn, nil
	}
	conn, err := netfilter.Open(netfilter.Options{})
	if err != nil {
		return nil, fmt.Errorf("open the connection to nftables: %w", err)
	}
	k.conn = conn
	return conn, nil
}

func (k *lazyKernel) close() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.conn != nil {
		k.conn.Close()
	}
}
