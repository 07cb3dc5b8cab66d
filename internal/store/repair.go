package store

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"strings"

	"stockade/internal/logbook"
)

// repair moves a broken file aside and makes a new one with all rows that can
// still be read from the old.
func (s *Store) repair(ctx context.Context, log *records) (*files, error) {
	log.add(logbook.Info, "Trying to repair database %s", s.path)
	aside := s.backupName()
	if err := os.Rename(s.path, aside); err != nil {
		return nil, fmt.Errorf("move the broken database aside: %w", err)
	}
	// A journal that is left belongs to the broken file: it must not be rolled
	// back into the new one, but it may heal the old.
	if err := os.Rename(s.path+"-journal", aside+"-journal"); err != nil && !os.IsNotExist(err) {
		return nil, fmt.Errorf("move the broken database's journal aside: %w", err)
	}
	log.add(logbook.Info, "  Database backup created: %s", aside)
	var made records
	f, err := s.openSound(ctx, &made)
	if err != nil {
		return nil, err
	}
	rows := salvage(ctx, aside, f)
	if rows > 0 {
		size := int64(0)
		if info, err := os.Stat(s.path); err == nil {
			size = info.Size()
		}
		log.add(logbook.Info, "  Repair seems to be successful, restored %d byte(s).", size)
		log.add(logbook.Info, "Connected to fail2ban persistent database '%s'", s.path)
		return f, nil
	}
	log.add(logbook.Info, "  Repair seems to be failed, restored 0 byte(s).")
	log.add(logbook.Error, "  Error repairing of fail2ban database '%s': Recreate ...", s.path)
	log.list = append(log.list, made.list...)
	return f, nil
}

// salvaged are the tables that are worth saving, parents first.
var salvaged = []struct{ table, columns string }{
	{"jails", "name, enabled"},
	{"logs", "jail, path, firstlinemd5, lastfilepos"},
	{"bips", "ip, jail, timeofban, bantime, bancount, data"},
	{"bans", "jail, ip, timeofban, bantime, bancount, data"},
	{"stockade_failures", "jail, ticket"},
	{"stockade_events", "id, time, kind, jail, ip, ban, event"},
}

// salvage copies what can be read of a broken file: each table from its start
// up to the damage, and from its end back to it.
func salvage(ctx context.Context, from string, to *files) (rows int) {
	old, err := sql.Open("sqlite", uri(from)+"?mode=ro&_pragma=busy_timeout(1000)")
	if err != nil {
		return 0
	}
	defer old.Close()
	// A row whose jail was lost is worth more than the foreign key.
	_, _ = to.conn.ExecContext(ctx, `PRAGMA foreign_keys=OFF`)
	defer to.conn.ExecContext(ctx, `PRAGMA foreign_keys=ON`)
	err = inTransaction(ctx, to, func() error {
		for _, t := range salvaged {
			seen := map[int64]bool{}
			for _, order := range []string{"ASC", "DESC"} {
				rows += copyRows(ctx, old, to, t.table, t.columns, order, seen)
			}
		}
		_, err := to.conn.ExecContext(ctx, `INSERT OR IGNORE INTO jails(name, enabled) SELECT DISTINCT jail, 0 FROM
			(SELECT jail FROM bans UNION SELECT jail FROM bips UNION SELECT jail FROM logs)`)
		return err
	})
	if err != nil {
		return 0
	}
	return rows
}

func copyRows(ctx context.Context, old *sql.DB, to *files, table, columns, order string, seen map[int64]bool) (copied int) {
	rows, err := old.QueryContext(ctx, `SELECT rowid, `+columns+` FROM `+table+` ORDER BY rowid `+order)
	if err != nil {
		return 0
	}
	defer rows.Close()
	n := strings.Count(columns, ",") + 1
	insert := `INSERT OR IGNORE INTO ` + table + `(` + columns + `) VALUES(?` + strings.Repeat(", ?", n-1) + `)`
	values := make([]any, n)
	targets := make([]any, n+1)
	var rowid int64
	targets[0] = &rowid
	for i := range values {
		targets[i+1] = &values[i]
	}
	for rows.Next() {
		if rows.Scan(targets...) != nil {
			return copied
		}
		if seen[rowid] {
			if order == "DESC" {
				return copied
			}
			continue
		}
		seen[rowid] = true
		if _, err := to.exec(ctx, insert, values...); err == nil {
			copied++
		}
	}
	return copied
}
