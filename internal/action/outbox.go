package action

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"stockade/internal/logbook"
	"stockade/internal/store"
	"stockade/internal/ticket"
)

const (
	// reportBound is how many tickets wait for one report; what comes on top is
	// counted and dropped, because a slow mail server may never catch up.
	reportBound = 5000
	// reportGrace is how long a stop waits for the reports to be done.
	reportGrace = 10 * time.Second
	// reportAge is how long a report is worth sending.
	reportAge = 24 * time.Hour
	// firstPause and longestPause bound the time between two attempts while a
	// service is out; it doubles from one to the next.
	firstPause   = 2 * time.Second
	longestPause = 10 * time.Minute
	// longestWish bounds what a service may ask for by Retry-After.
	longestWish = reportAge
)

// outbox is the queue of one report: what it has to tell, in order, at its own
// pace. Tickets that wait are kept in the database and sent after a restart.
// What cannot be delivered for a while is tried again, and all behind it waits;
// what finds the box full is counted, and told of in one go once there is room.
//
// A native report says in its apply what became of an attempt:
//
//	nothing          it was delivered
//	p.failed(…)      it never will be: this is logged, and the next one comes
//	r.later(err, 0)  not now: the same ticket comes again after a pause, or
//	                 after the time that the service asked for
//	r.skipped()      it need not be
//
// apply may block; it should give up by itself within the action's timeout,
// and when its quit is called. Only bans come to it, but for one that has the
// method of listener. One that has that of summariser can tell of the tickets
// that were dropped.
type outbox struct {
	env  *Env
	name string
	// summary tells of dropped tickets; nil where that only goes to the log.
	summary func(dropped int, r *Result)

	mu    sync.Mutex
	items []*errand
	busy  bool
	// hurrying is set at the end: nothing waits for a service any more.
	hurrying, ended bool
	recalled        bool
	lastID          int64
	missed          int
	troubled        time.Time
	counts          ReportCounts
	quit            chan struct{}
}

// ReportCounts say what became of the tickets of a report. All that came are
// Waiting, Sent, Skipped, Failed, Dropped or Left.
type ReportCounts struct {
	// Waiting are in the queue.
	Waiting int
	// Sent were delivered.
	Sent int
	// Skipped need not be told, as an address that was reported a moment ago.
	Skipped int
	// Failed were refused for good, or too old when the service came back.
	Failed int
	// Dropped found the queue full; the next summary counts them.
	Dropped int
	// Left stayed in the database for the next run.
	Left int
}

// errand is one thing that a report has to do.
type errand struct {
	// id is its number in the database, 0 for what is not kept.
	id   int64
	born time.Time
	kind JobKind
	// ticket is nil for starts, stops and the like.
	ticket *ticket.Ticket
	run    func(r *Result)
	tries  int
}

// again says that a report is to be tried once more.
type again struct {
	err   error
	after time.Duration
}

// later asks for another attempt, after a time of the service's own choice or
// (0) a pause that grows.
func (r *Result) later(err error, after time.Duration) { r.again = &again{err, after} }

// skipped says that a ticket need not be reported.
func (r *Result) skipped() { r.skip = true }

// summariser is a native report that can tell in one go of tickets that it
// could not be given.
type summariser interface {
	summary(dropped int, r *Result)
}

// listener is a native report that wants to hear of other jobs than bans.
type listener interface {
	wants(kind JobKind) bool
}

func newOutbox(env *Env, name string) *outbox {
	return &outbox{env: env, name: name, quit: make(chan struct{})}
}

func (o *outbox) log(level logbook.Level, format string, args ...any) {
	text := fmt.Sprintf("[%s] action '%s'", o.env.Jail, o.name) + fmt.Sprintf(format, args...)
	o.env.Log(logbook.Record{Level: level, Logger: logActions, Text: text})
}

// put adds an errand. A ticket that finds the box full is dropped.
func (o *outbox) put(e *errand) {
	o.mu.Lock()
	if o.ended {
		o.mu.Unlock()
		return
	}
	if e.ticket != nil && o.counts.Waiting >= reportBound {
		o.counts.Dropped++
		o.missed++
		first := o.missed == 1
		o.mu.Unlock()
		if first {
			o.log(logbook.Warning, " is too slow: %d tickets wait for it, more are dropped and counted", reportBound)
		}
		return
	}
	e.born = o.env.Clock.Now()
	kept := o.number(e)
	o.add(e)
	o.mu.Unlock()
	if kept != nil {
		kept.KeepErrands(o.env.Jail, o.name, []store.Errand{encodeErrand(e)}, nil)
	}
}

// number gives a ticket its number in the database, and that database.
func (o *outbox) number(e *errand) *store.Store {
	db := o.env.database()
	if db == nil || e.ticket == nil {
		return nil
	}
	o.lastID = max(o.lastID+1, e.born.UnixMicro())
	e.id = o.lastID
	return db
}

func (o *outbox) add(e *errand) {
	o.items = append(o.items, e)
	if e.ticket != nil {
		o.counts.Waiting++
	}
	if !o.busy {
		o.busy = true
		go o.work()
	}
}

// recall takes up what an earlier run left. perform makes of a ticket what is
// to be done for it.
func (o *outbox) recall(perform func(JobKind, *ticket.Ticket) func(*Result)) {
	db := o.env.database()
	o.mu.Lock()
	again := o.recalled
	o.recalled = true
	o.mu.Unlock()
	if db == nil || again {
		return
	}
	list, err := db.Errands(o.env.Jail, o.name)
	if err != nil {
		o.log(logbook.Error, ": %v", err)
		return
	}
	var gone []int64
	o.mu.Lock()
	for _, kept := range list {
		kind, t, ok := decodeErrand(kept.Data)
		if !ok || o.counts.Waiting >= reportBound {
			gone = append(gone, kept.ID)
			continue
		}
		o.lastID = max(o.lastID, kept.ID)
		born := o.env.Clock.Now()
		if !kept.Until.IsZero() {
			born = kept.Until.Add(-reportAge)
		}
		o.add(&errand{id: kept.ID, born: born, ticket: t, run: perform(kind, t)})
	}
	o.mu.Unlock()
	db.KeepErrands(o.env.Jail, o.name, nil, gone)
	if n := len(list) - len(gone); n > 0 {
		o.log(logbook.Info, ": %d report(s) of an earlier run are sent now", n)
	}
}

// work does what is in the box and ends when it is empty.
func (o *outbox) work() {
	for {
		e := o.head()
		if e == nil {
			return
		}
		var r Result
		if o.tooOld(e) {
			o.log(logbook.Error, ": the report on %s is given up after %v", e.ticket.ID, reportAge)
			r.Err = errTooOld
		} else {
			e.tries++
			e.run(&r)
		}
		if r.again != nil {
			o.waits(e, r.again)
			continue
		}
		o.done(e, &r)
	}
}

var errTooOld = fmt.Errorf("not delivered within %v", reportAge)

func (o *outbox) tooOld(e *errand) bool {
	return e.ticket != nil && o.env.Clock.Now().Sub(e.born) > reportAge
}

// head is what is to be done next. When all is done and some were dropped,
// that is told last.
func (o *outbox) head() *errand {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.ended {
		o.busy = false
		return nil
	}
	if len(o.items) > 0 {
		return o.items[0]
	}
	if missed := o.missed; missed > 0 {
		o.missed = 0
		e := &errand{born: o.env.Clock.Now(), run: func(r *Result) { o.tellMissed(missed, r) }}
		o.items = append(o.items, e)
		return e
	}
	o.busy = false
	return nil
}

func (o *outbox) tellMissed(missed int, r *Result) {
	r.log(logbook.Notice, logActions, fmt.Sprintf("[%s] action '%s' caught up: %d report(s) were dropped meanwhile", o.env.Jail, o.name, missed))
	if o.summary != nil {
		o.summary(missed, r)
	}
}

// waits sleeps before another attempt. At the end there is none: then the
// errand stays in the database, where there is one, with all behind it.
func (o *outbox) waits(e *errand, a *again) {
	pause := min(firstPause<<min(e.tries-1, 20), longestPause)
	if a.after > 0 {
		pause = min(a.after, longestWish)
	}
	o.mu.Lock()
	if o.hurrying || o.ended {
		o.leave()
		o.mu.Unlock()
		return
	}
	first := o.troubled.IsZero()
	if first {
		o.troubled = o.env.Clock.Now()
	}
	waiting := o.counts.Waiting
	o.mu.Unlock()
	if first {
		o.log(logbook.Warning, " cannot report now: %v. It is tried again in %v; %d wait", a.err, pause.Round(time.Second), waiting)
	}
	timer := o.env.Clock.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C():
	case <-o.quit:
	}
}

// leave takes out of the box what the database keeps. What it does not keep is
// lost with the tickets that failed.
func (o *outbox) leave() {
	var rest []*errand
	for _, e := range o.items {
		switch {
		case e.ticket == nil && e.tries == 0:
			rest = append(rest, e)
		case e.ticket == nil:
		case e.id != 0:
			o.counts.Waiting--
			o.counts.Left++
		default:
			o.counts.Waiting--
			o.counts.Failed++
		}
	}
	o.items = rest
}

// done takes an errand out of the box and says what became of it.
func (o *outbox) done(e *errand, r *Result) {
	o.mu.Lock()
	i := slices.Index(o.items, e)
	if i >= 0 {
		o.items = slices.Delete(o.items, i, i+1)
	}
	// What concerns no ticket may have had nothing to deliver.
	delivered := r.Err == nil && e.ticket != nil
	trouble := o.troubled
	if delivered {
		o.troubled = time.Time{}
	}
	if i >= 0 && e.ticket != nil {
		o.count(r)
	}
	o.mu.Unlock()
	if db := o.env.database(); db != nil && i >= 0 && e.id != 0 {
		db.KeepErrands(o.env.Jail, o.name, nil, []int64{e.id})
	}
	if delivered && !trouble.IsZero() {
		o.log(logbook.Notice, " reports again after %v", o.env.Clock.Now().Sub(trouble).Round(time.Second))
	}
	for _, rec := range r.Logs {
		o.env.Log(rec)
	}
}

func (o *outbox) count(r *Result) {
	o.counts.Waiting--
	switch {
	case r.Err != nil:
		o.counts.Failed++
	case r.skip:
		o.counts.Skipped++
	default:
		o.counts.Sent++
	}
}

// hurry makes an end: from now on nothing is waited for.
func (o *outbox) hurry() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.hurrying {
		o.hurrying = true
		close(o.quit)
	}
}

// end drops what waits; the database keeps it for the next run. An attempt
// that is under way goes on to its end. It tells what was left there and what
// is lost.
func (o *outbox) end() (left, lost int) {
	o.hurry()
	o.mu.Lock()
	defer o.mu.Unlock()
	before := o.counts
	if !o.ended {
		o.ended = true
		o.leave()
		o.items = nil
	}
	return o.counts.Left, o.counts.Failed - before.Failed
}

func (o *outbox) status() ReportCounts {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.counts
}
