package server

import (
	"context"
	"strings"
	"time"

	"stockade/internal/clock"
	"stockade/internal/logbook"
)

// sweepAfter is when a server looks the first time for what former jails have
// left in the kernel. A run that ended leaves bans for a minute; by then they
// are gone, and every jail that there is has taken up its own.
const sweepAfter = 90 * time.Second

// sweep removes the sets of jails that were configured in an earlier run and
// are no more, as soon as they hold nothing.
func (s *Server) sweep(ctx context.Context, timer clock.Timer) {
	defer timer.Stop()
	for {
		select {
		case <-timer.C():
		case <-ctx.Done():
			return
		}
		left := s.removeFormer()
		if left == 0 {
			return
		}
		timer.Reset(max(left+time.Second, sweepAfter))
	}
}

// removeFormer tells when the last ban that a former jail has left ends, 0 if
// there is none to wait for.
func (s *Server) removeFormer() (left time.Duration) {
	db := s.Database()
	if db == nil {
		return 0
	}
	names, err := db.FormerJails()
	if err != nil || len(names) == 0 {
		// What is wrong with the database is told by those who need it.
		return 0
	}
	conn, err := s.kernel.open()
	if err != nil {
		// Without nftables nothing was left there.
		return 0
	}
	for _, name := range names {
		gone, until, err := conn.RemoveFormer(name)
		if err != nil {
			s.logf(logbook.Warning, logger, "Unable to remove what jail %s has left in the kernel: %v", name, err)
		}
		if len(gone) > 0 {
			s.logf(logbook.Info, logger, "Removed %s, as there is no jail %s any more", strings.Join(gone, ", "), name)
		}
		left = max(left, until)
	}
	return left
}
