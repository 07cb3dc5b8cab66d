package control

import (
	"fmt"
	"time"

	"stockade/internal/pyexpr"
	"stockade/internal/pyobj"
	"stockade/internal/server"
)

// The commands that lift all enforcement for a time, and put it back. They are
// ours alone. PauseCommand has one word, the time; its answer is the end of the
// pause. PausedCommand asks for that end: nil while there is no pause.
const (
	PauseCommand  = "stockade-pause"
	ResumeCommand = "stockade-resume"
	PausedCommand = "stockade-paused"
)

func pause(c *call) (any, error) {
	if len(c.words) != 2 {
		return nil, pyobj.Builtin("Exception", "a pause needs a time, as 10m")
	}
	seconds, err := pyexpr.Seconds(pyobj.Str(c.words[1]))
	if err != nil {
		return nil, err
	}
	f, ok := seconds.Float64()
	if !ok || f <= 0 || f > server.LongestPause.Seconds() {
		return nil, pyobj.Builtin("ValueError", fmt.Sprintf("a pause lasts between a second and %v", server.LongestPause))
	}
	until, err := c.srv.Pause(time.Duration(f * float64(time.Second)))
	if err != nil {
		return nil, err
	}
	return int(until.Unix()), nil
}

func resume(c *call) (any, error) { return nil, c.srv.Resume() }

func paused(c *call) (any, error) {
	until, on := c.srv.Paused()
	if !on {
		return nil, nil
	}
	return int(until.Unix()), nil
}
