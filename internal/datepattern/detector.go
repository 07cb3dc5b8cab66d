package datepattern

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"stockade/internal/pyobj"
	"stockade/internal/pyre"
)

// Env is what a detector knows of the world.
type Env struct {
	// Now is the present; nil means time.Now. It is asked once or twice for
	// each line, so it should be cheap.
	Now func() time.Time
	// Zone is the zone of the process; nil means time.Local.
	Zone *time.Location
	// Year decides which decades %ExY takes; 0 means that of the machine's
	// clock, as in Fail2ban, whatever clock its tests put in its place.
	Year int
}

// Hit is where a template found a date. Positions are bytes of the line.
type Hit struct {
	// Start and End bound group 1, which is what is cut out of the line. They
	// are equal when the pattern matched without naming a date.
	Start, End int
	// WholeStart and WholeEnd bound the whole match.
	WholeStart, WholeEnd int
	// Template is the index of the winner in the order of addition, which does
	// not change when templates are re-ranked.
	Template int

	// from and to bound what was searched.
	from, to int32
	// shift is how much later in the line the match is than the remembered one.
	shift int32
	// slot and serial tell where the groups are kept, as long as they are.
	slot   int32
	serial uint64
}

// Stamp is a time as read from a line.
type Stamp struct {
	time.Time
	// Integer says that Fail2ban knows this time as an integer and not as a
	// float, which shows where the bare number is printed.
	Integer bool
}

// Seconds is the time as Fail2ban's float: the nearest one to what was written.
func (s Stamp) Seconds() float64 {
	nanos := int64(s.Nanosecond())
	if nanos == 0 {
		return float64(s.Unix())
	}
	if nanos%1000 == 0 {
		return float64(s.Unix()*1e6+nanos/1000) / 1e6
	}
	seconds, _ := strconv.ParseFloat(fmt.Sprintf("%d.%09d", s.Unix(), nanos), 64)
	return seconds
}

// Detector finds dates in the lines of one jail.
type Detector struct {
	env   Env
	local localClock
	today today

	// zone is the logtimezone in seconds east, zoneText what was set.
	zone     int
	zoneText string
	hasZone  bool

	// added holds the templates in the order of addition, order in that of
	// trial.
	added []*ranked
	order []*ranked
	// anchored counts the anchored ones among them.
	anchored int
	state    state
	memo     memo
	log      []string
	// again searches a line anew whose groups are no longer kept.
	again *pyre.Machine
}

// New returns a detector without templates, which is one with all the default
// templates: they are loaded when the first line comes.
func New(env Env) *Detector {
	if env.Now == nil {
		env.Now = time.Now
	}
	if env.Zone == nil {
		env.Zone = time.Local
	}
	if env.Year == 0 {
		env.Year = time.Now().Year()
	}
	d := &Detector{env: env, local: localClock{offsets: offsets{zone: env.Zone}}}
	d.state.last = none
	return d
}

// AppendOption adds the templates of a whole datepattern option, which holds
// one pattern a line.
func (d *Detector) AppendOption(option string) error {
	for part := range strings.SplitSeq(option, "\n") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		if err := d.Append(part); err != nil {
			return err
		}
	}
	return nil
}

// Append adds the templates of one datepattern: a pattern, or one of the
// special forms. An error names the pattern and what is wrong with it.
func (d *Detector) Append(pattern string) error {
	switch {
	case strings.EqualFold(pattern, lineBegin):
		list := anchoredOnly(defaultsOf(d.env.Year))
		d.addAll(list)
		d.logf("  default filtered date pattern: %d template(s)", len(list))
		return nil
	case strings.EqualFold(pattern, "{DEFAULT}"):
		// The defaults are what an empty detector has anyway; beside other
		// patterns this one adds nothing.
		d.logf("  default filtered date pattern: 0 template(s)")
		return nil
	case dateMark.MatchString(pattern):
		list, err := datedTemplates(pattern, d.env.Year)
		if err != nil {
			return err
		}
		d.addAll(list)
		d.logf("  default date pattern for `%s`: %d template(s)", pyobj.Repr(pattern), len(list))
		return nil
	}
	t, err := single(pattern, d.env.Year)
	if err != nil {
		return err
	}
	d.logf("  date pattern `%s`: `%s`", t.pattern, t.name)
	if !d.add(t) {
		//lint:ignore ST1005 the text is Fail2ban's
		return fmt.Errorf("There is already a template with name %s", t.name)
	}
	return nil
}

// add appends a template unless there is one with its name.
func (d *Detector) add(t *template) bool {
	for _, r := range d.added {
		if r.name == t.name {
			return false
		}
	}
	d.memo = memo{serial: d.memo.serial}
	r := &ranked{template: t, index: len(d.added), distance: farAway}
	if t.anchored {
		d.anchored++
	}
	d.added = append(d.added, r)
	d.order = append(d.order, r)
	return true
}

// addAll appends those templates whose names are new.
func (d *Detector) addAll(list []*template) {
	for _, t := range list {
		d.add(t)
	}
}

// loadDefaults fills an empty detector.
func (d *Detector) loadDefaults() {
	list := defaultsOf(d.env.Year)
	d.addAll(list)
	d.logf("  default date pattern: %d template(s)", len(list))
}

func (d *Detector) logf(format string, args ...any) {
	d.log = append(d.log, fmt.Sprintf(format, args...))
}

// LogLines returns what was to be logged since the last call, at level INFO by
// the logger fail2ban.datedetector.
func (d *Detector) LogLines() []string {
	lines := d.log
	d.log = nil
	return lines
}

// SetDefaultZone sets the zone of dates that name none, from a logtimezone
// option; empty means UTC.
func (d *Detector) SetDefaultZone(logtimezone string) error {
	east, err := ParseOffset(logtimezone)
	if err != nil {
		return err
	}
	d.zone, d.zoneText, d.hasZone = east, logtimezone, true
	d.memo.forgetTimes()
	return nil
}

// DefaultZone returns the offset of logtimezone in seconds east of UTC, and
// whether it was set.
func (d *Detector) DefaultZone() (east int, ok bool) { return d.zone, d.hasZone }

// Defaults is the name of the templates that are used where no pattern is set.
const Defaults = "Default Detectors"

// Describe is the answer to `get JAIL datepattern`: pattern and name of the
// first template. The pattern is absent (ok is false) for a special template,
// and with no template or many, whose name is "Default Detectors".
func (d *Detector) Describe() (pattern, name string, ok bool) {
	if n := len(d.order); n == 0 || n > 2 {
		return "", Defaults, false
	}
	t := d.order[0].template
	return t.pattern, t.name, t.pattern != ""
}

// Template is one template of a detector for the report of fail2ban-regex.
type Template struct {
	Name, Pattern, Regex string
	Hits                 int
	// Weight is hits by Rank over the distance from the start of the line.
	Weight, Rank float64
}

// Templates lists the templates in their present order of trial.
func (d *Detector) Templates() []Template {
	list := make([]Template, 0, len(d.order))
	for _, r := range d.order {
		list = append(list, Template{
			Name: r.name, Pattern: r.pattern, Regex: r.regex,
			Hits: r.hits, Weight: r.weight(), Rank: r.rank,
		})
	}
	return list
}

// Clone gives a detector in the same state for another environment.
func (d *Detector) Clone(env Env) *Detector {
	c := New(env)
	c.env.Year = d.env.Year
	c.local.east = d.local.east
	c.zone, c.zoneText, c.hasZone = d.zone, d.zoneText, d.hasZone
	c.anchored, c.state = d.anchored, d.state
	c.log = append([]string(nil), d.log...)
	copies := make(map[*ranked]*ranked, len(d.added))
	for _, r := range d.added {
		n := *r
		copies[r] = &n
		c.added = append(c.added, &n)
	}
	for _, r := range d.order {
		c.order = append(c.order, copies[r])
	}
	return c
}
