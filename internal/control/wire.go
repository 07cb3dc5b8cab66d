package control

import (
	"bytes"
	"errors"
	"io"
	"net"
	"sync/atomic"
)

// terminator ends every message, in both directions.
const terminator = "<F2B_END_COMMAND>"

// goodbye is the message, instead of a pickle, by which a client leaves.
const goodbye = "<F2B_CLOSE_COMMAND>"

// maxRequest bounds one request: the complete stream of 99 jails is 0.3 MB.
const maxRequest = 16 << 20

// maxBuffered bounds what all connections together hold in unfinished requests.
const maxBuffered = 64 << 20

// freeBuffer is how much a connection may hold without being counted.
const freeBuffer = 64 << 10

// largeMessage is the size from which a buffer is given back after use.
const largeMessage = 1 << 20

var (
	// errTooLarge ends a connection whose request is beyond the bounds.
	errTooLarge = errors.New("request is too large")
	// errGoodbye ends a connection that said goodbye.
	errGoodbye = errors.New("client said goodbye")
)

// messages cuts what arrives on a connection into messages.
type messages struct {
	conn net.Conn
	buf  []byte
	// scanned is how much of buf is known to hold no terminator.
	scanned int
	// total counts the buffers of all connections, reserved ours in it.
	total    *atomic.Int64
	reserved int64
}

// next returns the next message without its terminator. The slice is valid
// until the next call.
func (m *messages) next() ([]byte, error) {
	for {
		if at := bytes.Index(m.buf[m.scanned:], []byte(terminator)); at >= 0 {
			end := m.scanned + at
			message := m.buf[:end]
			m.buf = m.buf[end+len(terminator):]
			m.scanned = 0
			if string(message) == goodbye {
				return nil, errGoodbye
			}
			return message, nil
		}
		m.scanned = max(0, len(m.buf)-len(terminator)+1)
		if err := m.fill(); err != nil {
			return nil, err
		}
	}
}

// fill reads more, into a larger buffer if need be.
func (m *messages) fill() error {
	if len(m.buf) > maxRequest {
		return errTooLarge
	}
	if cap(m.buf)-len(m.buf) < 4096 {
		grown := make([]byte, len(m.buf), max(8192, 2*len(m.buf)))
		copy(grown, m.buf)
		m.buf = grown
		if err := m.reserve(int64(cap(grown))); err != nil {
			return err
		}
	}
	n, err := m.conn.Read(m.buf[len(m.buf):cap(m.buf)])
	m.buf = m.buf[:len(m.buf)+n]
	if n > 0 {
		return nil
	}
	if err == nil {
		err = io.ErrNoProgress
	}
	return err
}

// reserve counts a buffer of this size as ours.
func (m *messages) reserve(size int64) error {
	if size <= freeBuffer {
		size = 0
	}
	if m.total.Add(size-m.reserved) > maxBuffered && size > m.reserved {
		m.reserved = size
		return errTooLarge
	}
	m.reserved = size
	return nil
}

// done is called when a message has been dealt with: a large buffer goes.
func (m *messages) done() (large bool) {
	if m.reserved <= largeMessage || len(m.buf) > largeMessage {
		return false
	}
	m.buf = append([]byte(nil), m.buf...)
	m.reserve(int64(cap(m.buf)))
	return true
}

// release gives back what was counted.
func (m *messages) release() {
	m.total.Add(-m.reserved)
	m.reserved, m.buf = 0, nil
}
