package server

import (
	"fmt"
	"io"
	"os"

	"stockade/internal/action"
	"stockade/internal/datepattern"
	"stockade/internal/guard"
	"stockade/internal/ignore"
	"stockade/internal/ipaddr"
	"stockade/internal/logbook"
	"stockade/internal/ticket"
)

// maxListBytes bounds a file of ignored addresses.
const maxListBytes = 64 << 20

// jailEnv is what one jail's State may ask of the server.
type jailEnv struct {
	server *Server
	jail   string
	// answered wakes the jail when a name is known.
	answered func()
}

func (e *jailEnv) Self() *ipaddr.Set { return e.server.names.own() }

func (e *jailEnv) Guarded() guard.Addresses { return e.server.guard.Addresses() }

func (e *jailEnv) Name(host string) ([]ipaddr.ID, bool) {
	return e.server.names.resolver.Name(host, e.answered)
}

func (e *jailEnv) File(path string) (*ignore.List, bool) {
	list, err := e.server.names.file(path)
	if err != nil {
		e.server.logf(logbook.Warning, "fail2ban.filter", "[%s] Cannot read the list %s of ignoreip: %v", e.jail, path, err)
	}
	return list, true
}

func (e *jailEnv) Expand(template string, t *ticket.Ticket) string {
	return action.ExpandTicket(template, t)
}

func (e *jailEnv) Dates() datepattern.Env {
	return datepattern.Env{Now: e.server.opt.Clock.Now, Zone: e.server.opt.Zone}
}

func readBounded(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxListBytes+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxListBytes {
		return nil, fmt.Errorf("%s is larger than %d MiB", path, maxListBytes>>20)
	}
	return text, nil
}
