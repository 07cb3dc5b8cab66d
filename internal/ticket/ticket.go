// Package ticket holds the record that travels from a failure to a ban: whom
// it concerns, when, how often, by which lines and with which captured fields.
//
// It owns the shape of that record and nothing else: counting is tally's,
// storing is store's, and what is done about it is action's. A Ticket is a
// plain value; whoever passes one on gives up the right to change it.
package ticket

import (
	"time"

	"stockade/internal/event"
	"stockade/internal/ipaddr"
)

// Match is one log line that counted. The line that opened a ticket keeps its
// three parts (Fail2ban stores it as a list of three strings); all later ones
// are joined. Which of both it is decides the JSON form in the database.
type Match struct {
	Before, Date, After string
	// Joined says that it is one text, whatever parts it is kept in.
	Joined bool
}

// Text gives the line as one string.
func (m Match) Text() string {
	if m.Before == "" && m.Date == "" {
		return m.After
	}
	return m.Before + m.Date + m.After
}

// Field is one captured group. Value is a string, nil for a group that took
// no part, a []string for the set of users of a session, or a pyobj value for
// composed groups.
type Field struct {
	Name  string
	Value any
}

// Fields are the captured groups in the order in which they were first set.
type Fields []Field

// Get returns the value of a field, and whether it is present.
func (f Fields) Get(name string) (any, bool) {
	for i := range f {
		if f[i].Name == name {
			return f[i].Value, true
		}
	}
	return nil, false
}

// Text returns a field as a string, empty when it is absent or no text.
func (f Fields) Text(name string) string {
	v, _ := f.Get(name)
	s, _ := v.(string)
	return s
}

// Set replaces a field in its place or appends it.
func (f *Fields) Set(name string, value any) {
	for i := range *f {
		if (*f)[i].Name == name {
			(*f)[i].Value = value
			return
		}
	}
	*f = append(*f, Field{Name: name, Value: value})
}

// Delete removes a field.
func (f *Fields) Delete(name string) {
	for i := range *f {
		if (*f)[i].Name == name {
			*f = append((*f)[:i:i], (*f)[i+1:]...)
			return
		}
	}
}

// Permanent is the ban time of a ban without end, in seconds.
const Permanent = -1

// Ticket is what is known of one ID in one jail.
type Ticket struct {
	ID ipaddr.ID
	// Time is that of the latest failure, First that of the earliest one that
	// still counts.
	Time, First time.Time
	// Retry is compared with maxretry; Failures is the number that was seen.
	Retry, Failures int
	Matches         []Match
	// Fields come from the first failure; later ones only add their Matches.
	Fields Fields
	// Bantime in seconds, Permanent for no end; HasBantime is false while the
	// jail's own time applies.
	Bantime    int64
	HasBantime bool
	// BanCount is 1 at the first ban of the ID.
	BanCount int
	// Restored marks a ban that came from the database.
	Restored bool
	// IntegerTime marks a time that is known in whole seconds only, as restored
	// ones are; actions then see it without a fraction.
	IntegerTime bool
	// Ban numbers the ban, 0 before there is one; all its events carry it.
	Ban uint64
	// Epoch is the ban epoch of the jail's actions when the ban was applied.
	Epoch int
	// Cause says which rule and lines led here and who asked.
	Cause event.Cause
}

// End is the moment at which the ban is over, and false for a permanent one.
// Fail2ban counts it from the last failure, not from the moment of banning. Of
// the negative ban times only Permanent is without end: the others are over
// before they begin, as the reference has it.
func (t *Ticket) End() (time.Time, bool) {
	if t.Bantime == Permanent {
		return time.Time{}, false
	}
	// Not by a Duration, which ends after 292 years.
	end := time.Unix(t.Time.Unix()+t.Bantime, int64(t.Time.Nanosecond()))
	return end.In(t.Time.Location()), true
}

// Address is what a firewall has to block: the captured address where the
// filter gave both an ID and an address, else the ID.
func (t *Ticket) Address() ipaddr.ID {
	if v, ok := t.Fields.Get("ip"); ok {
		if s, ok := v.(string); ok && s != "" {
			return ipaddr.Parse(s)
		}
	}
	return t.ID
}
