package action

import (
	"errors"
	"time"

	"stockade/internal/logbook"
	"stockade/internal/ticket"
	"stockade/internal/web"
)

// deliver carries out what is wanted, in order, and ends when all is done, or
// when there is no time left.
func (m *remote) deliver() {
	for {
		err := m.begin()
		if err != nil && temporary(err) {
			if !m.pauses(err) {
				return
			}
			continue
		}
		m.greeted()
		m.survey()
		s, j := m.next()
		if s == nil {
			return
		}
		j.handle, err = m.carryOut(j)
		if !temporary(err) {
			m.delivered(s, j, err)
			continue
		}
		if j.add {
			m.unsure(s)
		}
		if !m.pauses(err) {
			return
		}
	}
}

// unsure notes that an attempt to add may have succeeded all the same, as where
// only the answer was lost: the address may have to be lifted.
func (m *remote) unsure(s *spot) {
	m.state.Lock()
	defer m.state.Unlock()
	s.there, s.verify = true, s.want
}

func temporary(err error) bool {
	var e *web.Error
	return errors.As(err, &e) && e.Temporary
}

// wishJob is one change that is being delivered.
type wishJob struct {
	edge    web.Edge
	address string
	handle  string
	add     bool
}

// begin greets the service once. One that refuses is asked all the same: each
// wish will say by itself what is wrong.
func (m *remote) begin() error {
	m.state.Lock()
	edge, began := m.edge, m.began || len(m.order) == 0
	m.state.Unlock()
	if began || edge == nil {
		return nil
	}
	return edge.Begin(m.ctx)
}

func (m *remote) greeted() {
	m.state.Lock()
	defer m.state.Unlock()
	m.began = true
}

// next is the first address something is to be done about, nil when there is
// none any more.
func (m *remote) next() (*spot, wishJob) {
	m.state.Lock()
	defer m.state.Unlock()
	for len(m.order) > 0 {
		s := m.spots[m.order[0]]
		if s.want != s.there || s.want && s.verify {
			return s, wishJob{edge: m.edge, address: s.address, handle: s.handle, add: s.want}
		}
		m.drop(s)
	}
	m.idle()
	return nil, wishJob{}
}

// idle says that nothing is under way any more.
func (m *remote) idle() {
	m.busy = false
	for _, w := range m.waiters {
		close(w)
	}
	m.waiters = nil
}

// drop takes the first address out of the order, and forgets it where nothing
// is left of it.
func (m *remote) drop(s *spot) {
	m.order = m.order[1:]
	s.queued = false
	if s.want || s.there {
		return
	}
	delete(m.spots, s.address)
	if db := m.env.database(); db != nil {
		db.KeepErrands(m.env.Jail, m.name, nil, []int64{s.id})
	}
}

func (m *remote) carryOut(j wishJob) (string, error) {
	if j.edge == nil {
		return "", errNoService
	}
	if j.add {
		return j.edge.Add(m.ctx, j.address)
	}
	return "", j.edge.Remove(m.ctx, j.address, j.handle)
}

var errNoService = errors.New("the service is not known")

// survey asks for the list of all bans where many wait whose state or handle
// is not known: one answer for a thousand.
func (m *remote) survey() {
	m.state.Lock()
	unknown := 0
	for _, address := range m.order {
		if s := m.spots[address]; s.want && s.verify || !s.want && s.there && s.handle == "" {
			unknown++
		}
	}
	edge := m.edge
	m.state.Unlock()
	if unknown < bulk || edge == nil {
		return
	}
	list, err := edge.List(m.ctx)
	if err != nil {
		// Then each is asked for by itself.
		return
	}
	m.state.Lock()
	defer m.state.Unlock()
	for _, address := range m.order {
		s := m.spots[address]
		handle, found := list[address]
		switch {
		case found:
			s.there, s.handle = true, handle
		case s.verify || !s.want:
			s.there, s.handle = false, ""
		}
		s.verify = false
	}
}

// pauses waits where a service is out. It is false when there is no time left.
func (m *remote) pauses(err error) bool {
	var e *web.Error
	_ = errors.As(err, &e)
	m.state.Lock()
	if m.ending || m.ctx.Err() != nil {
		m.idle()
		m.state.Unlock()
		return false
	}
	m.tries++
	pause := min(firstPause<<min(m.tries-1, 20), longestPause)
	if e.After > 0 {
		pause = min(e.After, longestWish)
	}
	first, waiting := m.troubled.IsZero(), len(m.order)
	if first {
		m.troubled = m.env.Clock.Now()
	}
	m.state.Unlock()
	if first {
		m.say(logbook.Warning, " cannot enforce now: %v. It is tried again in %v; %d change(s) wait", err, pause.Round(time.Second), waiting)
	}
	timer := m.env.Clock.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C():
	case <-m.stop:
	}
	return true
}

// delivered notes what became of a change.
func (m *remote) delivered(s *spot, j wishJob, err error) {
	m.state.Lock()
	trouble := m.troubled
	m.tries, m.troubled = 0, time.Time{}
	t := s.ticket
	if err == nil {
		s.there, s.handle = j.add, j.handle
	} else {
		// Refused for good: nothing more is tried for this wish.
		s.there = s.want
	}
	s.verify = false
	if s.want == s.there {
		if s.want {
			m.keep(s)
		}
		m.drop(s)
	}
	m.state.Unlock()
	if err == nil && !trouble.IsZero() {
		m.say(logbook.Notice, " enforces again after %v", m.env.Clock.Now().Sub(trouble).Round(time.Second))
	}
	if err != nil {
		m.complain(j, t, err)
	}
}

// complain logs that a change was refused.
func (m *remote) complain(j wishJob, t *ticket.Ticket, err error) {
	if t == nil {
		m.say(logbook.Error, ": %s cannot be lifted: %v", j.address, err)
		return
	}
	kind := Ban
	if !j.add {
		kind = Unban
	}
	var r Result
	m.failed(kind, t, &r, err)
	for _, rec := range r.Logs {
		m.env.Log(rec)
	}
}
