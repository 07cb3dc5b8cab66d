package api

import (
	"bufio"
	"encoding/json"
	"errors"
	"net/http"
	"path/filepath"
	"reflect"
	"regexp"
	"testing"

	"stockade/internal/action"
	"stockade/internal/control"
	"stockade/internal/event"
	"stockade/internal/logbook"
	"stockade/internal/server"
)

// start runs a server with one jail without log or actions, and its API.
func start(t *testing.T) *Client {
	srv := server.New(server.Options{Book: logbook.New(logbook.Options{}), Version: "1.1.1"})
	srv.Begin()
	if err := srv.AddJail("j", "polling"); err != nil {
		t.Fatal(err)
	}
	if err := srv.StartJail("j"); err != nil {
		t.Fatal(err)
	}
	path := SocketPath(filepath.Join(t.TempDir(), "f.sock"))
	l, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	a := New(srv, control.NewTable(srv))
	served := make(chan error, 1)
	go func() { served <- a.Serve(l) }()
	t.Cleanup(func() {
		a.Close()
		if err := <-served; err != nil {
			t.Error(err)
		}
		srv.Shutdown(action.Lift)
	})
	return Dial(path)
}

func TestCommandsAnswerAsJSON(t *testing.T) {
	c := start(t)
	for _, test := range []struct {
		words []string
		want  any
	}{
		{[]string{"ping"}, "pong"},
		{[]string{"status"}, []any{[]any{"Number of jail", 1.0}, []any{"Jail list", "j"}}},
		{[]string{"set", "j", "maxretry", "7"}, 7.0},
		{[]string{"get", "j", "findtime"}, 600.0},
		{[]string{"set", "j", "banip", "192.0.2.1", "192.0.2.0/28"}, 2.0},
		{[]string{"banned"}, []any{map[string]any{"j": []any{"192.0.2.1", "192.0.2.0/28"}}}},
	} {
		var got any
		if err := c.Command(t.Context(), &got, test.words...); err != nil {
			t.Errorf("%q: %v", test.words, err)
		} else if !reflect.DeepEqual(got, test.want) {
			t.Errorf("%q: %#v, want %#v", test.words, got, test.want)
		}
	}
}

func TestRefusalsCarryClassAndText(t *testing.T) {
	c := start(t)
	var e *Error
	err := c.Command(t.Context(), nil, "status", "nojail")
	if !errors.As(err, &e) || e.Class != "UnknownJailException" || e.Text != "Sorry but the jail 'nojail' does not exist" {
		t.Errorf("got %#v", err)
	}
	if err := c.Call(t.Context(), http.MethodPost, "/v1/command", map[string]any{"command": []string{}}, nil); !errors.As(err, &e) {
		t.Errorf("an empty command gives %v", err)
	}
	if err := c.Call(t.Context(), http.MethodPost, "/v1/command", "text", nil); !errors.As(err, &e) {
		t.Errorf("a body of another form gives %v", err)
	}
}

func TestBansAreResources(t *testing.T) {
	c := start(t)
	var n int
	if err := c.Call(t.Context(), http.MethodPost, "/v1/jails/j/bans", map[string]any{"ids": []string{"192.0.2.1", "198.51.100.0/24"}}, &n); err != nil || n != 2 {
		t.Fatalf("banned %d, %v", n, err)
	}
	var bans []Ban
	if err := c.Call(t.Context(), http.MethodGet, "/v1/jails/j/bans", nil, &bans); err != nil || len(bans) != 2 || bans[0].End == nil {
		t.Fatalf("bans %+v, %v", bans, err)
	}
	if err := c.Call(t.Context(), http.MethodDelete, "/v1/jails/j/bans/198.51.100.0/24", nil, &n); err != nil || n != 1 {
		t.Fatalf("unbanned %d, %v", n, err)
	}
	var s Status
	if err := c.Call(t.Context(), http.MethodGet, "/v1/status", nil, &s); err != nil || len(s.Jails) != 1 || s.Jails[0].Banned != 1 {
		t.Errorf("status %+v, %v", s, err)
	}
}

func TestEventsAreStreamedFromANumberOn(t *testing.T) {
	c := start(t)
	if err := c.Command(t.Context(), nil, "set", "j", "banip", "192.0.2.1"); err != nil {
		t.Fatal(err)
	}
	body, err := c.Events(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	if err := c.Command(t.Context(), nil, "set", "j", "unbanip", "192.0.2.1"); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(body)
	for _, want := range []event.Kind{event.Ban, event.Unban} {
		if !lines.Scan() {
			t.Fatal(lines.Err())
		}
		var e event.Event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil || e.Kind != want || e.ID != "192.0.2.1" || e.Cause.Who.Kind != "command" {
			t.Errorf("got %s (%v), want %s", lines.Bytes(), err, want)
		}
	}
}

func TestDescriptionNamesEveryRoute(t *testing.T) {
	c := start(t)
	var doc struct {
		Paths map[string]map[string]any
	}
	if err := json.Unmarshal(description, &doc); err != nil {
		t.Fatal(err)
	}
	for path, methods := range doc.Paths {
		for method := range methods {
			if path == "/v1/events" {
				continue
			}
			concrete := regexp.MustCompile(`\{[a-z]+\}`).ReplaceAllString(path, "j")
			resp, err := c.do(t.Context(), map[string]string{"get": "GET", "post": "POST", "delete": "DELETE"}[method], concrete, nil)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode == http.StatusNotFound || resp.StatusCode == http.StatusMethodNotAllowed {
				t.Errorf("%s %s is described and does not exist", method, path)
			}
		}
	}
}
