package server

import (
	"slices"
	"testing"

	"stockade/internal/action"
	"stockade/internal/event"
	"stockade/internal/ipaddr"
	"stockade/internal/jail"
)

func TestAJailThatIsNotStartedBansByCommand(t *testing.T) {
	h := newHost(t)
	if err := h.server.AddJail("a", "polling"); err != nil {
		t.Fatal(err)
	}
	j, err := h.server.Jail("a")
	if err != nil {
		t.Fatal(err)
	}
	w := h.writer("w")
	if err := j.AddAction(t.Context(), jail.ActionSpec{Name: w.Name}); err != nil {
		t.Fatal(err)
	}
	for _, p := range w.Props {
		if v, err := j.SetActionProperty(t.Context(), w.Name, p.Name, p.Value); v != p.Value || err != nil {
			t.Errorf("set %s: %v %v", p.Name, v, err)
		}
	}
	ban := func(id string) {
		if n, err := j.BanIP(t.Context(), event.Who{Kind: "command"}, []ipaddr.ID{ipaddr.Parse(id)}); n != 1 || err != nil {
			t.Errorf("banned %d, %v", n, err)
		}
	}
	ban("192.0.2.1")
	if err := h.server.StartJail("a"); err != nil {
		t.Fatal(err)
	}
	ban("192.0.2.2")
	if v := h.view("a"); v.Banned != 2 || v.BannedTotal != 2 {
		t.Errorf("after the start: %+v", v)
	}
	if err := h.server.StopJail("a"); err != nil {
		t.Fatal(err)
	}
	want := []string{"start", "ban_192.0.2.1", "ban_192.0.2.2", "unban_192.0.2.1", "unban_192.0.2.2", "stop"}
	if got := h.wrote("w"); !slices.Equal(got, want) {
		t.Errorf("the action did %q, want %q", got, want)
	}
}

func TestAJailThatIsNeverStartedRunsNothing(t *testing.T) {
	h := newHost(t)
	if err := h.server.AddJail("a", "polling"); err != nil {
		t.Fatal(err)
	}
	j, err := h.server.Jail("a")
	if err != nil {
		t.Fatal(err)
	}
	if err := j.AddAction(t.Context(), h.writer("w")); err != nil {
		t.Fatal(err)
	}
	h.server.Shutdown(action.Lift)
	if got := h.wrote("w"); len(got) > 0 {
		t.Errorf("the action did %q", got)
	}
}
