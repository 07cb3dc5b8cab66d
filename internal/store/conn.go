package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// memoryPath is the path of a database that lives in memory.
const memoryPath = ":memory:"

// defaultPatience is how long the writer waits for the locks of other
// programs, as Fail2ban does. A reader stands in a jail's way and waits a
// fifth of that.
const defaultPatience = 5 * time.Second

// files are the connections to one database file: one that writes, and a pool
// that reads.
type files struct {
	writer *sql.DB
	conn   *sql.Conn // the writer's one connection
	reader *sql.DB
	stmts  map[string]*sql.Stmt // prepared on conn
}

var memoryCount atomic.Int64

// dsn gives the driver's name of a database. TRUNCATE and NORMAL survive a
// kill at any moment, which Fail2ban's own MEMORY does not; WAL would spread
// the one file that people copy and edit over three.
func dsn(base string, patience time.Duration) string {
	return base + fmt.Sprintf("_pragma=busy_timeout(%d)&_pragma=journal_mode(TRUNCATE)&_pragma=synchronous(NORMAL)"+
		"&_pragma=foreign_keys(1)&_pragma=temp_store(MEMORY)&_pragma=cache_spill(0)&_pragma=journal_size_limit(1048576)", patience.Milliseconds())
}

// uri is the driver's name of a file, without parameters.
func uri(path string) string {
	return "file:" + strings.ReplaceAll(url.PathEscape(path), "%2F", "/")
}

// connect opens the connections. It does not look at what is in the file.
func connect(ctx context.Context, path string, patience time.Duration) (*files, error) {
	base := uri(path) + "?"
	if path == memoryPath {
		base = fmt.Sprintf("file:stockade-%d?mode=memory&cache=shared&", memoryCount.Add(1))
	} else if err := touch(path); err != nil {
		return nil, err
	}
	f := &files{stmts: map[string]*sql.Stmt{}}
	var err error
	if f.writer, err = sql.Open("sqlite", dsn(base, patience)); err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	f.writer.SetMaxOpenConns(1)
	if f.conn, err = f.writer.Conn(ctx); err != nil {
		_ = f.writer.Close()
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	if f.reader, err = sql.Open("sqlite", dsn(base, patience/5)); err != nil {
		_ = f.conn.Close()
		_ = f.writer.Close()
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	f.reader.SetMaxOpenConns(2)
	f.reader.SetMaxIdleConns(1)
	return f, nil
}

// touch makes the file with the mode it shall have. What cannot be made is
// left to SQLite to complain about, but for a missing directory.
func touch(path string) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err == nil {
		return file.Close()
	}
	if _, statErr := os.Stat(path); statErr != nil {
		return fmt.Errorf("open database: %w", err)
	}
	return nil
}

// statement prepares a statement of the writer's once.
func (f *files) statement(ctx context.Context, query string) (*sql.Stmt, error) {
	if st := f.stmts[query]; st != nil {
		return st, nil
	}
	st, err := f.conn.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	f.stmts[query] = st
	return st, nil
}

// exec runs a statement of the writer's and tells how many rows it changed.
func (f *files) exec(ctx context.Context, query string, args ...any) (int64, error) {
	st, err := f.statement(ctx, query)
	if err != nil {
		return 0, err
	}
	res, err := st.ExecContext(ctx, args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

func (f *files) close() error {
	for _, st := range f.stmts {
		_ = st.Close()
	}
	_ = f.reader.Close()
	// The journal file of TRUNCATE stays behind with length 0; DELETE mode
	// takes it away. It matters to nobody if that fails.
	_, _ = f.conn.ExecContext(context.Background(), `PRAGMA journal_mode=DELETE`)
	_ = f.conn.Close()
	return f.writer.Close()
}

// code is SQLite's primary result code, 0 for errors of another kind.
func code(err error) int {
	if e := (*sqlite.Error)(nil); errors.As(err, &e) {
		return e.Code() & 0xff
	}
	return 0
}

// isBroken says that the file's content is damaged.
func isBroken(err error) bool {
	c := code(err)
	return c == sqlite3.SQLITE_CORRUPT || c == sqlite3.SQLITE_NOTADB
}

// isOutage says that the disk or a lock is at fault and not the statement, so
// that the same will work later.
func isOutage(err error) bool {
	switch code(err) {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR,
		sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_PERM,
		sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return true
	}
	return errors.Is(err, os.ErrPermission) || errors.Is(err, os.ErrNotExist) ||
		errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone)
}

// isLock says that another program is at work on the file.
func isLock(err error) bool {
	c := code(err)
	return c == sqlite3.SQLITE_BUSY || c == sqlite3.SQLITE_LOCKED
}

// needsReopen says that a connection is of no more use: the file was moved,
// made read-only or broken since it was opened.
func needsReopen(err error) bool {
	switch code(err) {
	case sqlite3.SQLITE_FULL, sqlite3.SQLITE_NOMEM:
		return false
	}
	return !isLock(err)
}
