package filter

import (
	"slices"
	"time"
	"unique"

	"stockade/internal/event"
	"stockade/internal/ipaddr"
	"stockade/internal/ticket"
)

// Failure is what one failregex found in one line. It shares nothing with the
// filter that made it, but for its Data where SetLasting says so.
type Failure struct {
	// ID is whom it concerns; zero while DNS is to be resolved, and for a
	// session whose address is not known yet (Pending).
	ID ipaddr.ID
	// DNS is a host name that must be resolved first; see Resolved.
	DNS string
	// Time is when it happened; without HasTime nobody knows.
	Time        time.Time
	HasTime     bool
	IntegerTime bool
	// Index is the place of the failregex in its list.
	Index int
	// Data are the captured groups.
	Data Data
	// Matches are the lines it stands for.
	Matches []ticket.Match
	// NoFail and Pending mark results that are no failures: lines that only
	// belong to a session, and failures of a session without an address so far.
	// They are returned in check-all mode only.
	NoFail, Pending bool
	// Cause tells rule, line and captured spans.
	Cause event.Cause
}

// Resolved finishes a failure with a host name: one failure for every address
// of the name, none if there is no address.
func (f Failure) Resolved(addrs []ipaddr.ID) []Failure {
	if f.DNS == "" {
		return []Failure{f}
	}
	out := make([]Failure, 0, len(addrs))
	for _, a := range addrs {
		one := f
		one.ID, one.DNS = a, ""
		if len(out) > 0 {
			one.Data = append(Data(nil), f.Data...)
			one.Matches = append([]ticket.Match(nil), f.Matches...)
		}
		out = append(out, one)
	}
	return out
}

// Fields gives the captured groups as a ticket keeps them.
func (f Failure) Fields() ticket.Fields { return f.Data.Fields() }

// Data are captured groups in the order in which the reference has them.
type Data []Entry

// Entry is one captured group. Text is its value unless Null says that it took
// no part, or Other holds a value that is no text: the users of a session
// ([]string) or a composed value (pyobj.Tuple).
type Entry struct {
	Group Name
	Text  string
	Null  bool
	Other any
}

// Name is the name of a group. Equal names are one and the same value, so that
// it costs next to nothing to compare them.
type Name = unique.Handle[string]

// The names of groups with a meaning of their own.
var (
	groupFID     = unique.Make("fid")
	groupIP4     = unique.Make("ip4")
	groupIP6     = unique.Make("ip6")
	groupDNS     = unique.Make("dns")
	groupCIDR    = unique.Make("cidr")
	groupIP      = unique.Make("ip")
	groupUser    = unique.Make("user")
	groupUsers   = unique.Make("users")
	groupMLFID   = unique.Make("mlfid")
	groupNofail  = unique.Make("nofail")
	groupForget  = unique.Make("mlfforget")
	groupGained  = unique.Make("mlfgained")
	groupContent = unique.Make("content")
)

// Name is the name of the entry's group.
func (e *Entry) Name() string { return e.Group.Value() }

// Value is the entry as a field of a ticket.
func (e *Entry) Value() any {
	switch {
	case e.Null:
		return nil
	case e.Other != nil:
		return e.Other
	}
	return e.Text
}

// Find returns the entry of a name, or nil.
func (d Data) Find(name string) *Entry { return d.find(unique.Make(name)) }

// Text returns the text of an entry, empty when it is absent or none.
func (d Data) Text(name string) string { return d.text(unique.Make(name)) }

// HasIP tells whether there is an address beside an ID of another kind.
func (d Data) HasIP() bool { return d.find(groupIP) != nil }

func (d Data) find(name Name) *Entry {
	for i := range d {
		if d[i].Group == name {
			return &d[i]
		}
	}
	return nil
}

func (d Data) text(name Name) string {
	if e := d.find(name); e != nil {
		return e.Text
	}
	return ""
}

// Fields gives the entries as a ticket keeps them.
func (d Data) Fields() ticket.Fields {
	if len(d) == 0 {
		return nil
	}
	out := make(ticket.Fields, len(d))
	for i := range d {
		out[i] = ticket.Field{Name: d[i].Name(), Value: d[i].Value()}
	}
	return out
}

// setNear is set for an entry that probably stands at that place. It makes the
// text last.
func (d *Data) setNear(f *Filter, at int, e *Entry) {
	old := (*Entry)(nil)
	if at < len(*d) && (*d)[at].Group == e.Group {
		old = &(*d)[at]
	} else if old = d.find(e.Group); old == nil {
		*d = append(*d, *e)
		old = &(*d)[len(*d)-1]
		old.Text = f.keep(old.Text)
		return
	}
	if old.Text != e.Text {
		old.Text = f.keep(e.Text)
	}
	old.Null, old.Other = e.Null, e.Other
}

// set replaces an entry in its place or appends it.
func (d *Data) set(e Entry) {
	if old := d.find(e.Group); old != nil {
		*old = e
		return
	}
	*d = append(*d, e)
}

// drop removes an entry and tells whether it held anything.
func (d *Data) drop(name Name) (held bool) {
	for i := range *d {
		if e := &(*d)[i]; e.Group == name {
			held = e.Text != "" || e.Other != nil
			*d = slices.Delete(*d, i, i+1)
			return held
		}
	}
	return false
}
