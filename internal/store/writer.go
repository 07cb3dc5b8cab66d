package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"stockade/internal/logbook"
)

const (
	// longest is how long a transaction may collect statements: others want to
	// read and write the file too.
	longest = 40 * time.Millisecond
	// retryEvery is the pause between attempts while the disk is out.
	retryEvery = time.Second
	// maxWaiting bounds the memory for what waits for the disk: some hundred
	// thousand bans without lines, or some ten thousand with.
	maxWaiting = 64 << 20
)

// Commit makes a batch durable and returns when it is. An error that wraps
// ErrDeferred means that it is kept and will be written later.
func (s *Store) Commit(b Batch) error {
	result := make(chan error, 1)
	s.Submit(b, func(err error) { result <- err })
	return <-result
}

// Submit is Commit without waiting: done, which may be nil, is called once
// with the result, from the store's goroutine or before Submit returns. It
// must not call the store.
func (s *Store) Submit(b Batch, done func(error)) {
	ops, err := s.operations(&b)
	if err != nil {
		if done != nil {
			done(err)
		}
		return
	}
	s.submit(&request{ops: ops, done: done})
}

// submit queues a request. While the disk is out it is answered at once.
func (s *Store) submit(r *request) {
	s.mu.Lock()
	outage := s.health.Err
	switch {
	case s.closed:
		s.mu.Unlock()
		r.finish(ErrClosed)
		return
	case outage != nil && r.volatile:
		s.mu.Unlock()
		r.finish(fmt.Errorf("write database: %w", outage))
		return
	case outage != nil:
		// It is answered here: once it is in the queue, the writer may come
		// to it at any time.
		answered := &request{done: r.done}
		r.done = nil
		s.keep(r)
		s.mu.Unlock()
		answered.finish(deferred(outage))
		return
	}
	s.queue = append(s.queue, r)
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func deferred(cause error) error { return fmt.Errorf("%w: %w", ErrDeferred, cause) }

// wait submits operations and waits for them.
func (s *Store) wait(ops []op, volatile bool) error {
	result := make(chan error, 1)
	s.submit(&request{ops: ops, volatile: volatile, done: func(err error) { result <- err }})
	return <-result
}

// run is the writer.
func (s *Store) run() {
	defer close(s.done)
	ctx := context.Background()
	retry := time.NewTimer(time.Hour)
	defer retry.Stop()
	for {
		select {
		case <-s.wake:
		case <-retry.C:
		}
		requests, closed := s.take()
		if len(requests) > 0 || s.uneasy() {
			rest, err := s.write(ctx, requests)
			if err == nil {
				err = s.suspicion()
			}
			if pause := s.settle(ctx, rest, err); pause > 0 && !closed {
				retry.Reset(pause)
			}
		}
		if closed {
			return
		}
	}
}

// uneasy says that there is something to do though nothing was submitted.
func (s *Store) uneasy() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.health.Err != nil || s.broken != nil
}

// take removes everything that waits from the queue.
func (s *Store) take() ([]*request, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inflight = s.queue
	s.queue, s.waiting = nil, 0
	return s.inflight, s.closed
}

// settle deals with the outcome of a round of writing: rest is what could not
// be written because of err. It returns when to try again, 0 for no need.
func (s *Store) settle(ctx context.Context, rest []*request, err error) time.Duration {
	if err == nil {
		s.recovered()
		return 0
	}
	s.mu.Lock()
	first := s.health.Err == nil
	s.health.Err = err
	if first {
		s.health.Since = s.now()
	}
	queue := append(rest, s.queue...)
	s.queue, s.inflight, s.waiting, s.health.Waiting = nil, nil, 0, 0
	var answer []*request
	for _, r := range queue {
		if r.done != nil {
			answer = append(answer, r)
		}
		if !r.volatile {
			s.keep(r)
		}
	}
	waiting := s.health.Waiting
	s.mu.Unlock()
	for _, r := range answer {
		if r.volatile {
			r.finish(fmt.Errorf("write database: %w", err))
		} else {
			r.finish(deferred(err))
		}
	}
	if first {
		s.notice(logbook.Record{Level: logbook.Error, Logger: logger, Text: fmt.Sprintf(
			"Database '%s' cannot be written, %d change(s) are kept in memory: %v", s.path, waiting, err)})
	}
	if (s.files == nil || needsReopen(err)) && s.reopen(ctx, err) && first {
		return time.Millisecond
	}
	return retryEvery
}

// recovered ends an outage.
func (s *Store) recovered() {
	s.mu.Lock()
	was := s.health
	s.health.Err, s.health.Since, s.health.Waiting, s.unopened = nil, time.Time{}, 0, ""
	s.inflight = nil
	more := len(s.queue) > 0
	s.mu.Unlock()
	if was.Err != nil {
		s.notice(logbook.Record{Level: logbook.Notice, Logger: logger, Text: fmt.Sprintf(
			"Database '%s' can be written again after %s", s.path, s.now().Sub(was.Since).Round(time.Second))})
	}
	if more {
		select {
		case s.wake <- struct{}{}:
		default:
		}
	}
}

// write commits requests in order, in as few transactions as the time allows.
// It returns those that did not reach the disk, and why; a request that is
// wrong in itself is answered and is no reason.
func (s *Store) write(ctx context.Context, requests []*request) (rest []*request, err error) {
	if s.files == nil {
		return requests, s.Health().Err
	}
	if len(requests) == 0 { // an attempt to see whether the disk is back
		requests = []*request{{}}
	}
	for len(requests) > 0 {
		n, err := s.transaction(ctx, requests)
		if err != nil && !isOutage(err) && len(requests) > 1 {
			// One of them is wrong: go on one by one until it is found.
			n, err = s.transaction(ctx, requests[:1])
		}
		if err != nil && isOutage(err) {
			return requests, fmt.Errorf("write database: %w", err)
		}
		if err != nil {
			requests[0].finish(fmt.Errorf("write database: %w", err))
			n = 1
		}
		for _, r := range requests[:n] {
			r.finish(nil)
		}
		requests = requests[n:]
	}
	return nil, nil
}

// transaction writes as many requests as its time allows and returns how many
// are on the disk. Of a request with very many operations the first ones may
// be committed before the others; positions come after bans, so a crash then
// repeats lines and loses none.
func (s *Store) transaction(ctx context.Context, requests []*request) (n int, err error) {
	if s.path == memoryPath { // a cache shared by reader and writer knows no waiting
		s.commit.Lock()
		defer s.commit.Unlock()
	}
	f := s.files
	if _, err = f.exec(ctx, `BEGIN IMMEDIATE`); err != nil {
		return 0, err
	}
	n, part, err := s.fill(ctx, f, requests)
	if err == nil {
		err = s.end(ctx, f)
	}
	if err != nil {
		_, _ = f.conn.ExecContext(ctx, `ROLLBACK`)
		return 0, err
	}
	if part > 0 {
		requests[n].ops = requests[n].ops[part:]
	}
	return n, nil
}

// divisible is the number of operations from which on a request may be spread
// over several transactions.
const divisible = 256

// fill runs operations until its time is up: n whole requests and the first
// part operations of the next.
func (s *Store) fill(ctx context.Context, f *files, requests []*request) (n, part int, err error) {
	begun := time.Now()
	for ; n < len(requests); n++ {
		ops := requests[n].ops
		for part = 0; part < len(ops); {
			again, err := s.apply(ctx, f, &ops[part])
			if err != nil {
				return 0, 0, err
			}
			if !again {
				part++
			}
			if (again || len(ops) > divisible) && part < len(ops) && time.Since(begun) > longest {
				return n, part, nil
			}
		}
		part = 0
		if time.Since(begun) > longest {
			return n + 1, 0, nil
		}
	}
	return n, 0, nil
}

// end commits, with the readers kept out.
func (s *Store) end(ctx context.Context, f *files) error {
	if s.path != memoryPath {
		s.commit.Lock()
		defer s.commit.Unlock()
	}
	_, err := f.exec(ctx, `COMMIT`)
	return err
}

// Health tells whether the file can be written.
func (s *Store) Health() Health {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.health
}

// Path is what the store was opened with.
func (s *Store) Path() string { return s.path }

// Close writes what is waiting and closes the file. The records are what the
// log should say.
func (s *Store) Close() ([]logbook.Record, error) {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		<-s.done
		return nil, nil
	}
	s.closed = true
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
	<-s.done
	var log records
	s.mu.Lock()
	if lost := s.health.Waiting; lost > 0 {
		log.add(logbook.Error, "Database '%s' could not be written, %d change(s) are lost", s.path, lost)
	}
	s.mu.Unlock()
	s.commit.Lock()
	defer s.commit.Unlock()
	var err error
	if s.files != nil {
		err = s.files.close()
	}
	log.add(logbook.Info, "Connection to database closed.")
	if err != nil && !errors.Is(err, os.ErrClosed) {
		return log.list, fmt.Errorf("close database: %w", err)
	}
	return log.list, nil
}
