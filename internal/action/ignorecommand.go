package action

import (
	"strings"
	"time"

	"stockade/internal/logbook"
	"stockade/internal/pyobj"
	"stockade/internal/ticket"
)

// IgnoreCommand runs a jail's ignorecommand for a ticket, beside the queue: it
// decides before there is a ban. Exit code 0 means to ignore, 1 not to; any
// other is an error and ignores nothing. The same command runs once at a time.
func (s *Set) IgnoreCommand(text string, t *ticket.Ticket, timeout time.Duration, done func(ignore bool, logs []logbook.Record)) {
	go func() {
		command := substitute(text, newInfo(&s.env, t))
		mu := s.env.Locks.of("ignorecommand " + text)
		mu.Lock()
		out := execute(s.env.Clock, command, timeout, pyobj.Str(int(timeout/time.Second)), 0, 1)
		mu.Unlock()
		done(out.code == 0, out.logs)
	}()
}

// ExpandTicket replaces the tags of a template by the values of a ticket, just
// as they are: the result is a key or a text, and no shell sees it.
func ExpandTicket(template string, t *ticket.Ticket) string {
	in := newInfo(&Env{}, t)
	return replaceTags(template, func(tag string) (string, bool) {
		if name, ok := strings.CutPrefix(tag, "F-"); ok {
			_, value := in.field(name)
			return value, true
		}
		value, ok := in.value(tag)
		if !ok {
			return builtin(tag)
		}
		return pyobj.Str(value), true
	})
}
