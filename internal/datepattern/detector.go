package datepattern

import (
	"time"

	"stockade/internal/pyre"
)

// Env is what a detector knows of the world.
type Env struct {
	// Now is the present; nil means time.Now.
	Now func() time.Time
	// Zone is the zone of the process; nil means time.Local.
	Zone *time.Location
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
}

// Stamp is a time as read from a line.
type Stamp struct {
	time.Time
	// Integer says that Fail2ban knows this time as an integer and not as a
	// float, which shows where the bare number is printed.
	Integer bool
}

// Detector finds dates in the lines of one jail.
type Detector struct {
	env Env
}

// New returns a detector without templates.
func New(env Env) *Detector { return &Detector{env: env} }

// Append adds the templates of one datepattern: a pattern, or one of the
// special forms. An error names the pattern and what is wrong with it.
func (d *Detector) Append(pattern string) error { return nil }

// AppendOption adds the templates of a whole datepattern option, which holds
// one pattern a line.
func (d *Detector) AppendOption(option string) error { return nil }

// SetDefaultZone sets the zone of dates that name none, from a logtimezone
// option; empty means UTC as Fail2ban has it.
func (d *Detector) SetDefaultZone(logtimezone string) error { return nil }

// DefaultZone returns the logtimezone option as it was set, and whether it was.
func (d *Detector) DefaultZone() (string, bool) { return "", false }

// Describe is the answer to `get JAIL datepattern`: pattern and name of the
// template, or the single text "Default Detectors" as name.
func (d *Detector) Describe() (pattern, name string, ok bool) { return "", "", false }

// Match finds the date of the line and trains the ranking. A false result
// without error means there is none. The error is pyre's, when the budget of
// the line is used up.
func (d *Detector) Match(m *pyre.Machine, line []byte, b *pyre.Budget) (Hit, bool, error) {
	return Hit{}, false, nil
}

// Time reads the time at a hit in its line. A false result without error is a
// date that cannot be ("30 Feb"): the text is cut, the time unknown. An error
// is what makes Fail2ban give up the line, such as an unknown zone name.
func (d *Detector) Time(line []byte, h Hit) (Stamp, bool, error) { return Stamp{}, false, nil }

// LogLines returns the INFO lines of loading since the last call.
func (d *Detector) LogLines() []string { return nil }

// Template is one template of a detector for the report of fail2ban-regex.
type Template struct {
	Name, Pattern, Regex string
	Hits                 int
	// Weight is hits by rank over distance; Rank is what it is without hits.
	Weight, Rank float64
}

// Templates lists the templates in their present order of trial.
func (d *Detector) Templates() []Template { return nil }
