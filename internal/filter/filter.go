// Package filter turns a log line into failures: it cuts out the date, applies
// prefregex, failregexes and ignoreregexes, keeps sessions over several lines
// and says whom a failure concerns.
//
// A Filter is a plain value owned by one goroutine. Time comes in with every
// line; it starts no goroutine, does no I/O and writes no log: what should be
// logged comes back as records. Results are the reference's, for every regex,
// date and line, but for the differences listed in docs/compat/filter.md. A
// line that leads to no failure costs no allocation, and no line costs more
// steps than its budget.
package filter

import (
	"time"

	"stockade/internal/datepattern"
	"stockade/internal/event"
	"stockade/internal/logbook"
	"stockade/internal/pyre"
	"stockade/internal/source"
	"stockade/internal/ticket"
)

// logger is the name under which the reference logs what a filter does.
const logger = "fail2ban.filter"

// Line is one line as a source hands it over.
type Line struct {
	// Text are the bytes of the file, in the log's encoding. Only valid during
	// the call.
	Text []byte
	// Valid says that Text is known to be valid UTF-8.
	Valid bool
	// Given is set where the source knows the time itself, as the journal does;
	// Text is UTF-8 then, and no date is looked for in it.
	Given *Given
	// InOperation is false while a file is caught up with after the start:
	// lines older than findtime are dropped then.
	InOperation bool
	// Place goes into the cause of a failure.
	Place event.Place
}

// Given is a time that was not read from the line.
type Given struct {
	// Before and Date are put in front of the text of a match.
	Before, Date string
	Time         time.Time
	// IntegerTime marks a time known in whole seconds.
	IntegerTime bool
}

// Outcome says in one word what became of a line.
type Outcome uint8

// The outcomes.
const (
	// Missed: no failregex matched.
	Missed Outcome = iota
	// Matched: a failregex matched, whether or not a failure came of it.
	Matched
	// Ignored: an ignoreregex matched.
	Ignored
	// TooOld: the line is older than findtime and was not looked at.
	TooOld
	// Broken: Info.Err says why nothing could be done with the line.
	Broken
)

// Info tells what happened to one line. Its slices are reused by the next one.
type Info struct {
	Outcome Outcome
	// IgnoredBy is the index of the ignoreregex that matched, -1 for none.
	IgnoredBy int
	// PrefixMatched says that the prefregex matched.
	PrefixMatched bool
	// Time is that of the line, if HasTime.
	Time    time.Time
	HasTime bool
	// Undated says that the line had no valid date of its own.
	Undated bool
	// Odd is by how much a date was so far from the present that the present was
	// taken in its place; 0 where it was not.
	Odd time.Duration
	// Consumed are the lines that a match took out of the buffer of a filter
	// which searches several together, the ignored matches among them.
	Consumed []ticket.Match
	// Records are to be logged.
	Records []logbook.Record
	// Err is what the reference raises for the line: it then counts an error
	// and goes on with the next line.
	Err error
}

// Filter is the matching part of one jail.
type Filter struct {
	name     string
	settings settings
	dates    *datepattern.Detector
	env      datepattern.Env
	// base is env as it was given.
	base     datepattern.Env
	fail     []*rule
	ignore   []*rule
	pref     *rule
	dispatch *pyre.Dispatch

	machine *pyre.Machine
	// second serves the ignoreregexes, so that the spans of a failregex that
	// matched outlive them.
	second *pyre.Machine

	now  time.Time
	last lastDate
	once map[string]time.Time
	// given and decoded are memory for parts of a line.
	given, decoded []byte
	journal        Given

	line lineState
	buf  lineBuffer
	data dataScratch
	who  subject
	sess sessions
	seen recall

	member member

	failures []Failure
	records  []logbook.Record
	tally    budgetTally
}

// New makes a filter without rules. env gives the zone of the process, and the
// present for as long as no line has told it.
func New(env datepattern.Env) *Filter {
	f := &Filter{
		base:     env,
		name:     "~jailless~",
		settings: defaultSettings(),
		machine:  pyre.NewMachine(),
		second:   pyre.NewMachine(),
		once:     map[string]time.Time{},
	}
	start := env.Now
	if start == nil {
		start = time.Now
	}
	f.env = datepattern.Env{Zone: env.Zone, Now: func() time.Time {
		if f.now.IsZero() {
			return start()
		}
		return f.now
	}}
	f.dates = datepattern.New(f.env)
	f.sess.init()
	return f
}

// Line is a line of a batch as Process takes it. It is valid until the next
// call.
func (f *Filter) Line(b *source.Batch, i int) Line {
	from := &b.Lines[i]
	ln := Line{
		Text: from.Text, Valid: b.Valid && from.Cut == 0, InOperation: b.InOperation,
		Place: event.Place{Path: b.Path, Inode: b.Inode, Offset: from.Offset},
	}
	if b.Kind == source.Journal {
		f.journal = Given{Date: from.Stamp, Time: from.Time}
		ln.Given = &f.journal
	}
	return ln
}

// Process looks at one line at the time now. The failures and the info are
// valid until the next call; what a Failure holds is not touched again.
func (f *Filter) Process(now time.Time, ln Line) ([]Failure, Info) {
	if f.member.team != nil {
		f.goAlone()
	}
	f.now = now
	f.failures = f.failures[:0]
	f.records = f.records[:0]
	info := Info{IgnoredBy: -1}
	if err := f.ready(&ln); err != nil {
		info.Outcome, info.Err = Broken, err
	} else if f.checkAge(&ln) {
		f.evaluate(&info)
	} else {
		info.Outcome = TooOld
	}
	info.Records, info.Time, info.HasTime = f.records, f.line.time, f.line.hasTime
	info.Undated, info.Odd = f.line.undated, f.line.odd
	return f.failures, info
}

// TakeRecords returns what the settings had to log since the last call or
// line.
func (f *Filter) TakeRecords() []logbook.Record {
	r := f.records
	f.records = nil
	return r
}

func (f *Filter) log(level logbook.Level, text string) {
	f.records = append(f.records, logbook.Record{Level: level, Logger: logger, Text: text})
}

// evaluate runs the rules over the line that was taken.
func (f *Filter) evaluate(info *Info) {
	if f.settings.maxLines > 1 {
		f.evaluateBuffer(info)
		return
	}
	f.evaluateLine(info)
}
