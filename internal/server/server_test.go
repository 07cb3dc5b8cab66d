package server

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"stockade/internal/action"
	"stockade/internal/clock"
	"stockade/internal/event"
	"stockade/internal/filter"
	"stockade/internal/ipaddr"
	"stockade/internal/jail"
	"stockade/internal/logbook"
)

// host is a server in a directory of its own.
type host struct {
	*testing.T
	dir    string
	clock  clock.Clock
	server *Server
	events *event.Reader
}

func newHost(t *testing.T) *host {
	h := &host{T: t, dir: t.TempDir()}
	h.boot()
	t.Cleanup(func() { h.server.Shutdown(action.Lift) })
	return h
}

// boot starts the server, as after a restart of the machine.
func (h *host) boot() {
	h.Helper()
	book := logbook.New(logbook.Options{})
	if err := book.SetTarget(h.path("fail2ban.log")); err != nil {
		h.Fatal(err)
	}
	h.server = New(Options{Clock: h.clock, Book: book, Version: "1.1.1", Zone: time.UTC})
	h.server.Begin()
	if err := h.server.SetDatabase(h.path("db.sqlite3")); err != nil {
		h.Fatal(err)
	}
	h.events = h.server.Events().Subscribe(h.Context(), 0)
}

func (h *host) path(name string) string { return filepath.Join(h.dir, name) }

// await waits for an event of a kind about an ID.
func (h *host) await(kind event.Kind, id string) {
	h.Helper()
	ctx, cancel := context.WithTimeout(h.Context(), 20*time.Second)
	defer cancel()
	timeout := context.AfterFunc(ctx, func() { h.server.Events().Publish(event.Event{Kind: "timeout"}) })
	defer timeout()
	buf := make([]event.Event, 64)
	for {
		n, _, err := h.events.Next(buf[:1])
		if err != nil {
			h.Fatal(err)
		}
		for _, e := range buf[:n] {
			if e.Kind == kind && e.ID == id {
				return
			}
			if e.Kind == "timeout" {
				h.Fatalf("no %s of %s; the log says:\n%s", kind, id, h.log())
			}
		}
	}
}

func (h *host) log() string {
	text, err := os.ReadFile(h.path("fail2ban.log"))
	if err != nil {
		h.Fatal(err)
	}
	return string(text)
}

// append writes lines of the present time to a log.
func (h *host) append(file string, lines ...string) {
	h.Helper()
	f, err := os.OpenFile(h.path(file), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		h.Fatal(err)
	}
	defer f.Close()
	for _, ln := range lines {
		fmt.Fprintf(f, "%s %s\n", time.Now().UTC().Format("2006-01-02 15:04:05"), ln)
	}
}

// spec is a jail as a stage sets it up.
type spec struct {
	name    string
	regexes []string
	log     string
	pending bool
	actions []jail.ActionSpec
	bantime int64
}

// commit makes these jails the configuration.
func (h *host) commit(specs ...spec) {
	h.Helper()
	stage := h.server.NewStage()
	for _, s := range specs {
		if err := stage.AddJail(s.name, "auto"); err != nil {
			h.Fatal(err)
		}
		j, err := stage.Jail(s.name)
		if err != nil {
			h.Fatal(err)
		}
		h.configure(stage, j, s)
		if err := stage.StartJail(s.name); err != nil {
			h.Fatal(err)
		}
	}
	if err := stage.Commit(h.Context(), Scope{}); err != nil {
		h.Fatal(err)
	}
}

func (h *host) configure(stage *Stage, j *jail.Jail, s spec) {
	for _, re := range s.regexes {
		_, err := j.Do(h.Context(), func(st *jail.State) (any, error) {
			return nil, st.Filter().AddFailregex(filter.Rule{Text: re})
		})
		if err := stage.Tried(s.name, Failregex, "failregex", err); err != nil {
			h.Fatal(err)
		}
	}
	_, err := j.Do(h.Context(), func(st *jail.State) (any, error) {
		st.SetMaxRetry(2)
		st.SetBanTime(max(s.bantime, 600))
		if s.log != "" {
			st.AddLogPath(jail.LogPath{Path: h.path(s.log), Pending: s.pending})
		}
		for _, a := range s.actions {
			if err := st.AddAction(a); err != nil {
				return nil, err
			}
		}
		return nil, nil
	})
	if err != nil {
		h.Fatal(err)
	}
}

func (h *host) view(name string) jail.View {
	h.Helper()
	j, err := h.server.Jail(name)
	if err != nil {
		h.Fatal(err)
	}
	v, err := j.View(h.Context(), true)
	if err != nil {
		h.Fatal(err)
	}
	return v
}

// writer is an action that notes what it is told in a file.
func (h *host) writer(name string) jail.ActionSpec {
	note := func(what string) string { return "echo " + what + " >>" + h.path(name+".out") }
	return jail.ActionSpec{Name: name, Props: []jail.Prop{
		{Name: "actionstart", Value: note("start")},
		{Name: "actionstop", Value: note("stop")},
		{Name: "actionban", Value: note("ban <ip>")},
		{Name: "actionunban", Value: note("unban <ip>")},
	}}
}

func (h *host) wrote(name string) []string {
	text, err := os.ReadFile(h.path(name + ".out"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		h.Fatal(err)
	}
	return strings.Fields(strings.ReplaceAll(string(text), " ", "_"))
}

const badRegex = `^ bad <HOST>$`

func TestALogLineLeadsToABanInActionAndDatabase(t *testing.T) {
	h := newHost(t)
	h.append("a.log")
	h.commit(spec{name: "a", regexes: []string{badRegex}, log: "a.log", actions: []jail.ActionSpec{h.writer("w")}})
	h.append("a.log", "bad 192.0.2.1", "bad 192.0.2.1")
	h.await(event.Ban, "192.0.2.1")
	if got, want := h.wrote("w"), []string{"start", "ban_192.0.2.1"}; !slices.Equal(got, want) {
		t.Errorf("the action did %q, want %q", got, want)
	}
	h.server.Shutdown(action.Lift)
	if got, want := h.wrote("w"), []string{"start", "ban_192.0.2.1", "unban_192.0.2.1", "stop"}; !slices.Equal(got, want) {
		t.Errorf("the action did %q, want %q", got, want)
	}
	h.boot()
	h.commit(spec{name: "a", regexes: []string{badRegex}, log: "a.log"})
	h.await(event.Restore, "192.0.2.1")
	if v := h.view("a"); v.Banned != 1 || v.FailedTotal != 0 {
		t.Errorf("after a restart: %+v; lines were read twice or the ban is lost", v)
	}
}

func TestFailuresSurviveAnOrderlyRestart(t *testing.T) {
	h := newHost(t)
	h.append("a.log")
	a := spec{name: "a", regexes: []string{badRegex}, log: "a.log"}
	h.commit(a)
	h.append("a.log", "bad 192.0.2.1")
	h.await(event.Found, "192.0.2.1")
	h.server.Shutdown(action.Leave)
	h.boot()
	h.commit(a)
	h.append("a.log", "bad 192.0.2.1")
	h.await(event.Ban, "192.0.2.1")
}

func TestABrokenJailCostsOnlyItself(t *testing.T) {
	h := newHost(t)
	h.append("a.log")
	bad := spec{name: "bad", regexes: []string{"(", "[<HOST>"}, log: "a.log"}
	half := spec{name: "half", regexes: []string{"(", badRegex}, log: "a.log"}
	good := spec{name: "good", regexes: []string{badRegex}, log: "a.log"}
	h.commit(bad, half, good)
	var names []string
	for _, j := range h.server.Jails() {
		names = append(names, j.Name())
	}
	if want := []string{"half", "good"}; !slices.Equal(names, want) {
		t.Fatalf("jails %q, want %q", names, want)
	}
	if v := h.view("half"); len(v.Faults) != 1 {
		t.Errorf("faults of the jail with one bad regex of two: %q", v.Faults)
	}
	if v := h.view("good"); len(v.Faults) != 0 {
		t.Errorf("faults of the good jail: %q", v.Faults)
	}
	// A reload with an error in it changes nothing that worked.
	broken := good
	broken.regexes = []string{"("}
	h.commit(broken)
	if _, err := h.server.Jail("good"); err != nil {
		t.Fatal("the jail is gone after a reload that broke it")
	}
	h.append("a.log", "bad 192.0.2.1", "bad 192.0.2.1")
	h.await(event.Ban, "192.0.2.1")
}

func TestReloadTakesActionsOver(t *testing.T) {
	h := newHost(t)
	h.append("a.log")
	a := spec{name: "a", regexes: []string{badRegex}, log: "a.log", actions: []jail.ActionSpec{h.writer("old")}}
	h.commit(a)
	h.append("a.log", "bad 192.0.2.1", "bad 192.0.2.1")
	h.await(event.Ban, "192.0.2.1")
	a.actions = []jail.ActionSpec{h.writer("new")}
	h.commit(a)
	if got, want := h.wrote("old"), []string{"start", "ban_192.0.2.1", "unban_192.0.2.1", "stop"}; !slices.Equal(got, want) {
		t.Errorf("the removed action did %q, want %q", got, want)
	}
	if got, want := h.wrote("new"), []string{"start", "ban_192.0.2.1"}; !slices.Equal(got, want) {
		t.Errorf("the added action did %q, want %q", got, want)
	}
	if v := h.view("a"); v.Banned != 1 || v.BannedTotal != 1 {
		t.Errorf("after the reload: %+v", v)
	}
}

func TestALogThatAppearsLaterIsRead(t *testing.T) {
	h := newHost(t)
	h.commit(
		spec{name: "a", regexes: []string{badRegex}, log: "later/a.log", pending: true},
		spec{name: "b", regexes: []string{badRegex}, log: "later/*.log", pending: true})
	if err := os.Mkdir(h.path("later"), 0o700); err != nil {
		t.Fatal(err)
	}
	h.append("later/a.log", "bad 192.0.2.1", "bad 192.0.2.1")
	h.await(event.Ban, "192.0.2.1")
	h.await(event.Ban, "192.0.2.1")
}

func TestManualBansAnswerWhenTheyAreDone(t *testing.T) {
	h := newHost(t)
	h.commit(spec{name: "a", regexes: []string{badRegex}, actions: []jail.ActionSpec{h.writer("w")}})
	j, err := h.server.Jail("a")
	if err != nil {
		t.Fatal(err)
	}
	n, err := j.BanIP(t.Context(), event.Who{Kind: "command"}, []ipaddr.ID{ipaddr.Parse("192.0.2.1"), ipaddr.Parse("192.0.2.1")})
	if n != 1 || err != nil {
		t.Errorf("banned %d, %v", n, err)
	}
	if got, want := h.wrote("w"), []string{"start", "ban_192.0.2.1"}; !slices.Equal(got, want) {
		t.Errorf("the action did %q, want %q", got, want)
	}
	n, err = j.UnbanIP(t.Context(), []ipaddr.ID{ipaddr.Parse("192.0.2.0/24")})
	if n != 1 || err != nil {
		t.Errorf("unbanned %d, %v", n, err)
	}
	_, known, err := h.server.Database().History("192.0.2.1", "a", false)
	if err != nil || known {
		t.Errorf("the database still knows the ban (%v)", err)
	}
}

func TestPlanTellsWhatAReloadWouldChange(t *testing.T) {
	h := newHost(t)
	h.append("a.log")
	a := spec{name: "a", regexes: []string{badRegex}, log: "a.log", actions: []jail.ActionSpec{h.writer("w")}}
	h.commit(a, spec{name: "b", regexes: []string{badRegex}})
	stage := h.server.NewStage()
	for _, name := range []string{"a", "c"} {
		if err := stage.AddJail(name, "auto"); err != nil {
			t.Fatal(err)
		}
	}
	j, err := stage.Jail("a")
	if err != nil {
		t.Fatal(err)
	}
	a.bantime, a.regexes = 1200, []string{badRegex, `^ worse <HOST>$`}
	h.configure(stage, j, a)
	plan, err := stage.Plan(t.Context(), Scope{})
	if err != nil {
		t.Fatal(err)
	}
	stage.Drop()
	kinds := map[string]string{}
	var options []string
	for _, c := range plan {
		kinds[c.Jail] = c.Kind
		for _, o := range c.Options {
			options = append(options, o.Option)
		}
	}
	if kinds["a"] != "change" || kinds["b"] != "stop" || kinds["c"] != "start" {
		t.Errorf("plan %v", kinds)
	}
	if want := []string{"bantime", "failregex"}; !slices.Equal(options, want) {
		t.Errorf("options %q, want %q", options, want)
	}
	if v := h.view("a"); v.Banned != 0 {
		t.Errorf("planning changed the jail: %+v", v)
	}
}
