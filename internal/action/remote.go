package action

import (
	"cmp"
	"encoding/json"
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
