package store

// keep adds a request to what waits for the disk. It is called with the lock
// held.
func (s *Store) keep(r *request) {
	if len(r.ops) == 0 {
		return
	}
	s.queue = append(s.queue, r)
	s.health.Waiting += len(r.ops)
	for i := range r.ops {
		s.waiting += r.ops[i].size()
	}
	if s.waiting > maxWaiting {
		s.shrink()
	}
}

// bareData is stored instead of a ban's lines when memory runs short.
var bareData = []byte(`{"matches": [], "failures": 0}`)

// shrink makes room by giving up, in this order and only as far as needed:
// positions that newer ones replace, events, the lines of bans, and the
// oldest changes. Half of the room is free afterwards, so that this is rare.
func (s *Store) shrink() {
	all := &request{}
	for _, r := range s.queue {
		all.ops = append(all.ops, r.ops...)
	}
	const aim = maxWaiting / 2
	all.ops = latestPositions(all.ops)
	if total(all.ops) > aim {
		n := len(all.ops)
		all.ops = without(all.ops, func(o *op) bool { return o.kind == opEvent })
		s.health.Dropped += n - len(all.ops)
	}
	if total(all.ops) > aim {
		for i := range all.ops {
			if o := &all.ops[i]; o.kind == opBan {
				o.data = bareData
			}
		}
	}
	size := total(all.ops)
	for size > aim {
		size -= all.ops[0].size()
		all.ops = all.ops[1:]
		s.health.Dropped++
	}
	s.queue = []*request{all}
	s.waiting = size
	s.health.Waiting = len(all.ops)
}

func total(ops []op) (n int) {
	for i := range ops {
		n += ops[i].size()
	}
	return n
}

func without(ops []op, drop func(*op) bool) []op {
	kept := ops[:0]
	for i := range ops {
		if !drop(&ops[i]) {
			kept = append(kept, ops[i])
		}
	}
	return kept
}

// latestPositions drops every position that a later one replaces.
func latestPositions(ops []op) []op {
	type key struct{ jail, path string }
	last := map[key]int{}
	for i := range ops {
		if ops[i].kind == opPosition {
			last[key{ops[i].jail, ops[i].text}] = i
		}
	}
	kept := ops[:0]
	for i := range ops {
		if ops[i].kind != opPosition || last[key{ops[i].jail, ops[i].text}] == i {
			kept = append(kept, ops[i])
		}
	}
	return kept
}

// pending calls f for each change that is not on the disk because the disk is
// out, oldest first. Readers lay it over what they read, so that a ban is not
// forgotten while it waits.
func (s *Store) pending(f func(*op)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.health.Err == nil {
		return
	}
	for _, list := range [][]*request{s.inflight, s.queue} {
		for _, r := range list {
			for i := range r.ops {
				f(&r.ops[i])
			}
		}
	}
}
