package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"stockade/internal/ticket"
)

// History is what is known of an ID's bans in a jail, or with overall the sum
// over all jails (of the times the latest); false when it was never banned.
func (s *Store) History(id, jail string, overall bool) (History, bool, error) {
	found := map[string]row{}
	err := s.read(func(ctx context.Context, db *sql.DB) error {
		query, args := `SELECT jail, bancount, timeofban, bantime FROM bips WHERE ip=?1`, []any{id}
		if !overall {
			query, args = query+` AND jail=?2`, append(args, jail)
		}
		rows, err := db.QueryContext(ctx, query, args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var r row
			if err := rows.Scan(&r.jail, &r.count, &r.time, &r.bantime); err != nil {
				return err
			}
			found[r.jail] = r
		}
		return rows.Err()
	})
	if err != nil {
		return History{}, false, fmt.Errorf("read history of %s: %w", id, err)
	}
	s.pending(func(o *op) {
		switch {
		case !overall && o.jail != jail:
		case o.kind == opForgetJail, o.kind == opForget && o.id == id:
			delete(found, o.jail)
		case o.kind == opBan && o.id == id:
			found[o.jail] = o.row()
		}
	})
	var h History
	for _, r := range found {
		h.Count += r.count
		h.Bantime += r.bantime
		if t := time.Unix(r.time, 0); t.After(h.Last) {
			h.Last = t
		}
	}
	return h, len(found) > 0, nil
}

// MergedMatches puts the recorded bans of an ID together, in one jail or, with
// an empty name, in all: its last lines, at most as many as are stored for one
// ban, oldest first, and the sum of its failures.
func (s *Store) MergedMatches(id, jail string) (Merged, error) {
	rows, err := s.bansOf(id, jail)
	return merge(rows, int(s.maxMatches.Load())), err
}

// MergedWith is MergedMatches for the ID of a ban that counts too, whether it
// has been recorded by now or not.
func (s *Store) MergedWith(own Ban, jail string) (Merged, error) {
	rows, err := s.bansOf(own.Ticket.ID.String(), jail)
	if err != nil {
		return Merged{}, err
	}
	at := roundSeconds(own.Ticket.Time)
	if !slices.ContainsFunc(rows, func(r row) bool { return r.jail == own.Jail && r.time == at }) {
		rows = append(rows, row{jail: own.Jail, time: at, data: encodeData(&own.Ticket, int(s.maxMatches.Load()))})
	}
	return merge(rows, int(s.maxMatches.Load())), nil
}

// bansOf lists the recorded bans of an ID from the oldest on.
func (s *Store) bansOf(id, jail string) ([]row, error) {
	var rows []row
	err := s.read(func(ctx context.Context, db *sql.DB) error {
		query, args := `SELECT jail, timeofban, data FROM bans WHERE ip=?1`, []any{id}
		if jail != "" {
			query, args = query+` AND jail=?2`, append(args, jail)
		}
		found, err := db.QueryContext(ctx, query+` ORDER BY timeofban, rowid`, args...)
		if err != nil {
			return err
		}
		defer found.Close()
		for found.Next() {
			var r row
			if err := found.Scan(&r.jail, &r.time, &r.data); err != nil {
				return err
			}
			rows = append(rows, r)
		}
		return found.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("read bans of %s: %w", id, err)
	}
	s.pending(func(o *op) {
		switch {
		case jail != "" && o.jail != jail:
		case o.kind == opForgetJail && jail != "", o.kind == opForget && o.id == id && jail != "":
			rows = nil
		case o.kind == opBan && o.id == id:
			rows = append(rows, o.row())
		}
	})
	return rows, nil
}

// merge reads rows from the newest on.
func merge(rows []row, limit int) Merged {
	m := Merged{Bans: len(rows)}
	for _, r := range slices.Backward(rows) {
		var t ticket.Ticket
		if decodeData(r.data, &t) != nil {
			continue
		}
		m.Failures += t.Failures
		if room := limit - len(m.Matches); room > 0 {
			m.Matches = append(slices.Clone(lastMatches(t.Matches, room)), m.Matches...)
		}
	}
	return m
}

// Position is the stored position of a jail in a source.
func (s *Store) Position(jail, path string) (Position, bool, error) {
	p := Position{Jail: jail, Path: path}
	found := false
	err := s.read(func(ctx context.Context, db *sql.DB) error {
		var hash sql.NullString
		var pos sql.NullFloat64
		err := db.QueryRowContext(ctx, `SELECT firstlinemd5, lastfilepos FROM logs WHERE jail=? AND path=?`, jail, path).Scan(&hash, &pos)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		found = err == nil
		p.Hash, p.Pos = hash.String, pos.Float64
		return err
	})
	if err != nil {
		return Position{}, false, fmt.Errorf("read position of jail %s in %s: %w", jail, path, err)
	}
	s.pending(func(o *op) {
		if o.kind == opPosition && o.jail == jail && o.text == path {
			p.Hash, p.Pos, found = o.hash, o.pos, true
		}
	})
	return p, found, nil
}

// DisableAll marks all jails as not enabled, as a server does when it opens
// its database.
func (s *Store) DisableAll() error { return s.wait([]op{{kind: opDisableAll}}, false) }

// FormerJails are the jails that the database knows and that are not enabled.
func (s *Store) FormerJails() ([]string, error) {
	var names []string
	err := s.read(func(ctx context.Context, db *sql.DB) error {
		found, err := db.QueryContext(ctx, `SELECT name FROM jails WHERE enabled=0 ORDER BY name`)
		if err != nil {
			return err
		}
		defer found.Close()
		for found.Next() {
			var name string
			if err := found.Scan(&name); err != nil {
				return err
			}
			names = append(names, name)
		}
		return found.Err()
	})
	return names, err
}

// Purge deletes what is older than age, as the reference does it every hour:
// old history, bans that ended long ago in proportion to their length, and
// disabled jails that nothing is known of any more.
func (s *Store) Purge(now time.Time, age time.Duration) error {
	limit := now.Add(-age).Unix()
	return s.wait([]op{
		{kind: opPurgeBans, time: limit},
		{kind: opPurgeBips, time: limit},
		{kind: opPurgeJails},
		{kind: opPurgeErrands, time: now.Unix()},
	}, true)
}

// SetMaxMatches changes dbmaxmatches.
func (s *Store) SetMaxMatches(n int) { s.maxMatches.Store(int64(n)) }
