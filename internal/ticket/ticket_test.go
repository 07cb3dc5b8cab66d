package ticket

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"stockade/internal/ipaddr"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 500_000_000, time.UTC)

func TestEndCountsFromTheLastFailure(t *testing.T) {
	for _, c := range []struct {
		bantime int64
		end     time.Time
		ends    bool
	}{
		{600, noon.Add(600 * time.Second), true},
		{0, noon, true},
		{-5, noon.Add(-5 * time.Second), true},
		{Permanent, time.Time{}, false},
		// Longer than a Duration can be.
		{400 * 365 * 86400, time.Unix(noon.Unix()+400*365*86400, 500_000_000), true},
	} {
		tk := &Ticket{Time: noon, Bantime: c.bantime}
		end, ends := tk.End()
		if !end.Equal(c.end) || ends != c.ends {
			t.Errorf("bantime %d: %v %v, want %v %v", c.bantime, end, ends, c.end, c.ends)
		}
		if ends && end.Location() != time.UTC {
			t.Errorf("bantime %d: the end is in the zone %v", c.bantime, end.Location())
		}
	}
}

func TestMatchIsOneLine(t *testing.T) {
	for want, m := range map[string]Match{
		"host 12:00 failure": {Before: "host ", Date: "12:00", After: " failure"},
		"whole line":         {After: "whole line", Joined: true},
		"":                   {},
	} {
		if got := m.Text(); got != want {
			t.Errorf("%+v is %q, want %q", m, got, want)
		}
	}
}

func TestFieldsKeepTheirOrder(t *testing.T) {
	var f Fields
	f.Set("ip4", "192.0.2.1")
	f.Set("user", nil)
	f.Set("fid", 7)
	f.Set("user", "root")
	want := Fields{{"ip4", "192.0.2.1"}, {"user", "root"}, {"fid", 7}}
	if diff := cmp.Diff(want, f); diff != "" {
		t.Error(diff)
	}
	if v, ok := f.Get("fid"); v != 7 || !ok {
		t.Errorf("fid: %v %v", v, ok)
	}
	if v, ok := f.Get("none"); v != nil || ok {
		t.Errorf("none: %v %v", v, ok)
	}
	if f.Text("user") != "root" || f.Text("fid") != "" || f.Text("none") != "" {
		t.Errorf("texts %q %q %q", f.Text("user"), f.Text("fid"), f.Text("none"))
	}
	before := f
	f.Delete("user")
	f.Delete("none")
	if diff := cmp.Diff(Fields{{"ip4", "192.0.2.1"}, {"fid", 7}}, f); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(want, before); diff != "" {
		t.Errorf("a copy changed, too: %s", diff)
	}
}

func TestAddressIsTheCapturedOneWhereThereIsOne(t *testing.T) {
	for _, c := range []struct {
		fields Fields
		want   string
	}{
		{nil, "session 7"},
		{Fields{{"ip", "192.0.2.1"}}, "192.0.2.1"},
		{Fields{{"ip", "::ffff:192.0.2.1"}}, "192.0.2.1"},
		{Fields{{"ip", ""}}, "session 7"},
		{Fields{{"ip", nil}}, "session 7"},
		{Fields{{"ip4", "192.0.2.1"}}, "session 7"},
	} {
		tk := &Ticket{ID: ipaddr.Raw("session 7"), Fields: c.fields}
		if got := tk.Address().String(); got != c.want {
			t.Errorf("%v: %q, want %q", c.fields, got, c.want)
		}
	}
}
