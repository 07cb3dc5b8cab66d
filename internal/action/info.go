package action

import (
	"strings"
	"time"

	"stockade/internal/ipaddr"
	"stockade/internal/pyobj"
	"stockade/internal/ticket"
)

// info is a ticket as a command sees it: the dynamic tags. Values are worked
// out when a tag asks for them, and remembered, because some need the database
// or a name server.
type info struct {
	env    *Env
	ticket *ticket.Ticket
	seen   map[string]any
}

func newInfo(env *Env, t *ticket.Ticket) *info {
	return &info{env: env, ticket: t, seen: map[string]any{}}
}

// nobody is the empty ticket of commands that concern no address.
func nobody(env *Env, family string) *info {
	in := newInfo(env, &ticket.Ticket{Time: env.Clock.Now(), ID: ipaddr.Raw("")})
	in.seen["family"] = family
	return in
}

// infoOrder is the order in which an error shows the values that were used.
var infoOrder = []string{
	"ip", "family", "ip-rev", "ip-host", "fid", "failures", "time", "bantime", "bancount", "matches",
	"restored", "F-*", "ipmatches", "ipjailmatches", "ipfailures", "ipjailfailures", "raw-ticket",
	"jail.name", "jail.banned", "jail.banned_total", "jail.found", "jail.found_total",
}

// value gives the value of a dynamic tag.
func (in *info) value(tag string) (any, bool) {
	if v, ok := in.seen[tag]; ok {
		return v, true
	}
	v, ok := in.compute(tag)
	if ok {
		in.seen[tag] = v
	}
	return v, ok
}

func (in *info) compute(tag string) (any, bool) {
	t := in.ticket
	switch tag {
	case "ip":
		return t.Address().String(), true
	case "fid":
		return t.ID.String(), true
	case "family":
		if f := t.Address().Family(); f != ipaddr.None {
			return f.String(), true
		}
		return nil, true
	case "ip-rev":
		return t.Address().Reverse(), true
	case "ip-host":
		if in.env.HostName != nil && t.Address().Family() != ipaddr.None {
			if name := in.env.HostName(t.Address().String()); name != "" {
				return name, true
			}
		}
		return nil, true
	case "failures":
		return t.Failures, true
	case "time":
		return pythonTime(t.Time, t.IntegerTime), true
	case "bantime":
		return in.bantime(), true
	case "bancount":
		return t.BanCount, true
	case "matches":
		return strings.Join(matchTexts(t), "\n"), true
	case "ipmatches", "ipjailmatches", "ipfailures", "ipjailfailures":
		return in.merged(tag), true
	case "restored":
		if t.Restored {
			return 1, true
		}
		return 0, true
	case "raw-ticket":
		return in.rawTicket(), true
	}
	if name, ok := strings.CutPrefix(tag, "jail."); ok {
		return in.jail(name)
	}
	return nil, false
}

func (in *info) bantime() int {
	if in.ticket.HasBantime || in.env.Bantime == nil {
		return int(in.ticket.Bantime)
	}
	return int(in.env.Bantime())
}

func (in *info) jail(name string) (any, bool) {
	var c Counters
	if in.env.Counters != nil {
		c = in.env.Counters()
	}
	switch name {
	case "name":
		return in.env.Jail, true
	case "banned":
		return c.Banned, true
	case "banned_total":
		return c.BannedTotal, true
	case "found":
		return c.Found, true
	case "found_total":
		return c.FoundTotal, true
	}
	return nil, false
}

// merged asks the database; without one, or where it fails, the ticket speaks
// for itself.
func (in *info) merged(tag string) any {
	m := Merged{Matches: matchTexts(in.ticket), Failures: in.ticket.Failures}
	if in.env.Merged != nil {
		all := !strings.HasPrefix(tag, "ipjail")
		if stored, err := in.env.Merged(in.ticket, all); err == nil {
			m = stored
		}
	}
	if strings.HasSuffix(tag, "failures") {
		return m.Failures
	}
	return strings.Join(m.Matches, "\n")
}

func matchTexts(t *ticket.Ticket) []string {
	out := make([]string, len(t.Matches))
	for i, m := range t.Matches {
		out[i] = m.Text()
	}
	return out
}

// pythonTime is a time as Python's float, or as an integer.
func pythonTime(t time.Time, integer bool) any {
	if integer {
		return int(t.Unix())
	}
	return float64(t.UnixMicro()) / 1e6
}

// field gives a captured field by the name in its tag, and the name under
// which it is kept. A missing field is empty.
func (in *info) field(tag string) (name, value string) {
	if tag == "*" {
		return "_", pyobj.Repr(in.fields())
	}
	switch name = strings.ToLower(tag); name {
	case "id":
		name = "fid"
	case "port":
		name = "fport"
	}
	switch name {
	case "failures":
		return name, pyobj.Str(in.ticket.Failures)
	case "matches":
		return name, pyobj.Str(in.matches())
	}
	v, ok := in.ticket.Fields.Get(name)
	if !ok || v == nil {
		return name, ""
	}
	return name, pyobj.Str(pythonValue(v))
}

// fields is the map behind <F-*>.
func (in *info) fields() *pyobj.Dict {
	d := pyobj.NewDict("matches", in.matches(), "failures", in.ticket.Failures)
	for _, f := range in.ticket.Fields {
		if f.Value != nil {
			d.Set(f.Name, pythonValue(f.Value))
		}
	}
	return d
}

func (in *info) matches() []any {
	list := make([]any, len(in.ticket.Matches))
	for i, m := range in.ticket.Matches {
		if m.Joined {
			list[i] = m.Text()
		} else {
			list[i] = pyobj.Tuple{m.Before, m.Date, m.After}
		}
	}
	return list
}

func pythonValue(v any) any {
	if users, ok := v.([]string); ok {
		set := pyobj.Set{}
		for _, u := range users {
			set = append(set, u)
		}
		return set
	}
	return v
}

func (in *info) rawTicket() string {
	t := in.ticket
	bantime := "None"
	if t.HasBantime {
		bantime = pyobj.Str(int(t.Bantime))
	}
	return "BanTicket: ip=" + t.ID.String() + " time=" + pyobj.Str(pythonTime(t.Time, t.IntegerTime)) +
		" bantime=" + bantime + " bancount=" + pyobj.Str(t.BanCount) + " #attempts=" + pyobj.Str(t.Failures) +
		" matches=" + pyobj.Repr(in.matches())
}

// String shows the values that were used, as an error message does. The two
// functions are what the reference shows of values nobody asked for.
func (in *info) String() string {
	in.value("ip")
	in.value("family")
	var b strings.Builder
	b.WriteString("ActionInfo({")
	first := true
	for _, name := range infoOrder {
		v, ok := in.seen[name]
		text := ""
		switch {
		case ok:
			text = pyobj.Repr(v)
		case name == "fid":
			text = "<function Actions.ActionInfo.<lambda> at 0x7f0000000f10>"
		case name == "raw-ticket":
			text = "<function Actions.ActionInfo.<lambda> at 0x7f0000000f20>"
		default:
			continue
		}
		if !first {
			b.WriteString(", ")
		}
		first = false
		b.WriteString("'" + name + "': " + text)
	}
	b.WriteString("})")
	return b.String()
}
