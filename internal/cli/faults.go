package cli

import (
	"context"
	"net/http"
	"slices"
	"time"

	"stockade/internal/api"
	"stockade/internal/server"
	"stockade/internal/store"
)

// printFaults says below a status what is wrong in the server, and what that
// means. A server without our API, such as Fail2ban's, has nothing to say.
func (s *stockade) printFaults(options values, jails []string) {
	client, _ := s.door(options)
	ctx, cancel := context.WithTimeout(context.Background(), faultsTimeout)
	defer cancel()
	var status api.Status
	if err := client.Call(ctx, http.MethodGet, "/v1/status", nil, &status); err != nil {
		return
	}
	for _, p := range status.Problems {
		if len(jails) > 0 && !slices.Contains(jails, p.Jail) {
			continue
		}
		switch p.Cost {
		case server.LeftOut:
			s.printf("Left out: jail %s: %s\n", p.Jail, printable(p.Why))
		case server.AsBefore:
			s.printf("Not taken over, jail %s goes on as it was: %s\n", p.Jail, printable(p.Why))
		}
	}
	for _, j := range status.Jails {
		if len(jails) > 0 && !slices.Contains(jails, j.Name) {
			continue
		}
		for _, f := range j.Faults {
			s.printf("Degraded: jail %s: %s\n", j.Name, printable(f))
		}
	}
	if f := status.DatabaseFault; f != nil {
		s.printf("Database: %s %s, since %s.\n", status.Database, databaseWords[f.Kind], f.Since.Local().Format(time.DateTime))
		s.printf("          %s\n", printable(f.Error))
		s.printf("          Bans work as ever and are kept in memory (%d change(s) wait", f.Waiting)
		if f.Dropped > 0 {
			s.printf(", %d of the oldest were given up", f.Dropped)
		}
		s.printf("). %s\n", databaseHope[f.Kind])
	}
}

// faultsTimeout is how long the second door may take to answer.
const faultsTimeout = 10 * time.Second

// databaseWords say what is wrong with the database.
var databaseWords = map[store.Kind]string{
	store.Locked:   "is locked by another program",
	store.ReadOnly: "is read-only",
	store.Full:     "cannot grow, its disk is full",
	store.Corrupt:  "is damaged and cannot be repaired",
	store.Newer:    "was written by a newer program",
	store.Missing:  "cannot be made, its directory is missing",
	store.Broken:   "cannot be written",
}

// databaseHope says when the changes will be written.
var databaseHope = map[store.Kind]string{
	store.Locked:   "They are written as soon as that program is done.",
	store.ReadOnly: "They are written as soon as it can be written.",
	store.Full:     "They are written as soon as there is room.",
	store.Corrupt:  "They are written to a new file as soon as this one can be moved aside.",
	store.Newer:    "They are written once the file is moved away, or replaced by one of version 4.",
	store.Missing:  "They are written as soon as the directory is there.",
	store.Broken:   "They are written as soon as that is over.",
}
