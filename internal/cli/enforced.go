package cli

import (
	"context"
	"net/http"
	"net/url"

	"stockade/internal/api"
)

// printEnforced tells how the actions of a jail run, and what their sets hold
// and stopped.
func (s *stockade) printEnforced(options values, jails []string) {
	if len(jails) != 1 {
		return
	}
	client, _ := s.door(options)
	ctx, cancel := context.WithTimeout(context.Background(), faultsTimeout)
	defer cancel()
	var jail api.Jail
	if err := client.Call(ctx, http.MethodGet, "/v1/jails/"+url.PathEscape(jails[0]), nil, &jail); err != nil {
		return
	}
	for _, a := range jail.Actions {
		how := "as commands"
		if a.Native {
			how = "natively"
		}
		s.printf("Action %s runs %s (%s)\n", a.Name, how, printable(a.Why))
		for _, set := range a.Sets {
			s.printf("   %s holds %d", set.Name, set.Elements)
			if set.Packets != nil {
				s.printf(", stopped %d packets (%d bytes)", *set.Packets, *set.Bytes)
			}
			s.printf("\n")
		}
	}
}
