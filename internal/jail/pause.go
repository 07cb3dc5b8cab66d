package jail

import (
	"time"

	"stockade/internal/action"
)

// Pause lifts all enforcement of the jail, or puts it back. The bans go on to be
// decided and to end. done is called when the kernel has it.
func (j *Jail) Pause(on bool, done func(error)) {
	finish := func(r action.Result) {
		j.svc.Log(r.Logs...)
		done(r.Err)
	}
	j.mu.Lock()
	live := j.live
	j.mu.Unlock()
	if !live {
		done(nil)
		return
	}
	ok := j.box.put(Call{Fn: func(s *State, _ time.Time) {
		if on {
			j.set.Pause(copies(s.bans.List()), finish)
		} else {
			j.set.Resume(copies(s.bans.List()), finish)
		}
	}})
	if !ok {
		done(ErrStopped)
	}
}
