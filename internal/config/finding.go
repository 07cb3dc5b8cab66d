package config

// Severity orders findings.
type Severity int

// The severities, least first. Errors cost a jail or the whole configuration.
const (
	Notice Severity = iota
	Warning
	Error
)

// String gives "notice", "warning" or "error".
func (s Severity) String() string {
	switch s {
	case Error:
		return "error"
	case Warning:
		return "warning"
	default:
		return "notice"
	}
}

// Finding is something that is or may be wrong with a configuration.
type Finding struct {
	Severity Severity
	// Code is the stable name of the kind of finding, like "unknown-option".
	Code string
	// Jail is the jail concerned, empty for the whole configuration.
	Jail string
	// Origin is where it stands; Column (from 1) is 0 when unknown.
	Origin Origin
	Column int
	// Text says what is wrong; Quote is the offending text; Cure what to do.
	Text, Quote, Cure string
	// Refuses says that Fail2ban refuses the whole configuration for it.
	Refuses bool
	// Log is the line Fail2ban logs for it at level LogLevel (Python's
	// numbers), empty when it logs nothing.
	Log      string
	LogLevel int
}

// Python's numbers of the levels that findings are logged at.
const (
	levelNotice  = 25
	levelWarning = 30
	levelError   = 40
)

// problem is a finding that ended the reading of something.
type problem = Finding

// Error gives "file:line: what is wrong".
func (f *Finding) Error() string {
	if f.Origin.IsZero() {
		return f.Text
	}
	return f.Origin.String() + ": " + f.Text
}
