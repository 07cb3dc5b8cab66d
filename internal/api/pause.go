package api

import (
	"net/http"

	"stockade/internal/control"
)

// pause lifts all enforcement for a time.
func (a *Server) pause(w http.ResponseWriter, r *http.Request) {
	var body struct {
		For string `json:"for"`
	}
	if decode(w, r, &body) {
		a.run(w, r, control.PauseCommand, body.For)
	}
}

// resume puts enforcement back.
func (a *Server) resume(w http.ResponseWriter, r *http.Request) { a.run(w, r, control.ResumeCommand) }
