// Package action is whatever has to happen when an address is banned.
//
// It owns the actions of a jail: their properties, the texts that tags make of
// them, the order and the queues in which they run, and what a command's end
// means. A Set holds the actions of one jail. It promises:
//
//   - Enforcing actions run in configured order: native ones in one queue,
//     commands in another, so that a command which hangs keeps no ban out of the
//     kernel. Reports come after the commands, each with a bounded queue of its
//     own, so a slow one delays nobody; what waits there is kept in the database
//     and outlives a restart. Bans at far services are delivered in order by
//     queues of their own, which try until they are taken. A job's answer comes
//     when both queues are done with it and speaks for the enforcing actions only.
//   - Answers come in the order of the jobs, one result for each ticket.
//   - Commands of one action.d name run one at a time over all jails (Locks).
//   - Text from log lines never becomes shell text: it travels as the value of
//     a shell variable.
//   - A command's process group is gone after its time-out, and its output is
//     read as it comes and kept up to a bound.
//
// The owner of the jail uses it like this:
//
//	set := action.NewSet(env)
//	set.Add(name, source); set.SetProperty(name, prop, value) ...
//	set.Start(done)
//	set.Submit(action.Job{Kind: action.Ban, Tickets: t}, done)
//	set.Submit(action.Job{Kind: action.Settle}, nil)   // after the restored bans
//	set.BeginReload(); set.Add(...) ...; set.EndReload(live, done)
//	set.Stop(live, action.Lift, done)
//
// Add, SetProperty and the other property calls answer at once. Everything
// that runs something is put in the queue and answers by its done function,
// which is called by a goroutine of the set and must not block.
package action

import (
	"context"
	"errors"
	"net"
	"time"

	"stockade/internal/clock"
	"stockade/internal/logbook"
	"stockade/internal/netfilter"
	"stockade/internal/store"
	"stockade/internal/ticket"
)

// JobKind says what is to be done with tickets.
type JobKind int

// The kinds of jobs.
const (
	Ban JobKind = iota
	// Reban applies a ban again whose effect was lost.
	Reban
	// Prolong tells that the ban ends later than Ban said.
	Prolong
	Unban
	// Flush lifts all bans at once: actions that can flush do, the others unban
	// each of the tickets.
	Flush
	// Check runs the consistency check of every started action, with its
	// repair; Result.Epoch tells whether bans were lost by that.
	Check
	// Settle comes after the restored bans: native actions lift what an earlier
	// run left in the kernel and nobody restored.
	Settle
)

// Job is work for all actions of a jail.
type Job struct {
	Kind    JobKind
	Tickets []*ticket.Ticket
	// Epochs are, for Reban, the epochs of the tickets' bans: only actions that
	// repaired themselves since run it again.
	Epochs []int
}

// Result is what the enforcing actions made of one ticket, or of a job
// without tickets.
type Result struct {
	// Err is nil if every enforcing action succeeded. It wraps a *Failure
	// for each that did not.
	Err error
	// Logs are to be written in this order, after the line that reports the
	// ban. Those of reports go to Env.Log when they come.
	Logs []logbook.Record
	// Epoch is the ban epoch of the set after the job. A ticket keeps it; one
	// with an older epoch may have lost its effect.
	Epoch int
	// Actions are the names of the actions that ran (for Reban).
	Actions []string

	// again and skip are how a report says what became of an attempt.
	again *again
	skip  bool
}

// Failure is what became of one action.
type Failure struct {
	Action string
	Err    error
}

func (f *Failure) Error() string { return f.Action + ": " + f.Err.Error() }

// Unwrap gives the error of the action.
func (f *Failure) Unwrap() error { return f.Err }

// fail notes that an action failed, and says so as the reference does.
func (r *Result) fail(action string, err error) {
	r.Err = errors.Join(r.Err, &Failure{action, err})
	r.log(logbook.Error, logActions, err.Error())
}

func (r *Result) log(level logbook.Level, logger, text string) {
	r.Logs = append(r.Logs, logbook.Record{Level: level, Logger: logger, Text: text})
}

const logActions = "fail2ban.actions"

// Counters are the numbers behind <jail.banned> and its like.
type Counters struct {
	Banned, BannedTotal, Found, FoundTotal int
}

// Merged is what the database knows of an ID, for <ipmatches> and its like.
type Merged struct {
	Matches  []string
	Failures int
}

// Env is what a set needs from its jail and server.
type Env struct {
	Jail  string
	Clock clock.Clock
	// Log takes the lines of what runs outside of jobs, and of reports.
	Log func(logbook.Record)
	// Locks are shared by all jails.
	Locks *Locks
	// Netfilter opens the shared connection at first use.
	Netfilter func() (*netfilter.Conn, error)
	// Native is false where no action may run natively.
	Native bool
	// Bantime is the jail's own ban time, in seconds.
	Bantime func() int64
	// Counters is called from goroutines of the set.
	Counters func() Counters
	// Merged gives what the database holds of a ticket's ID, in this jail or in
	// all, with the ticket itself.
	Merged func(t *ticket.Ticket, allJails bool) (Merged, error)
	// Store is the database, nil while there is none: reports that wait are
	// kept there.
	Store func() *store.Store
	// Dial opens the connections to web services; nil for the network's own way.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// HostName resolves an address to its name for <ip-host>; "" if it has none.
	HostName func(ip string) string
	// IPv6 says whether IPv6 is allowed.
	IPv6 func() bool
	// Paused tells whether enforcement is lifted for a while when the set is made;
	// from then on Set.Pause and Set.Resume say so.
	Paused func() bool
	// Lost is called when somebody removed what a native action had in the
	// kernel, after it was put back; restored is -1 where it is to stay away.
	Lost func(action string, l netfilter.Loss, restored int, err error)
}

// StopMode says what becomes of the bans when a set stops.
type StopMode int

// The modes of stopping.
const (
	// Lift undoes everything, as Fail2ban does.
	Lift StopMode = iota
	// Leave keeps native bans in the kernel, to be lifted by itself within a
	// minute if nobody comes back. Command actions are undone all the same.
	Leave
)

// leaveFor is how long the kernel keeps native bans after an orderly stop
// whose successor should take them over.
const leaveFor = 60 * time.Second

// Source says where the definition of an action came from.
type Source struct {
	// Name is the file's name in action.d without extension.
	Name string
	// Files are its definition's files in reading order.
	Files []string
	// Library is true where all of them came from the embedded library.
	Library bool
	// Digest of the merged raw definition, before parameters.
	Digest string
}

// Status describes an action for people.
type Status struct {
	Name string
	// Native is true if no command is run; Why says why, or why not.
	Native bool
	Why    string
	// Report is true for what only tells others.
	Report bool
	// Started are the address families that are started.
	Started []string
	// Held is the number of elements of a native action, Sets the sets of nftables
	// that hold them.
	Held int
	Sets []netfilter.SetState
	// ReportCounts are the tickets of a report's queue.
	ReportCounts
	// LastError is the latest failure.
	LastError string
	ErrorTime time.Time
}
