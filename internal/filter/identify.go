package filter

import (
	"fmt"

	"stockade/internal/ipaddr"
	"stockade/internal/logbook"
	"stockade/internal/pyobj"
)

// subject is whom a failure concerns.
type subject struct {
	found bool
	id    ipaddr.ID
	// ip is the address beside an ID of another kind.
	ip ipaddr.ID
	// dns is a name to be resolved.
	dns string
}

// identify finds ID and address among the captured groups: ip4 before ip6
// before dns before fid. The error is a mask that the reference refuses.
func (f *Filter) identify(who *subject, d Data, has roles) error {
	*who = subject{}
	err := f.findSubject(who, d, has)
	f.keepID(&who.id)
	f.keepID(&who.ip)
	who.dns = f.keep(who.dns)
	return err
}

// keepID makes an ID that is a text last.
func (f *Filter) keepID(id *ipaddr.ID) {
	if id.IsText() {
		*id = ipaddr.Raw(f.keep(id.String()))
	}
}

func (f *Filter) findSubject(who *subject, d Data, has roles) (err error) {
	raw := f.settings.raw()
	var fid *Entry
	if has&roleFID != 0 {
		fid = present(d.find(groupFID))
	}
	host, addr := f.host(d, has, raw)
	who.found = host != nil || fid != nil
	switch {
	case host == nil && fid == nil:
	case host == nil:
		who.id, err = f.freeID(fid, raw)
	case host.Group == groupDNS && !raw:
		if a := ipaddr.Parse(host.Text); a.IsAddr() && !hasSlash(host.Text) {
			who.id = a
		} else {
			who.dns = orBlank(host.Text)
		}
	case fid == nil || fid.Other == nil && fid.Text == host.Text:
		who.id = addr
	default:
		who.ip = addr
		who.id, err = f.freeID(fid, raw)
	}
	return err
}

// host finds the group that holds the address, and reads it.
func (f *Filter) host(d Data, has roles, raw bool) (*Entry, ipaddr.ID) {
	cidr := ""
	if has&roleCIDR != 0 {
		if c := present(d.find(groupCIDR)); c != nil {
			cidr = c.Text
		}
	}
	if has&roleIP4 != 0 {
		if e := present(d.find(groupIP4)); e != nil {
			return e, ipaddr.ParseFamily(e.Text, ipaddr.Inet4, cidr)
		}
	}
	if has&roleIP6 != 0 {
		if e := present(d.find(groupIP6)); e != nil {
			return e, ipaddr.ParseFamily(e.Text, ipaddr.Inet6, cidr)
		}
	}
	if has&roleDNS != 0 {
		if e := present(d.find(groupDNS)); e != nil {
			if raw {
				return e, ipaddr.Raw(e.Text)
			}
			return e, ipaddr.ID{}
		}
	}
	return nil, ipaddr.ID{}
}

// freeID reads an ID that may be anything.
func (f *Filter) freeID(fid *Entry, raw bool) (ipaddr.ID, error) {
	if fid.Other != nil {
		return ipaddr.Raw(pyobj.Str(fid.Other)), nil
	}
	if raw {
		return ipaddr.Raw(fid.Text), nil
	}
	id, err := ipaddr.ParseStrict(fid.Text)
	if err != nil {
		return ipaddr.ID{}, pyobj.Builtin("ValueError", err.Error())
	}
	return id, nil
}

// present is e where it took part in the match, else nil.
func present(e *Entry) *Entry {
	if e == nil || e.Null {
		return nil
	}
	return e
}

func hasSlash(s string) bool {
	for i := range len(s) {
		if s[i] == '/' {
			return true
		}
	}
	return false
}

// orBlank gives an empty name a form that is not taken for "no name"; it
// resolves to nothing either way.
func orBlank(s string) string {
	if s == "" {
		return " "
	}
	return s
}

// noGroup reports a match that tells nothing about whom it concerns.
func (f *Filter) noGroup(r *rule) {
	f.log(logbook.Error, fmt.Sprintf("No group found in %s using %s", pyobj.Repr(f.searched()), pyobj.Repr(r.re.String())))
}
