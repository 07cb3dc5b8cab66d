// Package api is the second door to the server, for programs written today:
// the commands of Fail2ban's clients, status, bans and the stream of events as
// JSON over HTTP on a unix socket. openapi.json describes it.
//
// It knows no command of its own: all that changes something goes through the
// table of package control, so both doors give the same answers. Access is by
// the mode of the socket, as with the other door. Requests are bounded in size;
// text that came from log lines is only ever a JSON string.
package api

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"stockade/internal/control"
	"stockade/internal/pyobj"
	"stockade/internal/server"
)

// Bounds of a request.
const (
	maxBody     = 16 << 20
	headerTime  = 10 * time.Second
	maxHeader   = 64 << 10
	idleTimeout = 2 * time.Minute
)

//go:embed openapi.json
var description []byte

// SocketPath is where the API listens beside a control socket: the same name
// with -api in front of .sock.
func SocketPath(control string) string {
	return strings.TrimSuffix(control, ".sock") + "-api.sock"
}

// Server answers HTTP requests about a server.
type Server struct {
	srv   *server.Server
	table *control.Table
	http  *http.Server
	// scraped serves the metrics at an address of their own.
	scraped *http.Server
}

// New makes the API of a server.
func New(srv *server.Server, table *control.Table) *Server {
	a := &Server{srv: srv, table: table}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/openapi.json", a.openapi)
	mux.HandleFunc("POST /v1/command", a.command)
	mux.HandleFunc("POST /v1/plan", a.plan)
	mux.HandleFunc("GET /v1/status", a.status)
	mux.HandleFunc("GET /v1/health", a.health)
	mux.HandleFunc("GET /v1/jails/{jail}", a.jail)
	mux.HandleFunc("GET /v1/jails/{jail}/bans", a.bans)
	mux.HandleFunc("POST /v1/jails/{jail}/bans", a.ban)
	mux.HandleFunc("DELETE /v1/jails/{jail}/bans/{id...}", a.unban)
	mux.HandleFunc("POST /v1/pause", a.pause)
	mux.HandleFunc("DELETE /v1/pause", a.resume)
	mux.HandleFunc("GET /v1/events", a.events)
	mux.HandleFunc("GET /metrics", a.metrics)
	a.http = &http.Server{
		Handler: http.MaxBytesHandler(mux, maxBody), ReadHeaderTimeout: headerTime,
		MaxHeaderBytes: maxHeader, IdleTimeout: idleTimeout,
		ErrorLog: slog.NewLogLogger(srv.Book().Slog("stockade.api").Handler(), slog.LevelWarn),
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, peerKey{}, control.PeerOf(c))
		},
	}
	a.scraped = a.scrapeServer()
	metrics.ExposeMetadata(true)
	return a
}

type peerKey struct{}

func peer(r *http.Request) control.Peer {
	if p, ok := r.Context().Value(peerKey{}).(control.Peer); ok {
		return p
	}
	return control.Peer{UID: -1}
}

// Listen binds the socket, which only the server's user may use. A socket that
// is there already belonged to a server that is gone: the control socket was
// bound before this one.
func Listen(path string) (net.Listener, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("remove the old socket %s: %w", path, err)
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("bind %s: %w", path, err)
	}
	if err := os.Chmod(path, 0o700); err != nil {
		l.Close()
		return nil, fmt.Errorf("protect %s: %w", path, err)
	}
	return l, nil
}

// Serve answers until Close.
func (a *Server) Serve(l net.Listener) error {
	if err := a.http.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve the API: %w", err)
	}
	return nil
}

// Close ends the API at once; streams of events end with it.
func (a *Server) Close() error { return errors.Join(a.scraped.Close(), a.http.Close()) }

func (a *Server) openapi(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(description)
}

// Reply is what every request but the stream of events gets.
type Reply struct {
	OK    bool   `json:"ok"`
	Value any    `json:"value"`
	Error *Error `json:"error,omitempty"`
}

// Error is why a command failed: the class and text that Fail2ban's protocol
// has for it.
type Error struct {
	Class string `json:"class"`
	Text  string `json:"text"`
}

func (e *Error) Error() string { return e.Text }

func (a *Server) command(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Command []any `json:"command"`
	}
	if !decode(w, r, &body) {
		return
	}
	if len(body.Command) == 0 {
		fail(w, http.StatusBadRequest, &Error{"ValueError", `the body must be {"command": ["word", …]}`})
		return
	}
	a.run(w, r, fromJSON(body.Command).([]any)...)
}

// PlanRequest is a configuration of which nothing is to be applied: the stream
// of commands that a reload would send, of all jails or of one.
type PlanRequest struct {
	Jail    string `json:"jail,omitempty"`
	Restart bool   `json:"restart,omitempty"`
	Stream  []any  `json:"stream"`
	Sidecar any    `json:"sidecar,omitempty"`
}

func (a *Server) plan(w http.ResponseWriter, r *http.Request) {
	var body PlanRequest
	if !decode(w, r, &body) {
		return
	}
	scope := server.Scope{Jail: body.Jail, Restart: body.Restart}
	changes, err := a.table.Plan(r.Context(), fromJSON(body.Stream), fromJSON(body.Sidecar), scope)
	if err != nil {
		e := errorOf(err)
		fail(w, statusOf(e), e)
		return
	}
	answer(w, http.StatusOK, Reply{OK: true, Value: append([]server.Change{}, changes...)})
}

// run carries a command out and answers with its reply.
func (a *Server) run(w http.ResponseWriter, r *http.Request, words ...any) {
	value, err := a.table.Do(r.Context(), peer(r), words)
	if err != nil {
		e := errorOf(err)
		fail(w, statusOf(e), e)
		return
	}
	answer(w, http.StatusOK, Reply{OK: true, Value: toJSON(value)})
}

func errorOf(err error) *Error {
	var x *pyobj.Exception
	if errors.As(err, &x) {
		return &Error{Class: x.Class, Text: control.FailureText(x)}
	}
	return &Error{Class: "Exception", Text: err.Error()}
}

func statusOf(e *Error) int {
	switch e.Class {
	case "UnknownJailException":
		return http.StatusNotFound
	case "DuplicateJailException":
		return http.StatusConflict
	}
	return http.StatusUnprocessableEntity
}

func decode(w http.ResponseWriter, r *http.Request, into any) bool {
	d := json.NewDecoder(r.Body)
	d.UseNumber()
	if err := d.Decode(into); err != nil {
		fail(w, http.StatusBadRequest, &Error{"ValueError", "the body is no JSON of the expected form: " + err.Error()})
		return false
	}
	return true
}

func fail(w http.ResponseWriter, status int, e *Error) { answer(w, status, Reply{Error: e}) }

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(true)
	// The client may be gone; there is nobody left to tell.
	_ = enc.Encode(v)
}
