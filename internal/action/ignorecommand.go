package action

import (
	"time"

	"stockade/internal/logbook"
	"stockade/internal/ticket"
)

// IgnoreCommand runs an ignorecommand for a ticket beside the queue. done gets
// true where the command said that the ticket is to be ignored.
func (s *Set) IgnoreCommand(command string, t *ticket.Ticket, timeout time.Duration, done func(ignore bool, logs []logbook.Record)) {
	go done(false, nil)
}

// ExpandTicket replaces the tags of a template by the values of a ticket.
func ExpandTicket(template string, t *ticket.Ticket) string { return template }
