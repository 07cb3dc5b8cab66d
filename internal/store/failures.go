package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"stockade/internal/event"
	"stockade/internal/ipaddr"
	"stockade/internal/ticket"
)

// failure is a ticket that was being counted, as it is stored.
type failure struct {
	ID        string      `json:"id"`
	Raw       bool        `json:"raw,omitempty"`
	Time      time.Time   `json:"time"`
	First     time.Time   `json:"first"`
	Retry     int         `json:"retry"`
	Bantime   *int64      `json:"bantime,omitempty"`
	BanCount  int         `json:"bancount,omitempty"`
	Data      string      `json:"data"`
	Cause     event.Cause `json:"cause,omitzero"`
	WholeTime bool        `json:"wholetime,omitempty"`
	Restored  bool        `json:"restored,omitempty"`
	Ban       uint64      `json:"ban,omitempty"`
}

// SaveFailures replaces the stored failures of a jail that were being counted.
func (s *Store) SaveFailures(jail string, failures []ticket.Ticket) error {
	ops := make([]op, 0, len(failures)+1)
	ops = append(ops, op{kind: opDropFailures, jail: jail})
	for i := range failures {
		data, err := EncodeTicket(&failures[i])
		if err != nil {
			return fmt.Errorf("store failures of jail %s: %w", jail, err)
		}
		ops = append(ops, op{kind: opFailure, jail: jail, data: data})
	}
	return s.wait(ops, false)
}

// EncodeTicket puts a ticket into the form in which our own tables hold one.
func EncodeTicket(t *ticket.Ticket) ([]byte, error) {
	f := failure{
		ID: t.ID.String(), Raw: t.ID.IsText(), Time: t.Time, First: t.First, Retry: t.Retry, BanCount: t.BanCount,
		Data: string(encodeData(t, max(len(t.Matches), 1))), Cause: t.Cause, WholeTime: t.IntegerTime,
		Restored: t.Restored, Ban: t.Ban,
	}
	if t.HasBantime {
		f.Bantime = &t.Bantime
	}
	return json.Marshal(f)
}

// LoadFailures returns what SaveFailures stored and deletes it: counted once,
// they are the jail's again.
func (s *Store) LoadFailures(jail string) ([]ticket.Ticket, error) {
	var found []ticket.Ticket
	err := s.read(func(ctx context.Context, db *sql.DB) error {
		rows, err := db.QueryContext(ctx, `SELECT ticket FROM stockade_failures WHERE jail=? ORDER BY rowid`, jail)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var data []byte
			if err := rows.Scan(&data); err != nil {
				return err
			}
			if t, ok := DecodeTicket(data); ok {
				found = append(found, t)
			}
		}
		return rows.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("read failures of jail %s: %w", jail, err)
	}
	if len(found) == 0 {
		return nil, nil
	}
	return found, s.wait([]op{{kind: opDropFailures, jail: jail}}, false)
}

// DecodeTicket reads what EncodeTicket wrote, false if that cannot be done: a
// failure forgotten is better than a jail that does not start.
func DecodeTicket(data []byte) (ticket.Ticket, bool) {
	var f failure
	if json.Unmarshal(data, &f) != nil {
		return ticket.Ticket{}, false
	}
	t := ticket.Ticket{
		ID: ipaddr.Parse(f.ID), Time: f.Time, First: f.First, Retry: f.Retry,
		BanCount: f.BanCount, Cause: f.Cause, IntegerTime: f.WholeTime,
		Restored: f.Restored, Ban: f.Ban,
	}
	if f.Raw {
		t.ID = ipaddr.Raw(f.ID)
	}
	if f.Bantime != nil {
		t.Bantime, t.HasBantime = *f.Bantime, true
	}
	return t, decodeData([]byte(f.Data), &t) == nil
}
