package tally

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"stockade/internal/ipaddr"
	"stockade/internal/ticket"
)

var start = time.Unix(1_700_000_000, 0)

func failure(id string, second int, line string) *ticket.Ticket {
	return &ticket.Ticket{
		ID: ipaddr.Parse(id), Time: start.Add(time.Duration(second) * time.Second),
		Matches: []ticket.Match{{Before: "a", Date: "b", After: line}},
	}
}

// The interval is no sliding window: the reference extrapolates a rate.
func TestFindtimeIsARateEstimate(t *testing.T) {
	for _, c := range []struct {
		name  string
		at    []int
		banAt int
	}{
		{"spread over more than findtime", []int{0, 400, 800}, 800},
		{"two close ones at the end", []int{0, 500, 700}, 700},
		{"one every findtime", []int{0, 600, 1200, 1800, 2400, 3000}, -1},
		{"a late start", []int{0, 1200, 1300, 1400}, 1400},
		{"older lines count in full", []int{800, 0, 1}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			tally, banAt := New(), -1
			for _, at := range c.at {
				k := tally.Add(failure("192.0.2.1", at, "x"), 1, Limits{FindTime: 600, MaxRetry: 3, MaxMatches: 5})
				if k.Retry >= 3 && banAt < 0 {
					banAt = at
				}
			}
			if banAt != c.banAt {
				t.Errorf("banned at %d, want %d", banAt, c.banAt)
			}
		})
	}
}

func TestRateIsRoundedHalfToEven(t *testing.T) {
	tally := New()
	lim := Limits{FindTime: 100, MaxRetry: 100}
	// 5 failures within the first instant, then one after 200 s: 5/200*100 is
	// 2.5, which Python rounds to 2.
	for range 5 {
		tally.Add(failure("192.0.2.1", 0, "x"), 1, lim)
	}
	if k := tally.Add(failure("192.0.2.1", 200, "x"), 1, lim); k.Retry != 3 || k.Failures != 6 {
		t.Errorf("retry %d failures %d, want 3 and 6", k.Retry, k.Failures)
	}
}

func TestLaterFailuresAddOnlyTheirLines(t *testing.T) {
	tally := New()
	for i, user := range []string{"a", "b", "c"} {
		f := failure("192.0.2.1", i, "line "+user)
		f.Fields.Set("user", user)
		tally.Add(f, 1, Limits{FindTime: 600, MaxRetry: 9, MaxMatches: 2})
	}
	k := tally.Get(ipaddr.Parse("192.0.2.1"))
	if got := k.Fields.Text("user"); got != "a" {
		t.Errorf("user %q, want that of the first failure", got)
	}
	var lines []string
	for _, m := range k.Matches {
		lines = append(lines, m.Text())
	}
	if want := []string{"abline b", "abline c"}; !slices.Equal(lines, want) {
		t.Errorf("kept %q, want %q", lines, want)
	}
}

func TestNoLinesAreKeptWithMaxmatchesZero(t *testing.T) {
	tally := New()
	k := tally.Add(failure("192.0.2.1", 0, "x"), 1, Limits{FindTime: 600})
	if len(k.Matches) != 0 {
		t.Errorf("kept %d lines", len(k.Matches))
	}
}

func TestCleanupForgetsFailuresOfFindtimeAgo(t *testing.T) {
	tally := New()
	lim := Limits{FindTime: 600, MaxRetry: 3}
	tally.Add(failure("192.0.2.1", 0, "x"), 1, lim)
	tally.Add(failure("192.0.2.2", 1, "x"), 1, lim)
	tally.Cleanup(start.Add(600*time.Second), 600)
	if tally.Len() != 1 || tally.Get(ipaddr.Parse("192.0.2.2")) == nil {
		t.Errorf("%d left, want only the one that is less than findtime old", tally.Len())
	}
	if tally.Total() != 2 {
		t.Errorf("total %d, want 2", tally.Total())
	}
}

func TestTheQuietestIDIsEvictedFirst(t *testing.T) {
	tally := New()
	lim := Limits{FindTime: 600, MaxRetry: 9, MaxMatches: 9}
	line := string(make([]byte, 1<<20))
	for i := range 70 {
		tally.Add(failure(fmt.Sprintf("192.0.2.%d", i), i, line), 1, lim)
	}
	if tally.bytes > MaxMatchBytes {
		t.Errorf("%d bytes of lines are kept, the bound is %d", tally.bytes, MaxMatchBytes)
	}
	if tally.Get(ipaddr.Parse("192.0.2.0")) != nil || tally.Get(ipaddr.Parse("192.0.2.69")) == nil {
		t.Error("not the one that was quiet for longest was evicted")
	}
	if tally.Evicted()+tally.Len() != 70 {
		t.Errorf("evicted %d of 70, %d left", tally.Evicted(), tally.Len())
	}
}

func banned(id string, second, bantime int) *ticket.Ticket {
	t := failure(id, second, "x")
	t.Bantime, t.HasBantime = int64(bantime), true
	return t
}

func ids(list []*ticket.Ticket) []string {
	all := make([]string, len(list))
	for i, t := range list {
		all[i] = t.ID.String()
	}
	return all
}

func TestBansEndAfterTheirLastFailureStrictly(t *testing.T) {
	bans := NewBans()
	bans.Add(banned("192.0.2.1", 36, 10))
	bans.Add(banned("192.0.2.2", 30, 100))
	bans.Add(banned("192.0.2.3", 0, ticket.Permanent))
	if due := bans.Due(start.Add(46*time.Second), 9); len(due) != 0 {
		t.Errorf("due at the very end: %v", ids(due))
	}
	due := bans.Due(start.Add(46*time.Second+1), 9)
	if want := []string{"192.0.2.1"}; !slices.Equal(ids(due), want) {
		t.Errorf("due %v, want %v", ids(due), want)
	}
	if bans.Len() != 3 {
		t.Errorf("asking took bans off the list: %d left", bans.Len())
	}
}

func TestBansAreListedByAgeAndByEnd(t *testing.T) {
	bans := NewBans()
	bans.Add(banned("192.0.2.3", 0, ticket.Permanent))
	bans.Add(banned("192.0.2.1", 0, 100))
	bans.Add(banned("192.0.2.2", 0, 10))
	if got, want := ids(bans.List()), []string{"192.0.2.3", "192.0.2.1", "192.0.2.2"}; !slices.Equal(got, want) {
		t.Errorf("by age %v, want %v", got, want)
	}
	if got, want := ids(bans.ByEnd()), []string{"192.0.2.2", "192.0.2.1", "192.0.2.3"}; !slices.Equal(got, want) {
		t.Errorf("by end %v, want %v", got, want)
	}
	bans.SetBantime(ipaddr.Parse("192.0.2.1"), 5)
	if end, _ := bans.Next(); !end.Equal(start.Add(5 * time.Second)) {
		t.Errorf("next end %v after a ban was shortened", end)
	}
	bans.SetBantime(ipaddr.Parse("192.0.2.1"), ticket.Permanent)
	bans.Remove(ipaddr.Parse("192.0.2.2"))
	if _, ok := bans.Next(); ok {
		t.Error("permanent bans have an end")
	}
	if bans.Total() != 3 {
		t.Errorf("total %d, want 3", bans.Total())
	}
}

func BenchmarkAdd(b *testing.B) {
	lim := Limits{FindTime: 600, MaxRetry: 5, MaxMatches: 5}
	b.ReportAllocs()
	tally := New()
	for i := range b.N {
		tally.Add(failure("192.0.2.1", i, "x"), 1, lim)
	}
}
