package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// Errand is something that an action still has to do for a ban and must not
// forget over a restart: a report to be sent, or a rule at a far service that
// has to be taken away one day.
type Errand struct {
	// ID is the action's own number for it.
	ID   int64
	Data []byte
	// Until is when nobody wants it done any more; zero for never.
	Until time.Time
}

// KeepErrands stores errands of an action, each in place of an earlier one
// with its ID, and forgets those in gone. It does not wait for the disk.
func (s *Store) KeepErrands(jail, action string, list []Errand, gone []int64) {
	ops := make([]op, 0, len(list)+len(gone))
	for i := range list {
		e := &list[i]
		o := op{kind: opErrand, jail: jail, text: action, number: uint64(e.ID), data: e.Data}
		if !e.Until.IsZero() {
			o.time = e.Until.Unix()
		}
		ops = append(ops, o)
	}
	for _, id := range gone {
		ops = append(ops, op{kind: opDropErrand, jail: jail, text: action, number: uint64(id)})
	}
	if len(ops) > 0 {
		s.submit(&request{ops: ops})
	}
}

// Errands are those that an action of a jail left, in the order of their IDs.
func (s *Store) Errands(jail, action string) ([]Errand, error) {
	// What was asked before comes first. Where the disk is out, what it holds
	// is all there is to know.
	_ = s.wait(nil, true)
	var found []Errand
	err := s.read(func(ctx context.Context, db *sql.DB) error {
		rows, err := db.QueryContext(ctx,
			`SELECT id, until, errand FROM stockade_errands WHERE jail=? AND action=? ORDER BY id`, jail, action)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var e Errand
			var until int64
			if err := rows.Scan(&e.ID, &until, &e.Data); err != nil {
				return err
			}
			if until > 0 {
				e.Until = time.Unix(until, 0)
			}
			found = append(found, e)
		}
		return rows.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("read what action %s of jail %s left to do: %w", action, jail, err)
	}
	return found, nil
}
