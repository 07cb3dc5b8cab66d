package server

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"stockade/internal/jail"
	"stockade/internal/logbook"
)

// LongestPause is the longest time for which enforcement can be lifted, so that
// a forgotten pause does not leave a machine open for good.
const LongestPause = 24 * time.Hour

// pause is the time without enforcement.
type pause struct {
	mu    sync.Mutex
	until time.Time
	// over is closed when the pause was ended by hand or prolonged.
	over chan struct{}
}

// Paused tells until when enforcement is lifted.
func (s *Server) Paused() (until time.Time, paused bool) {
	s.pause.mu.Lock()
	defer s.pause.mu.Unlock()
	return s.pause.until, !s.pause.until.IsZero()
}

// Pause lifts all enforcement of all jails, those of a later reload too, for a
// time. Bans go on to be decided and to end; what is in force at the end of the
// pause is put back. A second call sets the end anew.
func (s *Server) Pause(d time.Duration) (until time.Time, err error) {
	if d <= 0 || d > LongestPause {
		return until, fmt.Errorf("a pause lasts between a second and %v", LongestPause)
	}
	s.reload.Lock()
	defer s.reload.Unlock()
	until = s.opt.Clock.Now().Add(d)
	s.beginPause(until, d)
	s.logf(logbook.Warning, logger, "All enforcement is lifted until %s; stockade resume puts it back at once", until.Format(time.DateTime))
	return until, s.pauseJails(true)
}

func (s *Server) beginPause(until time.Time, d time.Duration) {
	s.pause.mu.Lock()
	defer s.pause.mu.Unlock()
	if s.pause.over != nil {
		close(s.pause.over)
	}
	over := make(chan struct{})
	s.pause.until, s.pause.over = until, over
	timer := s.opt.Clock.NewTimer(d)
	go func() {
		defer timer.Stop()
		select {
		case <-timer.C():
			if err := s.resume(over); err != nil {
				s.logf(logbook.Error, logger, "After the pause: %v", err)
			}
		case <-over:
		case <-s.done:
		}
	}()
}

// Resume ends a pause now.
func (s *Server) Resume() error { return s.resume(nil) }

// resume ends the pause, or only the one that it was called for.
func (s *Server) resume(which chan struct{}) error {
	s.reload.Lock()
	defer s.reload.Unlock()
	s.pause.mu.Lock()
	if s.pause.over == nil || which != nil && s.pause.over != which {
		s.pause.mu.Unlock()
		return nil
	}
	close(s.pause.over)
	s.pause.until, s.pause.over = time.Time{}, nil
	s.pause.mu.Unlock()
	s.logf(logbook.Notice, logger, "Enforcement is put back")
	return s.pauseJails(false)
}

// pauseJails tells all jails and waits until they are done.
func (s *Server) pauseJails(on bool) error {
	s.mu.Lock()
	all := slices.Clone(s.jails)
	s.mu.Unlock()
	answers := make(chan error, len(all))
	for _, j := range all {
		j.Pause(on, func(err error) {
			if err != nil && !errors.Is(err, jail.ErrStopped) {
				err = fmt.Errorf("jail %s: %w", j.Name(), err)
			} else {
				err = nil
			}
			answers <- err
		})
	}
	var errs []error
	for range all {
		select {
		case err := <-answers:
			errs = append(errs, err)
		case <-s.done:
			return errors.Join(errs...)
		}
	}
	return errors.Join(errs...)
}
