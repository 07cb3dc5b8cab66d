package cli

import (
	"time"

	"stockade/internal/control"
)

// pauseVerb lifts all enforcement for a time.
func (s *stockade) pauseVerb(args []string) int {
	options, rest, err := s.parse(args, "socket=", "conf=")
	if err != nil || len(rest) != 1 {
		return s.misuse("pause", err)
	}
	value, err := s.call(options, []string{control.PauseCommand, rest[0]})
	if err != nil {
		s.complain("%v", err)
		return wentWrong
	}
	s.printf("all enforcement is lifted %s; to put it back before: stockade resume\n", untilText(value))
	return 0
}

func untilText(value any) string {
	seconds, _ := value.(int)
	return "until " + time.Unix(int64(seconds), 0).Format(time.DateTime)
}

// resumeVerb ends a pause.
func (s *stockade) resumeVerb(args []string) int {
	options, rest, err := s.parse(args, "socket=", "conf=")
	if err != nil || len(rest) != 0 {
		return s.misuse("resume", err)
	}
	before, err := s.call(options, []string{control.PausedCommand})
	if err == nil {
		_, err = s.call(options, []string{control.ResumeCommand})
	}
	switch {
	case err != nil:
		s.complain("%v", err)
		return wentWrong
	case before == nil:
		s.printf("there was no pause\n")
	default:
		s.printf("all bans are enforced again\n")
	}
	return 0
}

// printPause tells of a pause behind the status.
func (s *stockade) printPause(options values) {
	if value, err := s.call(options, []string{control.PausedCommand}); err == nil && value != nil {
		s.printf("PAUSED: nothing is enforced %s; to put it back: stockade resume\n", untilText(value))
	}
}
