package server

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"stockade/internal/jail"
	"stockade/internal/logbook"
	"stockade/internal/pyobj"
	"stockade/internal/store"
)

// database are the settings of the database.
type database struct {
	maxMatches int
	purgeAge   float64
	purgeText  string
}

func defaultDatabase() database {
	return database{maxMatches: store.DefaultMaxMatches, purgeAge: 86400, purgeText: "86400"}
}

// Database is the open database, nil if there is none.
func (s *Server) Database() *store.Store {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.db
}

// SetDatabase opens the database at path; "none" in any case closes it. It is
// refused while there are jails, unless nothing changes.
func (s *Server) SetDatabase(path string) error { return s.setDatabase(path, false) }

// ConfigureDatabase is SetDatabase for a configuration: where the file cannot
// be opened the server goes on, says so and opens it later, since bans matter
// more than their history.
func (s *Server) ConfigureDatabase(path string) error { return s.setDatabase(path, true) }

func (s *Server) setDatabase(path string, wait bool) error {
	s.mu.Lock()
	db, jails := s.db, len(s.jails)
	maxMatches := s.dbOpts.maxMatches
	s.mu.Unlock()
	none := strings.EqualFold(path, "none")
	if db == nil && none || db != nil && db.Path() == path {
		return nil
	}
	if jails > 0 {
		return pyobj.Errorf("RuntimeError", "Cannot change database when there are jails present")
	}
	s.closeDatabase()
	if none {
		return nil
	}
	if err := makeLastDir(path); err != nil && !wait {
		return err
	}
	opened, records, err := store.Open(context.Background(), path, store.Options{
		MaxMatches: maxMatches, Now: s.opt.Clock.Now, Wait: wait,
		Notice:  func(r logbook.Record) { s.book.Log(r) },
		Renewed: func() { go s.storeAgain() },
	})
	s.book.Log(records...)
	if err != nil {
		return err
	}
	if err := opened.DisableAll(); err != nil && !errors.Is(err, store.ErrDeferred) {
		s.logf(logbook.Error, "fail2ban.database", "Cannot mark the jails as stopped: %v", err)
	}
	s.mu.Lock()
	s.db = opened
	s.mu.Unlock()
	return nil
}

// DatabaseHealth tells whether the database can be written; all is well where
// none is configured.
func (s *Server) DatabaseHealth() store.Health {
	if db := s.Database(); db != nil {
		return db.Health()
	}
	return store.Health{}
}

// storeAgain fills a database file that had to be made anew.
func (s *Server) storeAgain() {
	for _, j := range s.Jails() {
		if err := j.StoreAgain(context.Background()); err != nil && !errors.Is(err, jail.ErrStopped) {
			s.logf(logbook.Error, "fail2ban.database", "Cannot store the bans of jail '%s' again: %v", j.Name(), err)
		}
	}
}

// makeLastDir creates the directory of a file if only that one is missing.
func makeLastDir(path string) error {
	if path == ":memory:" {
		return nil
	}
	err := os.Mkdir(filepath.Dir(path), 0o700)
	if err == nil || errors.Is(err, os.ErrExist) {
		return nil
	}
	if errors.Is(err, os.ErrNotExist) {
		return &pyobj.Exception{
			Module: "builtins", Class: "FileNotFoundError",
			Args: pyobj.Tuple{2, "No such file or directory", filepath.Dir(path)},
		}
	}
	return err
}

func (s *Server) closeDatabase() {
	s.mu.Lock()
	db := s.db
	s.db = nil
	s.mu.Unlock()
	if db == nil {
		return
	}
	records, err := db.Close()
	s.book.Log(records...)
	if err != nil {
		s.logf(logbook.Error, "fail2ban.database", "Cannot close the database: %v", err)
	}
}

// DBMaxMatches is dbmaxmatches.
func (s *Server) DBMaxMatches() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dbOpts.maxMatches
}

// SetDBMaxMatches sets dbmaxmatches.
func (s *Server) SetDBMaxMatches(n int) {
	s.mu.Lock()
	s.dbOpts.maxMatches = n
	db := s.db
	s.mu.Unlock()
	if db != nil {
		db.SetMaxMatches(n)
	}
}

// DBPurgeAge is dbpurgeage in seconds, and as Python prints it.
func (s *Server) DBPurgeAge() (seconds float64, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dbOpts.purgeAge, s.dbOpts.purgeText
}

// SetDBPurgeAge sets dbpurgeage.
func (s *Server) SetDBPurgeAge(seconds float64, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dbOpts.purgeAge, s.dbOpts.purgeText = seconds, text
}

func (s *Server) purge() {
	db := s.Database()
	if db == nil {
		return
	}
	age, _ := s.DBPurgeAge()
	if err := db.Purge(s.opt.Clock.Now(), time.Duration(age*float64(time.Second))); err != nil {
		s.logf(logbook.Error, "fail2ban.database", "Cannot purge the database: %v", err)
	}
}

// IPv6 tells whether IPv6 is allowed.
func (s *Server) IPv6() bool {
	s.mu.Lock()
	text := s.ipv6
	s.mu.Unlock()
	switch strings.ToLower(text) {
	case "auto":
		return hasIPv6()
	case "1", "on", "true", "yes":
		return true
	}
	return false
}

// hasIPv6 looks whether the kernel has IPv6 at all.
func hasIPv6() bool {
	if _, err := os.Stat("/proc/net/if_inet6"); err != nil {
		return runtime.GOOS != "linux"
	}
	off, err := os.ReadFile("/proc/sys/net/ipv6/conf/all/disable_ipv6")
	return err != nil || strings.TrimSpace(string(off)) != "1"
}

// SetIPv6 sets allowipv6: auto or a bool.
func (s *Server) SetIPv6(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ipv6 = text
}

// StackSize is the thread option, in KiB. It is kept for those who ask: our
// stacks grow by themselves.
func (s *Server) StackSize() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.thread
}

// SetStackSize sets it.
func (s *Server) SetStackSize(kib int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.thread = kib
}

func (s *Server) writePid() {
	if s.opt.Pidfile == "" {
		return
	}
	err := os.Mkdir(filepath.Dir(s.opt.Pidfile), 0o700)
	if err == nil || errors.Is(err, os.ErrExist) {
		err = os.WriteFile(s.opt.Pidfile, []byte(strconv.Itoa(os.Getpid())+"\n"), 0o600)
	}
	if err != nil {
		s.logf(logbook.Error, logger, "Unable to create PID file: %v", err)
	}
}
