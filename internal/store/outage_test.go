package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"stockade/internal/logbook"
	"stockade/internal/ticket"
)

// told collects what a store says; each record can be waited for.
type told chan logbook.Record

func (c told) await(t *testing.T, text string) {
	t.Helper()
	for {
		select {
		case r := <-c:
			if strings.Contains(r.Text, text) {
				return
			}
		case <-time.After(30 * time.Second):
			t.Fatalf("the store never said %q", text)
		}
	}
}

func watched(t *testing.T, path string) (*Store, told) {
	c := make(told, 1000)
	return openTest(t, path, Options{Patience: 50 * time.Millisecond, Notice: func(r logbook.Record) { c <- r }}), c
}

var base = time.Unix(1_800_000_000, 0)

// checkKept commits during an outage and looks whether readers see it.
func checkKept(t *testing.T, s *Store) {
	t.Helper()
	err := s.Commit(Batch{
		Forget:    []Key{{Jail: "j", ID: "192.0.2.1"}},
		Bans:      []Ban{ban("j", "192.0.2.50", base, 600)},
		Positions: []Position{{Jail: "j", Path: "/p", Hash: "h", Pos: 77}},
	})
	if !errors.Is(err, ErrDeferred) {
		t.Fatalf("commit during the outage: %v", err)
	}
	if h := s.Health(); h.Err == nil || h.Waiting == 0 {
		t.Errorf("health during the outage: %+v", h)
	}
}

func checkWritten(t *testing.T, path string) {
	t.Helper()
	if got := query(t, path, `SELECT group_concat(ip) FROM (SELECT ip FROM bips ORDER BY ip)`); got != "192.0.2.2,192.0.2.50" {
		t.Errorf("rows after the outage: %s", got)
	}
	if got := query(t, path, `SELECT lastfilepos FROM logs`); got != "77" {
		t.Errorf("position after the outage: %s", got)
	}
}

func TestLockedFileKeepsChangesUntilItIsFree(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f.sqlite3")
	s, said := watched(t, path)
	commit(t, s, Batch{Bans: []Ban{ban("j", "192.0.2.1", base, 600), ban("j", "192.0.2.2", base, 600)}})
	other, err := beside(path)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	other.SetMaxOpenConns(1)
	// RESERVED keeps writers out and lets readers in.
	if _, err := other.Exec(`BEGIN IMMEDIATE`); err != nil {
		t.Fatal(err)
	}
	checkKept(t, s)
	bans, err := s.CurrentBans("j", RestoreOptions{Now: base, Bantime: 600})
	if err != nil || len(bans) != 2 || bans[0].ID.String() != "192.0.2.2" || bans[1].ID.String() != "192.0.2.50" {
		t.Errorf("bans during the outage: %v %v", bans, err)
	}
	if _, known, _ := s.History("192.0.2.1", "j", true); known {
		t.Error("what was forgotten during the outage is known")
	}
	if h, known, _ := s.History("192.0.2.50", "j", false); !known || h.Bantime != 600 {
		t.Errorf("history during the outage: %+v %v", h, known)
	}
	if p, ok, _ := s.Position("j", "/p"); !ok || p.Pos != 77 {
		t.Errorf("position during the outage: %+v", p)
	}
	if m, _ := s.MergedMatches("192.0.2.50", "j"); m.Bans != 1 {
		t.Errorf("matches during the outage: %+v", m)
	}
	if _, err := other.Exec(`COMMIT`); err != nil {
		t.Fatal(err)
	}
	said.await(t, "can be written again")
	checkWritten(t, path)
	commit(t, s, Batch{Enable: []string{"later"}})
	if h := s.Health(); h.Err != nil || h.Waiting != 0 {
		t.Errorf("health afterwards: %+v", h)
	}
}

func TestFileThatIsLockedAtTheStartIsOpenedLater(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f.sqlite3")
	first := openTest(t, path, Options{})
	commit(t, first, Batch{Bans: []Ban{ban("j", "192.0.2.1", base, 600), ban("j", "192.0.2.2", base, 600)}})
	_, _ = first.Close()
	other, err := beside(path)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	other.SetMaxOpenConns(1)
	if _, err := other.Exec(`BEGIN EXCLUSIVE`); err != nil {
		t.Fatal(err)
	}
	s, said := watched(t, path)
	if _, err := s.CurrentBans("j", RestoreOptions{Now: base, Bantime: 600}); err == nil {
		t.Error("a locked file was read")
	}
	checkKept(t, s)
	if _, err := other.Exec(`COMMIT`); err != nil {
		t.Fatal(err)
	}
	said.await(t, "can be written again")
	checkWritten(t, path)
}

func TestDeletedFileIsMadeAnewAndAskedForAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f.sqlite3")
	renewed := make(chan struct{}, 1)
	s := openTest(t, path, Options{Renewed: func() { renewed <- struct{}{} }})
	commit(t, s, Batch{Bans: []Ban{ban("j", "192.0.2.1", base, 600)}})
	for _, name := range []string{path, path + "-journal"} {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Commit(Batch{Bans: []Ban{ban("j", "192.0.2.2", base, 600)}}); err != nil && !errors.Is(err, ErrDeferred) {
		t.Fatal(err)
	}
	<-renewed
	// The next commit is in the new file, and behind the one that was kept.
	for s.Health().Err != nil {
		time.Sleep(time.Millisecond)
	}
	commit(t, s, Batch{Bans: []Ban{ban("j", "192.0.2.3", base, 600)}})
	if got := query(t, path, `SELECT group_concat(ip) FROM (SELECT ip FROM bips ORDER BY ip)`); got != "192.0.2.2,192.0.2.3" {
		t.Errorf("rows in the new file: %s", got)
	}
}

func TestFileThatIsNoDatabaseIsMovedAside(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f.sqlite3")
	if err := os.WriteFile(path, []byte(strings.Repeat("not a database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	s, log, err := Open(context.Background(), path, Options{Now: func() time.Time { return base }})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	aside := path + ".20270115-080000"
	want := []string{
		"ERROR Error opening fail2ban persistent database '" + path + "': file is not a database",
		"INFO Trying to repair database " + path,
		"INFO   Database backup created: " + aside,
		"INFO   Repair seems to be failed, restored 0 byte(s).",
		"ERROR   Error repairing of fail2ban database '" + path + "': Recreate ...",
		"INFO Connected to fail2ban persistent database '" + path + "'",
		"WARNING New database created. Version '4'",
	}
	if got := strings.Join(texts(log), "\n"); got != strings.Join(want, "\n") {
		t.Errorf("log:\n%s", got)
	}
	if _, err := os.Stat(aside); err != nil {
		t.Error(err)
	}
	commit(t, s, Batch{Enable: []string{"j"}})
}

// damage makes a database with many bans and destroys pages in its middle.
func damage(t *testing.T, path string) {
	t.Helper()
	s := openTest(t, path, Options{})
	for i := range 20 {
		var b Batch
		for j := range 100 {
			one := ban("j", fmt.Sprintf("10.0.%d.%d", i, j), base, 86400)
			one.Ticket.Matches = []ticket.Match{{After: strings.Repeat("x", 100), Joined: true}}
			b.Bans = append(b.Bans, one)
		}
		commit(t, s, b)
	}
	if _, err := s.Close(); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for page := int64(60); page < 70; page++ {
		if _, err := f.WriteAt(make([]byte, 4096), page*4096); err != nil {
			t.Fatal(err)
		}
	}
}

func TestDamagedFileIsSalvagedWhileRunning(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f.sqlite3")
	damage(t, path)
	s, said := watched(t, path)
	if _, err := s.CurrentBans("j", RestoreOptions{Now: base, Bantime: 86400}); err == nil {
		t.Fatal("the damage hit no page of this table")
	}
	said.await(t, "Repair seems to be successful")
	said.await(t, "can be written again")
	bans, err := s.CurrentBans("j", RestoreOptions{Now: base, Bantime: 86400})
	if err != nil || len(bans) < 500 {
		t.Errorf("%d bans were salvaged, %v", len(bans), err)
	}
	if got := query(t, path, `PRAGMA integrity_check`); got != "ok" {
		t.Errorf("integrity: %s", got)
	}
	t.Logf("%d of 2000 bans salvaged", len(bans))
}

func TestBacklogIsBounded(t *testing.T) {
	s := &Store{}
	s.health.Err = errors.New("disk full")
	big := make([]byte, 1<<20)
	for i := range 40 {
		s.submit(&request{ops: []op{
			{kind: opBan, jail: "j", id: fmt.Sprint(i), data: big},
			{kind: opEvent, data: big},
			{kind: opPosition, jail: "j", text: "/p", pos: float64(i)},
		}})
	}
	if s.waiting > maxWaiting {
		t.Errorf("%d bytes are kept", s.waiting)
	}
	var bans, events, dropped int
	for _, r := range s.queue {
		for i := range r.ops {
			switch r.ops[i].kind {
			case opBan:
				bans++
			case opEvent:
				events++
			}
		}
	}
	dropped = s.health.Dropped
	if bans != 40 || events+dropped != 40 || dropped == 0 {
		t.Errorf("%d bans, %d events kept, %d dropped", bans, events, dropped)
	}
}

func TestOldestChangesGoWhenEvenBareBansAreTooMany(t *testing.T) {
	s := &Store{}
	s.health.Err = errors.New("disk full")
	id := strings.Repeat("x", 1<<20)
	for i := range 100 {
		s.submit(&request{ops: []op{{kind: opBan, jail: fmt.Sprint(i), id: id}}})
	}
	last := s.queue[len(s.queue)-1]
	if s.waiting > maxWaiting || last.ops[len(last.ops)-1].jail != "99" || s.health.Dropped == 0 {
		t.Errorf("%d bytes, %+v", s.waiting, s.health)
	}
}
