package store

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"stockade/internal/logbook"
	"stockade/internal/testenv"
)

// disk mounts a small file system of the test's own.
func disk(t *testing.T) string {
	t.Helper()
	testenv.Root(t)
	dir := t.TempDir()
	if err := unix.Mount("stockade", dir, "tmpfs", 0, "size=1m"); err != nil {
		testenv.Skip(t, "no file system may be mounted here: "+err.Error())
	}
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	return dir
}

func TestFullDiskKeepsChangesUntilThereIsRoom(t *testing.T) {
	dir := disk(t)
	path := filepath.Join(dir, "f.sqlite3")
	s, said := watched(t, path)
	commit(t, s, Batch{Bans: []Ban{ban("j", "192.0.2.1", base, 600), ban("j", "192.0.2.2", base, 600)}})
	filler := filepath.Join(dir, "filler")
	f, err := os.Create(filler)
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{1 << 16, 1 << 12} {
		for block := make([]byte, size); ; {
			if _, err := f.Write(block); err != nil {
				break
			}
		}
	}
	_ = f.Close()
	checkKeptWhenFull(t, s)
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	said.await(t, "can be written again")
	checkWritten(t, path)
	if got := query(t, path, `PRAGMA integrity_check`); got != "ok" {
		t.Errorf("integrity: %s", got)
	}
}

// checkKeptWhenFull first uses up what the file has left inside.
func checkKeptWhenFull(t *testing.T, s *Store) {
	t.Helper()
	for range 10_000 {
		if err := s.Commit(Batch{Bans: []Ban{ban("j", "192.0.2.2", base, 600)}}); err != nil {
			if !errors.Is(err, ErrDeferred) {
				t.Fatal(err)
			}
			checkKept(t, s)
			return
		}
	}
	t.Fatal("the disk never became full")
}

func TestReadOnlyDiskIsReadAndWrittenLater(t *testing.T) {
	dir := disk(t)
	path := filepath.Join(dir, "f.sqlite3")
	first, _, err := Open(context.Background(), path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	commit(t, first, Batch{Bans: []Ban{ban("j", "192.0.2.1", base, 600), ban("j", "192.0.2.2", base, 600)}})
	if _, err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("stockade", dir, "tmpfs", unix.MS_REMOUNT|unix.MS_RDONLY, "size=1m"); err != nil {
		t.Fatal(err)
	}
	said := make(told, 1000)
	s, log, err := Open(context.Background(), path, Options{Patience: 50 * time.Millisecond, Notice: func(r logbook.Record) { said <- r }})
	if err != nil {
		t.Fatalf("open read-only: %v, %v", err, texts(log))
	}
	defer s.Close()
	bans, err := s.CurrentBans("j", RestoreOptions{Now: base, Bantime: 600})
	if err != nil || len(bans) != 2 {
		t.Errorf("bans read: %v %v", bans, err)
	}
	checkKept(t, s)
	if err := unix.Mount("stockade", dir, "tmpfs", unix.MS_REMOUNT, "size=1m"); err != nil {
		t.Fatal(err)
	}
	said.await(t, "can be written again")
	checkWritten(t, path)
}
