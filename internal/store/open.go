package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"stockade/internal/logbook"
)

// logger is the name under which Fail2ban's database writes its log.
const logger = "fail2ban.database"

var (
	// ErrDeferred is in the error of a Commit that could not reach the disk and
	// is kept in memory until it can.
	ErrDeferred = errors.New("kept in memory until the database can be written")
	// ErrClosed is the error of calls after Close.
	ErrClosed = errors.New("database is closed")
	// ErrFuture is the error of opening a file with a newer schema.
	//lint:ignore ST1005 the text is the reference's
	ErrFuture = errors.New("Attempt to travel to future version of database ...how did you get here??")
)

// Store is an open database. It is safe for any number of goroutines.
type Store struct {
	path       string
	now        func() time.Time
	notice     func(logbook.Record)
	renewed    func()
	maxMatches atomic.Int64
	maxEvents  int
	patience   time.Duration

	// commit is held for reading by readers and for writing around each COMMIT,
	// so that neither side has to sleep in SQLite's busy loop because of the
	// other. It also guards the connections against being reopened.
	commit sync.RWMutex
	files  *files // nil while the file could not be opened yet

	mu       sync.Mutex
	queue    []*request // submitted and not yet taken by the writer
	inflight []*request // taken by the writer
	waiting  int        // bytes in queue while the disk is out
	health   Health
	broken   error     // what a reader found
	unopened string    // why the file could not be opened at the last attempt
	locked   time.Time // until when readers take the file for locked
	closed   bool

	wake    chan struct{}
	done    chan struct{}
	evicted int // events written since the table was last cut
}

// Open opens or makes the database at path; ":memory:" is one that is
// forgotten at Close. An older one is upgraded after a backup, a broken one
// moved aside and made anew; one that another program has locked is opened
// later, and Health tells; with Options.Wait so is one that cannot be opened
// for any other reason. The records say what was done, in the reference's
// words, also where an error is returned.
func Open(ctx context.Context, path string, opts Options) (*Store, []logbook.Record, error) {
	s := &Store{
		path: path, now: opts.Now, notice: opts.Notice, renewed: opts.Renewed, maxEvents: opts.MaxEvents,
		wake: make(chan struct{}, 1), done: make(chan struct{}),
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.notice == nil {
		s.notice = func(logbook.Record) {}
	}
	if s.maxEvents <= 0 {
		s.maxEvents = DefaultMaxEvents
	}
	if s.patience = opts.Patience; s.patience <= 0 {
		s.patience = defaultPatience
	}
	s.maxMatches.Store(int64(opts.MaxMatches))
	var log records
	f, err := s.openFile(ctx, &log)
	if err != nil && !isLock(err) && !opts.Wait {
		return nil, log.list, err
	}
	if err != nil {
		// It is opened when it can be: when somebody else is done with it, or
		// when what is wrong was put right.
		s.health = Health{Err: err, Since: s.now()}
		log.add(logbook.Error, "Database '%s' cannot be opened, changes are kept in memory: %v", path, err)
		s.wake <- struct{}{}
	}
	s.files = f
	go s.run()
	return s, log.list, nil
}

// makeLastLevel makes the directory but none above it, as the reference does.
func makeLastLevel(dir string) error {
	err := os.Mkdir(dir, 0o700)
	if err == nil || errors.Is(err, os.ErrExist) {
		return nil
	}
	if _, statErr := os.Stat(dir); statErr == nil {
		return nil
	}
	return fmt.Errorf("make directory of the database: %w", err)
}

// records collects what the log is to say.
type records struct{ list []logbook.Record }

func (r *records) add(level logbook.Level, format string, args ...any) {
	r.list = append(r.list, logbook.Record{Level: level, Logger: logger, Text: fmt.Sprintf(format, args...)})
}

// openFile opens the file whatever state it is in.
func (s *Store) openFile(ctx context.Context, log *records) (*files, error) {
	if s.path != memoryPath {
		if err := makeLastLevel(filepath.Dir(s.path)); err != nil {
			return nil, err
		}
	}
	f, err := s.openSound(ctx, log)
	if !isBroken(err) {
		return f, err
	}
	log.add(logbook.Error, "Error opening fail2ban persistent database '%s': %s", s.path, brokenText(err))
	return s.mend(ctx, err, log)
}

// mend is repair, which names the damage where it cannot be repaired.
func (s *Store) mend(ctx context.Context, damage error, log *records) (*files, error) {
	f, err := s.repair(ctx, log)
	if err != nil {
		return nil, fmt.Errorf("%w, and it cannot be repaired: %w", damage, err)
	}
	return f, nil
}

func brokenText(err error) string {
	if code(err) == 26 {
		return "file is not a database"
	}
	return "database disk image is malformed"
}

// openSound opens a file that is not broken, and brings its schema up to date.
func (s *Store) openSound(ctx context.Context, log *records) (*files, error) {
	f, err := connect(ctx, s.path, s.patience)
	if err != nil {
		return nil, err
	}
	version, err := foundVersion(ctx, f.conn)
	if err == nil && version > schemaVersion {
		err = ErrFuture
	}
	if err != nil {
		_ = f.close()
		return nil, fmt.Errorf("open database %s: %w", s.path, err)
	}
	log.add(logbook.Info, "Connected to fail2ban persistent database '%s'", s.path)
	if err := s.bringUp(ctx, f, version, log); err != nil {
		_ = f.close()
		return nil, fmt.Errorf("open database %s: %w", s.path, err)
	}
	return f, nil
}

// bringUp makes or upgrades the tables.
func (s *Store) bringUp(ctx context.Context, f *files, version int, log *records) error {
	if version == schemaVersion {
		err := createSchema(ctx, f.conn)
		if isOutage(err) && !isBroken(err) {
			// Read-only or locked: what is there can be read, and what is
			// missing of ours is made when the file can be written.
			return nil
		}
		return err
	}
	if version > 0 {
		log.add(logbook.Info, "Upgrade database: %s from version '%d'", s.backupName(), version)
		name, err := s.backup()
		if err != nil {
			return err
		}
		log.add(logbook.Info, "  Database backup created: %s", name)
	}
	err := inTransaction(ctx, f, func() error {
		if version == 0 {
			return createSchema(ctx, f.conn)
		}
		return migrate(ctx, f.conn, version)
	})
	switch {
	case err != nil:
		return err
	case version == 0:
		log.add(logbook.Warning, "New database created. Version '%d'", schemaVersion)
	default:
		log.add(logbook.Warning, "Database updated from '%d' to '%d'", version, schemaVersion)
	}
	return nil
}

func inTransaction(ctx context.Context, f *files, do func() error) error {
	if _, err := f.conn.ExecContext(ctx, `BEGIN IMMEDIATE`); err != nil {
		return err
	}
	if err := do(); err != nil {
		_, _ = f.conn.ExecContext(ctx, `ROLLBACK`)
		return err
	}
	if _, err := f.conn.ExecContext(ctx, `COMMIT`); err != nil {
		_, _ = f.conn.ExecContext(ctx, `ROLLBACK`)
		return err
	}
	return nil
}

func (s *Store) backupName() string {
	return s.path + "." + s.now().UTC().Format("20060102-150405")
}

// backup copies the file beside itself.
func (s *Store) backup() (string, error) {
	name := s.backupName()
	in, err := os.Open(s.path)
	if err != nil {
		return "", fmt.Errorf("back the database up: %w", err)
	}
	defer in.Close()
	out, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return "", fmt.Errorf("back the database up: %w", err)
	}
	if _, err = io.Copy(out, in); err == nil {
		err = out.Sync()
	}
	if closeErr := out.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return "", fmt.Errorf("back the database up to %s: %w", name, err)
	}
	return name, nil
}
