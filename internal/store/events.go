package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"stockade/internal/event"
)

// defaultEvents is how many events a query without limit returns.
const defaultEvents = 1000

// where puts the conditions of a query together.
func (q *EventQuery) where() (text string, args []any) {
	var all []string
	add := func(condition string, value any) {
		all = append(all, condition)
		args = append(args, value)
	}
	if q.Jail != "" {
		add("jail=?", q.Jail)
	}
	if q.ID != "" {
		add("ip=?", q.ID)
	}
	if q.Ban != 0 {
		add("ban=?", int64(q.Ban))
	}
	if !q.Since.IsZero() {
		add("time>=?", float64(q.Since.UnixMicro())/1e6)
	}
	if len(q.Kinds) > 0 {
		all = append(all, "kind IN (?"+strings.Repeat(", ?", len(q.Kinds)-1)+")")
		for _, k := range q.Kinds {
			args = append(args, string(k))
		}
	}
	if len(all) > 0 {
		text = " WHERE " + strings.Join(all, " AND ")
	}
	return text, args
}

// Events returns the newest stored events that were asked for, oldest first.
func (s *Store) Events(q EventQuery) ([]event.Event, error) {
	if q.Limit <= 0 {
		q.Limit = defaultEvents
	}
	where, args := q.where()
	var found []event.Event
	err := s.read(func(ctx context.Context, db *sql.DB) error {
		rows, err := db.QueryContext(ctx, `SELECT event FROM stockade_events`+where+` ORDER BY id DESC LIMIT ?`, append(args, q.Limit)...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var data []byte
			if err := rows.Scan(&data); err != nil {
				return err
			}
			var e event.Event
			if json.Unmarshal(data, &e) == nil {
				found = append(found, e)
			}
		}
		return rows.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("read events: %w", err)
	}
	slices.Reverse(found)
	return found, nil
}

// LastBan is the highest number of a ban among the stored events, so that
// numbering goes on after a restart.
func (s *Store) LastBan() (uint64, error) {
	var n sql.NullInt64
	err := s.read(func(ctx context.Context, db *sql.DB) error {
		return db.QueryRowContext(ctx, `SELECT max(ban) FROM stockade_events`).Scan(&n)
	})
	if err != nil {
		return 0, fmt.Errorf("read events: %w", err)
	}
	return uint64(n.Int64), nil
}
