package jail

import "runtime"

// share lets the filter share its work with those of other jails that are about
// to read the same file.
func (j *Jail) share() {
	s := j.state
	if j.svc.Shares == nil || len(s.paths) != 1 || s.paths[0].Tail || isPattern(s.paths[0]) || j.wantsJournal() {
		return
	}
	j.svc.Shares.Join(s.filter, s.paths[0].Path)
}

// patience is how often others are let go first who share the work on the lines
// and are far behind. One that does not move is not waited for.
const patience = 64

// waitForOthers lets those catch up with whom the work is shared.
func (j *Jail) waitForOthers() {
	for k := 0; k < patience && j.state.filter.Ahead(portion); k++ {
		runtime.Gosched()
	}
}
