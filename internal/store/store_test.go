package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"stockade/internal/event"
	"stockade/internal/ipaddr"
	"stockade/internal/logbook"
	"stockade/internal/pyobj"
	"stockade/internal/ticket"
)

func openTest(t testing.TB, path string, opts Options) *Store {
	t.Helper()
	if opts.MaxMatches == 0 {
		opts.MaxMatches = DefaultMaxMatches
	}
	s, _, err := Open(context.Background(), path, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = s.Close() })
	return s
}

func commit(t testing.TB, s *Store, b Batch) {
	t.Helper()
	if err := s.Commit(b); err != nil {
		t.Fatal(err)
	}
}

func ban(jail, id string, at time.Time, bantime int64) Ban {
	return Ban{Jail: jail, Ticket: ticket.Ticket{ID: ipaddr.Parse(id), Time: at, Bantime: bantime, BanCount: 1}}
}

// beside opens the file as another program does that waits for its lock.
func beside(path string) (*sql.DB, error) {
	return sql.Open("sqlite", path+"?_pragma=busy_timeout(10000)")
}

// query reads a file with a connection of its own, as another program would.
func query(t testing.TB, path, text string) string {
	t.Helper()
	db, err := beside(path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.Query(text)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	columns, _ := rows.Columns()
	var out []string
	for rows.Next() {
		values := make([]sql.NullString, len(columns))
		targets := make([]any, len(columns))
		for i := range values {
			targets[i] = &values[i]
		}
		if err := rows.Scan(targets...); err != nil {
			t.Fatal(err)
		}
		var line []string
		for _, v := range values {
			line = append(line, v.String)
		}
		out = append(out, strings.Join(line, "|"))
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return strings.Join(out, "\n")
}

func execAll(t testing.TB, path string, statements ...string) {
	t.Helper()
	db, err := beside(path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, text := range statements {
		if _, err := db.Exec(text); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
}

func texts(records []logbook.Record) []string {
	var out []string
	for _, r := range records {
		out = append(out, fmt.Sprintf("%s %s", r.Level, r.Text))
	}
	return out
}

// Control traps 23 and 46.
func TestBanIsStoredAsTheReferenceStoresIt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f.sqlite3")
	s := openTest(t, path, Options{MaxMatches: 3})
	at := time.Unix(1_800_000_000, 500_000_000)
	commit(t, s, Batch{Bans: []Ban{{Jail: "sshd", Ticket: ticket.Ticket{
		ID: ipaddr.Parse("192.0.2.1"), Time: at, Bantime: 600, BanCount: 2, Failures: 4,
		Matches: []ticket.Match{
			{After: "dropped", Joined: true},
			{Before: "", Date: "2026-11-22 08:06:20", After: " h FAIL user u1"},
			{After: "é\x01\u2028\"\\\t\x7f</a>", Joined: true},
			{After: "bad \xff byte", Joined: true},
		},
		Fields: ticket.Fields{
			{Name: "ip4", Value: "192.0.2.1"},
			{Name: "user", Value: "u1"},
			{Name: "none", Value: nil},
			{Name: "users", Value: []string{"root", "it's"}},
			{Name: "n", Value: 5},
			{Name: "f", Value: 1.5},
			{Name: "l", Value: []any{1, "x"}},
			{Name: "set", Value: pyobj.Set{"a"}},
		},
	}}}})
	got := query(t, path, `SELECT jail, ip, timeofban, bantime, bancount, typeof(data), CAST(data AS TEXT) FROM bips`)
	want := `sshd|192.0.2.1|1800000000|600|2|blob|{"matches": [["", "2026-11-22 08:06:20", " h FAIL user u1"], ` +
		`"é\u0001` + "\u2028" + `\"\\\t` + "\x7f" + `</a>", "bad ` + "\uFFFD" + ` byte"], "failures": 4, "ip4": "192.0.2.1", "user": "u1", ` +
		`"users": "['root', \"it's\"]", "n": 5, "f": 1.5, "l": [1, "x"], "set": "['a']"}`
	if got != want {
		t.Errorf("row:\n got %s\nwant %s", got, want)
	}
	history := query(t, path, `SELECT jail, ip, timeofban, bantime, bancount, typeof(data), CAST(data AS TEXT) FROM bans`)
	if history != want {
		t.Errorf("history:\n got %s\nwant %s", history, want)
	}
}

func TestManualBanHasEmptyMatchesAndNoneWithoutDbmaxmatches(t *testing.T) {
	b := ban("j", "192.0.2.1", time.Unix(1, 0), 600)
	if got := string(encodeData(&b.Ticket, 10)); got != `{"matches": [], "failures": 0}` {
		t.Errorf("with matches: %s", got)
	}
	if got := string(encodeData(&b.Ticket, 0)); got != `{"failures": 0}` {
		t.Errorf("without: %s", got)
	}
}

// Control trap 24.
func TestRestoreKeepsShortensAndDropsAsMeasured(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	rows := [][2]int64{{-300, 600}, {-300, -1}, {-3600, 86400}, {-100, 86400}, {100, 600}, {-100, -2}}
	const gone = 0
	for _, c := range []struct {
		name string
		opts RestoreOptions
		want []int64
	}{
		{"bantime 600", RestoreOptions{Bantime: 600}, []int64{600, 600, gone, 600, 600, 600}},
		{"bantime 1h", RestoreOptions{Bantime: 3600}, []int64{600, 3600, gone, 3600, 600, 3600}},
		{"bantime -1", RestoreOptions{Bantime: -1}, []int64{600, -1, 86400, 86400, 600, -1}},
		{"increment", RestoreOptions{Bantime: 600, Increment: true}, []int64{600, -1, 86400, 86400, 600, 600}},
		{"increment, maxtime 2h", RestoreOptions{Bantime: 600, Increment: true, MaxTime: 7200}, []int64{600, 7200, 7200, 7200, 600, 600}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := openTest(t, memoryPath, Options{})
			for i, r := range rows {
				commit(t, s, Batch{Bans: []Ban{ban("j", fmt.Sprintf("192.0.2.%d", i), now.Add(time.Duration(r[0])*time.Second), r[1])}})
			}
			c.opts.Now = now
			bans, err := s.CurrentBans("j", c.opts)
			if err != nil {
				t.Fatal(err)
			}
			got := make([]int64, len(rows))
			for _, b := range bans {
				var i int
				fmt.Sscanf(b.ID.String(), "192.0.2.%d", &i)
				got[i] = b.Bantime
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("ban times (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRestoredTicketCarriesItsData(t *testing.T) {
	s := openTest(t, memoryPath, Options{})
	now := time.Unix(1_800_000_000, 0)
	in := ticket.Ticket{
		ID: ipaddr.Parse("2001:db8::1"), Time: now, Bantime: 600, BanCount: 3, Failures: 7,
		Matches: []ticket.Match{{Before: "a", Date: "b", After: "c"}, {After: "one", Joined: true}, {After: "two", Joined: true}},
		Fields:  ticket.Fields{{Name: "user", Value: "root"}, {Name: "users", Value: []string{"root"}}},
	}
	commit(t, s, Batch{Bans: []Ban{{"j", in}}})
	bans, err := s.CurrentBans("j", RestoreOptions{Now: now, Bantime: 600, MaxMatches: 2})
	if err != nil || len(bans) != 1 {
		t.Fatalf("bans: %v, %v", bans, err)
	}
	got := bans[0]
	if got.ID != in.ID || got.BanCount != 3 || got.Failures != 7 || !got.Restored || !got.IntegerTime || !got.Time.Equal(now) {
		t.Errorf("ticket: %+v", got)
	}
	if diff := cmp.Diff(in.Matches[1:], got.Matches); diff != "" {
		t.Errorf("matches: %s", diff)
	}
	want := ticket.Fields{{Name: "user", Value: "root"}, {Name: "users", Value: "['root']"}}
	if diff := cmp.Diff(want, got.Fields); diff != "" {
		t.Errorf("fields: %s", diff)
	}
}

func TestBansAreRestoredInTheOrderOfTheirText(t *testing.T) {
	s := openTest(t, memoryPath, Options{})
	now := time.Unix(1_800_000_000, 0)
	for _, id := range []string{"9.9.9.9", "10.0.0.1", "2001:db8::1", "some name", "10.0.0.0/24"} {
		commit(t, s, Batch{Bans: []Ban{ban("j", id, now, 600), ban("other", id, now, 600)}})
	}
	bans, err := s.CurrentBans("j", RestoreOptions{Now: now, Bantime: 600})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, b := range bans {
		got = append(got, b.ID.String())
	}
	if diff := cmp.Diff([]string{"10.0.0.0/24", "10.0.0.1", "2001:db8::1", "9.9.9.9", "some name"}, got); diff != "" {
		t.Error(diff)
	}
}

// Control trap 25.
func TestForgetDeletesRowsAndHistoryOfThatJailOnly(t *testing.T) {
	s := openTest(t, memoryPath, Options{})
	now := time.Unix(1_800_000_000, 0)
	commit(t, s, Batch{Bans: []Ban{ban("a", "192.0.2.1", now, 600), ban("a", "192.0.2.2", now, 600), ban("b", "192.0.2.1", now, 600)}})
	commit(t, s, Batch{Forget: []Key{{Jail: "a", ID: "192.0.2.1"}, {Jail: "a", ID: "192.0.2.99"}}})
	for _, c := range []struct {
		id, jail string
		want     bool
	}{{"192.0.2.1", "a", false}, {"192.0.2.2", "a", true}, {"192.0.2.1", "b", true}} {
		if _, ok, err := s.History(c.id, c.jail, false); ok != c.want || err != nil {
			t.Errorf("%s in %s: known %v, %v", c.id, c.jail, ok, err)
		}
	}
	if m, _ := s.MergedMatches("192.0.2.1", "a"); m.Bans != 0 {
		t.Errorf("history is left: %+v", m)
	}
	commit(t, s, Batch{Forget: []Key{{Jail: "a"}}, Bans: []Ban{ban("a", "192.0.2.7", now, 600)}})
	bans, _ := s.CurrentBans("a", RestoreOptions{Now: now, Bantime: 600})
	if len(bans) != 1 || bans[0].ID.String() != "192.0.2.7" {
		t.Errorf("a jail forgotten, then one ban: %v", bans)
	}
}

func TestHistoryOfOneJailAndOfAll(t *testing.T) {
	s := openTest(t, memoryPath, Options{})
	base := time.Unix(1_800_000_000, 0)
	one, two, other := ban("a", "192.0.2.1", base, 600), ban("a", "192.0.2.1", base.Add(50*time.Second), 1200), ban("b", "192.0.2.1", base.Add(90*time.Second), 700)
	two.Ticket.BanCount = 2
	commit(t, s, Batch{Bans: []Ban{one, two, other}})
	for _, c := range []struct {
		jail    string
		overall bool
		want    History
	}{
		{"a", false, History{2, base.Add(50 * time.Second), 1200}},
		{"b", false, History{1, base.Add(90 * time.Second), 700}},
		{"a", true, History{3, base.Add(90 * time.Second), 1900}},
	} {
		got, ok, err := s.History("192.0.2.1", c.jail, c.overall)
		if err != nil || !ok {
			t.Fatal(ok, err)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s, overall %v: %s", c.jail, c.overall, diff)
		}
	}
	if _, ok, _ := s.History("192.0.2.9", "a", true); ok {
		t.Error("an address never banned is known")
	}
}

// An action may run before the ban that it is told of is recorded, or after.
func TestABanCountsOnceWhetherRecordedOrNot(t *testing.T) {
	s := openTest(t, memoryPath, Options{MaxMatches: 10})
	now := time.Unix(1e9, 0)
	ban := func(jail string, at time.Time, line string) Ban {
		one := ticket.Ticket{ID: ipaddr.Parse("192.0.2.1"), Time: at, Failures: 3, Bantime: 600, HasBantime: true}
		one.Matches = []ticket.Match{{After: line, Joined: true}}
		return Ban{Jail: jail, Ticket: one}
	}
	if err := s.Commit(Batch{Enable: []string{"a", "b"}, Bans: []Ban{ban("a", now, "first"), ban("b", now.Add(time.Hour), "other")}}); err != nil {
		t.Fatal(err)
	}
	own := ban("a", now.Add(time.Hour), "own")
	for _, recorded := range []bool{false, true} {
		if m, err := s.MergedWith(own, "a"); err != nil || m.Failures != 6 || len(m.Matches) != 2 || m.Matches[1].Text() != "own" {
			t.Errorf("recorded %v, in its jail: %+v, %v", recorded, m, err)
		}
		if m, err := s.MergedWith(own, ""); err != nil || m.Failures != 9 || len(m.Matches) != 3 {
			t.Errorf("recorded %v, in all: %+v, %v", recorded, m, err)
		}
		if err := s.Commit(Batch{Bans: []Ban{own}}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestMergedMatchesTakesTheNewestLinesOldestFirst(t *testing.T) {
	s := openTest(t, memoryPath, Options{MaxMatches: 10})
	base := time.Unix(1_800_000_000, 0)
	add := func(jail, prefix string, age, n, failures int) {
		b := ban(jail, "1.2.3.4", base.Add(-time.Duration(age)*time.Second), 600)
		for i := range n {
			b.Ticket.Matches = append(b.Ticket.Matches, ticket.Match{After: fmt.Sprintf("%s%d", prefix, i), Joined: true})
		}
		b.Ticket.Failures = failures
		commit(t, s, Batch{Bans: []Ban{b}})
	}
	add("a", "o", 100, 8, 2)
	add("a", "z", 300, 8, 2)
	add("a", "n", 50, 5, 3)
	add("b", "x", 10, 1, 4)
	m, err := s.MergedMatches("1.2.3.4", "a")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, x := range m.Matches {
		got = append(got, x.Text())
	}
	if text := strings.Join(got, " "); text != "o3 o4 o5 o6 o7 n0 n1 n2 n3 n4" || m.Failures != 7 {
		t.Errorf("merged: %s, %d failures", text, m.Failures)
	}
	if m, _ = s.MergedMatches("1.2.3.4", ""); m.Failures != 11 || m.Bans != 4 || m.Matches[9].Text() != "x0" {
		t.Errorf("all jails: %+v", m)
	}
}

func TestPositionsOfFilesAreIntegersAndOfTheJournalReal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f.sqlite3")
	s := openTest(t, path, Options{})
	commit(t, s, Batch{Positions: []Position{
		{Jail: "j", Path: "/var/log/a", Hash: "abc", Pos: 443},
		{Jail: "j", Path: "systemd-journal", Hash: "2026-11-22T09:12:43.725500+01:00 ", Pos: 1795335163.7255},
	}})
	commit(t, s, Batch{Positions: []Position{{Jail: "j", Path: "/var/log/a", Hash: "def", Pos: 9007199254740991}}})
	got := query(t, path, `SELECT path, firstlinemd5, typeof(lastfilepos) FROM logs ORDER BY path`)
	want := "/var/log/a|def|integer\nsystemd-journal|2026-11-22T09:12:43.725500+01:00 |real"
	if got != want {
		t.Errorf("rows:\n%s\nwant\n%s", got, want)
	}
	if p, ok, _ := s.Position("j", "/var/log/a"); !ok || p.Pos != 9007199254740991 {
		t.Errorf("position: %+v", p)
	}
	p, ok, err := s.Position("j", "systemd-journal")
	if !ok || err != nil || p.Pos != 1795335163.7255 {
		t.Errorf("position: %+v %v %v", p, ok, err)
	}
	if _, ok, err := s.Position("j", "/none"); ok || err != nil {
		t.Errorf("position never stored: %v %v", ok, err)
	}
}

func TestPurgeFollowsTheReference(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f.sqlite3")
	s := openTest(t, path, Options{})
	now := time.Unix(1_800_000_000, 0)
	old := now.Add(-2 * 24 * time.Hour)
	commit(t, s, Batch{
		Enable: []string{"empty", "unused"},
		Bans: []Ban{
			ban("a", "1.1.1.1", old, 600), ban("a", "1.1.1.2", old, -1), ban("a", "1.1.1.3", old, 86400),
			ban("a", "1.1.1.4", now, 600), ban("gone", "1.1.1.5", old, 600),
		},
		Positions: []Position{{Jail: "gone", Path: "/x"}},
		Disable:   []string{"gone", "unused"},
	})
	if err := s.Purge(now, 24*time.Hour); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		`SELECT group_concat(ip) FROM bans`:                                  "1.1.1.4",
		`SELECT group_concat(ip) FROM (SELECT ip FROM bips ORDER BY 1)`:      "1.1.1.2,1.1.1.3,1.1.1.4",
		`SELECT group_concat(name) FROM (SELECT name FROM jails ORDER BY 1)`: "a,empty",
		`SELECT count(*) FROM logs`:                                          "0",
	} {
		if got := query(t, path, text); got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
}

func TestJailsAreEnabledAndDisabled(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f.sqlite3")
	s := openTest(t, path, Options{})
	commit(t, s, Batch{Enable: []string{"a", "b"}})
	if err := s.DisableAll(); err != nil {
		t.Fatal(err)
	}
	commit(t, s, Batch{Enable: []string{"b", "c"}})
	commit(t, s, Batch{Disable: []string{"c"}})
	if got := query(t, path, `SELECT group_concat(name||enabled) FROM (SELECT * FROM jails ORDER BY name)`); got != "a0,b1,c0" {
		t.Errorf("jails: %s", got)
	}
	if got, err := s.FormerJails(); err != nil || fmt.Sprint(got) != "[a c]" {
		t.Errorf("former jails: %v, %v", got, err)
	}
}

func TestFailuresAreLoadedOnce(t *testing.T) {
	s := openTest(t, memoryPath, Options{})
	at := time.Unix(1_800_000_000, 123_000_000).UTC()
	in := []ticket.Ticket{
		{
			ID: ipaddr.Parse("192.0.2.1"), Time: at, First: at.Add(-time.Minute), Retry: 4, Failures: 3,
			Matches: []ticket.Match{{Before: "a", Date: "b", After: "c"}, {After: "d\x00", Joined: true}},
			Fields:  ticket.Fields{{Name: "user", Value: "x"}}, Bantime: 5, HasBantime: true,
			Cause: event.Cause{Rule: event.Rule{Kind: "failregex", Index: 2}},
		},
		{ID: ipaddr.Raw("10.0.0.0/8"), Time: at, First: at},
	}
	if err := s.SaveFailures("j", in); err != nil {
		t.Fatal(err)
	}
	got, err := s.LoadFailures("j")
	if err != nil {
		t.Fatal(err)
	}
	for i := range got {
		got[i].Time, got[i].First = got[i].Time.UTC(), got[i].First.UTC()
	}
	in[1].Matches = []ticket.Match{}
	if diff := cmp.Diff(in, got, cmp.Comparer(func(a, b ipaddr.ID) bool { return a == b })); diff != "" {
		t.Error(diff)
	}
	if again, err := s.LoadFailures("j"); len(again) != 0 || err != nil {
		t.Errorf("loaded twice: %v %v", again, err)
	}
}

func TestEventsAreKeptInBoundsAndFound(t *testing.T) {
	s := openTest(t, memoryPath, Options{MaxEvents: 1000})
	at := time.Unix(1_800_000_000, 0).UTC()
	for i := range 30 {
		var b Batch
		for j := range 100 {
			n := i*100 + j
			b.Events = append(b.Events, event.Event{
				Seq: uint64(n), Time: at.Add(time.Duration(n) * time.Second), Kind: event.Found, Jail: "j",
				ID: fmt.Sprintf("192.0.2.%d", n%50), Ban: uint64(n),
				Cause: event.Cause{Line: "x", Spans: event.NewSpans(&[]string{"user", "ip4"}, []int32{-1, -1, 1, 2})},
			})
		}
		commit(t, s, b)
	}
	all, err := s.Events(EventQuery{Limit: 10_000})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(all); n < 1000 || n > 1000+chunk {
		t.Errorf("%d events are kept", n)
	}
	some, err := s.Events(EventQuery{ID: "192.0.2.7", Jail: "j", Kinds: []event.Kind{event.Found, event.Ban}, Since: at.Add(2800 * time.Second)})
	if err != nil || len(some) != 4 || some[3].Seq != 2957 || !slices.Equal(slices.Collect(some[3].Cause.Spans.All()), []event.Span{{Name: "ip4", Start: 1, End: 2}}) {
		t.Errorf("found: %+v %v", some, err)
	}
	if one, _ := s.Events(EventQuery{Ban: 2999}); len(one) != 1 {
		t.Errorf("by ban: %+v", one)
	}
	if n, err := s.LastBan(); n != 2999 || err != nil {
		t.Errorf("last ban %d, %v", n, err)
	}
}

func TestManyCallersShareTransactions(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f.sqlite3")
	s := openTest(t, path, Options{})
	now := time.Unix(1_800_000_000, 0)
	var wg sync.WaitGroup
	for g := range 50 {
		wg.Go(func() {
			for i := range 20 {
				if err := s.Commit(Batch{Bans: []Ban{ban("j", fmt.Sprintf("10.%d.%d.1", g, i), now, 600)}}); err != nil {
					t.Error(err)
				}
				if _, ok, err := s.History(fmt.Sprintf("10.%d.%d.1", g, i), "j", false); !ok || err != nil {
					t.Errorf("what was committed is not read: %v %v", ok, err)
				}
			}
		})
	}
	wg.Wait()
	if got := query(t, path, `SELECT count(*) FROM bans`); got != "1000" {
		t.Errorf("%s rows", got)
	}
}

func TestWrongRequestFailsAlone(t *testing.T) {
	s := openTest(t, memoryPath, Options{})
	now := time.Unix(1_800_000_000, 0)
	wrong := errors.New("no answer")
	var wg sync.WaitGroup
	wg.Add(3)
	// A kind of change that the tables refuse: no row may have a NULL event.
	s.mu.Lock()
	for i, ops := range [][]op{
		{{kind: opBan, jail: "j", id: "1.1.1.1", time: now.Unix(), data: bareData}},
		{{kind: opEvent, data: nil}},
		{{kind: opBan, jail: "j", id: "1.1.1.2", time: now.Unix(), data: bareData}},
	} {
		s.queue = append(s.queue, &request{ops: ops, done: func(err error) {
			if i == 1 {
				wrong = err
			} else if err != nil {
				t.Errorf("request %d: %v", i, err)
			}
			wg.Done()
		}})
	}
	s.mu.Unlock()
	s.wake <- struct{}{}
	wg.Wait()
	if wrong == nil || errors.Is(wrong, ErrDeferred) {
		t.Errorf("the wrong request: %v", wrong)
	}
	if s.Health().Err != nil {
		t.Errorf("health: %v", s.Health().Err)
	}
}

// Control trap 21.
func TestFileAndDirectoryAreMadePrivate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lib", "f.sqlite3")
	s := openTest(t, path, Options{})
	commit(t, s, Batch{Enable: []string{"j"}})
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if _, _, err := Open(context.Background(), filepath.Join(t.TempDir(), "no", "such", "f"), Options{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("two missing levels: %v", err)
	}
}

func TestClosedStoreRefuses(t *testing.T) {
	s := openTest(t, memoryPath, Options{})
	log, err := s.Close()
	if err != nil || strings.Join(texts(log), "") != "INFO Connection to database closed." {
		t.Errorf("close: %v %v", texts(log), err)
	}
	if err := s.Commit(Batch{Enable: []string{"j"}}); !errors.Is(err, ErrClosed) {
		t.Errorf("commit: %v", err)
	}
	if _, err := s.CurrentBans("j", RestoreOptions{}); !errors.Is(err, ErrClosed) {
		t.Errorf("read: %v", err)
	}
}
