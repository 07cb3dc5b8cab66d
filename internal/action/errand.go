package action

import (
	"stockade/internal/store"
	"stockade/internal/ticket"
)

// database is the open database, nil if there is none.
func (e *Env) database() *store.Store {
	if e.Store == nil {
		return nil
	}
	return e.Store()
}

// encodeErrand writes what is to be told of a ticket: the kind of the job in
// the first byte, then the ticket.
func encodeErrand(e *errand) store.Errand {
	kept := store.Errand{ID: e.id, Until: e.born.Add(reportAge)}
	if data, err := store.EncodeTicket(e.ticket); err == nil {
		kept.Data = append([]byte{'0' + byte(e.kind)}, data...)
	}
	return kept
}

func decodeErrand(data []byte) (JobKind, *ticket.Ticket, bool) {
	if len(data) < 2 || data[0] < '0' || data[0] > '0'+byte(Unban) {
		return 0, nil, false
	}
	t, ok := store.DecodeTicket(data[1:])
	return JobKind(data[0] - '0'), &t, ok
}
