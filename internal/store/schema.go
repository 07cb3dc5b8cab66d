package store

import (
	"context"
	"database/sql"
	"fmt"
)

// schemaVersion is that of Fail2ban's tables. Version 4 came with 0.11.
const schemaVersion = 4

// tables are Fail2ban's, to the letter, in an order in which they can be made.
var tables = []string{
	`CREATE TABLE IF NOT EXISTS fail2banDb(version INTEGER)`,
	`CREATE TABLE IF NOT EXISTS jails(name TEXT NOT NULL UNIQUE, enabled INTEGER NOT NULL DEFAULT 1)`,
	`CREATE INDEX IF NOT EXISTS jails_name ON jails(name)`,
	createLogs,
	`CREATE INDEX IF NOT EXISTS logs_path ON logs(path)`,
	`CREATE INDEX IF NOT EXISTS logs_jail_path ON logs(jail, path)`,
	createBans,
	`CREATE INDEX IF NOT EXISTS bans_jail_timeofban_ip ON bans(jail, timeofban)`,
	`CREATE INDEX IF NOT EXISTS bans_jail_ip ON bans(jail, ip)`,
	`CREATE INDEX IF NOT EXISTS bans_ip ON bans(ip)`,
	`CREATE TABLE IF NOT EXISTS bips(ip TEXT NOT NULL, jail TEXT NOT NULL, timeofban INTEGER NOT NULL,
		bantime INTEGER NOT NULL, bancount INTEGER NOT NULL DEFAULT 1, data JSON,
		PRIMARY KEY(ip, jail), FOREIGN KEY(jail) REFERENCES jails(name))`,
	`CREATE INDEX IF NOT EXISTS bips_timeofban ON bips(timeofban)`,
	`CREATE INDEX IF NOT EXISTS bips_ip ON bips(ip)`,
}

const (
	createLogs = `CREATE TABLE IF NOT EXISTS logs(jail TEXT NOT NULL, path TEXT, firstlinemd5 TEXT,
		lastfilepos INTEGER DEFAULT 0, FOREIGN KEY(jail) REFERENCES jails(name) ON DELETE CASCADE,
		UNIQUE(jail, path), UNIQUE(jail, path, firstlinemd5))`
	createBans = `CREATE TABLE IF NOT EXISTS bans(jail TEXT NOT NULL, ip TEXT, timeofban INTEGER NOT NULL,
		bantime INTEGER NOT NULL, bancount INTEGER NOT NULL DEFAULT 1, data JSON,
		FOREIGN KEY(jail) REFERENCES jails(name))`
)

// ownTables are ours. They refer to nothing of Fail2ban's, so that it can
// delete what it likes.
var ownTables = []string{
	`CREATE TABLE IF NOT EXISTS stockade_events(id INTEGER PRIMARY KEY AUTOINCREMENT, time REAL NOT NULL,
		kind TEXT NOT NULL, jail TEXT NOT NULL, ip TEXT NOT NULL, ban INTEGER NOT NULL, event BLOB NOT NULL)`,
	`CREATE INDEX IF NOT EXISTS stockade_events_ip ON stockade_events(ip, jail)`,
	`CREATE INDEX IF NOT EXISTS stockade_events_ban ON stockade_events(ban)`,
	`CREATE TABLE IF NOT EXISTS stockade_failures(jail TEXT NOT NULL, ticket BLOB NOT NULL)`,
	`CREATE INDEX IF NOT EXISTS stockade_failures_jail ON stockade_failures(jail)`,
	`CREATE TABLE IF NOT EXISTS stockade_errands(jail TEXT NOT NULL, action TEXT NOT NULL, id INTEGER NOT NULL,
		until INTEGER NOT NULL, errand BLOB, PRIMARY KEY(jail, action, id))`,
}

// migrations lead from a version to the next one.
var migrations = map[int][]string{
	1: {
		`ALTER TABLE logs RENAME TO stockade_old_logs`,
		createLogs,
		`INSERT OR REPLACE INTO logs(jail, path, firstlinemd5, lastfilepos)
			SELECT jail, path, firstlinemd5, lastfilepos FROM stockade_old_logs`,
		`DROP TABLE stockade_old_logs`,
	},
	2: {
		`ALTER TABLE bans RENAME TO stockade_old_bans`,
		createBans,
		`INSERT INTO bans(jail, ip, timeofban, bantime, bancount, data)
			SELECT jail, ip, timeofban, -2, 1, data FROM stockade_old_bans ORDER BY rowid`,
		`DROP TABLE stockade_old_bans`,
	},
	3: {
		tables[10],
		`INSERT OR REPLACE INTO bips(ip, jail, timeofban, bantime, bancount, data)
			SELECT ip, jail, timeofban, bantime, bancount, data FROM bans
			WHERE ip IS NOT NULL ORDER BY timeofban, rowid`,
	},
}

// execer runs statements: a connection or what stands for one.
type execer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// foundVersion tells the version of the schema in a file: 0 for a new one.
func foundVersion(ctx context.Context, c execer) (int, error) {
	var n int
	if err := c.QueryRowContext(ctx, `SELECT count(*) FROM sqlite_master WHERE type='table' AND name='fail2banDb'`).Scan(&n); err != nil {
		return 0, err
	}
	if n == 0 {
		return 0, nil
	}
	var version sql.NullInt64
	if err := c.QueryRowContext(ctx, `SELECT max(version) FROM fail2banDb`).Scan(&version); err != nil {
		return 0, err
	}
	return int(version.Int64), nil
}

// createSchema makes what is missing. It is run on every open, as Fail2ban
// does, so that a table or an index dropped by hand comes back.
func createSchema(ctx context.Context, c execer) error {
	for _, list := range [][]string{tables, ownTables} {
		for _, statement := range list {
			if _, err := c.ExecContext(ctx, statement); err != nil {
				return fmt.Errorf("create tables: %w", err)
			}
		}
	}
	return setVersion(ctx, c)
}

// migrate takes an older schema to the present one within one transaction of
// the caller's.
func migrate(ctx context.Context, c execer, from int) error {
	for v := from; v < schemaVersion; v++ {
		for _, statement := range migrations[v] {
			if _, err := c.ExecContext(ctx, statement); err != nil {
				return fmt.Errorf("upgrade tables from version %d: %w", v, err)
			}
		}
	}
	return createSchema(ctx, c)
}

// setVersion leaves exactly one row with the present version.
func setVersion(ctx context.Context, c execer) error {
	var rows, version sql.NullInt64
	if err := c.QueryRowContext(ctx, `SELECT count(*), max(version) FROM fail2banDb`).Scan(&rows, &version); err != nil {
		return fmt.Errorf("read schema version: %w", err)
	}
	if rows.Int64 == 1 && version.Int64 == schemaVersion {
		return nil
	}
	if _, err := c.ExecContext(ctx, `DELETE FROM fail2banDb`); err != nil {
		return fmt.Errorf("write schema version: %w", err)
	}
	if _, err := c.ExecContext(ctx, `INSERT INTO fail2banDb(version) VALUES(?)`, schemaVersion); err != nil {
		return fmt.Errorf("write schema version: %w", err)
	}
	return nil
}
