//go:build bench

// Pipeline is what `make bench` measures of the server: log files on one side,
// counted failures on the other, and between them the sources, filters and
// jails as the server runs them, without its actions, database and socket.
//
// It reads a job as JSON on its input and answers with one JSON line.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"runtime/pprof"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"stockade/internal/clock"
	"stockade/internal/config"
	"stockade/internal/datepattern"
	"stockade/internal/event"
	"stockade/internal/filter"
	"stockade/internal/ignore"
	"stockade/internal/ipaddr"
	"stockade/internal/jail"
	"stockade/internal/logbook"
	"stockade/internal/server"
	"stockade/internal/source"
	"stockade/internal/store"
	"stockade/internal/ticket"
	"stockade/library"
)

// job is what to measure.
type job struct {
	Log string
	// Config is the configuration folder, empty for our library.
	Config string
	// Now is the present in seconds since 1970, Zone a TZ value.
	Now   int64
	Zone  string
	Jails []jailJob
	// Found is a file for what the jails log of each failure.
	Found string
	// Samples asks for nanoseconds and allocations a line instead.
	Samples bool
	// Append is a file whose content is appended to the log, in pieces, once
	// all of the log is read: the time begins then.
	Append string
	// Unshared makes each jail work for itself.
	Unshared bool
	// Profile is a file for a profile of the processor's time.
	Profile string
}

type jailJob struct {
	Name, Filter string
	Options      map[string]string
	FindTime     float64
}

// result is what came of it.
type result struct {
	CPU, Wall float64
	Found     map[string]found
	Samples   map[string]sample `json:",omitempty"`
}

// found is the number of failures of a jail, and a digest of their log lines.
type found struct {
	Count  int
	Digest string
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "pipeline:", err)
		os.Exit(1)
	}
}

func run() error {
	var todo job
	if err := json.NewDecoder(os.Stdin).Decode(&todo); err != nil {
		return fmt.Errorf("read the job: %w", err)
	}
	zone, err := datepattern.LoadZone(todo.Zone)
	if err != nil {
		return err
	}
	time.Local = zone
	var res result
	if todo.Samples {
		res.Samples, err = measureSamples(&todo, zone)
	} else {
		res, err = measure(&todo, zone)
	}
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(res)
}

// measure runs the jails over the log.
func measure(todo *job, zone *time.Location) (result, error) {
	r := &recorder{keeps: todo.Found != "", said: map[string]*said{}}
	now := clock.NewManual(time.Unix(todo.Now, 0))
	hub := source.New(source.Options{})
	defer hub.Close()
	svc := jail.Services{
		Clock: now, Hub: hub, Share: !todo.Unshared, Log: r.log, Events: event.New(64),
		Store: func() *store.Store { return nil },
		Names: func(string, func()) ([]ipaddr.ID, bool) { return nil, true },
	}
	world := &surroundings{dates: datepattern.Env{Now: now.Now, Zone: zone}}
	var jails []*jail.Jail
	for _, jj := range todo.Jails {
		state := jail.NewState(jj.Name, "polling", world)
		def, err := definition(todo, &jj)
		if err != nil {
			return result{}, err
		}
		if err := setUp(state.Filter(), def); err != nil {
			return result{}, err
		}
		state.Ignore().SetSelf(false)
		state.SetMaxRetry(1 << 30)
		state.SetFindTime(jj.FindTime, "")
		state.AddLogPath(jail.LogPath{Path: todo.Log})
		jails = append(jails, jail.New(state, svc))
	}
	server.Settle()
	stop, err := profile(todo.Profile)
	if err != nil {
		return result{}, err
	}
	defer stop()
	start := stopwatch()
	for _, j := range jails {
		j.Start()
	}
	if err := caughtUp(jails); err != nil {
		return result{}, err
	}
	if todo.Append != "" {
		start = stopwatch()
		if err := grow(todo, jails); err != nil {
			return result{}, err
		}
	}
	res := result{Found: map[string]found{}}
	res.CPU, res.Wall = start()
	for _, j := range jails {
		j.Stop(0)
	}
	return res, r.report(todo, &res)
}

// grow appends to the log as a busy service does, in pieces.
func grow(todo *job, jails []*jail.Jail) error {
	const piece = 64 << 10
	data, err := os.ReadFile(todo.Append)
	if err != nil {
		return err
	}
	log, err := os.OpenFile(todo.Log, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer log.Close()
	for len(data) > 0 {
		n := min(piece, len(data))
		if _, err := log.Write(data[:n]); err != nil {
			return err
		}
		data = data[n:]
	}
	return caughtUp(jails)
}

// caughtUp waits until the jails have dealt with all that is in the log.
func caughtUp(jails []*jail.Jail) error {
	for _, j := range jails {
		for {
			lag, err := j.Lag(context.Background())
			if err != nil {
				return err
			}
			if lag == 0 {
				break
			}
			time.Sleep(time.Millisecond)
		}
	}
	return nil
}

// definition reads the filter of a jail.
func definition(todo *job, jj *jailJob) (*config.FilterDef, error) {
	opts := config.Options{Dir: todo.Config, Explicit: todo.Config != ""}
	if todo.Config == "" {
		opts.Dir, opts.Library = filepath.Join(os.TempDir(), "no-such-configuration"), library.Files()
	}
	var params []config.Param
	for name, value := range jj.Options {
		params = append(params, config.Param{Name: name, Value: value})
	}
	def, findings, err := config.ReadFilter(opts, jj.Filter, params, jj.Name)
	if err != nil {
		return nil, fmt.Errorf("read filter %s: %w (%v)", jj.Filter, err, findings)
	}
	return def, nil
}

// setUp hands a definition to a filter.
func setUp(f *filter.Filter, def *config.FilterDef) error {
	if err := f.SetUseDNS("no"); err != nil {
		return err
	}
	if def.MaxLines > 0 {
		if err := f.SetMaxLines(def.MaxLines); err != nil {
			return err
		}
	}
	if err := f.SetPrefregex(filter.Rule{Text: def.Prefregex.Text}); err != nil {
		return err
	}
	for _, r := range def.Failregex {
		if err := f.AddFailregex(filter.Rule{Text: r.Text, Origin: r.Origin.String()}); err != nil {
			return err
		}
	}
	for _, r := range def.Ignoreregex {
		if err := f.AddIgnoreregex(filter.Rule{Text: r.Text, Origin: r.Origin.String()}); err != nil {
			return err
		}
	}
	if def.DatePattern != "" {
		return f.SetDatePattern(def.DatePattern)
	}
	return nil
}

// surroundings is what the jails know of the world.
type surroundings struct {
	dates datepattern.Env
	self  ipaddr.Set
}

func (w *surroundings) Self() *ipaddr.Set                        { return &w.self }
func (w *surroundings) Name(string) ([]ipaddr.ID, bool)          { return nil, true }
func (w *surroundings) File(string) (*ignore.List, bool)         { return &ignore.List{}, true }
func (w *surroundings) Dates() datepattern.Env                   { return w.dates }
func (w *surroundings) Expand(t string, _ *ticket.Ticket) string { return t }

// recorder stands for the server's log and sums up what it says of failures;
// it keeps that only where somebody wants to read it, since the measured
// programs shall not pay for moving it about.
type recorder struct {
	keeps bool
	mu    sync.Mutex
	said  map[string]*said
}

type said struct {
	number, length int
	sum            uint32
	line           []byte
	all            []byte
}

func (s *said) add(text string, keeps bool) {
	s.line = append(append(s.line[:0], text...), '\n')
	s.number++
	s.length += len(s.line)
	s.sum = crc32.Update(s.sum, crc32.IEEETable, s.line)
	if keeps {
		s.all = append(s.all, s.line...)
	}
}

func (r *recorder) log(records ...logbook.Record) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var (
		last string
		jail *said // of that name: what comes together mostly is of one jail
	)
	for i := range records {
		x := &records[i]
		text, isFailure := strings.CutPrefix(x.Text, "[")
		name, text, named := strings.Cut(text, "] Found ")
		if !isFailure || !named || x.Level != logbook.Info {
			continue
		}
		if jail == nil || name != last {
			if last, jail = name, r.said[name]; jail == nil {
				jail = &said{}
				r.said[name] = jail
			}
		}
		jail.add(text, r.keeps)
	}
}

func (r *recorder) report(todo *job, res *result) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []byte
	for _, jj := range todo.Jails {
		x := r.said[jj.Name]
		if x == nil {
			x = &said{}
		}
		all = append(all, x.all...)
		res.Found[jj.Name] = found{x.number, fmt.Sprintf("%08x of %d bytes", x.sum, x.length)}
	}
	if todo.Found == "" {
		return nil
	}
	return os.WriteFile(todo.Found, all, 0o644)
}

// profile begins to write a profile, where a file is named for it.
func profile(name string) (stop func(), err error) {
	if name == "" {
		return func() {}, nil
	}
	f, err := os.Create(name)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, err
	}
	return pprof.StopCPUProfile, nil
}

// stopwatch begins to measure this process; the result gives the seconds of
// all processors and of the clock since then.
func stopwatch() func() (cpu, wall float64) {
	used, begin := processorTime(), time.Now()
	return func() (float64, float64) { return processorTime() - used, time.Since(begin).Seconds() }
}

func processorTime() float64 {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
}
