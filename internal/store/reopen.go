package store

import (
	"context"
	"os"

	"stockade/internal/logbook"
)

// reopen replaces connections that are of no more use, and the file itself
// when it is broken or gone.
func (s *Store) reopen(ctx context.Context, cause error) bool {
	if s.path == memoryPath {
		return false
	}
	s.commit.Lock()
	defer s.commit.Unlock()
	_, statErr := os.Stat(s.path)
	anew := os.IsNotExist(statErr)
	var log records
	var fresh *files
	var err error
	if isBroken(cause) && !anew {
		anew = true
		fresh, err = s.mend(ctx, cause, &log)
	} else {
		fresh, err = s.openFile(ctx, &log)
	}
	if err != nil && !s.stillOut(err) {
		return false
	}
	for _, r := range log.list {
		if r.Level > logbook.Info || isBroken(cause) {
			s.notice(r)
		}
	}
	if err != nil {
		return false
	}
	// What was committed to a file that could never be opened still waits.
	lost := anew && s.files != nil
	if s.files != nil {
		_ = s.files.close()
	}
	s.files = fresh
	if lost && s.renewed != nil {
		s.renewed()
	}
	return true
}

// stillOut notes why the file cannot be opened, and reports whether that is
// news.
func (s *Store) stillOut(err error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.unopened
	s.unopened = err.Error()
	if s.files == nil || !isLock(err) {
		s.health.Err = err
	}
	return s.unopened != before
}

// suspect tells the writer that a reader found the file broken.
func (s *Store) suspect(err error) {
	if !isBroken(err) {
		return
	}
	s.mu.Lock()
	s.broken = err
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// suspicion takes over what a reader found.
func (s *Store) suspicion() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.broken
	s.broken = nil
	return err
}
