package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"stockade/internal/logbook"
)

func TestKindSaysWhatIsWrongWithTheFile(t *testing.T) {
	dir := t.TempDir()
	notDatabase := filepath.Join(dir, "junk")
	writeJunk(t, notDatabase)
	_, junk := sqliteExec(notDatabase, `CREATE TABLE t(x)`)
	cases := []struct {
		err  error
		want Kind
	}{
		{nil, Sound},
		{fmt.Errorf("open: %w", ErrFuture), Newer},
		{fmt.Errorf("write: %w", junk), Corrupt},
		{fmt.Errorf("%w, and it cannot be repaired: %w", junk, syscall.EROFS), Corrupt},
		{&os.PathError{Op: "open", Path: "/p", Err: syscall.ENOENT}, Missing},
		{&os.PathError{Op: "open", Path: "/p", Err: syscall.EACCES}, ReadOnly},
		{&os.PathError{Op: "write", Path: "/p", Err: syscall.ENOSPC}, Full},
		{errors.New("something else"), Broken},
	}
	for _, c := range cases {
		if got := (Health{Err: c.err}).Kind(); got != c.want {
			t.Errorf("%v is %q, want %q", c.err, got, c.want)
		}
	}
}

func writeJunk(t *testing.T, path string) {
	t.Helper()
	if err := os.WriteFile(path, make([]byte, 100), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for range 300 {
		fmt.Fprintln(f, "this is no database")
	}
}

// sqliteExec changes a file as another program would.
func sqliteExec(path, text string) (sql.Result, error) {
	db, err := beside(path)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	return db.Exec(text)
}

func TestFileThatCannotBeOpenedIsWaitedFor(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f.sqlite3")
	first := openTest(t, path, Options{})
	commit(t, first, Batch{Bans: []Ban{ban("j", "192.0.2.1", base, 600), ban("j", "192.0.2.2", base, 600)}})
	_, _ = first.Close()
	if _, err := sqliteExec(path, `UPDATE fail2banDb SET version=99`); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Open(context.Background(), path, Options{}); !errors.Is(err, ErrFuture) {
		t.Fatalf("opened without waiting: %v", err)
	}
	said := make(told, 1000)
	s := openTest(t, path, Options{Wait: true, Patience: 50 * time.Millisecond, Notice: func(r logbook.Record) { said <- r }})
	if h := s.Health(); h.Kind() != Newer || h.Since.IsZero() {
		t.Errorf("health: %+v", h)
	}
	if _, err := s.CurrentBans("j", RestoreOptions{Now: base, Bantime: 600}); err == nil {
		t.Error("a file of a newer version was read")
	}
	checkKept(t, s)
	if got := query(t, path, `SELECT version FROM fail2banDb`); got != "99" {
		t.Errorf("version in the file: %s", got)
	}
	if _, err := sqliteExec(path, `UPDATE fail2banDb SET version=4`); err != nil {
		t.Fatal(err)
	}
	said.await(t, "can be written again")
	checkWritten(t, path)
	if h := s.Health(); h.Kind() != Sound || h.Waiting != 0 {
		t.Errorf("health afterwards: %+v", h)
	}
}

// TestReadersDoNotQueueUpBehindALock lets one reader find the lock: the others
// are told at once, until it is time to look again.
func TestReadersDoNotQueueUpBehindALock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f.sqlite3")
	var now atomic.Int64
	now.Store(base.UnixNano())
	s := openTest(t, path, Options{Patience: 50 * time.Millisecond, Now: func() time.Time { return time.Unix(0, now.Load()) }})
	commit(t, s, Batch{Bans: []Ban{ban("j", "192.0.2.1", base, 600)}})
	other, err := beside(path)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	other.SetMaxOpenConns(1)
	if _, err := other.Exec(`BEGIN EXCLUSIVE`); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.History("192.0.2.1", "j", false); !isLock(err) {
		t.Fatalf("read of a locked file: %v", err)
	}
	if _, err := other.Exec(`COMMIT`); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.History("192.0.2.1", "j", false); !errors.Is(err, errLocked) {
		t.Errorf("the next reader did not take it for locked: %v", err)
	}
	now.Add(int64(lockPause))
	if _, known, err := s.History("192.0.2.1", "j", false); err != nil || !known {
		t.Errorf("after the pause: %v %v", known, err)
	}
}
