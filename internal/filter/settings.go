package filter

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"stockade/internal/datepattern"
	"stockade/internal/logbook"
	"stockade/internal/pyobj"
)

// settings are what `set JAIL …` changes, but for the rules.
type settings struct {
	useDNS    string
	maxLines  int
	findTime  time.Duration
	encoding  *Encoding
	locale    string
	ageChecks bool
	checkAll  bool
	rawHosts  bool
	noCauses  bool
	light     bool
	borrows   bool
	// datePattern is the option as it was set, empty for the defaults.
	datePattern string
	// timezone is the option logtimezone; hasTimezone tells whether it was set.
	timezone    string
	hasTimezone bool
}

func defaultSettings() settings {
	return settings{
		useDNS: "warn", maxLines: 1, findTime: 10 * time.Minute,
		encoding: &Encoding{name: "UTF-8"}, locale: "UTF-8", ageChecks: true,
	}
}

// SetName sets the jail's name, which stands in what is logged.
func (f *Filter) SetName(jail string) { f.name = jail }

// SetUseDNS sets what is done about host names: yes, warn, no or raw, or a
// bool. It changes what <HOST> matches, in expressions added afterwards.
func (f *Filter) SetUseDNS(value any) error {
	f.Alone()
	var v string
	switch x := value.(type) {
	case bool:
		v = "no"
		if x {
			v = "yes"
		}
	case string:
		v = strings.ToLower(x)
	default:
		return pyobj.Errorf("AttributeError", "'%s' object has no attribute 'lower'", pyobj.TypeName(value))
	}
	switch v {
	case "yes", "warn", "no", "raw":
	default:
		f.log(logbook.Error, fmt.Sprintf("Incorrect value %s specified for usedns. Using safe 'no'", pyobj.Repr(v)))
		v = "no"
	}
	f.log(logbook.Debug, fmt.Sprintf("Setting usedns = %s for [%s]", v, f.name))
	f.settings.useDNS = v
	return nil
}

// UseDNS is what SetUseDNS set.
func (f *Filter) UseDNS() string { return f.settings.useDNS }

// SetMaxLines sets how many lines are searched together. It acts on
// expressions added afterwards.
func (f *Filter) SetMaxLines(value any) error {
	f.Alone()
	n, err := pyobj.Int(value)
	if err != nil {
		return err
	}
	if n <= 0 {
		return pyobj.Builtin("ValueError", "maxlines must be integer greater than zero")
	}
	f.settings.maxLines = n
	f.log(logbook.Info, fmt.Sprintf("  maxLines: %d", n))
	return nil
}

// MaxLines is what SetMaxLines set.
func (f *Filter) MaxLines() int { return f.settings.maxLines }

// SetDatePattern replaces the date templates by those of the option; an empty
// option stands for the defaults.
func (f *Filter) SetDatePattern(option string) error {
	f.Alone()
	d := datepattern.New(f.env)
	if err := d.AppendOption(option); err != nil {
		return err
	}
	if f.settings.hasTimezone {
		if err := d.SetDefaultZone(f.settings.timezone); err != nil {
			return err
		}
	}
	f.dates = d
	f.settings.datePattern = option
	f.logDates()
	return nil
}

// logDates takes over what the date detector has to say.
func (f *Filter) logDates() {
	for _, text := range f.dates.LogLines() {
		f.records = append(f.records, logbook.Record{Level: logbook.Info, Logger: "fail2ban.datedetector", Text: text})
	}
}

// DatePattern answers `get JAIL datepattern`.
func (f *Filter) DatePattern() (pattern, name string, ok bool) { return f.dates.Describe() }

// Dates is the date detector, for reports.
func (f *Filter) Dates() *datepattern.Detector { return f.dates }

// SetLogTimezone sets the zone of times that name none.
func (f *Filter) SetLogTimezone(tz string) error {
	f.Alone()
	if err := f.dates.SetDefaultZone(tz); err != nil {
		return err
	}
	f.settings.timezone, f.settings.hasTimezone = tz, true
	return nil
}

// LogTimezone is what SetLogTimezone set.
func (f *Filter) LogTimezone() (tz string, ok bool) {
	return f.settings.timezone, f.settings.hasTimezone
}

// SetFindTime sets how old a line may be while a log is caught up with.
func (f *Filter) SetFindTime(d time.Duration) {
	if d != f.settings.findTime {
		f.Alone()
	}
	f.settings.findTime = d
}

// SetLocale sets the encoding that "auto" stands for.
func (f *Filter) SetLocale(encoding string) {
	f.Alone()
	f.settings.locale = encoding
}

// SetLogEncoding sets the encoding of the log, a codec name as Python has it,
// or "auto" for that of the locale.
func (f *Filter) SetLogEncoding(name string) error {
	f.Alone()
	if strings.EqualFold(name, "auto") {
		name = f.settings.locale
	}
	e, err := LookupEncoding(name)
	if err != nil {
		return err
	}
	f.settings.encoding = e
	f.log(logbook.Info, "  encoding: "+name)
	return nil
}

// LogEncoding is the encoding in use, by the name it was set with.
func (f *Filter) LogEncoding() string { return f.settings.encoding.name }

// Encoding is the encoding in use.
func (f *Filter) Encoding() *Encoding { return f.settings.encoding }

// SetAgeChecks turns the treatment of old and odd times on (a jail) or off (a
// trial of log lines).
func (f *Filter) SetAgeChecks(on bool) {
	f.Alone()
	f.settings.ageChecks = on
}

// SetCheckAll makes every failregex be tried, not only up to the first match,
// and lines be returned that only belong to a session.
func (f *Filter) SetCheckAll(on bool) {
	f.Alone()
	f.settings.checkAll = on
}

// SetRawHosts makes names and IDs stay the text they are.
func (f *Filter) SetRawHosts(on bool) {
	f.Alone()
	f.settings.rawHosts = on
}

// SetCauses says whether failures carry their cause.
func (f *Filter) SetCauses(on bool) {
	f.Alone()
	f.settings.noCauses = !on
}

// SetLight leaves data, matches and cause of the failures out, for those who
// only count.
func (f *Filter) SetLight(on bool) {
	f.Alone()
	f.settings.light, f.failures = on, nil
}

// SetLasting says whether the data of a failure lasts (as at first) or only
// until the next line, for those who take from it what they need.
func (f *Filter) SetLasting(on bool) {
	f.Alone()
	f.settings.borrows, f.failures = !on, nil
}

// resolves tells whether names are to be looked up.
func (s *settings) resolves() bool { return s.useDNS == "yes" || s.useDNS == "warn" }

// raw tells whether names stand for themselves.
func (s *settings) raw() bool { return s.rawHosts || s.useDNS == "raw" }

// seconds is a duration as the reference's numbers have it.
func seconds(d time.Duration) string {
	s := d.Seconds()
	if s == math.Trunc(s) {
		return strconv.FormatInt(int64(s), 10)
	}
	return pyobj.Float(s)
}
