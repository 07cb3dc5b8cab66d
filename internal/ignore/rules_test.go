package ignore

import (
	"context"
	"net/netip"
	"slices"
	"testing"
	"time"

	"stockade/internal/clock"
	"stockade/internal/ipaddr"
	"stockade/internal/ticket"
)

// world is an Env that a test fills.
type world struct {
	self  ipaddr.Set
	names map[string][]ipaddr.ID
	files map[string]*List
	asked int
}

func (w *world) Self() *ipaddr.Set { return &w.self }

func (w *world) Name(host string) ([]ipaddr.ID, bool) {
	w.asked++
	ids, ok := w.names[host]
	return ids, ok
}

func (w *world) File(path string) (*List, bool) {
	l, ok := w.files[path]
	return l, ok
}

func (w *world) Expand(_ string, t *ticket.Ticket) string { return t.ID.String() }

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func check(r *Rules, w *world, id string) Verdict {
	return r.Check(noon, &ticket.Ticket{ID: ipaddr.Parse(id)}, w)
}

func TestRulesDecideInTheReferencesOrder(t *testing.T) {
	w := &world{
		names: map[string][]ipaddr.ID{"host.example": {ipaddr.Parse("203.0.113.5")}},
		files: map[string]*List{"/list": ParseList("203.0.113.6, 203.0.113.64/26 # office\n; nobody\nrawid")},
	}
	w.self.Add(ipaddr.Parse("192.0.2.9"))
	r := NewRules()
	for _, e := range []string{"192.0.2.1", "198.51.100.0/255.255.255.0", "2001:db8::/64", "host.example", "file:///list"} {
		if !r.Add(e) {
			t.Errorf("%s was not taken", e)
		}
	}
	for _, c := range []struct{ id, by string }{
		{"192.0.2.9", "ignoreself rule"},
		{"192.0.2.1", "ip"},
		{"198.51.100.200", "ip"},
		{"::ffff:198.51.100.200", "ip"},
		{"2001:db8::77", "ip"},
		{"203.0.113.5", "dns"},
		{"203.0.113.6", "file://list"},
		{"203.0.113.70", "file://list"},
		{"rawid", "file://list"},
		{"203.0.113.7", ""},
		{"2001:db8:1::", ""},
		{"host.example", ""},
	} {
		v := check(r, w, c.id)
		if v.By != c.by || v.Ignore != (c.by != "") || v.Wait {
			t.Errorf("%s: %+v, want by %q", c.id, v, c.by)
		}
	}
}

func TestEntriesAreListedAndRemovedByTheirText(t *testing.T) {
	r := NewRules()
	for _, e := range []string{"192.0.2.2", "10.0.0.0/8", "host.example", "192.0.2.1", "192.0.2.2"} {
		r.Add(e)
	}
	want := []string{"10.0.0.0/8", "host.example", "192.0.2.1", "192.0.2.2"}
	if got := r.List(); !slices.Equal(got, want) {
		t.Errorf("list %v, want %v", got, want)
	}
	if !r.Remove("10.0.0.0/8") || !r.Remove("192.0.2.1") || r.Remove("192.0.2.77") {
		t.Error("removal does not tell what was there")
	}
}

func TestAnUnknownNameMakesTheTicketWait(t *testing.T) {
	r := NewRules()
	r.Add("slow.example")
	r.Add("10.0.0.0/8")
	w := &world{}
	if v := check(r, w, "192.0.2.1"); !v.Wait {
		t.Errorf("%+v, want to wait", v)
	}
	if v := check(r, w, "10.1.1.1"); !v.Ignore {
		t.Errorf("%+v: a later entry decides without the name", v)
	}
}

func TestCacheKeepsAnswersOfListAndCommand(t *testing.T) {
	r := NewRules()
	r.Add("host.example")
	r.SetCommand("/bin/check <ip>")
	r.SetCache(CacheOptions{Key: "<ip>", MaxCount: 2, MaxTime: time.Minute})
	w := &world{names: map[string][]ipaddr.ID{"host.example": nil}}
	if v := check(r, w, "192.0.2.1"); v.Command == "" {
		t.Fatalf("%+v, want the command", v)
	}
	r.Ran(noon, &ticket.Ticket{ID: ipaddr.Parse("192.0.2.1")}, w, true)
	if v := check(r, w, "192.0.2.1"); !v.Ignore || v.By != "" {
		t.Errorf("%+v, want the cached answer, silently", v)
	}
	later := r.Check(noon.Add(2*time.Minute), &ticket.Ticket{ID: ipaddr.Parse("192.0.2.1")}, w)
	if later.Command == "" {
		t.Errorf("%+v, want the command again after max-time", later)
	}
	for _, id := range []string{"192.0.2.2", "192.0.2.3"} {
		r.Ran(noon, &ticket.Ticket{ID: ipaddr.Parse(id)}, w, true)
	}
	if v := check(r, w, "192.0.2.1"); v.Command == "" {
		t.Error("the cache holds more than max-count answers")
	}
}

func TestResolverAnswersFromWhatItKnows(t *testing.T) {
	asked := make(chan string, 10)
	answers := make(chan []netip.Addr, 10)
	r := NewResolver(clock.NewManual(noon), func(_ context.Context, host string) ([]netip.Addr, error) {
		asked <- host
		return <-answers, nil
	})
	done := make(chan struct{})
	if _, ok := r.Name("a.example", func() { close(done) }); ok {
		t.Fatal("known before it was asked for")
	}
	if _, ok := r.Name("a.example", nil); ok || len(asked) > 1 {
		t.Fatal("asked twice for the same name")
	}
	answers <- []netip.Addr{netip.MustParseAddr("192.0.2.1")}
	<-done
	ids, ok := r.Name("a.example", nil)
	if !ok || !slices.Equal(ids, []ipaddr.ID{ipaddr.Parse("192.0.2.1")}) {
		t.Errorf("%v %v", ids, ok)
	}
}

func TestResolverKeepsTheLastGoodAnswer(t *testing.T) {
	fail := false
	c := clock.NewManual(noon)
	settled := make(chan struct{}, 10)
	r := NewResolver(c, func(context.Context, string) ([]netip.Addr, error) {
		defer func() { settled <- struct{}{} }()
		if fail {
			return nil, context.DeadlineExceeded
		}
		return []netip.Addr{netip.MustParseAddr("192.0.2.1")}, nil
	})
	done := make(chan struct{})
	r.Name("a.example", func() { close(done) })
	<-done
	<-settled
	fail = true
	c.Advance(NameTTL + time.Second)
	if ids, ok := r.Name("a.example", nil); !ok || len(ids) != 1 {
		t.Errorf("%v %v: an expired answer serves until there is a new one", ids, ok)
	}
	<-settled
	if ids, ok := r.Name("a.example", nil); !ok || len(ids) != 1 {
		t.Errorf("%v %v: a failure took the last good answer away", ids, ok)
	}
}

func FuzzParseList(f *testing.F) {
	f.Add("192.0.2.1, 10.0.0.0/8 # x\n;\nraw")
	f.Fuzz(func(t *testing.T, text string) {
		ParseList(text).Contains(ipaddr.Parse("192.0.2.1"))
	})
}
