package server

import (
	"context"
	"os"
	"slices"
	"testing"
	"time"

	"stockade/internal/action"
	"stockade/internal/clock"
	"stockade/internal/ipaddr"
	"stockade/internal/store"
	"stockade/internal/ticket"
)

// TestOldBansArePurgedEveryHour lets the hours of a server pass: what is older
// than dbpurgeage goes, what is in force or recent stays.
func TestOldBansArePurgedEveryHour(t *testing.T) {
	begin := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	now := clock.NewManual(begin)
	h := &host{T: t, dir: t.TempDir(), clock: now}
	h.boot()
	t.Cleanup(func() { h.server.Shutdown(action.Lift) })
	h.commit(spec{name: "a", regexes: []string{badRegex}})
	db := h.server.Database()
	row := func(id string, ago time.Duration, bantime int64) store.Ban {
		return store.Ban{Jail: "a", Ticket: ticket.Ticket{ID: ipaddr.Parse(id), Time: begin.Add(-ago), Bantime: bantime, BanCount: 1}}
	}
	if err := db.Commit(store.Batch{Bans: []store.Ban{
		row("192.0.2.1", 3*time.Hour, 600),         // over, and older than the age
		row("192.0.2.2", 10*time.Minute, 60),       // over, but recent
		row("192.0.2.3", 3*time.Hour, 12*3600),     // in force
		row("192.0.2.4", 100*24*time.Hour, -1),     // in force for good
		row("192.0.2.5", 110*time.Minute, 60),      // older than the age an hour from now
		row("192.0.2.6", 150*time.Minute, 40*60+1), // over, but not for long enough for its length
	}}); err != nil {
		t.Fatal(err)
	}
	known := func() []string {
		var ids []string
		for _, id := range []string{"192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4", "192.0.2.5", "192.0.2.6"} {
			_, ok, err := db.History(id, "a", false)
			if err != nil {
				t.Fatal(err)
			}
			if ok {
				ids = append(ids, id[len(id)-1:])
			}
		}
		return ids
	}
	h.server.SetDBPurgeAge(2*3600, "7200")
	if got := known(); len(got) != 6 {
		t.Fatalf("before: %q", got)
	}
	now.Advance(59 * time.Minute)
	if got := known(); len(got) != 6 {
		t.Errorf("before the first hour is over: %q", got)
	}
	now.Advance(time.Minute)
	h.until("the first purge", func() bool { return slices.Equal(known(), []string{"2", "3", "4", "6"}) })
	h.server.SetDBPurgeAge(3600, "3600")
	now.Advance(time.Hour)
	h.until("the second purge", func() bool { return slices.Equal(known(), []string{"3", "4"}) })
}

// until waits for something that happens in another goroutine.
func (h *host) until(what string, ok func() bool) {
	h.Helper()
	ctx, cancel := context.WithTimeout(h.Context(), 20*time.Second)
	defer cancel()
	for !ok() {
		if ctx.Err() != nil {
			h.Fatalf("not within 20 s: %s; the log says:\n%s", what, h.log())
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// TestABusyJailStillLooksForItsFiles keeps a jail busy with messages, which
// must not put off what it does from time to time.
func TestABusyJailStillLooksForItsFiles(t *testing.T) {
	h := newHost(t)
	h.commit(spec{name: "a", regexes: []string{badRegex}, log: "later/*.log", pending: true})
	h.view("a") // it has looked once
	if err := os.Mkdir(h.path("later"), 0o700); err != nil {
		t.Fatal(err)
	}
	h.append("later/a.log", "nothing")
	// Asking is a message, too.
	h.until("the file is found", func() bool { return len(h.view("a").Files) == 1 })
}
