package action

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"stockade/internal/logbook"
	"stockade/internal/store"
	"stockade/internal/ticket"
	"stockade/internal/web"
)

const (
	// remoteGrace is how long a stop waits for a far service.
	remoteGrace = 10 * time.Second
	// bulk is from how many bans on one list of all is asked for instead of
	// one question for each.
	bulk = 10
)

// remote enforces bans at a far service, such as Cloudflare. It answers at
// once and delivers in order by a goroutine of its own, so that the service's
// pace is nobody else's; what it cannot deliver it tries again until it can,
// and the database keeps what has to be lifted one day. There is at most one
// wish for each address, the latest, so what waits is bounded by the bans.
type remote struct {
	plainForm
	*line

	state sync.Mutex
	edge  web.Edge
	// order are the addresses that something is to be done about.
	order []string
	spots map[string]*spot
	busy  bool
	// began says that the service answered to the parameters as they are.
	began, ending bool
	lastID        int64
	tries         int
	troubled      time.Time
	waiters       []chan struct{}
	stop          chan struct{}
	stopOnce      sync.Once
}

// spot is what is known and wanted of one address.
type spot struct {
	id      int64
	address string
	// ticket is what led to the wish, for the log.
	ticket *ticket.Ticket
	// want says whether it is to be there, there whether it is as far as we
	// know; queued that it is in the order.
	want, there, queued bool
	// verify is set where it may be there or not, as after a restart.
	verify bool
	handle string
	// claimed is set by a ban of this run; what nobody claims is lifted.
	claimed bool
}

// kept is a spot in the database.
type keptSpot struct {
	Address string `json:"address"`
	Handle  string `json:"handle,omitempty"`
	Lift    bool   `json:"lift,omitempty"`
}

func newRemote(p parts) native {
	return &remote{line: newLine(p), spots: map[string]*spot{}, stop: make(chan struct{})}
}

// far marks what waits for a network: it goes the way of the commands.
func (m *remote) far() {}

func (m *remote) start(*[]logbook.Record) error {
	if err := m.connect(); err != nil {
		return m.fault("starting", err)
	}
	m.recall()
	return nil
}

// connect makes the client of the service.
func (m *remote) connect() error {
	m.state.Lock()
	defer m.state.Unlock()
	if m.edge != nil {
		return nil
	}
	client, err := m.open()
	if err != nil {
		return err
	}
	m.edge, err = web.NewEdge(m.kind, client, m.get)
	return err
}

// recall takes up what an earlier run left at the service.
func (m *remote) recall() {
	db := m.env.database()
	if db == nil {
		return
	}
	list, err := db.Errands(m.env.Jail, m.name)
	if err != nil {
		m.say(logbook.Error, ": %v", err)
		return
	}
	m.state.Lock()
	defer m.state.Unlock()
	for _, e := range list {
		var k keptSpot
		if json.Unmarshal(e.Data, &k) != nil || k.Address == "" || m.spots[k.Address] != nil {
			continue
		}
		m.lastID = max(m.lastID, e.ID)
		s := &spot{id: e.ID, address: k.Address, handle: k.Handle, there: true, want: !k.Lift}
		m.spots[k.Address] = s
		if k.Lift {
			m.enqueue(s)
		}
	}
}

func (m *remote) apply(kind JobKind, tickets []*ticket.Ticket, results []*Result) {
	if kind == Prolong {
		return
	}
	if err := m.connect(); err != nil {
		for i, t := range tickets {
			m.failed(kind, t, results[i], err)
		}
		return
	}
	m.state.Lock()
	defer m.state.Unlock()
	for _, t := range tickets {
		m.wish(t.Address().String(), kind != Unban, kind == Reban || t.Restored, t)
	}
}

// wish notes what is wanted of an address.
func (m *remote) wish(address string, want, verify bool, t *ticket.Ticket) {
	s := m.spots[address]
	if s == nil {
		if !want {
			return
		}
		m.lastID = max(m.lastID+1, m.env.Clock.Now().UnixMicro())
		s = &spot{id: m.lastID, address: address}
		m.spots[address] = s
	}
	s.want, s.ticket = want, t
	s.claimed = s.claimed || want
	s.verify = want && verify
	m.keep(s)
	m.enqueue(s)
}

// keep stores what has to be done about an address if this run ends here.
func (m *remote) keep(s *spot) {
	db := m.env.database()
	if db == nil {
		return
	}
	data, err := json.Marshal(keptSpot{Address: s.address, Handle: s.handle, Lift: !s.want})
	if err == nil {
		db.KeepErrands(m.env.Jail, m.name, []store.Errand{{ID: s.id, Data: data}}, nil)
	}
}

func (m *remote) enqueue(s *spot) {
	if !s.queued {
		s.queued = true
		m.order = append(m.order, s.address)
	}
	if !m.busy {
		m.busy = true
		go m.deliver()
	}
}

// settle lifts what an earlier run left and nobody banned again.
func (m *remote) settle() error {
	m.state.Lock()
	defer m.state.Unlock()
	for _, s := range m.wanted() {
		if !s.claimed {
			m.wish(s.address, false, false, nil)
		}
	}
	return nil
}

func (m *remote) canFlush() bool { return m.held() > 0 }

// flush lifts all bans.
func (m *remote) flush() error {
	m.state.Lock()
	defer m.state.Unlock()
	for _, s := range m.wanted() {
		m.wish(s.address, false, false, s.ticket)
	}
	return nil
}

// wanted are the bans in the order in which they came.
func (m *remote) wanted() []*spot {
	var list []*spot
	for _, s := range m.spots {
		if s.want {
			list = append(list, s)
		}
	}
	slices.SortFunc(list, func(a, b *spot) int { return cmp.Compare(a.id, b.id) })
	return list
}

func (m *remote) held() int {
	m.state.Lock()
	defer m.state.Unlock()
	return len(m.wanted())
}

// waiting is how many addresses something is to be done about.
func (m *remote) waiting() int {
	m.state.Lock()
	defer m.state.Unlock()
	return len(m.order)
}

// end waits a while for what is under way. Bans that are to be left stay at
// the service: the database knows them, and the next run takes them over.
// Where there is no database nobody would, so they are lifted.
func (m *remote) end(mode StopMode) error {
	if mode == Leave && m.env.database() == nil {
		_ = m.flush()
	}
	m.state.Lock()
	m.ending = true
	idle := make(chan struct{})
	if m.busy {
		m.waiters = append(m.waiters, idle)
	} else {
		close(idle)
	}
	m.stopOnce.Do(func() { close(m.stop) })
	m.state.Unlock()
	timer := m.env.Clock.NewTimer(remoteGrace)
	defer timer.Stop()
	select {
	case <-idle:
	case <-timer.C():
	}
	m.cancel()
	m.close()
	if n := m.waiting(); n > 0 {
		after := "they are tried again at the next start"
		if m.env.database() == nil {
			after = "they have to be looked after by hand"
		}
		return m.fault("stopping", fmt.Errorf("%d changes could not be delivered; %s", n, after))
	}
	return nil
}

func (m *remote) reload() error {
	m.close()
	m.state.Lock()
	m.edge, m.began = nil, false
	m.state.Unlock()
	if err := m.connect(); err != nil {
		return m.fault("reloading", err)
	}
	return nil
}

func (m *remote) quit() { m.cancel() }

func (m *remote) say(level logbook.Level, format string, args ...any) {
	text := fmt.Sprintf("[%s] action '%s'", m.env.Jail, m.name) + fmt.Sprintf(format, args...)
	m.env.Log(logbook.Record{Level: level, Logger: logActions, Text: text})
}

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
