package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"stockade/internal/ipaddr"
	"stockade/internal/ticket"
)

// unknownBantime stands in rows that were upgraded from schema 2.
const unknownBantime = -2

// page is how many rows are read under one lock: a long restore must not keep
// the writer waiting.
const page = 4000

// row is one line of the table of bad addresses.
type row struct {
	jail, ip      string
	time, bantime int64
	count         int
	data          []byte
}

func (o *op) row() row {
	return row{jail: o.jail, ip: o.id, time: o.time, bantime: o.bantime, count: o.count, data: o.data}
}

// CurrentBans are the bans of a jail that live on, ordered by the text of
// their ID, with the ban time as it now is to be. Rows that are older or
// longer than the jail's settings allow are left out or shortened, as the
// reference does it.
func (s *Store) CurrentBans(jail string, opts RestoreOptions) ([]ticket.Ticket, error) {
	rows, err := s.jailRows(jail, opts.Now.Unix())
	if err != nil {
		return nil, fmt.Errorf("read bans of jail %s: %w", jail, err)
	}
	rows = s.overlay(jail, rows)
	bans := make([]ticket.Ticket, 0, len(rows))
	for i := range rows {
		if t, ok := rows[i].restore(opts); ok {
			bans = append(bans, t)
		}
	}
	return bans, nil
}

// jailRows reads the rows that may still count, page by page.
func (s *Store) jailRows(jail string, now int64) ([]row, error) {
	var all []row
	after := ""
	for {
		n := 0
		err := s.read(func(ctx context.Context, db *sql.DB) error {
			rows, err := db.QueryContext(ctx, `SELECT ip, timeofban, bantime, bancount, data FROM bips
				WHERE jail=? AND ip>? AND (bantime<=-1 OR timeofban+bantime>?) ORDER BY ip LIMIT ?`, jail, after, now, page)
			if err != nil {
				return err
			}
			defer rows.Close()
			for rows.Next() {
				r := row{jail: jail}
				if err := rows.Scan(&r.ip, &r.time, &r.bantime, &r.count, &r.data); err != nil {
					return err
				}
				all = append(all, r)
				n++
			}
			return rows.Err()
		})
		if err != nil {
			return nil, err
		}
		if n < page {
			return all, nil
		}
		after = all[len(all)-1].ip
	}
}

// overlay applies what waits for the disk to the rows of a jail.
func (s *Store) overlay(jail string, rows []row) []row {
	changed := map[string]*row{}
	all := false
	s.pending(func(o *op) {
		switch {
		case o.jail != jail:
		case o.kind == opForgetJail:
			clear(changed)
			all = true
		case o.kind == opForget:
			changed[o.id] = nil
		case o.kind == opBan:
			r := o.row()
			changed[o.id] = &r
		}
	})
	if len(changed) == 0 && !all {
		return rows
	}
	kept := rows[:0]
	for _, r := range rows {
		if _, ok := changed[r.ip]; !ok && !all {
			kept = append(kept, r)
		}
	}
	for _, r := range changed {
		if r != nil {
			kept = append(kept, *r)
		}
	}
	slices.SortFunc(kept, func(a, b row) int { return cmp.Compare(a.ip, b.ip) })
	return kept
}

// restore makes a ticket of a row, or says that its ban is over.
func (r *row) restore(o RestoreOptions) (ticket.Ticket, bool) {
	now, bantime := o.Now.Unix(), r.bantime
	switch {
	case bantime == unknownBantime:
		bantime = o.Bantime
	case o.Increment:
		if o.MaxTime > 0 && (bantime <= ticket.Permanent || bantime > o.MaxTime) {
			bantime = o.MaxTime
		}
	case o.Bantime != ticket.Permanent && (bantime <= ticket.Permanent || bantime > o.Bantime):
		bantime = o.Bantime
	}
	if !o.Increment && o.Bantime != ticket.Permanent && r.time <= now-o.Bantime {
		return ticket.Ticket{}, false
	}
	if bantime > ticket.Permanent && r.time+bantime <= now {
		return ticket.Ticket{}, false
	}
	at := time.Unix(r.time, 0)
	t := ticket.Ticket{
		ID: ipaddr.Parse(r.ip), Time: at, First: at, Bantime: bantime, HasBantime: true,
		BanCount: r.count, Restored: true, IntegerTime: true,
	}
	// Data that is no JSON is no data, as in the reference.
	_ = decodeData(r.data, &t)
	t.Retry = t.Failures
	if o.MaxMatches >= 0 {
		t.Matches = lastMatches(t.Matches, o.MaxMatches)
	}
	t.Cause.Who.Kind = "restore"
	return t, true
}

// lockPause is how long readers that met a lock fail at once: each of many
// would wait in vain, and hold up bans meanwhile.
const lockPause = time.Second

// errLocked is what readers get during that pause.
var errLocked = errors.New("database is locked")

// read runs a query on the reading connections, with no commit in between.
func (s *Store) read(query func(context.Context, *sql.DB) error) error {
	s.commit.RLock()
	defer s.commit.RUnlock()
	s.mu.Lock()
	closed, outage, locked := s.closed, s.health.Err, s.now().Before(s.locked)
	s.mu.Unlock()
	switch {
	case closed:
		return ErrClosed
	case s.files == nil:
		return fmt.Errorf("read database: %w", outage)
	case locked:
		return errLocked
	}
	err := query(context.Background(), s.files.reader)
	if isLock(err) && s.path != memoryPath {
		s.mu.Lock()
		s.locked = s.now().Add(lockPause)
		s.mu.Unlock()
	}
	s.suspect(err)
	return err
}
