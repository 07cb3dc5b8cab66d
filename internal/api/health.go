package api

import (
	"context"
	"net/http"
	"os"
	"time"

	"stockade/internal/action"
	"stockade/internal/ipaddr"
	"stockade/internal/jail"
	"stockade/internal/server"
)

// Health is what GET /v1/health answers: what a server knows of itself that
// tells whether it protects its machine. It asks the kernel.
type Health struct {
	Version string    `json:"version"`
	PID     int       `json:"pid"`
	Time    time.Time `json:"time"`
	// Zone is the time zone in which dates without one are read.
	Zone string `json:"zone"`
	// Log is where the server's own log goes.
	Log           LogHealth        `json:"log"`
	Database      string           `json:"database"`
	DatabaseFault *DatabaseFault   `json:"databaseFault,omitempty"`
	PausedUntil   *time.Time       `json:"pausedUntil,omitempty"`
	Problems      []server.Problem `json:"problems"`
	Jails         []JailHealth     `json:"jails"`
}

// LogHealth is the state of the server's own log.
type LogHealth struct {
	Target string `json:"target"`
	// Lost counts the records that the target refused since it last took one.
	Lost int `json:"lost"`
}

// JailHealth is the state of one jail.
type JailHealth struct {
	Jail
	Started  bool          `json:"started"`
	Sources  []Source      `json:"sources"`
	Enforced []Enforcement `json:"enforced"`
}

// Source is one log file of a jail, or the journal.
type Source struct {
	Path string `json:"path"`
	// Waiting says that there is no such file yet, Error why it is not read.
	Waiting bool   `json:"waiting,omitempty"`
	Error   string `json:"error,omitempty"`
	// CaughtUp says that its end was reached once; Lag counts the bytes that are
	// written and not dealt with.
	CaughtUp bool  `json:"caughtUp"`
	Lag      int64 `json:"lag"`
	// Lines counts all, Cut those that were too long, Undated those without a
	// valid date, Odd those whose date was far from the present; the runs are
	// those of them since the last good line.
	Lines      uint64 `json:"lines"`
	Cut        uint64 `json:"cut"`
	Undated    uint64 `json:"undated"`
	Odd        uint64 `json:"odd"`
	UndatedRun uint64 `json:"undatedRun"`
	OddRun     uint64 `json:"oddRun"`
	// OddSeconds is by how much the last odd date was off.
	OddSeconds int64 `json:"oddSeconds,omitempty"`
	// ReadAt is when the last line was dealt with, Dated the last date in one.
	ReadAt *time.Time `json:"readAt,omitempty"`
	Dated  *time.Time `json:"dated,omitempty"`
}

// Enforcement is what one action has in the kernel against what it should.
type Enforcement struct {
	Action string `json:"action"`
	// Ports and Protocols are what it closes, as configured.
	Ports     string `json:"ports,omitempty"`
	Protocols string `json:"protocols,omitempty"`
	AllPorts  bool   `json:"allPorts"`
	// By is "nftables" or "iptables", "" where only the action's own commands
	// know what they did; the rest is then empty.
	By     string   `json:"by,omitempty"`
	Table  string   `json:"table,omitempty"`
	Chains []string `json:"chains,omitempty"`
	Hook   string   `json:"hook,omitempty"`
	Holder string   `json:"holder,omitempty"`
	// Missing says which rule, chain or set is gone.
	Missing string `json:"missing,omitempty"`
	// Lacking counts the bans that the kernel does not hold, Extra what it holds
	// without a ban; some of them are named.
	Lacking     int      `json:"lacking"`
	Extra       int      `json:"extra"`
	LackingSome []string `json:"lackingSome,omitempty"`
	ExtraSome   []string `json:"extraSome,omitempty"`
	// Error says why the kernel could not be asked.
	Error string `json:"error,omitempty"`
}

// named is how many addresses are named where some are meant.
const named = 5

func (a *Server) health(w http.ResponseWriter, r *http.Request) {
	answer(w, http.StatusOK, Reply{OK: true, Value: a.measure(r)})
}

func (a *Server) measure(r *http.Request) Health {
	book := a.srv.Book()
	now := time.Now()
	zone, _ := now.Zone()
	h := Health{
		Version: a.srv.Version(), PID: os.Getpid(), Time: now, Zone: zone,
		Log:           LogHealth{Target: book.Target(), Lost: book.Lost()},
		DatabaseFault: a.databaseFault(), Jails: []JailHealth{},
		Problems: append([]server.Problem{}, a.srv.Problems()...),
	}
	if db := a.srv.Database(); db != nil {
		h.Database = db.Path()
	}
	until, paused := a.srv.Paused()
	if paused {
		h.PausedUntil = &until
	}
	for _, j := range a.srv.Jails() {
		if one, err := measureJail(r, j, paused); err == nil {
			h.Jails = append(h.Jails, one)
		}
	}
	return h
}

func measureJail(r *http.Request, j *jail.Jail, paused bool) (JailHealth, error) {
	described, err := describe(r, j, false)
	if err != nil {
		return JailHealth{}, err
	}
	one := JailHealth{Jail: described, Started: j.Running(), Sources: []Source{}, Enforced: []Enforcement{}}
	if one.Sources, err = sources(r.Context(), j); err != nil || paused {
		return one, err
	}
	bans, err := listBans(r, j)
	if err != nil {
		return one, err
	}
	for _, in := range j.Actions().Inspect() {
		one.Enforced = append(one.Enforced, compare(&in, bans))
	}
	return one, nil
}

func sources(ctx context.Context, j *jail.Jail) ([]Source, error) {
	views, err := j.Sources(ctx)
	out := []Source{}
	for _, v := range views {
		s := Source{
			Path: v.Path, Waiting: v.Waiting, CaughtUp: v.CaughtUp, Lag: v.Lag,
			Lines: v.Lines, Cut: v.Cut, Undated: v.Undated, Odd: v.Odd,
			UndatedRun: v.UndatedRun, OddRun: v.OddRun, OddSeconds: int64(v.OddBy / time.Second),
			ReadAt: timeOrNil(v.ReadAt), Dated: timeOrNil(v.Dated),
		}
		if v.Err != nil {
			s.Error = v.Err.Error()
		}
		out = append(out, s)
	}
	return out, err
}

func timeOrNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// compare sets what the kernel holds against the bans.
func compare(in *action.Inspection, bans []Ban) Enforcement {
	e := Enforcement{
		Action: in.Name, Ports: in.Ports, Protocols: in.Protocols, AllPorts: in.AllPorts,
		By: in.By, Table: in.Table, Chains: in.Chains, Hook: in.Hook, Holder: in.Holder, Missing: in.Missing,
	}
	if in.Err != nil {
		e.Error = in.Err.Error()
	}
	if in.By == "" || in.Err != nil {
		return e
	}
	var held, wanted ipaddr.Set
	for _, id := range in.Holds {
		held.Add(id)
	}
	for _, b := range bans {
		id := ipaddr.Parse(b.ID)
		if !id.IsAddr() && !id.IsNet() {
			continue
		}
		wanted.Add(id)
		// A set of addresses holds a network as all of its addresses.
		if !held.Contains(id) && !(id.IsNet() && in.By == "iptables" && held.Contains(ipaddr.FromAddr(id.Prefix().Addr()))) {
			e.Lacking++
			e.LackingSome = some(e.LackingSome, b.ID)
		}
	}
	for _, id := range in.Holds {
		if !wanted.Contains(id) {
			e.Extra++
			e.ExtraSome = some(e.ExtraSome, id.String())
		}
	}
	return e
}

func some(list []string, id string) []string {
	if len(list) == named {
		return list
	}
	return append(list, id)
}
