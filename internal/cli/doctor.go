package cli

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"stockade/internal/api"
	"stockade/internal/doctor"
)

const (
	// doctorPatience is how long the server may take to look at itself and at
	// the kernel.
	doctorPatience = 20 * time.Second
	// secondLook is how long after the first one a difference between bans and
	// kernel must still be there: bans may be on their way.
	secondLook = 300 * time.Millisecond
)

// doctorVerb says whether this machine is protected. Its exit status is that
// of monitoring plugins: 0 where all is well, 1 with warnings, 2 with errors.
func (s *stockade) doctorVerb(args []string) int {
	options, rest, err := s.parse(args, "socket=", "conf=", "json", "quiet", "harden", "root=")
	if err != nil || len(rest) > 0 {
		return s.misuse("doctor", err)
	}
	if options.has("harden") {
		return s.harden(options)
	}
	facts := s.facts(options)
	findings := doctor.Diagnose(facts)
	switch {
	case options.has("json"):
		err = doctor.WriteJSON(s.env.Stdout, facts, findings)
	case options.has("quiet"):
		doctor.WriteFindings(s.env.Stdout, slices.DeleteFunc(slices.Clone(findings), func(f doctor.Finding) bool {
			return f.Severity == doctor.Notice
		}))
	default:
		err = doctor.WriteText(s.env.Stdout, facts, findings)
	}
	if err != nil {
		s.complain("%v", err)
	}
	return doctor.ExitStatus(findings)
}

// facts gathers what there is to know.
func (s *stockade) facts(options values) *doctor.Facts {
	f := &doctor.Facts{
		Now: time.Now(), Socket: s.findSocket(options["socket"], options["conf"]), Port: portNumber,
		Config: s.check(options["conf"]),
	}
	s.askServer(f)
	rules(f)
	listeners(f)
	files(f)
	rivals(f)
	return f
}

// askServer asks the server how it is.
func (s *stockade) askServer(f *doctor.Facts) {
	ctx, cancel := context.WithTimeout(context.Background(), doctorPatience)
	defer cancel()
	path := api.SocketPath(f.Socket)
	client := api.Dial(path)
	h, err := askHealth(ctx, client)
	if err == nil && differs(h) {
		time.Sleep(secondLook)
		h, err = askHealth(ctx, client)
	}
	f.Now = time.Now()
	if err == nil {
		f.Health = h
		return
	}
	f.Silence = doorError(path, err).Error()
	version, err := serverVersion(f.Socket, time.Second)
	switch {
	case err == nil && strings.HasPrefix(version, "Stockade "):
		f.Silence = version + " answers there, and not on " + path
	case err == nil:
		f.Other = version
	}
}

func askHealth(ctx context.Context, client *api.Client) (*api.Health, error) {
	h := &api.Health{}
	return h, client.Call(ctx, http.MethodGet, "/v1/health", nil, h)
}

// differs tells whether kernel and bans are not the same.
func differs(h *api.Health) bool {
	return slices.ContainsFunc(h.Jails, func(j api.JailHealth) bool {
		return slices.ContainsFunc(j.Enforced, func(e api.Enforcement) bool { return e.Missing != "" || e.Lacking+e.Extra > 0 })
	})
}
