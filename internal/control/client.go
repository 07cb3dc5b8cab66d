package control

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"time"

	"stockade/internal/pickle"
	"stockade/internal/pyobj"
)

// tail is where the end of a reply is looked for: nothing may follow it.
const tail = 32

// maxReply bounds a reply; a list of a million addresses is 20 MB.
const maxReply = 1 << 30

// replyLimits let a reply hold many more values than a request may.
var replyLimits = pickle.Limits{Objects: 1 << 26, Expanded: 1 << 26, Calls: true}

// Conn is a client's connection to a server.
type Conn struct {
	conn    net.Conn
	timeout time.Duration
}

// Dial connects to a server. A timeout of zero means to wait for ever, for the
// connection and later for each reply.
func Dial(ctx context.Context, path string, timeout time.Duration) (*Conn, error) {
	d := net.Dialer{Timeout: timeout}
	conn, err := d.DialContext(ctx, "unix", path)
	if err != nil {
		return nil, clientError(err)
	}
	return &Conn{conn: conn, timeout: timeout}, nil
}

// Call sends a request and returns the reply object.
func (c *Conn) Call(request any) (any, error) {
	if c.timeout > 0 {
		if err := c.conn.SetDeadline(time.Now().Add(c.timeout)); err != nil {
			return nil, clientError(err)
		}
	}
	if _, err := c.conn.Write(append(pickle.Dumps(request), terminator...)); err != nil {
		return nil, clientError(err)
	}
	var data []byte
	buf := make([]byte, 64<<10)
	for {
		if bytes.Contains(data[max(0, len(data)-tail):], []byte(terminator)) {
			break
		}
		n, err := c.conn.Read(buf)
		data = append(data, buf[:n]...)
		switch {
		case n > 0 && len(data) <= maxReply:
		case errors.Is(err, os.ErrDeadlineExceeded):
			return nil, clientError(err)
		default:
			return nil, errReset
		}
	}
	reply, err := pickle.Loads(data, replyLimits)
	if err != nil {
		return nil, fmt.Errorf("read the reply: %w", err)
	}
	return reply, nil
}

// SetTimeout changes how long Call waits.
func (c *Conn) SetTimeout(d time.Duration) error {
	c.timeout = d
	return clientError(c.conn.SetDeadline(time.Time{}))
}

// Close says goodbye and closes the connection.
func (c *Conn) Close() error {
	_, sent := c.conn.Write([]byte(goodbye + terminator))
	return errors.Join(sent, c.conn.Close())
}

// errReset is what a client of the reference says of a reply that was cut off.
var errReset = &TransportError{Errno: syscall.ECONNRESET}

// TransportError is a failure of the connection, in Python's words.
type TransportError struct {
	Errno syscall.Errno
	// TimedOut is true when the time-out expired.
	TimedOut bool
	cause    error
}

func (e *TransportError) Error() string {
	switch {
	case e.TimedOut:
		return "timed out"
	case e.Errno != 0:
		return fmt.Sprintf("[Errno %d] %s", int(e.Errno), ErrnoText(e.Errno))
	}
	return e.cause.Error()
}

func (e *TransportError) Unwrap() error {
	if e.Errno != 0 {
		return e.Errno
	}
	return e.cause
}

func clientError(err error) error {
	if err == nil {
		return nil
	}
	out := &TransportError{cause: err}
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		out.TimedOut = true
		return out
	}
	errors.As(err, &out.Errno)
	return out
}

// Split takes a reply object apart: the value, or the exception it holds. A
// reply that is no pair is returned as its own error text.
func Split(reply any) (value any, failure *pyobj.Exception, err error) {
	var pair []any
	switch r := reply.(type) {
	case pyobj.Tuple:
		pair = r
	case []any:
		pair = r
	}
	if len(pair) != 2 {
		return nil, nil, fmt.Errorf("unexpected reply %s", pyobj.Repr(reply))
	}
	if code, _ := pair[0].(int); code == 0 {
		return pair[1], nil, nil
	}
	if x, ok := pair[1].(*pyobj.Exception); ok {
		return nil, x, nil
	}
	return nil, nil, fmt.Errorf("'%s' object has no attribute 'args'", pyobj.TypeName(pair[1]))
}
