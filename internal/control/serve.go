package control

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"stockade/internal/logbook"
	"stockade/internal/pickle"
	"stockade/internal/pyobj"
)

// Peer is who sent a request.
type Peer struct {
	// UID is that of the process on the other side, -1 where it is unknown.
	UID int
}

// Handler answers a request with a reply object: a pyobj.Tuple of code and
// value, or a bare text.
type Handler func(ctx context.Context, peer Peer, request any) any

// maxConnections bounds how many clients are served at a time; others wait in
// the backlog.
const maxConnections = 512

// acceptPause is how long accepting rests after an error, as when there are no
// more file descriptors.
const acceptPause = 50 * time.Millisecond

// The logger names of the reference's classes.
const (
	asyncLogger       = "fail2ban.asyncserver"
	transmitterLogger = "fail2ban.transmitter"
)

// Socket serves the control protocol on a listener.
type Socket struct {
	listener net.Listener
	handle   Handler
	log      func(...logbook.Record)
	buffered atomic.Int64
	slots    chan struct{}

	mu      sync.Mutex
	conns   map[net.Conn]*session
	closing bool
	active  sync.WaitGroup
}

// session is one connection. busy is true while a request is being answered.
type session struct{ busy bool }

// NewSocket wraps a listener. Serve starts to answer.
func NewSocket(l net.Listener, handle Handler, log func(...logbook.Record)) *Socket {
	return &Socket{listener: l, handle: handle, log: log, conns: map[net.Conn]*session{}, slots: make(chan struct{}, maxConnections)}
}

// Serve accepts clients until Close. The context is that of all commands.
func (s *Socket) Serve(ctx context.Context) error {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			if s.isClosing() || errors.Is(err, net.ErrClosed) {
				return nil
			}
			s.say(logbook.Error, "Unable to accept a client: %v", err)
			select {
			case <-time.After(acceptPause):
				continue
			case <-ctx.Done():
				return nil
			}
		}
		s.slots <- struct{}{}
		if !s.enter(conn) {
			conn.Close()
			<-s.slots
			continue
		}
		go func() {
			defer func() { <-s.slots }()
			s.converse(ctx, conn)
		}()
	}
}

func (s *Socket) say(level logbook.Level, format string, args ...any) {
	s.log(logbook.Record{Level: level, Logger: asyncLogger, Text: fmt.Sprintf(format, args...)})
}

func (s *Socket) isClosing() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closing
}

func (s *Socket) enter(conn net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return false
	}
	s.conns[conn] = &session{}
	s.active.Add(1)
	return true
}

func (s *Socket) leave(conn net.Conn) {
	conn.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, conn)
	s.active.Done()
}

// begin and end mark a connection as answering; begin is false when the
// server closes.
func (s *Socket) begin(conn net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return false
	}
	s.conns[conn].busy = true
	return true
}

func (s *Socket) end(conn net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns[conn].busy = false
	return !s.closing
}

// converse answers one client until it leaves.
func (s *Socket) converse(ctx context.Context, conn net.Conn) {
	defer s.leave(conn)
	peer := peerOf(conn)
	in := &messages{conn: conn, total: &s.buffered}
	defer in.release()
	for {
		message, err := in.next()
		switch {
		case errors.Is(err, errTooLarge):
			s.say(logbook.Error, "PROTO-error: load message failed: %v", err)
			in.release()
			s.send(conn, "ERROR: "+err.Error())
			debug.FreeOSMemory()
			return
		case err != nil:
			return
		}
		if !s.begin(conn) {
			return
		}
		sent := s.send(conn, s.answer(ctx, peer, message))
		goOn := s.end(conn)
		if in.done() {
			debug.FreeOSMemory()
		}
		if sent != nil || !goOn {
			return
		}
	}
}

// answer decodes a message and has it answered.
func (s *Socket) answer(ctx context.Context, peer Peer, message []byte) any {
	request, err := pickle.Loads(message, pickle.Limits{})
	if err != nil {
		s.say(logbook.Error, "PROTO-error: load message failed: %v", err)
		return "ERROR: " + err.Error()
	}
	return s.protected(ctx, peer, request)
}

// protected keeps a fault in one command from ending the server.
func (s *Socket) protected(ctx context.Context, peer Peer, request any) (reply any) {
	defer func() {
		if fault := recover(); fault != nil {
			s.say(logbook.Critical, "Caught unhandled exception: %v\n%s", fault, debug.Stack())
			reply = pyobj.Tuple{1, pyobj.Errorf("RuntimeError", "internal error: %v", fault)}
		}
	}()
	return s.handle(ctx, peer, request)
}

// send writes a reply in one piece: some clients take what they read first for
// the whole.
func (s *Socket) send(conn net.Conn, reply any) error {
	_, err := conn.Write(append(pickle.Dumps(reply), terminator...))
	return err
}

// Close ends the service: no new clients, idle ones are let go, and those that
// wait for an answer get it, for as long as grace.
func (s *Socket) Close(grace time.Duration) error {
	s.mu.Lock()
	s.closing = true
	for conn, session := range s.conns {
		if !session.busy {
			conn.Close()
		}
	}
	s.mu.Unlock()
	err := s.listener.Close()
	finished := make(chan struct{})
	go func() {
		s.active.Wait()
		close(finished)
	}()
	select {
	case <-finished:
	case <-time.After(grace):
		s.mu.Lock()
		for conn := range s.conns {
			conn.Close()
		}
		s.mu.Unlock()
	}
	return err
}
