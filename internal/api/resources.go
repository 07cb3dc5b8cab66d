package api

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"stockade/internal/action"
	"stockade/internal/event"
	"stockade/internal/jail"
	"stockade/internal/server"
	"stockade/internal/store"
)

// Status is what GET /v1/status answers.
type Status struct {
	Version string `json:"version"`
	Jails   []Jail `json:"jails"`
	// Database is the path of the database, empty if there is none, and
	// DatabaseFault why it cannot be written at present.
	Database      string         `json:"database"`
	DatabaseFault *DatabaseFault `json:"databaseFault,omitempty"`
	// Problems are what does not work in the present configuration.
	Problems  []server.Problem `json:"problems"`
	LastEvent uint64           `json:"lastEvent"`
	// PausedUntil is the end of a pause of all enforcement.
	PausedUntil *time.Time `json:"pausedUntil,omitempty"`
}

// DatabaseFault says what is wrong with the database. Until it is put right
// the changes are kept in memory.
type DatabaseFault struct {
	// Kind is "locked", "read-only", "full", "corrupt", "newer", "missing" or
	// "error".
	Kind  store.Kind `json:"kind"`
	Error string     `json:"error"`
	Since time.Time  `json:"since"`
	// Waiting counts the changes in memory, Dropped those that were given up
	// because there were too many.
	Waiting int `json:"waiting"`
	Dropped int `json:"dropped"`
}

// Jail is one jail for people and dashboards.
type Jail struct {
	Name          string   `json:"name"`
	Backend       string   `json:"backend"`
	Files         []string `json:"files"`
	Journal       []string `json:"journal,omitempty"`
	Failing       int      `json:"failing"`
	FailuresTotal int      `json:"failuresTotal"`
	Banned        int      `json:"banned"`
	BannedTotal   int      `json:"bannedTotal"`
	Idle          bool     `json:"idle"`
	// Faults say what is broken in the jail; with any it is degraded.
	Faults     []string `json:"faults"`
	OverBudget int      `json:"overBudget"`
	Actions    []Action `json:"actions"`
	// Bans are listed for a single jail.
	Bans []Ban `json:"bans,omitempty"`
}

// Action is one action of a jail.
type Action struct {
	Name string `json:"name"`
	// Native says that no command is run for it; Why says why, or why not.
	Native bool   `json:"native"`
	Why    string `json:"why,omitempty"`
	Report bool   `json:"report"`
	Held   int    `json:"held"`
	// Sets are the sets of nftables that hold them.
	Sets []Set `json:"sets,omitempty"`
	// Waiting to Left say what became of the tickets of a report; Waiting also
	// counts the changes that a far service has not taken yet.
	Waiting int    `json:"waiting"`
	Sent    int    `json:"sent,omitempty"`
	Skipped int    `json:"skipped,omitempty"`
	Failed  int    `json:"failed,omitempty"`
	Dropped int    `json:"dropped"`
	Left    int    `json:"left,omitempty"`
	Error   string `json:"error,omitempty"`
	// ErrorAt is when that was.
	ErrorAt *time.Time `json:"errorAt,omitempty"`
}

// Set is a set of banned addresses in the kernel.
type Set struct {
	Name     string `json:"name"`
	Elements int    `json:"elements"`
	// Packets and Bytes are what its rules stopped, missing where they do not
	// count.
	Packets *uint64 `json:"packets,omitempty"`
	Bytes   *uint64 `json:"bytes,omitempty"`
}

// Ban is one ban.
type Ban struct {
	ID      string    `json:"id"`
	Start   time.Time `json:"start"`
	Seconds int64     `json:"seconds"`
	// End is missing where there is none.
	End *time.Time `json:"end,omitempty"`
}

func (a *Server) status(w http.ResponseWriter, r *http.Request) {
	s := Status{Version: a.srv.Version(), Jails: []Jail{}, LastEvent: a.srv.Events().Last(), Problems: append([]server.Problem{}, a.srv.Problems()...)}
	if db := a.srv.Database(); db != nil {
		s.Database = db.Path()
	}
	if until, paused := a.srv.Paused(); paused {
		s.PausedUntil = &until
	}
	s.DatabaseFault = a.databaseFault()
	for _, j := range a.srv.Jails() {
		if one, err := describe(r, j, false); err == nil {
			s.Jails = append(s.Jails, one)
		}
	}
	answer(w, http.StatusOK, Reply{OK: true, Value: s})
}

func (a *Server) databaseFault() *DatabaseFault {
	h := a.srv.DatabaseHealth()
	if h.Err == nil {
		return nil
	}
	return &DatabaseFault{Kind: h.Kind(), Error: h.Err.Error(), Since: h.Since, Waiting: h.Waiting, Dropped: h.Dropped}
}

func (a *Server) jail(w http.ResponseWriter, r *http.Request) {
	j, err := a.srv.Jail(r.PathValue("jail"))
	if err != nil {
		e := errorOf(err)
		fail(w, statusOf(e), e)
		return
	}
	one, err := describe(r, j, true)
	if err != nil {
		fail(w, http.StatusServiceUnavailable, errorOf(err))
		return
	}
	answer(w, http.StatusOK, Reply{OK: true, Value: one})
}

func describe(r *http.Request, j *jail.Jail, list bool) (Jail, error) {
	v, err := j.View(r.Context(), false)
	if err != nil {
		return Jail{}, err
	}
	one := Jail{
		Name: v.Name, Backend: v.Used, Files: append([]string{}, v.Files...), Failing: v.Failed,
		FailuresTotal: v.FailedTotal, Banned: v.Banned, BannedTotal: v.BannedTotal, Idle: v.Idle,
		Faults: append([]string{}, v.Faults...), OverBudget: v.OverBudget, Actions: []Action{},
	}
	for _, alternative := range v.Journal {
		one.Journal = append(one.Journal, strings.Join(alternative, " "))
	}
	for _, s := range j.Actions().Status() {
		one.Actions = append(one.Actions, describeAction(s))
	}
	if list {
		one.Bans, err = listBans(r, j)
	}
	return one, err
}

func describeAction(s action.Status) Action {
	one := Action{
		Name: s.Name, Native: s.Native, Why: s.Why, Report: s.Report, Held: s.Held, Sets: setsOf(s),
		Waiting: s.Waiting, Sent: s.Sent, Skipped: s.Skipped, Failed: s.Failed, Dropped: s.Dropped, Left: s.Left,
		Error: s.LastError,
	}
	if s.LastError != "" {
		one.ErrorAt = &s.ErrorTime
	}
	return one
}

func setsOf(s action.Status) []Set {
	var out []Set
	for _, set := range s.Sets {
		one := Set{Name: set.Name, Elements: set.Elements}
		if set.Counted {
			one.Packets, one.Bytes = &set.Packets, &set.Bytes
		}
		out = append(out, one)
	}
	return out
}

func listBans(r *http.Request, j *jail.Jail) ([]Ban, error) {
	v, err := j.Do(r.Context(), func(s *jail.State) (any, error) { return s.Bans(true), nil })
	if err != nil {
		return nil, err
	}
	bans := []Ban{}
	for _, b := range v.([]jail.BanView) {
		one := Ban{ID: b.ID, Start: b.Start, Seconds: b.Bantime}
		if b.Bantime >= 0 {
			end := time.Unix(b.Start.Unix()+b.Bantime, int64(b.Start.Nanosecond()))
			one.End = &end
		}
		bans = append(bans, one)
	}
	return bans, nil
}

func (a *Server) bans(w http.ResponseWriter, r *http.Request) {
	j, err := a.srv.Jail(r.PathValue("jail"))
	if err != nil {
		e := errorOf(err)
		fail(w, statusOf(e), e)
		return
	}
	list, err := listBans(r, j)
	if err != nil {
		fail(w, http.StatusServiceUnavailable, errorOf(err))
		return
	}
	answer(w, http.StatusOK, Reply{OK: true, Value: list})
}

func (a *Server) ban(w http.ResponseWriter, r *http.Request) {
	var body struct {
		IDs []string `json:"ids"`
	}
	if !decode(w, r, &body) {
		return
	}
	words := []any{"set", r.PathValue("jail"), "banip"}
	for _, id := range body.IDs {
		words = append(words, id)
	}
	a.run(w, r, words...)
}

func (a *Server) unban(w http.ResponseWriter, r *http.Request) {
	a.run(w, r, "set", r.PathValue("jail"), "unbanip", r.PathValue("id"))
}

// events streams one JSON object a line. With ?after=N it begins behind that
// event, else with the next one. A line {"lost": n} tells a slow reader.
func (a *Server) events(w http.ResponseWriter, r *http.Request) {
	after := a.srv.Events().Last()
	if text := r.URL.Query().Get("after"); text != "" {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			fail(w, http.StatusBadRequest, &Error{"ValueError", "after must be the number of an event"})
			return
		}
		after = n
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.WriteHeader(http.StatusOK)
	flush := http.NewResponseController(w)
	_ = flush.Flush()
	reader := a.srv.Events().Subscribe(r.Context(), after)
	enc := json.NewEncoder(w)
	buf := make([]event.Event, 256)
	for {
		n, lost, err := reader.Next(buf)
		if err != nil {
			return
		}
		if lost > 0 && enc.Encode(map[string]uint64{"lost": lost}) != nil {
			return
		}
		for _, e := range buf[:n] {
			if enc.Encode(e) != nil {
				return
			}
		}
		if flush.Flush() != nil {
			return
		}
	}
}
